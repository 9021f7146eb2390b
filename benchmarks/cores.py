"""What two threads of this machine can gain: at arithmetic, which shares nothing, and at reading, which shares the memory.

The cores of a virtual machine may be two threads of one real core, for seconds or for minutes, and then no program gains by a
second thread. Helpers of the program's own crew are asked, so that they are where they are when they help out.
"""

from __future__ import annotations

import time

import numba
import numpy as np

from crosstwin_model.atomics import store
from crosstwin_model.crew import PART_TYPE, crew, share
from crosstwin_model.memory import aligned_zeros, words_at

_MIX = np.uint64(6364136223846793005)
_SHIFT = np.uint64(29)
#: Steps of a part, some 50 us: six products at once keep a core's multiplier busy.
_STEPS = 20000
#: Jobs before the one that counts, in which helpers wake up.
_AHEAD = 8
#: Bytes between results of the parts of a job, which then share no line of the cache.
_APART = 128


@numba.cfunc(PART_TYPE)
def _multiply(job: int, part: int, thread: int) -> int:
    a, b, c, d, e, f = np.uint64(1), np.uint64(3), np.uint64(5), np.uint64(7), np.uint64(11), np.uint64(13)
    for _ in range(_STEPS):
        a, b, c = (a ^ (a >> _SHIFT)) * _MIX, (b ^ (b >> _SHIFT)) * _MIX, (c ^ (c >> _SHIFT)) * _MIX
        d, e, f = (d ^ (d >> _SHIFT)) * _MIX, (e ^ (e >> _SHIFT)) * _MIX, (f ^ (f >> _SHIFT)) * _MIX
    store(job + _APART * part, np.int64(a ^ b ^ c ^ d ^ e ^ f))
    return 1


@numba.cfunc(PART_TYPE)
def _look(job: int, part: int, thread: int) -> int:
    places = words_at(job, 2, np.int64)
    half = places[1] // 2
    words = words_at(places[0] + 4 * half * part, half, np.int32)
    mixed = np.int32(0)
    for k in range(half):
        mixed ^= words[k]
    store(job + _APART * (1 + part), np.int64(mixed))
    return 1


@numba.njit(nogil=True)  # type: ignore[untyped-decorator]
def _share(board: int, function: int, job: int) -> None:
    share(board, function, job, 2)


def cores() -> float:
    """Return how many times as fast two threads are at arithmetic as one, just now."""
    helpers = crew(2)
    results = np.zeros(32, np.int64)
    helpers.wake()
    for _ in range(_AHEAD):
        _share(helpers.board, _multiply.address, results.ctypes.data)
    start = time.perf_counter()
    _share(helpers.board, _multiply.address, results.ctypes.data)
    middle = time.perf_counter()
    _share(0, _multiply.address, results.ctypes.data)
    return (time.perf_counter() - middle) / (middle - start)


class Reading:
    """Looks at each of a number of words once, of 32 bits, as many as the conductances of a tile have cells."""

    def __init__(self, words: int) -> None:
        self._words = aligned_zeros(words, np.int32)
        self._words[:] = np.arange(words, dtype=np.int32)
        self._job = np.zeros(3 * _APART // 8, np.int64)
        self._job[:2] = self._words.ctypes.data, words
        self._results = np.zeros(2 * _APART // 8, np.int64)

    def seconds(self, threads: int) -> float:
        """Return how long one thread takes, or two, once they are awake and have looked before."""
        helpers = crew(2)
        helpers.wake()
        board = helpers.board if threads == 2 else 0
        for _ in range(_AHEAD):
            _share(helpers.board, _multiply.address, self._results.ctypes.data)
        for _ in range(2):
            start = time.perf_counter()
            _share(board, _look.address, self._job.ctypes.data)
            duration = time.perf_counter() - start
        return duration
