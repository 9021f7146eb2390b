"""`crosstwin train conv`: train a convolutional network on digits."""

from __future__ import annotations

from typing import Any

import click

from crosstwin_sim.experiments.conv import CONFIG, SETTINGS, ConvRun, train_float
from crosstwin_sim.experiments.derived import REFERENCE
from crosstwin_sim.experiments.images import load_split
from crosstwin_sim.figures import ACCURACY
from crosstwin_sim.network import Algorithm

from .learning import Task, carry_out
from .train_options import Wanted, run_options


@click.command("conv")
@run_options(epochs=10)
def command(**options: Any) -> None:
    """Train two convolutional stages and a layer of outputs on 8 x 8 images of digits, and a float reference beside it.

    \b
    Examples:
      crosstwin train conv --backend model
      crosstwin train conv --backend model --resume
      crosstwin train conv --backend model --algorithm sgd --json sgd.json
      crosstwin train conv --backend model --epochs 2 --plot conv.png

    Every patch of an image is one read, and one pulsed update, of the stage's crossbar. Ctrl-C keeps the last finished epoch;
    the same command with --resume goes on from it. The settings were tuned for s1; a rule carries them over to other devices
    (docs/learning.md), and the options from --rate on change them.
    """
    wanted = Wanted.of(options)
    split, device = load_split(wanted.seed), wanted.load_device()
    choice = wanted.choose(
        device,
        lambda twin, algorithm: SETTINGS[algorithm] if twin == REFERENCE else None,
        lambda algorithm: SETTINGS[algorithm],
        CONFIG,
    )
    reference_settings = SETTINGS[Algorithm.SHD]
    run = ConvRun(
        wanted.chosen,
        device,
        choice.zero_shift,
        wanted.epochs,
        wanted.seed,
        choice.settings,
        plant=wanted.load_plant(),
        array=wanted.load_array(),
    )
    task = Task(
        "Digits on a convolutional network",
        run,
        choice,
        split,
        len(split.train_y) + len(split.test_y),
        lambda tick: train_float(reference_settings, split, wanted.epochs, wanted.seed, tick),
        len(split.train_y),
        ACCURACY,
    )
    carry_out(wanted, task)
