"""Area and speed of the controller, and of its pulse engine alone, beside designs with an LFSR for every line.

All are made in the same run with the same tools, wrapped alike (``serial_wrap``), and placed and routed out of context. The
naive design (``naive_controller``) only pulses: it has no reads, registers, checks, counters or guards, and its random numbers
are not better. What it does is what the pulse engine does; the controller does all the rest too, and is also held against
itself with the source ``lfsr_per_line``. The difference of two sizes, over the lines between them, is what an added line takes.

The exit code is 1 where something does not hold that the README promises.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field

from amaranth.back import rtlil
from amaranth.lib import wiring
from common import Row, report, show
from naive_controller import NaiveController
from serial_wrap import SerialWrap

from crosstwin_hdl.board import BoardDesign
from crosstwin_hdl.controller import Controller
from crosstwin_hdl.pulse_engine import PulseEngine
from crosstwin_model.config import ControllerConfig
from crosstwin_sim.fpga.toolchain import ATTEMPTS, Report, implement

DEVICE = "ecp5-25"
#: What the clock must reach, in MHz, by the lines of a side.
TARGETS = {16: 150, 64: 125, 128: 90}
#: From so many lines of a side on, the whole controller is smaller than the design that only pulses.
SMALLER_FROM = 64
#: LUT4 and flip-flops that an added line takes at most.
LINE = (10, 14)
#: Bits of the serial line: 24 MHz over 1 Mbit/s.
DIVISOR = 24


@dataclass
class Findings:
    """What has been measured, and which promises do not hold."""

    rows: list[Row] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def hold(self, name: str, value: float, unit: str, limit: float, *, least: bool = False, promised: bool = True) -> None:
        """Print a value beside its limit, by default the most that it may be; keep whether a promise is broken."""
        row = Row(name, value, unit, limit, value / limit)
        show([row])
        self.rows.append(row)
        if promised and not (value >= limit if least else value <= limit):
            self.wrong.append(f"{name}: {value:g} {unit}; promised are {limit:g} at {'least' if least else 'most'}")


def config(lines: int, source: str = "hammersley") -> ControllerConfig:
    """Return the controller that is measured: one random source alone, and no counter of fired lines."""
    return ControllerConfig("area", lines, lines, adc_lanes=1, sources=(source,), fired_counter=False)


def measure(design: wiring.Component, device: str, mhz: int, attempts: int = len(ATTEMPTS)) -> Report:
    """Place and route a design."""
    text = rtlil.convert(SerialWrap(design), name="area")
    return implement(text, top="area", device=device, target_mhz=mhz, attempts=ATTEMPTS[:attempts])


def side_by_side(findings: Findings) -> None:
    """Measure the designs in all sizes."""
    found: dict[str, list[Report]] = {"pulse engine": [], "controller": []}
    for lines, mhz in TARGETS.items():
        naive = measure(NaiveController(rows=lines, columns=lines), DEVICE, mhz)
        per_line = measure(Controller(config=config(lines, "lfsr_per_line")), DEVICE, mhz, attempts=1)
        for name, design in (
            ("pulse engine", PulseEngine(config=config(lines))),
            ("controller", Controller(config=config(lines))),
        ):
            ours = measure(design, DEVICE, mhz)
            found[name].append(ours)
            title = f"{lines} x {lines}, {name}"
            smaller = name == "pulse engine" or lines >= SMALLER_FROM
            findings.hold(f"{title}: LUT4; naive", ours.lut4, "LUT4", naive.lut4, promised=smaller)
            findings.hold(f"{title}: flip-flops; naive", ours.ff, "FF", naive.ff, promised=smaller)
            findings.hold(f"{title}: Fmax; naive", ours.fmax_mhz, "MHz", naive.fmax_mhz, promised=False)
        findings.hold(f"{title}: LUT4; with an LFSR a line", ours.lut4, "LUT4", per_line.lut4)
        findings.hold(f"{title}: flip-flops; with an LFSR a line", ours.ff, "FF", per_line.ff)
        findings.hold(f"{title}: Fmax; asked for", ours.fmax_mhz, "MHz", mhz, least=True)
        findings.hold(f"{title}: LUT4; half of the device", ours.lut4, "LUT4", ours.lut4_available / 2)
    added = 2 * (max(TARGETS) - min(TARGETS))
    for name, reports in found.items():
        small, large = reports[0], reports[-1]
        findings.hold(f"an added line, {name}: LUT4; at most", (large.lut4 - small.lut4) / added, "LUT4", LINE[0])
        findings.hold(f"an added line, {name}: flip-flops; at most", (large.ff - small.ff) / added, "FF", LINE[1])


def small_devices(findings: Findings) -> None:
    """Measure what iCE40s hold: 16 x 16 beside the UART, and 64 x 64 alone."""
    for title, design, device, mhz in (
        ("up5k, 16 x 16 beside the UART", BoardDesign(config(16), divisor=DIVISOR), "up5k", 24),
        ("hx8k, 64 x 64", Controller(config=config(64)), "hx8k", 60),
    ):
        made = measure(design, device, mhz)
        findings.hold(f"{title}: LUT4; the device has", made.lut4, "LUT4", made.lut4_available)
        findings.hold(f"{title}: Fmax; asked for", made.fmax_mhz, "MHz", mhz, least=True)


def main() -> None:
    """Measure, print and write build/bench/area.json."""
    findings = Findings()
    side_by_side(findings)
    small_devices(findings)
    report("area", findings.rows, shown=True)
    if findings.wrong:
        sys.exit("\n".join(findings.wrong))


if __name__ == "__main__":
    main()
