"""Test accuracy on digits, mean of the last 5 of 30 epochs over 3 seeds, against the peer simulator's on the same task.

The references are what aihwkit 1.2.0 reached on its own simulator with the same network, data, devices and converters, over 5
runs with tuned settings: SGD, and TTv1 for SHD. SHD on s1 runs through the RTL, with numbers that all rows share. SGD has a
random source for every line; it is also shown with shared numbers, by which the errors of a column's cells add up: that costs
SGD much and SHD nothing.
"""

from __future__ import annotations

import multiprocessing
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from common import Row, report

from crosstwin_model.devices import load_device
from crosstwin_sim.backends import open_backend
from crosstwin_sim.experiments.digits import CONFIG, final_accuracy, load_split, make_plant, train_float
from crosstwin_sim.experiments.run import Run, train
from crosstwin_sim.experiments.settings import digits_settings
from crosstwin_sim.network import Algorithm
from crosstwin_sim.rtl.build import build

EPOCHS = 30
SEEDS = (1, 2, 3)


@dataclass(frozen=True)
class Case:
    """One line of the result; with no algorithm it is the float reference."""

    name: str
    algorithm: Algorithm | None
    device: str = "s1"
    zero_shift: bool = False
    backend: str = "model"
    source: str | None = None
    reference: float | None = None


CASES = (
    Case("SHD, s1, through the RTL", Algorithm.SHD, backend="rtl", reference=95.7),
    Case("SHD, s2", Algorithm.SHD, "s2", reference=95.1),
    Case("SHD, s3, zero-shifted", Algorithm.SHD, "s3", zero_shift=True, reference=97.0),
    Case("SGD, s1", Algorithm.SGD, reference=86.3),
    Case("SGD, s1, numbers shared by all rows", Algorithm.SGD, source="hammersley", reference=86.3),
    Case("SGD, symmetric devices", Algorithm.SGD, "symmetric"),
    Case("SGD in floats", None, reference=97.6),
)


def accuracy(job: tuple[Case, int]) -> float:
    """Train one case with one seed."""
    case, seed = job
    split = load_split(seed)
    if case.algorithm is None:
        return final_accuracy(train_float(digits_settings("s1", Algorithm.SHD), split, EPOCHS, seed, lambda: None))
    device = load_device(case.device)
    settings = digits_settings(case.device, case.algorithm)
    if case.source is not None:
        settings = replace(settings, source=case.source)
    run = Run(case.algorithm, device, case.zero_shift, EPOCHS, seed, settings)
    plant = make_plant(device, seed, run.controller)
    backend = open_backend(case.backend, run.controller, plant)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.npz"
        result = train(
            run, backend, plant, split, tick=lambda: None, epoch_done=lambda done, value: None, path=path, resume=False
        )
    backend.close()
    return final_accuracy(result.accuracy)


def main() -> None:
    """Train all cases, two runs at a time."""
    build(CONFIG)
    rows = []
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        results = pool.imap(accuracy, [(case, seed) for case in CASES for seed in SEEDS])
        for case in CASES:
            value = 100 * float(np.mean([next(results) for _ in SEEDS]))
            print(f"{case.name}: {value:.2f} %", flush=True)
            rows.append(Row(case.name, value, "%", case.reference, None if case.reference is None else value / case.reference))
    report("digits", rows)


if __name__ == "__main__":
    main()
