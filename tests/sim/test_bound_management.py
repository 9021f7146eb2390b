"""Bound management: a read that saturates is repeated with a wider range, and counted."""

from __future__ import annotations

import numpy as np
import pytest

from crosstwin_model.config import PRESETS
from crosstwin_model.devices.constant_step import ConstantStep
from crosstwin_model.plant import Plant, PlantConfig
from crosstwin_sim.crossbar import Crossbar, PulseSettings, ReadCounts, ReadSettings
from crosstwin_sim.model_backend import ModelBackend

SMALL = PRESETS["small"]
DEVICE = ConstantStep("wide", 2.0**-12, w_max=8.0, w_min=-8.0)


def build(steps: int, gain: int, window: int = 63) -> tuple[Crossbar, np.ndarray]:
    """A crossbar whose ADC ends at 2 at gain 0, with weights of -0.25 to 0.25."""
    plant = Plant(SMALL, PlantConfig(device=DEVICE, seed=2, adc_noise=0.0, adc_range=2.0))
    plant.set_conductance(0, np.random.default_rng(3).uniform(-0.25, 0.25, (16, 16)))
    reads = ReadSettings(window, gain, gain, 0, steps)
    return Crossbar(ModelBackend(SMALL, plant), pulses=PulseSettings(DEVICE.dw_min), reads=reads), plant.weights(0)


def test_without_it_a_saturated_read_is_cut_and_counted() -> None:
    crossbar, weights = build(0, 3)
    outputs = crossbar.forward(np.ones(16))
    assert np.abs(np.ones(16) @ weights).max() > 0.3
    assert np.abs(outputs).max() == pytest.approx(0.25)
    assert crossbar.read_counts == ReadCounts(vectors=1, repeated=0, saturated=1)


@pytest.mark.parametrize("forward", [True, False])
def test_the_gain_is_halved_until_the_outputs_fit(forward: bool) -> None:
    crossbar, weights = build(6, 3)
    exact = np.ones(16) @ weights if forward else weights @ np.ones(16)
    outputs = (crossbar.forward if forward else crossbar.backward)(np.ones(16))
    needed = next(gain for gain in (3, 2, 1, 0) if np.abs(exact).max() < 2.0 / 2**gain)
    assert np.abs(outputs - exact).max() <= 0.5 * 2.0 / 255 / 2**needed + 1e-6
    assert crossbar.read_counts == ReadCounts(1, 3 - needed, 0)


def test_from_gain_0_on_the_inputs_are_halved() -> None:
    crossbar, _ = build(6, 0)
    plant = crossbar.backend.plant
    assert plant is not None
    plant.set_conductance(0, np.full((16, 16), 0.7))
    outputs = crossbar.forward(np.ones(16))
    assert outputs == pytest.approx(np.full(16, 16 * 0.7), abs=0.5 * 8 * 2.0 / 255 * 63 / 56)
    assert crossbar.read_counts == ReadCounts(1, 3, 0)


def test_repeats_end_at_their_limit_and_at_inputs_of_one_code() -> None:
    for steps, window, repeats in ((2, 63, 2), (15, 4, 2)):
        crossbar, _ = build(steps, 0, window)
        plant = crossbar.backend.plant
        assert plant is not None
        plant.set_conductance(0, np.full((16, 16), 8.0))
        crossbar.forward(np.ones(16))
        assert crossbar.read_counts == ReadCounts(1, repeats, 1)


def test_a_read_that_fits_is_the_same_with_and_without() -> None:
    x = np.random.default_rng(4).normal(size=16)
    plain, managed = build(0, 0)[0], build(5, 0)[0]
    assert np.array_equal(plain.forward(0.1 * x), managed.forward(0.1 * x))
    assert managed.read_counts.repeated == 0


def test_steps_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="bound_steps is 16; allowed are whole numbers from 0 to 15"):
        build(16, 0)
