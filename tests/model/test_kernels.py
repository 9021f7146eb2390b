"""Compiled kernels and plain numpy give the same bits, however the pulses are grouped."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosstwin_model import kernels, reference
from crosstwin_model.coincidence import pack
from crosstwin_model.config import ControllerConfig
from crosstwin_model.devices import DEVICES
from crosstwin_model.devices.base import CellDraws
from crosstwin_model.jit import njit
from crosstwin_model.noise import Purpose, stream
from crosstwin_model.plant import Plant, PlantConfig

LINES = st.integers(1, 70)
SEEDS = st.integers(0, 2**32 - 1)


def _plant(rows: int, columns: int, **fields: object) -> Plant:
    return Plant(ControllerConfig("test", rows=rows, columns=columns), PlantConfig(initial=0.3, **fields))  # type: ignore[arg-type]


def _reference_pulses(plant: Plant, tile: int, up: np.ndarray, row_bits: np.ndarray, column_bits: np.ndarray) -> tuple:
    """Conductances and pulse counters after the slots, by the reference, from the plant's present state."""
    config, state = plant.config, plant.state()
    w, pulses = state["conductance"][tile], state["pulses"][tile]
    planes = config.device.planes(CellDraws(config.seed, tile, w.size))
    keys = stream(config.seed, Purpose.PULSE, tile)
    reference.pulse_slots(config.device, w, pulses, planes, keys, up, pack(row_bits), pack(column_bits))
    return w, pulses


def _agrees(plant: Plant, tile: int, expected: tuple) -> bool:
    state = plant.state()
    return all(
        found[tile].tobytes() == wanted.tobytes()
        for found, wanted in zip((state["conductance"], state["pulses"]), expected, strict=True)
    )


@settings(deadline=None, max_examples=150)
@given(LINES, LINES, st.integers(1, 130), st.sampled_from(sorted(DEVICES)), SEEDS, st.booleans(), st.floats(0.05, 1.0))
def test_a_group_of_slots(rows: int, columns: int, slots: int, device: str, seed: int, up: bool, density: float) -> None:
    rng = np.random.default_rng(seed)
    row_bits, column_bits = rng.random((slots, rows)) < density, rng.random((slots, columns)) < rng.random(columns)
    plant = _plant(rows, columns, device=DEVICES[device], seed=seed)
    expected = _reference_pulses(plant, 1, np.full(slots, up), row_bits, column_bits)
    plant.pulse(1, up, pack(row_bits.T), pack(column_bits.T))
    assert _agrees(plant, 1, expected)


@settings(deadline=None, max_examples=150)
@given(LINES, LINES, st.integers(0, 40), st.sampled_from(sorted(DEVICES)), SEEDS)
def test_slots_that_alternate(rows: int, columns: int, slots: int, device: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    row_bits, column_bits, up = rng.random((slots, rows)) < 0.5, rng.random((slots, columns)) < 0.5, rng.random(slots) < 0.5
    plant = _plant(rows, columns, device=DEVICES[device], seed=seed)
    expected = _reference_pulses(plant, 0, up, row_bits, column_bits)
    plant.pulse_slots(0, up, pack(row_bits), pack(column_bits))
    assert _agrees(plant, 0, expected)


@settings(deadline=None, max_examples=50)
@given(LINES, LINES, st.integers(2, 60), SEEDS)
def test_grouping_does_not_matter(rows: int, columns: int, slots: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    row_bits, column_bits = rng.random((slots, rows)) < 0.6, rng.random((slots, columns)) < 0.6
    whole, parts, single, blocks = (_plant(rows, columns, seed=seed) for _ in range(4))
    whole.pulse(2, False, pack(row_bits.T), pack(column_bits.T))
    cut = int(rng.integers(1, slots))
    for part in (slice(cut), slice(cut, None)):
        parts.pulse(2, False, pack(row_bits[part].T), pack(column_bits[part].T))
    single.pulse_slots(2, np.zeros(slots, bool), pack(row_bits), pack(column_bits))
    for some in (np.arange(rows) % 2 == 1, np.arange(rows) % 2 == 0):
        blocks.pulse(2, False, pack((row_bits & some).T), pack(column_bits.T))
    assert whole.digest() == parts.digest() == single.digest() == blocks.digest()


def test_the_order_of_tiles_does_not_matter() -> None:
    rng = np.random.default_rng(1)
    words = [(pack(rng.random((9, 31)) < 0.5), pack(rng.random((7, 31)) < 0.5)) for _ in range(4)]
    first, second = _plant(9, 7), _plant(9, 7)
    for tile in range(4):
        first.pulse(tile, True, *words[tile])
    for tile in (2, 0, 3, 1):
        second.pulse(tile, True, *words[tile])
    assert first.digest() == second.digest()


@settings(deadline=None, max_examples=150)
@given(
    LINES,
    LINES,
    SEEDS,
    st.booleans(),
    st.booleans(),
    st.integers(0, 15),
    st.sampled_from([0.0, 0.7]),
    st.sampled_from([0.0, 0.2]),
)
def test_reads(
    rows: int, columns: int, seed: int, forward: bool, differential: bool, gain: int, dac_noise: float, adc_noise: float
) -> None:
    rng = np.random.default_rng(seed)
    plant = _plant(rows, columns, seed=seed, dac_noise=dac_noise, adc_noise=adc_noise)
    plant.set_conductance(3, rng.normal(0, 0.3, (rows, columns)))
    w, other = plant.conductance(1), plant.conductance(3) if differential else np.zeros((rows, columns), np.float32)
    driven, sensed = (rows, columns) if forward else (columns, rows)
    for number in range(2):
        charge = rng.integers(-255, 256, driven).astype(np.int32) * (rng.random(driven) < 0.7)
        count = int(rng.integers(1, sensed + 1))
        expected = reference.read(
            w,
            other,
            forward,
            charge.astype(np.int32),
            stream(seed, Purpose.DAC, 1),
            dac_noise,
            stream(seed, Purpose.ADC, 1),
            adc_noise * 255 / 12,
            255 / (12.0 * 63 * kernels.GRID * kernels.CHARGE_GRID) * 2**gain,
            255.0,
            number,
            count,
        )
        assert plant.read(1, differential, forward, charge.astype(np.int32), gain, count).tolist() == expected.tolist()


def test_a_step_rule_is_rounded_after_every_operation() -> None:
    """The written order of operations, in numpy scalars, one pulse at a time."""
    device = replace(DEVICES["s3"], c2c=0.4)
    plant = _plant(1, 1, device=device, seed=9)
    planes = device.planes(CellDraws(9, 0, 1))[:, :, 0]
    w = plant.conductance(0)[0, 0]
    keys = stream(9, Purpose.PULSE, 0)
    for number, up in enumerate(np.random.default_rng(3).random(500) < 0.5):
        low, high, a, b = planes[int(up)]
        noise = np.float32(np.float32(1) + np.float32(0.4) * reference.draw_normal(keys, 0, number))
        product = np.float32(b * w)
        step = np.float32(np.float32(a - product) * noise)
        w = min(max(np.float32(w + step), low), high)
        plant.pulse_slots(0, np.array([up]), np.ones((1, 1), np.uint64), np.ones((1, 1), np.uint64))
        assert plant.conductance(0)[0, 0] == w


def test_functions_that_cannot_be_kept_on_disk_are_compiled_all_the_same() -> None:
    space: dict = {}
    exec("def double(x):\n    return 2 * x", space)
    assert njit(space["double"])(21) == 42


@pytest.mark.parametrize("lines", [63, 64, 65, 128])
def test_lines_at_the_edge_of_a_word(lines: int) -> None:
    plant = _plant(lines, lines)
    before = plant.conductance(0)
    bits = np.zeros((1, lines), bool)
    bits[0, -1] = True
    plant.pulse_slots(0, np.array([True]), pack(bits), pack(bits))
    changed = np.argwhere(plant.conductance(0) != before)
    assert changed.tolist() == [[lines - 1, lines - 1]]
