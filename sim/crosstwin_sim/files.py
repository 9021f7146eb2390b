"""Files and folders that are written whole or not at all."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from .errors import CrosstwinError


@contextmanager
def whole_file(path: str | Path) -> Iterator[BinaryIO]:
    """Yield a file to be written, so that a reader, or a crash in the middle, finds the old content or the new, never a part.

    What exists and is no regular file (a pipe, ``/dev/stdout``) is written directly.

    Raises
    ------
    CrosstwinError
        If the file cannot be written; what was there before is then untouched, as it is after any other error.
    BrokenPipeError
        If it is a pipe whose reader has closed it.
    """
    if not str(path):
        raise CrosstwinError("'' cannot be written: a file needs a name")
    given = Path(path)
    # The link is followed, so that it stays one; what /dev/stdout leads to may be a pipe, which has no path to follow to.
    target = Path(os.path.realpath(given))
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        if given.is_dir():
            raise IsADirectoryError(0, "it is a folder")
        if given.exists() and (not given.is_file() or given.is_relative_to("/dev")):
            with open(given, "wb") as file:
                yield file
            return
        with open(part, "wb") as file:
            yield file
        os.replace(part, target)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if not isinstance(error, OSError) or isinstance(error, BrokenPipeError):
            raise
        raise CrosstwinError(f"{path} cannot be written: {error.strerror}") from None


@contextmanager
def whole_folder(path: str | Path, what: str) -> Iterator[Path]:
    """Yield an empty folder to be filled, whose content comes to the folder of that path when all of it is written.

    A folder that is missing is made, with those above it. In one that is there, what has the same names is replaced, and the rest
    is left alone.

    Parameters
    ----------
    path : str or Path
        The folder.
    what : str
        What it is for, in the words of the error.

    Raises
    ------
    CrosstwinError
        If it cannot be written; what was there before is then untouched, as it is after any other error.
    """
    target = Path(os.path.realpath(path))
    if not str(path) or (target.exists() and not target.is_dir()):
        raise CrosstwinError(f"{str(path)!r} cannot be written: {what} needs a folder")
    # Within the folder that is there, or above it: what is renamed must stay on one file system.
    near = next(folder for folder in (target, *target.parents) if folder.exists())
    try:
        with tempfile.TemporaryDirectory(prefix=".crosstwin-", dir=near) as name:
            made = Path(name) / "made"  # with the permissions of a new folder, which a temporary one has not
            made.mkdir()
            try:
                yield made
            except CrosstwinError as error:  # of a file in it, which is known by the name that it was to have
                raise CrosstwinError(str(error).replace(str(made), str(path))) from None
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                os.replace(made, target)
                return
            for part in sorted(made.iterdir()):
                if (target / part.name).is_dir():
                    shutil.rmtree(target / part.name)
                os.replace(part, target / part.name)
    except OSError as error:
        raise CrosstwinError(f"{path} cannot be written: {_reason(error)}") from None


def _reason(error: OSError) -> str:
    """Return the system's words; shutil hides them in a list of what it did not copy."""
    if isinstance(error, shutil.Error):
        _, _, text = error.args[0][0]
        return re.sub(r"\[Errno \d+\] |: '.*", "", str(text))
    return error.strerror or str(error)


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write a file, as :func:`whole_file` does."""
    with whole_file(path) as file:
        file.write(content)


def write_text(path: str | Path, text: str) -> None:
    """Write a text file in UTF-8, as :func:`write_bytes` does."""
    write_bytes(path, text.encode())


def shown_name(path: str | Path) -> str:
    """Return a file's name for documents and figures, whatever encoding the system has: as UTF-8, with marks for what is none."""
    return os.fsencode(Path(path).name).decode(errors="replace")


def write_json(path: str | Path, document: object) -> None:
    """Write a JSON file, as :func:`write_bytes` does; NaN and infinities are refused, as JSON has none.

    Raises
    ------
    ValueError
        If the document holds NaN or an infinity.
    """
    write_text(path, json.dumps(document, indent=2, allow_nan=False) + "\n")
