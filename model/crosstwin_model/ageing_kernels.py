"""The compiled loops of time: what decay, drift and diffusion do to every cell, and the refresh of one-sided pairs.

They do exactly what :func:`crosstwin_model.reference.age` and :func:`crosstwin_model.reference.refresh` do with plain numpy.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from crosstwin_model.draws import SHIFT, cell_key, draw_bits, normal, second_key
from crosstwin_model.elementary import exp2
from crosstwin_model.grid import GRID, LIMIT
from crosstwin_model.jit import name_variant, njit
from crosstwin_model.pulse_batch import PAIR, PERSISTENT

#: Cells whose conductances stay in the first cache through all instants.
_BLOCK = 512
#: A pair is worn only if both parts are above refresh_below; this bit less of it is sure to hold before a division rounds.
_SURE = np.float32(0.9999)
_NONE = np.float32(0.0)
_GRID = np.float32(GRID)
_STEP = np.float32(1.0 / GRID)


@njit
def age(
    w: Any, rf: Any, where: Any, decays: Any, ratios: Any, counts: Any, kept: Any,
    exponents: Any, rates: Any, keys: Any, table: Any,
) -> bool:  # fmt: skip
    """Age one conductance of every cell of a tile, in place, and return whether any has changed.

    Parameters
    ----------
    w : int32[cells]
        The tile's.
    rf : float32
        Its records.
    where : uint64[4]
        The words of a record, and in it the place of what ages, 0 for w itself, and of its lower and upper bound, 0 and 0 where
        it only shrinks: bounds are then not read, which is most of the cost.
    decays : bool[n]
        Whether conductances decay, at each of the instants.
    ratios : float32[n]
        By which power of two time has grown since the last drift; 0: no drift.
    counts : uint32[n]
        Numbers of the draws of diffusion.
    kept : float64[cells or 0]
        What a decay leaves.
    exponents, rates : float32[cells or 0]
        Nu, and the standard deviation of diffusion.
    keys : uint32[2]
        Stream of diffusion.
    table : float32
        Of the noise.
    """
    words, held, lowest, highest = where[0], where[1], where[2], where[3]
    values = np.empty((3, _BLOCK), np.float32)
    draws = np.empty((2, _BLOCK), np.uint32)
    value, low, high, key, second = values[0], values[1], values[2], draws[0], draws[1]
    low[:], high[:] = -np.float32(LIMIT), np.float32(LIMIT)
    changed = False
    for first in range(0, w.size, _BLOCK):
        n = min(_BLOCK, w.size - first)
        # Slices, as the compiler does not vectorise what an index might count from the end.
        here, record = w[first : first + n], rf[words * first :]
        keep, nu, rate = kept[first : first + n], exponents[first : first + n], rates[first : first + n]
        if lowest:
            for j in range(n):
                low[j] = record[words * np.uint64(j) + lowest]
                high[j] = record[words * np.uint64(j) + highest]
        if held:
            for j in range(n):
                value[j] = record[words * np.uint64(j) + held]
        else:
            for j in range(n):
                value[j] = np.float32(here[j]) * _STEP
        for j in range(rate.size):
            key[j] = cell_key(keys, first + j)
            second[j] = second_key(keys, key[j])
        for instant in range(decays.size):
            if decays[instant]:
                for j in range(n):
                    moved = np.rint(np.float32(np.float64(value[j]) * keep[j]) * _GRID) * _STEP
                    moved = moved if moved >= low[j] else low[j]
                    value[j] = moved if moved <= high[j] else high[j]
            ratio = ratios[instant]
            if ratio != _NONE:
                for j in range(n):
                    moved = np.rint(value[j] * exp2(-nu[j] * ratio) * _GRID) * _STEP
                    moved = moved if moved >= low[j] else low[j]
                    value[j] = moved if moved <= high[j] else high[j]
            count = counts[instant]
            for j in range(rate.size):
                noise = table[draw_bits(key[j], second[j], count) >> SHIFT]
                moved = np.rint((value[j] + rate[j] * noise) * _GRID) * _STEP
                moved = moved if moved >= low[j] else low[j]
                value[j] = moved if moved <= high[j] else high[j]
        if held:
            for j in range(n):
                changed |= record[words * np.uint64(j) + held] != value[j]
                record[words * np.uint64(j) + held] = value[j]
        else:
            for j in range(n):
                aged = np.int32(value[j] * _GRID)
                changed |= here[j] != aged
                here[j] = aged
    return changed


@njit
def show(w: Any, ru: Any, rf: Any, words: Any, state: Any, keys: Any, noise: Any, table: Any) -> None:
    """Bring visible conductances up to what has happened in the records.

    ``state`` is that of the layout, keys uint32[4] the tile's of pulses and of write noise, ``noise`` its standard deviation.
    """
    for cell in range(w.size):
        place = words * cell
        if state == PAIR:
            w[cell] = np.int32((rf[place + 2] - rf[place + 1]) * _GRID)
        elif state == PERSISTENT:
            value = rf[place + 1]
            if ru[place] != 0:
                value = np.rint((value + noise * normal(table, keys[2:], cell, ru[place])) * _GRID) * _STEP
            w[cell] = np.int32(value * _GRID)


@cache
def refresh_kernel(step: Callable[..., Any], derive: Callable[..., Any] | None, record: int, planes: int) -> Callable[..., int]:
    """Return the refresh of the pairs of a step rule, compiled.

    Parameters
    ----------
    step, derive : callable, callable or None
        The device's rule, and what its last plane is derived by.
    record, planes : int
        Words of a cell's record, and planes in it.

    Returns
    -------
    callable
        Of (w int32[cells], ru, rf, columns int64[2, planes], shape float32[2, S], table, pulse keys uint32[4], reset keys
        uint32[2, 2], settings float32[5], most pulses): settings are c2c, refresh_above, refresh_below, reset and reset_spread.
        It returns how many pairs were refreshed.
    """

    def refresh(
        w: Any, ru: Any, rf: Any, columns: Any, shape: Any, table: Any, keys: Any, reset_keys: Any, settings: Any, most: Any
    ) -> int:
        c2c, above, below, reset, spread = settings[0], settings[1], settings[2], settings[3], settings[4]
        nearly = below * _SURE
        one, lower, upper = np.uint64(1), np.uint64(columns[0, 1]), np.uint64(columns[1, 1])
        parameters = np.empty((planes + 1, 1), np.float32)
        found = 0
        for cell in range(w.size):
            there = np.uint64(record) * np.uint64(cell)
            minus, plus = rf[there + one], rf[there + one + one]
            minus_high, plus_high = rf[there + lower], rf[there + upper]
            if (minus < nearly * minus_high) | (plus < nearly * plus_high):
                continue
            place = record * cell
            part_minus = np.divide(minus, max(minus_high, _STEP))
            part_plus = np.divide(plus, max(plus_high, _STEP))
            if not (max(part_minus, part_plus) > above and min(part_minus, part_plus) > below):
                continue
            found += 1
            target = plus - minus
            count = ru[place]
            for direction in range(2):
                drawn = reset + normal(table, reset_keys[direction], cell, count) * spread
                high = rf[place + columns[direction, 1]]
                drawn = min(max(drawn, _NONE), high)
                rf[place + 1 + direction] = np.rint(drawn * _GRID) * _STEP
            if target != _NONE:
                up = 1 if target > _NONE else 0
                sign = np.float32(1.0) if target > _NONE else np.float32(-1.0)
                for k in range(planes):
                    parameters[k, 0] = rf[place + columns[up, k]]
                if derive is not None:
                    parameters[planes, 0] = derive(parameters, 0, True)
                key = cell_key(keys, cell)
                second = second_key(keys, key)
                held = place + 1 + up
                for _pulse in range(most):
                    value = rf[held]
                    difference = rf[place + 2] - rf[place + 1]
                    if not (sign * target > sign * difference and value < parameters[1, 0]):
                        break
                    noise = c2c * table[draw_bits(key, second, count) >> SHIFT]
                    moved = np.rint(step(value, parameters, 0, noise, shape[up]) * _GRID) * _STEP
                    moved = moved if moved >= parameters[0, 0] else parameters[0, 0]
                    rf[held] = moved if moved <= parameters[1, 0] else parameters[1, 0]
                    count = np.uint32(count + np.uint32(1))
                ru[place] = count
            w[cell] = np.int32((rf[place + 2] - rf[place + 1]) * _GRID)
        return found

    return njit(name_variant(refresh, step.__name__, record, planes))
