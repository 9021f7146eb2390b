"""The compiled loops of an emulated array: pulses and reads in whole numbers, as docs/emulated_array.md writes them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.extending import register_jitable

from crosstwin_model import emulated_cells
from crosstwin_model.bits import lowest_bit
from crosstwin_model.emulated_config import ADC_NOISE_FRACTION, BYTES_MEAN, NOISE_FRACTION
from crosstwin_model.jit import njit

_STEP_1, _STEP_2, _STEP_3, _STEP_4, _STEP_5, _STEP_6 = (np.uint32(step) for step in emulated_cells.STEPS)
_GOLDEN = np.uint32(emulated_cells.GOLDEN)
_SECOND = np.uint32(emulated_cells.SECOND_SHIFT)
_NONE, _ONE = np.uint64(0), np.uint64(1)
_MEAN = np.int64(BYTES_MEAN)
_UNITY = np.int64(1 << NOISE_FRACTION)
_HALF = np.int64(1 << (NOISE_FRACTION - 1))
_FRACTION = np.int64(NOISE_FRACTION)
_ADC_FRACTION = np.int64(ADC_NOISE_FRACTION)
#: What a sum is cut to before it is scaled.
_LARGEST = np.int64((1 << 17) - 1)


@register_jitable  # type: ignore[untyped-decorator]
def _bytes(key: Any, index: Any) -> Any:
    """The sum of the bytes of :func:`crosstwin_model.emulated_cells.draw`, less its mean."""
    i = np.uint32(index)
    a = np.uint32(np.uint32(key ^ i) ^ np.uint32(i << np.uint32(16)))
    a = np.uint32(np.uint32(a + _STEP_1) + np.uint32(a << np.uint32(12)))
    a = np.uint32(np.uint32(np.uint32(a ^ _STEP_2) ^ np.uint32(a >> np.uint32(19))) ^ np.uint32(i << _SECOND))
    a = np.uint32(np.uint32(a + _STEP_3) + np.uint32(a << np.uint32(5)))
    a = np.uint32(np.uint32(a + _STEP_4) ^ np.uint32(a << np.uint32(9)))
    a = np.uint32(np.uint32(a + _STEP_5) + np.uint32(a << np.uint32(3)))
    a = np.uint32(np.uint32(a ^ _STEP_6) ^ np.uint32(a >> np.uint32(16)))
    low = np.uint32(a & np.uint32(0x00FF00FF)) + np.uint32(np.uint32(a >> np.uint32(8)) & np.uint32(0x00FF00FF))
    return np.int64(low & np.uint32(0xFFFF)) + np.int64(low >> np.uint32(16)) - _MEAN


@njit
def pulse(
    state: Any,
    cells: Any,
    first: int,
    stride: int,
    key: Any,
    factors: Any,
    x_signs: Any,
    d_signs: Any,
    row_words: Any,
    column_words: Any,
) -> Any:
    """Apply an update to a tile and return in how many slots there was a coincidence.

    Parameters
    ----------
    state : int32[rows, columns]
        Changed in place.
    cells : int32[rows, columns, 4]
        Slopes up and down, upper and lower bound.
    first, stride : int
        Number of the tile's first cell, and how much a row's cells count for.
    key : uint32
        Of the next slot's noise.
    factors : int64[3]
        Shift of the first product, shift of the second, factor of the noise.
    x_signs, d_signs, row_words, column_words
        As :meth:`crosstwin_model.plant.Plant.update` says.
    """
    rows, columns = state.shape
    sides, words = row_words.shape[0], row_words.shape[2]
    step_shift, shift, noise_factor = factors[0], factors[1], factors[2]
    rounding = np.int64(1) << (shift - np.int64(1))
    numbers = np.empty(64 * words, np.uint32)
    slots = np.int64(0)
    for quadrant in range(4):
        x = 1 if quadrant % 2 == 0 else -1
        up = quadrant < 2
        d = x if up else -x
        r = row_words[sides - 1 if d < 0 else 0]
        c = column_words[sides - 1 if x < 0 else 0]
        for word in range(words):
            any_row, any_column = _NONE, _NONE
            for i in range(rows):
                if x_signs[i] == x:
                    any_row |= r[i, word]
            for j in range(columns):
                if d_signs[j] == d:
                    any_column |= c[j, word]
            rest = any_row & any_column
            while rest != _NONE:
                numbers[np.uint64(64 * word) + lowest_bit(rest)] = np.uint32(key + np.uint32(np.uint32(slots) * _GOLDEN))
                slots += np.int64(1)
                rest &= rest - _ONE
        for i in range(rows):
            if x_signs[i] != x:
                continue
            for word in range(words):
                fired = r[i, word]
                if fired == _NONE:
                    continue
                for j in range(columns):
                    hits = fired & c[j, word]
                    if hits == _NONE or d_signs[j] != d:
                        continue
                    w = np.int64(state[i, j])
                    high, low = np.int64(cells[i, j, 2]), np.int64(cells[i, j, 3])
                    slope = np.int64(cells[i, j, 0] if up else cells[i, j, 1])
                    index = first + i * stride + j
                    while hits != _NONE:
                        bits = _bytes(numbers[np.uint64(64 * word) + lowest_bit(hits)], index)
                        hits &= hits - _ONE
                        noise = _UNITY + ((bits * noise_factor + _HALF) >> _FRACTION)
                        mean = ((high - w if up else w - low) * slope) >> step_shift
                        step = (mean * noise + rounding) >> shift
                        w = w + step if up else w - step
                        w = min(max(w, low), high)
                    state[i, j] = np.int32(w)
    return slots


@njit
def read(state: Any, reference: Any, forward: bool, charge: Any, gain: int, scale: Any, key: Any, codes: Any) -> None:
    """Fill ``codes`` with the ADC codes of the first sensed lines.

    Parameters
    ----------
    state, reference : int32[rows, columns]
        The second has no rows where nothing is subtracted.
    forward : bool
        Rows are driven.
    charge : int32[driven]
    gain : int
    scale : int64[5]
        Shift, factor, factor of the noise, bits of the fraction, largest code.
    key : uint32
        Of the read's noise.
    codes : int32[count]
    """
    rows, columns = state.shape
    differential = reference.shape[0] > 0
    sums = np.zeros(columns if forward else rows, np.int64)
    for i in range(rows):
        if forward:
            units = np.int64(charge[i])
            if units == 0:
                continue
            for j in range(columns):
                sums[j] += units * np.int64(state[i, j])
            if differential:
                for j in range(columns):
                    sums[j] -= units * np.int64(reference[i, j])
        else:
            total = np.int64(0)
            for j in range(columns):
                total += np.int64(charge[j]) * np.int64(state[i, j])
            if differential:
                for j in range(columns):
                    total -= np.int64(charge[j]) * np.int64(reference[i, j])
            sums[i] = total
    for line in range(codes.size):
        value = (sums[line] << np.int64(gain)) >> scale[0]
        value = min(max(value, -_LARGEST), _LARGEST)
        noise = (_bytes(key, line) * scale[2]) << (scale[3] - _ADC_FRACTION)
        code = (value * scale[1] + noise + (np.int64(1) << (scale[3] - np.int64(1)))) >> scale[3]
        codes[line] = np.int32(min(max(code, -scale[4]), scale[4]))
