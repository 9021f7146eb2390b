"""The passes over RTLIL that the Verilog goes through: what they read and write, and that nothing gets lost."""

from crosstwin_hdl import rtlil_text
from crosstwin_hdl.verilog_names import name_modules
from crosstwin_hdl.verilog_widths import equalise, separate

DESIGN = r"""
module \top
  attribute \init 4'01x0
  wire width 4 \code
  wire width 2 \code_0
  wire input 1 \clk
  wire width 4 input 2 \d
  wire width 6 output 3 \sum
  wire output 4 \none
  cell $dff $1
    parameter \WIDTH 1
    connect \CLK \clk
    connect \D \d [3]
    connect \Q \code [3]
  end
  cell $dff $2
    parameter \WIDTH 3
    connect \CLK \clk
    connect \D \d [2:0]
    connect \Q \code [2:0]
  end
  cell $add $3
    parameter \A_SIGNED 1
    parameter \A_WIDTH 4
    parameter \B_SIGNED 1
    parameter \B_WIDTH 2
    parameter \Y_WIDTH 6
    connect \A \code
    connect \B \code_0
    connect \Y \sum
  end
  cell $logic_not $4
    parameter \A_SIGNED 0
    parameter \A_WIDTH 4
    parameter \Y_WIDTH 1
    connect \A \code
    connect \Y \none
  end
  connect \code_0 { \d [0] \d [3] }
end
"""


def test_what_is_read_is_written():
    modules = rtlil_text.read(DESIGN)
    text = rtlil_text.write(modules)
    assert rtlil_text.write(rtlil_text.read(text)) == text
    (top,) = modules
    assert top.signal(r"{ \d [0] 2'1 \code [3:2] }") == [("\\code", 2), ("\\code", 3), "1", "0", ("\\d", 0)]
    assert top.signal("-2") == ["0", *["1"] * 31]
    assert top.text(top.signal(r"{ \code 4'01x0 }")) == r"{ \code 4'01x0 }"


def test_registers_get_wires_of_their_own_and_take_no_other_s_name():
    (top,) = rtlil_text.read(DESIGN)
    separate(top, set())
    # The wire code_0 was there before: the lowest bits of code must not become it.
    assert top.wires[r"\code_0"].width == 2
    assert top.wires[r"\code_0_part"].attributes == [r"attribute \init 3'1x0"]
    assert top.wires[r"\code_3"].attributes == [r"attribute \init 1'0"]
    assert {cell.ports[r"\Q"][0] for cell in top.cells if cell.is_register} == {(r"\code_0_part", 0), (r"\code_3", 0)}


def test_operands_have_one_width_and_keep_their_sign():
    (top,) = rtlil_text.read(DESIGN)
    equalise(top)
    add, none = top.cells[2:]
    assert add.ports[r"\A"] == [*top.signal(r"\code"), (r"\code", 3), (r"\code", 3)]
    assert add.ports[r"\B"] == [*top.signal(r"\code_0"), *[(r"\code_0", 1)] * 4]
    assert (none.kind, none.ports[r"\B"]) == ("$eq", ["0"] * 4)


def test_ports_of_the_top_module_keep_their_names():
    """Where a block has the name of a port, the block gives way; in other modules the wire does."""
    inner = "module \\top.clk\n  wire input 1 \\i\nend\n"
    outer = DESIGN.replace("  connect \\code_0", "  cell \\top.clk \\clk$9\n    connect \\i \\d [0]\n  end\n  connect \\code_0")
    modules = rtlil_text.read(outer + inner)
    name_modules(modules)
    top = modules[0]
    assert {r"\clk", r"\d", r"\sum", r"\none"} <= set(top.wires)
    assert [cell.name for cell in top.cells if cell.kind == r"\top_clk"] == [r"\clk_block"]
