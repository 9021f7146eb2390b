"""Shift registers: the steps of the contract, full periods, and seeds."""

from __future__ import annotations

import gc
import math
import warnings
from itertools import combinations

import numpy as np
import pytest

from crosstwin_hdl.lfsr import COLUMN_LINE_TAPS, COLUMN_TAPS, ROW_LINE_TAPS, ROW_TAPS, Lfsr, line_hash, line_reset

ALL_TAPS = (ROW_TAPS, COLUMN_TAPS, ROW_LINE_TAPS, COLUMN_LINE_TAPS)
#: Prime factors of 2^width - 1, from factor tables; the test multiplies them out.
FACTORS = {31: (2147483647,), 29: (233, 1103, 2089), 17: (131071,), 19: (524287,)}


def shift(state, taps):
    """One shift, as docs/controller.md writes it."""
    new = 0
    for tap in taps:
        new ^= state >> (tap - 1) & 1
    return (state << 1 | new) & ((1 << taps[0]) - 1)


def power(taps, exponent):
    """Return the matrix over GF(2) that does ``exponent`` shifts."""
    width = taps[0]
    columns = [[shift(1 << bit, taps) >> row & 1 for row in range(width)] for bit in range(width)]
    base, result = np.array(columns).T, np.eye(width, dtype=int)
    while exponent:
        if exponent & 1:
            result = result @ base & 1
        base = base @ base & 1
        exponent >>= 1
    return result


@pytest.mark.parametrize("taps", ALL_TAPS)
def test_period_is_the_longest_possible(taps):
    """All 2^w - 1 states but 0 lie on one cycle: the order of the shift's matrix is 2^w - 1, and no proper divisor of it."""
    width = taps[0]
    period = (1 << width) - 1
    assert math.prod(FACTORS[width]) == period
    identity = np.eye(width, dtype=int)
    assert np.array_equal(power(taps, period), identity)
    for factor in FACTORS[width]:
        assert not np.array_equal(power(taps, period // factor), identity)


def test_periods_are_coprime_and_share_nothing_with_bl():
    """No two of the four LFSRs, and no LFSR and a BL, run in step."""
    periods = [(1 << taps[0]) - 1 for taps in ALL_TAPS]
    assert all(math.gcd(a, b) == 1 for a, b in combinations(periods, 2))
    assert all(math.gcd(period, bl * shifts) == 1 for period in periods for bl in range(1, 129) for shifts in range(4, 9))


@pytest.mark.parametrize("shifts", [4, 5, 8])
@pytest.mark.parametrize("taps", ALL_TAPS)
def test_advance_is_that_many_shifts(simulate, taps, shifts):
    """``state`` follows the reference, and a load goes before an advance."""
    lfsr = Lfsr(taps=taps, shifts=shifts, init=0x1A5B7)

    async def testbench(ctx):
        expected = 0x1A5B7
        for cycle in range(60):
            load, advance = cycle == 40, cycle % 3 != 0
            ctx.set(lfsr.load, load)
            ctx.set(lfsr.seed, 0x12345)
            ctx.set(lfsr.advance, advance)
            assert ctx.get(lfsr.state) == expected
            if load:
                expected = 0x12345
            elif advance:
                for _ in range(shifts):
                    expected = shift(expected, taps)
            await ctx.tick()

    simulate(lfsr, testbench)


@pytest.mark.parametrize("init", [0, 1 << 17, -1])
def test_state_that_cannot_leave_zero_is_refused(init):
    """The sentence names the value and what is allowed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Amaranth warns of the half-made component when it is collected
        with pytest.raises(ValueError, match=rf"^init is {init}; allowed are 1 to 2\*\*17 - 1"):
            Lfsr(taps=ROW_LINE_TAPS, shifts=8, init=init)
        gc.collect()


def test_hash_is_the_published_mixing_function():
    """Check values of MurmurHash3's 32-bit finalizer at 0x9E3779B9 and at twice that, modulo 2^32."""
    assert line_hash(0, 32) == 0x92CA2F0E
    assert line_hash(1, 32) == 0x3CD6E3F3
    assert line_hash(0, 17) == 0x92CA2F0E & 0x1FFFF


@pytest.mark.parametrize(("width", "odd"), [(17, False), (19, True)])
def test_line_seeds_are_never_zero_and_differ(width, odd):
    """Every line of the largest tile has a seed other than 0, whatever is written, and few lines share one."""
    for seed in (1, 0x2545F491, 0x7FFFFFFF):
        seeds = [line_reset(seed, line, width=width, odd=odd) for line in range(2048)]
        assert all(seed >> (width - 1) == 1 for seed in seeds)
        assert len(set(seeds)) > 2000
