"""Devices against the formulas of their response, and the sentences for devices that cannot be."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from crosstwin_model.config import ConfigurationError, ControllerConfig
from crosstwin_model.devices import DEVICES, RULES, load_device
from crosstwin_model.devices.base import DOWN, SMALLEST_BOUND, UP, CellDraws, Device
from crosstwin_model.devices.constant_step import ConstantStep
from crosstwin_model.devices.linear_step import LinearStep
from crosstwin_model.devices.soft_bounds import SoftBounds
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
        assert (w >= low).all() and (w <= high).all()


def test_device_to_device_spread() -> None:
    device = SoftBounds(
        "test", 0.01, dw_min_spread=0.2, up_down=0.1, up_down_spread=0.05, w_max=0.8, w_min=-0.6, w_max_spread=0.1
    )
    planes = device.planes(CellDraws(3, 0, CELLS)).astype(np.float64)
    w_min, w_max, up, slope_up = planes[UP]
    down = -planes[DOWN, 2]
    assert (w_min == np.float32(-0.6)).all()
    assert _near(w_max, 0.8) and _near((w_max - 0.8) ** 2, 0.08**2)
    assert _near(up, 0.01) and _near(down, 0.009)
    assert _near((up + down) / 2, 0.0095) and _near(((up + down) / 2 - 0.0095) ** 2, 0.002**2)
    assert _near((up - down) / 2, 0.0005) and _near(((up - down) / 2 - 0.0005) ** 2, 0.0005**2)
    assert np.allclose(slope_up, up / w_max, rtol=1e-6)
    other = device.planes(CellDraws(3, 1, CELLS))
    assert abs(np.corrcoef(other[UP, 2], up)[0, 1]) < 4 / np.sqrt(CELLS)
    assert abs(np.corrcoef(w_max, up)[0, 1]) < 4 / np.sqrt(CELLS)


def test_a_negative_difference_shortens_the_up_steps() -> None:
    planes = SoftBounds("test", 0.01, up_down=-0.3).planes(CellDraws(1, 0, 1))
    assert planes[UP, 2, 0] == np.float32(0.007) and planes[DOWN, 2, 0] == np.float32(-0.01)


def test_signs_and_order_stay_consistent_under_a_wide_spread() -> None:
    device = SoftBounds("test", 0.01, dw_min_spread=0.9, up_down_spread=0.9, w_max_spread=1.0, w_min_spread=1.0)
    planes = device.planes(CellDraws(2, 0, CELLS))
    assert (planes[:, 0] <= -np.float32(SMALLEST_BOUND)).all() and (planes[:, 1] >= np.float32(SMALLEST_BOUND)).all()
    assert (planes[UP, 2] > 0).all() and (planes[DOWN, 2] < 0).all()
    assert (planes[UP, 3] > 0).all() and (planes[DOWN, 3] > 0).all()


def test_spread_of_a_linear_slope_is_absolute() -> None:
    device = LinearStep("test", 0.01, gamma_up=0.3, gamma_up_spread=0.05, gamma_down=0.5, gamma_down_spread=0.02)
    planes = device.planes(CellDraws(2, 0, CELLS)).astype(np.float64)
    # With bounds of 1, b / a is gamma / w_max going up and gamma / w_min going down.
    gamma_up, gamma_down = planes[UP, 3] / planes[UP, 2], -planes[DOWN, 3] / planes[DOWN, 2]
    assert _near(gamma_up, 0.3) and _near((gamma_up - 0.3) ** 2, 0.05**2)
    assert _near(gamma_down, 0.5) and _near((gamma_down - 0.5) ** 2, 0.02**2)


def test_alternating_pulses_find_the_symmetry_point() -> None:
    device = replace(DEVICES["s3"], c2c=0.0, dw_min=0.002)
    plant = _plant(device, initial=0.5)
    w = _pulses(plant, np.arange(16_000) % 2 == 0).ravel()
    low, high, up, _ = plant.config.device.planes(CellDraws(1, 0, CELLS))[UP].astype(np.float64)
    down = -plant.config.device.planes(CellDraws(1, 0, CELLS))[DOWN, 2].astype(np.float64)
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


def test_presets_are_the_published_ones() -> None:
    steps = {"soft_bounds", "linear_step", "constant_step", "exponential_step", "power_step", "piecewise_step"}
    assert set(RULES) == steps
    for name, dw_min, up_down_spread in (("s1", 0.02, 0.0), ("s2", 0.05, 0.0), ("s3", 0.02, 0.3)):
        spreads = {"dw_min_spread": 0.3, "c2c": 0.3, "w_max_spread": 0.3, "w_min_spread": 0.3}
        assert load_device(name) == SoftBounds(name, dw_min, up_down_spread=up_down_spread, w_max=0.6, w_min=-0.6, **spreads)
    ecram = load_device("ecram")
    assert isinstance(ecram, LinearStep)
    assert (ecram.w_min, ecram.w_max) == pytest.approx((-0.8276, 1.1724))


def test_a_device_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('[device]\nrule = "linear_step"\ndw_min = 0.01\ngamma_up = 0.5\n')
    assert load_device(path) == LinearStep("mine", 0.01, gamma_up=0.5)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('rule = "soft_bounds"\ndw_mn = 0.1', r"has the key 'dw_mn'; allowed with soft_bounds are additive, .*, c2c, .* and rule$"),
        ('rule = "soft_bounds"', "lacks the key 'dw_min'"),
        ('rule = "soft"\ndw_min = 0.1', "rule is 'soft'; allowed are constant_step, exponential_step, linear_step, .*, soft_bounds"),
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
        ('rule = "soft_bounds"\ndw_min = 0.1\nup_down = 2', "up_down is 2; allowed are numbers from -1 to 1"),
        ('rule = "soft_bounds"\ndw_min = 0.1\nname = "a b"', "name is 'a b'; allowed are letters, digits, _ and -"),
    ],
)
def test_sentences_about_device_files(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f"[device]\n{text}\n")
    with pytest.raises(ConfigurationError, match=f"^{re.escape(str(path))}: .*{sentence}"):
        load_device(path)


def test_an_unknown_device_is_answered_with_the_known_ones() -> None:
    with pytest.raises(
        ConfigurationError, match=r"there is no device 's9'; allowed are capacitor, ecram, .*, s1, s2, s3, .* or a \.toml file"
    ):
        load_device("s9")
