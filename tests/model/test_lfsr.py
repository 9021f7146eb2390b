"""The feedback registers against number theory: their maps have the full order, so no state but 0 is on a short cycle."""

import numpy as np
import pytest

from crosstwin_model.lfsr import PER_LINE, SHARED, Polynomial, line_seeds, line_sequences, sequence

#: Prime factors of 2**bits - 1.
FACTORS = {17: (131071,), 19: (524287,), 29: (233, 1103, 2089), 31: (2147483647,)}


def _power(polynomial: Polynomial, exponent: int) -> list[int]:
    """The images of the basis states after ``exponent`` shifts, by repeated squaring of the linear map."""
    bits = polynomial.bits
    result = [1 << k for k in range(bits)]
    square = [polynomial.shift(1 << k) for k in range(bits)]

    def apply(images: list[int], state: int) -> int:
        value = 0
        for k in range(bits):
            if state >> k & 1:
                value ^= images[k]
        return value

    while exponent:
        if exponent & 1:
            result = [apply(square, state) for state in result]
        square = [apply(square, state) for state in square]
        exponent >>= 1
    return result


@pytest.mark.parametrize("polynomial", [*SHARED, *PER_LINE], ids=lambda p: f"{p.bits} bits")
def test_every_nonzero_state_is_on_one_cycle(polynomial: Polynomial) -> None:
    identity = [1 << k for k in range(polynomial.bits)]
    period = (1 << polynomial.bits) - 1
    assert _power(polynomial, period) == identity
    assert np.prod(FACTORS[polynomial.bits], dtype=object) == period
    for factor in FACTORS[polynomial.bits]:
        assert _power(polynomial, period // factor) != identity


def test_no_bl_shares_a_factor_with_a_period() -> None:
    assert all(factor > 128 for factors in FACTORS.values() for factor in factors)


@pytest.mark.parametrize("side", [0, 1])
def test_kernels_follow_the_polynomial(side: int) -> None:
    polynomial = SHARED[side]
    numbers, state = sequence(12345, polynomial.tap_mask, polynomial.bits, 8, 50)
    assert numbers.tolist() == [polynomial.shift(12345, 8 * k) & 0xFF for k in range(50)]
    assert state == polynomial.shift(12345, 400)
    states = line_seeds(side, 5, 7)
    expected = [[PER_LINE[side].shift(int(seed), 8 * k) & 0xFF for k in range(20)] for seed in states]
    assert line_sequences(states, PER_LINE[side].tap_mask, PER_LINE[side].bits, 8, 20).tolist() == expected


@pytest.mark.parametrize("seed", [1, 0x2545F491, 0x1FFFF, (1 << 31) - 1])
def test_line_seeds_are_never_zero_and_nearly_all_different(seed: int) -> None:
    for side in (0, 1):
        seeds = line_seeds(side, 256, seed)
        assert seeds.min() > 0 and seeds.max() < 1 << PER_LINE[side].bits
        assert len(set(seeds.tolist())) >= 250
