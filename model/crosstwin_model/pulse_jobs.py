"""Jobs of pulses: an update's trains, as the parts of :mod:`crosstwin_model.pulse_kernels` take them.

What a tile and the kind of its device are is in a plan, int64[PLAN], made once; the functions here are the same for all of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.core import types
from numba.extending import register_jitable

from crosstwin_model.bits import popcount
from crosstwin_model.crew import ASLEEP, DONE, REFUSED, are_asleep, share, threads_of
from crosstwin_model.jit import njit_only
from crosstwin_model.line_lists import list_lines, list_size, lists_in
from crosstwin_model.memory import borrow, hold

#: What a plan holds behind the :func:`crosstwin_model.memory.addresses` of a tile's visible conductances int32[rows, columns],
#: its records uint32[cells * record + spare], the same as float32, the places int64[2, words] of the record's
#: :class:`crosstwin_model.records.Layout`, the rule's shape float32[2, S], the table of the noise, the keys uint32[4] of pulses
#: and of write noise, and the scales float32[2] of both: the size of the tile, the address of its part, a crew's board or 0, and
#: from how many coincidences on threads share an update.
ROWS, COLUMNS, PART, BOARD, SHARED_HITS = range(16, 21)
PLAN = 21
#: What a job holds behind its plan: the addresses of the lists of lines, the shape of their words, and how many parts there are.
ROW_LISTS, COLUMN_LISTS, SIDES, WORDS, PARTS = range(PLAN, 26)
JOB = 26

#: Coincidences that are worth a part, and most parts of a job: of so many the last are done at nearly the same time.
_PART_HITS, _MOST_PARTS = 256, 64

_PLAN, _SIGNS, _WORDS = types.int64[::1], types.int8[::1], types.uint64[:, :, ::1]


@register_jitable  # type: ignore[untyped-decorator]
def _count(lists: Any, lines: Any, words: Any) -> Any:
    """Return how often the lines of a list fire in all, in positive columns or rows, and in how many slots any of them does."""
    numbers, ends, listed = lists_in(lists, lines)
    fired = slots = np.int64(0)
    for word in range(words):
        first = np.uint64(word * numbers.size)
        seen = np.uint64(0)
        for half in range(2):
            for k in range(ends[2 * half], ends[2 * half + 1]):
                fired += np.int64(popcount(listed[first + k]))
                seen |= listed[first + k]
        slots += np.int64(popcount(seen))
    return fired, slots


@register_jitable  # type: ignore[untyped-decorator]
def _parts_of(row_lists: Any, column_lists: Any, rows: Any, columns: Any, words: Any, shared_hits: Any, threads: Any) -> Any:
    """Return how many parts the job of these lists is worth: 1, or as many for each thread."""
    rows_fired, row_slots = _count(row_lists, rows, words)
    columns_fired, column_slots = _count(column_lists, columns, words)
    hits = rows_fired * columns_fired // max(row_slots, column_slots, 1)
    return 1 if hits < shared_hits else threads * min(-(-hits // (threads * _PART_HITS)), _MOST_PARTS // threads)


@register_jitable  # type: ignore[untyped-decorator]
def job_size(rows: Any, columns: Any, sides: Any, words: Any) -> Any:
    """Return how many words of memory a job and its lists take."""
    return JOB + list_size(rows, sides, words) + list_size(columns, sides, words)


@register_jitable  # type: ignore[untyped-decorator]
def lists_of(memory: Any, rows: Any, columns: Any, sides: Any, words: Any) -> Any:
    """Return the memory of a job's two lists, rows first, to be filled before :func:`run_job`."""
    first, last = JOB + list_size(rows, sides, words), job_size(rows, columns, sides, words)
    return memory[JOB:first], memory[first:last]


@register_jitable  # type: ignore[untyped-decorator]
def run_job(plan: Any, memory: Any, sides: Any, words: Any, again: Any) -> Any:
    """Do a job, as :func:`apply` does, whose lists are in ``memory``, uint64[job_size] and borrowed."""
    rows, columns = plan[ROWS], plan[COLUMNS]
    row_lists, column_lists = lists_of(memory, rows, columns, sides, words)
    parts = 1
    if plan[BOARD] != 0:
        parts = _parts_of(row_lists, column_lists, rows, columns, words, plan[SHARED_HITS], threads_of(plan[BOARD]))
    if parts > 1 and not again and are_asleep(plan[BOARD]):
        return ASLEEP
    job = memory[:JOB].view(np.int64)
    for k in range(PLAN):
        job[k] = plan[k]
    job[ROW_LISTS], job[COLUMN_LISTS] = row_lists.ctypes.data, column_lists.ctypes.data
    job[SIDES], job[WORDS], job[PARTS] = sides, words, parts
    share(plan[BOARD], plan[PART], job.ctypes.data, parts)
    return DONE


@register_jitable  # type: ignore[untyped-decorator]
def _are_signs(signs: Any) -> Any:
    beyond = np.uint8(0)
    for line in range(signs.size):
        beyond = max(beyond, np.uint8(signs[line] + np.int8(1)))
    return beyond <= np.uint8(2)


@njit_only(types.int64(_PLAN, _SIGNS, _SIGNS, _WORDS, _WORDS, types.boolean))
def apply(plan: Any, x_signs: Any, d_signs: Any, row_words: Any, column_words: Any, again: Any) -> int:
    """Pulse a tile, and return what became of it; arrays of other types raise TypeError.

    Parameters
    ----------
    plan : int64[PLAN]
    x_signs, d_signs : int8[rows], int8[columns]
    row_words, column_words : uint64[1 or 2, rows, words], uint64[1 or 2, columns, words]
        The last along the first axis holds for negative columns (row words) and for negative rows (column words).
    again : bool
        Whether it is called again after helpers were woken.

    Returns
    -------
    int
        REFUSED, ASLEEP or DONE of :mod:`crosstwin_model.crew`; ASLEEP not if it is called again. It is refused where arrays do
        not have the sizes above, or a sign is not -1, 0 or 1.
    """
    plan, x_signs, d_signs = borrow(plan), borrow(x_signs), borrow(d_signs)
    row_words, column_words = borrow(row_words), borrow(column_words)
    sides, columns, words = column_words.shape
    rows = x_signs.size
    if (
        not 1 <= sides <= 2
        or rows != plan[ROWS]
        or columns != plan[COLUMNS]
        or row_words.shape != (sides, rows, words)
        or d_signs.size != columns
        or not (_are_signs(x_signs) and _are_signs(d_signs))
    ):
        return REFUSED
    if words == 0:
        return DONE
    memory = np.empty(job_size(rows, columns, sides, words), np.uint64)
    row_lists, column_lists = lists_of(borrow(memory), rows, columns, sides, words)
    list_lines(row_words, x_signs, row_lists)
    list_lines(column_words, d_signs, column_lists)
    found: int = run_job(plan, borrow(memory), sides, words, again)
    hold(memory)
    return found
