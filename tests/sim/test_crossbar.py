"""The crossbar in floats, on the golden model: what it adds, reads and programs."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest

from crosstwin_model.config import PRESETS, ConfigurationError, ControllerConfig, Source
from crosstwin_model.devices import DEVICES, Device, load_device
from crosstwin_model.devices.constant_step import ConstantStep
from crosstwin_model.devices.linear_step import LinearStep
from crosstwin_model.devices.piecewise_step import PiecewiseStep
from crosstwin_model.devices.soft_bounds import SoftBounds
from crosstwin_model.plant import Plant, PlantConfig
from crosstwin_model.registers import ErrorCode, TileKind
from crosstwin_sim.backends import open_backend
from crosstwin_sim.crossbar import Crossbar, PulseSettings, ReadSettings
from crosstwin_sim.driver import ControllerError, Driver
from crosstwin_sim.model_backend import ModelBackend

SMALL = PRESETS["small"]
#: Steps so small that many updates stay far from every bound, all alike and without noise: counts can be read off.
COUNTER = ConstantStep("counter", 2.0**-12, w_max=8.0, w_min=-8.0)


def build(device: object = COUNTER, config: ControllerConfig = SMALL, *, noise: float = 0.0, **options: object) -> Crossbar:
    plant = Plant(config, PlantConfig(device=device, seed=2, adc_noise=noise))  # type: ignore[arg-type]
    pulses = options.pop("pulses", PulseSettings(device.dw_min))  # type: ignore[attr-defined]
    return Crossbar(ModelBackend(config, plant), pulses=pulses, **options)  # type: ignore[arg-type]


def plant_of(crossbar: Crossbar) -> Plant:
    plant = crossbar.backend.plant
    assert plant is not None
    return plant


@pytest.mark.parametrize("rate", [0.0004, 0.003, 0.02])
@pytest.mark.parametrize("bl_min", [1, 16])
@pytest.mark.parametrize("source", [Source.HAMMERSLEY, Source.LFSR, Source.LFSR_PER_LINE])
def test_updates_add_rate_times_the_outer_product(rate: float, bl_min: int, source: Source) -> None:
    crossbar = build(pulses=PulseSettings(COUNTER.dw_min, source, bl_min))
    rng = np.random.default_rng(1)
    x, d = rng.uniform(-1.0, 1.0, 16), rng.uniform(-0.3, 0.3, 16)
    repeats = 600
    for _ in range(repeats):
        crossbar.update(x, d, rate)
    expected = rate * np.outer(x, d)
    found = plant_of(crossbar).weights(0) / repeats
    counts = np.abs(expected) / COUNTER.dw_min
    # Coincidences scatter no more than Poisson's; codes and probabilities are rounded to 1 / 126 and 1 / 512 of the largest.
    allowed = 4.5 * np.sqrt(counts / repeats) + 0.02 * counts.max() + 0.01 * np.sqrt(counts.max())
    assert np.all(np.abs(found - expected) / COUNTER.dw_min < allowed)


def test_an_update_beyond_the_largest_bl_saturates() -> None:
    crossbar = build(pulses=PulseSettings(COUNTER.dw_min, bl_max=32))
    crossbar.update(np.full(16, 0.5), np.full(16, -1.0), 1000.0)
    assert np.all(plant_of(crossbar).weights(0) == -32 * COUNTER.dw_min)


def test_an_update_of_nothing_gives_no_pulse() -> None:
    crossbar = build()
    crossbar.update(np.zeros(16), np.ones(16), 0.1)
    assert crossbar.counters().slots == 0


@pytest.mark.parametrize("forward", [True, False])
def test_reads_are_the_matrix_product_within_quantisation(forward: bool) -> None:
    crossbar = build(rows=15, columns=12, reads=ReadSettings(63, forward_gain=2, backward_gain=1))
    rng = np.random.default_rng(3)
    weights = np.zeros((16, 16))
    weights[:15, :12] = rng.uniform(-0.3, 0.3, (15, 12))
    plant_of(crossbar).set_conductance(0, weights)
    weights = plant_of(crossbar).weights(0)[:15, :12]
    for scale in (1e-3, 1.0, 50.0):
        vector = scale * rng.uniform(-1.0, 1.0, 15 if forward else 12)
        found = crossbar.forward(vector) if forward else crossbar.backward(vector)
        exact = vector @ weights if forward else weights @ vector
        step = 12.0 / 255 / (4 if forward else 2)
        lines = np.abs(weights).sum(axis=0 if forward else 1)
        assert np.all(np.abs(found - exact) <= np.abs(vector).max() * (step / 2 + lines / 126) * (1 + 1e-9))


def test_program_reaches_its_tolerance_and_says_how_far_it_came() -> None:
    crossbar = build(load_device("s1"), noise=0.06)
    target = np.random.default_rng(4).uniform(-0.2, 0.2, (16, 16))
    residual = crossbar.program(target)
    errors = plant_of(crossbar).weights(0) - target
    assert residual.rms == pytest.approx(np.sqrt(np.mean(errors**2)), abs=0.003)
    assert np.mean(np.abs(errors) > 0.02) < 0.03
    assert np.abs(crossbar.weights() - plant_of(crossbar).weights(0)).max() < 0.015


def test_program_reports_cells_that_cannot_reach_their_weight() -> None:
    crossbar = build(SoftBounds("narrow", 0.02, w_max=0.25, w_min=-0.25))
    target = np.zeros((16, 16))
    target[3, 5] = 0.6
    residual = crossbar.program(target)
    assert 0.33 < residual.largest < 0.4
    assert residual.outside == pytest.approx(1 / 256)


def test_zero_shift_drives_a_to_its_symmetry_point_and_the_reference_after_it() -> None:
    device = SoftBounds("scattered", 0.01, c2c=0.1, up_down_spread=0.2, w_max=0.6, w_min=-0.6)
    crossbar = build(device, noise=0.06)
    plant = plant_of(crossbar)
    residual = crossbar.zero_shift(400)
    ups, downs = Plant(SMALL, PlantConfig(device=device, seed=2)), Plant(SMALL, PlantConfig(device=device, seed=2))
    # From 0 the first pulse's size is the step itself; noise and slope are small beside the spread of .2.
    one = np.ones((16, 1), np.uint64)
    ups.pulse(1, True, one, one)
    downs.pulse(1, False, one, one)
    step_up, step_down = ups.conductance(1).astype(float), -downs.conductance(1).astype(float)
    point = (step_up - step_down) / (step_up / 0.6 + step_down / 0.6)
    assert np.std(point) > 0.09
    assert np.sqrt(np.mean((plant.conductance(1) - point) ** 2)) < 0.05
    assert np.sqrt(np.mean(plant.weights(1) ** 2)) < 0.01
    assert residual.rms < 0.012


def test_zero_shift_averages_the_wandering_of_a_and_takes_back_half_a_step() -> None:
    """A cell of noisy steps is never at its symmetry point, here 0; after a down pulse it is half a step below on average."""
    crossbar = build(SoftBounds("noisy", 0.02, c2c=0.5, w_max=0.6, w_min=-0.6), noise=0.06)
    plant = plant_of(crossbar)
    crossbar.zero_shift(400)
    a, reference = (plant.conductance(tile).astype(float) for tile in (1, 3))
    wandering = 4 / np.sqrt(a.size)
    assert a.mean() == pytest.approx(-0.01, abs=wandering * a.std())
    assert reference.mean() == pytest.approx(0.0, abs=wandering * reference.std())
    assert reference.std() < 0.6 * a.std()


@pytest.mark.parametrize(
    ("device", "missing"),
    [
        (LinearStep("repels", 0.01, gamma_up=-0.5, gamma_down=-0.5), "256"),
        (DEVICES["gokmen_vlasov"], "256"),
        (DEVICES["pcm"], "256"),
        (DEVICES["capacitor"], r"\d\d\d?"),
        # Pulses from 0 go to the upper bound, past no crossing; the stable one lies below the one that repels.
        (PiecewiseStep("elsewhere", 0.01, table_up=(1.0, 1.0, 1.0, 1.0, 1.0), table_down=(0.0, 2.0, 0.0, 0.0, 0.0)), "256"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_zero_shift_refuses_devices_that_alternating_pulses_bring_to_no_rest(device: Device, missing: str) -> None:
    crossbar = build(device)
    with pytest.raises(ConfigurationError, match=f"cannot zero-shift tile 1: {missing} of its 256 cells have no stable symmetry"):
        crossbar.zero_shift()
    assert crossbar.counters().operations == 0


def test_a_rare_cell_without_a_symmetry_point_does_not_hinder_a_zero_shift() -> None:
    crossbar = build(DEVICES["reram_es"], PRESETS["medium"])
    assert 0 < np.isnan(plant_of(crossbar).resting_points(1)).sum() < 40
    crossbar.require_symmetry_points()


def test_zero_shift_finds_the_stable_one_of_two_crossings() -> None:
    device = PiecewiseStep("two", 0.01, table_up=(1.0, 0.6, 0.8, 1.6), table_down=(0.2, 0.8, 1.0, 1.2))
    crossbar = build(device, noise=0.06)
    crossbar.zero_shift()
    assert plant_of(crossbar).conductance(3) == pytest.approx(-7 / 15, abs=device.dw_min)


def test_transfers_add_rate_times_a_row_by_row() -> None:
    reads = ReadSettings(63, transfer_gain=4)
    crossbar = build(rows=3, columns=16, reads=reads)
    plant = plant_of(crossbar)
    a = np.zeros((16, 16))
    a[:3] = np.random.default_rng(5).uniform(-0.5, 0.5, (3, 16))
    plant.set_conductance(1, a)
    crossbar.set_transfer(0, 0.004)
    repeats = 500
    for _ in range(3 * repeats):
        crossbar.transfer()
    found = plant.weights(0)[:3] / repeats
    assert np.abs(found - 0.004 * plant.weights(1)[:3]).max() < 4e-4 / 4
    assert not plant.weights(0)[3:].any()


def test_the_controller_transfers_by_itself_every_t_updates() -> None:
    crossbar = build()
    crossbar.set_transfer(3, 0.004)
    x, d = np.ones(16), np.ones(16)
    crossbar.update(x, d, 4 * COUNTER.dw_min, TileKind.A)
    alone = crossbar.counters().operations
    crossbar.update(x, d, 4 * COUNTER.dw_min, TileKind.A)
    crossbar.update(x, d, 4 * COUNTER.dw_min, TileKind.A)
    assert alone == 1
    assert crossbar.counters().operations == 4


def test_vectors_and_settings_that_are_there_are_not_written_again(monkeypatch: pytest.MonkeyPatch) -> None:
    crossbar = build(reads=ReadSettings(63, 2, 2))
    backend = crossbar.backend
    plant_of(crossbar).set_conductance(0, np.full((16, 16), 0.1))
    x, d = np.linspace(-1, 1, 16), np.linspace(0, 1, 16)
    crossbar.forward(x)
    crossbar.backward(d)
    blocks: list[int] = []
    monkeypatch.setattr(backend, "write_block", lambda address, values: blocks.append(address))
    crossbar.forward(x)
    crossbar.update(x, d, 0.01)
    assert blocks == []
    crossbar.forward(-x)
    assert len(blocks) == 1


def test_two_crossbars_on_a_controller_do_not_mix_their_vectors() -> None:
    config = PRESETS["tiny"]
    backend = ModelBackend(config, Plant(config, PlantConfig(device=COUNTER, adc_noise=0.0)))
    assert backend.plant is not None
    weights = np.linspace(-0.5, 0.5, 12).reshape(4, 3)
    backend.plant.set_conductance(0, weights)
    backend.plant.set_conductance(4, -2.0 * weights)
    first, second = (
        Crossbar(backend, pair, rows, pulses=PulseSettings(0.01), reads=ReadSettings(63, 3)) for pair, rows in ((0, 4), (1, 2))
    )
    x = np.array([0.1, -0.9, 0.4, 1.0])
    for _ in range(2):
        assert first.forward(x) == pytest.approx(x @ weights, abs=0.02)
        assert second.forward(x[:2]) == pytest.approx(-2.0 * x[:2] @ weights[:2], abs=0.02)


def test_a_driver_does_not_outlive_its_back_end() -> None:
    crossbar = build()
    driver = weakref.ref(crossbar.driver)
    assert Driver.of(crossbar.backend) is crossbar.driver
    del crossbar
    gc.collect()
    assert driver() is None


def test_a_refused_command_says_why() -> None:
    crossbar = build()
    crossbar.driver.set("PULSE", 0)
    with pytest.raises(ControllerError, match=r"UPDATE on tile 0 ended with BAD_PULSE: PULSE.WIDTH and PULSE.GAP") as caught:
        crossbar.update(np.ones(16), np.ones(16), 0.01)
    assert caught.value.code is ErrorCode.BAD_PULSE


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf")])
def test_a_bad_rate_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match=r"rate is .*; allowed are finite numbers above 0"):
        build().update(np.ones(16), np.ones(16), rate)


def test_bad_vectors_are_refused_before_anything_is_pulsed() -> None:
    crossbar = build()
    with pytest.raises(ValueError, match=r"d has the shape \(15,\); allowed is \(16,\)"):
        crossbar.update(np.ones(16), np.ones(15), 0.1)
    with pytest.raises(ValueError, match=r"x\[0\] is nan; allowed are finite numbers"):
        crossbar.forward(np.full(16, np.nan))
    assert crossbar.counters().operations == 0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"pair": 1}, "pair is 1; allowed are whole numbers from 0 to 0"),
        ({"rows": 17}, "rows is 17; allowed are whole numbers from 1 to 16"),
        ({"columns": 0}, "columns is 0; allowed are whole numbers from 1 to 16"),
        ({"pulses": PulseSettings(0.01, bl_max=200)}, "bl_max is 200; allowed are whole numbers from 1 to 128"),
        ({"pulses": PulseSettings(0.01, Source.COUNT)}, "the source is count, which is not random"),
        ({"pulses": PulseSettings(0.0)}, "step is 0.0; allowed are finite numbers above 0"),
        ({"reads": ReadSettings(window=300)}, "window is 300; allowed are whole numbers from 1 to 255"),
    ],
)
def test_a_setting_that_does_not_fit_is_refused(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        build(**options)


def test_a_transfer_needs_a_rate() -> None:
    with pytest.raises(ValueError, match="there is no transfer rate; set_transfer gives one"):
        build().transfer()


@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        (np.zeros((2, 2)), r"weights has the shape \(2, 2\); allowed is \(16, 16\)"),
        (np.full((16, 16), np.inf), r"weights\[0, 0\] is inf; allowed are finite numbers"),
    ],
)
def test_bad_weights_are_refused(weights: np.ndarray, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        build().program(weights)


@pytest.mark.parametrize("backend", ["model", "rtl"])
def test_devices_that_age_do_so_at_every_update(backend: str) -> None:
    device = replace(DEVICES["capacitor"].without_noise(), lifetime=50.0, lifetime_spread=0.0)
    plant = Plant(PRESETS["tiny"], PlantConfig(device=device))
    target = open_backend(backend, PRESETS["tiny"], plant)
    crossbars = [Crossbar(target, pair, pulses=PulseSettings(device.dw_min)) for pair in (0, 1)]
    for tile in (0, 4):
        plant.set_conductance(tile, np.full((4, 3), 0.5))
    for _ in range(10):
        crossbars[1].update(np.array([0.0, 0.0, 0.0, 1e-9]), np.array([1e-9, 0.0, 0.0]), 1.0)
    assert (plant.conductance(0) == 0.5).all()
    assert plant.conductance(4)[0] == pytest.approx(0.5 * 0.98**10, rel=1e-6)
    target.close()
