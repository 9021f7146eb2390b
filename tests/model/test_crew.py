"""Threads share the parts of a job: every part is done once, by two where two are there, and by the caller where none is."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numba
import numpy as np
import pytest
from numba.core import types

from crosstwin_model.atomics import add, load, pause
from crosstwin_model.crew import MOST_PARTS, NO_PART, PART_TYPE, Crew, are_asleep, share, take
from crosstwin_model.jit import njit_only

#: A job is counters, one for each part, or for the parts that wait for each other two numbers: how many came, and how many met.
_LONG, _VOID = types.int64, types.void


@pytest.fixture(scope="module")
def crew() -> Iterator[Crew]:
    made = Crew(2)
    yield made
    made.stop()


def _count(job: int, part: int, thread: int) -> int:
    add(job + 8 * part, 1)
    return 1


def _meet(job: int, part: int, thread: int) -> int:
    add(job, 1)
    for _ in range(100_000):  # some milliseconds
        if load(job) >= 2:
            add(job + 8, 1)
            break
        pause()
    return 1


def _count_all(job: int, part: int, thread: int) -> int:
    """Count parts at the places from the second on, whose board is the first word of the job, and go on with further ones."""
    done = 0
    while part != NO_PART:
        add(job + 8 * (part + 1), 1)
        done += 1
        part = take(load(job), thread)
    return done


COUNT, MEET, COUNT_ALL = (numba.cfunc(PART_TYPE)(part) for part in (_count, _meet, _count_all))


def _share(board: int, function: int, job: int, parts: int) -> None:
    share(board, function, job, parts)


SHARE: Callable[[int, int, int, int], None] = njit_only(_VOID(_LONG, _LONG, _LONG, _LONG))(_share)
ASLEEP: Callable[[int], bool] = njit_only(types.boolean(_LONG))(lambda board: are_asleep(board))


def _until(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + 600
    while not (met := condition()) and time.monotonic() < end:
        time.sleep(0.001)
    return met


def _job(size: int) -> tuple[Any, int]:
    words = np.zeros(size, np.int64)
    return words, words.ctypes.data


@pytest.mark.parametrize("parts", [0, 1, 2, 3, 7, 64, 1000, MOST_PARTS])
def test_every_part_is_done_once_in_every_job(crew: Crew, parts: int) -> None:
    done, job = _job(parts + 1)
    for _ in range(20):
        crew.wake()
        SHARE(crew.board, COUNT.address, job, parts)
    assert (done[:parts] == 20).all() and done[parts] == 0


@pytest.mark.parametrize("parts", [1, 2, 7, 1000, MOST_PARTS - 1])
def test_a_function_may_take_further_parts_itself(crew: Crew, parts: int) -> None:
    for board in (crew.board, 0):
        done, job = _job(parts + 2)
        done[0] = board
        for _ in range(20):
            crew.wake()
            SHARE(board, COUNT_ALL.address, job, parts)
        assert (done[1:-1] == 20).all() and done[-1] == 0


def test_thousands_of_short_jobs(crew: Crew) -> None:
    """A helper that looks at a job just when it ends must not take a part of the next one twice, or of the last."""
    done, job = _job(5)
    before = crew.jobs
    for _ in range(20_000):
        SHARE(crew.board, COUNT.address, job, 4)
    assert done.tolist() == [20_000] * 4 + [0]
    assert crew.jobs == before + 20_000


def test_parts_that_wait_for_each_other_are_done_by_two_threads(crew: Crew) -> None:
    """A helper that falls asleep just when it is looked for leaves all to the caller, so not every job of two parts has two."""

    def met() -> bool:
        words, job = _job(2)
        crew.wake()
        SHARE(crew.board, MEET.address, job, 2)
        return int(words[1]) == 2

    assert _until(met)


def test_helpers_fall_asleep_and_the_caller_does_all(crew: Crew) -> None:
    assert _until(lambda: ASLEEP(crew.board))
    done, job = _job(9)
    SHARE(crew.board, COUNT.address, job, 9)
    assert (done == 1).all()
    crew.wake()
    assert _until(lambda: ASLEEP(crew.board))


def test_callers_in_several_threads(crew: Crew) -> None:
    """One of them has the helpers, the others do without; each gets its own job done."""
    jobs = [_job(50) for _ in range(4)]

    def call(job: int) -> None:
        for _ in range(500):
            SHARE(crew.board, COUNT.address, job, 50)

    threads = [threading.Thread(target=call, args=(job,)) for _, job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all((done == 500).all() for done, _ in jobs)


def test_without_a_crew_the_caller_does_all() -> None:
    done, job = _job(9)
    SHARE(0, COUNT.address, job, 9)
    assert (done == 1).all()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_program_with_helpers_ends_and_its_children_go_on() -> None:
    program = """
import os
import numpy as np
from crosstwin_model.config import ControllerConfig
from crosstwin_model.plant import Plant, PlantConfig

words = np.full((256, 1), 0xFFFFFFFF, np.uint64)
plant = Plant(ControllerConfig("test", rows=256, columns=256), PlantConfig(), threads=3)
plant.pulse(0, True, words, words)
child = os.fork()
for up in (False, True):
    plant.pulse(0, up, words, words)
fresh = Plant(ControllerConfig("test", rows=256, columns=256), PlantConfig(), threads=3)
for up in (True, False, True):
    fresh.pulse(0, up, words, words)
assert fresh.digest() == plant.digest()
if child:
    assert os.waitpid(child, 0)[1] == 0
    print("both ended")
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, timeout=600)
    assert (done.stdout, done.stderr, done.returncode) == ("both ended\n", "", 0)
