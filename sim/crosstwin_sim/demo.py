"""The demonstration: digits learned through the RTL on asymmetric devices, and the golden model agreeing to the last bit."""

from __future__ import annotations

import multiprocessing
import signal
import sys
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from crosstwin_model.devices import load_device

from .backends import open_backend
from .errors import CrosstwinError, Terminated, end_at_sigterm
from .experiments.digits import final_accuracy, load_split, train_float
from .experiments.picture import draw_network
from .experiments.run import Run, train
from .experiments.settings import digits_settings
from .figures import Curve
from .network import Algorithm
from .rtl.build import build, build_folder

_DEVICE, _EPOCHS, _SEED = "s1", 30, 1
_console = Console(highlight=False)

#: Samples that each job has behind it, shared with the workers.
_counts: Any = None


@dataclass(frozen=True)
class Job:
    """One of the runs that are compared: an algorithm, on a back end or, with None, in floats."""

    algorithm: Algorithm
    backend: str | None
    label: str


#: The longest first; two run at a time.
JOBS = (
    Job(Algorithm.SHD, "rtl", "SHD through the RTL"),
    Job(Algorithm.SHD, "model", "SHD on the golden model"),
    Job(Algorithm.SGD, "model", "SGD on the golden model"),
    Job(Algorithm.SGD, None, "SGD in floats"),
)


@dataclass(frozen=True)
class Outcome:
    """What a job found; jobs in floats have neither clock cycles nor a plant's state."""

    accuracy: list[float]
    seconds: float
    clock_cycles: int | None = None
    state: dict[str, NDArray[Any]] | None = None
    sha256: str | None = None


def make_run(algorithm: Algorithm, epochs: int) -> Run:
    """Return the run of an algorithm on the demonstration's devices."""
    return Run(algorithm, load_device(_DEVICE), False, epochs, _SEED, digits_settings(_DEVICE, algorithm))


def run_job(index: int, epochs: int) -> Outcome:
    """Do one job, counting samples where the parent process sees them."""
    job = JOBS[index]
    split = load_split(_SEED)

    def tick() -> None:
        _counts[index] += 1

    if job.backend is None:
        began = time.monotonic()
        accuracy = train_float(digits_settings(_DEVICE, Algorithm.SHD), split, epochs, _SEED, tick)
        return Outcome(accuracy, time.monotonic() - began)
    run = make_run(job.algorithm, epochs)
    plant = run.make_plant()
    backend = open_backend(job.backend, run.controller, plant)
    path = build_folder() / "demo" / f"{run.key}-{job.backend}.npz"
    result = train(run, backend, plant, split, tick=tick, epoch_done=lambda done, accuracy: None, path=path, resume=False)
    backend.close()
    return Outcome(result.accuracy, result.seconds, result.clock_cycles, plant.state(), result.conductance_sha256)


def run_jobs(epochs: int) -> list[Outcome]:
    """Do all jobs, two at a time, under a progress bar for each."""
    context = multiprocessing.get_context("spawn")
    split = load_split(_SEED)
    trained = epochs * len(split.train_y)
    counts = context.RawArray("q", len(JOBS))
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with context.Pool(2, _start_worker, (counts,)) as pool, Progress(*columns, console=_console) as bars:
        tasks = [bars.add_task(job.label, total=trained + (epochs * len(split.test_y) if job.backend else 0)) for job in JOBS]
        pending = [pool.apply_async(run_job, (index, epochs)) for index in range(len(JOBS))]
        while not all(result.ready() for result in pending):
            for result in pending:
                if result.ready():
                    result.get()  # a job that failed ends the others
            for task, count in zip(tasks, counts, strict=True):
                bars.update(task, completed=count)
            time.sleep(0.1)
        for task, count in zip(tasks, counts, strict=True):
            bars.update(task, completed=count)
        return [result.get() for result in pending]


def differing_cells(one: Outcome, other: Outcome) -> tuple[int, int]:
    """Return how many cells of all tiles hold other bits in two outcomes, and how many cells there are."""
    assert one.state is not None
    assert other.state is not None
    bits = [outcome["conductance"].view(np.uint32) for outcome in (one.state, other.state)]
    return int(np.count_nonzero(bits[0] != bits[1])), bits[0].size


def results_table(outcomes: list[Outcome]) -> Table:
    """Return the one table of the demonstration."""
    epochs = len(outcomes[0].accuracy)
    table = Table(title=f"Digits on {_DEVICE} soft-bounds devices; accuracy: test samples, mean of the last 5 of {epochs} epochs")
    table.add_column("run", no_wrap=True)
    for heading in ("accuracy", "clock cycles", "seconds", "SHA-256"):
        table.add_column(heading, justify="right", no_wrap=True)
    for job, outcome in zip(JOBS, outcomes, strict=True):
        table.add_row(
            job.label,
            f"{100 * final_accuracy(outcome.accuracy):.2f} %",
            "" if outcome.clock_cycles is None else f"{outcome.clock_cycles:,}",
            f"{outcome.seconds:.1f}",
            f"{outcome.sha256[:8]}..." if outcome.sha256 else "",
        )
    return table


def main(epochs: int = _EPOCHS) -> int:
    """Run the demonstration; return 0 if RTL and golden model agree, 1 if not, 2 if something is missing, 130 at Ctrl-C.

    At SIGTERM it returns 143.
    """
    end_at_sigterm()
    folder = build_folder() / "demo"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        build(make_run(Algorithm.SHD, epochs).controller, report=lambda step: _console.print(f"RTL: {step} ..."))
        outcomes = run_jobs(epochs)
        through_rtl, on_model, sgd, reference = outcomes
        split = load_split(_SEED)
        run = make_run(Algorithm.SHD, epochs)
        plant = run.make_plant()
        assert through_rtl.state is not None
        plant.restore(through_rtl.state)
        curves = [
            Curve("SHD through the RTL", through_rtl.accuracy),
            Curve("SGD, same devices", sgd.accuracy),
            Curve("SGD in floats", reference.accuracy),
        ]
        path = folder / "demo.png"
        draw_network(
            path, "A crossbar of asymmetric devices learns digits through the controller's RTL", curves, run, plant, split
        )
    except CrosstwinError as error:
        print(f"crosstwin: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"crosstwin: {error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as error:
        print("Stopped.", file=sys.stderr)
        return 143 if isinstance(error, Terminated) else 130
    _console.print(results_table(outcomes))
    different, cells = differing_cells(through_rtl, on_model)
    same_cycles = through_rtl.clock_cycles == on_model.clock_cycles
    if different or not same_cycles:
        cycles = "the same" if same_cycles else "another"
        _console.print(
            f"RTL and golden model DIFFER: {different:,} of {cells:,} conductances, {cycles} number of clock cycles.",
            soft_wrap=True,
        )
        return 1
    _console.print(
        f"RTL and golden model: all {cells:,} conductances are identical to the last bit, and so are the clock cycles.",
        soft_wrap=True,
    )
    _console.print(f"Figure: {path}", soft_wrap=True)
    return 0


def _start_worker(counts: Any) -> None:
    global _counts
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears Ctrl-C and ends its workers
    _counts = counts


if __name__ == "__main__":
    sys.exit(main())
