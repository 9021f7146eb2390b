"""8 x 8 images of digits, and what experiments that classify them share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from crosstwin_sim.backend import Backend
from crosstwin_sim.layers import FloatLayer
from crosstwin_sim.scaling import Floats

from .settings import Settings
from .training import BaseRun, Tick, Trainer, decay_factor, epoch_order


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


class Classifier(Protocol):
    """A network that learns the classes of images."""

    def classify(self, x: Floats) -> int:
        """Return the class of a sample."""
        ...

    def learn(self, x: Floats, label: int) -> None:
        """Make one training step."""
        ...


class ImageTrainer(Trainer):
    """A classifier on crossbars, trained on one split and scored by its accuracy.

    Parameters
    ----------
    backend : Backend
        The run's controller.
    run : BaseRun
        What to train.
    split : Split
        Samples.
    """

    def __init__(self, backend: Backend, run: BaseRun, split: Split) -> None:
        super().__init__(backend, run)
        self.split = split
        self.network = self.make_network()

    @abstractmethod
    def make_network(self) -> Classifier:
        """Return the network that the layers are of."""

    def run_epoch(self, epoch: int, tick: Tick) -> float:
        """Train one epoch, counted from 0, and return the accuracy on the test samples."""
        self.prepare_epoch(epoch)
        learn_epoch(self.network, self.split, self.run.seed, epoch, tick)
        return accuracy(self.network, self.split, tick)


def learn_epoch(network: Classifier, split: Split, seed: int, epoch: int, tick: Tick) -> None:
    """Learn from every training sample once, in the epoch's order."""
    x, labels = split.train_x, split.train_y.tolist()
    for sample in epoch_order(len(labels), seed, epoch):
        network.learn(x[sample], labels[sample])
        tick()


def accuracy(network: Classifier, split: Split, tick: Tick = lambda: None) -> float:
    """Return the part of the test samples that are classified right."""
    right = 0
    for image, label in zip(split.test_x, split.test_y.tolist(), strict=True):
        right += network.classify(image) == label
        tick()
    return right / len(split.test_y)


def train_reference(
    network: Classifier, layers: Sequence[FloatLayer], settings: Settings, split: Split, epochs: int, seed: int, tick: Tick
) -> list[float]:
    """Train a network of float layers with the same order of samples and decay of its rates; return the accuracies.

    Parameters
    ----------
    network : Classifier
        Made of the layers.
    layers : sequence of FloatLayer
        With their rates before any decay.
    settings, split, epochs, seed
        As in a run on crossbars.
    tick : callable
        Told after every sample that was learned from.
    """
    rates = [layer.rate for layer in layers]
    accuracies = []
    for epoch in range(epochs):
        for layer, rate in zip(layers, rates, strict=True):
            layer.rate = rate * decay_factor(settings, epoch, epochs)
        learn_epoch(network, split, seed, epoch, tick)
        accuracies.append(accuracy(network, split))
    return accuracies
