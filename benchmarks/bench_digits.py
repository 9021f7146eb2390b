"""Test accuracy on digits, mean of the last 5 of 30 epochs over 5 seeds, against the peer simulator's on the same task.

The references are what aihwkit 1.2.0 reached on its own simulator with the same network, data, devices and converters, over 5
runs with tuned settings: SGD, and TTv1 for SHD. All runs are on the golden model; one of SHD on s1 is repeated through the RTL
and must give the same conductances to the last bit. SGD has a random source for every line; it is also shown with numbers that
all rows share, by which the errors of a column's cells add up: that costs SGD much and SHD nothing.

The program ends with exit code 1 where a case does not reach what is promised of it, or where the RTL gives other bits.
"""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from common import Row, report

from crosstwin_model.devices import load_device
from crosstwin_sim.backends import open_backend
from crosstwin_sim.experiments.digits import CONFIG, final_accuracy, load_split, train_float
from crosstwin_sim.experiments.run import Run, train
from crosstwin_sim.experiments.settings import digits_settings
from crosstwin_sim.network import Algorithm
from crosstwin_sim.rtl.build import build

EPOCHS = 30
SEEDS = (1, 2, 3, 4, 5)
#: The seed of the run that is repeated through the RTL.
RTL_SEED = 1


@dataclass(frozen=True)
class Case:
    """One line of the result; with no algorithm it is the float reference. ``least`` is the accuracy promised, in percent."""

    name: str
    algorithm: Algorithm | None
    device: str = "s1"
    zero_shift: bool = False
    backend: str = "model"
    source: str | None = None
    reference: float | None = None
    least: float = 0.0


CASES = (
    Case("SHD, s1", Algorithm.SHD, reference=95.7, least=96.5),
    Case("SHD, s2", Algorithm.SHD, "s2", reference=95.1, least=95.5),
    Case("SHD, s3, zero-shifted", Algorithm.SHD, "s3", zero_shift=True, reference=97.0, least=97.0),
    Case("SGD, s1", Algorithm.SGD, reference=86.3),
    Case("SGD, s2", Algorithm.SGD, "s2", reference=79.9),
    Case("SGD, s3", Algorithm.SGD, "s3", reference=87.6),
    Case("SGD, s1, numbers shared by all rows", Algorithm.SGD, source="hammersley", reference=86.3),
    Case("SGD, symmetric devices", Algorithm.SGD, "symmetric"),
    Case("SGD in floats", None, reference=97.6),
)


def outcome(job: tuple[Case, int]) -> tuple[float, str]:
    """Train one case with one seed; return its accuracy in percent and the SHA-256 of its conductances."""
    case, seed = job
    split = load_split(seed)
    if case.algorithm is None:
        return 100 * final_accuracy(train_float(digits_settings("s1", Algorithm.SHD), split, EPOCHS, seed, lambda: None)), ""
    device = load_device(case.device)
    settings = digits_settings(case.device, case.algorithm)
    if case.source is not None:
        settings = replace(settings, source=case.source)
    run = Run(case.algorithm, device, case.zero_shift, EPOCHS, seed, settings)
    plant = run.make_plant()
    backend = open_backend(case.backend, run.controller, plant)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.npz"
        result = train(
            run, backend, plant, split, tick=lambda: None, epoch_done=lambda done, value: None, path=path, resume=False
        )
    backend.close()
    return 100 * final_accuracy(result.accuracy), result.conductance_sha256


def main() -> None:
    """Train all cases, two runs at a time."""
    build(CONFIG)
    rows, wrong = [], []
    through_rtl = replace(CASES[0], backend="rtl")
    jobs = [(through_rtl, RTL_SEED), *((case, seed) for case in CASES for seed in SEEDS)]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        results = pool.imap(outcome, jobs)
        rtl_value, rtl_digest = next(results)
        for case in CASES:
            found = [next(results) for _ in SEEDS]
            values = np.array([accuracy for accuracy, _ in found])
            if case is CASES[0] and found[SEEDS.index(RTL_SEED)] != (rtl_value, rtl_digest):
                wrong.append(f"{case.name}: the RTL does not give the golden model's conductances with the seed {RTL_SEED}")
            mean = float(values.mean())
            if mean < case.least:
                wrong.append(f"{case.name}: {mean:.2f} %; promised are {case.least} %")
            spread = float(values.std(ddof=1))
            print(f"{case.name}: {mean:.2f} %, standard deviation {spread:.2f}", flush=True)
            rows.append(Row(case.name, mean, "%", case.reference, None if case.reference is None else mean / case.reference))
            rows.append(Row(f"{case.name}: standard deviation", spread, "%"))
    rows.append(Row(f"{CASES[0].name}, through the RTL, seed {RTL_SEED}", rtl_value, "%"))
    report("digits", rows)
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
