"""What has been built and measured: every board's report, and the area and speed of controllers of several sizes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from crosstwin_model.config import ControllerConfig

from ..devices.device_figures import new_figure, save, tidy
from ..errors import CrosstwinError
from ..files import write_json
from .build import fpga_folder
from .devices import DEVICES
from .toolchain import ATTEMPTS, Report, Step, implement, require_tools

#: What place and route aim at in MHz when a size is measured: more than any size reaches.
_TARGETS = {"ecp5": 200.0, "ice40": 100.0}


@dataclass(frozen=True)
class Size:
    """A controller of as many rows as columns, without the host link, placed and routed out of context."""

    lines: int
    source: str
    report: Report

    def document(self) -> dict[str, Any]:
        """Return it as one flat object for JSON."""
        return {"lines": self.lines, "source": self.source, **asdict(self.report)}


def load_reports() -> list[dict[str, Any]]:
    """Return the reports of all builds that are there, by board.

    Raises
    ------
    CrosstwinError
        If one cannot be read.
    """
    return [_read_json(path) for path in sorted(fpga_folder().glob("[!.]*/report.json"))]


def load_sizes() -> list[Size]:
    """Return all sizes that have been measured, by device, source and size.

    Raises
    ------
    CrosstwinError
        If they cannot be read.
    """
    path = fpga_folder() / "sizes.json"
    sizes = []
    for document in _read_json(path) if path.exists() else []:
        lines, source = document.pop("lines"), document.pop("source")
        steps = tuple(Step(**step) for step in document.pop("critical_path"))
        sizes.append(Size(lines, source, Report(critical_path=steps, **document)))
    return sorted(sizes, key=_key)


def _key(size: Size) -> tuple[str, str, int]:
    return size.report.device, size.source, size.lines


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise CrosstwinError(f"{path} cannot be read: {error}; remove it and build again") from None


def measure_size(lines: int, device: str, source: str, *, report: Callable[[str], None] = lambda step: None) -> Size:
    """Place and route a controller out of context, and keep the result with the others.

    Parameters
    ----------
    lines : int
        Rows, and columns.
    device : str
        A key of :data:`crosstwin_sim.fpga.devices.DEVICES`.
    source : str
        Its only random source.
    report : callable
        Called with a few words at the start of every step.

    Raises
    ------
    CrosstwinError
        If it does not fit, or a tool is missing or fails.
    """
    require_tools(device, bitstream=False)
    from crosstwin_hdl.verilog import TOP, to_verilog

    config = ControllerConfig(f"lines{lines}", lines, lines, sources=(source,))
    target = _TARGETS.get(DEVICES[device].family.name, 100.0)
    made = implement(to_verilog(config), top=TOP, device=device, target_mhz=target, attempts=ATTEMPTS[:1], report=report)
    size = Size(lines, source, made)
    sizes = {_key(other): other for other in load_sizes()} | {_key(size): size}
    fpga_folder().mkdir(parents=True, exist_ok=True)
    write_json(fpga_folder() / "sizes.json", [sizes[key].document() for key in sorted(sizes)])
    return size


def draw_sizes(path: str | Path, sizes: list[Size]) -> None:
    """Draw LUTs, flip-flops and Fmax against the lines of a side; the file's ending chooses the format.

    Raises
    ------
    CrosstwinError
        If the ending is unknown, or the file cannot be written.
    """
    figure = new_figure(9.0, 3.6)
    area, speed = figure.subplots(1, 2)
    for device, source in sorted({(size.report.device, size.source) for size in sizes}):
        these = [size for size in sizes if (size.report.device, size.source) == (device, source)]
        lines = [size.lines for size in these]
        label = f"{DEVICES[device].name}, {source}"
        (curve,) = area.plot(lines, [size.report.lut4 for size in these], marker="o", label=f"LUT4, {label}")
        area.plot(
            lines, [size.report.ff for size in these], marker="s", linestyle="--", color=curve.get_color(), label=f"FF, {label}"
        )
        speed.plot(lines, [size.report.fmax_mhz for size in these], marker="o", color=curve.get_color(), label=label)
    for axes in (area, speed):
        axes.set_ylim(bottom=0)
        axes.legend(fontsize=7)
    tidy(area, "Area of the controller", "rows, and columns", "cells")
    tidy(speed, "Speed", "rows, and columns", "Fmax, MHz")
    save(path, figure)
