"""Compiled kernels and plain numpy give the same bits, however the pulses are grouped."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosstwin_model import reference
from crosstwin_model.coincidence import pack
from crosstwin_model.config import ControllerConfig
from crosstwin_model.devices import DEVICES
from crosstwin_model.devices.base import CellDraws
from crosstwin_model.grid import on_grid
from crosstwin_model.jit import njit
from crosstwin_model.noise import Purpose, stream
from crosstwin_model.plant import Plant, PlantConfig

LINES = st.integers(1, 70)
SEEDS = st.integers(0, 2**32 - 1)


#: One of each kind of state: visible, persistent under write noise, and a pair; and one whose cells are partly stuck.
STATES = ("s1", "reram_sb", "reram_es", "pcm", "stuck")
ALL = {**DEVICES, "stuck": replace(DEVICES["s3"], name="stuck", stuck=0.2, stuck_range=0.5)}


def _plant(rows: int, columns: int, threads: int = 1, **fields: object) -> Plant:
    config = PlantConfig(initial=0.3, **fields)  # type: ignore[arg-type]
    return Plant(ControllerConfig("test", rows=rows, columns=columns), config, threads)


def _cells(plant: Plant, tile: int) -> reference.Cells:
    """A tile's cells for the reference, in the plant's present state."""
    config, state = plant.config, plant.state()
    w = state["conductance"][tile].reshape(-1)
    planes = config.device.cell_planes(CellDraws(config.seed, tile, w.size))
    planes[:, :2] = on_grid(planes[:, :2])
    states = state["states"][tile] if "states" in state else np.zeros((w.size, 0), np.float32)
    keys = np.concatenate([stream(config.seed, purpose, tile) for purpose in (Purpose.PULSE, Purpose.WRITE)])
    return reference.Cells(config.device, w, state["pulses"][tile].reshape(-1), states, planes, keys)


def _reference_pulses(plant: Plant, tile: int, up: np.ndarray, row_bits: np.ndarray, column_bits: np.ndarray) -> reference.Cells:
    """Cells after the slots, by the reference, from the plant's present state."""
    cells = _cells(plant, tile)
    reference.pulse_slots(cells, up, pack(row_bits), pack(column_bits), row_bits.shape[1], plant.config.half_select or 0.0)
    return cells


def _agrees(plant: Plant, tile: int, expected: reference.Cells) -> bool:
    found = _cells(plant, tile)
    return all(getattr(found, name).tobytes() == getattr(expected, name).tobytes() for name in ("w", "pulses", "states"))


@settings(deadline=None, max_examples=150)
@given(LINES, LINES, st.integers(1, 130), st.sampled_from(sorted(ALL)), SEEDS, st.booleans(), st.floats(0.05, 1.0))
def test_a_group_of_slots(rows: int, columns: int, slots: int, device: str, seed: int, up: bool, density: float) -> None:
    rng = np.random.default_rng(seed)
    row_bits, column_bits = rng.random((slots, rows)) < density, rng.random((slots, columns)) < rng.random(columns)
    plant = _plant(rows, columns, device=ALL[device], seed=seed)
    expected = _reference_pulses(plant, 1, np.full(slots, up), row_bits, column_bits)
    plant.pulse(1, up, pack(row_bits.T), pack(column_bits.T))
    assert _agrees(plant, 1, expected)


@settings(deadline=None, max_examples=150)
@given(LINES, LINES, st.integers(0, 40), st.sampled_from(sorted(ALL)), SEEDS)
def test_slots_that_alternate(rows: int, columns: int, slots: int, device: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    row_bits, column_bits, up = rng.random((slots, rows)) < 0.5, rng.random((slots, columns)) < 0.5, rng.random(slots) < 0.5
    plant = _plant(rows, columns, device=ALL[device], seed=seed)
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


@settings(deadline=None, max_examples=60)
@given(LINES, LINES, st.integers(1, 130), st.sampled_from(STATES), SEEDS, st.booleans(), st.floats(0.02, 0.9))
def test_an_update_is_its_four_quadrants(
    rows: int, columns: int, slots: int, device: str, seed: int, per_line: bool, density: float
) -> None:
    rng = np.random.default_rng(seed)
    x, d = rng.integers(-1, 2, rows).astype(np.int8), rng.integers(-1, 2, columns).astype(np.int8)
    row_words = pack(rng.random((1 + per_line, rows, slots)) < density)
    column_words = pack(rng.random((1 + per_line, columns, slots)) < rng.random(columns)[:, None])
    whole, parts = (_plant(rows, columns, device=ALL[device], seed=seed) for _ in range(2))
    whole.update(1, x, d, row_words, column_words)
    for sx, sd in ((1, 1), (-1, -1), (1, -1), (-1, 1)):
        row_group = row_words[-1 if sd < 0 else 0] * (x == sx)[:, None].astype(np.uint64)
        column_group = column_words[-1 if sx < 0 else 0] * (d == sd)[:, None].astype(np.uint64)
        parts.pulse(1, sx == sd, row_group, column_group)
    assert whole.digest() == parts.digest()


@pytest.mark.parametrize("device", STATES)
def test_threads_do_not_matter(device: str) -> None:
    rng = np.random.default_rng(4)
    digests = set()
    words = [(pack(rng.random((300, 31)) < 0.5), pack(rng.random((333, 31)) < p)) for p in (0.5, 0.02)]
    for threads in (1, 2, 3):
        plant = _plant(300, 333, threads, device=ALL[device])
        for row_words, column_words in words:
            plant.pulse(0, True, row_words, column_words)
            plant.pulse(0, False, row_words, column_words)
        digests.add(plant.digest())
    assert len(digests) == 1


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 20), st.integers(1, 40), st.integers(1, 130), st.sampled_from(STATES), SEEDS, st.sampled_from([0.0, 0.1]))
def test_half_selects(rows: int, columns: int, slots: int, device: str, seed: int, response: float) -> None:
    rng = np.random.default_rng(seed)
    # Rows of which many never fire, and directions that last, are paths of their own.
    row_bits, column_bits = rng.random((slots, rows)) < rng.choice([0.02, 0.5]), rng.random((slots, columns)) < 0.3
    up = rng.random(slots) < rng.choice([0.02, 0.5, 0.98])
    plant, groups = (_plant(rows, columns, device=ALL[device], seed=seed, half_select=response) for _ in range(2))
    expected = _reference_pulses(plant, 1, up, row_bits, column_bits)
    plant.pulse_slots(1, up, pack(row_bits), pack(column_bits))
    assert _agrees(plant, 1, expected)
    counted = (row_bits[:, :, None] ^ column_bits[:, None, :]).sum(0)
    assert plant.half_selects(1).tolist() == counted.tolist()
    for slot in range(slots):
        groups.pulse_slots(1, up[slot : slot + 1], pack(row_bits[slot : slot + 1]), pack(column_bits[slot : slot + 1]))
    assert groups.digest() == plant.digest() and groups.half_selects(1).tolist() == counted.tolist()


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
            plant.config.converter_errors(rows, columns, 255)[forward],
            np.concatenate([stream(seed, purpose, 1) for purpose in (Purpose.DAC, Purpose.ADC)]),
            plant.config.read_parameters(255)[gain],
            number,
            count,
        )
        assert plant.read(1, differential, forward, charge.astype(np.int32), gain, count).tolist() == expected.tolist()


def test_a_step_rule_is_rounded_after_every_operation() -> None:
    """The written order of operations, in numpy scalars, one pulse at a time."""
    device = replace(DEVICES["s3"], c2c=0.4)
    plant = _plant(1, 1, device=device, seed=9)
    planes = device.cell_planes(CellDraws(9, 0, 1))[:, :, 0]
    w = plant.conductance(0)[0, 0]
    keys = stream(9, Purpose.PULSE, 0)
    for number, up in enumerate(np.random.default_rng(3).random(500) < 0.5):
        low, high, size, slope = planes[int(up)]
        noise = np.float32(np.float32(1) + np.float32(0.4) * reference.draw_normal(keys, 0, number))
        assert slope == np.float32(1) / (high if up else low)
        part = np.float32(np.float32(1) - np.float32(w * slope))
        step = np.float32(np.float32((size if up else -size) * part) * noise)
        w = min(max(on_grid(np.float32(w + step)), low), high)
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
