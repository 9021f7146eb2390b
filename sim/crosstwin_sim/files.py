"""Files that are written whole or not at all."""

from __future__ import annotations

import json
import os
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
        if not isinstance(error, OSError):
            raise
        raise CrosstwinError(f"{path} cannot be written: {error.strerror}") from None


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write a file, as :func:`whole_file` does."""
    with whole_file(path) as file:
        file.write(content)


def write_text(path: str | Path, text: str) -> None:
    """Write a text file in UTF-8, as :func:`write_bytes` does."""
    write_bytes(path, text.encode())


def write_json(path: str | Path, document: object) -> None:
    """Write a JSON file, as :func:`write_bytes` does; NaN and infinities are refused, as JSON has none.

    Raises
    ------
    ValueError
        If the document holds NaN or an infinity.
    """
    write_text(path, json.dumps(document, indent=2, allow_nan=False) + "\n")
