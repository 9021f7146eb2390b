"""Verilog of a controller: one self-contained text, top module ``crosstwin``."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from amaranth._toolchain.yosys import find_yosys
from amaranth.back import rtlil
from amaranth.hdl import Value
from amaranth.hdl._ir import PortDirection
from amaranth.lib import wiring

from crosstwin_model.config import ControllerConfig

from . import rtlil_text
from .controller import Controller
from .verilog_names import name_modules, name_reads
from .verilog_widths import equalise, separate

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
    text = rtlil.convert(component, name=TOP, ports=_ports(component), emit_src=False)
    if flatten:
        return _yosys(text, f"hierarchy -top {TOP}", "proc", "flatten", "opt", "clean -purge", "write_verilog -noattr")
    modules = rtlil_text.read(_yosys(text, f"hierarchy -top {TOP}", *_WITHOUT_PROCESSES, "write_rtlil"))
    outputs = {f"{module.name}.{name}" for module in modules for name, wire in module.wires.items() if wire.port[:6] == "output"}
    for module in modules:
        separate(module, outputs)
        equalise(module)
    name_modules(modules)
    return name_reads(_yosys(rtlil_text.write(modules), "write_verilog -noattr"))


#: What makes cells of processes and leaves registers with their enables and resets.
_WITHOUT_PROCESSES = ("proc -norom", "opt_clean", "opt_dff -keepdc", "opt_expr -keepdc", "opt_clean -purge", "memory_collect")


def _yosys(text: str, *passes: str) -> str:
    """Return what Yosys prints of a design in RTLIL after some passes."""
    with _builtin_yosys():
        script = "\n".join((f"read_rtlil <<rtlil\n{text}\nrtlil", *passes, ""))
        return find_yosys(lambda version: version >= (0, 40)).run(["-q", "-"], script, ignore_warnings=True)


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
