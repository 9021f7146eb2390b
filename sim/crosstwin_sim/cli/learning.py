"""What the training subcommands share: one run from its data to its report."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crosstwin_model.emulated_config import EmulatedConfig
from crosstwin_model.plant import Plant, PlantConfig
from crosstwin_model.registers import TileKind
from crosstwin_sim.backend import Backend
from crosstwin_sim.backends import default_backend, open_backend, open_board
from crosstwin_sim.errors import CrosstwinError
from crosstwin_sim.experiments.checkpoint import load_checkpoint
from crosstwin_sim.experiments.training import BaseRun, Result, Tick, final_score, train
from crosstwin_sim.figures import Curve, Map, Measure, draw_run
from crosstwin_sim.files import write_json
from crosstwin_sim.model_backend import ModelBackend
from crosstwin_sim.rtl.build import build, build_folder
from crosstwin_sim.trace import Recorder

from .common import interruptible, progress, stderr, stdout
from .train_options import Wanted
from .train_settings import Choice

#: Above this part of saturated reads, a run says whether that is intended, or else what helps.
_OFTEN = 0.05
#: An ADC that clips a layer's outputs there or later takes little from it: tanh 2.9 is .994.
_LATE = 2.9


@dataclass(frozen=True)
class Task:
    """What a subcommand trains.

    Parameters
    ----------
    title : str
        What is learned, for people.
    run : BaseRun
        The run on crossbars.
    choice : Choice
        Where its settings are from.
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
    choice: Choice
    data: Any
    ticks: int
    reference: Callable[[Tick], list[float]]
    reference_ticks: int
    measure: Measure
    finish: Callable[[Backend], str] | None = None
    draw: Callable[[str, str, list[Curve], Plant], None] | None = None


def _clips(run: BaseRun) -> list[float]:
    """Return where each layer's outputs are clipped by the ADC, after bound management, scaled as the network sees them."""
    adc_range = (run.plant.adc_range if run.array is None else run.array.adc_range) * 2**run.settings.bound_steps
    return [adc_range / 2**gain * scale for gain, scale in zip(run.settings.forward_gains, run.settings.scales, strict=True)]


def _may_saturate(task: Task) -> bool:
    """Whether reads may saturate: the settings were tuned with that, or outputs are clipped late."""
    run = task.run
    tuned = task.choice.tuned and run.plant == PlantConfig() and run.array in (None, EmulatedConfig())
    return tuned or min(_clips(run)) >= _LATE


def _make_plant(wanted: Wanted, run: BaseRun) -> Plant | None:
    """Return the simulated array, or None where it is a board's."""
    if wanted.port is not None:
        return None
    try:
        return run.make_plant(wanted.threads)
    except ValueError as error:
        raise CrosstwinError(str(error)) from None


def _require_start(wanted: Wanted, task: Task, name: str, plant: Plant | None, path: Path) -> None:
    """Refuse what cannot begin before a trace is touched: settings that do not fit, another checkpoint, a build that fails."""
    if plant is None:
        return
    trainer = task.run.trainer(ModelBackend(task.run.controller, plant), task.data)
    if not wanted.resume:
        trainer.require_start()
    else:
        saved = load_checkpoint(path, task.run.document())
        try:
            plant.restore(saved.plant)
        except (ValueError, KeyError) as error:
            raise CrosstwinError(f"the checkpoint {path} cannot be gone on with: {error}") from None
    if name == "rtl":
        build(task.run.controller, report=_report)


def _open(wanted: Wanted, run: BaseRun, name: str, plant: Plant | None) -> Backend:
    """Return the back end, on a simulated array or on a board."""
    if wanted.port is None:
        assert plant is not None
        return open_backend(name, run.controller, plant, _report)
    return open_board(wanted.port, run.controller, wanted.baud)


def _report(step: str) -> None:
    stderr.print(f"{step} ...")


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
    plant = _make_plant(wanted, run)
    _require_start(wanted, task, name, plant, path)
    stderr.print(f"Training {run.name} by {words}, back end {name}; {place}", soft_wrap=True)
    stderr.print(task.choice.lines(run.algorithm), soft_wrap=True, markup=False)
    with ExitStack() as stack:
        recorder = None
        if wanted.trace and plant is not None:
            recorder = stack.enter_context(Recorder(wanted.trace, plant, append=wanted.resume and wanted.trace.exists()))
            plant = recorder.plant
        backend = _open(wanted, run, name, plant)
        stack.callback(backend.close)
        if recorder:
            backend = recorder.watch(backend)
        result = _train(wanted, task, backend, plant, path)
        more = task.finish(backend) if task.finish else ""
    reference = _reference(task)
    digest = f", SHA-256 of all conductances {result.conductance_sha256}" if plant else ""
    vectors, repeated, saturated = (sum(counts) for counts in zip(*result.reads, strict=True))
    often, intended = saturated > _OFTEN * vectors, ""
    if often and _may_saturate(task):
        clips = ", ".join(f"+-{clip:.3g}" for clip in _clips(run))
        intended = f", as intended: the ADC clips the layers' outputs at {clips} (docs/learning.md)"
    stdout.print(
        f"{words}, back end {name}: {_final(task, result.accuracy)}, float SGD {_final(task, reference)}\n"
        f"Reads: {vectors} vectors, {repeated} repeated with a wider range, {saturated} still saturated{intended}\n"
        f"{result.clock_cycles} clock cycles, {result.seconds:.1f} s{digest}{more}",
        soft_wrap=True,
        markup=False,
    )
    if often and not intended:
        option = "--array" if wanted.array_name else "--plant"
        stderr.print(
            f"{100 * saturated / vectors:.0f} % of the reads were saturated: more --bound-steps, a lower --forward-gain or "
            f"a larger adc_range in a file for {option} keeps outputs within the ADC's range.",
            soft_wrap=True,
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
    try:
        with interruptible() as check, progress("training", epochs * task.ticks) as advance:

            def tick() -> None:
                check()
                advance(1)

            def epoch_done(count: int, score: float) -> None:
                stderr.print(f"epoch {count:3} of {epochs}: {task.measure.show(score)}")

            return train(task.run, backend, plant, task.data, tick=tick, epoch_done=epoch_done, path=path, resume=wanted.resume)
    except KeyboardInterrupt:
        if plant is not None:
            stderr.print(_what_is_kept(path, task.run), soft_wrap=True)
        raise


def _what_is_kept(path: Path, run: BaseRun) -> str:
    """Say what a run that was stopped can go on from: its checkpoint, not one that another run left there."""
    try:
        done = len(load_checkpoint(path, run.document()).accuracy)
    except CrosstwinError:
        return f"There is no checkpoint yet: the run was stopped before it wrote {path}."
    return f"The checkpoint holds {done} of {run.epochs} epochs; add --resume to go on from it."


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
