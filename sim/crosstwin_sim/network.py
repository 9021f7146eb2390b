"""A small fully connected network on crossbars: tanh layers, softmax cross-entropy, trained sample by sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from crosstwin_model.registers import TileKind

from .crossbar import Crossbar
from .scaling import Floats


class Algorithm(Enum):
    """What the pulsed updates of a training step go to.

    ``SGD`` updates C, the weights themselves. ``SHD`` (Stochastic Hamiltonian Descent, arXiv 2201.13377) updates A, and the
    controller transfers A's rows to C by itself.
    """

    SGD = "sgd"
    SHD = "shd"


@dataclass
class Layer:
    """A crossbar as a layer: its last row is the bias, whose input is always 1.

    Parameters
    ----------
    crossbar : Crossbar
        ``inputs + 1`` rows, one column an output.
    scale : float
        Outputs and errors are multiplied with it, so that weights within the devices' bounds suffice.
    rate : float
        Learning rate of the pulsed updates, weight per (input x error); it includes the scale.
    """

    crossbar: Crossbar
    scale: float
    rate: float

    def forward(self, x: Floats) -> Floats:
        """Return the outputs before the non-linearity of inputs that end with the bias's 1."""
        return self.crossbar.forward(x) * self.scale

    def backward(self, d: Floats) -> Floats:
        """Return the errors of the inputs, without the bias's."""
        return self.crossbar.backward(d)[:-1] * self.scale


class Network:
    """Layers one after another, tanh between them.

    Parameters
    ----------
    layers : sequence of Layer
        First to last.
    algorithm : Algorithm
        Whether C or A takes the updates.
    skip_below : float
        A sample is learned from only where its largest output error is at least that.
    """

    def __init__(self, layers: Sequence[Layer], algorithm: Algorithm, skip_below: float = 0.0) -> None:
        self.layers = tuple(layers)
        self.skip_below = skip_below
        self._kind = TileKind.A if algorithm is Algorithm.SHD else TileKind.C

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

    def learn(self, x: Floats, label: int) -> None:
        """Make one training step: forward, backward and, in each layer, one pulsed update along the negative gradient."""
        *inputs, output = self.outputs(x)
        descent = softmax_descent(output, label)
        if np.abs(descent).max() < self.skip_below:
            return
        for index in range(len(self.layers) - 1, -1, -1):
            layer, before = self.layers[index], inputs[index]
            behind = layer.backward(descent) if index else None
            layer.crossbar.update(before, descent, layer.rate, self._kind)
            if behind is not None:
                hidden = before[:-1]
                descent = behind * (1.0 - hidden * hidden)


def with_bias(x: Floats) -> Floats:
    """Return the inputs with the bias's 1 behind them."""
    return np.append(x, 1.0)


def softmax_descent(output: Floats, label: int) -> Floats:
    """Return the negative gradient of softmax cross-entropy with respect to the outputs: one-hot less probabilities."""
    powers = np.exp(output - output.max())
    descent = powers / -powers.sum()
    descent[label] += 1.0
    return descent


class FloatNetwork:
    """The same network in float64 with plain stochastic gradient descent, as the reference.

    Parameters
    ----------
    weights : sequence of array
        One matrix a layer, ``inputs + 1`` x ``outputs``; copied.
    scales, rates : sequence of float
        As in :class:`Layer`; ``rates`` may be changed between steps.
    skip_below : float
        As in :class:`Network`.
    """

    def __init__(self, weights: Sequence[Floats], scales: Sequence[float], rates: Sequence[float], skip_below: float) -> None:
        self.weights = [matrix.copy() for matrix in weights]
        self.scales = tuple(scales)
        self.rates = list(rates)
        self.skip_below = skip_below

    def accuracy(self, x: Floats, labels: NDArray[np.int64]) -> float:
        """Return the part of samples, one a row of ``x``, that are classified right."""
        values = x
        for index, (matrix, scale) in enumerate(zip(self.weights, self.scales, strict=True)):
            values = (values @ matrix[:-1] + matrix[-1]) * scale
            if index < len(self.weights) - 1:
                values = np.tanh(values)
        return float(np.mean(values.argmax(axis=1) == labels))

    def learn(self, x: Floats, label: int) -> None:
        """Make one training step."""
        inputs = []
        values = x
        for index, (matrix, scale) in enumerate(zip(self.weights, self.scales, strict=True)):
            inputs.append(with_bias(np.tanh(values) if index else values))
            values = inputs[-1] @ matrix * scale
        descent = softmax_descent(values, label)
        if np.abs(descent).max() < self.skip_below:
            return
        for index in range(len(self.weights) - 1, -1, -1):
            before, matrix = inputs[index], self.weights[index]
            behind = matrix[:-1] @ descent * self.scales[index]
            matrix += self.rates[index] * np.outer(before, descent)
            hidden = before[:-1]
            descent = behind * (1.0 - hidden * hidden)
