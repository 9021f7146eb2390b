"""Symmetry points against alternating pulses on the plant: where these bring cells to rest, and where they do not."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosstwin_model.config import ConfigurationError, ControllerConfig
from crosstwin_model.devices import DEVICES, Device, load_device
from crosstwin_model.devices.base import UP, CellDraws
from crosstwin_model.devices.constant_step import ConstantStep
from crosstwin_model.devices.linear_step import LinearStep
from crosstwin_model.devices.piecewise_step import PiecewiseStep
from crosstwin_model.devices.soft_bounds import SoftBounds
from crosstwin_model.emulated import EmulatedPlant
from crosstwin_model.emulated_config import EmulatedConfig
from crosstwin_model.plant import Plant, PlantConfig

SIDE = 8
#: A device whose steps cross twice, and one whose only crossing repels, as files.
TWO = 'rule = "piecewise_step"\ndw_min = 0.01\ntable_up = [1.0, 0.6, 0.8, 1.6]\ntable_down = [0.2, 0.8, 1.0, 1.2]'
UNSTABLE = 'rule = "linear_step"\ndw_min = 0.01\ngamma_up = -0.5\ngamma_down = -0.5'


def _plant(device: Device, side: int = SIDE, **fields: object) -> Plant:
    return Plant(ControllerConfig("test", side, side), PlantConfig(device=device, **fields))  # type: ignore[arg-type]


def _alternate(plant: Plant, pairs: int, start: np.ndarray) -> np.ndarray:
    """Where cells are after alternating pulses, float64[cells]: the mean of the conductances after an up and a down pulse."""
    side = plant.controller.rows
    plant.set_conductance(0, start.reshape(side, side))
    lines = np.full((2 * pairs, 1), 2**side - 1, np.uint64)
    plant.pulse_slots(0, np.arange(2 * pairs) % 2 == 0, lines, lines)
    low = plant.conductance(0).astype(np.float64)
    plant.pulse_slots(0, np.array([True]), lines[:1], lines[:1])
    return 0.5 * (low + plant.conductance(0)).reshape(-1)


def _quiet(device: Device, dw_min: float) -> Device:
    """The device with small steps and neither noise nor time, whose cells stand at 0 at first."""
    return replace(device.without_noise(), dw_min=dw_min, lifetime=0.0, lifetime_spread=0.0, at_symmetry_point=False)


@pytest.mark.parametrize("name", sorted(name for name, device in DEVICES.items() if not device.one_sided))
def test_alternating_pulses_lead_to_a_symmetry_point_and_nowhere_else(name: str) -> None:
    plant = _plant(_quiet(DEVICES[name], 0.001), 16)
    planes = plant.config.device.cell_planes(CellDraws(1, 0, 256))
    low, high = planes[UP, :2].astype(np.float64)
    point = plant.config.device.symmetry_point(planes)
    found = ~np.isnan(point)
    moved = []
    for part in (0.1, 0.9):
        near = point + (part - 0.5) * np.minimum(point - low, high - point)
        start = np.where(found, near, low + part * (high - low))
        plant.set_conductance(0, start.reshape(16, 16))
        begin = plant.conductance(0).reshape(-1).astype(np.float64)
        lines = np.full((400, 1), 2**16 - 1, np.uint64)
        plant.pulse_slots(0, np.arange(400) % 2 == 0, lines, lines)
        moved.append(plant.conductance(0).reshape(-1) - begin)
    inwards = (moved[0] > 1e-6) & (moved[1] < -1e-6)
    assert (inwards == found).mean() > 0.99, (inwards.mean(), found.mean())


@pytest.mark.parametrize(("text", "rest"), [(TWO, -0.471), (UNSTABLE, None)])
def test_two_crossings_and_one_that_repels(text: str, rest: float | None, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(f"[device]\n{text}\n")
    device = load_device(tmp_path / "mine.toml")
    point = device.symmetry_point(device.cell_planes(CellDraws(1, 0, SIDE * SIDE)))
    plant = _plant(device)
    after_down = 2 * _alternate(plant, 3000, np.zeros(SIDE * SIDE)) - plant.conductance(0).reshape(-1)
    if rest is None:
        assert np.isnan(point).all() and np.isnan(plant.resting_points(0)).all()
        assert (after_down > 0.98).all()
    else:
        assert point == pytest.approx(-7 / 15, abs=1e-6) and after_down == pytest.approx(rest, abs=1e-3)
        assert plant.resting_points(0) == pytest.approx(-7 / 15, abs=1e-6)


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 7)), min_size=2, max_size=6),
    st.floats(-1.2, -0.3),
    st.floats(0.3, 1.2),
    st.booleans(),
)
def test_tables_bring_cells_to_rest_where_the_plant_does(
    table: list[tuple[int, int]], w_min: float, w_max: float, searched: bool
) -> None:
    """From 64 starts; up and down steps are never the same at a point of the tables."""
    up, down = ([offset + size / 4 for size in sizes] for offset, sizes in zip((0.0, 0.1), zip(*table, strict=True), strict=True))
    device = PiecewiseStep("test", 0.01, w_min=w_min, w_max=w_max, table_up=tuple(up), table_down=tuple(down))
    start = np.linspace(w_min + 0.01, w_max - 0.01, SIDE * SIDE)
    planes = device.cell_planes(CellDraws(1, 0, start.size))
    if searched:  # by the search that serves every rule
        point, reached = Device.stable_points(device, planes, start)
        rest = np.where(reached, point, np.nan)
    else:
        rest = device.symmetry_point(planes, start)
    found = _alternate(_plant(device), 5000, start)
    drift = np.interp(np.linspace(w_min, w_max, 2001), np.linspace(w_min, w_max, len(up)), np.subtract(up, down))
    turns = np.linspace(w_min, w_max, 2001)[np.flatnonzero((drift[:-1] < 0) & (drift[1:] >= 0))]
    # The second pulse begins a step away from the first: where steps change faster than their difference, that shifts the rest.
    faster = max(np.abs(np.diff(up)).max(), np.abs(np.diff(down)).max()) / 0.25
    shift = 0.01 * max(*up, *down) * max(faster, 1.0) + 0.005
    clear = np.abs(np.subtract.outer(start, turns)).min(axis=1, initial=1.0) > shift + 0.05
    at_bound = np.minimum(found - w_min, w_max - found) < shift
    assert at_bound[clear & np.isnan(rest)].all()
    assert (np.abs(found - rest) < shift)[clear & ~np.isnan(rest)].all()


def test_of_several_points_it_is_the_one_that_pulses_from_0_reach_else_the_nearest() -> None:
    def point(up: tuple[float, ...], down: tuple[float, ...], start: float | None = None) -> float:
        device = PiecewiseStep("test", 0.01, table_up=up, table_down=down)
        planes = device.cell_planes(CellDraws(1, 0, 1))
        return float(device.symmetry_point(planes, None if start is None else np.array([start]))[0])

    twice = ((1.0, 1.0, 3.0, 1.0, 1.0), (0.0, 2.0, 1.0, 2.0, 2.0))
    assert point(*twice) == pytest.approx(1 / 3)
    assert point(*twice, -0.6) == pytest.approx(-0.75) and point(*twice, 0.9) == pytest.approx(1 / 3)
    far = ((1.0, 1.0, 1.0, 1.0, 1.0), (0.0, 2.0, 0.0, 0.0, 0.0))
    assert point(*far) == pytest.approx(-0.75)
    assert np.isnan(point(*far, 0.0)) and point(*far, -0.6) == pytest.approx(-0.75)
    flat = ((2.0, 1.0, 1.0, 1.0, 0.5), (1.0, 1.0, 1.0, 1.0, 1.0))
    assert point(*flat) == 0.0 and point(*flat, -0.8) == -0.5 and point(*flat, 0.9) == 0.5


def test_the_search_finds_flat_stretches_too() -> None:
    device = PiecewiseStep("test", 0.01, table_up=(2.0, 1.0, 1.0, 0.5), table_down=(1.0, 1.0, 1.0, 1.0))
    planes = device.cell_planes(CellDraws(1, 0, 3))
    assert Device.stable_points(device, planes, np.array([-0.9, 0.0, 0.9]))[0] == pytest.approx([-1 / 3, 0.0, 1 / 3], abs=1e-6)


@pytest.mark.parametrize(
    "device",
    [
        ConstantStep("even", 0.01),
        ConstantStep("uneven", 0.01, up_down=0.5),
        LinearStep("repels", 0.01, gamma_up=-0.5, gamma_down=-0.5),
        SoftBounds("pair", 0.01, w_min=0.0, one_sided=True),
        replace(DEVICES["s1"], stuck=1.0),
    ],
    ids=lambda device: device.name,
)
def test_devices_without_a_symmetry_point_say_so(device: Device) -> None:
    assert np.isnan(device.symmetry_point(device.cell_planes(CellDraws(1, 0, 9)))).all()


def test_references_at_points_that_are_not_there_are_refused() -> None:
    sentence = r"at_symmetry_point is True; allowed are .*: \d+ of 64 cells of tile 0 of capacitor have none"
    with pytest.raises(ConfigurationError, match=sentence):
        _plant(replace(DEVICES["capacitor"], at_symmetry_point=True))


def test_stuck_cells_rest_where_they_are_and_their_references_stand_at_0() -> None:
    plant = _plant(replace(DEVICES["reram_om_array"], stuck=0.5, stuck_range=0.3, reference_spread=0.0), 16)
    low, high = plant.bounds(0)
    stuck = low == high
    assert 0.3 < stuck.mean() < 0.7
    assert (plant.resting_points(0)[stuck] == low[stuck]).all()
    free = plant.bounds(2)[0] < plant.bounds(2)[1]
    reference = plant.conductance(2)[free]
    at_rest = np.abs(reference - np.clip(plant.resting_points(0), *plant.bounds(2))[free]) < 1e-6
    assert at_rest[~stuck[free]].all() and not reference[stuck[free]].any()


def test_cells_of_an_emulated_array_rest_where_alternating_pulses_bring_them() -> None:
    config = ControllerConfig("test", SIDE, SIDE)
    plant = EmulatedPlant(config, EmulatedConfig(c2c=0.0, up_down_spread=0.2))
    points = plant.resting_points(1)
    lines = np.full((4000, 1), 2**SIDE - 1, np.uint64)
    plant.pulse_slots(1, np.arange(4000) % 2 == 0, lines, lines)
    low = plant.conductance(1)
    plant.pulse_slots(1, np.array([True]), lines[:1], lines[:1])
    assert points.std() > 0.03 and np.abs(0.5 * (low + plant.conductance(1)) - points).max() < 0.01
