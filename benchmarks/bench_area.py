"""Area and speed of the controller, and of its pulse engine alone, beside a naive design with an LFSR for every line.

All are made in the same run with the same tools, wrapped alike (``serial_wrap``), and placed and routed out of context. The
naive design (``naive_controller``) only pulses: it has no reads, registers, checks, counters or guards, and its random numbers
are not better. What it does is what the pulse engine does; the controller does all the rest too. The difference of two sizes,
over the lines between them, is what an added line takes.
"""

from __future__ import annotations

from amaranth.back import rtlil
from amaranth.lib import wiring
from common import Row, report, show
from naive_controller import NaiveController
from serial_wrap import SerialWrap

from crosstwin_hdl.board import BoardDesign
from crosstwin_hdl.controller import Controller
from crosstwin_hdl.pulse_engine import PulseEngine
from crosstwin_model.config import ControllerConfig
from crosstwin_sim.fpga.toolchain import Report, implement

DEVICE = "ecp5-25"
#: What the clock is asked for, in MHz, by the lines of a side.
TARGETS = {16: 150, 64: 125, 128: 100}
#: Bits of the serial line: 24 MHz over 1 Mbit/s.
DIVISOR = 24


def config(lines: int) -> ControllerConfig:
    """Return the controller that is measured: the default random source alone, and no counter of fired lines."""
    return ControllerConfig("area", lines, lines, adc_lanes=1, sources=("hammersley",), fired_counter=False)


def measure(design: wiring.Component, device: str, mhz: int) -> Report:
    """Place and route a design."""
    return implement(rtlil.convert(SerialWrap(design), name="area"), top="area", device=device, target_mhz=mhz)


def side_by_side() -> list[Row]:
    """Measure the three designs in all sizes."""
    rows: list[Row] = []
    found: dict[str, list[Report]] = {"pulse engine": [], "controller": []}
    for lines, mhz in TARGETS.items():
        naive = measure(NaiveController(rows=lines, columns=lines), DEVICE, mhz)
        for name, design in (
            ("pulse engine", PulseEngine(config=config(lines))),
            ("controller", Controller(config=config(lines))),
        ):
            ours = measure(design, DEVICE, mhz)
            found[name].append(ours)
            title = f"{lines} x {lines}, {name}"
            new = [
                Row(f"{title}: LUT4; naive", ours.lut4, "LUT4", naive.lut4, ours.lut4 / naive.lut4),
                Row(f"{title}: flip-flops; naive", ours.ff, "FF", naive.ff, ours.ff / naive.ff),
                Row(f"{title}: Fmax; naive", ours.fmax_mhz, "MHz", naive.fmax_mhz, ours.fmax_mhz / naive.fmax_mhz),
            ]
            show(new)
            rows += new
    added = 2 * (max(TARGETS) - min(TARGETS))
    for name, reports in found.items():
        small, large = reports[0], reports[-1]
        new = [
            Row(f"an added line, {name}: LUT4", (large.lut4 - small.lut4) / added, "LUT4"),
            Row(f"an added line, {name}: flip-flops", (large.ff - small.ff) / added, "FF"),
        ]
        show(new)
        rows += new
    return rows


def small_devices() -> list[Row]:
    """Measure what iCE40s hold: 16 x 16 beside the UART, and 64 x 64 alone."""
    rows = []
    for title, design, device, mhz in (
        ("up5k, 16 x 16 beside the UART", BoardDesign(config(16), divisor=DIVISOR), "up5k", 24),
        ("hx8k, 64 x 64", Controller(config=config(64)), "hx8k", 60),
    ):
        made = measure(design, device, mhz)
        rows += [
            Row(f"{title}: LUT4", made.lut4, "LUT4", made.lut4_available, made.lut4 / made.lut4_available),
            Row(f"{title}: Fmax; asked for", made.fmax_mhz, "MHz", mhz, made.fmax_mhz / mhz),
        ]
        show(rows[-2:])
    return rows


def main() -> None:
    """Measure, print and write build/bench/area.json."""
    report("area", side_by_side() + small_devices(), shown=True)


if __name__ == "__main__":
    main()
