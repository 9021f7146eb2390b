"""Every device, cell by cell spread and pulse by pulse noise, against an independent simulation of its formulas."""

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from crosstwin_model.config import ControllerConfig
from crosstwin_model.devices import DEVICES, Device
from crosstwin_model.devices.base import CellDraws
from crosstwin_model.devices.exponential_step import ExponentialStep
from crosstwin_model.devices.linear_step import LinearStep
from crosstwin_model.devices.piecewise_step import PiecewiseStep
from crosstwin_model.devices.power_step import PowerStep
from crosstwin_model.plant import Plant, PlantConfig

SIDE = 96
CELLS = SIDE * SIDE
PULSES = (1, 10, 100, 1000)

_SPREADS = {"dw_min_spread": 0.2, "c2c": 0.5, "up_down_spread": 0.05, "w_max_spread": 0.2, "w_min_spread": 0.2}
_GAMMAS = {"gamma_up": 1.7, "gamma_down": 0.6, "gamma_up_spread": 0.1, "gamma_down_spread": 0.1}
#: All presets, and one of each rule, or of each kind of noise, that has none.
ALL: dict[str, Device] = DEVICES | {
    device.name: device
    for device in (
        PowerStep("power", 0.01, **_SPREADS, **_GAMMAS),
        PiecewiseStep("piecewise", 0.01, **_SPREADS, table_up=[2.0, 1.0, 0.7, 0.1], table_down=(0.2, 0.5, 0.6, 1.5)),
        LinearStep("linear", 0.01, **_SPREADS, gamma_up=0.9, gamma_down=0.4, gamma_up_spread=0.1),
        ExponentialStep("noisy", 0.01, c2c=0.6, amplitude_up=0.3, amplitude_down=0.2, c2c_add=0.02, c2c_slope=0.05, up_down=0.2),
    )
}


#: The part of a bound that a wide spread leaves at least.
_SMALLEST = 0.01


@dataclass
class _Cells:
    """Drawn parameters of independent cells, float64[cells]."""

    up: np.ndarray
    down: np.ndarray
    w_max: np.ndarray
    w_min: np.ndarray
    gamma_up: np.ndarray
    gamma_down: np.ndarray


def _draw(device: Any, cells: int, rng: np.random.Generator) -> _Cells:
    """Draw the cells' parameters as the table of spreads says."""
    xi = rng.normal(size=(6, cells))
    gain = np.exp(device.dw_min_spread * xi[0]) if device.dw_min_spread_log else 1 + device.dw_min_spread * xi[0]
    ratio = device.up_down_spread * xi[1]
    return _Cells(
        up=np.abs(device.dw_min * (gain + min(device.up_down, 0) + ratio)),
        down=np.abs(device.dw_min * (gain - max(device.up_down, 0) - ratio)),
        w_max=device.w_max * np.maximum(np.abs(1 + device.w_max_spread * xi[2]), _SMALLEST),
        w_min=device.w_min * np.maximum(np.abs(1 + device.w_min_spread * xi[3]), _SMALLEST),
        gamma_up=np.abs(getattr(device, "gamma_up", 0.0) + getattr(device, "gamma_up_spread", 0.0) * xi[4]),
        gamma_down=np.abs(getattr(device, "gamma_down", 0.0) + getattr(device, "gamma_down_spread", 0.0) * xi[5]),
    )


def _part(device: Any, cells: _Cells, w: np.ndarray, up: bool) -> np.ndarray:
    """The step without noise at w, in units of the cell's step size: 1 for a constant step."""
    size = cells.w_max - cells.w_min
    rule = device.rule
    gamma = cells.gamma_up if up else cells.gamma_down
    bound = cells.w_max if up else cells.w_min
    if rule == "constant_step":
        return np.ones_like(w)
    if rule == "soft_bounds":
        return 1 - w / bound
    if rule == "linear_step":
        mean = device.w_max if up else device.w_min
        return 1 - gamma * w / (mean if device.slope_at_mean_bound else bound)
    if rule == "exponential_step":
        z = 2 * device.a * w / size + device.b
        amplitude = device.amplitude_up if up else device.amplitude_down
        return np.maximum(1 - amplitude * np.exp(gamma * z if up else -gamma * z), 0)
    if rule == "power_step":
        return ((cells.w_max - w if up else w - cells.w_min) / size) ** gamma
    table = np.asarray(device.table_up if up else device.table_down)
    return np.interp((w - cells.w_min) / size, np.linspace(0, 1, table.size), table)


def _pulse(device: Any, cells: _Cells, w: np.ndarray, up: bool, rng: np.random.Generator) -> np.ndarray:
    """The conductances after one pulse on every cell."""
    size = cells.up if up else cells.down
    step = size * _part(device, cells, w, up)
    noise = device.c2c * rng.normal(size=w.shape)
    if device.additive:
        change = step + size * noise
    elif device.rule == "exponential_step":
        change = step + noise * (np.abs(step) + device.c2c_add + device.c2c_slope * np.abs(w))
    else:
        change = step * (1 + noise)
    if not up:
        change = -change
    return np.clip(w + change, cells.w_min, cells.w_max)


def _symmetry_point(device: Any, cells: _Cells) -> np.ndarray:
    """Where up and down steps are equal, within the bounds, else NaN."""

    def difference(w: np.ndarray) -> np.ndarray:
        return cells.up * _part(device, cells, w, True) - cells.down * _part(device, cells, w, False)

    low, high = cells.w_min, cells.w_max
    crosses = difference(low) * difference(high) < 0
    sign = np.sign(difference(low))
    for _ in range(60):
        middle = (low + high) / 2
        below = sign * difference(middle) > 0
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.where(crosses, low, np.nan)


def _agree(found: np.ndarray, wanted: np.ndarray) -> bool:
    """Whether means and variances of two samples are within 4 standard errors, and float32's resolution, of each other."""
    for a, b in ((found, wanted), ((found - found.mean()) ** 2, (wanted - wanted.mean()) ** 2)):
        error = np.sqrt(a.var() / a.size + b.var() / b.size)
        if not abs(a.mean() - b.mean()) < 4 * error + 1e-6:
            return False
    return True


def _plant(device: Device, **fields: object) -> Plant:
    return Plant(ControllerConfig("test", rows=SIDE, columns=SIDE), PlantConfig(device=device, **fields))  # type: ignore[arg-type]


def _all_cells(plant: Plant, up: np.ndarray) -> np.ndarray:
    """Conductances of tile 0, as float64, after pulses on all its cells."""
    masks = np.full((up.size, 2), 2**64 - 1, np.uint64)
    masks[:, 1] = 2 ** (SIDE - 64) - 1
    plant.pulse_slots(0, up, masks, masks)
    return plant.conductance(0).astype(np.float64)


def _visible(device: Device, w: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return w + device.write_noise * device.dw_min * rng.normal(size=w.shape)


@pytest.mark.parametrize("up", [True, False], ids=["up", "down"])
@pytest.mark.parametrize("name", sorted(name for name in ALL if not ALL[name].one_sided))
def test_response(name: str, up: bool) -> None:
    device, rng = ALL[name], np.random.default_rng([4, up])
    plant, cells, w = _plant(device), _draw(device, CELLS, rng), np.zeros(CELLS)
    done = 0
    for pulses in PULSES:
        found = _all_cells(plant, np.full(pulses - done, up))
        for _ in range(pulses - done):
            w = _pulse(device, cells, w, up, rng)
        assert _agree(found.reshape(-1), _visible(device, w, rng)), (pulses, found.mean(), w.mean(), found.std(), w.std())
        done = pulses


@cache
def _planes(name: str) -> np.ndarray:
    return ALL[name].cell_planes(CellDraws(1, 0, CELLS))


@pytest.mark.parametrize("name", sorted(name for name in ALL if not ALL[name].one_sided))
def test_symmetry_point(name: str) -> None:
    device, rng = ALL[name], np.random.default_rng(7)
    found = device.symmetry_point(_planes(name))
    wanted = _symmetry_point(device, _draw(device, 4 * CELLS, rng))
    assert _agree(np.isnan(found).astype(float), np.isnan(wanted).astype(float))
    if not np.isnan(wanted).all():
        assert _agree(found[~np.isnan(found)], wanted[~np.isnan(wanted)])


def test_response_of_a_pair() -> None:
    device, rng = ALL["pcm"], np.random.default_rng(5)
    plant = _plant(device)
    sides = [(_draw(device, CELLS, rng), np.zeros(CELLS)) for _ in range(2)]
    for up, pulses in ((True, 1), (True, 9), (False, 10), (True, 90)):
        found = _all_cells(plant, np.full(pulses, up)).reshape(-1)
        cells, w = sides[up]
        for _ in range(pulses):
            w = _pulse(device, cells, w, True, rng)
        sides[up] = cells, w
        assert _agree(found, sides[True][1] - sides[False][1]), (up, pulses)


def test_a_pair_is_refreshed_without_losing_its_weight() -> None:
    device = replace(ALL["pcm"].without_noise(), w_max_spread=0.0)
    plant = _plant(device)
    before = _all_cells(plant, np.arange(300) % 3 != 0).reshape(-1)
    sides = plant.state()["states"][0].astype(np.float64)
    worn = (sides.max(1) > 0.75 * 2) & (sides.min(1) > 0.25 * 2)
    assert worn.mean() > 0.2
    plant.elapse(0)
    after, fresh = plant.conductance(0).astype(np.float64).reshape(-1), plant.state()["states"][0]
    assert (fresh[~worn] == sides[~worn]).all() and (after[~worn] == before[~worn]).all()
    assert (fresh[worn].min(1) < 0.25 * 2).all() and (fresh[worn].max(1) < sides[worn].max(1)).all()
    # The last of the pulses that program the difference goes beyond it, by a step of up to 28 dw_min at a conductance of 0.
    assert (np.abs(after - before)[worn] < 0.01 * 28.3 * 2).all()


def test_reference_tiles_stand_at_the_symmetry_points() -> None:
    device, rng = ALL["reram_om_array"], np.random.default_rng(6)
    found = _plant(device).conductance(2).astype(np.float64).reshape(-1)
    points = device.symmetry_point(_planes("reram_om_array"))
    assert _agree(found, _symmetry_point(device, _draw(device, CELLS, rng)) + 0.05 * rng.normal(size=CELLS))
    assert _agree(found - points, 0.05 * rng.normal(size=CELLS))


def test_decay_and_drift() -> None:
    cells = np.full((SIDE, SIDE), 0.5)
    decaying = _plant(replace(ALL["capacitor"], lifetime=500.0))
    drifting = _plant(LinearStep("drifts", 0.01, drift=0.05, drift_spread=0.01))
    for plant in (decaying, drifting):
        plant.set_conductance(0, cells)
        plant.elapse(0)
        plant.elapse(0, 199)
    rng = np.random.default_rng(8)
    lifetime, nu = 500 * (1 + 0.3 * rng.normal(size=CELLS)), 0.05 + 0.01 * rng.normal(size=CELLS)
    left = (1 - 1 / np.maximum(lifetime, 1)) ** 200
    assert _agree(decaying.conductance(0).reshape(-1).astype(np.float64), 0.5 * left)
    assert _agree(drifting.conductance(0).reshape(-1).astype(np.float64), 0.5 * 201**-nu)
