"""Powers and logarithms in float32, from additions, multiplications, divisions and bit casts only.

The mathematics libraries of two machines differ in the last bit, and so would the model's results. These functions give the same
bits everywhere, compiled by numba or on numpy arrays: every operation is rounded to float32 in the order written, none is
contracted, and there are no branches, so that compiled loops can work on several numbers at once (compiled code looks for a zero
before a ``/``, not before ``np.divide``). The polynomial of :func:`exp2` was fitted for the smallest largest relative error.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba.extending import register_jitable

#: Exponents beyond these would leave the normal float32 numbers.
EXP2_LOWEST = np.float32(-126.0)
EXP2_HIGHEST = np.float32(127.0)
#: The smallest normal float32 number; :func:`log2` takes smaller ones for it.
SMALLEST = np.float32(2.0**-126)

#: The logarithm of e to the base 2.
LOG2_E = 1.4426950408889634

#: Adding 1.5 x 2**23 rounds to a whole number, which then stands in the lowest bits.
_ROUND = np.float32(12582912.0)
_ROUND_BITS = np.int32(0x4B400000)
_BIAS = np.int32(127)
_MANTISSA = np.int32(23)
#: The bits of sqrt(1/2): exponents change there, so that the rest of a number is within sqrt(1/2) to sqrt(2).
_ROOT_BITS = np.int32(0x3F3504F3)
_ONE = np.float32(1.0)
_TWO = np.float32(2.0)

#: 2**f for f within +-1/2, lowest power first.
_E0 = np.float32(1.0)
_E1 = np.float32(0.6931471824645996)
_E2 = np.float32(0.24022646248340607)
_E3 = np.float32(0.05550328642129898)
_E4 = np.float32(0.009618489071726799)
_E5 = np.float32(0.0013399930903688073)
_E6 = np.float32(0.00015345810970757157)

#: The series of log2((1 + s) / (1 - s)) / s in s**2: 2 / ln 2 over 1, 3, 5, 7, 9.
_L0 = np.float32(2.8853900817779268)
_L1 = np.float32(0.9617966939259756)
_L2 = np.float32(0.5770780163555854)
_L3 = np.float32(0.4121985831111324)
_L4 = np.float32(0.3205988979753252)


@register_jitable  # type: ignore[untyped-decorator]
def exp2(x: Any) -> Any:
    """Return 2**x, a float32 or an array of them; x is cut to :data:`EXP2_LOWEST` to :data:`EXP2_HIGHEST`."""
    x = np.minimum(np.maximum(x, EXP2_LOWEST), EXP2_HIGHEST)
    rounded = x + _ROUND
    rest = x - (rounded - _ROUND)
    power = _E6 * rest
    power = (power + _E5) * rest
    power = (power + _E4) * rest
    power = (power + _E3) * rest
    power = (power + _E2) * rest
    power = (power + _E1) * rest
    power = power + _E0
    exponent = np.int32(np.float32(rounded).view(np.int32) - _ROUND_BITS)
    scale = np.int32(np.int32(exponent + _BIAS) << _MANTISSA)
    return power * scale.view(np.float32)


@register_jitable  # type: ignore[untyped-decorator]
def log2(x: Any) -> Any:
    """Return the logarithm to the base 2 of a float32 or an array of them; x below :data:`SMALLEST` counts as that."""
    bits = np.float32(np.maximum(x, SMALLEST)).view(np.int32)
    exponent = np.int32(np.int32(bits - _ROOT_BITS) >> _MANTISSA)
    mantissa = np.int32(bits - np.int32(exponent << _MANTISSA)).view(np.float32)
    rest = mantissa - _ONE
    ratio = np.divide(rest, rest + _TWO)
    square = ratio * ratio
    series = _L4 * square
    series = (series + _L3) * square
    series = (series + _L2) * square
    series = (series + _L1) * square
    series = (series + _L0) * ratio
    return series + np.float32(exponent)


@register_jitable  # type: ignore[untyped-decorator]
def power(base: Any, exponent: Any) -> Any:
    """Return base**exponent for base at least 0; bases below :data:`SMALLEST` count as that."""
    return exp2(exponent * log2(base))


def exp(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return e**x of an array, to float32's resolution."""
    powers: npt.NDArray[np.float64] = exp2((x * LOG2_E).astype(np.float32)).astype(np.float64)
    return powers
