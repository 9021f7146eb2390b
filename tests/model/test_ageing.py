"""Time: decay, drift, diffusion and refresh against plain numpy and their formulas, however it is counted out."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosstwin_model import reference
from crosstwin_model.coincidence import pack
from crosstwin_model.config import ControllerConfig
from crosstwin_model.devices import DEVICES, Device
from crosstwin_model.devices.base import CellDraws
from crosstwin_model.devices.soft_bounds import SoftBounds
from crosstwin_model.noise import Purpose, stream
from crosstwin_model.plant import Plant, PlantConfig

SIDE = 64
CELLS = SIDE * SIDE
#: One of each kind of state: visible, persistent under write noise, and a pair.
STATES = ("s1", "reram_sb", "pcm")
EFFECTS: dict[str, dict[str, float]] = {
    "nothing": {},
    "decay": {"lifetime": 30.0, "lifetime_spread": 0.3},
    "slow decay": {"lifetime": 30_000.0},
    "drift": {"drift": 0.06, "drift_spread": 0.06},
    "diffusion": {"diffusion": 0.01, "diffusion_spread": 0.5},
    "all": {"lifetime": 9_000.0, "drift": 0.1, "drift_spread": 0.3, "diffusion": 0.003},
}


def _plant(device: Device, side: int = SIDE, **fields: object) -> Plant:
    return Plant(ControllerConfig("test", side, side), PlantConfig(device=device, **fields))  # type: ignore[arg-type]


def _cells(plant: Plant) -> reference.Cells:
    """Tile 0 for the reference, in the plant's present state."""
    device, seed, state = plant.config.device, plant.config.seed, plant.state()
    w = state["conductance"][0].reshape(-1)
    states = state["states"][0] if "states" in state else np.zeros((w.size, 0), np.float32)
    keys = np.concatenate([stream(seed, purpose, 0) for purpose in (Purpose.PULSE, Purpose.WRITE)])
    planes = device.cell_planes(CellDraws(seed, 0, w.size))
    return reference.Cells(device, w, state["pulses"][0].reshape(-1), states, planes, keys)


def _pulse(plant: Plant, seed: int) -> None:
    rng, lines = np.random.default_rng(seed), plant.controller.rows
    bits = [pack(rng.random((400, lines)) < 0.7) for _ in range(2)]
    plant.pulse_slots(0, rng.random(400) < 0.5, *bits)


@settings(deadline=None, max_examples=30)
@given(
    st.sampled_from(STATES),
    st.sampled_from(sorted(EFFECTS)),
    st.lists(st.integers(1, 150), min_size=1, max_size=3),
    st.integers(0, 2**32 - 1),
    st.integers(1, 30),
)
def test_time_is_that_of_plain_numpy(name: str, effect: str, spans: list[int], seed: int, side: int) -> None:
    device = replace(DEVICES[name], stuck=0.1, stuck_range=0.5, **EFFECTS[effect])
    plant, update = _plant(device, side, seed=seed, initial=0.3), 0
    for turn, span in enumerate(spans):
        _pulse(plant, turn)
        expected = _cells(plant)
        for _ in range(span):
            update += 1
            reference.age(expected, CellDraws(seed, 0, side * side), update)
        plant.elapse(0, span)
        found = _cells(plant)
        for key in ("w", "pulses", "states"):
            assert np.array_equal(getattr(found, key), getattr(expected, key))  # 0 may have either sign


@pytest.mark.parametrize("name", STATES)
@pytest.mark.parametrize("effect", EFFECTS)
def test_time_may_pass_in_one_call_or_in_many_and_across_a_checkpoint(name: str, effect: str) -> None:
    device = replace(DEVICES[name], **EFFECTS[effect])
    at_once, counted, first = (_plant(device, 16, initial=0.3) for _ in range(3))
    for plant in (at_once, counted, first):
        _pulse(plant, 1)
    at_once.elapse(0, 3000)
    for _ in range(3000):
        counted.elapse(0)
    first.elapse(0, 1111)
    resumed = _plant(device, 16, initial=0.3)
    resumed.restore(first.state())
    resumed.elapse(0, 1889)
    assert at_once.digest() == counted.digest() == resumed.digest()


@pytest.mark.parametrize("spread", [0.06, 1.0, 100.0])
@pytest.mark.parametrize("bound", [0, 1])
def test_no_cell_leaves_its_bounds_in_time(spread: float, bound: int) -> None:
    plant = _plant(replace(DEVICES["s1"], drift=0.06, drift_spread=spread, diffusion=0.01))
    plant.set_conductance(0, plant.bounds(0)[bound])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plant.elapse(0)
        plant.elapse(0, 3000)
    low, high = plant.bounds(0)
    w = plant.conductance(0)
    assert (low <= w).all() and (w <= high).all()


@pytest.mark.parametrize("effect", EFFECTS)
@pytest.mark.parametrize("name", ["s1", "pcm"])
def test_a_stuck_cell_does_not_age(name: str, effect: str) -> None:
    plant = _plant(replace(DEVICES[name], stuck=1.0, stuck_range=0.5, **EFFECTS[effect]))
    before = plant.conductance(0)
    assert np.abs(before).mean() > 0.2
    plant.elapse(0)
    plant.elapse(0, 1000)
    assert plant.conductance(0).tobytes() == before.tobytes()


def test_drift_goes_on_when_an_updates_part_of_it_is_below_the_resolution() -> None:
    plant = _plant(replace(DEVICES["s1"], drift=0.05, w_max_spread=0.0), 4)
    plant.set_conductance(0, np.full((4, 4), 0.5))
    plant.elapse(0, 1_000_000)
    before = plant.conductance(0).mean(dtype=np.float64)
    assert before == pytest.approx(0.5 * 1_000_001**-0.05, rel=0.05 / 256 + 1e-5)
    for _ in range(20_000):
        plant.elapse(0, 50)
    assert plant.conductance(0).mean(dtype=np.float64) / before == pytest.approx(2**-0.05, rel=0.05 / 128 + 1e-5)


def test_diffusion_is_a_random_walk_of_independent_cells() -> None:
    device = SoftBounds("wide", 0.01, diffusion=1e-3, diffusion_spread=0.4, w_max=4.0, w_min=-4.0)
    plant = _plant(device)
    plant.set_conductance(0, np.zeros((SIDE, SIDE)))
    plant.elapse(0, 100)
    first = plant.conductance(0).astype(np.float64)
    plant.elapse(0, 300)
    second = plant.conductance(0) - first
    for walk, updates in ((first, 100), (second, 300)):
        deviation = 1e-3 * np.sqrt(updates * (1 + 0.4**2))
        assert abs(walk.mean()) < 4 * deviation / SIDE
        assert walk.std() == pytest.approx(deviation, rel=0.06)
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 4 / SIDE
    assert abs(np.corrcoef(first.ravel()[1:], first.ravel()[:-1])[0, 1]) < 4 / SIDE
    rate = device.diffusion_rates(CellDraws(1, 0, CELLS)).astype(np.float64)
    assert rate.mean() == pytest.approx(1e-3, rel=0.03) and rate.min() > 0.0


def test_write_noise_stays_that_of_the_last_pulse() -> None:
    plant = _plant(replace(DEVICES["reram_sb"], lifetime=50.0))
    _pulse(plant, 1)
    noise = plant.conductance(0).reshape(-1) - plant.state()["states"][0][:, 0]
    assert noise.std() > 0.05
    plant.elapse(0, 100)
    assert np.abs(plant.conductance(0).reshape(-1) - plant.state()["states"][0][:, 0] - noise).max() < 1e-6


def test_time_without_end_ends() -> None:
    """What decay has brought to rest costs nothing more; counted update by update this would take hours."""
    plant = _plant(replace(DEVICES["s1"], lifetime=100.0), initial=0.3)
    plant.elapse(0, 2_000_000_000)
    assert np.abs(plant.conductance(0)).max() < 1e-6
    with pytest.raises(ValueError, match="updates is 2294967296; allowed are whole numbers from 1 to 2294967295"):
        plant.elapse(0, 2_294_967_296)


@pytest.mark.parametrize("updates", [0, -3])
def test_time_only_goes_forward(updates: int) -> None:
    with pytest.raises(ValueError, match=f"updates is {updates}; allowed are whole numbers from 1 to 4294967295"):
        _plant(DEVICES["s1"], 4).elapse(0, updates)
