"""Convolution by im2col: against scipy, against numerical gradients, and on a crossbar against floats."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import correlate

from crosstwin_model.config import ControllerConfig
from crosstwin_model.devices.constant_step import ConstantStep
from crosstwin_model.plant import Plant, PlantConfig
from crosstwin_sim.convolution import ConvolutionalNetwork, Shape, col2im, im2col, pool_largest, unpool
from crosstwin_sim.crossbar import Crossbar, PulseSettings, ReadSettings
from crosstwin_sim.layers import FloatLayer, Layer
from crosstwin_sim.model_backend import ModelBackend

#: 6 x 6 images of 2 channels to 3 filters, pooled to 2 x 2, then 2 x 2 patches to 4 filters.
SHAPES = (Shape(2, 6, 3, 3, 2), Shape(3, 2, 2, 4))
CLASSES = 3


def matrices(seed: int, limit: float = 0.5) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.uniform(-limit, limit, shape) for shape in (*(shape.weights for shape in SHAPES), (5, CLASSES))]


def test_im2col_times_filters_is_the_convolution_that_scipy_makes() -> None:
    rng = np.random.default_rng(1)
    image, filters = rng.normal(size=(2, 7, 7)), rng.normal(size=(5, 2, 3, 3))
    found = (im2col(image, 3) @ filters.reshape(5, -1).T).T.reshape(5, 5, 5)
    for index in range(5):
        exact = sum(correlate(image[channel], filters[index, channel], mode="valid") for channel in range(2))
        assert found[index] == pytest.approx(exact)


def test_col2im_is_the_transpose_of_im2col() -> None:
    rng = np.random.default_rng(2)
    image, patches = rng.normal(size=(2, 6, 6)), rng.normal(size=(16, 18))
    assert np.sum(im2col(image, 3) * patches) == pytest.approx(np.sum(image * col2im(patches, 2, 6, 3)))


def test_pooling_takes_the_largest_and_errors_go_back_to_it() -> None:
    values = np.random.default_rng(3).permutation(2 * 36).reshape(2, 6, 6).astype(float)
    largest, which = pool_largest(values, 3)
    expected = values.reshape(2, 2, 3, 2, 3).max(axis=(2, 4))
    assert np.array_equal(largest, expected)
    back = unpool(largest, which, 3)
    assert np.array_equal(back[back > 0], values[np.isin(values, expected)])
    assert np.count_nonzero(back) == np.count_nonzero(expected)


def test_a_step_is_the_negative_gradient() -> None:
    weights, rate, scale = matrices(4), 1e-6, 1.3
    image, label = np.random.default_rng(5).normal(size=2 * 36), 1

    def loss(changed: list[np.ndarray]) -> float:
        network = ConvolutionalNetwork(SHAPES, [FloatLayer(matrix, scale, 0.0) for matrix in changed])
        output = network.outputs(image)
        return float(np.log(np.exp(output - output[label]).sum()))

    layers = [FloatLayer(matrix.copy(), scale, rate) for matrix in weights]
    ConvolutionalNetwork(SHAPES, layers).learn(image, label)
    for index, layer in enumerate(layers):
        step = (layer.weights - weights[index]) / rate
        assert np.abs(step).max() > 1e-3
        for cell in np.ndindex(*step.shape):
            nudged = [matrix.copy() for matrix in weights]
            nudged[index][cell] += 1e-6
            # A layer's rate includes its scale, so the step lacks it.
            assert step[cell] * scale == pytest.approx(-(loss(nudged) - loss(weights)) / 1e-6, abs=1e-4)


def test_on_a_crossbar_with_fine_converters_it_follows_the_floats() -> None:
    weights, rate = matrices(6), 0.01
    config = ControllerConfig("fine", rows=19, columns=4, pairs=3, adc_bits=16)
    device = ConstantStep("fine", 2.0**-13, w_max=4.0, w_min=-4.0)
    plant = Plant(config, PlantConfig(device=device, adc_noise=0.0, input_full_scale=255))
    backend = ModelBackend(config, plant)
    layers, floats = [], []
    for pair, matrix in enumerate(weights):
        start = np.zeros((19, 4))
        start[: matrix.shape[0], : matrix.shape[1]] = matrix
        plant.set_conductance(4 * pair, start)
        crossbar = Crossbar(
            backend, pair, *matrix.shape, pulses=PulseSettings(device.dw_min, bl_min=128), reads=ReadSettings(255)
        )
        layers.append(Layer(crossbar, 1.0, rate))
        floats.append(FloatLayer(matrix.copy(), 1.0, rate))
    on_crossbar, in_floats = ConvolutionalNetwork(SHAPES, layers), ConvolutionalNetwork(SHAPES, floats)
    rng = np.random.default_rng(7)
    for label in range(CLASSES):
        image = rng.normal(size=2 * 36)
        assert on_crossbar.outputs(image) == pytest.approx(in_floats.outputs(image), abs=0.02)
        on_crossbar.learn(image, label)
        in_floats.learn(image, label)
    for pair, (layer, start) in enumerate(zip(floats, weights, strict=True)):
        rows, columns = start.shape
        moved = plant.weights(4 * pair)[:rows, :columns] - start
        expected = layer.weights - start
        assert np.linalg.norm(moved - expected) < 0.15 * np.linalg.norm(expected)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((1, 8, 9, 4), "kernel is 9; allowed are 1 to the image's size, 8"),
        ((1, 8, 3, 4, 4), "pool is 4; allowed are divisors of the 6 places a side"),
        ((1, 8, 3, 0), "filters is 0; allowed are whole numbers from 1 on"),
    ],
)
def test_a_stage_that_does_not_fit_is_refused(arguments: tuple[int, ...], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Shape(*arguments)
