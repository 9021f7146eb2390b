"""A small fully connected network: tanh layers, softmax cross-entropy, trained sample by sample."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from crosstwin_model.registers import TileKind

from .layers import Weights, softmax_descent, with_bias
from .scaling import Floats


class Algorithm(Enum):
    """What the pulsed updates of a training step go to.

    ``SGD`` updates C, the weights themselves. ``SHD`` (Stochastic Hamiltonian Descent, arXiv 2201.13377) updates A, and the
    controller transfers A's rows to C by itself.
    """

    SGD = "sgd"
    SHD = "shd"

    @property
    def kind(self) -> TileKind:
        """The tile that takes the updates."""
        return TileKind.A if self is Algorithm.SHD else TileKind.C


class Network:
    """Layers one after another, tanh between them.

    Parameters
    ----------
    layers : sequence of Weights
        First to last.
    skip_below : float
        A sample is learned from only where its largest output error is at least that.
    """

    def __init__(self, layers: Sequence[Weights], skip_below: float = 0.0) -> None:
        self.layers = tuple(layers)
        self.skip_below = skip_below

    def outputs(self, x: Floats) -> list[Floats]:
        """Return every layer's input, each with the bias's 1, and the last layer's outputs."""
        values = [with_bias(x)]
        for layer in self.layers[:-1]:
            values.append(with_bias(np.tanh(layer.forward(values[-1]))))
        values.append(self.layers[-1].forward(values[-1]))
        return values

    def classify(self, x: Floats) -> int:
        """Return the class of a sample."""
        return int(self.outputs(x)[-1].argmax())

    def accuracy(self, x: Floats, labels: NDArray[np.int64]) -> float:
        """Return the part of samples, one a row of ``x``, that are classified right."""
        return float(np.mean([self.classify(sample) == label for sample, label in zip(x, labels.tolist(), strict=True)]))

    def learn(self, x: Floats, label: int) -> None:
        """Make one training step: forward, backward and, in each layer, one update along the negative gradient."""
        *inputs, output = self.outputs(x)
        descent = softmax_descent(output, label)
        if np.abs(descent).max() < self.skip_below:
            return
        for index in range(len(self.layers) - 1, -1, -1):
            layer, before = self.layers[index], inputs[index]
            behind = layer.backward(descent) if index else None
            layer.descend(before, descent)
            if behind is not None:
                hidden = before[:-1]
                descent = behind * (1.0 - hidden * hidden)
