"""Every key of a device or of a plant changes what is simulated, or is refused with what it needs."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosstwin_model import reference
from crosstwin_model.coincidence import pack
from crosstwin_model.config import ConfigurationError, ControllerConfig
from crosstwin_model.devices import DEVICES, RULES, Device, load_device
from crosstwin_model.devices.base import DOWN, UP, CellDraws
from crosstwin_model.devices.cells import Parameter
from crosstwin_model.effects import effective
from crosstwin_model.grid import on_grid
from crosstwin_model.line_resistance import LineResistance
from crosstwin_model.noise import Purpose, stream
from crosstwin_model.plant import Plant
from crosstwin_model.plant_config import PlantConfig, load_plant

ROWS = COLUMNS = 20
CELLS = ROWS * COLUMNS
#: A value for every key of every rule that is not its default.
VALUES: dict[str, Any] = {
    "dw_min_spread": 0.2,
    "c2c": 0.3,
    "up_down_spread": 0.1,
    "w_max": 0.8,
    "w_max_spread": 0.2,
    "w_min_spread": 0.2,
    "dw_min_spread_log": True,
    "additive": True,
    "write_noise": 1.0,
    "one_sided": True,
    "refresh_below": 0.4,
    "reset": 0.1,
    "reset_spread": 0.05,
    "lifetime": 20.0,
    "lifetime_spread": 0.2,
    "drift": 0.1,
    "drift_spread": 0.05,
    "diffusion": 0.02,
    "diffusion_spread": 0.3,
    "stuck": 0.2,
    "stuck_range": 0.3,
    "reference_spread": 0.05,
    "gamma_up_spread": 0.2,
    "gamma_down_spread": 0.2,
    "slope_at_mean_bound": True,
    "a": -0.5,
    "b": 0.3,
    "amplitude_up": 0.4,
    "amplitude_down": 0.2,
    "c2c_add": 0.02,
    "c2c_slope": 0.05,
    "table_up": (2.0, 0.5),
    "table_down": (0.5, 2.0),
}
#: Keys of which one value may have an effect where another has none.
SEVERAL: dict[str, tuple[Any, ...]] = {
    "up_down": (0.3, -0.3),
    "refresh_above": (0.6, 1.0),
    "gamma_up": (1.5, 0.0),
    "gamma_down": (0.7, 0.0),
}


def _keys(rule: str) -> list[str]:
    """Keys that a device may or may not have; w_min is tied to one_sided, and at_symmetry_point has tests of its own."""
    always = ("name", "source", "dw_min", "w_min", "at_symmetry_point")
    return [one.name for one in fields(RULES[rule]) if one.name not in always]


def _values(rule: str, **given: Any) -> dict[str, Any]:
    defaults = {one.name: one.default for one in fields(RULES[rule])}
    pair = given.get("one_sided", False)
    return defaults | {"name": "test", "dw_min": 0.05, "w_min": 0.0 if pair else -0.7} | given


def _unchecked(rule: str, values: dict[str, Any]) -> Device:
    """The device whether it is allowed or not."""
    device: Device = object.__new__(RULES[rule])
    for key, value in values.items():
        object.__setattr__(device, key, value)
    return device


def _behaviour(device: Device) -> bytes:
    """Conductances after pulses, time and pulses, in plain numpy, and those of the reference tile."""
    draws = CellDraws(3, 0, CELLS)
    planes, rng = device.cell_planes(draws), np.random.default_rng(1)
    states = 2 if device.one_sided else 1 if device.write_noise else 0
    keys = np.concatenate([stream(3, purpose, 0) for purpose in (Purpose.PULSE, Purpose.WRITE)])
    low, high = planes[UP, :2]
    w = on_grid(np.clip(rng.uniform(-1, 1, CELLS).astype(np.float32), low, high))
    held = np.repeat(w[:, None], states, axis=1)
    if device.one_sided:
        for direction in (DOWN, UP):
            low, high = planes[direction, :2]
            held[:, direction] = on_grid(low + (high - low) * rng.uniform(0, 1, CELLS).astype(np.float32))
        w = held[:, UP] - held[:, DOWN]
    cells = reference.Cells(device, w, np.zeros(CELLS, np.uint32), held, planes, keys)
    found = [(device.reference_spread * draws(Parameter.REFERENCE)).tobytes()]
    lines = pack(np.ones((6, ROWS), np.bool_))
    for turn in range(3):
        reference.pulse_slots(cells, rng.random(6) < 0.5, lines, lines, ROWS)
        found.append(cells.w.tobytes())
        for update in range(3 * turn + 1, 3 * turn + 4):
            reference.age(cells, draws, update)
        found.append((cells.w + np.float32(0.0)).tobytes())
    return b"".join(found)


def _check(rule: str, given: dict[str, Any]) -> None:
    """Whether what is refused has no effect, and each key of what is taken has one."""
    values = _values(rule, **given)
    try:
        device = RULES[rule](**values)
    except ConfigurationError as error:
        if "which has no effect; allowed with " not in str(error):
            return
        key = str(error).split(" is ")[0]
        default = next(one.default for one in fields(RULES[rule]) if one.name == key)
        assert values[key] != default
        assert _behaviour(_unchecked(rule, values)) == _behaviour(_unchecked(rule, values | {key: default})), str(error)
        return
    behaviour = _behaviour(device)
    for key in given:
        if key == "one_sided" or given[key] == getattr(RULES[rule], key):
            continue
        default = next(one.default for one in fields(RULES[rule]) if one.name == key)
        if isinstance(default, tuple):
            default = tuple(reversed(values[key]))
        without = RULES[rule](**effective(RULES[rule], values | {key: default}))
        assert _behaviour(without) != behaviour, f"{key} is {given[key]} without an effect in {device}"


@pytest.mark.parametrize("pair", [False, True], ids=["cell", "pair"])
@pytest.mark.parametrize("rule", sorted(RULES))
def test_a_key_alone_has_an_effect_or_is_refused(rule: str, pair: bool) -> None:
    base = {"one_sided": True} if pair else {}
    for key in _keys(rule):
        for value in SEVERAL.get(key, (VALUES.get(key),)):
            if key != "one_sided":
                _check(rule, base | {key: value})


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_keys_together_have_an_effect_or_are_refused(data: st.DataObject) -> None:
    rule = data.draw(st.sampled_from(sorted(RULES)))
    chosen = data.draw(st.lists(st.sampled_from(_keys(rule)), unique=True, max_size=12))
    _check(rule, {key: data.draw(st.sampled_from(SEVERAL.get(key, (VALUES.get(key),)))) for key in chosen})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("reset = -0.5\nlifetime = 100.0", "reset is -0.5, which has no effect; allowed with one_sided"),
        ("reset_spread = 0.1", "reset_spread is 0.1, which has no effect; allowed with one_sided"),
        ("refresh_above = 0.75", "refresh_above is 0.75, which has no effect; allowed with one_sided"),
        ("refresh_below = 0.1", "refresh_below is 0.1, which has no effect; allowed with one_sided"),
        (
            "one_sided = true\nw_min = 0\nrefresh_above = 1.0\nrefresh_below = 0.25",
            "refresh_below is 0.25, which has no effect; allowed with refresh_above below 1",
        ),
        ("one_sided = true\nw_min = 0\nwrite_noise = 2", "write_noise is 2, .*; allowed with one_sided = false"),
        ("one_sided = true\nw_min = 0\nup_down = 0.1", "up_down is 0.1, .*; allowed with one_sided = false"),
        ("lifetime_spread = 0.3", "lifetime_spread is 0.3, which has no effect; allowed with lifetime above 0"),
        ("diffusion_spread = 0.3", "diffusion_spread is 0.3, which has no effect; allowed with diffusion above 0"),
        ("stuck_range = 0.3", "stuck_range is 0.3, which has no effect; allowed with stuck above 0"),
        ("additive = true", "additive is True, which has no effect; allowed with c2c above 0"),
        ("dw_min_spread_log = true", "dw_min_spread_log is True, .*; allowed with dw_min_spread above 0"),
    ],
)
def test_files_with_keys_that_do_nothing_are_refused(text: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f'[device]\nrule = "soft_bounds"\ndw_min = 0.01\n{text}\n')
    with pytest.raises(ConfigurationError, match=f"mine.toml: {sentence}$"):
        load_device(path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('rule = "exponential_step"\ngamma_up = 1.0', "gamma_up is 1.0, .*; allowed with amplitude_up other than 0"),
        (
            'rule = "exponential_step"\na = 0\namplitude_up = 1\ngamma_up = 2',
            "gamma_up is 2, .*; allowed with a or b other than 0",
        ),
        ('rule = "exponential_step"\nb = 0.5', "b is 0.5, .*; allowed with an amplitude and its gamma other than 0"),
        ('rule = "exponential_step"\nc2c_add = 0.5', "c2c_add is 0.5, .*; allowed with c2c above 0"),
        (
            'rule = "linear_step"\ngamma_up = 0.5\nw_min_spread = 0.1\nslope_at_mean_bound = true',
            "slope_at_mean_bound is True, .*; allowed with a gamma other than 0 and a spread of the bound of its side",
        ),
        (
            'rule = "piecewise_step"\none_sided = true\nw_min = 0\ntable_up = [1, 2, 3]\ntable_down = [1, 1]',
            r"table_down is \[1, 1\], which has no effect; allowed with one_sided = false",
        ),
        ('rule = "constant_step"\nc2c = 0.1\nadditive = true', "additive is True; allowed with constant_step is false"),
    ],
)
def test_keys_of_a_rule_that_do_nothing_are_refused(text: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f"[device]\ndw_min = 0.01\n{text}\n")
    with pytest.raises(ConfigurationError, match=f"mine.toml: {sentence}$"):
        load_device(path)


def test_a_file_may_say_that_there_is_no_effect(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('[device]\nrule = "soft_bounds"\ndw_min = 0.01\nlifetime_spread = 0\nadditive = false\nreset = 0.0\n')
    assert load_device(path).dw_min == 0.01


def test_a_pair_has_one_table(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('[device]\nrule = "piecewise_step"\ndw_min = 0.01\none_sided = true\nw_min = 0\ntable_up = [3, 2, 1]\n')
    shape = load_device(path).cell_shape()
    assert (shape == np.array([3, 2, 1, 1], np.float32)).all() and shape.shape == (2, 4)


def _reads(**given: Any) -> bytes:
    """Codes and times of reads, and conductances after pulses, of a plant with that configuration."""
    plant = Plant(ControllerConfig("test", 6, 5, adc_lanes=1), PlantConfig(**{"initial": 0.4, "half_select": 0.0} | given))
    found = []
    charge = np.array([63, -20, 0, 5, 40, -63], np.int32)
    for forward in (True, False):
        count = 5 if forward else 6
        found += [plant.read(0, True, forward, charge[: 11 - count].copy(), 2, count).tobytes(), plant.delays(count).tobytes()]
    rows, columns = (np.full((lines, 1), 7 << lines, np.uint64) for lines in (6, 5))
    rows[0] = 0
    plant.pulse(0, True, rows, columns)
    return b"".join([*found, plant.conductance(0).tobytes()])


PLANT = {
    "adc_range": 6.0,
    "adc_noise": 0.2,
    "adc_offset": 0.5,
    "adc_gain_error": 0.2,
    "dac_noise": 3.0,
    "dac_offset": 5.0,
    "dac_gain_error": 0.2,
    "input_full_scale": 40,
    "adc_latency": 9,
    "adc_interval": 2,
    "adc_stall": 5,
    "initial": 0.2,
    "half_select": 0.3,
    "seed": 2,
    "device": DEVICES["s2"],
    "lines": LineResistance(),
}
LINES = {
    "row_ohms": 900.0,
    "column_ohms": 900.0,
    "driver_ohms": 900.0,
    "sense_ohms": 900.0,
    "both_ends": True,
    "unselected": "floating",
    "siemens_at_zero": 9e-6,
    "siemens_per_weight": 8e-6,
    "pulse_exponent": 3,
    "firing": 0.7,
}


@pytest.mark.parametrize("key", [one.name for one in fields(PlantConfig)])
def test_every_key_of_a_plant_has_an_effect(key: str) -> None:
    assert _reads(**{key: PLANT[key]}) != _reads()


@pytest.mark.parametrize("key", [one.name for one in fields(LineResistance)])
def test_every_key_of_the_wires_has_an_effect(key: str) -> None:
    wires = LineResistance(row_ohms=300.0, column_ohms=300.0)
    assert _reads(lines=replace(wires, **{key: LINES[key]})) != _reads(lines=wires)


@pytest.mark.parametrize("firing", ["0.1", "0.5"])
def test_wires_that_leave_steps_alone_do_not_ask_who_fires(firing: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f"[plant]\n[plant.lines]\npulse_exponent = 0\nfiring = {firing}\n")
    with pytest.raises(ConfigurationError, match=f"mine.toml: firing is {firing}, .*; allowed with pulse_exponent above 0$"):
        load_plant(path)
