"""Reproducible noise: pinned values, and the statistics that a result may lean on."""

import hashlib

import numpy as np
import pytest

from crosstwin_model.noise import NORMAL, QUANTILES, Purpose, draw_bits, draw_normal, stream

KEYS = stream(5, Purpose.PULSE, 3)


def test_the_table_is_the_same_on_every_machine() -> None:
    digest = hashlib.sha256(NORMAL.astype("<f4").tobytes()).hexdigest()
    assert digest == "83d418f5561d4500a1b15aeed150cd16fc32c041a64ae0af81de14c3018f895d"


def test_draws_are_the_same_for_ever() -> None:
    assert stream(0, Purpose.PULSE).tolist() == [3494342123, 2853946566]
    assert draw_bits(stream(1, Purpose.ADC, 2), [0, 1, 4_000_000_000], [7]).tolist() == [1987931385, 3359745315, 4071196541]


def test_the_table_is_standard_normal_on_a_coarse_grid() -> None:
    table = NORMAL.astype(np.float64)
    assert table.size == QUANTILES
    assert (table * 65536 == np.rint(table * 65536)).all()
    assert (np.diff(table) > 0).all()
    assert (table == -table[::-1]).all()
    assert table.var() == pytest.approx(1.0, abs=1e-5)
    assert (table**4).mean() == pytest.approx(3.0, abs=0.02)
    assert table[QUANTILES * 3 // 4] == pytest.approx(0.6745, abs=5e-4)


@pytest.mark.parametrize("along", ["index", "count"])
def test_all_quantiles_are_drawn_equally_often(along: str) -> None:
    many, few = np.arange(1 << 18), np.arange(4)[:, None]
    bits = draw_bits(KEYS, many, few) if along == "index" else draw_bits(KEYS, few, many)
    counts = np.bincount((bits >> np.uint32(20)).ravel(), minlength=QUANTILES)
    expected = bits.size / QUANTILES
    chi_square = ((counts - expected) ** 2 / expected).sum()
    assert abs(chi_square - (QUANTILES - 1)) < 4 * np.sqrt(2 * QUANTILES)


def test_neighbours_of_every_kind_are_uncorrelated() -> None:
    size = 1 << 16
    index, count = np.arange(256)[:, None], np.arange(256)[None, :]
    here = draw_normal(KEYS, index, count).astype(np.float64)
    others = {
        "the next cell": draw_normal(KEYS, index + 1, count),
        "the cell below": draw_normal(KEYS, index + 32, count),
        "the next pulse": draw_normal(KEYS, index, count + 1),
        "the pulse after 32": draw_normal(KEYS, index, count + 32),
        "another tile": draw_normal(stream(5, Purpose.PULSE, 4), index, count),
        "another seed": draw_normal(stream(6, Purpose.PULSE, 3), index, count),
        "another purpose": draw_normal(stream(5, Purpose.DEVICE, 3), index, count),
    }
    for name, other in others.items():
        assert abs((here * other).mean()) < 4 / np.sqrt(size), name
        assert abs(((here**2 - 1) * (other.astype(np.float64) ** 2 - 1)).mean()) < 4 * 2 / np.sqrt(size), name


def test_no_two_cells_share_a_sequence() -> None:
    starts = draw_bits(KEYS, np.arange(100_000), np.arange(2)[:, None]).astype(np.uint64)
    pairs = starts[0] << np.uint64(32) | starts[1]
    assert np.unique(pairs).size == pairs.size


def test_a_draw_does_not_depend_on_how_it_is_asked_for() -> None:
    grid = draw_bits(KEYS, np.arange(5)[:, None], np.arange(7)[None, :])
    assert grid.shape == (5, 7)
    assert [[int(draw_bits(KEYS, i, k)) for k in range(7)] for i in range(5)] == grid.tolist()
