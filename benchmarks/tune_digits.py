"""The settings of the digits experiment against their neighbours: each one varied alone, accuracy on a validation split.

The validation samples are the last fifth of the training samples; the test samples of the same split take no part. Each line is
the mean of the last 5 of 30 epochs, over seeds that the reported runs do not use; those split the same digits in another way.
`python benchmarks/tune_digits.py s1 shd` trains 28 settings on three seeds.
"""

from __future__ import annotations

import argparse
import multiprocessing
from dataclasses import replace

import numpy as np

from crosstwin_model.devices import load_device
from crosstwin_sim.experiments.digits import DigitsTrainer, final_accuracy, load_split
from crosstwin_sim.experiments.run import Run
from crosstwin_sim.experiments.settings import SETTINGS, Settings
from crosstwin_sim.model_backend import ModelBackend
from crosstwin_sim.network import Algorithm

EPOCHS = 30
SEEDS = (101, 102, 103)

Variant = tuple[str, Settings]


def scaled(values: tuple[float, ...], first: float, second: float) -> tuple[float, float]:
    """Return rates of both layers, each multiplied."""
    return values[0] * first, values[1] * second


def variants(settings: Settings, algorithm: Algorithm) -> list[Variant]:
    """Return the settings and their neighbours."""
    found: list[Variant] = [("as they are", settings)]
    for factor in (0.5, 2.0):
        found += [
            (f"rate of layer 1 x {factor}", replace(settings, rates=scaled(settings.rates, factor, 1.0))),
            (f"rate of layer 2 x {factor}", replace(settings, rates=scaled(settings.rates, 1.0, factor))),
            (f"scale of layer 1 x {factor}", replace(settings, scales=scaled(settings.scales, factor, 1.0))),
            (f"scale of layer 2 x {factor}", replace(settings, scales=scaled(settings.scales, 1.0, factor))),
        ]
        if algorithm is Algorithm.SHD:
            rates = settings.transfer_rates
            found += [
                (f"transfer rate of layer 1 x {factor}", replace(settings, transfer_rates=scaled(rates, factor, 1.0))),
                (f"transfer rate of layer 2 x {factor}", replace(settings, transfer_rates=scaled(rates, 1.0, factor))),
            ]
    found += [(f"skip below {value}", replace(settings, skip_below=value)) for value in (0.0, 0.05, 0.2, 0.4)]
    found += [(f"decay {value}", replace(settings, decay=value)) for value in (0.0, 5.0)]
    found += [(f"BL from {value}", replace(settings, bl_min=value)) for value in (1, 4, 32)]
    if algorithm is Algorithm.SHD:
        found += [(f"transfer every {value}", replace(settings, transfer_every=(value, value))) for value in (1, 2, 4)]
        found += [(f"transfer gains 2**{value}", replace(settings, transfer_gains=(value, value))) for value in (3, 4, 6)]
    else:
        found += [(f"source {source}", replace(settings, source=source)) for source in ("hammersley", "lfsr_per_line")]
    return found


def validate(device_name: str, algorithm: Algorithm, zero_shift: bool, settings: Settings, seed: int) -> float:
    """Train once and return the validation accuracy."""
    device = load_device(device_name)
    run = Run(algorithm, device, zero_shift, EPOCHS, seed, settings)
    backend = ModelBackend(run.controller, run.make_plant())
    trainer = DigitsTrainer(backend, run, load_split(seed).validation())
    trainer.initialise()
    return final_accuracy([trainer.run_epoch(epoch, lambda: None) for epoch in range(EPOCHS)])


def validate_job(job: tuple[str, Algorithm, bool, Settings, int]) -> float:
    """Do :func:`validate` with its arguments in one tuple."""
    return validate(*job)


def main() -> None:
    """Print the table of one device and algorithm."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("device", choices=sorted(SETTINGS))
    parser.add_argument("algorithm", choices=[algorithm.value for algorithm in Algorithm])
    parser.add_argument("--zero-shift", action="store_true")
    parser.add_argument("--only", default="", help="variants whose name holds this")
    arguments = parser.parse_args()
    algorithm = Algorithm(arguments.algorithm)
    chosen = [item for item in variants(SETTINGS[arguments.device][algorithm], algorithm) if arguments.only in item[0]]
    jobs = [(arguments.device, algorithm, arguments.zero_shift, settings, seed) for _, settings in chosen for seed in SEEDS]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        results = pool.imap(validate_job, jobs)
        for name, _ in chosen:
            scores = 100 * np.array([next(results) for _ in SEEDS])
            print(f"{name:32s} {scores.mean():6.2f} +- {scores.std(ddof=1) / np.sqrt(len(scores)):.2f} %", flush=True)


if __name__ == "__main__":
    main()
