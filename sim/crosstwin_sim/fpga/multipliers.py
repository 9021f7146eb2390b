"""The output registers of the ECP5's multipliers, which Yosys leaves unused.

A product that goes from a multiplier into flip-flops takes 3.9 ns in the multiplier and one way of about 1.5 ns before it and one
behind it (nextpnr, speed grade 6); with the register inside the last way is gone, and so are the flip-flops.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

#: Bits of a product.
_BITS = 36

#: Parameters and constants of a flip-flop that the multiplier's register can stand in for: no reset, 0 after configuration.
_PARAMETERS = {"CLKMUX": "CLK", "REGSET": "RESET"}


@dataclass(frozen=True)
class _Register:
    """The flip-flop behind every port of a product that is used, and the nets that clock and enable them all."""

    flip_flops: dict[str, str]
    clock: Any
    enable: Any


def absorb_registers(module: dict[str, Any]) -> int:
    """Let flip-flops behind a multiplier be its output register, wherever all bits of a product go into such and nowhere else.

    Parameters
    ----------
    module : dict
        A module as Yosys' ``write_json`` has it, mapped to ECP5's cells; it is changed.

    Returns
    -------
    int
        Multipliers that were changed.
    """
    cells: dict[str, Any] = module["cells"]
    readers: dict[Any, list[tuple[str, str]]] = {}
    for name, cell in cells.items():
        for port, bits in cell["connections"].items():
            if cell["port_directions"][port] == "input":
                for bit in bits:
                    readers.setdefault(bit, []).append((name, port))
    for port in module["ports"].values():
        for bit in port["bits"]:
            readers.setdefault(bit, []).append(("", ""))
    changed = 0
    for multiplier in [cell for cell in cells.values() if cell["type"] == "MULT18X18D"]:
        register = _register_behind(multiplier, cells, readers)
        if register is None:
            continue
        for port, name in register.flip_flops.items():
            multiplier["connections"][port] = cells.pop(name)["connections"]["Q"]
        multiplier["connections"].update(CLK0=[register.clock], CE0=[register.enable], RST0=["0"])
        multiplier["port_directions"].update(CLK0="input", CE0="input", RST0="input")
        multiplier["parameters"].update(REG_OUTPUT_CLK="CLK0", REG_OUTPUT_CE="CE0", REG_OUTPUT_RST="RST0", CLK0_DIV="ENABLED")
        changed += 1
    return changed


def _register_behind(
    multiplier: dict[str, Any], cells: dict[str, Any], readers: dict[Any, list[tuple[str, str]]]
) -> _Register | None:
    """Return the register behind a product; None where there is none, a bit goes elsewhere too, or the bits' controls differ."""
    if multiplier["parameters"].get("REG_OUTPUT_CLK", "NONE") != "NONE":
        return None
    flip_flops: dict[str, str] = {}
    for port in (f"P{bit}" for bit in range(_BITS)):
        for net in multiplier["connections"].get(port, ()):
            behind = readers.get(net, [])
            if behind:
                name, into = behind[0]
                if len(behind) > 1 or into != "DI" or cells[name]["type"] != "TRELLIS_FF":
                    return None
                flip_flops[port] = name
    controls = {_control(cells[name]) for name in flip_flops.values()}
    control = controls.pop() if len(controls) == 1 else None
    return _Register(flip_flops, *control) if control else None


def _control(flip_flop: dict[str, Any]) -> tuple[Any, Any] | None:
    """Return the nets of clock and enable; None if it does what the multiplier's register cannot."""
    connections, parameters = flip_flop["connections"], flip_flop["parameters"]
    plain = all(parameters.get(name) == value for name, value in _PARAMETERS.items())
    # Yosys ends a text of digits with a space.
    enabled = parameters.get("CEMUX", "1").strip()
    if not plain or connections.get("LSR", ["0"]) != ["0"] or enabled not in ("CE", "1"):
        return None
    enable = connections["CE"][0] if enabled == "CE" else "1"
    return connections["CLK"][0], enable
