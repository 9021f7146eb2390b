"""Jobs of reads: the sums over all cells, as the parts of :mod:`crosstwin_model.read_sums` take them.

Parts are rows, whose cells are near the thread that pulses them. A tile that caches hold only a part of is read in many parts,
of which each thread takes its own first to last, and in every other read of the array last to first: what was read last may
still be there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.extending import register_jitable

from crosstwin_model.crew import share, threads_of
from crosstwin_model.memory import array_at, borrow, hold, words_at

#: What a job holds behind the :func:`crosstwin_model.memory.addresses` of cells int32[rows, columns], units float64[driven] and
#: sums float64[sensed]: the size of the cells, whether rows are driven, how many parts there are, a crew's board, and how many of
#: its own parts each thread takes last first, or 0. Behind it, with several parts and rows that are driven, there is for each
#: helper a word that says whether it took part, and sums of its own.
ROWS, COLUMNS, FORWARD, PARTS, BOARD, REVERSED = range(6, 12)
JOB = 12
#: Cells from which on threads share a read, least cells of a part, and most parts of a thread: between parts cells change cores.
_SHARED_CELLS, _PART_CELLS, _THREAD_PARTS = 1 << 17, 1 << 15, 2
#: Cells from which on caches do not hold a tile, and cells of a part then.
_FAR_CELLS, _FAR_PART_CELLS = 1 << 22, 1 << 18


@register_jitable  # type: ignore[untyped-decorator]
def rows_of(job: Any, part: Any) -> Any:
    """Return the first row of a part, and the one behind its last."""
    rows, parts, own = job[ROWS], job[PARTS], job[REVERSED]
    if own > 0:
        part += own - 1 - 2 * (part % own)
    return rows * part // parts, rows * (part + 1) // parts


@register_jitable  # type: ignore[untyped-decorator]
def parts_of(cells: Any, threads: Any) -> Any:
    """Return how many parts the sums over so many cells are worth."""
    if cells >= _FAR_CELLS:
        return threads * max(cells // (threads * _FAR_PART_CELLS), _THREAD_PARTS)
    return 1 if threads == 1 or cells < _SHARED_CELLS else min(threads * _THREAD_PARTS, cells // _PART_CELLS)


@register_jitable  # type: ignore[untyped-decorator]
def add_sums(board: Any, part: Any, w: Any, forward: Any, units: Any, sums: Any, number: Any) -> None:
    """Add conductances times units along the sensed lines to sums, in the way that is fastest here.

    Parameters
    ----------
    board : int
        Of a crew that shares large ones, or 0.
    part : int
        The address of :func:`crosstwin_model.read_sums.sum_part`.
    w : int32[rows, columns]
        Multiples of 1 / GRID.
    forward : bool
        Whether rows are driven and columns sensed; else the other way round.
    units : float64[driven]
        Whole numbers within +-2**24.
    sums : float64[sensed]
        None may exceed 2**53.
    number : uint32
        Of the read: at odd ones threads go through their parts of a large tile the other way round.
    """
    rows, columns = w.shape
    threads = threads_of(board) if board != 0 else 1
    parts = parts_of(w.size, threads)
    helpers = threads - 1 if forward and parts > 1 else 0
    memory = np.empty(JOB + helpers * (1 + columns), np.int64)
    left = borrow(memory)
    job = left[:JOB]
    job[0], job[1] = w.ctypes.data, w.size
    job[2], job[3] = units.ctypes.data, units.size
    job[4], job[5] = sums.ctypes.data, sums.size
    job[ROWS], job[COLUMNS], job[FORWARD], job[PARTS], job[BOARD] = rows, columns, np.int64(forward), parts, board
    job[REVERSED] = parts // threads if number & np.uint32(1) and w.size >= _FAR_CELLS else 0
    for helper in range(helpers):
        left[_place(helper, columns)] = 0
    share(board, part, job.ctypes.data, parts)
    for helper in range(helpers):
        place = _place(helper, columns)
        if left[place] != 0:
            sums += left[place + 1 : place + 1 + columns].view(np.float64)
    hold(memory)


@register_jitable  # type: ignore[untyped-decorator]
def sums_of(address: Any, job: Any, thread: Any) -> Any:
    """Return the sums that a thread adds to: the caller's, or where rows are driven its own, which begin with zeros."""
    columns = job[COLUMNS]
    if thread < 1 or job[FORWARD] == 0:
        return array_at(job, 2, np.float64)
    begin = address + 8 * _place(thread - 1, columns)
    used, own = words_at(begin, 1, np.int64), words_at(begin + 8, columns, np.float64)
    if used[0] == 0:
        used[0] = 1
        own[:] = 0.0
    return own


@register_jitable  # type: ignore[untyped-decorator]
def _place(helper: Any, columns: Any) -> Any:
    """Return where behind a job a helper's word and sums begin."""
    return JOB + helper * (1 + columns)
