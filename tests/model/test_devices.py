"""Devices against the formulas of their response, and the sentences for devices that cannot be."""

import re
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from crosstwin_model.config import ConfigurationError, ControllerConfig
from crosstwin_model.devices import DEVICES, RULES, load_device
from crosstwin_model.devices.base import DOWN, SMALLEST_BOUND, UP, CellDraws, Device
from crosstwin_model.devices.constant_step import ConstantStep
from crosstwin_model.devices.linear_step import LinearStep
from crosstwin_model.devices.piecewise_step import PiecewiseStep
from crosstwin_model.devices.power_step import PowerStep
from crosstwin_model.devices.soft_bounds import SoftBounds
from crosstwin_model.grid import on_grid
from crosstwin_model.noise import Purpose, draw_normal, stream
from crosstwin_model.plant import Plant, PlantConfig

SIDE = 128
CELLS = SIDE * SIDE


def _plant(device: Device, **fields: object) -> Plant:
    return Plant(ControllerConfig("test", rows=SIDE, columns=SIDE), PlantConfig(device=device, **fields))  # type: ignore[arg-type]


def _pulses(plant: Plant, up: np.ndarray) -> np.ndarray:
    """Conductances, as float64, after pulses on all cells of tile 0."""
    masks = np.full((up.size, SIDE // 64), 2**64 - 1, np.uint64)
    plant.pulse_slots(0, up, masks, masks)
    return plant.conductance(0).astype(np.float64)


def _near(values: np.ndarray, mean: float) -> bool:
    """Whether the mean of independent values is within 4 standard errors, and float32's resolution, of ``mean``."""
    return abs(values.mean() - mean) < 4 * values.std() / np.sqrt(values.size) + 1e-6


@pytest.mark.parametrize("direction", [UP, DOWN])
@pytest.mark.parametrize("pulses", [1, 10, 100, 1000])
def test_mean_response_of_soft_bounds(direction: int, pulses: int) -> None:
    w = _pulses(_plant(SoftBounds("test", 0.01, c2c=0.3, w_max=0.8, w_min=-0.5)), np.full(pulses, direction == UP))
    bound = 0.8 if direction == UP else -0.5
    assert _near(w, bound * (1 - (1 - 0.01 / abs(bound)) ** pulses))


@pytest.mark.parametrize("direction", [UP, DOWN])
@pytest.mark.parametrize("pulses", [1, 10, 100])
def test_mean_response_of_linear_step(direction: int, pulses: int) -> None:
    device = LinearStep("test", 0.004, c2c=0.3, w_max=0.9, w_min=-0.7, gamma_up=0.4, gamma_down=0.6)
    w = _pulses(_plant(device), np.full(pulses, direction == UP))
    limit = 0.9 / 0.4 if direction == UP else -0.7 / 0.6
    assert _near(w, limit * (1 - (1 - 0.004 / abs(limit)) ** pulses))


@pytest.mark.parametrize("direction", [UP, DOWN])
def test_response_of_constant_step(direction: int) -> None:
    plant = _plant(ConstantStep("test", 0.004, c2c=0.3))
    w = _pulses(plant, np.full(100, direction == UP))
    sign = 1 if direction == UP else -1
    assert _near(w, sign * 0.4)
    assert _near((w - sign * 0.4) ** 2, 100 * (0.004 * 0.3) ** 2)
    assert np.abs(_pulses(plant, np.full(300, direction == UP))).max() == 1.0


def test_cycle_to_cycle_noise_scales_the_step() -> None:
    plant = _plant(SoftBounds("test", 0.01, c2c=0.5))
    plant.set_conductance(0, np.full((SIDE, SIDE), 0.5))
    step = _pulses(plant, np.array([True])) - 0.5
    assert _near(step, 0.005)
    assert _near((step - 0.005) ** 2, (0.005 * 0.5) ** 2)


@pytest.mark.parametrize("name", sorted(DEVICES))
def test_no_cell_leaves_its_bounds(name: str) -> None:
    plant = _plant(DEVICES[name])
    low, high = plant.bounds(0)
    assert (low < 0).all() and (high > 0).all()
    rng = np.random.default_rng(4)
    plant.set_conductance(0, rng.normal(0, 2, (SIDE, SIDE)))
    for up in (True, False):
        w = _pulses(plant, np.full(200, up))
        if DEVICES[name].write_noise:  # what is visible is spread around what is kept
            w = plant.state()["states"][0].reshape(SIDE, SIDE)
        assert (w >= low).all() and (w <= high).all()


@pytest.mark.parametrize(
    "device",
    [
        *(device for device in DEVICES.values() if not (device.one_sided or device.write_noise)),
        PowerStep("power", 0.02, c2c=0.4, w_max_spread=0.2, gamma_up=1.4, gamma_down=0.7, gamma_up_spread=0.2),
        PiecewiseStep("piecewise", 0.02, c2c=0.4, w_max_spread=0.2, table_up=(2, 1, 1, 0), table_down=(0.1, 0.5, 0.7, 0.8)),
    ],
    ids=lambda d: d.name,
)
def test_compiled_pulses_are_the_rule_on_arrays_bit_for_bit(device: Device) -> None:
    plant = _plant(device, initial=0.4)
    w = plant.conductance(0).reshape(-1)
    planes, shape, cells = device.cell_planes(CellDraws(1, 0, CELLS)), device.cell_shape(), np.arange(CELLS)
    planes[:, :2] = on_grid(planes[:, :2])
    keys = stream(1, Purpose.PULSE, 0)
    directions = np.random.default_rng(2).random(40) < 0.5
    for number, up in enumerate(directions.astype(int)):
        noise = np.float32(device.c2c) * draw_normal(keys, cells, number)
        w = on_grid(device.pulse_step(w, planes[up], cells, noise, shape[up]))
        assert w.dtype == np.float32
        w = np.minimum(np.maximum(w, on_grid(planes[up, 0])), on_grid(planes[up, 1]))
    assert _pulses(plant, directions).astype(np.float32).tobytes() == w.tobytes()


def test_device_to_device_spread() -> None:
    device = SoftBounds(
        "test", 0.01, dw_min_spread=0.2, up_down=0.1, up_down_spread=0.05, w_max=0.8, w_min=-0.6, w_max_spread=0.1
    )
    planes = device.planes(CellDraws(3, 0, CELLS)).astype(np.float64)
    w_min, w_max, up, slope_up = planes[UP]
    down = planes[DOWN, 2]
    assert (w_min == np.float32(-0.6)).all()
    assert _near(w_max, 0.8) and _near((w_max - 0.8) ** 2, 0.08**2)
    assert _near(up, 0.01) and _near(down, 0.009)
    assert _near((up + down) / 2, 0.0095) and _near(((up + down) / 2 - 0.0095) ** 2, 0.002**2)
    assert np.allclose(slope_up, 1 / w_max, rtol=1e-6)
    assert _near((up - down) / 2, 0.0005) and _near(((up - down) / 2 - 0.0005) ** 2, 0.0005**2)
    other = device.planes(CellDraws(3, 1, CELLS))
    assert abs(np.corrcoef(other[UP, 2], up)[0, 1]) < 4 / np.sqrt(CELLS)
    assert abs(np.corrcoef(w_max, up)[0, 1]) < 4 / np.sqrt(CELLS)


def test_a_negative_difference_shortens_the_up_steps() -> None:
    planes = SoftBounds("test", 0.01, up_down=-0.3).planes(CellDraws(1, 0, 1))
    assert planes[UP, 2, 0] == np.float32(0.007) and planes[DOWN, 2, 0] == np.float32(0.01)


def test_signs_and_order_stay_consistent_under_a_wide_spread() -> None:
    device = SoftBounds("test", 0.01, dw_min_spread=0.9, up_down_spread=0.9, w_max_spread=1.0, w_min_spread=1.0)
    planes = device.planes(CellDraws(2, 0, CELLS))
    assert (planes[:, 0] <= -np.float32(SMALLEST_BOUND)).all() and (planes[:, 1] >= np.float32(SMALLEST_BOUND)).all()
    assert (planes[:, 2] > 0).all()


def test_spread_of_a_linear_slope_is_absolute() -> None:
    device = LinearStep("test", 0.01, gamma_up=0.3, gamma_up_spread=0.05, gamma_down=0.5, gamma_down_spread=0.02)
    planes = device.planes(CellDraws(2, 0, CELLS)).astype(np.float64)
    # With bounds of 1, b / a is gamma / w_max going up and gamma / w_min going down.
    gamma_up, gamma_down = planes[UP, 3] / planes[UP, 2], -planes[DOWN, 3] / planes[DOWN, 2]
    assert _near(gamma_up, 0.3) and _near((gamma_up - 0.3) ** 2, 0.05**2)
    assert _near(gamma_down, 0.5) and _near((gamma_down - 0.5) ** 2, 0.02**2)


def test_spread_of_log_normal_steps() -> None:
    up = SoftBounds("test", 0.01, dw_min_spread=0.7, dw_min_spread_log=True).planes(CellDraws(2, 0, CELLS))[UP, 2]
    logarithm = np.log(up.astype(np.float64) / 0.01)
    assert _near(logarithm, 0.0) and _near(logarithm**2, 0.7**2)


@pytest.mark.parametrize("device", [*DEVICES.values(), replace(DEVICES["s1"], stuck=0.3, stuck_range=0.2)], ids=lambda d: d.name)
def test_a_cell_does_not_depend_on_its_block(device: Device) -> None:
    whole = device.cell_planes(CellDraws(5, 2, 1000))
    blocks = [device.cell_planes(CellDraws(5, 2, size, first)) for first, size in ((0, 1), (1, 600), (601, 399))]
    assert np.concatenate(blocks, axis=2).tobytes() == whole.tobytes()
    assert whole.dtype == np.float32 and device.cell_shape().dtype == np.float32


@pytest.mark.parametrize("rule", sorted(RULES))
def test_stuck_cells_stand_where_they_are(rule: str) -> None:
    device = RULES[rule]("test", 0.1, c2c=1.0, stuck=0.25, stuck_range=0.9, w_max=0.5)
    low, high = device.cell_planes(CellDraws(6, 0, CELLS))[UP, :2].astype(np.float64)
    stuck = low == high
    assert _near(stuck.astype(float), 0.25)
    at, cut = high[stuck], high[stuck] == 0.5
    assert _near(cut.astype(float), 0.4 / 1.8) and _near(at[~cut], -0.2) and at.min() < -0.89
    assert (low[~stuck] == -1.0).all() and (high[~stuck] == 0.5).all()
    plant = _plant(device)
    w = _pulses(plant, np.random.default_rng(1).random(50) < 0.5).reshape(-1)
    stands = (plant.bounds(0)[0] == plant.bounds(0)[1]).reshape(-1)
    assert (w[stands] == plant.bounds(0)[0].reshape(-1)[stands]).all() and stands.mean() > 0.2


def test_a_pair_has_two_independent_conductances_that_go_up() -> None:
    device = replace(DEVICES["s1"], w_min=0.0, w_min_spread=0.0, one_sided=True, stuck=0.2, stuck_range=0.1)
    planes = device.cell_planes(CellDraws(2, 0, CELLS)).astype(np.float64)
    free = planes[:, 0] != planes[:, 1]
    assert (free[UP] == free[DOWN]).all() and _near(free[UP].astype(float), 0.8)
    assert (planes[:, 2][free] > 0).all() and (planes[:, 0][free] == 0).all()
    both = planes[:, 2][:, free[UP]]
    assert _near(both[UP], 0.02) and _near(both[DOWN], 0.02) and abs(np.corrcoef(both)[0, 1]) < 4 / np.sqrt(CELLS)
    plus, minus = planes[UP, 0, ~free[UP]], planes[DOWN, 0, ~free[UP]]
    assert ((plus == 0) | (minus == 0)).all() and _near(plus - minus, 0.0) and (plus - minus).max() > 0.09
    shape = DEVICES["pcm"].cell_shape()
    assert (shape[DOWN] == shape[UP]).all() and (shape[UP] == DEVICES["pcm"].shape()[UP]).all()
    assert (DEVICES["pcm"].shape()[DOWN] != shape[DOWN]).any()


def test_lifetime_and_drift_spread_over_the_cells() -> None:
    device = replace(DEVICES["s1"], lifetime=100.0, lifetime_spread=0.1, drift=0.05, drift_spread=0.01)
    draws = CellDraws(2, 0, CELLS)
    lifetime, nu = 1 / (1 - device.keep(draws)), device.drift_exponents(draws).astype(np.float64)
    assert abs(lifetime.mean() - 100) < 0.5 and abs(lifetime.std() - 10) < 0.5
    assert _near(nu, 0.05) and _near((nu - 0.05) ** 2, 0.01**2)
    assert (DEVICES["s1"].keep(draws) == 1).all()
    assert (replace(device, lifetime=2.0, lifetime_spread=1.0).keep(draws) >= 0).all()


@pytest.mark.parametrize("name", ["s3", "ecram", "reram_es", "reram_sb"])
def test_steps_cancel_at_the_symmetry_point(name: str) -> None:
    device = DEVICES[name]
    planes = device.cell_planes(CellDraws(3, 0, 1000))
    point = device.symmetry_point(planes)
    found = ~np.isnan(point)
    assert found.mean() > 0.9
    up, down = device.mean_step(point, planes, True), device.mean_step(point, planes, False)
    assert np.abs((up + down) / up)[found].max() < 1e-4
    assert (up[found] > 0).all()


@pytest.mark.parametrize("name", ["s3", "ecram", "capacitor"])
def test_the_symmetry_point_of_affine_steps_is_that_of_the_bisection(name: str) -> None:
    planes = DEVICES[name].cell_planes(CellDraws(3, 0, 1000))
    point, bisected = DEVICES[name].symmetry_point(planes), Device.stable_points(DEVICES[name], planes, np.zeros(1000))[0]
    assert (np.isnan(point) == np.isnan(bisected)).mean() > 0.995
    both = ~(np.isnan(point) | np.isnan(bisected))
    assert np.abs(point - bisected)[both].max() < 1e-5 and both.sum() > 100


def test_alternating_pulses_find_the_symmetry_point() -> None:
    device = replace(DEVICES["s3"], c2c=0.0, dw_min=0.002)
    plant = _plant(device, initial=0.5)
    w = _pulses(plant, np.arange(16_000) % 2 == 0).ravel()
    low, high, up, _ = plant.config.device.planes(CellDraws(1, 0, CELLS))[UP].astype(np.float64)
    down = plant.config.device.planes(CellDraws(1, 0, CELLS))[DOWN, 2].astype(np.float64)
    point = (up - down) / (up / high - down / low)
    # After a down pulse a cell rests half a step below its symmetry point.
    settled = up + down > 0.001
    assert settled.mean() > 0.95
    assert (np.abs(w - point) < up + down)[settled].all()
    assert point.std() > 0.05


def test_alternating_pulses_decay_as_the_closed_form_says() -> None:
    plant = _plant(SoftBounds("test", 0.002, c2c=0.3))
    plant.set_conductance(0, np.full((SIDE, SIDE), 0.5))
    for pairs in (100, 200, 300):
        w = _pulses(plant, np.arange(200) % 2 == 0)
        assert w.mean() == pytest.approx(0.5 * np.exp(-2 * pairs * 0.002), rel=0.01)


def test_zero_shift_leaves_the_residuals_of_the_experiment_card() -> None:
    """dw .002, bound 1, uniform start: the residual is the decayed start and the noise floor sqrt(dw c2c^2 / 2)."""
    plant = _plant(SoftBounds("test", 0.002, c2c=0.3), initial=1.0)
    done, residuals = 0, []
    for pairs in (100, 1000, 4000):
        w = _pulses(plant, np.arange(2 * (pairs - done)) % 2 == 0)
        done = pairs
        residuals.append(float(np.sqrt((w**2).mean())))
    assert residuals == pytest.approx([0.40, 0.0146, 0.0096], rel=0.06)


def test_a_coarse_step_has_a_high_floor() -> None:
    w = _pulses(_plant(SoftBounds("test", 0.1, c2c=0.3)), np.arange(400) % 2 == 0)
    assert np.sqrt((w**2).mean()) == pytest.approx(0.08, abs=0.01)


def test_a_symmetric_device_stays_where_it_is() -> None:
    plant = _plant(replace(DEVICES["symmetric"], c2c=0.0))
    plant.set_conductance(0, np.full((SIDE, SIDE), 0.05))
    high = plant.bounds(0)[1]
    step = plant.config.device.planes(CellDraws(1, 0, CELLS))[UP, 2].reshape(SIDE, SIDE)
    w = _pulses(plant, np.arange(200) % 2 == 0)
    free = high > 0.05 + step
    assert free.mean() > 0.9
    assert np.abs(w[free] - 0.05).max() < 1e-6


def test_a_device_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('[device]\nrule = "linear_step"\ndw_min = 0.01\ngamma_up = 0.5\n')
    assert load_device(path) == LinearStep("mine", 0.01, gamma_up=0.5)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('rule = "soft_bounds"\ndw_mn = 0.1', r"has the key 'dw_mn'; allowed with soft_bounds are additive, .* and rule$"),
        ('rule = "soft_bounds"', "lacks the key 'dw_min'"),
        ('rule = "soft"\ndw_min = 0.1', "rule is 'soft'; allowed are constant_step, exponential_step, .*, soft_bounds"),
        ("dw_min = 0.1", "rule is None; allowed are"),
        ('rule = "soft_bounds"\ndw_min = 0.0', "dw_min is 0.0; allowed are numbers above 0, at most 1"),
        ('rule = "soft_bounds"\ndw_min = true', "dw_min is True; allowed are finite numbers"),
        ('rule = "soft_bounds"\ndw_min = nan', "dw_min is nan; allowed are finite numbers"),
        ('rule = "soft_bounds"\ndw_min = 0.1\nc2c = -1', "c2c is -1; allowed are numbers from 0 to 100"),
        ('rule = "soft_bounds"\ndw_min = 0.1\nw_max = -0.5', r"w_min and w_max are -1.0 and -0.5; allowed is w_min < 0 < w_max"),
        (
            'rule = "soft_bounds"\ndw_min = 0.1\nw_max = 9',
            r"w_max is 9 with a spread of 0.0; allowed are bounds that stay within \+-8",
        ),
        ('rule = "soft_bounds"\ndw_min = 0.1\nw_max = 1e-30', "w_max is 1e-30; allowed are bounds of 1e-06 or more in size"),
        ('rule = "soft_bounds"\ndw_min = 0.1\nw_min = -1e-7', "w_min is -1e-07; allowed are bounds of 1e-06 or more in size"),
        (
            'rule = "soft_bounds"\ndw_min = 1e-12',
            r"dw_min is 1e-12 with w_min = -1.0 and w_max = 1.0; allowed are numbers from 1.2e-07, which .* range, 1$",
        ),
        (
            'rule = "soft_bounds"\ndw_min = 1e-9\nw_max = 0.001\nw_min = -0.001',
            r"dw_min is 1e-09 with .*; allowed are numbers from 7.5e-09, which conductances of that size resolve, to half",
        ),
        (
            'rule = "constant_step"\ndw_min = 0.02\nw_max = 0.01\nw_min = -0.01',
            r"dw_min is 0.02 with w_min = -0.01 and w_max = 0.01; allowed are .* to half of the range, 0.01$",
        ),
        (
            'rule = "soft_bounds"\ndw_min = 0.6\none_sided = true\nw_min = 0',
            r"dw_min is 0.6 with w_min = 0 and w_max = 1.0; allowed are .* to half of the range, 0.5$",
        ),
        ('rule = "linear_step"\ndw_min = 0.1\ngamma_up = 1e300', r"gamma_up is 1e\+300; allowed are numbers from -100 to 100"),
        ('rule = "linear_step"\ndw_min = 0.1\ngamma_down = -101', "gamma_down is -101; allowed are numbers from -100 to 100"),
        (
            'rule = "exponential_step"\ndw_min = 0.1\ngamma_up = 0\ngamma_down = 0\nb = 1e308',
            r"b is 1e\+308; allowed are numbers from -1000 to 1000",
        ),
        ('rule = "soft_bounds"\ndw_min = 0.1\ndiffusion = -1', "diffusion is -1; allowed are numbers from 0 to 1"),
        ('rule = "soft_bounds"\ndw_min = 0.1\nup_down = 2', "up_down is 2; allowed are numbers from -1 to 1"),
        ('rule = "soft_bounds"\ndw_min = 0.1\nadditive = 1', "additive is 1; allowed are true and false"),
        ('rule = "power_step"\ndw_min = 0.1\nadditive = true', "additive is True; allowed with power_step is false"),
        (
            'rule = "soft_bounds"\ndw_min = 0.1\none_sided = true',
            "w_max are -1.0, 0.0 and 1.0; allowed with one_sided is w_min = 0",
        ),
        (
            'rule = "soft_bounds"\ndw_min = 0.1\none_sided = true\nw_min = 0\nat_symmetry_point = true',
            "at_symmetry_point is True; allowed with one_sided, which has no such point, is false",
        ),
        (
            'rule = "soft_bounds"\ndw_min = 0.1\none_sided = true\nw_min = 0\nreset = 1.5',
            "reset is 1.5; allowed are numbers from 0 to refresh_above times w_max",
        ),
        (
            'rule = "soft_bounds"\ndw_min = 0.1\none_sided = true\nw_min = 0\nrefresh_above = 0.2',
            "refresh_above and refresh_below are 0.2 and 0.25; allowed is refresh_below < refresh_above",
        ),
        ('rule = "soft_bounds"\ndw_min = 0.1\nlifetime = 0.5', "lifetime is 0.5; allowed are 0, for ever, and numbers above 1"),
        ('rule = "soft_bounds"\ndw_min = 0.1\nstuck = 1.5', "stuck is 1.5; allowed are numbers from 0 to 1"),
        ('rule = "soft_bounds"\ndw_min = 0.1\nstuck_range = 9', "stuck_range is 9; allowed are numbers from 0 to 8"),
        ('rule = "soft_bounds"\ndw_min = 0.1\ndrift = -0.1', "drift is -0.1; allowed are numbers from 0 to 1"),
        ('rule = "soft_bounds"\ndw_min = 0.1\nwrite_noise = -1', "write_noise is -1; allowed are numbers from 0 to 1000"),
        (
            'rule = "soft_bounds"\ndw_min = 0.1\ndw_min_spread = 3\ndw_min_spread_log = true',
            "dw_min_spread is 3; allowed with dw_min_spread_log are numbers from 0 to 2",
        ),
        ('rule = "power_step"\ndw_min = 0.1\ngamma_up = -1', "gamma_up is -1; allowed are numbers from 0 to 100"),
        (
            'rule = "exponential_step"\ndw_min = 0.1\namplitude_up = 1e4',
            "amplitude_up is 10000.0; allowed are numbers from -1000",
        ),
        (
            'rule = "exponential_step"\ndw_min = 0.1\ngamma_down = 30',
            r"gamma_down is 30 with a = 1.0 and b = 0.0; allowed are numbers of at least 0 with gamma \(2 \|a\| \+ \|b\|\) of at",
        ),
        (
            'rule = "piecewise_step"\ndw_min = 0.1\ntable_up = [1]',
            "table_up is 1 numbers; allowed are lists of 2 to 1024 numbers",
        ),
        ('rule = "piecewise_step"\ndw_min = 0.1\ntable_up = 1', "table_up is 1; allowed are lists of 2 to 1024 numbers"),
        ('rule = "piecewise_step"\ndw_min = 0.1\ntable_up = [1, -1]', "table_up holds -1; allowed are numbers from 0 to 1000"),
        (
            'rule = "piecewise_step"\ndw_min = 0.1\ntable_up = [1, 1, 1]',
            "table_up and table_down have 3 and 2 numbers; allowed are tables of the same length",
        ),
        ('rule = "soft_bounds"\ndw_min = 0.1\nsource = 3', "source is 3; allowed is text"),
        ('rule = "soft_bounds"\ndw_min = 0.1\nname = "a b"', "name is 'a b'; allowed are letters, digits, _ and -"),
    ],
)
def test_sentences_about_device_files(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f"[device]\n{text}\n")
    with pytest.raises(ConfigurationError, match=f"^{re.escape(str(path))}: .*{sentence}"):
        load_device(path)


@pytest.mark.parametrize(
    "device",
    [
        SoftBounds("fine", 1e-6, dw_min_spread=100.0, w_max=2e-6, w_min=-1e-6, w_max_spread=100.0, w_min_spread=100.0),
        SoftBounds("smallest", 2.0**-20, c2c=0.3, w_max=8.0, w_min=-8.0),
        LinearStep("steep", 1.0, w_max_spread=1.0, w_min_spread=1.0, gamma_up=100.0, gamma_down=-100.0, gamma_up_spread=100.0),
        ConstantStep("two_states", 1.0, c2c=100.0),
    ],
    ids=lambda device: device.name,
)
def test_devices_at_the_ends_of_what_is_allowed_can_be_simulated(device: Device) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plant = _plant(device)
        w = _pulses(plant, np.arange(60) % 3 != 0)
    low, high = plant.bounds(0)
    assert (low <= w).all() and (w <= high).all() and (low < high).all() and np.abs(w).max() > 0


def test_an_unknown_device_is_answered_with_the_known_ones() -> None:
    with pytest.raises(
        ConfigurationError, match=r"there is no device 's9'; allowed are capacitor, ecram, .*, s1, s2, s3, .* or a \.toml file"
    ):
        load_device("s9")
