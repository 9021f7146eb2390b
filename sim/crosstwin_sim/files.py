"""Files that are written whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path

from .errors import CrosstwinError


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write a file so that a reader, or a crash in the middle, finds the old content or the new, never a part.

    What exists and is no regular file (a pipe, ``/dev/stdout``) is written directly.

    Raises
    ------
    CrosstwinError
        If the file cannot be written; what was there before is then untouched.
    """
    given = Path(path)
    # The link is followed, so that it stays one; what /dev/stdout leads to may be a pipe, which has no path to follow to.
    target = Path(os.path.realpath(given))
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        if given.is_dir():
            raise IsADirectoryError(0, "it is a folder")
        if given.exists() and (not given.is_file() or given.is_relative_to("/dev")):
            given.write_bytes(content)
            return
        part.write_bytes(content)
        os.replace(part, target)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise CrosstwinError(f"{path} cannot be written: {error.strerror}") from None


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
