"""`crosstwin train`: train a network on simulated crossbars."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from crosstwin_model.devices import load_device
from crosstwin_sim.backends import BACKENDS, default_backend, open_backend
from crosstwin_sim.experiments.digits import Split, final_accuracy, load_split, make_plant, train_float
from crosstwin_sim.experiments.picture import draw_network
from crosstwin_sim.experiments.run import Run, train
from crosstwin_sim.experiments.settings import digits_settings
from crosstwin_sim.figures import Curve, draw_run, figure_format
from crosstwin_sim.files import write_json
from crosstwin_sim.network import Algorithm
from crosstwin_sim.rtl.build import build_folder
from crosstwin_sim.trace import Recorder

from . import train_conv, train_text
from .common import interruptible, json_option, progress, require_folder, stderr, stdout


@click.group()
def command() -> None:
    """Train a network on simulated crossbars.

    \b
    Examples:
      crosstwin train digits --algorithm shd --device s1
      crosstwin train conv --backend model
      crosstwin train text --help
    """


command.add_command(train_conv.command)
command.add_command(train_text.command)


@command.command()
@click.option(
    "--algorithm", type=click.Choice(["sgd", "shd", "float"]), default="shd", show_default=True, help="float: no crossbar."
)
@click.option(
    "--device",
    "source",
    metavar="NAME|FILE.toml",
    default="s1",
    show_default=True,
    help="s1, s2, s3, symmetric, or a [device] file.",
)
@click.option("--zero-shift", is_flag=True, help="First drive A to its symmetry point and program its reference to it (shd).")
@click.option("--backend", "backend_name", type=click.Choice(BACKENDS), help="Default: rtl where a C++ compiler is found.")
@click.option("--epochs", type=click.IntRange(1, 1000), default=30, show_default=True)
@click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), default=1, show_default=True, help="Of split, weights, devices and noise."
)
@json_option
@click.option("--plot", "plot_path", metavar="FILE", type=click.Path(dir_okay=False), help="Also draw the run: png, svg or pdf.")
@click.option(
    "--checkpoint",
    "checkpoint_path",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where every finished epoch is kept.  [default: build/train/RUN.npz]",
)
@click.option("--resume", is_flag=True, help="Go on from the checkpoint, to the same final bits.")
@click.option(
    "--trace",
    "trace_path",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Record every pulse and read, for 'crosstwin trace'.",
)
def digits(
    algorithm: str,
    source: str,
    zero_shift: bool,
    backend_name: str | None,
    epochs: int,
    seed: int,
    json_path: str | None,
    plot_path: str | None,
    checkpoint_path: Path | None,
    resume: bool,
    trace_path: Path | None,
) -> None:
    """Train a 64-32-10 network on 8 x 8 images of digits, and a float reference beside it.

    \b
    Examples:
      crosstwin train digits --algorithm shd --device s1 --backend model
      crosstwin train digits --algorithm sgd --device s1 --epochs 5 --json sgd.json
      crosstwin train digits --device s3 --zero-shift --plot s3.png
      crosstwin train digits --device my_device.toml --resume
      crosstwin train digits --epochs 1 --trace run.h5

    Ctrl-C keeps the last finished epoch; the same command with --resume goes on from it. A device file has one table
    [device] and is trained with the settings of s1. The algorithm float uses no crossbar. With --resume, a trace that is there
    is gone on with.
    """
    if zero_shift and algorithm != "shd":
        raise click.UsageError(f"--zero-shift is for --algorithm shd; {algorithm} does not use A.")
    if resume and algorithm == "float":
        raise click.UsageError("--resume is for sgd and shd; a float run takes seconds and keeps no checkpoint.")
    if trace_path and algorithm == "float":
        raise click.UsageError("--trace is for sgd and shd; a float run has no pulses.")
    for written in (json_path, plot_path, trace_path):
        require_folder(None if written is None else str(written))
    if plot_path:
        figure_format(plot_path)
    split = load_split(seed)
    device = load_device(source)
    if algorithm == "float":
        accuracy = _reference(device.name, split, epochs, seed)
        stdout.print(f"Float SGD: {100 * final_accuracy(accuracy):.2f} % (mean of the last 5 of {epochs} epochs)")
        document: dict[str, Any] = {"algorithm": algorithm, "seed": seed, "accuracy": accuracy, "float_accuracy": accuracy}
        if json_path:
            write_json(json_path, document)
        if plot_path:
            draw_run(plot_path, "Digits, float SGD", [Curve("float SGD", accuracy)])
        return
    chosen = Algorithm(algorithm)
    run = Run(chosen, device, zero_shift, epochs, seed, digits_settings(device.name, chosen))
    name = backend_name or default_backend()
    path = checkpoint_path or build_folder() / "train" / f"{run.key}-{name}.npz"
    stderr.print(f"Training digits by {algorithm.upper()} on {device.name}, back end {name}; checkpoint {path}", soft_wrap=True)
    plant = make_plant(device, seed, run.controller)
    recorder = Recorder(trace_path, plant, append=resume and trace_path.exists()) if trace_path else None
    if recorder:
        plant = recorder.plant
    backend = open_backend(name, run.controller, plant, lambda step: stderr.print(f"{step} ..."))
    if recorder:
        backend = recorder.watch(backend)
    per_epoch = len(split.train_y) + len(split.test_y)
    done = 0
    try:
        with interruptible() as check, progress("training", epochs * per_epoch) as advance:

            def tick() -> None:
                check()
                advance(1)

            def epoch_done(count: int, accuracy: float) -> None:
                nonlocal done
                done = count
                stderr.print(f"epoch {count:3} of {epochs}: {100 * accuracy:.2f} %")

            result = train(run, backend, plant, split, tick=tick, epoch_done=epoch_done, path=path, resume=resume)
    except KeyboardInterrupt:
        if path.exists():
            stderr.print(f"The checkpoint holds {done} of {epochs} epochs; add --resume to go on from it.", soft_wrap=True)
        raise
    finally:
        backend.close()
        if recorder:
            recorder.close()
    reference = _reference(device.name, split, epochs, seed)
    stdout.print(
        f"{algorithm.upper()} on {device.name}, back end {name}: {100 * final_accuracy(result.accuracy):.2f} % "
        f"(mean of the last 5 of {epochs} epochs), float SGD {100 * final_accuracy(reference):.2f} %\n"
        f"{result.clock_cycles} clock cycles, {result.seconds:.1f} s, SHA-256 of all conductances {result.conductance_sha256}",
        soft_wrap=True,
    )
    if json_path:
        write_json(
            json_path,
            {
                "algorithm": algorithm,
                "backend": name,
                "seed": seed,
                "accuracy": result.accuracy,
                "final_accuracy": final_accuracy(result.accuracy),
                "float_accuracy": reference,
                "conductance_sha256": result.conductance_sha256,
                "clock_cycles": result.clock_cycles,
                "seconds": result.seconds,
                "config": run.document(),
            },
        )
    if plot_path:
        curves = [Curve(f"{algorithm.upper()} on {device.name}", result.accuracy), Curve("float SGD", reference)]
        draw_network(plot_path, f"Digits by {algorithm.upper()} on {device.name}, back end {name}", curves, run, plant, split)


def _reference(device: str, split: Split, epochs: int, seed: int) -> list[float]:
    with progress("float reference", epochs * len(split.train_y)) as advance:
        return train_float(digits_settings(device, Algorithm.SHD), split, epochs, seed, lambda: advance(1))
