"""Slots as words."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosstwin_model.coincidence import coincidences, pack, transpose, unpack, words_for

SIZES = st.integers(1, 130)


def _bits(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).random(shape) < 0.4


@pytest.mark.parametrize(("bits", "words"), [(1, 1), (64, 1), (65, 2), (128, 2), (129, 3)])
def test_words_for(bits: int, words: int) -> None:
    assert words_for(bits) == words


def test_bit_k_is_slot_k() -> None:
    bits = np.zeros((1, 70), bool)
    bits[0, [0, 5, 63, 64, 69]] = True
    assert pack(bits).tolist() == [[1 | 1 << 5 | 1 << 63, 1 | 1 << 5]]


@given(SIZES, SIZES, st.integers(0, 99))
def test_packing_and_transposing_lose_nothing(lines: int, slots: int, seed: int) -> None:
    bits = _bits(seed, lines, slots)
    words = pack(bits)
    assert words.dtype == np.uint64
    assert (unpack(words, slots) == bits).all()
    assert (transpose(words, slots) == pack(bits.T)).all()


@given(SIZES, SIZES, SIZES, st.integers(0, 99))
def test_coincidences_are_the_product_of_the_patterns(rows: int, columns: int, slots: int, seed: int) -> None:
    row_bits, column_bits = _bits(seed, rows, slots), _bits(seed + 1, columns, slots)
    assert (coincidences(pack(row_bits), pack(column_bits)) == row_bits.astype(int) @ column_bits.T.astype(int)).all()
