"""Convolution as matrix products: patches of an image as rows (im2col), their errors back to the image, and pooling.

Images are float64[channels, height, width]. A patch is ``channels * kernel * kernel`` numbers, channel by channel and row by row,
and patches follow one another row by row, so that a filter is one column of a layer's weights and every patch is one read or one
pulsed update of the crossbar (Gokmen, Onen and Haensch, "Training Deep Convolutional Neural Networks with Resistive Cross-Point
Devices", 2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .layers import Weights, softmax_descent, with_bias
from .scaling import Floats


@dataclass(frozen=True)
class Shape:
    """What one convolutional stage makes of its input.

    Parameters
    ----------
    channels, size : int
        Its input: ``channels`` x ``size`` x ``size``.
    kernel : int
        Patches of ``kernel`` x ``kernel``, one at every place where it lies within the image.
    filters : int
        Channels of its output.
    pool : int
        The output keeps the largest of every ``pool`` x ``pool`` places; ``size - kernel + 1`` must be a multiple of it.

    Raises
    ------
    ValueError
        If the sizes do not fit.
    """

    channels: int
    size: int
    kernel: int
    filters: int
    pool: int = 1

    def __post_init__(self) -> None:
        for name in ("channels", "size", "kernel", "filters", "pool"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; allowed are whole numbers from 1 on")
        if self.kernel > self.size:
            raise ValueError(f"kernel is {self.kernel}; allowed are 1 to the image's size, {self.size}")
        if self.places % self.pool:
            raise ValueError(f"pool is {self.pool}; allowed are divisors of the {self.places} places a side")

    @property
    def places(self) -> int:
        """Patches a side."""
        return self.size - self.kernel + 1

    @property
    def pooled(self) -> int:
        """Size of the output."""
        return self.places // self.pool

    @property
    def weights(self) -> tuple[int, int]:
        """Rows, with the bias's, and columns of the layer's weights."""
        return self.channels * self.kernel**2 + 1, self.filters


def im2col(image: Floats, kernel: int) -> Floats:
    """Return the patches of an image [channels, height, width], one a row: [places, channels * kernel * kernel]."""
    windows = np.lib.stride_tricks.sliding_window_view(image, (kernel, kernel), axis=(1, 2))
    channels, high, wide = windows.shape[:3]
    patches: Floats = windows.transpose(1, 2, 0, 3, 4).reshape(high * wide, channels * kernel * kernel)
    return patches


def col2im(patches: Floats, channels: int, size: int, kernel: int) -> Floats:
    """Return the image in which every pixel is the sum of its entries in all patches: what :func:`im2col` is the transpose of."""
    places = size - kernel + 1
    image = np.zeros((channels, size, size))
    parts = patches.reshape(places, places, channels, kernel, kernel)
    for row in range(kernel):
        for column in range(kernel):
            image[:, row : row + places, column : column + places] += parts[:, :, :, row, column].transpose(2, 0, 1)
    return image


def pool_largest(values: Floats, pool: int) -> tuple[Floats, NDArray[np.intp]]:
    """Return the largest of every ``pool`` x ``pool`` places of [channels, size, size], and which of them it was, row by row."""
    channels, size = values.shape[:2]
    side = size // pool
    blocks = values.reshape(channels, side, pool, side, pool).transpose(0, 1, 3, 2, 4).reshape(channels, side, side, pool * pool)
    which = blocks.argmax(axis=3)
    return np.take_along_axis(blocks, which[..., None], axis=3)[..., 0], which


def unpool(errors: Floats, which: NDArray[np.intp], pool: int) -> Floats:
    """Return the errors [channels, size, size] of what :func:`pool_largest` took: each at the place it was taken from, else 0."""
    channels, side = errors.shape[:2]
    blocks = np.zeros((channels, side, side, pool * pool))
    np.put_along_axis(blocks, which[..., None], errors[..., None], axis=3)
    spread: Floats = blocks.reshape(channels, side, side, pool, pool).transpose(0, 1, 3, 2, 4)
    return spread.reshape(channels, side * pool, side * pool)


@dataclass(frozen=True)
class _Seen:
    """What a stage keeps for its backward pass: patches with bias, pooled tanh values, and which places they came from."""

    patches: Floats
    values: Floats
    which: NDArray[np.intp]


class ConvolutionalNetwork:
    """Convolutional stages with tanh and max-pooling, then one fully connected layer: softmax cross-entropy, sample by sample.

    All errors of a sample are read before its updates are pulsed, so that a step is one along the sample's gradient.

    Parameters
    ----------
    shapes : sequence of Shape
        First stage to last, each fitting the one before.
    layers : sequence of Weights
        One a stage, and that of the outputs.
    skip_below : float
        A sample is learned from only where its largest output error is at least that.
    """

    def __init__(self, shapes: Sequence[Shape], layers: Sequence[Weights], skip_below: float = 0.0) -> None:
        self.shapes = tuple(shapes)
        self.stages, self.last = tuple(layers[:-1]), layers[-1]
        self.skip_below = skip_below

    def _forward(self, image: Floats) -> tuple[list[_Seen], Floats, Floats]:
        first = self.shapes[0]
        values = image.reshape(first.channels, first.size, first.size)
        seen = []
        for shape, layer in zip(self.shapes, self.stages, strict=True):
            patches = with_bias(im2col(values, shape.kernel))
            outputs = layer.forward(patches).T.reshape(shape.filters, shape.places, shape.places)
            # tanh grows, so the largest is the same before and after it.
            largest, which = pool_largest(outputs, shape.pool)
            values = np.tanh(largest)
            seen.append(_Seen(patches, values, which))
        features = with_bias(values.reshape(-1))
        return seen, features, self.last.forward(features)

    def outputs(self, x: Floats) -> Floats:
        """Return the last layer's outputs for an image, flat or [channels, size, size]."""
        return self._forward(x)[2]

    def classify(self, x: Floats) -> int:
        """Return the class of an image."""
        return int(self.outputs(x).argmax())

    def learn(self, x: Floats, label: int) -> None:
        """Make one training step."""
        seen, features, output = self._forward(x)
        descent = softmax_descent(output, label)
        if np.abs(descent).max() < self.skip_below:
            return
        errors = self.last.backward(descent)
        updates: list[tuple[Weights, Floats, Floats]] = [(self.last, features, descent)]
        for index in range(len(self.stages) - 1, -1, -1):
            shape, layer, stage = self.shapes[index], self.stages[index], seen[index]
            inner = errors.reshape(stage.values.shape) * (1.0 - stage.values * stage.values)
            placed = unpool(inner, stage.which, shape.pool).reshape(shape.filters, -1).T
            fired = np.abs(placed).max(axis=1) > 0.0
            updates.append((layer, stage.patches[fired], placed[fired]))
            if index:
                behind = np.zeros((len(placed), shape.weights[0] - 1))
                if fired.any():
                    behind[fired] = layer.backward(placed[fired])
                errors = col2im(behind, shape.channels, shape.size, shape.kernel)
        for layer, x_side, d_side in updates:
            layer.descend(x_side, d_side)
