"""One training run from its first sample to its result, with a checkpoint after every epoch."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from crosstwin_model.config import ControllerConfig
from crosstwin_model.devices import Device
from crosstwin_model.plant import Plant
from crosstwin_sim.backend import Backend
from crosstwin_sim.network import Algorithm

from .checkpoint import Checkpoint, load_checkpoint
from .digits import DigitsTrainer, Split, Tick, controller_for
from .settings import DigitsSettings


@dataclass(frozen=True)
class Run:
    """What a run's result depends on.

    Parameters
    ----------
    algorithm : Algorithm
        SGD or SHD.
    device : Device
        Crosspoint devices of all tiles.
    zero_shift : bool
        Whether A is driven to its symmetry point, and its reference after it, before training.
    epochs, seed : int
        Length of the run, and the seed of split, weights, order, devices and noise.
    settings : DigitsSettings
        Rates and read ranges.
    """

    algorithm: Algorithm
    device: Device
    zero_shift: bool
    epochs: int
    seed: int
    settings: DigitsSettings

    @property
    def controller(self) -> ControllerConfig:
        """The controller that the run needs."""
        return controller_for(self.settings)

    def document(self) -> dict[str, Any]:
        """Return all of it, and the controller's configuration, as JSON knows it."""
        return {
            "algorithm": self.algorithm.value,
            "device": {"rule": self.device.rule, **asdict(self.device)},
            "zero_shift": self.zero_shift,
            "epochs": self.epochs,
            "seed": self.seed,
            "settings": _plain(asdict(self.settings)),
            "controller": _plain(asdict(self.controller)),
        }

    @property
    def key(self) -> str:
        """A name for the run's files."""
        shift = "-zero-shift" if self.zero_shift else ""
        return f"digits-{self.algorithm.value}-{self.device.name}{shift}-epochs{self.epochs}-seed{self.seed}"


@dataclass(frozen=True)
class Result:
    """What a run gave: accuracy per epoch, SHA-256 of all conductances, clock cycles of all operations, wall-clock time."""

    accuracy: list[float]
    conductance_sha256: str
    clock_cycles: int
    seconds: float


def train(
    run: Run,
    backend: Backend,
    plant: Plant,
    split: Split,
    *,
    tick: Tick,
    epoch_done: Callable[[int, float], None],
    path: Path,
    resume: bool,
) -> Result:
    """Train a run to its end.

    Parameters
    ----------
    run : Run
        What to train.
    backend : Backend
        The controller, fresh, joined to ``plant``.
    plant : Plant
        The array, fresh.
    split : Split
        Samples.
    tick : callable
        Told after every sample; an exception that it raises (Ctrl-C) ends the run with the last epoch's checkpoint in place.
    epoch_done : callable
        Told how many epochs are finished, and the last one's accuracy.
    path : Path
        Checkpoint, written before the first epoch and after each.
    resume : bool
        Go on from that checkpoint.

    Raises
    ------
    CrosstwinError
        If the checkpoint cannot be written, or with ``resume`` is not of this run.
    """
    document = run.document()
    trainer = DigitsTrainer(backend, run.device, run.algorithm, run.settings, split, run.epochs, run.seed)
    accuracy: list[float] = []
    cycles, seconds = 0, 0.0
    began = time.monotonic()

    def checkpoint() -> Checkpoint:
        total = cycles + trainer.driver.counters().cycles
        return Checkpoint(document, accuracy, trainer.registers(), total, seconds + time.monotonic() - began, plant.state())

    if resume:
        saved = load_checkpoint(path, document)
        plant.restore(saved.plant)
        trainer.restore_registers(saved.registers)
        accuracy, cycles, seconds = list(saved.accuracy), saved.clock_cycles, saved.seconds
        for epoch, value in enumerate(accuracy):
            epoch_done(epoch + 1, value)
    else:
        trainer.initialise(run.zero_shift)
        saved = checkpoint()
        saved.save(path)
    for epoch in range(len(accuracy), run.epochs):
        accuracy.append(trainer.run_epoch(epoch, tick))
        saved = checkpoint()
        saved.save(path)
        epoch_done(epoch + 1, accuracy[-1])
    return Result(accuracy, plant.digest(), saved.clock_cycles, saved.seconds)


def _plain(table: dict[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in table.items()}
