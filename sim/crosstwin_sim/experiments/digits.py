"""The digits experiment: 8 x 8 images of digits, a 64-32-10 network on two tile pairs, trained sample by sample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from crosstwin_model.config import PRESETS, ControllerConfig, Source
from crosstwin_model.devices import Device
from crosstwin_model.plant import Plant, PlantConfig
from crosstwin_model.registers import SEED_BITS
from crosstwin_sim.backend import Backend
from crosstwin_sim.crossbar import Crossbar, PulseSettings, ReadSettings
from crosstwin_sim.driver import Driver
from crosstwin_sim.network import Algorithm, FloatNetwork, Layer, Network
from crosstwin_sim.scaling import Floats

from .settings import FLOAT_RATES, DigitsSettings

#: Inputs, hidden units and classes.
SHAPE = (64, 32, 10)
#: Controller that the network is trained on; :func:`controller_for` adds a random source to it where settings need one.
CONFIG: ControllerConfig = PRESETS["digits"]
#: Accuracy is reported as the mean over that many last epochs.
LAST_EPOCHS = 5

#: Told after every sample that was learned from or classified.
Tick = Callable[[], None]


@dataclass(frozen=True)
class Split:
    """Training and test samples: images float64[n, 64] in 0 ... 1, labels int64[n]."""

    train_x: Floats
    train_y: NDArray[np.int64]
    test_x: Floats
    test_y: NDArray[np.int64]

    def validation(self) -> Split:
        """Return the training samples alone, their last fifth in place of the test samples, for tuning."""
        cut = len(self.train_y) * 4 // 5
        return Split(self.train_x[:cut], self.train_y[:cut], self.train_x[cut:], self.train_y[cut:])


def load_split(seed: int) -> Split:
    """Return the 1797 digits, 80 % of them for training, chosen by the seed."""
    digits = load_digits()
    images, labels = digits.data / 16.0, digits.target.astype(np.int64)
    order = np.random.default_rng([seed, 0]).permutation(len(labels))
    cut = len(labels) * 4 // 5
    train, test = order[:cut], order[cut:]
    return Split(images[train], labels[train], images[test], labels[test])


def initial_weights(settings: DigitsSettings, seed: int) -> list[Floats]:
    """Return the weights that a network begins with, biases in the last row."""
    rng = np.random.default_rng([seed, 1])
    sizes = zip(pairwise(SHAPE), settings.initial, strict=True)
    return [rng.uniform(-limit, limit, (inputs + 1, outputs)) for (inputs, outputs), limit in sizes]


def epoch_order(samples: int, seed: int, epoch: int) -> list[int]:
    """Return the order in which an epoch goes through the training samples."""
    order: list[int] = np.random.default_rng([seed, 2, epoch]).permutation(samples).tolist()
    return order


def controller_for(settings: DigitsSettings) -> ControllerConfig:
    """Return the controller that has the settings' random source: the preset, or a larger one."""
    if settings.source in CONFIG.sources:
        return CONFIG
    return replace(CONFIG, name=f"digits-{settings.source}", sources=(*CONFIG.sources, settings.source))


def make_plant(device: Device, seed: int, config: ControllerConfig = CONFIG) -> Plant:
    """Return the array of the experiment: 9-bit ADC over +-12 with noise .06, 7-bit inputs."""
    return Plant(config, PlantConfig(device=device, seed=seed))


def decay_factor(settings: DigitsSettings, epoch: int, epochs: int) -> float:
    """Return what the rates of C are multiplied with in an epoch, counted from 0."""
    return 1.0 / (1.0 + settings.decay * epoch / max(epochs - 1, 1))


class DigitsTrainer:
    """A network on a back end, and everything that a checkpoint at the end of an epoch must hold.

    Parameters
    ----------
    backend : Backend
        The settings' controller, :func:`controller_for`.
    device : Device
        Its crosspoint devices; the host needs their nominal step.
    algorithm : Algorithm
        SGD or SHD.
    settings : DigitsSettings
        Rates and read ranges.
    split : Split
        Samples.
    epochs, seed : int
        The run's length, which the decay of the rates depends on, and its seed.
    """

    def __init__(
        self,
        backend: Backend,
        device: Device,
        algorithm: Algorithm,
        settings: DigitsSettings,
        split: Split,
        epochs: int,
        seed: int,
    ) -> None:
        self.settings, self.algorithm, self.split = settings, algorithm, split
        self.epochs, self.seed = epochs, seed
        self.driver = Driver.of(backend)
        layers = []
        source = Source[settings.source.upper()]
        for pair, (inputs, outputs) in enumerate(pairwise(SHAPE)):
            pulses = PulseSettings(device.dw_min, source, settings.bl_min, settings.bl_max, settings.transfer_bl)
            gains = (settings.forward_gains[pair], settings.backward_gains[pair], settings.transfer_gains[pair])
            reads = ReadSettings(63, *gains)
            crossbar = Crossbar(backend, pair, inputs + 1, outputs, pulses=pulses, reads=reads)
            layers.append(Layer(crossbar, settings.scales[pair], settings.rates[pair]))
        self.network = Network(layers, algorithm, settings.skip_below)

    def initialise(self, zero_shift: bool) -> None:
        """Program the initial weights into C; with ``zero_shift``, drive A to its symmetry point and its reference after it."""
        for layer, weights in zip(self.network.layers, initial_weights(self.settings, self.seed), strict=True):
            layer.crossbar.program(weights)
            if zero_shift:
                layer.crossbar.zero_shift()

    def run_epoch(self, epoch: int, tick: Tick) -> float:
        """Train one epoch, counted from 0, and return the accuracy on the test samples."""
        self.prepare_epoch(epoch)
        learn, x, labels = self.network.learn, self.split.train_x, self.split.train_y.tolist()
        for sample in epoch_order(len(labels), self.seed, epoch):
            learn(x[sample], labels[sample])
            tick()
        right = 0
        for image, label in zip(self.split.test_x, self.split.test_y.tolist(), strict=True):
            right += self.network.classify(image) == label
            tick()
        return right / len(self.split.test_y)

    def registers(self) -> dict[str, int]:
        """Return the controller's state that the next epoch depends on."""
        names = [f"PAIR{pair}_{name}" for pair in range(CONFIG.pairs) for name in ("TRANSFER_ROW", "UPDATES")]
        return {name: self.driver.read(name) for name in names}

    def restore_registers(self, values: dict[str, int]) -> None:
        """Take over what :meth:`registers` returned."""
        for name, value in values.items():
            self.driver.set(name, value)

    def prepare_epoch(self, epoch: int) -> None:
        """Seed the generators and set the rates of an epoch, counted from 0."""
        # Both generators start anew with every epoch, so that a checkpoint need not hold them.
        seeds = np.random.SeedSequence([self.seed, 3, epoch]).generate_state(2).tolist()
        self.driver.seed(*((seed & (1 << bits) - 1) or 1 for seed, bits in zip(seeds, SEED_BITS, strict=True)))
        factor = decay_factor(self.settings, epoch, self.epochs)
        for index, layer in enumerate(self.network.layers):
            if self.algorithm is Algorithm.SHD:
                layer.crossbar.set_transfer(self.settings.transfer_every, self.settings.transfer_rates[index] * factor)
            else:
                layer.rate = self.settings.rates[index] * factor


def train_float(settings: DigitsSettings, split: Split, epochs: int, seed: int, tick: Tick) -> list[float]:
    """Train the float reference with the same initial weights, order of samples, skipping and decay; return the accuracies."""
    network = FloatNetwork(initial_weights(settings, seed), settings.scales, FLOAT_RATES, settings.skip_below)
    labels = split.train_y.tolist()
    accuracies = []
    for epoch in range(epochs):
        factor = decay_factor(settings, epoch, epochs)
        network.rates = [rate * factor for rate in FLOAT_RATES]
        for sample in epoch_order(len(labels), seed, epoch):
            network.learn(split.train_x[sample], labels[sample])
            tick()
        accuracies.append(network.accuracy(split.test_x, split.test_y))
    return accuracies


def final_accuracy(accuracies: list[float]) -> float:
    """Return the mean over the last :data:`LAST_EPOCHS` epochs."""
    return float(np.mean(accuracies[-LAST_EPOCHS:]))
