"""Traces: what is recorded replays to the same bits, and what is whole of a trace that was cut off is still read."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from crosstwin_model.config import PRESETS
from crosstwin_model.devices import DEVICES
from crosstwin_model.line_resistance import LineResistance
from crosstwin_model.plant import Plant, PlantConfig
from crosstwin_model.registers import TileKind
from crosstwin_sim.crossbar import Crossbar, PulseSettings, ReadSettings
from crosstwin_sim.direct import DirectCrossbar
from crosstwin_sim.errors import CrosstwinError
from crosstwin_sim.model_backend import ModelBackend
from crosstwin_sim.rtl import RtlBackend
from crosstwin_sim.trace import Recorder, Trace, initial_plant, replay
from crosstwin_sim.trace import recorder as recorder_module
from crosstwin_sim.trace import writer as writer_module
from crosstwin_sim.trace.format import PULSING, Kind, decode_controller, decode_plant, encode
from crosstwin_sim.trace.recover import lookup3

CONFIG = PRESETS["tiny"]
STEPS = 30


def new_plant(seed: int = 5) -> Plant:
    return Plant(CONFIG, PlantConfig(seed=seed, initial=0.3, adc_range=1.0))


def train(backend: ModelBackend | RtlBackend, steps: int = STEPS, flush: Callable[[], None] | None = None) -> None:
    """Do everything that a host does to a crossbar."""
    layer = Crossbar(backend, pulses=PulseSettings(step=0.02), reads=ReadSettings(transfer_gain=2))
    rng = np.random.default_rng(3)
    layer.program(rng.uniform(-0.2, 0.2, (CONFIG.rows, CONFIG.columns)))
    layer.symmetrize(3)
    layer.set_transfer(2, rate=0.5)
    for _ in range(steps):
        x, d = rng.standard_normal(CONFIG.rows), rng.standard_normal(CONFIG.columns)
        layer.forward(x)
        layer.backward(d)
        layer.update(x, d, rate=0.1, kind=TileKind.A)
        if flush is not None:
            flush()


def record(path: Path, backend: type = ModelBackend, steps: int = STEPS, parts: bool = False) -> Plant:
    """Record a run, with one part a step or in one part, and return its plant."""
    plant = new_plant()
    with Recorder(path, plant) as recorder:
        made = backend(CONFIG, recorder.plant)
        train(recorder.watch(made), steps, recorder.flush if parts else None)
        made.close()
    return plant


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trace in many parts."""
    path = tmp_path_factory.mktemp("trace") / "run.h5"
    record(path, parts=True)
    return path


def whole_operations(trace: Trace) -> np.ndarray:
    return np.concatenate([part.operations for part in trace.parts()])


def pulses(path: Path) -> list[tuple[int, bool, bytes, bytes]]:
    """Return every slot of a trace: tile, direction and the lines that fire."""
    found = []
    with Trace(path) as trace:
        for part in trace.parts():
            for operation in part.operations:
                if operation["kind"] in PULSING:
                    slots = part.slots(operation)
                    for up, rows, columns in zip(slots.up, slots.rows, slots.columns, strict=True):
                        found.append((int(operation["tile"]), bool(up), rows.tobytes(), columns.tobytes()))
    return found


def test_model_and_rtl_leave_traces_of_the_same_pulses_that_replay_to_the_same_conductances(tmp_path: Path) -> None:
    plain = new_plant()
    train(ModelBackend(CONFIG, plain))
    paths = {backend: tmp_path / f"{backend.__name__}.h5" for backend in (ModelBackend, RtlBackend)}
    for backend, path in paths.items():
        assert record(path, backend).digest() == plain.digest()
        with Trace(path) as trace:
            plant = initial_plant(trace)
            assert plant.digest() == new_plant().digest()
            result = replay(trace, plant)
        assert result.difference is None
        assert result.digests == 1 and result.codes > 100
        assert result.conductance_sha256 == plain.digest()
    assert pulses(paths[ModelBackend]) == pulses(paths[RtlBackend])


def test_commands_are_recorded_with_their_pulses_width_and_gap(tmp_path: Path) -> None:
    plant = new_plant()
    with Recorder(tmp_path / "a.h5", plant) as recorder:
        backend = recorder.watch(ModelBackend(CONFIG, recorder.plant))
        layer = Crossbar(backend, pulses=PulseSettings(step=0.02))
        layer.symmetrize(1)
        layer.driver.set("PULSE", 7 | 3 << 16)
        layer.symmetrize(1)
    with Trace(tmp_path / "a.h5") as trace:
        commands = [record for record in whole_operations(trace) if record["kind"] == Kind.COMMAND]
    assert [(int(command["width"]), int(command["gap"])) for command in commands] == [(1, 1), (7, 3)]


def test_what_the_host_does_to_the_plant_itself_is_replayed(tmp_path: Path) -> None:
    plant = new_plant()
    with Recorder(tmp_path / "a.h5", plant) as recorder:
        recorder.plant.set_conductance(1, np.full((CONFIG.rows, CONFIG.columns), 0.25))
        kept = recorder.plant.state()
        train(ModelBackend(CONFIG, recorder.plant), 3)
        recorder.plant.restore(kept)
        recorder.plant.pulse(0, True, np.ones((CONFIG.rows, 1), np.uint64), np.ones((CONFIG.columns, 1), np.uint64))
    with Trace(tmp_path / "a.h5") as trace:
        again = initial_plant(trace)
        assert replay(trace, again).difference is None
    for key, value in plant.state().items():
        np.testing.assert_array_equal(again.state()[key], value)


@pytest.mark.parametrize("name", ["reram_es", "capacitor", "pcm"])
def test_updates_at_once_the_passing_of_time_and_half_selects_are_replayed(name: str, tmp_path: Path) -> None:
    plant = Plant(CONFIG, PlantConfig(device=DEVICES[name], seed=4, initial=0.2, half_select=0.0))
    rng = np.random.default_rng(2)
    rows, columns = CONFIG.rows, CONFIG.columns
    with Recorder(tmp_path / "a.h5", plant) as recorder:
        for sides in (1, 2, 1, 2):
            signs = [rng.integers(-1, 2, lines).astype(np.int8) for lines in (rows, columns)]
            words = [rng.integers(0, 1 << 20, (sides, lines, 1)).astype(np.uint64) for lines in (rows, columns)]
            recorder.plant.update(1, *signs, *words)
            recorder.plant.elapse(0, 7)
    with Trace(tmp_path / "a.h5") as trace:
        again = initial_plant(trace)
        assert replay(trace, again).difference is None
    for key, value in plant.state().items():
        np.testing.assert_array_equal(again.state()[key], value)
    assert plant.half_selects(1).sum() > 0


def test_every_method_of_a_plant_is_recorded_or_changes_nothing() -> None:
    methods = {name for name in dir(Plant) if not name.startswith("_")} | {"controller", "config"}
    recorded = {name for name in vars(recorder_module._RecordedPlant) if not name.startswith("_")}
    assert recorded | recorder_module.OBSERVERS | recorder_module.CALLS | recorder_module.CELLS == methods


def test_a_direct_crossbar_is_not_recorded(tmp_path: Path) -> None:
    with Recorder(tmp_path / "a.h5", new_plant()) as recorder, pytest.raises(ValueError, match="does not give its cells"):
        DirectCrossbar(recorder.plant, pulses=PulseSettings(0.001))


def test_until_stops_a_replay(recorded: Path) -> None:
    with Trace(recorded) as trace:
        assert replay(trace, initial_plant(trace), until=10).operations == 10
        assert replay(trace, initial_plant(trace), until=0).operations == 0


def test_a_replay_that_differs_says_where(tmp_path: Path) -> None:
    plant = new_plant()
    charges = np.full(CONFIG.rows, 63, np.int32)
    with Recorder(tmp_path / "a.h5", plant) as recorder:
        recorder.plant.read(0, False, True, charges, 0, CONFIG.columns)
        plant.set_conductance(0, np.full((CONFIG.rows, CONFIG.columns), 0.5))  # behind the recorder's back
        recorder.plant.read(0, False, True, charges, 0, CONFIG.columns)
    with Trace(tmp_path / "a.h5") as trace:
        difference = replay(trace, initial_plant(trace)).difference
    assert difference is not None
    assert difference.startswith("operation 1, READ of tile 0: the ADC code of column 0 is ")


def test_a_digest_that_differs_is_found(tmp_path: Path) -> None:
    plant = new_plant()
    with Recorder(tmp_path / "a.h5", plant):
        plant.set_conductance(0, np.full((CONFIG.rows, CONFIG.columns), 0.5))
    with Trace(tmp_path / "a.h5") as trace:
        difference = replay(trace, initial_plant(trace)).difference
    assert difference is not None
    assert difference.startswith("operation 0, DIGEST: all conductances have the SHA-256 ")


def test_a_killed_recording_is_read_up_to_its_last_whole_part(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    program = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import test_trace as t
from crosstwin_sim.trace import writer
writer.PART_SECONDS = 0.0
plant = t.new_plant()
recorder = t.Recorder({str(path)!r}, plant)
while True:
    t.train(t.ModelBackend(t.CONFIG, recorder.plant), 5)
    print(flush=True)
"""
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for _ in range(5):
        assert process.stdout.readline() == "\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    with pytest.raises(OSError):
        h5py.File(path, "r")
    before = path.read_bytes()
    with Trace(path) as trace:
        result = replay(trace, initial_plant(trace))
        assert trace.cut is not None and "its recording was not ended" in trace.cut
        assert f"its first {result.operations} operations are whole" in trace.cut
    assert result.difference is None
    assert result.operations > 100 and result.reads > 10
    assert path.read_bytes() == before


@pytest.mark.parametrize("fraction", [0.4, 0.5, 0.7, 0.9, 0.99])
def test_a_truncated_trace_is_read_up_to_its_last_whole_part(fraction: float, recorded: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.h5"
    content = recorded.read_bytes()
    path.write_bytes(content[: int(fraction * len(content))])
    with Trace(recorded) as trace:
        everything = whole_operations(trace)
        assert trace.cut is None
    with Trace(path) as trace:
        found = whole_operations(trace)
        result = replay(trace, initial_plant(trace))
        assert trace.cut is not None and f"of {len(content)} bytes are there" in trace.cut
    assert 0 < len(found) < len(everything)
    np.testing.assert_array_equal(found, everything[: len(found)])
    assert result.operations == len(found) and result.difference is None


def test_no_truncation_is_anything_but_read_or_refused(recorded: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.h5"
    content = recorded.read_bytes()
    for size in np.linspace(1, len(content) - 1, 40).astype(int):
        path.write_bytes(content[:size])
        try:
            with Trace(path) as trace:
                found = sum(len(part.operations) for part in trace.parts())
                assert trace.cut is not None and f"first {found} operations" in trace.cut
        except CrosstwinError as error:
            assert "cut off before its first whole part" in str(error) or "is not a trace" in str(error)


def test_a_damaged_part_ends_the_trace_before_it(recorded: Path, tmp_path: Path) -> None:
    path = tmp_path / "damaged.h5"
    shutil.copyfile(recorded, path)
    with h5py.File(path) as file:
        place = file["codes"].id.get_chunk_info(0)
    with open(path, "r+b") as file:
        file.seek(place.byte_offset + place.size - 5)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))
    with Trace(path) as trace:
        assert sum(len(part.operations) for part in trace.parts()) == 0
        assert trace.cut is not None and "a part of it is damaged" in trace.cut


def test_a_recording_goes_on_with_the_trace_that_is_there(recorded: Path, tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    content = recorded.read_bytes()
    path.write_bytes(content[: len(content) * 3 // 4])
    plant = new_plant()
    plant.set_conductance(0, np.full((CONFIG.rows, CONFIG.columns), 0.1))
    with Recorder(path, plant, append=True) as recorder:
        train(ModelBackend(CONFIG, recorder.plant), 3)
    with Trace(path) as trace, Trace(recorded) as old:
        found, before = whole_operations(trace), whole_operations(old)
        restored = int(np.flatnonzero(found["kind"] == Kind.RESTORE)[0])
        np.testing.assert_array_equal(found[:restored], before[:restored])
        assert trace.cut is None and restored > 100
        again = initial_plant(trace)
        assert replay(trace, again).difference is None
    assert again.digest() == plant.digest()
    assert os.listdir(tmp_path) == ["run.h5"]


def test_a_trace_of_another_configuration_is_not_gone_on_with(recorded: Path, tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    shutil.copyfile(recorded, path)
    with pytest.raises(CrosstwinError, match=r"run\.h5 is of another configuration: plant\.seed is 5, not 6\Z"):
        Recorder(path, new_plant(6), append=True)
    assert path.read_bytes() == recorded.read_bytes()
    with pytest.raises(CrosstwinError, match="there is no trace"):
        Recorder(tmp_path / "none.h5", new_plant(), append=True)


def test_a_trace_can_be_read_while_it_grows(tmp_path: Path) -> None:
    with Recorder(tmp_path / "run.h5", new_plant()) as recorder:
        train(ModelBackend(CONFIG, recorder.plant), 2)
        recorder.flush()
        with Trace(tmp_path / "run.h5") as trace:
            assert replay(trace, initial_plant(trace)).reads > 0


def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    program = f"""
import resource, signal, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import test_trace as t
t.train(t.ModelBackend(t.CONFIG, t.new_plant()), 1)  # compiles the kernels, whose files would be too large
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
recorder = t.Recorder({str(tmp_path / "run.h5")!r}, t.new_plant())
try:
    while True:
        t.train(t.ModelBackend(t.CONFIG, recorder.plant), 5, recorder.flush)
except t.CrosstwinError as error:
    print(error, flush=True)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout == f"the trace {tmp_path / 'run.h5'} cannot be written: File too large\n"
    assert (done.returncode, done.stderr) == (0, "")
    with Trace(tmp_path / "run.h5") as trace:
        result = replay(trace, initial_plant(trace))
        assert trace.cut is not None
    assert result.difference is None and result.reads > 0


@pytest.mark.parametrize("device", DEVICES.values(), ids=lambda device: device.name)
def test_configurations_survive(device) -> None:
    plant = PlantConfig(device=device, seed=9, adc_noise=0.1, half_select=0.1, lines=LineResistance(row_ohms=1.0))
    assert decode_plant(encode(plant)) == plant
    assert decode_controller(encode(CONFIG)) == CONFIG


def test_a_stored_configuration_may_hold_keys_without_an_effect() -> None:
    """As earlier versions wrote them, which did not refuse them."""
    plant = PlantConfig(device=DEVICES["pcm"], lines=LineResistance(pulse_exponent=0, siemens_at_zero=9e-6))
    stored = encode(plant).replace('"gamma_down": 1.0', '"gamma_down": 2.5').replace('"firing": 0.1', '"firing": 0.5')
    assert stored != encode(plant) and decode_plant(stored) == plant


def test_the_checksum_is_the_published_one() -> None:
    # The check value that its author prints in lookup3.c.
    assert lookup3(b"Four score and seven years ago") == 0x17770551


def test_a_part_is_written_when_it_is_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "PART_BYTES", 2000)
    record(tmp_path / "run.h5", steps=5)
    with Trace(tmp_path / "run.h5") as trace:
        assert len(list(trace.parts())) > 5
        assert replay(trace, initial_plant(trace)).difference is None
