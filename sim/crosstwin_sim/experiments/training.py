"""What all experiments share: what a run is, crossbars as its layers, their rates, and the loop with its checkpoints."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from crosstwin_model.config import ControllerConfig, Source
from crosstwin_model.devices import Device
from crosstwin_model.emulated import EmulatedPlant
from crosstwin_model.emulated_config import EmulatedConfig
from crosstwin_model.plant import Plant, PlantConfig
from crosstwin_model.registers import SEED_BITS
from crosstwin_sim.backend import Backend
from crosstwin_sim.crossbar import Crossbar, PulseSettings, ReadCounts, ReadSettings
from crosstwin_sim.driver import Driver
from crosstwin_sim.errors import CrosstwinError
from crosstwin_sim.layers import FloatLayer, Layer
from crosstwin_sim.network import Algorithm
from crosstwin_sim.scaling import Converters, Floats

from .checkpoint import Checkpoint, load_checkpoint
from .settings import Settings

#: Told after every sample that was learned from or tried.
Tick = Callable[[], None]
#: Rows (inputs and the bias) and columns of every layer.
Shapes = Sequence[tuple[int, int]]

#: Scores are reported as the mean over that many last epochs.
LAST_EPOCHS = 5


def final_score(scores: list[float]) -> float:
    """Return the mean over the last :data:`LAST_EPOCHS` epochs."""
    return float(np.mean(scores[-LAST_EPOCHS:]))


def with_source(config: ControllerConfig, source: str) -> ControllerConfig:
    """Return a controller that has a random source: the one given, or a larger one."""
    if source in config.sources:
        return config
    return replace(config, name=f"{config.name}-{source}", sources=(*config.sources, source))


def initial_weights(shapes: Shapes, settings: Settings, seed: int) -> list[Floats]:
    """Return the weights that a network begins with, biases in the last row."""
    rng = np.random.default_rng([seed, 1])
    return [rng.uniform(-limit, limit, shape) for shape, limit in zip(shapes, settings.initial, strict=True)]


def float_layers(shapes: Shapes, settings: Settings, rates: Sequence[float], seed: int) -> list[FloatLayer]:
    """Return the layers of the float reference: the same initial weights and scales, other rates."""
    weights = initial_weights(shapes, settings, seed)
    return [FloatLayer(*each) for each in zip(weights, settings.scales, rates, strict=True)]


def epoch_order(samples: int, seed: int, epoch: int) -> list[int]:
    """Return the order in which an epoch goes through the training samples."""
    order: list[int] = np.random.default_rng([seed, 2, epoch]).permutation(samples).tolist()
    return order


def decay_factor(settings: Settings, epoch: int, epochs: int) -> float:
    """Return what the rates of C are multiplied with in an epoch, counted from 0."""
    return 1.0 / (1.0 + settings.decay * epoch / max(epochs - 1, 1))


@dataclass(frozen=True)
class BaseRun(ABC):
    """What a run's result depends on; each experiment has a subclass that says what is trained.

    Parameters
    ----------
    algorithm : Algorithm
        SGD or SHD.
    device : Device
        Crosspoint devices of all tiles; the host needs their nominal step where the settings give none.
    zero_shift : bool
        Whether A is driven to its symmetry point, and its reference after it, before training.
    epochs, seed : int
        Length of the run, which the decay of the rates depends on, and the seed of data, weights, order, devices and noise.
    settings : Settings
        Rates and read ranges.
    plant : PlantConfig
        The rest of the array, whose own device and seed do not count: a 9-bit ADC over +-12 with noise .06 and 7-bit inputs, if
        nothing else is said.
    array : EmulatedConfig or None
        The emulated array that is trained in place of devices and plant; ``device`` then only says its nominal step.
    """

    algorithm: Algorithm
    device: Device
    zero_shift: bool
    epochs: int
    seed: int
    settings: Settings
    plant: PlantConfig = field(default_factory=PlantConfig, kw_only=True)
    array: EmulatedConfig | None = field(default=None, kw_only=True)

    @property
    @abstractmethod
    def name(self) -> str:
        """What is trained, for the names of files."""

    @property
    @abstractmethod
    def shapes(self) -> Shapes:
        """Rows and columns of every layer."""

    @property
    @abstractmethod
    def controller(self) -> ControllerConfig:
        """The controller that the run needs: a tile pair for every layer, and the settings' random source."""

    @abstractmethod
    def trainer(self, backend: Backend, data: Any) -> Trainer:
        """Return the network on a back end, with what it is to learn."""

    def make_plant(self, threads: int = 1) -> Plant:
        """Return a new array for the run.

        Parameters
        ----------
        threads : int
            Threads that share an update of the analog array, 1 to 64; no bit depends on them.

        Raises
        ------
        ValueError
            If the number of threads is not as said.
        """
        if self.array is not None:
            # It offers all that a run asks of a plant.
            return cast(Plant, EmulatedPlant(self.controller, self.array))
        return Plant(self.controller, replace(self.plant, device=self.device, seed=self.seed), threads)

    def document(self) -> dict[str, Any]:
        """Return all of it, and the controller's configuration, as JSON knows it."""
        return {
            "experiment": self.name,
            "algorithm": self.algorithm.value,
            "device": {"rule": self.device.rule, **asdict(self.device)},
            "zero_shift": self.zero_shift,
            "epochs": self.epochs,
            "seed": self.seed,
            "settings": _plain(asdict(self.settings)),
            "shapes": [list(shape) for shape in self.shapes],
            "controller": _plain(asdict(self.controller)),
            "plant": {key: value for key, value in asdict(self.plant).items() if key not in ("device", "seed")},
            "array": None if self.array is None else asdict(self.array),
        }

    @property
    def key(self) -> str:
        """A name for the run's files."""
        shift = "-zero-shift" if self.zero_shift else ""
        return f"{self.name}-{self.algorithm.value}-{self.device.name}{shift}-epochs{self.epochs}-seed{self.seed}"


class Trainer(ABC):
    """Layers on a back end, and everything that a checkpoint at the end of an epoch must hold; a subclass makes them a network.

    Parameters
    ----------
    backend : Backend
        The run's controller.
    run : BaseRun
        What to train.

    Raises
    ------
    CrosstwinError
        If the settings do not fit the device and the converters.
    """

    def __init__(self, backend: Backend, run: BaseRun) -> None:
        self.run = run
        self.driver = Driver.of(backend)
        self.layers = []
        settings = run.settings
        source = Source[settings.source.upper()]
        if run.array is None:
            converters = Converters(run.plant.input_full_scale, run.plant.adc_range)
        else:
            self.driver.give_time(run.array)
            converters = Converters(run.array.input_full_scale, run.array.adc_range)
        for pair, (rows, columns) in enumerate(run.shapes):
            step = run.device.dw_min if settings.step is None else settings.step
            pulses = PulseSettings(step, source, settings.bl_min, settings.bl_max, settings.transfer_bl)
            gains = (settings.forward_gains[pair], settings.backward_gains[pair], settings.transfer_gains[pair])
            reads = ReadSettings(63, *gains, settings.bound_steps)
            try:
                crossbar = Crossbar(backend, pair, rows, columns, pulses=pulses, reads=reads, converters=converters)
            except ValueError as error:
                raise CrosstwinError(f"the controller {run.controller.name} cannot take these settings: {error}") from None
            self.layers.append(Layer(crossbar, settings.scales[pair], settings.rates[pair], run.algorithm.kind))
        if run.algorithm is Algorithm.SHD:
            self._require_rates()

    def _require_rates(self) -> None:
        """Refuse a device or a range that the transfer rates do not fit, before anything is done to the array."""
        # Rates fall from epoch to epoch, so that the first and the last one stand for all.
        for epoch in (0, self.run.epochs - 1):
            try:
                self._set_transfers(epoch, on=False)
            except ValueError as error:
                raise CrosstwinError(
                    f"{self.run.device.name}, with steps of {self.run.device.dw_min:g} and these converters, cannot be trained "
                    f"with these settings: {error}"
                ) from None

    def _set_transfers(self, epoch: int, on: bool) -> None:
        settings, factor = self.run.settings, decay_factor(self.run.settings, epoch, self.run.epochs)
        for layer, every, rate in zip(self.layers, settings.transfer_every, settings.transfer_rates, strict=True):
            layer.crossbar.set_transfer(every if on else 0, rate * factor)

    @abstractmethod
    def run_epoch(self, epoch: int, tick: Tick) -> float:
        """Train one epoch, counted from 0, and return its score on the test samples."""

    def require_start(self) -> None:
        """Refuse a run that is to be zero-shifted on devices without symmetry points, before anything is done to the array."""
        if self.run.zero_shift:
            for layer in self.layers:
                layer.crossbar.require_symmetry_points()

    def initialise(self) -> None:
        """Program the initial weights into C; with zero-shift, drive A to its symmetry point and its reference after it."""
        run = self.run
        self.require_start()
        for layer, weights in zip(self.layers, initial_weights(run.shapes, run.settings, run.seed), strict=True):
            layer.crossbar.program(weights)
            if run.zero_shift:
                layer.crossbar.zero_shift()

    def prepare_epoch(self, epoch: int) -> None:
        """Seed the generators and set the rates of an epoch, counted from 0."""
        # Both generators start anew with every epoch, so that a checkpoint need not hold them.
        seeds = np.random.SeedSequence([self.run.seed, 3, epoch]).generate_state(2).tolist()
        self.driver.seed(*((seed & (1 << bits) - 1) or 1 for seed, bits in zip(seeds, SEED_BITS, strict=True)))
        if self.run.algorithm is Algorithm.SHD:
            self._set_transfers(epoch, on=True)
            return
        for layer, rate in zip(self.layers, self.run.settings.rates, strict=True):
            layer.rate = rate * decay_factor(self.run.settings, epoch, self.run.epochs)

    def registers(self) -> dict[str, int]:
        """Return the controller's state that the next epoch depends on."""
        names = [f"PAIR{pair}_{name}" for pair in range(len(self.layers)) for name in ("TRANSFER_ROW", "UPDATES")]
        return {name: self.driver.read(name) for name in names}

    def reads(self) -> list[list[int]]:
        """Return every layer's read counts, as :class:`crosstwin_sim.crossbar.ReadCounts` lists them."""
        counts = [layer.crossbar.read_counts for layer in self.layers]
        return [[each.vectors, each.repeated, each.saturated] for each in counts]

    def restore(self, registers: dict[str, int], reads: list[list[int]]) -> None:
        """Take over what :meth:`registers` and :meth:`reads` returned."""
        for name, value in registers.items():
            self.driver.set(name, value)
        for layer, counts in zip(self.layers, reads, strict=True):
            layer.crossbar.read_counts = ReadCounts(*counts)


@dataclass(frozen=True)
class Result:
    """What a run gave.

    Parameters
    ----------
    accuracy : list of float
        The score of every epoch on the test samples: accuracy, or what the experiment says.
    conductance_sha256 : str
        SHA-256 of all conductances; empty where the array is a board's.
    clock_cycles : int
        Clock cycles of all operations.
    seconds : float
        Wall-clock time.
    reads : list of list of int
        Each layer's vectors read, reads repeated for them, and vectors that stayed saturated.
    """

    accuracy: list[float]
    conductance_sha256: str
    clock_cycles: int
    seconds: float
    reads: list[list[int]]


def train(
    run: BaseRun,
    backend: Backend,
    plant: Plant | None,
    data: Any,
    *,
    tick: Tick,
    epoch_done: Callable[[int, float], None],
    path: Path,
    resume: bool,
) -> Result:
    """Train a run to its end.

    Parameters
    ----------
    run : BaseRun
        What to train.
    backend : Backend
        The controller, fresh, joined to ``plant``.
    plant : Plant or None
        The array, fresh; None where it is a board's, which no checkpoint can hold or bring back: none is written then.
    data
        What the run's trainer learns from.
    tick : callable
        Told after every sample; an exception that it raises (Ctrl-C) ends the run with the last epoch's checkpoint in place.
    epoch_done : callable
        Told how many epochs are finished, and the last one's score.
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
    trainer = run.trainer(backend, data)
    accuracy: list[float] = []
    cycles, seconds = 0, 0.0
    began = time.monotonic()

    def checkpoint() -> Checkpoint:
        total = cycles + trainer.driver.counters().cycles
        elapsed = seconds + time.monotonic() - began
        state = {} if plant is None else plant.state()
        made = Checkpoint(document, accuracy, trainer.registers(), trainer.reads(), total, elapsed, state)
        if plant is not None:
            made.save(path)
        return made

    if resume and plant is not None:
        saved = load_checkpoint(path, document)
        plant.restore(saved.plant)
        trainer.restore(saved.registers, saved.reads)
        accuracy, cycles, seconds = list(saved.accuracy), saved.clock_cycles, saved.seconds
        for epoch, value in enumerate(accuracy):
            epoch_done(epoch + 1, value)
    else:
        trainer.initialise()
        saved = checkpoint()
    for epoch in range(len(accuracy), run.epochs):
        accuracy.append(trainer.run_epoch(epoch, tick))
        saved = checkpoint()
        epoch_done(epoch + 1, accuracy[-1])
    digest = "" if plant is None else plant.digest()
    return Result(accuracy, digest, saved.clock_cycles, saved.seconds, saved.reads)


def _plain(table: dict[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in table.items()}
