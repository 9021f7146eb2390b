"""The figure of a device: its pulse response, its steps, and its symmetry points."""

from __future__ import annotations

import io
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import EngFormatter, MaxNLocator
from numpy.typing import NDArray

from crosstwin_sim.figures import figure_format
from crosstwin_sim.files import write_bytes

from .response import Response, Train, states, why_no_symmetry_point

UP_COLOUR, DOWN_COLOUR, POINT, GREY = "#c8482c", "#2b6cb0", "#2f855a", "#555555"
_ALTERNATING = "#6b46c1"
#: Single cells that are drawn, spread over the tile.
_SHOWN = (37, 120, 203)


def draw_response(path: str | Path, response: Response) -> None:
    """Write the figure; the file's ending, .png, .svg or .pdf, chooses the format.

    Raises
    ------
    CrosstwinError
        If the file cannot be written, or has another ending.
    """
    device = response.device
    figure = new_figure(12.0, 8.2)
    figure.suptitle(f"Pulse response of {device.name}", fontsize=15, fontweight="bold", x=0.02, ha="left")
    facts = (
        f"{device.rule}, dw_min {device.dw_min:g}, {states(device):,.0f} states, "
        f"{response.up.conductance.shape[1]} cells on the simulated array"
    )
    figure.text(0.98, 0.983, facts, ha="right", va="top", fontsize=10, color=GREY)
    grid = figure.add_gridspec(2, 2, width_ratios=(1.55, 1.0), height_ratios=(1.1, 1.0))
    _draw_trains(figure.add_subplot(grid[0, :]), response)
    _draw_steps(figure.add_subplot(grid[1, 0]), response)
    _draw_points(figure.add_subplot(grid[1, 1]), response)
    save(path, figure)


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of that many inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save(path: str | Path, figure: Figure) -> None:
    """Write a figure, whole or not at all."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=figure_format(path), dpi=130)
    write_bytes(path, buffer.getvalue())


def tidy(axes: Any, title: str, x: str, y: str) -> None:
    """Give an axes its title and labels, and take away what says nothing."""
    axes.set_title(title, fontsize=10.5, loc="left")
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(alpha=0.2)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_trains(axes: Axes, response: Response) -> None:
    trains = (
        (response.up, UP_COLOUR, "up"),
        (response.down, DOWN_COLOUR, "down"),
        (response.alternating, _ALTERNATING, "alternating"),
    )
    for train, colour, label in trains:
        _draw_train(axes, train, colour)
        axes.axvspan(train.pulses[0], train.pulses[-1], color=colour, alpha=0.035, lw=0)
        count = train.pulses[-1] - train.pulses[0]
        middle = (train.pulses[0] + train.pulses[-1]) / 2.0
        text = f"{count:,} pulses {label}" if label != "alternating" else f"{count:,} pulses up and down in turn"
        axes.annotate(text, (middle, 1.0), xycoords=("data", "axes fraction"), ha="center", va="top", fontsize=9, color=colour)
    points = response.symmetry_points[np.isfinite(response.symmetry_points)]
    first, last = response.alternating.pulses[[0, -1]]
    if points.size:
        mean, spread = float(points.mean()), float(points.std())
        axes.fill_between([first, last], mean - spread, mean + spread, color=POINT, alpha=0.18, lw=0)
        axes.plot([first, last], [mean, mean], color=POINT, lw=1.6, ls=(0, (5, 3)))
    handles: list[tuple[Artist, str]] = [
        (Line2D([], [], color=GREY, lw=2.2), "mean of all cells"),
        (Line2D([], [], color=GREY, lw=0.8), "single cells"),
        (Patch(color=GREY, alpha=0.35, lw=0), "68 % and 95 % of the cells"),
    ]
    if points.size:
        handles.append((Line2D([], [], color=POINT, lw=1.6, ls=(0, (5, 3))), "symmetry point: mean and spread of the cells"))
    axes.set_xlim(0, last)
    axes.margins(y=0.12)
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    tidy(axes, "Conductance along the pulses", "pulses on every cell", "conductance, in weights")
    lines, labels = zip(*handles, strict=True)
    axes.legend(
        lines, labels, loc="lower right", ncols=4, frameon=False, fontsize=8.5, bbox_to_anchor=(1.0, 0.995), borderaxespad=0.0
    )


def _draw_train(axes: Axes, train: Train, colour: str) -> None:
    for low, high, alpha in ((2.5, 97.5, 0.12), (16.0, 84.0, 0.2)):
        bottom, top = np.percentile(train.conductance, (low, high), axis=1)
        axes.fill_between(train.pulses, bottom, top, color=colour, alpha=alpha, lw=0)
    axes.plot(train.pulses, train.conductance[:, list(_SHOWN)], color=colour, lw=0.7, alpha=0.7)
    axes.plot(train.pulses, train.conductance.mean(axis=1), color=colour, lw=2.2)


def _draw_steps(axes: Axes, response: Response) -> None:
    steps = response.steps
    for change, colour, label in ((steps.up, UP_COLOUR, "up"), (-steps.down, DOWN_COLOUR, "down")):
        known = np.isfinite(change).sum(axis=1) >= 0.3 * change.shape[1]
        w, size = steps.w[known], change[known]
        bottom, top = np.nanpercentile(size, (16.0, 84.0), axis=1)
        axes.fill_between(w, bottom, top, color=colour, alpha=0.18, lw=0)
        axes.plot(w, np.nanmean(size, axis=1), color=colour, lw=2.2, label=label)
    points = response.symmetry_points[np.isfinite(response.symmetry_points)]
    if points.size:
        axes.axvline(float(points.mean()), color=POINT, lw=1.4, ls=(0, (5, 3)))
    axes.set_ylim(bottom=0.0)
    axes.legend(loc="upper center", fontsize=9, edgecolor="white", framealpha=0.9)
    tidy(axes, "Size of a step without noise: mean of the cells, band of 68 %", "conductance, in weights", "step, in weights")


def _draw_points(axes: Axes, response: Response) -> None:
    found: NDArray[np.float64] = response.symmetry_points[np.isfinite(response.symmetry_points)]
    tidy(axes, "Symmetry points of the cells", "conductance, in weights", "cells")
    if not found.size:
        text = fill(why_no_symmetry_point(response.device), 44)
        axes.set(xticks=[], yticks=[])
        axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes, color=GREY)
        return
    mean, spread = float(found.mean()), float(found.std())
    low, high = float(found.min()), float(found.max())
    if high - low < 0.02:
        low, high = mean - 0.01, mean + 0.01
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.hist(found, bins=30, range=(low, high), color=POINT, alpha=0.55)
    axes.axvline(mean, color=POINT, lw=1.4, ls=(0, (5, 3)))
    of = "" if found.size == response.symmetry_points.size else f" of {response.symmetry_points.size}"
    axes.set_title(f"Symmetry points of {found.size}{of} cells: {mean:.3g}, spread {spread:.2g}", fontsize=10.5, loc="left")
