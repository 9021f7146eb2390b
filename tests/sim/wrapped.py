"""A controller with a defect: its Verilog inside a module that changes some of its ports."""

from __future__ import annotations

import re

from crosstwin_hdl.verilog import TOP


def wrapped(verilog: str, changed: dict[str, str], extra: str = "") -> str:
    """Return a controller's Verilog with other outputs.

    Parameters
    ----------
    verilog : str
        The controller.
    changed : dict of str to str
        Ports, and the expression that each then has; ``NAME_`` is what the controller itself gives.
    extra : str
        Verilog of what the expressions need besides ports.
    """
    names = re.search(rf"module {TOP}\((.*?)\);", verilog, re.DOTALL)
    assert names is not None
    ports = [name.strip() for name in names[1].split(",")]
    declarations = re.findall(r"^  ((?:input|output) (?:\[\d+:0\] )?\w+;)", verilog, re.MULTILINE)
    joined = ", ".join(f".{port}({port}{'_' if port in changed else ''})" for port in ports)
    wires = "".join(f"wire [31:0] {name}_; assign {name} = {value};\n" for name, value in changed.items())
    body = "\n".join([*declarations, extra, wires, f"inner inner({joined});"])
    return verilog.replace(f"module {TOP}(", "module inner(") + f"module {TOP}({', '.join(ports)});\n{body}\nendmodule\n"


def hanging(verilog: str) -> str:
    """Return a controller whose STATUS shows BUSY for ever from its first operation on."""
    return wrapped(verilog, {"s_axi_rdata": "s_axi_rdata_ | hung"}, "reg hung = 0; always @(posedge clk) if (busy) hung <= 1;\n")
