"""The emulated array's numpy twin: its cells follow soft bounds, and its bits depend on the pulses alone."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosstwin_model import emulated_cells
from crosstwin_model.coincidence import pack, unpack
from crosstwin_model.config import PRESETS, ConfigurationError, ControllerConfig
from crosstwin_model.emulated import EmulatedConfig, EmulatedPlant
from crosstwin_model.emulated_cells import GOLDEN, Stream, stream_key
from crosstwin_model.emulated_config import load_emulated

SQUARE = ControllerConfig("square", 32, 32)
QUIET = EmulatedConfig(c2c=0.0, adc_noise=0.0)


def all_lines(plant: EmulatedPlant, tile: int, up: npt.ArrayLike) -> None:
    """Pulse all cells of a tile, once for each direction."""
    directions = np.asarray(up, bool)
    rows, columns = plant.controller.rows, plant.controller.columns
    plant.pulse_slots(tile, directions, *(pack(np.ones((directions.size, size), bool)) for size in (rows, columns)))


def bytes_of(seed: int, stream: Stream, count: int, index: int) -> int:
    return emulated_cells.byte_sum(emulated_cells.draw((stream_key(seed, stream) + count * GOLDEN) % (1 << 32), index))


def pulsed(config: EmulatedConfig, cell: emulated_cells.Cell, w: int, up: bool, noise: int) -> int:
    """One pulse, as docs/emulated_array.md writes it, with Python's whole numbers."""
    high, low = config.high.value(cell.high), -config.low.value(cell.low)
    slope = (config.slope_up if up else config.slope_down).value(cell.slope_up if up else cell.slope_down)
    factor = 256 + (noise * config.noise_factor + 128) // 256
    mean = (high - w if up else w - low) * slope >> config.step_shift
    shift = 24 - config.step_shift
    step = (mean * factor + (1 << (shift - 1))) >> shift
    return min(max(w + step if up else w - step, low), high)


def test_pulses_are_those_of_the_formulas() -> None:
    config = ControllerConfig("odd", 3, 5)
    array = EmulatedConfig(lanes=4, up_down=0.2, up_down_spread=0.2, c2c=0.8, seed=7)
    plant = EmulatedPlant(config, array)
    cells = emulated_cells.cell_codes(array, config)
    up = np.random.default_rng(1).random(60) < 0.5
    all_lines(plant, 2, up)
    for row, column in np.ndindex(3, 5):
        w = 0
        for count, direction in enumerate(up.tolist()):
            index = ((2 * 3 + row) * 2 + column // 4) * 4 + column % 4
            w = pulsed(array, cells[(2 * 3 + row) * 5 + column], w, direction, bytes_of(7, Stream.PULSE, count, index))
        assert plant.state()["state"][2, row, column] == w


def test_reads_are_those_of_the_formulas() -> None:
    config = ControllerConfig("odd", 3, 5, adc_bits=12)
    array = EmulatedConfig(seed=3)
    plant = EmulatedPlant(config, array)
    all_lines(plant, 1, [True] * 20)
    all_lines(plant, 3, [False] * 5)
    state = plant.state()["state"].astype(object)
    scale = array.adc_scale(2047)
    for count, forward in enumerate((True, False)):
        charge = np.arange(3 if forward else 5, dtype=np.int32) * 30 - 60
        sums = (state[1] - state[3]).T @ charge if forward else (state[1] - state[3]) @ charge
        codes = []
        for line, total in enumerate(sums.tolist()):
            value = min(max((total << 2) >> scale.shift, -131071), 131071)
            noise = bytes_of(3, Stream.ADC, count, line) * scale.noise_factor << (scale.fraction - 16)
            codes.append((value * scale.factor + noise + (1 << (scale.fraction - 1))) >> scale.fraction)
        expected = np.clip(codes, -2047, 2047)
        np.testing.assert_array_equal(plant.read(1, True, forward, charge, 2, expected.size), expected)


def test_a_read_is_the_product_in_codes() -> None:
    plant = EmulatedPlant(replace(SQUARE, adc_bits=16), QUIET)
    all_lines(plant, 0, [True] * 10)
    charge = np.random.default_rng(2).integers(-63, 64, 32).astype(np.int32)
    codes = plant.read(0, True, True, charge, 3, 32)
    outputs = codes * (QUIET.adc_range / SQUARE.__class__("x", 1, 1, adc_bits=16).adc_max / 2**3)
    np.testing.assert_allclose(outputs, charge / 63 @ plant.weights(0), atol=1e-3)


def test_mean_steps_follow_soft_bounds_to_the_symmetry_point() -> None:
    """Up: s_up (1 - w / w_max); down: s_dn (1 - w / w_min); alternating pulses end where both are equal."""
    plant = EmulatedPlant(SQUARE, replace(QUIET, up_down=0.2, up_down_spread=0.1))
    low, high = plant.bounds(0)
    slope_up, slope_down = plant.slopes(0)
    for up, slope, bound in ((True, slope_up, high), (False, slope_down, low)):
        before = plant.conductance(0).astype(float)
        all_lines(plant, 0, [up])
        np.testing.assert_allclose(plant.conductance(0), before + slope * (bound - before), atol=plant.config.unit)
    all_lines(plant, 0, [True, False] * 2000)
    s_up, s_down = slope_up * high, -slope_down * low
    point = (s_up - s_down) / (s_up / high - s_down / low)
    # The pulse down came last, so it rests part of a step below; where steps differ by less than a unit nothing moves any more.
    share = slope_down / (slope_up + slope_down - slope_up * slope_down)
    rest = point - slope_up * (high - point) * share
    stuck = 1.5 * plant.config.unit / (slope_up + slope_down)
    assert (np.abs(plant.conductance(0) - rest) < stuck).all()


def test_cells_spread_as_configured() -> None:
    plant = EmulatedPlant(replace(SQUARE, pairs=4), EmulatedConfig(step_bits=9, bound_bits=9))
    bounds = np.array([plant.bounds(tile) for tile in range(16)])
    assert bounds[:, 0].mean() == pytest.approx(-0.6, abs=0.01) and bounds[:, 1].mean() == pytest.approx(0.6, abs=0.01)
    assert bounds.std(axis=(0, 2, 3)) == pytest.approx([0.18, 0.18], rel=0.05)
    steps = np.array([plant.slopes(tile)[0] * plant.bounds(tile)[1] for tile in range(16)])
    assert np.median(steps) == pytest.approx(0.02, rel=0.05)
    assert steps.std() == pytest.approx(0.006, rel=0.1)


def test_few_bits_keep_the_spread() -> None:
    plant = EmulatedPlant(replace(SQUARE, pairs=4), EmulatedConfig())
    bounds = np.array([plant.bounds(tile) for tile in range(16)])
    assert bounds.mean(axis=(0, 2, 3)) == pytest.approx([-0.6, 0.6], abs=0.02)
    assert bounds.std(axis=(0, 2, 3)) == pytest.approx([0.18, 0.18], rel=0.08)


def test_pulses_vary_from_pulse_to_pulse() -> None:
    plant = EmulatedPlant(SQUARE, EmulatedConfig(dw_min_spread=0.0, w_max_spread=0.0, w_min_spread=0.0))
    steps = []
    for _ in range(40):
        plant.set_conductance(0, np.zeros((32, 32)))
        all_lines(plant, 0, [True])
        steps.append(plant.conductance(0))
    found = np.array(steps)
    assert found.mean() == pytest.approx(0.02, rel=0.01)
    assert found.std() == pytest.approx(0.006, rel=0.02)
    # Independent from pulse to pulse and from cell to cell.
    assert found.mean(axis=0).std() == pytest.approx(0.006 / math.sqrt(40), rel=0.1)
    for first, second in pairwise(found.reshape(40, -1)):
        assert abs(np.corrcoef(first, second)[0, 1]) < 5 / 32
    assert abs(np.corrcoef(found[:, :, :-1].ravel(), found[:, :, 1:].ravel())[0, 1]) < 0.03


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 90))
def test_slots_and_updates_give_the_same_bits(seed: int, slots: int) -> None:
    """An update's quadrants are its slots one after another, and slots without a coincidence do not count."""
    rng = np.random.default_rng(seed)
    config = ControllerConfig("odd", 6, 5)
    plants = [EmulatedPlant(config, EmulatedConfig(seed=seed)) for _ in range(2)]
    signs = [rng.integers(-1, 2, size).astype(np.int8) for size in (6, 5)]
    words = [pack(rng.random((2, size, slots)) < 0.3) for size in (6, 5)]
    plants[0].update(1, *signs, *words)
    for x, d in ((1, 1), (-1, -1), (1, -1), (-1, 1)):
        fired = [
            unpack(side[int(other < 0)], slots) & (sign == own)[:, None]
            for side, sign, own, other in zip(words, signs, (x, d), (d, x), strict=True)
        ]
        plants[1].pulse_slots(1, np.full(slots, x == d), *(pack(lines.T) for lines in fired))
    for key, value in plants[0].state().items():
        np.testing.assert_array_equal(value, plants[1].state()[key])


def test_a_state_is_taken_over_whole_or_not_at_all() -> None:
    plants = [EmulatedPlant(SQUARE, EmulatedConfig()) for _ in range(2)]
    all_lines(plants[0], 1, [True, True, False])
    plants[1].restore(plants[0].state())
    for plant in plants:
        all_lines(plant, 1, [True])
    assert plants[0].digest() == plants[1].digest()
    with pytest.raises(ValueError, match="the state lacks 'reads'"):
        plants[0].restore({key: value for key, value in plants[0].state().items() if key != "reads"})


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"lanes": 3}, "lanes is 3; allowed are 1, 2, 4 and 8"),
        ({"weight_bits": 18}, "weight_bits is 18; allowed are whole numbers from 10 to 17"),
        ({"dw_min": 0.0}, r"dw_min is 0.0; allowed are numbers from 0.0001 to 0.25"),
        ({"dw_min": math.nan}, "dw_min is nan; allowed are numbers"),
        ({"adc_noise": 20.0}, "adc_noise is 20.0; allowed is up to adc_range, 12.0"),
        ({"w_max": 1.5, "w_max_spread": 0.5}, "allowed are bounds whose codes stay within"),
        ({"dw_min": 0.2, "w_max": 0.2}, "allowed are steps well below the bounds"),
    ],
)
def test_a_bad_configuration_is_refused(values: dict[str, float], sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        EmulatedConfig(**values)  # type: ignore[arg-type]


def test_too_many_cells_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"would have 262144 cells .* allowed are up to 65536"):
        EmulatedPlant(PRESETS["large"], EmulatedConfig())


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "array.toml"
    path.write_text("[emulated]\nlanes = 8\nc2c = 0.1\n")
    assert load_emulated(path) == EmulatedConfig(lanes=8, c2c=0.1)
    assert load_emulated("emulated") == EmulatedConfig()
    path.write_text("[emulated]\nlane = 8\n")
    with pytest.raises(ConfigurationError, match=r"array.toml: \[emulated\] has the key 'lane'; allowed are adc_noise"):
        load_emulated(path)
    with pytest.raises(ConfigurationError, match=r"there is no array 'emulator'; allowed are emulated or a \.toml file"):
        load_emulated("emulator")


def test_charges_beyond_the_counters_are_refused() -> None:
    plant = EmulatedPlant(SQUARE, EmulatedConfig())
    with pytest.raises(ValueError, match=r"charge holds -256; the emulated array allows whole numbers within \+-255"):
        plant.read(0, True, True, np.full(32, -256, np.int32), 0, 32)
