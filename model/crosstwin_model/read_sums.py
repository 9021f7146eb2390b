"""The sums of a read: conductances times units of charge along all sensed lines.

Conductances are whole numbers, multiples of 1 / GRID, and units are whole numbers as well: whatever the order, sums are exact as
long as they are within 2**53. Only here may the compiler reorder and fuse.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.extending import register_jitable

from crosstwin_model.crew import PART_TYPE, share, threads_of
from crosstwin_model.dot import HAS_DOT, LARGEST_SUM, LINES, SUMS, add_lines, sum_lines
from crosstwin_model.jit import native, njit, njit_any_order, source_version
from crosstwin_model.memory import array_at, borrow, hold, words_at

_HALF = np.float64(1 << 16)
_TURNED = np.float64(1 << 15)
#: A load waits for a store just before if the last twelve bits of their addresses are equal, as if it were the same place: so
#: that the sums are so many bytes ahead of the cells.
_PAGE, _APART = 4096, 1536
#: What a job of sums holds behind the :func:`crosstwin_model.memory.addresses` of cells, units and sums.
_ROWS, _COLUMNS, _FORWARD, _PARTS = range(6, 10)
_JOB = 10
#: Least cells of a part, cells from which on a thread has several parts, and most parts of a thread: each begins with its units.
_PART_CELLS, _LARGE_PART, _MOST_PARTS = 1 << 16, 1 << 19, 8
#: Of a float64's bits all but its sign, and the bits of 1.
_MAGNITUDE, _ONE = np.uint64(2**63 - 1), np.uint64(0x3FF0000000000000)
#: The largest unit with which the instruction of :mod:`crosstwin_model.dot` is worth its while.
_LARGEST_UNIT = LARGEST_SUM // 64


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
def forward_words(w: Any, units: Any, largest: Any, sums: Any) -> None:
    """Do what :func:`forward_floats` does, where no unit is larger in size than ``largest``, 1 to LARGEST_SUM // LINES."""
    rows, columns = w.shape
    # Lines up to a multiple of LINES are at rest, whichever they are.
    room, whole = rows + LINES, columns // SUMS * SUMS
    memory = np.empty(2 * room + whole + _PAGE // 8, np.uint64)
    left = borrow(memory)
    driven, pairs = left[:room], left[room : 2 * room].view(np.int32)[:room]
    both = left[2 * room :].view(np.int32)
    first = (w.ctypes.data + _APART - both.ctypes.data) % _PAGE // 4
    low, high = both[first : first + whole], both[first + whole : first + 2 * whole]
    count = 0
    for row in range(rows):
        driven[count] = np.uint64(row)
        pairs[count] = np.int32(units[row])
        count += units[row] != 0.0
    driven[count : count + LINES] = np.uint64(0)
    pairs[count : count + LINES] = 0
    flat = w.reshape(w.size)
    block = LARGEST_SUM // largest // LINES * LINES
    for begin in range(0, count, block):
        end = min(begin + block, count)
        low[:] = 0
        high[:] = 0
        for first in range(begin, end, LINES):
            add_lines(flat, driven, pairs, first, columns, low, high, whole)
        driving = np.int64(0)
        for k in range(np.uint64(begin), np.uint64(end)):  # whose sign need not be looked at
            driving += pairs[k]
        for column in range(whole):
            sums[column] += np.float64(high[column]) * _HALF + np.float64(low[column]) + _TURNED * np.float64(driving)
    for column in range(whole, columns):
        for k in range(count):
            sums[column] += np.float64(np.int64(pairs[k]) * np.int64(w[driven[k], column]))
    hold(memory)


@njit
def backward_words(w: Any, units: Any, largest: Any, sums: Any) -> None:
    """Do what :func:`backward_floats` does, where no unit is larger in size than ``largest``, 1 to LARGEST_SUM // SUMS."""
    rows, columns = w.shape
    whole = columns // SUMS * SUMS
    # Lines are summed in fours, the last ones four times each.
    pitch = rows + LINES
    memory = np.empty(2 * whole + 2 * pitch, np.int32)
    left = borrow(memory)
    low, high, both = left[:whole], left[whole : 2 * whole], left[2 * whole :]
    for column in range(whole):
        unit = np.int32(units[column])
        low[column] = unit & 0xFFFF
        high[column] = unit << 16
    flat = w.reshape(w.size)
    block = LARGEST_SUM // largest // SUMS * SUMS
    four = rows // LINES * LINES
    for begin in range(0, whole, block):
        end = min(begin + block, whole)
        driving = np.int64(0)
        for column in range(np.uint64(begin), np.uint64(end)):  # whose sign need not be looked at
            driving += np.int64(units[column])
        for row in range(0, four, LINES):
            sum_lines(flat, row * columns, columns, low, high, begin, end, both, row, pitch)
        for row in range(four, rows):
            sum_lines(flat, row * columns, 0, low, high, begin, end, both, row, pitch)
        for row in range(rows):
            sums[row] += np.float64(both[pitch + row]) * _HALF + np.float64(both[row]) + _TURNED * np.float64(driving)
    for row in range(rows):
        for column in range(whole, columns):
            sums[row] += units[column] * np.float64(w[row, column])
    hold(memory)


@njit
def _add_floats(w: Any, forward: Any, units: Any, sums: Any) -> None:
    if forward:
        forward_floats(w, units, sums)
    else:
        backward_floats(w, units, sums)


@njit
def _add_words(w: Any, forward: Any, units: Any, sums: Any) -> None:
    # Bits without their sign are in the order of the numbers: a loop for vector instructions.
    bits, top = units.view(np.uint64), _ONE
    for line in range(bits.size):
        top = max(top, bits[line] & _MAGNITUDE)
    largest = np.int64(np.uint64(top).view(np.float64))
    if largest > _LARGEST_UNIT:
        _add_floats(w, forward, units, sums)
    elif forward:
        forward_words(w, units, largest, sums)
    else:
        backward_words(w, units, largest, sums)


#: ``add_sums(w, forward, units, sums)`` adds conductances times units along the sensed lines to ``sums``, in the way that is
#: fastest here: w int32[rows, columns] are multiples of 1 / GRID; with ``forward`` rows are driven and columns sensed, else the
#: other way round; units float64[driven] are whole numbers within +-2**24, sums float64[sensed] none of which exceeds 2**53.
add_sums = _add_words if HAS_DOT else _add_floats


def _build_part() -> Any:
    version = source_version()  # see crosstwin_model.jit

    def sum_part(address: int, part: int, thread: int) -> int:
        _ = version
        job = words_at(address, _JOB, np.int64)
        rows, columns = job[_ROWS], job[_COLUMNS]
        w, units, sums = array_at(job, 0, np.int32), array_at(job, 1, np.float64), array_at(job, 2, np.float64)
        first, last = rows * part // job[_PARTS], rows * (part + 1) // job[_PARTS]
        cells = w[first * columns : last * columns].reshape(last - first, columns)
        if job[_FORWARD] != 0:
            own = sums[part * columns : (part + 1) * columns]
            own[:] = 0.0
            add_sums(cells, True, units[first:last], own)
        else:
            add_sums(cells, False, units, sums[first:last])
        return 1

    return native(PART_TYPE, sum_part)


#: A part of :func:`share_sums`; its ``address`` is what that takes.
PART = _build_part()


@register_jitable  # type: ignore[untyped-decorator]
def parts_of(cells: Any, threads: Any) -> Any:
    """Return how many parts the sums over so many cells are worth: 1, or as many for each thread."""
    own = cells // threads
    return 1 if own < _PART_CELLS else threads * max(min(own // _LARGE_PART, _MOST_PARTS), 1)


@register_jitable  # type: ignore[untyped-decorator]
def share_sums(board: Any, part: Any, w: Any, forward: Any, units: Any, sums: Any) -> None:
    """Do what :data:`add_sums` does, shared with a crew's board if that is not 0; ``part`` is the address of :data:`PART`."""
    rows, columns = w.shape
    parts = parts_of(w.size, threads_of(board)) if board != 0 else 1
    if parts < 2:
        add_sums(w, forward, units, sums)
        return
    # Parts are rows, whose cells are near the thread that pulses them; where rows are driven, each has sums of its own.
    memory = np.empty(_JOB + parts * columns)
    job, own = borrow(memory)[:_JOB].view(np.int64), borrow(memory)[_JOB:]
    target = own if forward else sums
    job[0], job[1] = w.ctypes.data, w.size
    job[2], job[3] = units.ctypes.data, units.size
    job[4], job[5] = target.ctypes.data, target.size
    job[_ROWS], job[_COLUMNS], job[_FORWARD], job[_PARTS] = rows, columns, np.int64(forward), parts
    share(board, part, job.ctypes.data, parts)
    if forward:
        for k in range(parts):
            sums += own[k * columns : (k + 1) * columns]
    hold(memory)


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
