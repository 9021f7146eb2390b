"""A DirectCrossbar gives the bits of a Crossbar on the golden model, and refuses what it leaves out."""

import copy
from dataclasses import replace

import numpy as np
import pytest

from crosstwin_model.config import ControllerConfig, Source
from crosstwin_model.devices import DEVICES
from crosstwin_model.line_resistance import LineResistance
from crosstwin_model.plant import Plant, PlantConfig
from crosstwin_sim.crossbar import Crossbar, PulseSettings, ReadSettings
from crosstwin_sim.direct import DirectCrossbar
from crosstwin_sim.model_backend import ModelBackend
from crosstwin_sim.scaling import Floats


def _both(
    name: str, rows: int, columns: int, bl_max: int = 31, lifetime: float = 0.0, **fields: object
) -> tuple[Crossbar, DirectCrossbar]:
    config = ControllerConfig("test", rows=rows, columns=columns)
    device = replace(DEVICES[name], lifetime=lifetime)
    settings = PlantConfig(device=device, initial=0.2, seed=7, **fields)  # type: ignore[arg-type]
    plants = [Plant(config, settings) for _ in range(2)]
    pulses, reads = PulseSettings(plants[0].config.device.dw_min, bl_max=bl_max), ReadSettings(backward_gain=2)
    return (
        Crossbar(ModelBackend(config, plants[0]), pulses=pulses, reads=reads),
        DirectCrossbar(plants[1], pulses=pulses, reads=reads),
    )


def _vectors(rng: np.random.Generator, rows: int, columns: int) -> tuple[Floats, Floats]:
    return rng.normal(size=rows) * (rng.random(rows) < 0.7), rng.normal(size=columns) ** 3


@pytest.mark.parametrize(
    ("device", "rows", "columns", "fields"),
    [
        ("s1", 37, 53, {}),
        ("pcm", 5, 21, {"dac_noise": 0.3, "adc_offset": 0.2, "adc_gain_error": 0.1}),
        ("reram_sb", 130, 16, {"lifetime": 100.0}),
    ],
)
def test_bits_of_a_crossbar(device: str, rows: int, columns: int, fields: dict[str, object]) -> None:
    crossbar, direct = _both(device, rows, columns, 80, **fields)
    plant = crossbar.backend.plant
    assert plant is not None
    rng = np.random.default_rng(3)
    for turn in range(8):
        x, d = _vectors(rng, rows, columns)
        for each in (crossbar, direct):
            each.update(x, d, 0.01 * 2.0 ** -(turn - 3))
        assert plant.digest() == direct.plant.digest()
        assert np.array_equal(crossbar.forward(x), direct.forward(x))
        assert np.array_equal(crossbar.backward(d), direct.backward(d))
        if turn == 2:
            for each in (crossbar, direct):
                each.update(np.zeros(rows), d, 0.1)
        if turn == 4:
            for each in (plant, direct.plant):
                each.set_conductance(2, np.full((rows, columns), 0.01))


def test_vectors_of_other_kinds() -> None:
    crossbar, direct = _both("s1", 6, 9)
    x, d = (side.astype(np.float32) for side in _vectors(np.random.default_rng(5), 6, 9))
    crossbar.update(x.astype(float), d.astype(float), 0.1)
    direct.update(x, np.repeat(d, 2)[::2], 0.1)
    assert crossbar.backend.plant is not None and crossbar.backend.plant.digest() == direct.plant.digest()
    assert np.array_equal(crossbar.forward(x.astype(float)), direct.forward(x))
    assert direct.forward(np.zeros(6)).tolist() == [0.0] * 9 and direct.plant.reads.number == 1


@pytest.mark.parametrize(
    ("x", "d", "rate", "sentence"),
    [
        (np.ones(5), np.ones(9), 0.1, r"x has the shape \(5,\); allowed is \(6,\)"),
        (np.ones(6), np.full(9, np.nan), 0.1, r"d\[0\] is nan; allowed are finite numbers"),
        (np.ones(6), np.ones(9), 0.0, "rate is 0.0; allowed are finite numbers above 0"),
    ],
)
def test_bad_vectors_change_nothing(x: Floats, d: Floats, rate: float, sentence: str) -> None:
    _, direct = _both("s1", 6, 9)
    before = direct.plant.digest()
    with pytest.raises(ValueError, match=sentence):
        direct.update(x, d, rate)
    assert direct.plant.digest() == before
    with pytest.raises(ValueError, match=r"d\[2\] is inf"):
        direct.backward(np.array([0, 1, np.inf, 0, 0, 0, 0, 0, 0]))


def test_a_copy_is_refused() -> None:
    _, direct = _both("s1", 6, 9)
    with pytest.raises(TypeError, match="make another one for a copy of the plant"):
        copy.deepcopy(direct)


def test_what_it_leaves_out() -> None:
    config, pulses = ControllerConfig("test", rows=4, columns=4), PulseSettings(0.001)
    for fields in ({"half_select": 0.0}, {"lines": LineResistance()}):
        with pytest.raises(ValueError, match="half-selects or lines with resistance, which a DirectCrossbar leaves out"):
            DirectCrossbar(Plant(config, PlantConfig(**fields)), pulses=pulses)  # type: ignore[arg-type]
    plant = Plant(config, PlantConfig())
    with pytest.raises(ValueError, match="the source is lfsr; a DirectCrossbar has hammersley"):
        DirectCrossbar(plant, pulses=replace(pulses, source=Source.LFSR))
    with pytest.raises(ValueError, match="bound_steps is 3; allowed are whole numbers from 0 to 0"):
        DirectCrossbar(plant, pulses=pulses, reads=ReadSettings(bound_steps=3))
    with pytest.raises(ValueError, match="the seed of d is 0; allowed are whole numbers from 1 to 536870911"):
        DirectCrossbar(plant, pulses=pulses, seeds=(1, 0))
