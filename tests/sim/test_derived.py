"""The rule that derives settings from a device: what follows from what, and that all devices get usable ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from crosstwin_model.config import PRESETS
from crosstwin_model.devices import DEVICES, Device, load_device
from crosstwin_model.devices.constant_step import ConstantStep
from crosstwin_model.devices.soft_bounds import SoftBounds
from crosstwin_model.plant import PlantConfig
from crosstwin_sim.experiments.conv import CONFIG as CONV
from crosstwin_sim.experiments.conv import SETTINGS as CONV_SETTINGS
from crosstwin_sim.experiments.conv import ConvRun
from crosstwin_sim.experiments.derived import REFERENCE, derive, traits
from crosstwin_sim.experiments.digits import CONFIG, DigitsTrainer, load_split
from crosstwin_sim.experiments.run import Run
from crosstwin_sim.experiments.settings import SETTINGS, Settings, tuned_settings
from crosstwin_sim.model_backend import ModelBackend
from crosstwin_sim.network import Algorithm
from crosstwin_sim.scaling import Converters

TUNED = SETTINGS["s1"]
CONVERTERS = Converters()


def by_rule(device: Device, algorithm: Algorithm = Algorithm.SHD, converters: Converters = CONVERTERS) -> Settings:
    return derive(TUNED[algorithm], device, algorithm, CONFIG, converters).settings


def random_device(rng: np.random.Generator) -> Device:
    """A device of any range and step that devices may have."""
    w_max, w_min = np.exp(rng.uniform(np.log(1e-3), np.log(4.0), 2))
    largest = 0.5 * (w_max + w_min)
    step = float(min(np.exp(rng.uniform(np.log(max(1e-6 * max(w_max, w_min), 1e-8)), np.log(largest))), 1.0))
    common = {"dw_min": step, "w_max": float(w_max), "w_min": -float(w_min), "c2c": float(rng.uniform(0, 5))}
    kind = SoftBounds if rng.random() < 0.5 else ConstantStep
    return kind("drawn", **common, write_noise=float(rng.choice([0.0, 0.5, 1.0])), up_down_spread=float(rng.choice([0.0, 0.3])))


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_the_reference_gets_its_tuned_settings_back(algorithm: Algorithm) -> None:
    assert by_rule(REFERENCE, algorithm) == TUNED[algorithm]
    assert derive(CONV_SETTINGS[algorithm], REFERENCE, algorithm, CONV, CONVERTERS).settings == CONV_SETTINGS[algorithm]


def test_a_device_in_other_units_gets_the_same_in_its_units() -> None:
    """Twice the range and twice the step: half the scale, and everything in conductance doubled; gains are powers of two."""
    double = replace(REFERENCE, name="double", dw_min=0.04, w_max=1.2, w_min=-1.2)
    found, tuned = by_rule(double), TUNED[Algorithm.SHD]
    assert found.scales == pytest.approx([each / 2 for each in tuned.scales])
    assert found.rates == pytest.approx([each * 2 for each in tuned.rates])
    assert found.initial == pytest.approx([each * 2 for each in tuned.initial])
    assert found.transfer_rates == pytest.approx(tuned.transfer_rates)
    assert found.forward_gains == (2, 0)
    assert found.backward_gains == (2, 2)
    assert found.transfer_gains == (4, 4)
    assert (found.bl_max, found.transfer_bl, found.decay) == (tuned.bl_max, tuned.transfer_bl, pytest.approx(tuned.decay))
    wide = by_rule(double, converters=Converters(adc_range=24.0))
    assert (wide.forward_gains, wide.transfer_gains) == (tuned.forward_gains, tuned.transfer_gains)


def test_small_steps_take_more_slots_and_coarse_ones_a_smaller_scale() -> None:
    fine, coarse = (by_rule(replace(REFERENCE, name="x", dw_min=step)) for step in (0.001, 0.1))
    tuned = TUNED[Algorithm.SHD]
    assert fine.bl_max == 128 and fine.transfer_bl == 128 and fine.scales == tuned.scales
    # Noise grows with the root of the step: five times the step.
    assert coarse.scales == pytest.approx([each / 5**0.5 for each in tuned.scales], rel=1e-3)
    assert coarse.rates == pytest.approx([each * 5**0.5 for each in tuned.rates], rel=1e-3)
    assert coarse.decay == pytest.approx(tuned.decay * 5**0.5, rel=1e-3)


def test_noise_is_that_of_cells_that_are_pulsed_at_random() -> None:
    """Of the formula's two parts each is checked alone; with little noise a cell's variance is b dw (1 + c2c^2) / 2."""
    device = SoftBounds("x", 0.01, c2c=2.0, w_max=1.0, w_min=-1.0)
    rng = np.random.default_rng(1)
    w = np.zeros(4000)
    for _ in range(1500):
        up = rng.random(w.size) < 0.5
        move = np.where(up, 1.0 - w, -1.0 - w) * 0.01 * (1.0 + 2.0 * rng.standard_normal(w.size))
        w = np.clip(w + move, -1.0, 1.0)
    assert traits(device).noise == pytest.approx(np.sqrt(0.01 * 5 / 2), rel=1e-3)
    assert w.std() == pytest.approx(traits(device).noise, rel=0.05)
    written = replace(device, c2c=0.0, write_noise=30.0)
    assert traits(written).noise == pytest.approx(np.hypot(0.3, np.sqrt(0.005)), rel=1e-3)


def test_the_step_of_a_pair_is_that_of_its_way_from_reset_to_refresh() -> None:
    """The first pulse of pcm moves a conductance by 28 times dw_min, and later ones by ever less."""
    found = traits(load_device("pcm"))
    assert 0.02 < found.step < 0.1
    assert not found.shiftable


def test_zero_shift_is_for_scattered_symmetry_points_that_exist() -> None:
    shifted = {
        name
        for name, device in DEVICES.items()
        if derive(TUNED[Algorithm.SHD], device, Algorithm.SHD, CONFIG, CONVERTERS).zero_shift
    }
    # The points of capacitor are scattered, but two in five cells have none; those of the arrays are at the reference.
    assert shifted == {"s3", "reram_es"}
    assert not derive(TUNED[Algorithm.SGD], DEVICES["s3"], Algorithm.SGD, CONFIG, CONVERTERS).zero_shift


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_every_preset_gets_settings_that_crossbars_take(algorithm: Algorithm) -> None:
    for device in DEVICES.values():
        accepted(device, algorithm, PlantConfig())


def test_every_random_device_gets_settings_that_crossbars_take() -> None:
    rng = np.random.default_rng(7)
    for _ in range(150):
        plant = PlantConfig(
            adc_range=float(np.exp(rng.uniform(np.log(0.01), np.log(1e4)))), input_full_scale=int(rng.choice([1, 63, 5000]))
        )
        accepted(random_device(rng), Algorithm.SHD, plant)


def accepted(device: Device, algorithm: Algorithm, plant: PlantConfig) -> None:
    """Make the layers, which refuses gains, BL and full scales that do not fit."""
    found = derive(TUNED[algorithm], device, algorithm, CONFIG, Converters(plant.input_full_scale, plant.adc_range))
    run = Run(algorithm, device, found.zero_shift, 10, 1, found.settings, plant=plant)
    backend = ModelBackend(run.controller, run.make_plant())
    run.trainer(backend, load_split(1))
    assert PRESETS["digits"].bl_max >= found.settings.bl_max


def test_other_networks_get_settings_too() -> None:
    for device in DEVICES.values():
        found = derive(CONV_SETTINGS[Algorithm.SHD], device, Algorithm.SHD, CONV, CONVERTERS)
        run = ConvRun(Algorithm.SHD, device, found.zero_shift, 3, 1, found.settings)
        run.trainer(ModelBackend(run.controller, run.make_plant()), load_split(1))


def test_only_the_very_device_has_its_tuned_settings() -> None:
    assert tuned_settings(DEVICES["s2"], Algorithm.SHD) is SETTINGS["s2"][Algorithm.SHD]
    assert tuned_settings(replace(DEVICES["s2"], dw_min=0.04), Algorithm.SHD) is None
    assert tuned_settings(DEVICES["pcm"], Algorithm.SHD) is None


@pytest.mark.parametrize(("name", "least"), [("pcm", 0.75), ("idealized", 0.8), ("reram_om_array", 0.75)])
def test_devices_learn_by_the_rule(name: str, least: float) -> None:
    """The settings of s1 give 10 to 50 % here after two epochs."""
    device = DEVICES[name]
    found = derive(TUNED[Algorithm.SHD], device, Algorithm.SHD, CONFIG, CONVERTERS)
    run = Run(Algorithm.SHD, device, found.zero_shift, 2, 1, found.settings)
    trainer = DigitsTrainer(ModelBackend(run.controller, run.make_plant()), run, load_split(1))
    trainer.initialise()
    assert max(trainer.run_epoch(epoch, lambda: None) for epoch in range(2)) > least
