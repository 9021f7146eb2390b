"""Threads that share the parts of short jobs.

To wake a thread takes some 50 us, as long as a whole update. Helpers therefore look for work for a while before they sleep, in
compiled code without Python's lock. A job is parts numbered from 0, of which each thread has a range of its own, job after job,
so that what they touch stays in its core's caches; when it is through, it takes parts from the ends of the others' ranges. A
helper that comes late, or whose core is busy, leaves parts to the others, and where none comes, the caller does everything.
"""

from __future__ import annotations

import atexit
import os
import threading
from functools import cache
from queue import SimpleQueue
from typing import Any

import numpy as np
from numba.core import types
from numba.extending import register_jitable

from crosstwin_model.atomics import add, call_part, exchange, load, pause, replace, store
from crosstwin_model.jit import njit_only
from crosstwin_model.memory import aligned_zeros

#: What becomes of something that may be shared: an argument was not as said; nothing was done, since helpers sleep who should be
#: woken first (:meth:`Crew.wake`); it was done.
REFUSED, ASLEEP, DONE = range(3)

#: The type of a function that does parts.
PART_TYPE = types.int64(types.int64, types.int64, types.int64)

#: Bytes of a crew's board, a line of the cache and more for each word. There is a ticket for each thread, the caller's first:
#: 2**32 times the number of the job, 2**16 times the end of the thread's range, and its next part, all in one, so that nobody
#: takes a part of a job that has ended.
_DONE, _OWNED, _ASLEEP, _STOPPED, _FUNCTION, _JOB, _THREADS, _TICKETS = range(0, 8 * 128, 128)
_NEXT = 128
_END_SHIFT, _JOB_SHIFT, _PART = 16, 32, 0xFFFF
#: Most parts of a job, what is taken where there is none, and the number of a thread that takes none.
MOST_PARTS, NO_PART, ALONE = _PART, -1, -1

#: Looks for work before a helper sleeps, some .6 ms: longer than it takes from one update of a network to the next.
_PATIENCE = 20000


@register_jitable  # type: ignore[untyped-decorator]
def take(board: Any, thread: Any) -> Any:
    """Return the next part of the job for a thread, which it must do then; NO_PART where none is left, or the thread is ALONE."""
    if thread == ALONE:
        return NO_PART
    threads = load(board + _THREADS)
    for other in range(threads):
        place = board + _TICKETS + (thread + other) % threads * _NEXT
        while True:
            ticket = load(place)
            part, end = ticket & _PART, ticket >> _END_SHIFT & _PART
            if part >= end:
                break
            taken = ticket + 1
            if other > 0:
                part, taken = end - 1, ticket - (1 << _END_SHIFT)
            if replace(place, ticket, taken):
                return part
    return NO_PART


@register_jitable  # type: ignore[untyped-decorator]
def _work(board: Any, thread: Any) -> Any:
    """Take and do parts until none is left, and return how many that were."""
    done = 0
    while True:
        part = take(board, thread)
        if part == NO_PART:
            return done
        some = call_part(load(board + _FUNCTION), load(board + _JOB), part, thread)
        add(board + _DONE, some)
        done += some


@register_jitable  # type: ignore[untyped-decorator]
def threads_of(board: Any) -> Any:
    """Return how many threads share what is shared with a board, the caller's among them: 1 to 64."""
    return load(board + _THREADS)


@register_jitable  # type: ignore[untyped-decorator]
def are_asleep(board: Any) -> Any:
    """Return whether a helper of the board must be woken by :meth:`Crew.wake` to take part."""
    return load(board + _ASLEEP) != 0


@register_jitable  # type: ignore[untyped-decorator]
def share(board: Any, function: Any, job: Any, parts: Any) -> None:
    """Have all parts of a job, at most MOST_PARTS, done by all who are awake; return when all are done.

    ``board`` is 0 or a crew's; ``function`` is the address of a compiled int64(int64 job, int64 part, int64 thread). It does the
    part, and may :func:`take` further ones; it returns how many it did.
    """
    if board == 0 or parts < 2 or not replace(board + _OWNED, 0, 1):  # alone, as where another thread of Python is at it
        for part in range(parts):
            call_part(function, job, part, ALONE)
        return
    store(board + _FUNCTION, function)
    store(board + _JOB, job)
    store(board + _DONE, 0)
    number = (load(board + _TICKETS) >> _JOB_SHIFT) + 1
    threads = load(board + _THREADS)
    for k in range(threads):
        thread = threads - 1 - k  # the caller's last: helpers who look on would take parts of it before they have their own
        first, end = parts * thread // threads, parts * (thread + 1) // threads
        store(board + _TICKETS + thread * _NEXT, number << _JOB_SHIFT | end << _END_SHIFT | first)
    _work(board, 0)
    while load(board + _DONE) != parts:
        pause()
    store(board + _OWNED, 0)


@njit_only(types.void(types.int64, types.int64))
def _help_out(board: int, thread: int) -> None:
    idle = 0
    while idle < _PATIENCE and load(board + _STOPPED) == 0:
        idle = 0 if _work(board, thread) > 0 else idle + 1
        pause()


@njit_only(types.void(types.int64))
def _fall_asleep(board: int) -> None:
    add(board + _ASLEEP, 1)


@njit_only(types.int64(types.int64))
def _waken(board: int) -> int:
    return int(exchange(board + _ASLEEP, 0))


@njit_only(types.void(types.int64))
def _stop(board: int) -> None:
    store(board + _STOPPED, 1)


class Crew:
    """Helpers of whoever calls :func:`share` with their board.

    Parameters
    ----------
    helpers : int
        How many threads there are besides the caller's.

    Attributes
    ----------
    board : int
        What :func:`share` takes: an address, valid as long as the crew is kept.
    """

    def __init__(self, helpers: int) -> None:
        self._words = aligned_zeros((_TICKETS + (helpers + 1) * _NEXT) // 8, np.int64)
        self._words[_THREADS // 8] = helpers + 1
        self.board: int = self._words.ctypes.data
        self._calls: SimpleQueue[None] = SimpleQueue()
        self._threads = [
            threading.Thread(target=self._serve, args=(number,), name="crosstwin-helper", daemon=True)
            for number in range(1, helpers + 1)
        ]
        for thread in self._threads:
            thread.start()
        # Before Python takes the compiled code away from under them.
        atexit.register(self.stop)

    def _serve(self, number: int) -> None:
        while not self._words[_STOPPED // 8]:
            _help_out(self.board, number)
            _fall_asleep(self.board)  # before it waits, so that no call is lost
            self._calls.get()

    @property
    def jobs(self) -> int:
        """How many jobs have been shared so far."""
        return int(self._words[_TICKETS // 8]) >> _JOB_SHIFT

    def wake(self) -> None:
        """Wake all helpers that sleep."""
        for _ in range(_waken(self.board)):
            self._calls.put(None)

    def stop(self) -> None:
        """End the helpers' threads, for good."""
        _stop(self.board)
        for _ in self._threads:
            self._calls.put(None)
        for thread in self._threads:
            thread.join()


@cache
def crew(threads: int) -> Crew:
    """Return the process's crew that makes so many threads with the caller's; at least 2."""
    return Crew(threads - 1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=crew.cache_clear)  # a child has none of its parent's threads
