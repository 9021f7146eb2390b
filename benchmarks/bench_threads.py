"""Two threads of the golden model against one, on updates and reads from float vectors, 256 to 4096 lines a side.

They are timed by the clock on the wall, by turns, in short rounds; before, between and behind them arithmetic of two threads is
held against that of one (:func:`cores.cores`). What counts are the rounds in which that says that there were two cores, and how
many it said is printed with them. Beside reads there is what two threads gain at reading as many bytes and no more.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt
from common import Row, calls_for, report, show
from cores import Reading, cores
from golden_layer import GoldenLayer
from peer.vectors import RING

SIZES = (256, 512, 1024, 2048, 4096)
ACTIONS = (("dense", ("update", "forward", "backward")), ("typical", ("update",)))
#: A round takes about that many seconds a side, and there are so many rounds: as many as there is time for.
ROUND = 0.003
LEAST_ROUNDS, MOST_ROUNDS, SECONDS = 40, 400, 6.0
MOST_CALLS = 4 * RING
#: Cores from which on a round counts, and how many rounds count where fewer had them: those that came nearest.
CLEAR, LEAST_COUNTED = 1.9, 15

Seconds = Callable[[], float]


def waked(layer: GoldenLayer, action: str, count: int) -> float:
    """Return the seconds of a call by the clock on the wall, once its threads are awake, as they are in a run of training.

    It is always the same vectors: rounds of others are quicker because there are fewer pulses.
    """
    layer.run(action, 1 + count // 4)
    layer.rewind()
    return layer.run(action, count, time.perf_counter) / count


def rounds(one: Seconds, two: Seconds) -> npt.NDArray[np.float64]:
    """Return seconds of one thread, seconds of two, and the least cores around them, float64[rounds, 3]."""
    found = []
    end = time.perf_counter() + SECONDS
    after = cores()
    while len(found) < LEAST_ROUNDS or (len(found) < MOST_ROUNDS and time.perf_counter() < end):
        before, single, between, double, after = after, one(), cores(), two(), cores()
        found.append((single, double, min(before, between, after)))
    return np.array(found)


def counted(found: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the rounds that count."""
    ordered = found[np.argsort(found[:, 2], kind="stable")]
    return ordered[-max(LEAST_COUNTED, int((ordered[:, 2] >= CLEAR).sum())) :]


def rows_of(name: str, one: Seconds, two: Seconds) -> list[Row]:
    """Measure something with one thread and with two."""
    found = counted(rounds(one, two))
    single, double, had = (float(value) for value in np.median(found, axis=0))
    ratio = float(np.median(found[:, 0] / found[:, 1]))
    rows = [
        Row(f"{name}, two threads against one", 1e6 * double, "us", 1e6 * single, ratio),
        Row(f"{name}, cores in those {len(found)} rounds", had, "cores"),
    ]
    show(rows)
    return rows


def main() -> None:
    """Measure, print and write build/bench/threads.json."""
    rows = []
    for lines in SIZES:
        for kind, actions in ACTIONS:
            layers = tuple(GoldenLayer(lines, kind, threads) for threads in (1, 2))
            for action in actions:
                what = f"direct {action}"
                count = min(calls_for(partial(layers[0].run, what), ROUND), MOST_CALLS)
                one, two = (partial(waked, layer, what, count) for layer in layers)
                rows += rows_of(f"{lines} x {lines}, {kind}: {action}", one, two)
        plain = Reading(lines * lines)
        rows += rows_of(f"{lines} x {lines}: plain reading", partial(plain.seconds, 1), partial(plain.seconds, 2))
    report("threads", rows, shown=True)


if __name__ == "__main__":
    main()
