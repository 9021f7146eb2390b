"""`crosstwin train digits`: train a fully connected network on digits."""

from __future__ import annotations

from typing import Any

import click

from crosstwin_model.plant import Plant
from crosstwin_sim.experiments.derived import REFERENCE
from crosstwin_sim.experiments.digits import CONFIG, load_split, train_float
from crosstwin_sim.experiments.picture import draw_network
from crosstwin_sim.experiments.run import Run
from crosstwin_sim.experiments.settings import digits_settings, tuned_settings
from crosstwin_sim.figures import ACCURACY, Curve
from crosstwin_sim.network import Algorithm

from .learning import Task, carry_out
from .train_options import Wanted, run_options


@click.command("digits")
@run_options(epochs=30)
def command(**options: Any) -> None:
    """Train a 64-32-10 network on 8 x 8 images of digits, and a float reference beside it.

    \b
    Examples:
      crosstwin train digits --algorithm shd --device s1 --backend model
      crosstwin train digits --algorithm sgd --device s1 --backend model --epochs 5 --json sgd.json
      crosstwin train digits --device s3 --zero-shift --plot s3.png
      crosstwin train digits --device examples/device.toml
      crosstwin train digits --device examples/device.toml --resume
      crosstwin train digits --epochs 1 --trace run.h5
      crosstwin train digits --plant examples/plant.toml
      crosstwin train digits --array emulated

    Ctrl-C keeps the last finished epoch; the same command with --resume goes on from it. A device file has one table
    [device] and is trained with settings that a rule derives from it (docs/learning.md); the options from --rate on change them.
    A plant file has one table [plant], with line resistance in [plant.lines]
    (docs/devices.md). The array "emulated" is the one that a board can have in its gateware, bit for bit
    (docs/emulated_array.md). The algorithm float uses no crossbar.
    """
    wanted = Wanted.of(options)
    split, device = load_split(wanted.seed), wanted.load_device()
    choice = wanted.choose(device, tuned_settings, lambda algorithm: digits_settings(REFERENCE.name, algorithm), CONFIG)
    reference_settings = tuned_settings(device, Algorithm.SHD) or digits_settings(REFERENCE.name, Algorithm.SHD)
    run = Run(
        wanted.chosen,
        device,
        choice.zero_shift,
        wanted.epochs,
        wanted.seed,
        choice.settings,
        plant=wanted.load_plant(),
        array=wanted.load_array(),
    )

    def draw(path: str, title: str, curves: list[Curve], plant: Plant) -> None:
        draw_network(path, title, curves, run, plant, split)

    task = Task(
        "Digits",
        run,
        choice,
        split,
        len(split.train_y) + len(split.test_y),
        lambda tick: train_float(reference_settings, split, wanted.epochs, wanted.seed, tick),
        len(split.train_y),
        ACCURACY,
        draw=draw,
    )
    carry_out(wanted, task)
