"""A layer's weights, on a crossbar or in floats: what networks of every kind are built from.

A network works alike on both, so that the float reference beside a run differs from it in the arithmetic of its layers alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from crosstwin_model.registers import TileKind

from .crossbar import Crossbar
from .scaling import Floats


class Weights(Protocol):
    """A matrix of ``inputs + 1`` rows, the last of them the bias whose input is always 1, and one column an output.

    All vectors may be single, or several, one a row.
    """

    rate: float

    def forward(self, x: Floats) -> Floats:
        """Return the outputs before the non-linearity of inputs that end with the bias's 1."""
        ...

    def backward(self, d: Floats) -> Floats:
        """Return the errors of the inputs, without the bias's."""
        ...

    def descend(self, x: Floats, d: Floats) -> None:
        """Add rate x d^T for every input x and negative gradient d of the outputs."""
        ...


@dataclass
class Layer:
    """A crossbar as a layer; several vectors are read or pulsed one after another.

    Parameters
    ----------
    crossbar : Crossbar
        ``inputs + 1`` rows, one column an output.
    scale : float
        Outputs and errors are multiplied with it, so that weights within the devices' bounds suffice.
    rate : float
        Learning rate of the pulsed updates, weight per (input x error); it includes the scale.
    kind : TileKind
        The tile that takes the updates: C, the weights themselves, or A (SHD).
    """

    crossbar: Crossbar
    scale: float
    rate: float
    kind: TileKind = TileKind.C

    def forward(self, x: Floats) -> Floats:
        """Return the outputs before the non-linearity of inputs that end with the bias's 1."""
        if np.ndim(x) == 2:
            return np.array([self.crossbar.forward(row) for row in x]) * self.scale
        return self.crossbar.forward(x) * self.scale

    def backward(self, d: Floats) -> Floats:
        """Return the errors of the inputs, without the bias's."""
        if np.ndim(d) == 2:
            return np.array([self.crossbar.backward(row) for row in d])[:, :-1] * self.scale
        return self.crossbar.backward(d)[:-1] * self.scale

    def descend(self, x: Floats, d: Floats) -> None:
        """Make one pulsed update for every input and negative gradient."""
        if np.ndim(x) == 2:
            for row, error in zip(x, d, strict=True):
                self.crossbar.update(row, error, self.rate, self.kind)
        else:
            self.crossbar.update(x, d, self.rate, self.kind)


@dataclass
class FloatLayer:
    """The same layer in float64, with plain gradient descent.

    Parameters
    ----------
    weights : array
        ``inputs + 1`` x ``outputs``; changed in place.
    scale, rate : float
        As in :class:`Layer`.
    """

    weights: Floats
    scale: float
    rate: float

    def forward(self, x: Floats) -> Floats:
        """Return the outputs before the non-linearity of inputs that end with the bias's 1."""
        outputs: Floats = x @ self.weights * self.scale
        return outputs

    def backward(self, d: Floats) -> Floats:
        """Return the errors of the inputs, without the bias's."""
        errors: Floats = d @ self.weights[:-1].T * self.scale
        return errors

    def descend(self, x: Floats, d: Floats) -> None:
        """Add the outer products of inputs and negative gradients."""
        self.weights += self.rate * (np.outer(x, d) if x.ndim == 1 else x.T @ d)


def with_bias(x: Floats) -> Floats:
    """Return inputs, single or one a row, with the bias's 1 behind each."""
    if x.ndim == 1:
        return np.append(x, 1.0)
    return np.hstack([x, np.ones((len(x), 1))])


def softmax_descent(output: Floats, label: int) -> Floats:
    """Return the negative gradient of softmax cross-entropy with respect to the outputs: one-hot less probabilities."""
    powers = np.exp(output - output.max())
    descent: Floats = powers / -powers.sum()
    descent[label] += 1.0
    return descent
