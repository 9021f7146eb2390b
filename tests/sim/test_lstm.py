"""The character LSTM: its gradients, that it learns, and that a crossbar follows the floats."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from crosstwin_model.config import ControllerConfig
from crosstwin_model.devices import load_device
from crosstwin_model.devices.constant_step import ConstantStep
from crosstwin_model.plant import Plant, PlantConfig
from crosstwin_model.registers import TileKind
from crosstwin_sim.crossbar import Crossbar, PulseSettings, ReadSettings
from crosstwin_sim.layers import FloatLayer, Layer
from crosstwin_sim.lstm import CharacterNetwork, cross_entropy, evaluate, lstm_shapes, write_text
from crosstwin_sim.model_backend import ModelBackend

#: Four characters that follow one another by a rule that needs memory: the one behind a 0 depends on the one before it.
TEXT = np.array([1, 0, 2, 3, 0, 1, 0, 2, 2, 3, 0, 1] * 20)


def matrices(hidden: int, layers: int, seed: int = 1, limit: float = 0.5) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.uniform(-limit, limit, shape) for shape in lstm_shapes(4, hidden, layers)]


def on_floats(weights: list[np.ndarray], rate: float, scale: float = 1.0) -> tuple[CharacterNetwork, list[FloatLayer]]:
    layers = [FloatLayer(matrix.copy(), scale, rate) for matrix in weights]
    return CharacterNetwork(layers, 4, weights[-1].shape[0] - 1), layers


def on_crossbars(weights: list[np.ndarray], device: object, rate: float, kind: TileKind = TileKind.C, **plant_options: object):  # type: ignore[no-untyped-def]
    rows, columns = (max(matrix.shape[side] for matrix in weights) for side in (0, 1))
    config = ControllerConfig("lstm", rows=rows, columns=columns, pairs=len(weights), adc_bits=16)
    plant = Plant(config, PlantConfig(device=device, seed=3, **plant_options))  # type: ignore[arg-type]
    backend = ModelBackend(config, plant)
    layers = []
    for pair, matrix in enumerate(weights):
        start = np.zeros((rows, columns))
        start[: matrix.shape[0], : matrix.shape[1]] = matrix
        plant.set_conductance(4 * pair, start)
        pulses = PulseSettings(device.dw_min, bl_min=128)  # type: ignore[attr-defined]
        crossbar = Crossbar(backend, pair, *matrix.shape, pulses=pulses, reads=ReadSettings(255))
        layers.append(Layer(crossbar, 1.0, rate, kind))
    return CharacterNetwork(layers, 4, weights[-1].shape[0] - 1), plant


@pytest.mark.parametrize("layers", [1, 2])
def test_a_step_is_the_negative_gradient_through_the_whole_window(layers: int) -> None:
    weights, rate, scale = matrices(3, layers), 1e-6, 1.3
    window = np.array([2, 0, 1, 1, 3, 0])

    def loss(changed: list[np.ndarray]) -> float:
        network, _ = on_floats(changed, 0.0, scale)
        return sum(cross_entropy(network.step(a), b) for a, b in pairwise(window)) * np.log(2.0)

    network, floats = on_floats(weights, rate, scale)
    assert network.learn(window) * np.log(2.0) == pytest.approx(loss(weights))
    for index, layer in enumerate(floats):
        step = (layer.weights - weights[index]) / rate
        assert np.abs(step).max() > 1e-2
        for cell in np.ndindex(*step.shape):
            nudged = [matrix.copy() for matrix in weights]
            nudged[index][cell] += 1e-6
            # A layer's rate includes its scale, so the step lacks it.
            assert step[cell] * scale == pytest.approx(-(loss(nudged) - loss(weights)) / 1e-6, abs=1e-4)


def test_the_floats_learn_what_needs_memory() -> None:
    network, _ = on_floats(matrices(8, 1), 0.3)
    before = evaluate(network, TEXT)
    for _ in range(12):
        network.reset()
        for start in range(0, len(TEXT) - 12, 12):
            network.learn(TEXT[start : start + 13])
    assert before > 1.9
    # Without memory it costs 0.73 bits: behind a 0 comes 2 or 1, and behind a 2 comes 3 or 2.
    assert evaluate(network, TEXT) < 0.35


def test_on_crossbars_with_fine_converters_it_follows_the_floats() -> None:
    weights, rate = matrices(4, 2, limit=0.8), 0.01
    device = ConstantStep("fine", 2.0**-14, w_max=4.0, w_min=-4.0)
    network, plant = on_crossbars(weights, device, rate, adc_noise=0.0, input_full_scale=255)
    floats, layers = on_floats(weights, rate)
    for start in range(0, 24, 6):
        window = TEXT[start : start + 7]
        assert network.learn(window) == pytest.approx(floats.learn(window), rel=0.02)
    for pair, (layer, start_weights) in enumerate(zip(layers, weights, strict=True)):
        rows, columns = start_weights.shape
        moved = plant.weights(4 * pair)[:rows, :columns] - start_weights
        expected = layer.weights - start_weights
        assert np.linalg.norm(moved - expected) < 0.2 * np.linalg.norm(expected)


def test_a_short_run_on_asymmetric_devices_lowers_the_loss() -> None:
    network, _ = on_crossbars(matrices(8, 1, limit=0.3), load_device("s1"), 0.1, TileKind.A)
    for layer in (*network.gates, network.last):
        layer.scale = 2.0  # type: ignore[attr-defined]
        layer.crossbar.set_transfer(1, 1.0)  # type: ignore[attr-defined]
    before = evaluate(network, TEXT)
    for _ in range(4):
        network.reset()
        for start in range(0, len(TEXT) - 12, 12):
            network.learn(TEXT[start : start + 13])
    assert evaluate(network, TEXT) < before - 1.0


def test_written_text_follows_the_softmax() -> None:
    weights = [np.zeros(shape) for shape in lstm_shapes(4, 3, 1)]
    weights[-1][-1] = [0.0, 50.0, 0.0, 0.0]
    network, _ = on_floats(weights, 0.0)
    assert write_text(network, 2, 5, np.random.default_rng(1)) == [2, 1, 1, 1, 1]


def test_a_fresh_network_costs_the_logarithm_of_the_alphabet() -> None:
    network, _ = on_floats([np.zeros(shape) for shape in lstm_shapes(4, 3, 2)], 0.0)
    assert evaluate(network, TEXT) == pytest.approx(2.0)
