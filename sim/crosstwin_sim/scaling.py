"""From floats to codes and full scales, and back: the one place that knows the units of the controller and of the converters.

A vector's code is its float over the largest magnitude in the vector, times the read window, so that the same codes serve a read
and an update. In an update a row of code c fires with probability min(|c| / F, 1), F its side's full scale, and a cell sees
``BL * p * q`` coincidences on average (docs/controller.md, Firing). :func:`plan_update` chooses BL and both full scales so that
this count times the device's step is the update asked for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba.core import types
from numba.extending import register_jitable
from numpy.typing import NDArray

from crosstwin_model.jit import njit, njit_only
from crosstwin_model.numbers import LARGEST, float_array, real_array

Floats = NDArray[np.float64]
Codes = NDArray[np.int16]

#: The bits of a float64 without its sign, and those of infinity.
_MAGNITUDE, _INFINITY = np.uint64((1 << 63) - 1), np.uint64(0x7FF << 52)

#: Below it the largest code over a magnitude may overflow.
_SMALLEST = 1e-300

#: Analog gains of a read are 2**0 to 2**(GAINS - 1).
GAINS = 16


@dataclass(frozen=True)
class Converters:
    """What the host must know of the array's converters.

    Parameters
    ----------
    input_full_scale : int
        Signed clock cycles at read level that stand for an input of 1.
    adc_range : float
        Largest output, in units of (input x conductance), that the ADC sees at gain 0.
    """

    input_full_scale: int = 63
    adc_range: float = 12.0


class UpdatePlan(NamedTuple):
    """Settings of one UPDATE: slots a quadrant, the largest codes of both sides, and their full scales."""

    bl: int
    x_top: int
    d_top: int
    x_full_scale: int
    d_full_scale: int


@njit_only(types.float64(types.float64[::1]))
def largest_magnitude(values: Floats) -> float:
    """Return the largest magnitude, infinity where a number is not finite."""
    # Bits without their sign are in the order of the numbers, what is not finite above the rest: a loop for vector instructions.
    words = values.view(np.uint64)
    top = np.uint64(0)
    for line in range(values.size):
        top = max(top, words[line] & _MAGNITUDE)
    return float(np.uint64(min(top, _INFINITY)).view(np.float64))


def vector(name: str, values: npt.ArrayLike, length: int) -> tuple[Floats, float]:
    """Return a vector of any real numbers as compiled functions take it, and its largest magnitude.

    Raises
    ------
    ValueError
        If it is no vector of that length, or its numbers are not as :func:`crosstwin_model.numbers.real_array` takes them.
    """
    array = float_array(name, values, (length,))
    largest = largest_magnitude(array)
    if largest > LARGEST:
        real_array(name, array)  # says which number it is
    return array, largest


@register_jitable
def fill_codes(codes: Any, values: Any, largest: Any, top: Any) -> None:
    """Do what :func:`to_codes` does with memory that is given."""
    if largest < _SMALLEST:
        for line in range(values.size):
            codes[line] = np.int16(np.rint(values[line] / largest * top))
        return
    scale = top / largest
    for line in range(values.size):
        codes[line] = np.int16(np.rint(values[line] * scale))


@njit_only(types.int16[::1](types.float64[::1], types.float64, types.int64))
def to_codes(values: Floats, largest: float, top: int) -> Codes:
    """Return the codes of a vector whose largest magnitude is ``largest`` (> 0): that one becomes ``top``, none is larger."""
    codes = np.empty(values.size, np.int16)
    fill_codes(codes, values, largest, top)
    return codes


def adc_step(converters: Converters, adc_max: int, gain: int) -> float:
    """Return the output that one ADC code stands for, with the analog gain 2**gain before the ADC."""
    return converters.adc_range / adc_max / (1 << gain)


@njit
def _share(count: float, bl_min: int, bl_max: int) -> tuple[int, float]:
    """Return BL and the probability of both sides' largest lines."""
    bl = 1
    while bl < count and bl < bl_max:
        bl *= 2
    bl = min(max(bl, bl_min), bl_max)
    return bl, math.sqrt(min(count / bl, 1.0))


@njit
def _whole(value: float, largest: int) -> int:
    """Return the nearest whole number from 1 to the largest."""
    return int(min(max(np.rint(value), 1.0), float(largest)))


@njit
def plan_update(count: float, top: int, bl_min: int, bl_max: int, full_scale_max: int) -> UpdatePlan:
    """Choose BL and the full scales so that the cell of both largest codes sees ``count`` coincidences on average.

    Both sides' largest lines get the same probability sqrt(count / BL), which is update management: k_x scaled by sqrt(m), k_d
    by 1 / sqrt(m), m = max|d| / max|x| (Gokmen and Vlasov 2016). BL is the smallest power of two that keeps it at most 1. Where
    ``bl_max`` does not, rows keep probability 1 for their largest code and the columns' larger codes saturate.

    Parameters
    ----------
    count : float
        Average coincidences wanted where both codes are largest, above 0; the smallest possible one is given for less than it.
    top : int
        Largest code of either side, at least 1.
    bl_min, bl_max : int
        Range of BL.
    full_scale_max : int
        Largest value of a full-scale register.
    """
    bl, share = _share(count, bl_min, bl_max)
    x_full_scale = _whole(top / share, full_scale_max)
    return UpdatePlan(bl, top, top, x_full_scale, _whole(top * top * bl / (count * x_full_scale), full_scale_max))


@njit
def plan_update_per_line(count: float, code_max: int, bl_min: int, bl_max: int) -> UpdatePlan:
    """Do the same for the source ``lfsr_per_line``, whose full scales are fixed: here the codes carry the probabilities."""
    bl, share = _share(count, bl_min, bl_max)
    unity = code_max + 1
    x_top = _whole(unity * share, code_max)
    d_top = _whole(unity * unity * count / (bl * x_top), code_max)
    return UpdatePlan(bl, x_top, d_top, unity, unity)


def plan_transfer(count: float, bl_max: int, full_scale_max: int) -> tuple[int, int]:
    """Return TRANSFER_BL and TRANSFER_FULL_SCALE for ``count`` coincidences per ADC code and transfer on average.

    BL is ``bl_max``, halved as often as the full scale needs to fit its register.

    Raises
    ------
    ValueError
        If it fits with no BL.
    """
    bl = bl_max
    while bl > 1 and bl / count > full_scale_max:
        bl //= 2
    full_scale = round(bl / count)
    if not 1 <= full_scale <= full_scale_max:
        raise ValueError(
            f"the transfer rate needs a full scale of {full_scale} ADC codes; allowed are 1 to {full_scale_max}: "
            "change the rate, the transfer gain or transfer_bl"
        )
    return bl, full_scale


def plan_transfer_per_line(count: float, bl_max: int, code_max: int) -> tuple[int, int]:
    """Do the same for the source ``lfsr_per_line``, whose full scale is fixed: BL alone carries the rate.

    Raises
    ------
    ValueError
        If it does not fit.
    """
    unity = code_max + 1
    bl = round(count * unity)
    if not 1 <= bl <= bl_max:
        raise ValueError(
            f"the transfer rate needs a BL of {bl} with the source lfsr_per_line; allowed are 1 to {bl_max}: "
            "change the rate, the transfer gain or transfer_bl"
        )
    return bl, unity
