"""One training run of `crosstwin train conv` or `text` on validation samples, with some of its settings changed.

The validation samples are the last fifth of the training samples; the test samples take no part.
`python benchmarks/tune_learning.py conv shd --epochs 6 rates=0.1,0.2,0.2 bound_steps=0` prints the score of every epoch.
"""

from __future__ import annotations

import argparse
from ast import literal_eval
from dataclasses import fields, replace
from typing import Any

from crosstwin_model.devices import load_device
from crosstwin_sim.experiments.conv import SETTINGS, ConvRun
from crosstwin_sim.experiments.corpus import load_corpus
from crosstwin_sim.experiments.images import load_split
from crosstwin_sim.experiments.settings import Settings
from crosstwin_sim.experiments.text import TextRun, corpus_sha256, text_settings
from crosstwin_sim.experiments.training import BaseRun
from crosstwin_sim.model_backend import ModelBackend
from crosstwin_sim.network import Algorithm

#: No reported run has it.
SEED = 101
CHARACTERS = 20_000
HIDDEN = 64


def changed(settings: Settings, changes: list[str]) -> Settings:
    """Return settings with the values of `name=value` and `name=value,value` in place of theirs."""
    names = {field.name for field in fields(Settings)}
    values: dict[str, Any] = {}
    for change in changes:
        name, _, value = change.partition("=")
        if name not in names:
            raise SystemExit(f"there is no setting {name!r}; allowed are {', '.join(sorted(names))}")
        values[name] = value if name == "source" else literal_eval(value)
    return replace(settings, **values)


def prepare(experiment: str, algorithm: Algorithm, device_name: str, epochs: int, changes: list[str]) -> tuple[BaseRun, Any]:
    """Return the run, and its data with validation samples in place of test samples."""
    device = load_device(device_name)
    if experiment == "conv":
        settings = changed(SETTINGS[algorithm], changes)
        return ConvRun(algorithm, device, False, epochs, SEED, settings), load_split(SEED).validation()
    corpus = load_corpus(None, CHARACTERS, 1).validation()
    settings = changed(text_settings(algorithm, 1), changes)
    return TextRun(algorithm, device, False, epochs, SEED, settings, HIDDEN, 1, corpus_sha256(corpus)), corpus


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("experiment", choices=["conv", "text"])
    parser.add_argument("algorithm", choices=[algorithm.value for algorithm in Algorithm])
    parser.add_argument("--device", default="s1")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("changes", nargs="*", metavar="name=value")
    arguments = parser.parse_args()
    algorithm = Algorithm(arguments.algorithm)
    run, data = prepare(arguments.experiment, algorithm, arguments.device, arguments.epochs, arguments.changes)
    trainer = run.trainer(ModelBackend(run.controller, run.make_plant()), data)
    trainer.initialise()
    for epoch in range(run.epochs):
        print(f"{trainer.run_epoch(epoch, lambda: None):.4f}", end=" ", flush=True)
    print(f"  reads {trainer.reads()}")


if __name__ == "__main__":
    main()
