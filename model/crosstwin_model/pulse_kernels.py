"""The compiled loop of the plant's pulses: one pass over the cells that are hit.

It does exactly what :mod:`crosstwin_model.reference` does with plain numpy, bit for bit. numba multiplies and adds float32
without contracting the two, so that every operation rounds.

Cells that are hit are gathered in batches, those with most pulses first, so that the k-th pulse of a batch goes to its first
cells: every loop is then over neighbours in small arrays, which the compiler vectorises. Where many cells are hit, a row's
coincidences are counted by popcount. Where few are, the columns of each slot are the bits of a mask: a row walks its slots, and
keeps the columns that it has seen once and more often, so that the work grows with the coincidences and the lines.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba.extending import register_jitable

from crosstwin_model.bits import LANES, gather_words, lowest_bit, popcount, prefetch
from crosstwin_model.draws import SHIFT, cell_key, draw_bits, second_key
from crosstwin_model.grid import GRID
from crosstwin_model.jit import name_variant, njit, source_version

#: Cells that are gathered before they are pulsed.
_BATCH = 1024
#: Numbers of 32 bits in a line of the cache.
_LINE = 16
#: Rows walk their slots where fewer coincidences are expected for a cell whose lines fire.
_SPARSE = 0.4
#: Fields of a batch before the planes of the rule: pulses so far, conductance, and what is not needed.
FIELDS = 3

_ONE = np.uint64(1)
_NONE = np.uint64(0)
_GRID = np.float32(GRID)
_STEP = np.float32(1.0 / GRID)

#: Where the conductance that pulses act on is kept: in the tile's visible conductances; in the record, under write noise; in the
#: record, one for each direction, of which the visible conductance is the difference.
VISIBLE, PERSISTENT, PAIR = 0, 1, 2


@cache
def pulse_kernel(
    step: Callable[..., Any], derive: Callable[..., Any] | None, state: int, record: int, planes: int
) -> Callable[..., None]:
    """Return the kernel for a step rule, compiled at its first call.

    Parameters
    ----------
    step, derive : callable, callable or None
        The device's rule, and what its last plane is derived by.
    state : int
        :data:`VISIBLE`, :data:`PERSISTENT` or :data:`PAIR`.
    record, planes : int
        Words of a cell's record, and planes of the rule, with one that is derived.

    Returns
    -------
    callable
        Of (w float32[cells], records uint32[cells * record + spare], the same as float32, places int64[2, words], shape
        float32[2, S], table, keys uint32[4], scales float32[2], row signs int8[rows], column signs int8[columns], row words
        uint64[1 or 2, rows, words], column words uint64[1 or 2, columns, words], first row, last row + 1): ``places`` is of
        :class:`crosstwin_model.records.Layout`; keys are those of pulses and of write noise, scales c2c and the write noise's
        standard deviation; the last axis-0 entry of the words holds for negative columns (row words) and for negative rows
        (column words).
    """
    version = source_version()  # see crosstwin_model.jit
    flush = _build_flush(step, derive, state, record, planes)
    stride = np.uint64(record)

    def pulse(
        w: Any, ru: Any, rf: Any, places: Any, shape: Any, table: Any, keys: Any, scales: Any,
        x_signs: Any, d_signs: Any, row_words: Any, column_words: Any, first_row: Any, last_row: Any,
    ) -> None:  # fmt: skip
        _ = version
        sides, columns, words = column_words.shape
        minus = row_words.shape[0] - 1
        slots = 64 * words
        row_bits, rows, row_slots = _count_bits(row_words, x_signs, first_row, last_row)
        column_bits, fired_columns, column_slots = _count_bits(column_words, d_signs, 0, columns)
        if rows == 0 or fired_columns == 0:
            return
        size = _BATCH + columns + LANES
        fields = np.empty((FIELDS + planes, size), np.uint32)
        order, key, second, bits = (
            np.empty(size, np.uint32),
            np.empty(size, np.uint32),
            np.empty(size, np.uint32),
            np.empty(size, np.uint32),
        )
        noise, value = np.empty(size, np.float32), fields[1].view(np.float32)
        start, parameters, flat = fields[0], fields[FIELDS:].view(np.float32), fields.reshape(fields.size)
        histogram = np.empty((2, slots + 2), np.uint64)
        # Cells that are hit: down, then up; where few are, those that are hit once apart from the others.
        cells = np.empty((4, size), np.uint32)
        times = np.ones((4, size), np.uint32)
        filled = np.zeros(4, np.int64)
        ends = np.zeros(3, np.int64)
        mask_words = (columns + 63) // 64
        seen, again = np.empty(mask_words, np.uint64), np.empty(mask_words, np.uint64)
        # Coincidences a cell that may be hit, if the slots of rows and of columns are independent.
        sparse = row_bits * column_bits < _SPARSE * min(row_slots, column_slots) * rows * fired_columns
        masks = np.zeros((sides, 2, slots if sparse else 0, mask_words), np.uint64)
        active = np.empty(0 if sparse else columns + 1, np.uint32)
        active_words = np.empty((sides, words, active.size), np.uint64)
        if sparse:
            _turn_columns(column_words, d_signs, masks)
        else:
            _list_active(column_words, d_signs, active, active_words, ends)
        for row in range(first_row, last_row + 1):
            last = row == last_row
            if not last and x_signs[row] == 0:
                continue
            side = 0 if last or x_signs[row] > 0 else sides - 1
            base = np.uint64(row * columns)
            for half in range(2):
                up = half if last else np.int64((x_signs[row] > 0) == (half == 0))
                once, more = 2 * up, 2 * up + 1
                if not last and sparse:
                    for k in range(mask_words):
                        seen[k] = _NONE
                        again[k] = _NONE
                    for word in range(words):
                        rest = row_words[half * minus, row, word]
                        while rest != _NONE:
                            slot = 64 * word + np.int64(lowest_bit(rest))
                            rest &= rest - _ONE
                            for k in range(mask_words):
                                fired = masks[side, half, slot, k]
                                again[k] |= seen[k] & fired
                                seen[k] |= fired
                    single: Any = filled[once]
                    several: Any = filled[more]
                    for k in range(mask_words):
                        rest = seen[k] & ~again[k]
                        while rest != _NONE:
                            cell = base + np.uint64(64 * k) + lowest_bit(rest)
                            rest &= rest - _ONE
                            prefetch(rf, stride * cell)
                            prefetch(w, cell)
                            cells[once, single] = np.uint32(cell)
                            single += 1
                        rest = again[k]
                        while rest != _NONE:
                            column = np.uint64(64 * k) + lowest_bit(rest)
                            rest &= rest - _ONE
                            count = _NONE
                            for word in range(words):
                                count += popcount(row_words[half * minus, row, word] & column_words[side, column, word])
                            prefetch(rf, stride * (base + column))
                            prefetch(w, base + column)
                            cells[more, several] = np.uint32(base + column)
                            times[more, several] = np.uint32(count)
                            several += 1
                    filled[once], filled[more] = single, several
                elif not last:
                    if half == 0:
                        for k in range(0, columns, _LINE):
                            prefetch(w, base + np.uint64(k))
                        for k in range(0, columns * record, _LINE):
                            prefetch(rf, stride * base + np.uint64(k))
                    first, end = ends[half], ends[half + 1]
                    shift = filled[more] - first
                    filled[more] += end - first
                    word_0 = row_words[half * minus, row, 0]
                    for k in range(first, end):
                        cells[more, k + shift] = np.uint32(base) + active[k]
                        times[more, k + shift] = np.uint32(popcount(word_0 & active_words[side, 0, k]))
                    for word in range(1, words):
                        another = row_words[half * minus, row, word]
                        for k in range(first, end):
                            times[more, k + shift] += np.uint32(popcount(another & active_words[side, word, k]))
                for which in range(once, more + 1):
                    n = filled[which]
                    if n >= _BATCH or (last and n > 0):
                        filled[which] = 0
                        top = np.uint32(1)
                        if which == once:
                            for k in range(n):
                                order[k] = cells[once, k]
                            histogram[1, 0] = n
                        else:
                            for k in range(n):
                                top = max(top, times[more, k])
                            n = _sort(n, top, cells[more], times[more], order, histogram)
                        flush(
                            n, up, top, w, ru, rf, places, shape, table, keys, scales,
                            order, key, second, bits, noise, start, value, parameters, flat, histogram, size,
                        )  # fmt: skip

    return njit(name_variant(pulse, step.__name__, state, record, planes))


@register_jitable  # type: ignore[untyped-decorator]
def _count_bits(line_words: Any, signs: Any, first: Any, last: Any) -> Any:
    """Return how often lines fire (of two sides, the mean), how many do, and in how many slots any does (on either side)."""
    sides, _, words = line_words.shape
    bits: Any = 0
    lines: Any = 0
    slots: Any = 0
    for word in range(words):
        either = _NONE
        for side in range(sides):
            for line in range(first, last):
                this = line_words[side, line, word] if signs[line] != 0 else _NONE
                either |= this
                bits += np.int64(popcount(this))
        slots += np.int64(popcount(either))
    for line in range(first, last):
        fired = _NONE
        for side in range(sides):
            for word in range(words):
                fired |= line_words[side, line, word]
        lines += (fired != _NONE) & (signs[line] != 0)
    return bits / sides, lines, slots


@register_jitable  # type: ignore[untyped-decorator]
def _turn_columns(column_words: Any, d_signs: Any, masks: Any) -> None:
    """Set, slot by slot, the bits of the columns that fire in it, half 0 those of d > 0."""
    sides, columns, words = column_words.shape
    for side in range(sides):
        for column in range(columns):
            if d_signs[column] != 0:
                half = np.int64(d_signs[column] < 0)
                bit = _ONE << np.uint64(column & 63)
                for word in range(words):
                    rest = column_words[side, column, word]
                    while rest != _NONE:
                        masks[side, half, np.uint64(64 * word) + lowest_bit(rest), column >> 6] |= bit
                        rest &= rest - _ONE


@register_jitable  # type: ignore[untyped-decorator]
def _list_active(column_words: Any, d_signs: Any, active: Any, active_words: Any, ends: Any) -> None:
    """List the columns that fire with their words, those with d > 0 first: ends is where each half begins and ends."""
    sides, columns, words = column_words.shape
    count = 0
    for half in range(2):
        for column in range(columns):
            fired = _NONE
            for side in range(sides):
                for word in range(words):
                    fired |= column_words[side, column, word]
                    active_words[side, word, count] = column_words[side, column, word]
            active[count] = np.uint32(column)
            count += (fired != _NONE) & (d_signs[column] == 1 - 2 * half)
        ends[half + 1] = count


@register_jitable  # type: ignore[untyped-decorator]
def _sort(n: Any, top: Any, cells: Any, times: Any, order: Any, histogram: Any) -> Any:
    """Put the cells into ``order``, those with most pulses first, and return how many have any.

    Afterwards the first histogram[1, b] cells have top - b pulses or more. It is a counting sort: both halves of the cells are
    counted and placed on their own, so that the processor need not wait for the count before.
    """
    for b in range(top + 1):
        histogram[0, b] = 0
        histogram[1, b] = 0
    middle = n // 2
    for j in range(middle):
        histogram[0, top - times[j]] += _ONE
        histogram[1, top - times[middle + j]] += _ONE
    if n & 1:
        histogram[1, top - times[n - 1]] += _ONE
    place: Any = np.uint64(0)
    for b in range(top + 1):
        for half in range(2):
            some = histogram[half, b]
            histogram[half, b] = place
            place += some
    for j in range(middle):
        b = top - times[j]
        order[histogram[0, b]] = cells[j]
        histogram[0, b] += _ONE
        b = top - times[middle + j]
        order[histogram[1, b]] = cells[middle + j]
        histogram[1, b] += _ONE
    if n & 1:
        b = top - times[n - 1]
        order[histogram[1, b]] = cells[n - 1]
        histogram[1, b] += _ONE
    return np.int64(histogram[1, top - np.uint32(1)])


@register_jitable  # type: ignore[untyped-decorator]
def _gather(source: Any, order: Any, first: Any, record: Any, offset: Any, target: Any, rows: Any, begin: Any, size: Any) -> None:
    # numba's disk cache compares a closure by its content, in which an intrinsic is new in each process; this it knows by name.
    gather_words(source, order, first, record, offset, target, rows, begin, size)


def _build_flush(
    step: Callable[..., Any], derive: Callable[..., Any] | None, state: int, record: int, planes: int
) -> Callable[..., None]:
    """Return the part of the kernel that gives a sorted batch its pulses."""
    stride = np.uint64(record)

    def flush(
        n: Any, up: Any, top: Any, w: Any, ru: Any, rf: Any, places: Any, shapes: Any, table: Any, keys: Any, scales: Any,
        order: Any, key: Any, second: Any, bits: Any, noise: Any, start: Any, value: Any, parameters: Any, flat: Any,
        histogram: Any, size: Any,
    ) -> None:  # fmt: skip
        for j in range(n, n + LANES):
            order[j] = order[0]
        for offset in range(0, places.shape[1], LANES):
            for j in range(0, n, LANES):
                _gather(ru, order, j, record, offset, flat, places, up * places.shape[1] + offset, size)
        if state == VISIBLE:
            for j in range(n):
                value[j] = w[order[j]]
        for j in range(n):
            key[j] = cell_key(keys, order[j])
        for j in range(n):
            second[j] = second_key(keys, key[j])
        c2c = scales[0]
        shape = shapes[up]
        if derive is not None:
            for j in range(n):
                parameters[planes - 1, j] = derive(parameters, j, shape)
        for k in range(top):
            m = np.int64(histogram[1, top - np.uint32(1) - np.uint32(k)])
            number = np.uint32(k)
            for j in range(m):
                bits[j] = draw_bits(key[j], second[j], np.uint32(start[j] + number)) >> SHIFT
            for j in range(m):
                noise[j] = c2c * table[bits[j]]
            for j in range(m):
                moved = np.rint(step(value[j], parameters, j, noise[j], shape) * _GRID) * _STEP
                low = parameters[0, j]
                high = parameters[1, j]
                # Written so that what is no number (a rule at a stuck cell's range of 0) becomes the bound.
                moved = moved if moved >= low else low
                value[j] = moved if moved <= high else high
        done: Any = 0
        for b in range(top):
            number = np.uint32(top - np.uint32(b))
            last = np.int64(histogram[1, b])
            for j in range(done, last):
                start[j] = np.uint32(start[j] + number)
            done = last
        for j in range(n):
            ru[stride * np.uint64(order[j])] = start[j]
        if state == VISIBLE:
            for j in range(n):
                w[order[j]] = value[j]
        elif state == PERSISTENT:
            for j in range(n):
                fresh = cell_key(keys[2:], order[j])
                bits[j] = draw_bits(fresh, second_key(keys[2:], fresh), start[j]) >> SHIFT
            for j in range(n):
                rf[stride * np.uint64(order[j]) + _ONE] = value[j]
                w[order[j]] = np.rint((value[j] + scales[1] * table[bits[j]]) * _GRID) * _STEP
        else:
            for j in range(n):
                pair = stride * np.uint64(order[j]) + _ONE
                rf[pair + np.uint64(up)] = value[j]
                w[order[j]] = rf[pair + _ONE] - rf[pair]

    compiled: Callable[..., None] = register_jitable(name_variant(flush, step.__name__, state, record, planes))
    return compiled
