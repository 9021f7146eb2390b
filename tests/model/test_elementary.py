"""Powers and logarithms: how near to the true ones, and the same bits compiled as on arrays."""

from collections.abc import Callable

import numpy as np
import pytest

from crosstwin_model import elementary
from crosstwin_model.jit import njit

POWERS = np.linspace(-126.0, 127.0, 300_001).astype(np.float32)
POSITIVE = np.concatenate((2.0 ** np.linspace(-126.0, 127.9, 300_001), np.linspace(0.4, 2.5, 100_001))).astype(np.float32)

#: Half a unit in the last place of float32.
HALF_UNIT = 2.0**-24


def _compiled(function: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """``function`` number by number, in a compiled loop."""

    def loop(numbers: np.ndarray) -> np.ndarray:
        found = np.empty_like(numbers)
        for index in range(numbers.size):
            found[index] = function(numbers[index])
        return found

    return njit(loop)


@pytest.mark.parametrize(("function", "numbers"), [(elementary.exp2, POWERS), (elementary.log2, POSITIVE)])
def test_compiled_loops_give_the_bits_of_arrays(function: Callable[[np.ndarray], np.ndarray], numbers: np.ndarray) -> None:
    found = function(numbers)
    assert found.dtype == np.float32
    assert _compiled(function)(numbers).tobytes() == found.tobytes()


def test_powers_of_two_are_near_the_true_ones() -> None:
    found, true = elementary.exp2(POWERS).astype(np.float64), 2.0 ** POWERS.astype(np.float64)
    assert np.abs(found / true - 1.0).max() < 2 * HALF_UNIT
    whole = np.arange(-126, 128)
    assert (elementary.exp2(whole.astype(np.float32)) == np.ldexp(1.0, whole)).all()


def test_logarithms_are_near_the_true_ones() -> None:
    found, true = elementary.log2(POSITIVE).astype(np.float64), np.log2(POSITIVE.astype(np.float64))
    assert (np.abs(found - true) <= 4 * HALF_UNIT * np.abs(true)).all()
    whole = np.arange(-126, 128)
    assert (elementary.log2(np.ldexp(1.0, whole).astype(np.float32)) == whole).all()


def test_powers_and_the_exponential() -> None:
    base = np.linspace(0.001, 1.0, 1001).astype(np.float32)
    for exponent in (0.0, 0.5, 1.0, 2.7, 9.0):
        found = elementary.power(base, np.float32(exponent)).astype(np.float64)
        true = base.astype(np.float64) ** np.float64(np.float32(exponent))
        assert np.abs(found / true - 1.0).max() < 2 * HALF_UNIT * (1 + 2 * exponent * np.log2(1000.0))
    x = np.linspace(-20.0, 20.0, 1001)
    assert np.abs(elementary.exp(x) / np.exp(x) - 1.0).max() < 2 * HALF_UNIT * (1 + 20 * elementary.LOG2_E)


def test_what_leaves_the_normal_numbers_is_cut() -> None:
    cut = elementary.exp2(np.array([-1000.0, -127.0, 128.0, np.inf], np.float32))
    assert cut.tolist() == [2.0**-126, 2.0**-126, 2.0**127, 2.0**127]
    assert elementary.log2(np.array([0.0, 1e-45], np.float32)).tolist() == [-126.0, -126.0]
    assert elementary.power(np.float32(0.0), np.float32(2.0)) == np.float32(2.0**-126)
