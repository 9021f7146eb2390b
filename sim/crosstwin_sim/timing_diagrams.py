"""Timing diagrams of the documents, drawn from the pins of the Verilated controller."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from crosstwin_model.check import checking_plant
from crosstwin_model.config import PRESETS, Source
from crosstwin_model.observe import IDLE, Pins
from crosstwin_model.plant import Plant
from crosstwin_model.registers import Opcode, register_map

from .rtl.backend import RtlBackend
from .rtl.device import RtlDevice

_PLUS, _MINUS, _WIRE, _FAINT = "#c8553d", "#2a6f97", "#333333", "#dddddd"
_CONFIG = PRESETS["tiny"]


@dataclass(frozen=True)
class Diagram:
    """One operation to draw: file name, title, COMMAND, codes, settings, control pins to show and named spans of clock cycles."""

    name: str
    title: str
    command: int
    x: tuple[int, ...]
    d: tuple[int, ...]
    settings: dict[str, int]
    controls: tuple[str, ...]
    spans: tuple[tuple[int, int, str], ...]


_COUNT = {"SOURCE": int(Source.COUNT), "PULSE": 3 | 2 << 16}
_READ = {"READ": 7 | 1 << 16}
_SCAN = ((0, 1, "SCAN0"), (1, 2, "SCAN1"), (2, 3, "PLAN"))

#: The diagrams of docs/architecture.md. In the tiny preset's plant of the checks an ADC beat comes after 4 to 9 clock cycles.
DIAGRAMS = (
    Diagram(
        "slot",
        "One slot: WIDTH 3, GAP 2",
        Opcode.UPDATE | 1 << 8,
        (1, 0, 1, 0),
        (1, 1, 0),
        {**_COUNT, "BL": 1},
        ("slot", "quadrant", "tile"),
        (*_SCAN, (3, 8, "slot 0"), (8, 9, "FINISH")),
    ),
    Diagram(
        "update",
        "UPDATE: four quadrants of BL 4 (count mode), WIDTH 1, GAP 1",
        Opcode.UPDATE | 1 << 8,
        (4, -3, 2, 1),
        (3, -4, 1),
        {**_COUNT, "PULSE": 1 | 1 << 16, "BL": 4},
        ("slot", "quadrant", "tile"),
        (
            *_SCAN,
            (3, 11, "quadrant 0: x+ d+ up"),
            (11, 19, "1: x- d- up"),
            (19, 27, "2: x+ d- down"),
            (27, 35, "3: x- d+ down"),
            (35, 36, "FINISH"),
        ),
    ),
    Diagram(
        "read",
        "FORWARD: pulse-width-modulated rows, WINDOW 7, TICK 1",
        Opcode.FORWARD,
        (7, -5, 3, -1),
        (0, 0, 0),
        _READ,
        ("read_level", "sense_columns", "differential", "adc_sample"),
        ((0, 1, "CONNECT"), (1, 8, "DRIVE"), (8, 9, "RELEASE"), (9, 10, "SAMPLE"), (10, -1, "CONVERT, FINISH")),
    ),
    Diagram(
        "transfer",
        "TRANSFER: one row of A is read, the same row of C is pulsed",
        Opcode.TRANSFER | 1 << 8,
        (0, 0, 0, 0),
        (0, 0, 0),
        {**_READ, **_COUNT, "PULSE": 1 | 1 << 16, "TRANSFER_BL": 4, "PAIR0_TRANSFER_ROW": 2, "TRANSFER_FULL_SCALE": 256},
        ("read_level", "sense_columns", "differential", "tile", "adc_sample", "slot", "quadrant"),
        ((0, 1, "CONNECT"), (1, 8, "DRIVE"), (8, 9, "RELEASE"), (9, 10, "SAMPLE"), (10, -1, "CONVERT, then the slots on C")),
    ),
)


def draw_all(folder: Path) -> list[Path]:
    """Run every diagram's operation on the Verilated controller and write one SVG each; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    registers = register_map(_CONFIG)
    for diagram in DIAGRAMS:
        backend = RtlBackend(_CONFIG, Plant(_CONFIG, checking_plant(1)))
        device = RtlDevice(backend)
        for name, value in diagram.settings.items():
            device.write(registers[name].offset, value)
        for window, codes in (("X", diagram.x), ("D", (*diagram.d, 0))):
            words = np.array(codes, "<i2").view("<u4").tolist()
            for index, word in enumerate(words):
                device.write(registers.window(window).offset + 4 * index, word)
        changes = device.command(int(diagram.command))
        cycles = device.read(registers["CYCLES"].offset)[1]
        backend.close()
        files.append(folder / f"timing_{diagram.name}.svg")
        _draw(diagram, changes, cycles, files[-1])
    return files


def _draw(diagram: Diagram, changes: Sequence[tuple[int, Pins]], cycles: int, path: Path) -> None:
    levels = [IDLE] * (cycles + 1)
    for (start, pins), (end, _) in zip(changes, [*changes[1:], (cycles + 1, IDLE)], strict=True):
        levels[max(start, 0) : end] = [pins] * (min(end, cycles + 1) - max(start, 0))
    lanes = [f"row {k}" for k in range(_CONFIG.rows)] + [f"column {k}" for k in range(_CONFIG.columns)] + list(diagram.controls)
    figure, axes = plt.subplots(figsize=(min(14, 3 + 0.28 * cycles), 0.36 * len(lanes) + 1.1))
    for index, lane in enumerate(lanes):
        base = len(lanes) - index
        axes.text(-0.4, base, lane, ha="right", va="center", fontsize=8, family="monospace")
        if lane.startswith(("row", "column")):
            side, line = lane.split()
            values = [(getattr(p, f"{side}_pos") >> int(line) & 1) - (getattr(p, f"{side}_neg") >> int(line) & 1) for p in levels]
            _line_lane(axes, base, values)
        else:
            _control_lane(axes, base, [int(getattr(p, lane)) for p in levels])
    top = len(lanes) + 0.75
    for start, end, name in diagram.spans:
        stop = cycles if end < 0 else end
        axes.axvline(start, color=_FAINT, lw=0.8, zorder=0)
        short = stop - start < 2
        axes.text((start + stop) / 2, top, name, ha="center", va="bottom", fontsize=6.5, rotation=60 if short else 0)
    axes.set_xlim(-0.2, cycles + 0.2)
    axes.set_ylim(0.3, top + (1.8 if any(end - start == 1 for start, end, _ in diagram.spans) else 0.6))
    axes.set_xticks(range(0, cycles + 1, 1 if cycles < 20 else 5))
    axes.tick_params(labelsize=7)
    axes.set_yticks([])
    axes.set_xlabel("clock cycle of the operation", fontsize=8)
    axes.set_title(diagram.title, fontsize=9, loc="left")
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    with plt.rc_context({"svg.hashsalt": "crosstwin", "svg.fonttype": "none"}):
        figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)


def _line_lane(axes: Axes, base: float, values: Sequence[int]) -> None:
    cycles = np.arange(len(values) + 1)
    heights = 0.36 * np.array([*values, values[-1]])
    axes.axhline(base, color=_FAINT, lw=0.6, zorder=0)
    for sign, color in ((1, _PLUS), (-1, _MINUS)):
        part = np.where(np.sign(heights) == sign, heights, 0.0)
        axes.fill_between(cycles, base, base + part, step="post", color=color, lw=0)


def _control_lane(axes: Axes, base: float, values: Sequence[int]) -> None:
    cycles = np.arange(len(values) + 1)
    high = np.array([*values, values[-1]])
    axes.step(cycles, base - 0.3 + 0.6 * (high > 0), where="post", color=_WIRE, lw=1)
    if high.max() > 1:
        for start in range(len(values)):
            if values[start] and (start == 0 or values[start - 1] != values[start]):
                axes.text(start + 0.15, base, str(values[start]), fontsize=6, va="center", color=_WIRE)


if __name__ == "__main__":
    for written in draw_all(Path("docs/images")):
        print(f"Wrote {written}.")
