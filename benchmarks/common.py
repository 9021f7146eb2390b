"""What all benches share: measuring in pairs, and the result file build/bench/NAME.json."""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from crosstwin_sim.files import write_text
from crosstwin_sim.rtl.build import build_folder


@dataclass(frozen=True)
class Row:
    """One measured value; ``reference`` is what it is held against.

    ``ratio`` is value / reference, and where a duration is held against a peer's, how many times as fast: reference / value.
    """

    name: str
    value: float
    unit: str
    reference: float | None = None
    ratio: float | None = None


def seconds(action: Callable[[], object]) -> float:
    """Return how long an action takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def cpu_seconds(action: Callable[[], object]) -> float:
    """Return how much processor time of this thread an action takes."""
    start = time.thread_time()
    action()
    return time.thread_time() - start


def calls_for(run: Callable[[int], float], duration: float) -> int:
    """Return how many calls take about so many seconds, at least 1; ``run(n)`` makes n and returns theirs.

    The first calls compile.
    """
    run(2)
    count = 1
    while (took := run(count)) < duration / 4:
        count *= 4
    return max(1, round(count * duration / took))


def stay_on_one_core() -> None:
    """Keep this process, and those that it starts, on one core where the system can: what slows a core down slows all of them."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def paired(first: Callable[[], float], second: Callable[[], float], rounds: int) -> tuple[float, float]:
    """Measure two things by turns, so that what slows the machine down slows both, and return both medians."""
    pairs = [(first(), second()) for _ in range(rounds)]
    return statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)


def compared(first: Callable[[], float], second: Callable[[], float], rounds: int) -> tuple[float, float, float]:
    """Measure two things by turns, each first in every other turn, and return both medians and the median of first / second."""
    pairs = []
    for turn in range(rounds):
        if turn % 2:
            late = second()
            pairs.append((first(), late))
        else:
            pairs.append((first(), second()))
    medians = [statistics.median(pair[side] for pair in pairs) for side in (0, 1)]
    return medians[0], medians[1], statistics.median(mine / theirs for mine, theirs in pairs)


def show(rows: list[Row]) -> None:
    """Print rows."""
    for row in rows:
        against = "" if row.reference is None else f"   against {row.reference:12.4g}: {row.ratio:.3f}"
        print(f"{row.name:56s} {row.value:12.4g} {row.unit:14s}{against}", flush=True)


def report(name: str, rows: list[Row], *, shown: bool = False) -> None:
    """Print the rows, unless the bench has shown them as they came, and write them to build/bench/NAME.json."""
    if not shown:
        show(rows)
    path = build_folder() / "bench" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps([asdict(row) for row in rows], indent=2) + "\n")
