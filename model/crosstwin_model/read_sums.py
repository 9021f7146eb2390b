"""The sums of a read: conductances times units of charge along all sensed lines.

Conductances are whole numbers, multiples of 1 / GRID, and units are whole numbers as well: whatever the order, sums are exact as
long as they are within 2**53. Only here may the compiler reorder and fuse.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.extending import register_jitable

from crosstwin_model.crew import NO_PART, PART_TYPE, take
from crosstwin_model.dot import HAS_DOT, LARGEST_SUM, LINES, SUMS, add_lines, sum_lines
from crosstwin_model.jit import native, njit, njit_any_order
from crosstwin_model.memory import array_at, borrow, hold, words_at
from crosstwin_model.read_jobs import BOARD, COLUMNS, FORWARD, JOB, PARTS, ROWS, rows_of, sums_of

_HALF = np.float64(1 << 16)
_TURNED = np.float64(1 << 15)
#: A load waits for a store just before if the last twelve bits of their addresses are equal, as if it were the same place: so
#: that the sums are so many bytes ahead of the cells.
_PAGE, _APART = 4096, 1536
#: The largest unit with which the instruction of :mod:`crosstwin_model.dot` is worth its while.
_LARGEST_UNIT = LARGEST_SUM // 64
#: Of a float64's bits all but its sign, and the bits of 1.
_MAGNITUDE, _ONE = np.uint64(2**63 - 1), np.uint64(0x3FF0000000000000)


@njit_any_order
def forward_floats(w: Any, units: Any, sums: Any) -> None:
    """Add units[i] w[i, j] over i to sums[j]."""
    rows, columns = w.shape
    # Rows at rest, such as those behind a rectifier, are left out.
    driven = np.empty(rows, np.uint64)
    count = 0
    for row in range(rows):
        driven[count] = np.uint64(row)
        count += units[row] != 0.0
    first = 0
    while first + 4 <= count:
        i, j, k, m = driven[first], driven[first + 1], driven[first + 2], driven[first + 3]
        a, b, c, d = units[i], units[j], units[k], units[m]
        for column in range(columns):
            sums[column] += (a * np.float64(w[i, column]) + b * np.float64(w[j, column])) + (
                c * np.float64(w[k, column]) + d * np.float64(w[m, column])
            )
        first += 4
    while first < count:
        i = driven[first]
        for column in range(columns):
            sums[column] += units[i] * np.float64(w[i, column])
        first += 1


@njit_any_order
def backward_floats(w: Any, units: Any, sums: Any) -> None:
    """Add units[j] w[i, j] over j to sums[i]."""
    rows, columns = w.shape
    row = 0
    while row + 4 <= rows:
        a, b, c, d = 0.0, 0.0, 0.0, 0.0
        for column in range(columns):
            unit = units[column]
            a += unit * np.float64(w[row, column])
            b += unit * np.float64(w[row + 1, column])
            c += unit * np.float64(w[row + 2, column])
            d += unit * np.float64(w[row + 3, column])
        sums[row] += a
        sums[row + 1] += b
        sums[row + 2] += c
        sums[row + 3] += d
        row += 4
    while row < rows:
        total = 0.0
        for column in range(columns):
            total += units[column] * np.float64(w[row, column])
        sums[row] += total
        row += 1


@njit
def _forward_floats(job: Any, part: Any, thread: Any, w: Any, units: Any, sums: Any) -> int:
    """Do a part with rows driven, and those that the thread takes after it, and return how many they were."""
    done = 0
    while part != NO_PART:
        first, last = rows_of(job, part)
        forward_floats(w[first:last], units[first:last], sums)
        done += 1
        part = take(job[BOARD], thread)
    return done


@njit
def _backward_floats(job: Any, part: Any, thread: Any, w: Any, units: Any, sums: Any) -> int:
    """Do the same with columns driven."""
    done = 0
    while part != NO_PART:
        first, last = rows_of(job, part)
        backward_floats(w[first:last], units, sums[first:last])
        done += 1
        part = take(job[BOARD], thread)
    return done


@njit
def _forward_words(job: Any, part: Any, thread: Any, w: Any, units: Any, largest: Any, sums: Any) -> int:
    """Do what :func:`_forward_floats` does, where no unit is larger in size than ``largest``, 1 to LARGEST_SUM // LINES."""
    columns = w.shape[1]
    # Lines up to a multiple of LINES are at rest, whichever they are.
    room, whole = job[ROWS] // job[PARTS] + 1 + LINES, columns // SUMS * SUMS
    memory = np.empty(2 * room + whole + _PAGE // 8, np.uint64)
    left = borrow(memory)
    driven, pairs = left[:room], left[room : 2 * room].view(np.int32)[:room]
    both = left[2 * room :].view(np.int32)
    begin = (w.ctypes.data + _APART - both.ctypes.data) % _PAGE // 4
    low, high = both[begin : begin + whole], both[begin + whole : begin + 2 * whole]
    low[:] = 0
    high[:] = 0
    flat = w.reshape(w.size)
    block = LARGEST_SUM // largest // LINES * LINES
    lines = done = 0
    driving = np.int64(0)
    while part != NO_PART:
        first, last = rows_of(job, part)
        count = 0
        for row in range(np.uint64(first), np.uint64(last)):
            driven[count] = row
            pairs[count] = np.int32(units[row])
            count += units[row] != 0.0
        driven[count : count + LINES] = np.uint64(0)
        pairs[count : count + LINES] = 0
        for k in range(0, count, LINES):
            if lines == block:
                _add_up(low, high, driving, sums)
                low[:] = 0
                high[:] = 0
                lines, driving = 0, np.int64(0)
            add_lines(flat, driven, pairs, k, columns, low, high, whole)
            lines += LINES
            for line in range(np.uint64(k), np.uint64(k + LINES)):
                driving += pairs[line]
        for column in range(whole, columns):
            for k in range(count):
                sums[column] += np.float64(np.int64(pairs[k]) * np.int64(w[driven[k], column]))
        done += 1
        part = take(job[BOARD], thread)
    _add_up(low, high, driving, sums)
    hold(memory)
    return done


@register_jitable  # type: ignore[untyped-decorator]
def _add_up(low: Any, high: Any, driving: Any, sums: Any) -> None:
    """Add what :mod:`crosstwin_model.dot` has summed up to the sums of columns."""
    turned = _TURNED * np.float64(driving)
    for column in range(low.size):
        sums[column] += np.float64(high[column]) * _HALF + np.float64(low[column]) + turned


@njit
def _backward_words(job: Any, part: Any, thread: Any, w: Any, units: Any, largest: Any, sums: Any) -> int:
    """Do what :func:`_backward_floats` does, where no unit is larger in size than ``largest``, 1 to LARGEST_SUM // SUMS."""
    columns = w.shape[1]
    whole = columns // SUMS * SUMS
    # Lines are summed in fours, the last ones four times each.
    pitch = job[ROWS] // job[PARTS] + 1 + LINES
    memory = np.empty(2 * whole + 2 * pitch, np.int32)
    left = borrow(memory)
    low, high, both = left[:whole], left[whole : 2 * whole], left[2 * whole :]
    for column in range(whole):
        unit = np.int32(units[column])
        low[column] = unit & 0xFFFF
        high[column] = unit << 16
    flat = w.reshape(w.size)
    block = LARGEST_SUM // largest // SUMS * SUMS
    done = 0
    while part != NO_PART:
        first, last = rows_of(job, part)
        rows = last - first
        four = rows // LINES * LINES
        for begin in range(0, whole, block):
            end = min(begin + block, whole)
            driving = np.int64(0)
            for column in range(np.uint64(begin), np.uint64(end)):  # whose sign need not be looked at
                driving += np.int64(units[column])
            for row in range(0, four, LINES):
                sum_lines(flat, (first + row) * columns, columns, low, high, begin, end, both, row, pitch)
            for row in range(four, rows):
                sum_lines(flat, (first + row) * columns, 0, low, high, begin, end, both, row, pitch)
            turned = _TURNED * np.float64(driving)
            for row in range(rows):
                sums[first + row] += np.float64(both[pitch + row]) * _HALF + np.float64(both[row]) + turned
        for row in range(first, last):
            for column in range(whole, columns):
                sums[row] += units[column] * np.float64(w[row, column])
        done += 1
        part = take(job[BOARD], thread)
    hold(memory)
    return done


@njit
def _do_floats(job: Any, part: Any, thread: Any, w: Any, units: Any, sums: Any) -> int:
    if job[FORWARD] != 0:
        return _forward_floats(job, part, thread, w, units, sums)
    return _backward_floats(job, part, thread, w, units, sums)


@njit
def _do_words(job: Any, part: Any, thread: Any, w: Any, units: Any, sums: Any) -> int:
    # Bits without their sign are in the order of the numbers: a loop for vector instructions.
    bits, top = units.view(np.uint64), _ONE
    for line in range(bits.size):
        top = max(top, bits[line] & _MAGNITUDE)
    largest = np.int64(np.uint64(top).view(np.float64))
    if largest > _LARGEST_UNIT:
        return _do_floats(job, part, thread, w, units, sums)
    if job[FORWARD] != 0:
        return _forward_words(job, part, thread, w, units, largest, sums)
    return _backward_words(job, part, thread, w, units, largest, sums)


_do = _do_words if HAS_DOT else _do_floats


@native(PART_TYPE)
def sum_part(address: int, part: int, thread: int) -> int:
    """Do a part of :func:`crosstwin_model.read_jobs.add_sums`, which takes this function's ``address``."""
    job = words_at(address, JOB, np.int64)
    rows, columns = job[ROWS], job[COLUMNS]
    w, units, sums = array_at(job, 0, np.int32), array_at(job, 1, np.float64), sums_of(address, job, thread)
    done: int = _do(job, part, thread, w.reshape(rows, columns), units, sums)
    return done


@njit
def add_whole(w: Any, forward: Any, units: Any, sums: Any) -> None:
    """Add the same in whole numbers to int64 sums: for those beyond 2**53."""
    rows, columns = w.shape
    for row in range(rows):
        for column in range(columns):
            if forward:
                sums[column] += np.int64(units[row]) * np.int64(w[row, column])
            else:
                sums[row] += np.int64(units[column]) * np.int64(w[row, column])
