"""What the training subcommands share: their options, and one run from its data to its report."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from crosstwin_model.devices import Device, load_device
from crosstwin_model.devices.soft_bounds import SoftBounds
from crosstwin_model.emulated_config import EmulatedConfig, load_emulated
from crosstwin_model.plant import Plant, PlantConfig
from crosstwin_model.plant_config import load_plant
from crosstwin_model.registers import TileKind
from crosstwin_sim.backend import Backend
from crosstwin_sim.backends import BACKENDS, SERIAL, default_backend, open_backend, open_board
from crosstwin_sim.experiments.training import BaseRun, Result, Tick, final_score, train
from crosstwin_sim.figures import Curve, Map, Measure, draw_run, figure_format
from crosstwin_sim.files import write_json
from crosstwin_sim.link.port import DEFAULT_BAUD
from crosstwin_sim.network import Algorithm
from crosstwin_sim.rtl.build import build_folder
from crosstwin_sim.trace import Recorder

from .common import interruptible, json_option, progress, require_folder, stderr, stdout

_Command = TypeVar("_Command", bound=Callable[..., None])


def run_options(epochs: int) -> Callable[[_Command], _Command]:
    """Return a decorator that adds the options of :class:`Wanted`, with that many epochs by default."""
    options = (
        click.option(
            "--algorithm",
            type=click.Choice(["sgd", "shd", "float"]),
            default="shd",
            show_default=True,
            help="float: no crossbar.",
        ),
        click.option(
            "--device",
            metavar="NAME|FILE.toml",
            default="s1",
            show_default=True,
            help="A preset, or a file with a table [device].",
        ),
        click.option(
            "--plant",
            metavar="FILE.toml",
            help="Converters, wires and half-selects of the array: a file with a table [plant].",
        ),
        click.option(
            "--array",
            "array_name",
            metavar="emulated|FILE.toml",
            help="In place of --device and --plant: the array that can be emulated in fabric, or a file with a table [emulated].",
        ),
        click.option(
            "--zero-shift", is_flag=True, help="First drive A to its symmetry point and program its reference to it (shd)."
        ),
        click.option(
            "--backend",
            type=click.Choice((*BACKENDS, SERIAL)),
            help="serial: a board.  [default: rtl where a C++ compiler is found, else model]",
        ),
        click.option("--port", metavar="NAME", help="Serial port of the board, for instance /dev/ttyUSB0 (serial)."),
        click.option(
            "--baud",
            type=click.IntRange(1),
            default=DEFAULT_BAUD,
            show_default=True,
            help="Speed of its bitstream's line (serial).",
        ),
        click.option("--epochs", type=click.IntRange(1, 1000), default=epochs, show_default=True),
        click.option(
            "--seed",
            type=click.IntRange(0, 2**32 - 1),
            default=1,
            show_default=True,
            help="Of data, weights, devices and noise.",
        ),
        json_option,
        click.option("--plot", metavar="FILE", type=click.Path(dir_okay=False), help="Also draw the run: png, svg or pdf."),
        click.option(
            "--checkpoint",
            metavar="FILE",
            type=click.Path(dir_okay=False, path_type=Path),
            help="Where every finished epoch is kept.  [default: build/train/RUN.npz]",
        ),
        click.option("--resume", is_flag=True, help="Go on from the checkpoint, to the same final bits."),
        click.option(
            "--trace",
            metavar="FILE",
            type=click.Path(dir_okay=False, path_type=Path),
            help="Record every pulse and read, for 'crosstwin trace'; with --resume, a trace that is there is gone on with.",
        ),
    )

    def decorate(command: _Command) -> _Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


@dataclass(frozen=True)
class Wanted:
    """The options that every training subcommand has."""

    algorithm: str
    device: str
    plant: str | None
    array_name: str | None
    zero_shift: bool
    backend: str | None
    port: str | None
    baud: int
    epochs: int
    seed: int
    json_path: str | None
    plot: str | None
    checkpoint: Path | None
    resume: bool
    trace: Path | None

    def __post_init__(self) -> None:
        if self.zero_shift and self.algorithm != "shd":
            raise click.UsageError(f"--zero-shift is for --algorithm shd; {self.algorithm} does not use A.")
        if self.resume and self.algorithm == "float":
            raise click.UsageError("--resume is for sgd and shd; a float run keeps no checkpoint.")
        if self.trace and self.algorithm == "float":
            raise click.UsageError("--trace is for sgd and shd; a float run has no pulses.")
        if self.array_name and (self.device != "s1" or self.plant):
            raise click.UsageError("--array has devices and converters of its own; leave --device and --plant out.")
        if self.array_name and self.trace:
            raise click.UsageError("--trace records the analog array's plant; leave it out with --array.")
        if (self.backend == SERIAL) != (self.port is not None):
            raise click.UsageError("--backend serial and --port go together: name the board's serial port with --port.")
        if self.backend == SERIAL and (self.resume or self.checkpoint or self.trace):
            raise click.UsageError(
                "A board's array can be neither kept nor recorded; leave --resume, --checkpoint and --trace out."
            )
        for written in (self.json_path, self.plot, self.trace):
            require_folder(None if written is None else str(written))
        if self.plot:
            figure_format(self.plot)

    @property
    def chosen(self) -> Algorithm:
        """The algorithm whose settings are taken; the float reference takes those of SHD."""
        return Algorithm.SHD if self.algorithm == "float" else Algorithm(self.algorithm)

    def load_device(self) -> Device:
        """Return the device; of an emulated array, what the host must know of it."""
        array = self.load_array()
        if array is None:
            return load_device(self.device)
        return SoftBounds(name="emulated", dw_min=array.dw_min, w_max=array.w_max, w_min=array.w_min)

    def load_array(self) -> EmulatedConfig | None:
        """Return the emulated array, or None where devices and plant are simulated."""
        return None if self.array_name is None else load_emulated(self.array_name)

    def load_plant(self) -> PlantConfig:
        """Return the rest of the array."""
        return PlantConfig() if self.plant is None else load_plant(self.plant)


@dataclass(frozen=True)
class Task:
    """What a subcommand trains.

    Parameters
    ----------
    title : str
        What is learned, for people.
    run : BaseRun
        The run on crossbars.
    data
        What its trainer learns from.
    ticks : int
        Ticks of an epoch on crossbars.
    reference : callable
        Trains the float reference and returns its scores by epoch; it is given a tick.
    reference_ticks : int
        Ticks of an epoch of it.
    measure : Measure
        What scores are.
    finish : callable or None
        Given the back end after the last epoch, returns further lines for the report.
    draw : callable or None
        Draws the figure, given its file, its title, its curves and the array; None draws the curves and the first layer's tiles.
    """

    title: str
    run: BaseRun
    data: Any
    ticks: int
    reference: Callable[[Tick], list[float]]
    reference_ticks: int
    measure: Measure
    finish: Callable[[Backend], str] | None = None
    draw: Callable[[str, str, list[Curve], Plant], None] | None = None


def _open(wanted: Wanted, run: BaseRun, plant: Plant | None) -> Backend:
    """Return the back end, on a simulated array or on a board."""
    if wanted.port is None:
        assert plant is not None
        return open_backend(wanted.backend or default_backend(), run.controller, plant, lambda step: stderr.print(f"{step} ..."))
    return open_board(wanted.port, run.controller, wanted.baud)


def carry_out(wanted: Wanted, task: Task) -> None:
    """Train, and report on the console and to the files asked for."""
    if wanted.algorithm == "float":
        reference = _reference(task)
        stdout.print(f"Float SGD: {_final(task, reference)}")
        if wanted.json_path:
            key = task.measure.key
            write_json(wanted.json_path, {"algorithm": "float", "seed": wanted.seed, key: reference, f"float_{key}": reference})
        if wanted.plot:
            draw_run(wanted.plot, f"{task.title}, float SGD", [Curve("float SGD", reference)], measure=task.measure)
        return
    run = task.run
    name = wanted.backend or default_backend()
    path = wanted.checkpoint or build_folder() / "train" / f"{run.key}-{name}.npz"
    words = f"{wanted.algorithm.upper()} on {run.device.name}"
    place = f"port {wanted.port}" if wanted.port else f"checkpoint {path}"
    stderr.print(f"Training {run.name} by {words}, back end {name}; {place}", soft_wrap=True)
    plant = None if wanted.port else run.make_plant()
    with ExitStack() as stack:
        recorder = None
        if wanted.trace and plant is not None:
            recorder = stack.enter_context(Recorder(wanted.trace, plant, append=wanted.resume and wanted.trace.exists()))
            plant = recorder.plant
        backend = _open(wanted, run, plant)
        stack.callback(backend.close)
        if recorder:
            backend = recorder.watch(backend)
        result = _train(wanted, task, backend, plant, path)
        more = task.finish(backend) if task.finish else ""
    reference = _reference(task)
    digest = f", SHA-256 of all conductances {result.conductance_sha256}" if plant else ""
    vectors, repeated, saturated = (sum(counts) for counts in zip(*result.reads, strict=True))
    stdout.print(
        f"{words}, back end {name}: {_final(task, result.accuracy)}, float SGD {_final(task, reference)}\n"
        f"Reads: {vectors} vectors, {repeated} repeated with a wider range, {saturated} still saturated\n"
        f"{result.clock_cycles} clock cycles, {result.seconds:.1f} s{digest}{more}",
        soft_wrap=True,
        markup=False,
    )
    if wanted.json_path:
        write_json(wanted.json_path, _document(wanted, task, name, result, reference))
    if wanted.plot:
        title = f"{task.title} by {words}, back end {name}"
        curves = [Curve(words, result.accuracy), Curve("float SGD", reference)]
        if plant is None:
            draw_run(wanted.plot, title, curves, measure=task.measure)
        elif task.draw:
            task.draw(wanted.plot, title, curves, plant)
        else:
            rows, columns = run.shapes[0]
            maps = [
                Map("C of layer 1: the weights", plant.weights(TileKind.C)[:rows, :columns]),
                Map("A of layer 1 less its reference", plant.weights(TileKind.A)[:rows, :columns]),
            ]
            draw_run(wanted.plot, title, curves, maps, measure=task.measure)


def _train(wanted: Wanted, task: Task, backend: Backend, plant: Plant | None, path: Path) -> Result:
    epochs = wanted.epochs
    done = 0
    try:
        with interruptible() as check, progress("training", epochs * task.ticks) as advance:

            def tick() -> None:
                check()
                advance(1)

            def epoch_done(count: int, score: float) -> None:
                nonlocal done
                done = count
                stderr.print(f"epoch {count:3} of {epochs}: {task.measure.show(score)}")

            return train(task.run, backend, plant, task.data, tick=tick, epoch_done=epoch_done, path=path, resume=wanted.resume)
    except KeyboardInterrupt:
        if plant is not None and path.exists():
            stderr.print(f"The checkpoint holds {done} of {epochs} epochs; add --resume to go on from it.", soft_wrap=True)
        raise


def _document(wanted: Wanted, task: Task, name: str, result: Result, reference: list[float]) -> dict[str, Any]:
    key = task.measure.key
    return {
        "algorithm": wanted.algorithm,
        "backend": name,
        "seed": wanted.seed,
        key: result.accuracy,
        f"final_{key}": final_score(result.accuracy),
        f"float_{key}": reference,
        "reads": [dict(zip(("vectors", "repeated", "saturated"), counts, strict=True)) for counts in result.reads],
        "conductance_sha256": result.conductance_sha256 or None,
        "clock_cycles": result.clock_cycles,
        "seconds": result.seconds,
        "config": task.run.document(),
    }


def _final(task: Task, scores: list[float]) -> str:
    return f"{task.measure.show(final_score(scores))} (mean of the last {min(5, len(scores))} of {len(scores)} epochs)"


def _reference(task: Task) -> list[float]:
    with progress("float reference", task.run.epochs * task.reference_ticks) as advance:
        return task.reference(lambda: advance(1))
