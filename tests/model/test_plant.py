"""The plant's converters, checkpoints and guards."""

import copy
import hashlib
import pickle
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosstwin_model.coincidence import pack
from crosstwin_model.config import ConfigurationError, ControllerConfig
from crosstwin_model.devices import DEVICES
from crosstwin_model.devices.soft_bounds import SoftBounds
from crosstwin_model.line_resistance import LineResistance
from crosstwin_model.plant import Plant, PlantConfig
from crosstwin_model.plant_config import load_plant

CONTROLLER = ControllerConfig("test", rows=12, columns=200, pairs=2)
WIDE = SoftBounds("wide", 0.01, w_max=4.0, w_min=-4.0)


def _plant(**fields: object) -> Plant:
    return Plant(CONTROLLER, PlantConfig(**{"device": WIDE, "adc_noise": 0.0, **fields}))  # type: ignore[arg-type]


def _charge(**lines: int) -> np.ndarray:
    """Charges of the rows, given as r3=63."""
    charge = np.zeros(CONTROLLER.rows, np.int32)
    for line, value in lines.items():
        charge[int(line[1:])] = value
    return charge


def _filled(value: float) -> np.ndarray:
    return np.full((CONTROLLER.rows, CONTROLLER.columns), value)


def test_full_scale_gives_the_largest_code() -> None:
    plant = _plant(adc_range=3.0)
    plant.set_conductance(0, _filled(3.0))
    assert set(plant.read(0, True, True, _charge(r2=63), 0, 200).tolist()) == {CONTROLLER.adc_max}
    assert set(plant.read(0, True, True, _charge(r2=-21), 0, 200).tolist()) == {-CONTROLLER.adc_max // 3}


@pytest.mark.parametrize("sign", [1, -1])
def test_larger_sums_are_clipped(sign: int) -> None:
    plant = _plant(adc_range=3.0)
    plant.set_conductance(0, _filled(3.0))
    assert set(plant.read(0, True, True, _charge(r2=sign * 63, r3=sign * 1), 0, 200).tolist()) == {sign * CONTROLLER.adc_max}


def test_codes_are_rounded_half_to_even() -> None:
    plant = _plant(adc_range=255.0, input_full_scale=2)
    plant.set_conductance(0, _filled(1.0))
    codes = [int(plant.read(0, True, True, _charge(r0=charge), 0, 1)[0]) for charge in (1, 3, 5, -1, -3, 4)]
    assert codes == [0, 2, 2, 0, -2, 2]


def test_gain_is_a_power_of_two() -> None:
    plant = _plant(adc_range=255.0, input_full_scale=1)
    plant.set_conductance(1, _filled(0.5))
    assert [int(plant.read(1, True, True, _charge(r0=3), gain, 1)[0]) for gain in range(5)] == [2, 3, 6, 12, 24]


def test_the_reference_is_subtracted_in_differential_reads_only() -> None:
    plant = _plant(adc_range=255.0, input_full_scale=1)
    plant.set_conductance(4, _filled(2.0))
    plant.set_conductance(6, _filled(0.5))
    assert plant.read(4, True, True, _charge(r0=10), 0, 3).tolist() == [15] * 3
    assert plant.read(4, False, True, _charge(r0=10), 0, 3).tolist() == [20] * 3
    assert plant.read(6, False, True, _charge(r0=10), 0, 3).tolist() == [5] * 3
    assert (plant.weights(4) == 1.5).all()


def test_forward_and_backward_read_the_same_cells() -> None:
    plant = _plant(adc_range=255.0, input_full_scale=1)
    values = np.zeros((CONTROLLER.rows, CONTROLLER.columns))
    values[5, 150] = 1.0
    plant.set_conductance(0, values)
    forward = plant.read(0, True, True, _charge(r5=7), 0, 200)
    charge = np.zeros(200, np.int32)
    charge[150] = 9
    backward = plant.read(0, True, False, charge, 0, 12)
    assert (np.flatnonzero(forward).tolist(), forward[150]) == ([150], 7)
    assert (np.flatnonzero(backward).tolist(), backward[5]) == ([5], 9)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_the_order_of_lines_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values, charge = rng.normal(0, 1, (12, 200)), rng.integers(-65535, 65536, 12).astype(np.int32)
    order = rng.permutation(12)
    plain, permuted = _plant(adc_range=1000.0), _plant(adc_range=1000.0)
    plain.set_conductance(0, values)
    permuted.set_conductance(0, values[order])
    assert (plain.read(0, True, True, charge, 0, 200) == permuted.read(0, True, True, charge[order], 0, 200)).all()


def test_converter_noise_is_added_after_the_gain() -> None:
    plant = Plant(ControllerConfig("test", rows=2, columns=2000, adc_bits=16), PlantConfig(adc_noise=0.06))
    for gain in (0, 4):
        codes = np.concatenate([plant.read(0, True, True, np.zeros(2, np.int32), gain, 2000) for _ in range(10)]).astype(
            np.float64
        )
        sigma = 0.06 * 32767 / 12
        assert abs(codes.mean()) < 4 * sigma / np.sqrt(codes.size)
        assert codes.std() == pytest.approx(sigma, rel=4 / np.sqrt(2 * codes.size))


def test_read_noise_is_fresh_at_every_read_line_and_tile() -> None:
    plant = Plant(ControllerConfig("test", rows=2, columns=2000, adc_bits=16), PlantConfig())
    quiet = np.zeros(2, np.int32)
    first, second = (plant.read(0, True, True, quiet, 0, 2000).astype(np.float64) for _ in range(2))
    other = plant.read(1, True, True, quiet, 0, 2000)
    for pair in ((first, second), (second, other), (first[1:], first[:-1])):
        assert abs(np.corrcoef(*pair)[0, 1]) < 4 / np.sqrt(1999)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda plant: pickle.loads(pickle.dumps(plant))])
def test_a_copy_is_a_plant_of_its_own(duplicate: Callable[[Plant], Plant]) -> None:
    plant = Plant(CONTROLLER, PlantConfig(device=DEVICES["pcm"], seed=3, initial=0.1), threads=2)
    words = np.full((200, 1), 0xFF, np.uint64)
    plant.pulse(0, True, words[:12], words)
    plant.read(0, True, True, _charge(r0=20), 0, 200)
    copied = duplicate(plant)
    assert copied.digest() == plant.digest() and copied.reads.number == plant.reads.number == 1
    before = plant.digest()
    copied.pulse(0, False, words[:12], words)
    assert plant.digest() == before != copied.digest()
    plant.pulse(0, False, words[:12], words)
    assert copied.digest() == plant.digest()
    assert (copied.read(0, True, True, _charge(r0=20), 0, 200) == plant.read(0, True, True, _charge(r0=20), 0, 200)).all()


def test_reads_are_counted_modulo_2_to_32() -> None:
    plant = _plant()
    plant.reads.number = 2**32 - 1
    plant.read(0, True, True, _charge(), 0, 200)
    assert plant.reads.number == 0
    with pytest.raises(ValueError, match=r"charge\[0\] is 65536"):
        plant.read(0, True, True, _charge(r0=65536), 0, 200)
    assert plant.reads.number == 0


def test_input_noise_is_common_to_all_sensed_lines_and_absent_on_idle_ones() -> None:
    plant = _plant(dac_noise=2.0, adc_range=100.0, input_full_scale=1)
    plant.set_conductance(0, _filled(1.0))
    assert not plant.read(0, True, True, _charge(), 8, 200).any()
    reads = np.array([plant.read(0, True, True, _charge(r0=20, r7=-20), 2, 200) for _ in range(3000)])
    assert (reads == reads[:, :1]).all()
    cycles = reads[:, 0] / (4 * CONTROLLER.adc_max / 100.0)
    assert cycles.std() == pytest.approx(2.0 * np.sqrt(2), rel=4 / np.sqrt(6000))


def test_delays() -> None:
    plant = _plant(adc_latency=7, adc_interval=2)
    plant.read(0, True, True, _charge(), 0, 1)
    assert plant.delays(4).tolist() == [7, 2, 2, 2]
    stalling = _plant(adc_latency=1, adc_stall=3)
    found = []
    for _ in range(100):
        stalling.read(0, True, True, _charge(), 0, 1)
        found.append(stalling.delays(8).tolist())
        assert found[-1] == stalling.delays(8).tolist()
        assert found[-1][:3] == stalling.delays(3).tolist()
    assert np.bincount(np.ravel(found)).tolist()[:1] == [0]
    assert np.bincount(np.ravel(found), minlength=5)[1:] == pytest.approx(np.full(4, 200), abs=4 * np.sqrt(200))


def test_initial_conductances() -> None:
    plant = _plant(initial=0.5)
    for tile in (0, 1, 4, 5):
        w = plant.conductance(tile)
        assert np.abs(w).max() <= 0.5
        assert w.std() == pytest.approx(0.5 / np.sqrt(3), rel=0.05)
    assert not any(plant.conductance(tile).any() for tile in (2, 3, 6, 7))
    assert not _plant().conductance(0).any()


def test_conductances_are_set_within_the_bounds_of_each_cell() -> None:
    plant = Plant(CONTROLLER, PlantConfig())
    low, high = plant.bounds(3)
    for value, bound in ((10.0, high), (-10.0, low)):
        plant.set_conductance(3, _filled(value))
        assert (plant.conductance(3) == bound).all()


def test_results_are_copies() -> None:
    plant = _plant()
    digest = plant.digest()
    plant.conductance(0)[:] = 1
    plant.state()["conductance"][:] = 1
    plant.bounds(0)[1][:] = 0
    assert plant.digest() == digest


def test_the_digest_is_of_float32_in_a_fixed_order() -> None:
    plant = _plant(initial=0.5)
    data = b"".join(plant.conductance(tile).astype("<f4").tobytes() for tile in range(8))
    assert plant.digest() == hashlib.sha256(data).hexdigest()


def _use(plant: Plant, rng: np.random.Generator) -> list[int]:
    codes: list[int] = []
    for tile in range(8):
        plant.pulse(tile, bool(rng.random() < 0.5), pack(rng.random((12, 31)) < 0.5), pack(rng.random((200, 31)) < 0.5))
        codes += plant.read(tile & ~2, True, True, rng.integers(-63, 64, 12).astype(np.int32), 2, 200).tolist()
        codes += plant.delays(5).tolist()
    return codes


def test_a_restored_plant_goes_on_with_the_same_bits() -> None:
    config = PlantConfig(device=DEVICES["s3"], dac_noise=1.0, adc_stall=4, initial=0.2)
    straight = Plant(CONTROLLER, config)
    _use(straight, np.random.default_rng(1))
    state = straight.state()
    codes = _use(straight, np.random.default_rng(2))
    resumed = Plant(CONTROLLER, config)
    resumed.restore(state)
    assert _use(resumed, np.random.default_rng(2)) == codes
    assert resumed.digest() == straight.digest()


def test_a_run_depends_on_its_seed() -> None:
    digests = set()
    for seed in (0, 1, 2**32 - 1):
        plant = Plant(CONTROLLER, PlantConfig(seed=seed))
        _use(plant, np.random.default_rng(1))
        digests.add(plant.digest())
    assert len(digests) == 3


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"conductance": None}, "the state lacks 'conductance'"),
        ({"pulses": np.zeros(3, np.uint32)}, r"the state's pulses is uint32\[3\]; allowed in this plant is uint32\[8, 12, 200\]"),
        ({"conductance": [1.0]}, r"the state's conductance is float64\[1\]; allowed in this plant is float32\[8, 12, 200\]"),
        ({"reads": np.array(1.0)}, r"the state's reads is float64\[\]; allowed in this plant is uint32\[\]"),
    ],
)
def test_sentences_about_checkpoints(change: dict, sentence: str) -> None:
    plant = _plant(initial=0.1)
    state = {key: value for key, value in {**_plant().state(), **change}.items() if value is not None}
    before = plant.digest()
    with pytest.raises(ValueError, match=sentence):
        plant.restore(state)
    assert plant.digest() == before


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"device": "s1"}, "device is 's1'; allowed are devices"),
        ({"seed": -1}, "seed is -1; allowed are whole numbers from 0 to 4294967295"),
        ({"adc_latency": 0}, "adc_latency is 0; allowed are whole numbers from 1 to 65535"),
        ({"adc_interval": 1.5}, "adc_interval is 1.5; allowed are whole numbers"),
        ({"adc_stall": True}, "adc_stall is True; allowed are whole numbers"),
        ({"input_full_scale": 0}, "input_full_scale is 0; allowed are whole numbers from 1"),
        ({"adc_range": 0.0}, "adc_range is 0.0; allowed are numbers from 1e-06 to 1e"),
        ({"adc_noise": float("nan")}, "adc_noise is nan; allowed are numbers from 0"),
        ({"dac_noise": -0.1}, "dac_noise is -0.1; allowed are numbers from 0"),
        ({"initial": 9.0}, "initial is 9.0; allowed are numbers from 0 to 8"),
    ],
)
def test_sentences_about_configurations(fields: dict, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        PlantConfig(**fields)


ROWS, COLUMNS = np.zeros((12, 1), np.uint64), np.zeros((200, 1), np.uint64)


def _update(plant: Plant, **arrays: np.ndarray) -> None:
    signs = {"x_signs": np.ones(12, np.int8), "d_signs": np.ones(200, np.int8)}
    words = {"row_words": np.ones((1, 12, 1), np.uint64), "column_words": np.ones((1, 200, 1), np.uint64)}
    plant.update(0, **{**signs, **words, **arrays})


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda p: p.pulse(8, True, ROWS, COLUMNS), "tile is 8; allowed are whole numbers from 0 to 7"),
        (lambda p: p.pulse(0, True, ROWS[:5], COLUMNS), r"row_words has the shape \(5, 1\); allowed is \(12, 1\)"),
        (
            lambda p: p.pulse(0, True, ROWS, np.zeros((200, 2), np.uint64)),
            r"column_words has the shape \(200, 2\); allowed is \(200, 1\)",
        ),
        (lambda p: p.pulse(0, True, ROWS.astype(np.int64) - 1, COLUMNS), r"row_words\[0, 0\] is -1; allowed are whole numbers"),
        (lambda p: _update(p, x_signs=np.ones(3, np.int8)), r"x_signs has the shape \(3,\); allowed is \(12,\)"),
        (lambda p: _update(p, d_signs=np.full(200, 2, np.int8)), r"d_signs\[0\] is 2; allowed are whole numbers from -1 to 1"),
        (
            lambda p: _update(p, row_words=np.ones((3, 12, 1), np.uint64)),
            r"row_words has the shape \(3, 12, 1\); allowed are \(1, 12, words\)",
        ),
        (
            lambda p: _update(p, row_words=np.ones((2, 12, 1), np.uint64)),
            r"column_words has the shape \(1, 200, 1\); allowed is \(2,",
        ),
        (
            lambda p: _update(p, column_words=np.ones((1, 9, 1), np.uint64)),
            r"column_words has the shape \(1, 9, 1\); allowed is \(1,",
        ),
        (
            lambda p: p.pulse_slots(0, [True], np.ones((2, 1), np.uint64), np.ones((1, 4), np.uint64)),
            r"row_masks has the shape \(2, 1\); allowed is \(1, 1\)",
        ),
        (
            lambda p: p.pulse_slots(0, [True], np.full((1, 1), 1 << 12, np.uint64), np.ones((1, 4), np.uint64)),
            "row_masks fires a line that does not exist; allowed are lines below 12",
        ),
        (lambda p: p.read(2, True, True, _charge(), 0, 1), "tile 2 is a reference; allowed in a differential read are"),
        (lambda p: p.read(0, True, False, _charge(), 0, 1), r"charge has the shape \(12,\); allowed is \(200,\)"),
        (
            lambda p: p.read(0, True, True, _charge(r1=-65536), 0, 1),
            r"charge\[1\] is -65536; allowed are whole numbers from -65535 to 65535",
        ),
        (lambda p: p.read(0, True, True, _charge(), 0, 201), "count is 201; allowed are whole numbers from 1 to 200"),
        (lambda p: p.read(0, True, True, _charge(), 16, 1), "gain is 16; allowed are whole numbers from 0 to 15"),
        (lambda p: p.weights(3), "tile 3 is a reference"),
        (lambda p: p.set_conductance(0, np.zeros((2, 2))), r"values has the shape \(2, 2\); allowed is \(12, 200\)"),
        (lambda p: p.set_conductance(0, _filled(np.nan)), r"values\[0, 0\] is nan; allowed are finite numbers"),
    ],
)
def test_sentences_about_calls(call, sentence: str) -> None:
    plant = _plant(initial=0.3)
    before = plant.digest()
    with pytest.raises(ValueError, match=sentence):
        call(plant)
    assert plant.digest() == before


def test_arrays_in_any_memory_layout_are_taken() -> None:
    rng = np.random.default_rng(6)
    row_words, column_words = pack(rng.random((12, 100)) < 0.5), pack(rng.random((200, 100)) < 0.5)
    plain, strange = _plant(), _plant()
    plain.pulse(0, True, row_words, column_words)
    frozen = column_words.copy()
    frozen.flags.writeable = False
    strange.pulse(0, True, np.asfortranarray(row_words), frozen)
    assert plain.digest() == strange.digest()


def test_an_array_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "array.toml"
    path.write_text("[plant]\nadc_noise = 0.0\nhalf_select = 0.1\n[plant.lines]\nrow_ohms = 2.0\n")
    assert load_plant(path) == PlantConfig(adc_noise=0.0, half_select=0.1, lines=LineResistance(row_ohms=2.0))
    path.write_text("[plant]\n")
    assert load_plant(path) == PlantConfig()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[plant]\nadc_nose = 1", r"\[plant\] has the key 'adc_nose'; allowed are adc_gain_error, .*half_select, .*"),
        ("[plant]\nseed = 1", r"\[plant\] has the key 'seed'; allowed are"),
        ("[plant]\nlines = 3", r"lines is 3; allowed is a table \[plant.lines\]"),
        ("[plant.lines]\nohms = 3", r"\[plant.lines\] has the key 'ohms'; allowed are both_ends, .*"),
        ("[plant.lines]\nsiemens_at_zero = 1e-9", "a cell of weight -0.6 conducts .* allowed are weights above"),
        ("[plant]\nhalf_select = 1.5", "half_select is 1.5; allowed are numbers from 0 to 1"),
        ("[plant]\nadc_gain_error = nan", "adc_gain_error is nan; allowed are numbers from 0 to 0.25"),
    ],
)
def test_sentences_about_array_files(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "array.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=f"^{re.escape(str(path))}: {sentence}"):
        load_plant(path)


def test_converter_errors_are_fixed_per_line_and_side() -> None:
    plant = _plant(adc_range=100.0, input_full_scale=1, adc_gain_error=0.1, adc_offset=2.0)
    plant.set_conductance(0, _filled(1.0))
    zero, ten = (plant.read(0, True, True, _charge(r0=charge), 0, 200).astype(float) for charge in (0, 20))
    assert (plant.read(0, True, True, _charge(r0=20), 0, 200) == ten).all()
    code = CONTROLLER.adc_max / 100.0
    assert zero.std() == pytest.approx(2.0 * code, rel=4 / np.sqrt(400))
    assert abs(zero.mean()) < 4 * 2.0 * code / np.sqrt(200)
    gains = (ten - zero) / (20 * code)
    assert gains.std() == pytest.approx(0.1, rel=0.25) and gains.mean() == pytest.approx(1.0, abs=4 * 0.1 / np.sqrt(200))


def test_errors_of_the_drivers_reach_all_sensed_lines_and_only_from_driven_ones() -> None:
    plant = _plant(adc_range=100.0, input_full_scale=1, dac_gain_error=0.1, dac_offset=3.0)
    plant.set_conductance(0, _filled(1.0))
    assert not plant.read(0, True, True, _charge(), 4, 200).any()
    found = []
    for line in range(12):
        codes = [plant.read(0, True, True, _charge(**{f"r{line}": charge}), 0, 200) for charge in (10, 20)]
        assert (codes[0] == codes[0][0]).all()
        found.append([float(each[0]) / (CONTROLLER.adc_max / 100.0) for each in codes])
    low, high = np.array(found).T
    assert np.std((high - low) / 10) == pytest.approx(0.1, rel=0.9)
    assert np.std(2 * low - high) == pytest.approx(3.0, rel=0.9)
