"""Verilog of a controller: one self-contained text, top module ``crosstwin``."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from amaranth._toolchain.yosys import find_yosys
from amaranth.back import rtlil, verilog
from amaranth.hdl import Value
from amaranth.hdl._ir import PortDirection
from amaranth.lib import wiring

from crosstwin_model.config import ControllerConfig

from .controller import Controller

#: Name of the top module.
TOP = "crosstwin"


def to_verilog(config: ControllerConfig, *, flatten: bool = False) -> str:
    """Return the controller as Verilog.

    The ports are ``clk``, ``rst`` (synchronous, high), AXI4-Lite's with the prefix ``s_axi_``, and the array pins of
    docs/controller.md.

    Parameters
    ----------
    config : ControllerConfig
    flatten : bool
        Write one optimised module without hierarchy. It does the same and simulates about twice as fast under Verilator, but
        nobody would want to read it.
    """
    return component_to_verilog(Controller(config=config), flatten=flatten)


def component_to_verilog(component: wiring.Component, *, flatten: bool = False) -> str:
    """Return any component as Verilog in the same way, its members as ports of the top module."""
    with _builtin_yosys():
        if not flatten:
            return _wake_processes(
                verilog.convert(component, name=TOP, ports=_ports(component), emit_src=False, strip_internal_attrs=True)
            )
        text = rtlil.convert(component, name=TOP, ports=_ports(component), emit_src=False)
        passes = (f"hierarchy -top {TOP}", "proc", "flatten", "opt", "clean -purge", "write_verilog -noattr")
        script = "\n".join((f"read_rtlil <<rtlil\n{text}\nrtlil", *passes, ""))
        return find_yosys(lambda version: version >= (0, 40)).run(["-q", "-"], script, ignore_warnings=True)


def _wake_processes(text: str) -> str:
    """Have every ``always @*`` run once at the beginning of a simulation.

    Yosys lets each wait for a variable that its declaration sets. In SystemVerilog that happens before the processes begin to
    wait, and those that depend on constants alone stay unknown: Icarus with -g2012 does so. Setting the variable a second time,
    when all of them wait, wakes them in every simulator; synthesis and Verilator, which have no such trouble, do not see it.
    """
    wake = "\n".join(
        (
            r"\g<0>",
            "`ifndef VERILATOR",
            "  // synthesis translate_off",
            r"  initial #0 \g<1> = 1;",
            "  // synthesis translate_on",
            "`endif",
        )
    )
    return re.sub(r"^  reg (\\\$auto\$verilog_backend\S+ )\s*= 0;$", wake, text, flags=re.MULTILINE)


def _ports(component: wiring.Component) -> dict[str, tuple[Value, PortDirection]]:
    """Return the top module's ports under flat names."""
    ports = {}
    for path, member, value in component.signature.flatten(component):
        direction = PortDirection.Input if member.flow is wiring.In else PortDirection.Output
        ports["_".join(str(part) for part in path)] = (Value.cast(value), direction)
    return ports


@contextmanager
def _builtin_yosys() -> Iterator[None]:
    """Use the Yosys that comes with Amaranth, so that every machine writes the same text."""
    before = os.environ.get("AMARANTH_USE_YOSYS")
    os.environ["AMARANTH_USE_YOSYS"] = "builtin"
    try:
        yield
    finally:
        if before is None:
            del os.environ["AMARANTH_USE_YOSYS"]
        else:
            os.environ["AMARANTH_USE_YOSYS"] = before
