"""The Verilog: ports, growth, and nothing that does not belong into a synchronous design."""

from __future__ import annotations

import re

import pytest
from amaranth._toolchain.yosys import find_yosys
from amaranth.back import rtlil

from crosstwin_hdl.controller import Controller
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
    assert found_ports(to_verilog(PRESETS[name])) == expected_ports(PRESETS[name])


def test_flattened_is_one_module_with_the_same_ports():
    """For simulation: the same ports, no hierarchy."""
    text = to_verilog(PRESETS["tiny"], flatten=True)
    assert re.findall(r"^module (\w+)", text, re.M) == ["crosstwin"]
    assert found_ports(text) == expected_ports(PRESETS["tiny"])


def test_text_is_the_same_every_time():
    """Nothing of the machine or the run is in the text."""
    assert to_verilog(PRESETS["tiny"]) == to_verilog(PRESETS["tiny"])


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
