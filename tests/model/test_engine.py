"""The pulse engine against the laws it promises: firing probabilities, unbiased coincidences, and their error."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosstwin_model.config import SOURCE_NAMES, ControllerConfig, Source
from crosstwin_model.engine import Generators, count_bits, line_signs, prefix_words, shared_words, slot_masks, thresholds
from crosstwin_model.registers import SEED_RESET


def _generators(bits: int = 8, lines: int = 64) -> Generators:
    config = ControllerConfig("engine", lines, lines, code_bits=bits, bl_max=min(128, 1 << bits), sources=SOURCE_NAMES)
    return Generators(config, SEED_RESET)


def _coincidences(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    return np.bitwise_count(rows[:, None, :] & columns[None, :, :]).sum(axis=-1, dtype=np.int64)


@given(code=st.integers(0, 255), full_scale=st.integers(1, 4095))
def test_a_code_fires_in_its_share_of_the_slots(code: int, full_scale: int) -> None:
    fires = int((code >= thresholds(np.arange(256, dtype=np.uint16), full_scale, 8)).sum())
    if code >= full_scale:
        assert fires == 256
    elif code == 0:
        assert fires == 0
    else:  # floor(F / 2) moves the rounding by less than half a number where F is odd
        assert abs(fires - 256 * code / full_scale) <= 0.5 + 0.5 / full_scale


def test_at_unity_full_scale_a_code_fires_in_exactly_its_number_of_slots() -> None:
    limits = thresholds(np.arange(256, dtype=np.uint16), 256, 8)
    assert [int((code >= limits).sum()) for code in range(256)] == list(range(256))


@pytest.mark.parametrize("bl", [1, 3, 8, 13, 16])
def test_hammersley_is_unbiased_over_its_masks(bl: int) -> None:
    """Over all pairs of masks a cell's coincidences add up to exactly BL p q."""
    generators = _generators(bits=4, lines=16)
    codes = np.arange(16, dtype=np.int16)
    total = np.zeros((16, 16), np.int64)
    for mask_x in range(16):
        for mask_d in range(16):
            generators.masks = (mask_x, mask_d)
            _, _, rows, columns = generators.trains(Source.HAMMERSLEY, bl, bl, (codes, codes), (16, 16))
            total += _coincidences(rows, columns)
    np.testing.assert_array_equal(total, bl * np.outer(codes, codes))


@pytest.mark.parametrize(
    ("source", "low", "high"),
    [(Source.HAMMERSLEY, 0.0, 0.020), (Source.LFSR, 0.055, 0.075), (Source.LFSR_PER_LINE, 0.055, 0.075)],
)
def test_coincidence_error_at_bl_32(source: Source, low: float, high: float) -> None:
    """Root mean square over 64 x 64 cells of coincidences / BL - p q; independent Bernoulli lines would give 0.067."""
    rng = np.random.default_rng(1)
    generators = _generators()
    squares = []
    for _ in range(100):
        x, d = (rng.integers(0, 256, 64).astype(np.int16) for _ in range(2))
        generators.draw_masks()
        _, _, rows, columns = generators.trains(source, 32, 32, (x, d), (256, 256))
        squares.append(np.mean((_coincidences(rows, columns) / 32 - np.outer(x / 256, d / 256)) ** 2))
    assert low <= np.sqrt(np.mean(squares)) <= high


@given(x=st.lists(st.integers(0, 255), min_size=1, max_size=5), d=st.lists(st.integers(0, 255), min_size=1, max_size=5))
def test_count_gives_the_smaller_code(x: list[int], d: list[int]) -> None:
    generators = _generators()
    codes = np.array(x, np.int16), np.array(d, np.int16)
    _, _, rows, columns = generators.trains(Source.COUNT, 128, 128, codes, (256, 256))
    np.testing.assert_array_equal(_coincidences(rows, columns), np.minimum(np.minimum.outer(x, d), 128))


@given(codes=st.lists(st.integers(-255, 255), min_size=1, max_size=70), slots=st.integers(1, 128), seed=st.integers(0, 99))
def test_words_and_their_transpose_say_the_same(codes: list[int], slots: int, seed: int) -> None:
    limits = np.random.default_rng(seed).integers(1, 257, slots).astype(np.int16)
    words = shared_words(np.array(codes, np.int16), limits)
    masks = slot_masks(words, slots)
    for k, mask in enumerate(masks):
        assert mask == sum((abs(code) >= int(limits[k])) << line for line, code in enumerate(codes))
    signs = line_signs(np.array(codes, np.int16))
    assert signs.tolist() == np.sign(codes).tolist()
    assert list(count_bits(words, signs)) == [
        sum(mask >> line & 1 for mask in masks for line, code in enumerate(codes) if sign * code > 0) for sign in (1, -1)
    ]


def test_prefix_words_have_just_the_first_slots() -> None:
    assert prefix_words(70, 2).tolist() == [(1 << 64) - 1, 63]
    assert prefix_words(0, 1).tolist() == [0]


def test_lfsr_advances_once_a_slot_and_masks_once_an_operation() -> None:
    generators = _generators()
    whole = _generators().numbers(0, Source.LFSR, 20, 20)
    parts = np.concatenate([generators.numbers(0, Source.LFSR, 20, slots) for slots in (3, 0, 17)])
    np.testing.assert_array_equal(whole, parts)
    fresh = _generators()
    fresh.draw_masks()
    assert fresh.masks == (SEED_RESET[0] & 0xFF, SEED_RESET[1] & 0xFF)
    assert fresh.numbers(0, Source.LFSR, 1, 1)[0] == whole[1]
