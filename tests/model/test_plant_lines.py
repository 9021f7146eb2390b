"""A plant whose wires have resistance: its reads and its pulses are those of LineResistance."""

from __future__ import annotations

import numpy as np
import pytest

from crosstwin_model.coincidence import pack
from crosstwin_model.config import ConfigurationError, ControllerConfig
from crosstwin_model.devices.constant_step import ConstantStep
from crosstwin_model.devices.soft_bounds import SoftBounds
from crosstwin_model.line_resistance import LineResistance
from crosstwin_model.plant import Plant, PlantConfig

CONTROLLER = ControllerConfig("test", rows=20, columns=12)
LINES = LineResistance(60.0, 90.0, driver_ohms=200.0)
STEP = 2.0**-6
EXACT = ConstantStep("exact", STEP)


def plant(lines: LineResistance | None, adc_range: float = 3.0) -> Plant:
    """Return a plant without noise, with random weights."""
    made = Plant(CONTROLLER, PlantConfig(device=EXACT, adc_noise=0.0, adc_range=adc_range, lines=lines))
    rng = np.random.default_rng(1)
    for tile in (0, 2):
        made.set_conductance(tile, rng.uniform(-1.0, 1.0, (20, 12)))
    return made


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize("differential", [True, False])
@pytest.mark.parametrize("unselected", ["grounded", "floating"])
def test_codes_are_those_of_the_sums(forward: bool, differential: bool, unselected: str) -> None:
    lines = LineResistance(60.0, 90.0, driver_ohms=200.0, unselected=unselected)
    array = plant(lines)
    driven, sensed = (20, 12) if forward else (12, 20)
    charge = np.random.default_rng(2).integers(-9, 10, driven).astype(np.int32)
    sums = lines.read_sums(array.conductance(0), charge, forward)
    if differential:
        sums = sums - lines.read_sums(array.conductance(2), charge, forward)
    expected = np.clip(np.rint(sums * CONTROLLER.adc_max / (3.0 * 63)), -CONTROLLER.adc_max, CONTROLLER.adc_max)
    codes = array.read(0, differential, forward, charge, 0, sensed)
    assert codes.tolist() == expected.astype(np.int64).tolist()
    assert codes.tolist() != plant(None).read(0, differential, forward, charge, 0, sensed).tolist()


def test_wires_almost_without_resistance_give_the_codes_of_an_ideal_array() -> None:
    charge = np.arange(20, dtype=np.int32) - 7
    found, ideal = (plant(lines).read(0, True, True, charge, 0, 12) for lines in (LineResistance(1e-6, 1e-6), None))
    assert found.tolist() == ideal.tolist()


def test_a_pulse_moves_each_cell_by_its_part_of_the_step() -> None:
    array = plant(LINES)
    array.set_conductance(0, np.zeros((20, 12)))
    array.pulse(0, True, pack(np.ones((20, 1), np.bool_)), pack(np.ones((12, 1), np.bool_)))
    np.testing.assert_allclose(array.conductance(0), STEP * LINES.pulse_factors(20, 12), rtol=0, atol=1e-7)
    array.pulse(0, False, pack(np.ones((20, 1), np.bool_)), pack(np.ones((12, 1), np.bool_)))
    np.testing.assert_allclose(array.conductance(0), 0.0, atol=1e-7)


def test_slot_by_slot_gives_the_bits_of_a_whole_update() -> None:
    device = SoftBounds("noisy", 0.02, dw_min_spread=0.3, c2c=0.5)
    whole, single = (Plant(CONTROLLER, PlantConfig(device=device, lines=LINES, initial=0.5)) for _ in range(2))
    rng = np.random.default_rng(3)
    rows, columns = rng.random((20, 31)) < 0.4, rng.random((12, 31)) < 0.4
    whole.pulse(0, True, pack(rows), pack(columns))
    single.pulse_slots(0, np.ones(31, np.bool_), pack(rows.T), pack(columns.T))
    assert whole.digest() == single.digest()


def test_lines_of_another_kind_are_refused() -> None:
    with pytest.raises(ConfigurationError) as caught:
        PlantConfig(lines=0.35)  # type: ignore[arg-type]
    assert str(caught.value) == "lines is 0.35; allowed are None and LineResistance"
