"""The controller's ports with what they mean, and the header of its Verilog file that documents them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import version

from crosstwin_hdl.axi_lite import axi_lite_signature
from crosstwin_hdl.verilog import TOP, to_verilog
from crosstwin_model.config import ControllerConfig
from crosstwin_model.registers import ADDRESS_BITS, VERSION

#: What every port that a controller may have carries, in the order in which they are listed.
_MEANINGS = {
    "clk": "clock; everything works on its rising edge",
    "rst": "reset, synchronous, active high",
    **{f"s_axi_{name}": "AXI4-Lite" for name in axi_lite_signature().members},
    "s_axi_awprot": "AXI4-Lite, ignored",
    "s_axi_arprot": "AXI4-Lite, ignored",
    "row_pos": "the row is driven +",
    "row_neg": "the row is driven -; both low: idle",
    "column_pos": "the column is driven +",
    "column_neg": "the column is driven -; both low: idle",
    "read_level": "low: the drive level is half-select, high: read level",
    "sense_rows": "integrators are joined to the rows",
    "sense_columns": "integrators are joined to the columns",
    "tile": "the tile that the lines are joined to: 4 x pair + kind (0 C, 1 A, 2 reference of C, 3 of A)",
    "differential": "the reference of that tile is joined with opposite sign",
    "gain": "analog gain before the ADC, 2^gain",
    "adc_sample": "high for one clock cycle: sample and hold all sensed lines",
    "adc_valid": "a beat of ADC codes is there",
    "adc_ready": "a beat of ADC codes is taken",
    "adc_data": "signed ADC codes, lane 0 in the lowest bits",
    "slot": "trigger for instruments: high in the first driven clock cycle of every slot",
    "quadrant": "the slot's quadrant",
    "estop": "emergency stop, synchronous to the clock; high idles all lines",
    "irq": "interrupt, active high, a level",
    "busy": "an operation is under way",
    "fault": "a fault is latched",
}


@dataclass(frozen=True)
class Port:
    """One port of the top module.

    Attributes
    ----------
    name : str
    direction : str
        ``input`` or ``output``.
    width : int
        Bits.
    meaning : str
        What it carries.
    """

    name: str
    direction: str
    width: int
    meaning: str


def controller_ports(verilog: str) -> tuple[Port, ...]:
    """Return the ports of a controller's Verilog: clock and reset, the bus, the pins to the array.

    Parameters
    ----------
    verilog : str
        What :func:`crosstwin_hdl.verilog.to_verilog` wrote.
    """
    top = verilog[verilog.index(f"\nmodule {TOP}(") :]
    declared = re.findall(r"^  (input|output) (?:\[(\d+):0\] )?(\w+);", top[: top.index("\nendmodule")], re.MULTILINE)
    found = {name: Port(name, direction, int(high or 0) + 1, _MEANINGS[name]) for direction, high, name in declared}
    return tuple(found[name] for name in _MEANINGS if name in found)


def parameters(config: ControllerConfig) -> tuple[tuple[str, str, str], ...]:
    """Return every parameter of a configuration as (name, value, meaning)."""
    major, minor, patch = VERSION >> 16 & 0xFF, VERSION >> 8 & 0xFF, VERSION & 0xFF
    return (
        ("rows", str(config.rows), "lines that take the layer's input x"),
        ("columns", str(config.columns), "lines that take its error d"),
        ("pairs", str(config.pairs), "tile pairs, each C and A with their references"),
        ("code_bits", str(config.code_bits), f"bits of a code's magnitude: codes are -{config.code_max} to {config.code_max}"),
        ("adc_bits", str(config.adc_bits), "bits of a signed ADC code"),
        ("adc_lanes", str(config.adc_lanes), "ADC codes in one beat of adc_data"),
        ("bl_max", str(config.bl_max), "largest BL, the slots of one quadrant"),
        ("sources", ", ".join(config.sources), "random sources built in"),
        ("fired_counter", "yes" if config.fired_counter else "no", "the counter of fired lines is built in"),
        ("address bits", str(ADDRESS_BITS), f"the bus takes {1 << ADDRESS_BITS} bytes of addresses"),
        ("register map", f"{major}.{minor}.{patch}", "version; the register VERSION holds it"),
    )


def described_verilog(config: ControllerConfig) -> str:
    """Return the controller's Verilog with a header that documents its parameters and ports.

    Raises
    ------
    ConfigurationError
        If the configuration cannot be built.
    """
    verilog = to_verilog(config)
    settings, ports = parameters(config), controller_ports(verilog)
    value_width = max(len(value) for _, value, _ in settings)
    name_width = max(len(port.name) for port in ports)
    lines = [
        f"Crosstwin {version('crosstwin')}: the controller of analog resistive crossbars, configuration {config.name}.",
        f"The top module is {TOP}. SPDX-License-Identifier: Apache-2.0",
        "",
        "Parameters, which are fixed in this file; `crosstwin verilog` writes the file for others:",
        *(f"  {name:<13}  {value:<{value_width}}  {meaning}" for name, value, meaning in settings),
        "",
        "Ports:",
        *(f"  {port.direction:<6}  {port.width:>4}  {port.name:<{name_width}}  {port.meaning}" for port in ports),
    ]
    header = "".join(f"// {line}".rstrip() + "\n" for line in lines)
    return f"{header}\n{verilog}"


def instance_template(config: ControllerConfig, ports: tuple[Port, ...]) -> str:
    """Return a Verilog module ``crosstwin_instance``, which holds the controller with a port for each of its own.

    It is there to be copied from: every port is declared with its width and its meaning, and connected by name.
    """
    name_width = max(len(port.name) for port in ports)
    span_width = max(len(_span(port)) for port in ports)
    declared = [f"{port.direction:<6} wire {_span(port):<{span_width}} {port.name}" for port in ports]
    width = max(len(line) for line in declared) + 1
    last = len(ports) - 1
    listed = [
        f"    {line + (',' if index < last else ''):<{width}}  // {port.meaning}"
        for index, (line, port) in enumerate(zip(declared, ports, strict=True))
    ]
    joined = [f"      .{port.name:<{name_width}} ({port.name}){',' if index < last else ''}" for index, port in enumerate(ports)]
    return "\n".join(
        (
            f"// Template of an instance of the controller, configuration {config.name}: copy what you need.",
            f"module {TOP}_instance (",
            *listed,
            ");",
            f"  {TOP} controller (",
            *joined,
            "  );",
            "endmodule",
            "",
        )
    )


def _span(port: Port) -> str:
    return f"[{port.width - 1}:0]" if port.width > 1 else ""
