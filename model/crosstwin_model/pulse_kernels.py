"""The compiled loop of the plant's pulses: rows that fire are crossed with all columns that fire, and cells that are hit pulsed.

It does exactly what :mod:`crosstwin_model.reference` does with plain numpy, bit for bit. numba multiplies and adds float32
without contracting the two, so that every operation rounds.

A row that fires is crossed with all columns that fire, eight at a time, by popcount. Cells that are hit are gathered, and given
their pulses a batch at a time (:mod:`crosstwin_model.pulse_batch`). One pass over all rows that fire, or over a part of them, is
a part of a job (:mod:`crosstwin_model.pulse_jobs`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba.extending import register_jitable

from crosstwin_model.bits import LANES, cross_word, cross_words, prefetch
from crosstwin_model.crew import ALONE, NO_PART, PART_TYPE, take, threads_of
from crosstwin_model.jit import name_variant, native
from crosstwin_model.line_lists import list_size, lists_in
from crosstwin_model.memory import array_at, borrow, hold, words_at
from crosstwin_model.pulse_batch import BATCH, BLOCK, CELL, DRAWS, FIELDS, build_pulse_block, sort_hits
from crosstwin_model.pulse_jobs import BOARD, COLUMN_LISTS, COLUMNS, JOB, PARTS, ROW_LISTS, ROWS, SIDES, WORDS

_NONE = np.uint64(0)
#: Records of that many words or more lie beyond the nearest caches, and are asked for before they are needed.
_FAR = 1 << 17
#: A thread's last parts: of 18 of a 512 x 512 update.
_LAST_PARTS = 4


@cache
def pulse_part(step: Callable[..., Any], derive: Callable[..., Any] | None, state: int, record: int, planes: int) -> Any:
    """Return the part of a job for a step rule, compiled; its ``address`` goes into plans of :mod:`crosstwin_model.pulse_jobs`.

    Parameters
    ----------
    step, derive : callable, callable or None
        The device's rule, and what its last plane is derived by.
    state : int
        VISIBLE, PERSISTENT or PAIR of :mod:`crosstwin_model.pulse_batch`.
    record, planes : int
        Words of a cell's record, and planes of the rule, with one that is derived.
    """
    pulse_block = build_pulse_block(step, derive, state, record, planes)
    stride = np.uint64(record)
    field_rows = FIELDS + planes + DRAWS
    field_words = field_rows * (BLOCK + LANES) // 2

    def pulse(address: int, part: int, thread: int) -> int:
        job = words_at(address, JOB, np.int64)
        rows, columns, sides, words = job[ROWS], job[COLUMNS], job[SIDES], job[WORDS]
        w, ru, rf = array_at(job, 0, np.int32), array_at(job, 1, np.uint32), array_at(job, 2, np.float32)
        places = array_at(job, 3, np.int64).reshape(2, job[7] // 2)
        shape = array_at(job, 4, np.float32).reshape(2, job[9] // 2)
        table, keys, scales = array_at(job, 5, np.float32), array_at(job, 6, np.uint32), array_at(job, 7, np.float32)
        row_numbers, row_ends, listed_rows = lists_in(words_at(job[ROW_LISTS], list_size(rows, sides, words), np.uint64), rows)
        column_numbers, column_ends, listed_columns = lists_in(
            words_at(job[COLUMN_LISTS], list_size(columns, sides, words), np.uint64), columns
        )
        # Hits of a batch, down and then up, with room for sorting them; their order; and a block's fields.
        room = BATCH + columns + 2 * LANES
        bins = 64 * words + 2
        memory = np.empty(5 * room + 2 * bins + field_words, np.uint64)
        left = borrow(memory)
        hits, left = left[: 4 * room], left[4 * room :]
        order, left = left[:room].view(np.uint32), left[room:]
        histogram, left = left[: 2 * bins].reshape(2, bins), left[2 * bins :]
        fields = left.view(np.uint32).reshape(field_rows, BLOCK + LANES)
        size = np.uint64(room)
        filled_down: Any = _NONE
        filled_up: Any = _NONE
        row_pitch, column_pitch = np.uint64(row_numbers.size), np.uint64(column_numbers.size)
        # Where the words of negative lines of the other side begin.
        other_side = np.uint64((sides - 1) * words)
        far = ru.size >= _FAR
        k = taken = positive = first_positive = first_negative = _NONE
        parts = 0
        limit: Any = _NONE
        last = False
        while not last:
            while k == taken and not last:
                if parts > 0:
                    part = take(job[BOARD], thread)
                last = part == NO_PART
                if not last:
                    limit = _batch_of(job, part, thread)
                    # Of the rows of either sign a part takes the same share, so that it mostly gets the same rows, update after
                    # update.
                    first_positive, positive = _share_of(row_ends[0], row_ends[1], part, job[PARTS])
                    first_negative, negative_rows = _share_of(row_ends[2], row_ends[3], part, job[PARTS])
                    k, taken = _NONE, positive + negative_rows
                    parts += 1
            line = first_positive + k if k < positive else first_negative + (k - positive)
            negative = np.uint64(k >= positive)
            base = np.uint64(columns) * row_numbers[line]
            for half in range(np.uint64(2)):
                up = half if last else np.uint64(negative == half)
                begin = up * size
                n: Any = filled_up if up else filled_down
                if not last:
                    start, end = column_ends[np.uint64(2) * half], column_ends[np.uint64(2) * half + np.uint64(1)]
                    reached = _cross_line(
                        listed_rows, line + half * other_side * row_pitch, row_pitch,
                        listed_columns, start + negative * other_side * column_pitch, column_pitch, np.uint64(words),
                        column_numbers, start, end, base, hits, begin + n,
                    )  # fmt: skip
                    if far:
                        for j in range(begin + n, reached):
                            cell = hits[j] & CELL
                            _prefetch(rf, stride * cell)
                            _prefetch(w, cell)
                    n = reached - begin
                if n >= limit or (last and n > 0):
                    top = sort_hits(n, begin, size, hits, order, histogram)
                    cells = np.int64(n)
                    for first in range(0, cells, BLOCK):
                        pulse_block(
                            first, min(cells - first, BLOCK), np.int64(up), top, w, ru, rf, places, shape, table, keys, scales,
                            order, histogram, fields,
                        )  # fmt: skip
                    n = _NONE
                if up:
                    filled_up = n
                else:
                    filled_down = n
            k += np.uint64(1)
        hold(memory)
        return parts

    return native(PART_TYPE)(name_variant(pulse, step.__name__, state, record, planes))


@register_jitable  # type: ignore[untyped-decorator]
def _batch_of(job: Any, part: Any, thread: Any) -> Any:
    """Return how many hits are a batch: fewer where a thread's parts run out, so that all threads end at nearly the same time."""
    if thread == ALONE:
        return np.uint64(BATCH)
    threads = threads_of(job[BOARD])
    first, end = job[PARTS] * thread // threads, job[PARTS] * (thread + 1) // threads
    return np.uint64(BATCH) if first <= part < end - _LAST_PARTS else np.uint64(BATCH // 4)


@register_jitable  # type: ignore[untyped-decorator]
def _share_of(begin: Any, end: Any, part: Any, parts: Any) -> Any:
    """Return the first of a part's lines among those from ``begin`` to ``end`` - 1, and how many they are."""
    lines = np.int64(end - begin)
    first = lines * part // parts
    return begin + np.uint64(first), np.uint64(lines * (part + 1) // parts - first)


# numba's disk cache compares a closure by its content, in which an intrinsic is new in each process; these it knows by name.
@register_jitable(forceinline=True)  # type: ignore[untyped-decorator]
def _cross_line(
    lines: Any, line: Any, pitch: Any, crossed: Any, first: Any, width: Any, words: Any, numbers: Any, number: Any, end: Any,
    base: Any, target: Any, place: Any,
) -> Any:  # fmt: skip
    if words == np.uint64(1):
        return cross_word(lines, line, pitch, crossed, first, width, words, numbers, number, end, base, target, place)
    return cross_words(lines, line, pitch, crossed, first, width, words, numbers, number, end, base, target, place)


@register_jitable(forceinline=True)  # type: ignore[untyped-decorator]
def _prefetch(array: Any, index: Any) -> None:
    prefetch(array, index)
