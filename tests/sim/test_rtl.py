"""What only the Verilated back end does: builds, waveforms, tapes, and watching the pins."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import crosstwin_hdl.verilog
from crosstwin_model.check import Check, checking_plant
from crosstwin_model.config import PRESETS
from crosstwin_model.observe import IDLE, Pins
from crosstwin_model.plant import Plant, PlantConfig
from crosstwin_model.registers import Opcode, TileKind, register_map
from crosstwin_sim.backend import HangError
from crosstwin_sim.rtl import BuildError, PinError, RtlBackend, RtlDevice
from crosstwin_sim.rtl.build import build
from crosstwin_sim.rtl.ports import COMMAND_LATENCY

from .wrapped import wrapped

CONFIG = PRESETS["tiny"]
MAP = register_map(CONFIG)


def new_backend(**arguments: object) -> RtlBackend:
    return RtlBackend(CONFIG, Plant(CONFIG, PlantConfig(seed=5, initial=0.3)), **arguments)


def command(backend: RtlBackend, opcode: Opcode, tile: int) -> None:
    backend.write(MAP["COMMAND"].offset, opcode | tile << 8)
    backend.wait()


def test_equals_the_golden_model_on_random_traffic() -> None:
    result = Check(CONFIG, RtlDevice(RtlBackend(CONFIG, Plant(CONFIG, checking_plant(11)))), 11).run(300)
    assert result.mismatch is None
    assert result.operations == 300
    assert min(result.compared.values()) > 300


def test_waveform_counts_clock_cycles_from_the_operation_s_first() -> None:
    backend = new_backend()
    backend.record(True)
    backend.write(MAP["SYMMETRIZE_PAIRS"].offset, 1)
    backend.write(MAP["PULSE"].offset, 2 | 3 << 16)
    command(backend, Opcode.SYMMETRIZE, TileKind.A)
    idle = Pins(tile=TileKind.A, busy=1)
    rows, columns = (1 << CONFIG.rows) - 1, (1 << CONFIG.columns) - 1
    up, down = idle._replace(row_pos=rows, column_neg=columns), idle._replace(row_neg=rows, column_pos=columns, quadrant=2)
    expected = [(1, idle), (4, up._replace(slot=1)), (5, up), (6, idle), (9, down._replace(slot=1)), (10, down), (11, idle)]
    assert backend.waveform() == [(-1, Pins(busy=1)), *expected, (14, IDLE)]
    assert backend.waveform() == []


def test_status_shows_busy_while_an_operation_is_under_way() -> None:
    backend = new_backend()
    backend.write(MAP["SYMMETRIZE_PAIRS"].offset, 100)
    backend.write(MAP["COMMAND"].offset, Opcode.SYMMETRIZE | TileKind.A << 8)
    assert backend.read(MAP["STATUS"].offset) == 1
    backend.wait()
    assert backend.read(MAP["STATUS"].offset) == 0


@pytest.mark.parametrize("opcode", [Opcode.SYMMETRIZE, Opcode.FORWARD])
def test_reset_in_the_middle_has_done_what_a_stop_there_would_have(opcode: Opcode) -> None:
    seen = set()
    for reads in range(8):
        cut, stopped = new_backend(), new_backend()
        for backend in (cut, stopped):
            backend.write(MAP["SYMMETRIZE_PAIRS"].offset, 5)
            backend.write(MAP["READ"].offset, 8 | 1 << 16)
        # The bus takes COMMAND in the first clock cycle; CHECK comes one after the register file has it.
        start = cut.clock + COMMAND_LATENCY + 2
        cut.write(MAP["COMMAND"].offset, opcode | TileKind.A << 8)
        for _ in range(reads):
            cut.read(MAP["STATUS"].offset)
        stopped.stop_in(cut.clock - start)
        cut.reset()
        command(stopped, opcode, TileKind.A)
        for name, value in stopped.plant.state().items():
            assert np.array_equal(cut.plant.state()[name], value)
        seen.add((cut.plant.digest(), int(cut.plant.state()["reads"])))
    assert len(seen) > 1


def test_replay_repeats_the_tape_and_leaves_the_array_alone() -> None:
    backend = new_backend()
    backend.start_tape()
    for opcode in (Opcode.TRANSFER, Opcode.SYMMETRIZE, Opcode.FORWARD):
        command(backend, opcode, TileKind.A)
        backend.read_block(MAP.window("Y").offset, 2)
    backend.stop_tape()
    array, clock = backend.plant.digest(), backend.clock
    backend.replay()
    assert backend.plant.digest() == array
    assert backend.clock > clock


def test_replay_notices_another_result() -> None:
    backend = new_backend()
    command(backend, Opcode.FORWARD, TileKind.C)
    backend.start_tape()
    first = backend.read(MAP.window("Y").offset)
    command(backend, Opcode.FORWARD, TileKind.A)
    backend.stop_tape()
    assert backend.read(MAP.window("Y").offset) != first  # Y outlives a reset, so the replay begins with another one
    with pytest.raises(PinError, match="the replay read other data"):
        backend.replay()


def test_waves_hold_the_pins(tmp_path: Path) -> None:
    path = tmp_path / "run.vcd"
    backend = new_backend(waves=path)
    command(backend, Opcode.SYMMETRIZE, TileKind.A)
    backend.close()
    text = path.read_text()
    assert "$enddefinitions" in text
    for pin in ("row_pos", "column_neg", "s_axi_awaddr", "adc_sample"):
        assert re.search(rf"\$var wire +\d+ \S+ {pin}\b", text)


def test_a_library_is_built_once() -> None:
    first = build(CONFIG)
    steps: list[str] = []
    assert build(CONFIG, report=steps.append) == first
    assert steps == []


def test_missing_compiler_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(BuildError, match=r"there is no C\+\+ compiler 'c\+\+' on PATH; install g\+\+"):
        build(CONFIG, folder=tmp_path / "rtl")
    assert not (tmp_path / "rtl").exists()


def test_failing_compiler_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", shutil.which("false") or "false")
    with pytest.raises(BuildError, match="failed with exit code 1"):
        build(CONFIG, folder=tmp_path / "rtl")
    assert [path for path in (tmp_path / "rtl").iterdir() if path.suffix != ".lock"] == []


def test_build_folder_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setenv("CROSSTWIN_BUILD", str(file))
    with pytest.raises(BuildError, match=rf"the build folder {re.escape(str(file))}\S* cannot be written"):
        build(CONFIG)


#: Faults that the wrapped controller below shows on its pins, by the tile that an operation names.
FAULTS = {
    1: "a line was driven \\+ and - at once",
    2: "half-selected lines changed without being idle between",
    3: "otherwise than the pin quadrant says",
    4: "without the trigger pin slot",
    5: "adc_sample was raised while a line was driven",
    7: "the bus gave no answer",
}


@pytest.fixture(scope="module")
def faulty_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a build folder whose controller misbehaves on tiles 1 to 7, and works on tile 0."""
    original = crosstwin_hdl.verilog.to_verilog

    def to_verilog(config, *, flatten: bool = False) -> str:
        changed = {
            "row_neg": "row_neg_ | (tile == 1 ? row_pos_ : 0)",
            "row_pos": "tile == 2 && slot_ ? 1 : row_pos_",
            "quadrant": "tile == 3 ? ~quadrant_ : quadrant_",
            "slot": "slot_ && tile != 4",
            "adc_sample": "adc_sample_ || (tile == 5 && row_pos_ != 0)",
            "s_axi_rvalid": "s_axi_rvalid_ && tile != 7 && !mute",
            "s_axi_rdata": "s_axi_rdata_ | hung",
        }
        hang = "reg hung = 0; always @(posedge clk) if (tile == 6) hung <= 1;\n"
        # With gain 9 one read of STATUS tells of the end, and no other read is answered.
        hang += "reg ends = 0, mute = 0; always @(posedge clk) begin if (gain == 9) ends <= 1;\n"
        hang += "if (ends && s_axi_rvalid && !s_axi_rdata[0]) mute <= 1; end\n"
        return wrapped(original(config, flatten=flatten), changed, hang)

    folder = tmp_path_factory.mktemp("faulty")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(crosstwin_hdl.verilog, "to_verilog", to_verilog)
        build(CONFIG, folder=folder)
    return folder


@pytest.mark.parametrize("tile", FAULTS)
def test_misbehaviour_on_the_pins_is_an_error_with_its_clock_cycle(faulty_library: Path, tile: int) -> None:
    backend = new_backend(folder=faulty_library)
    backend.write(MAP["PULSE"].offset, 2 | 1 << 16)
    backend.write(MAP["SYMMETRIZE_PAIRS"].offset, 500)
    backend.write(MAP.window("X").offset, 9)
    command(backend, Opcode.SYMMETRIZE, 0)
    command(backend, Opcode.FORWARD, 0)
    with pytest.raises(PinError, match=rf"clock cycle \d+: .*{FAULTS[tile]}"):
        command(backend, Opcode.FORWARD if tile == 5 else Opcode.SYMMETRIZE, tile)


def test_an_operation_that_never_ends_is_given_up(faulty_library: Path) -> None:
    """The controller shows BUSY for ever after tile 6: the wait ends at what the settings allow."""
    backend = new_backend(folder=faulty_library)
    with pytest.raises(HangError, match=r"BUSY is still high \d+ clock cycles after COMMAND; .* at most \d+"):
        command(backend, Opcode.SYMMETRIZE, 6)


def test_a_bus_that_is_dead_after_an_operation_is_given_up(faulty_library: Path) -> None:
    backend = new_backend(folder=faulty_library)
    backend.write(MAP["READ_GAIN"].offset, 9)
    with pytest.raises(PinError, match="the bus gave no answer for 1000 clock cycles"):
        command(backend, Opcode.FORWARD, TileKind.C)


def test_an_operation_longer_than_one_call_of_the_simulator_is_waited_for() -> None:
    backend = new_backend()
    backend.write(MAP["PULSE"].offset, 0x4000 | 0x4000 << 16)
    backend.write(MAP["SYMMETRIZE_PAIRS"].offset, 20)
    command(backend, Opcode.SYMMETRIZE, TileKind.A)
    assert backend.read(MAP["STATUS"].offset) == 0
    assert backend.clock > 40 * 0x8000


def test_a_stop_long_after_an_operation_is_waited_for() -> None:
    backend = new_backend()
    backend.stop_in(2_000_000)
    command(backend, Opcode.SYMMETRIZE, TileKind.A)
    assert backend.read(MAP["STATUS"].offset) & 2
    assert backend.clock > 2_000_000
