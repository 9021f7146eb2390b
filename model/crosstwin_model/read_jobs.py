"""Jobs of reads: the sums over all cells, as the parts of :mod:`crosstwin_model.read_sums` take them.

Parts are rows, whose cells are near the thread that pulses them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.extending import register_jitable

from crosstwin_model.crew import ALONE, NO_PART, share, take, threads_of
from crosstwin_model.memory import borrow, hold

#: What a job holds behind the :func:`crosstwin_model.memory.addresses` of cells int32[rows, columns], units float64[driven] and
#: sums float64: the size of the cells, whether rows are driven, how many parts there are, and a crew's board. With several parts
#: and rows that are driven, each thread has sums of its own, and behind the job a word that says whether they are in use.
ROWS, COLUMNS, FORWARD, PARTS, BOARD = range(6, 11)
JOB = 11
#: Cells from which on threads share a read, least cells of a part, and most parts of a thread: between parts cells change cores.
_SHARED_CELLS, _PART_CELLS, _THREAD_PARTS = 1 << 17, 1 << 15, 2


@register_jitable  # type: ignore[untyped-decorator]
def rows_of(job: Any, part: Any) -> Any:
    """Return the first row of a part, and the one behind its last."""
    rows, parts = job[ROWS], job[PARTS]
    return rows * part // parts, rows * (part + 1) // parts


@register_jitable  # type: ignore[untyped-decorator]
def next_part(job: Any, thread: Any) -> Any:
    """Return the part that a thread does next; NO_PART where none is left."""
    return NO_PART if thread == ALONE else take(job[BOARD], thread)


@register_jitable  # type: ignore[untyped-decorator]
def parts_of(cells: Any, threads: Any) -> Any:
    """Return how many parts the sums over so many cells are worth."""
    return 1 if cells < _SHARED_CELLS else min(threads * _THREAD_PARTS, cells // _PART_CELLS)


@register_jitable  # type: ignore[untyped-decorator]
def add_sums(board: Any, part: Any, w: Any, forward: Any, units: Any, sums: Any) -> None:
    """Add conductances times units along the sensed lines to sums, in the way that is fastest here.

    Parameters
    ----------
    board : int
        Of a crew that shares large ones, or 0.
    part : int
        The address of :data:`crosstwin_model.read_sums.PART`.
    w : int32[rows, columns]
        Multiples of 1 / GRID.
    forward : bool
        Whether rows are driven and columns sensed; else the other way round.
    units : float64[driven]
        Whole numbers within +-2**24.
    sums : float64[sensed]
        None may exceed 2**53.
    """
    rows, columns = w.shape
    threads = threads_of(board) if board != 0 else 1
    parts = parts_of(w.size, threads) if threads > 1 else 1
    several = forward and parts > 1
    memory = np.empty(JOB + threads + (threads * columns if several else 0))
    left = borrow(memory)
    job, used, own = left[:JOB].view(np.int64), left[JOB : JOB + threads].view(np.int64), left[JOB + threads :]
    target = own if several else sums
    job[0], job[1] = w.ctypes.data, w.size
    job[2], job[3] = units.ctypes.data, units.size
    job[4], job[5] = target.ctypes.data, target.size
    job[ROWS], job[COLUMNS], job[FORWARD], job[PARTS], job[BOARD] = rows, columns, np.int64(forward), parts, board
    used[:] = 0
    share(board, part, job.ctypes.data, parts)
    if several:
        for k in range(threads):
            if used[k] != 0:
                sums += own[k * columns : (k + 1) * columns]
    hold(memory)
