"""The figure of a training run: its score by epoch, conductance maps of both tiles, the pulses of one update."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from crosstwin_model.observe import PulsePhase

from .errors import CrosstwinError
from .files import write_bytes

_POSITIVE, _NEGATIVE, _NEUTRAL = "#c8482c", "#2b6cb0", "#f7f7f7"
_LINES = ("#c8482c", "#2b6cb0", "#7a7a7a", "#2f855a")
_QUADRANTS = ("x > 0, d > 0: up", "x < 0, d < 0: up", "x > 0, d < 0: down", "x < 0, d > 0: down")


@dataclass(frozen=True)
class Measure:
    """What runs are scored by.

    Parameters
    ----------
    key : str
        Its name in files.
    axis : str
        Its name in figures, with its unit.
    factor : float
        What a score is multiplied with to have that unit.
    unit : str
        The unit behind a number.
    digits : int
        Digits behind the point.
    perplexity : bool
        Whether scores are bits, and 2 to their power, the perplexity, is shown beside them.
    """

    key: str
    axis: str
    factor: float
    unit: str
    digits: int
    perplexity: bool = False

    def show(self, score: float) -> str:
        """Return a score with its unit."""
        text = f"{self.factor * score:.{self.digits}f} {self.unit}"
        return f"{text}, perplexity {2.0**score:.2f}" if self.perplexity else text


ACCURACY = Measure("accuracy", "accuracy, %", 100.0, "%", 2)
BITS = Measure("bits_per_character", "bits per character", 1.0, "bits a character", 3, perplexity=True)


@dataclass(frozen=True)
class Curve:
    """Scores by epoch, and what they are of."""

    label: str
    scores: Sequence[float]


@dataclass(frozen=True)
class Map:
    """A tile's weights, rows x columns, and what they are."""

    title: str
    weights: NDArray[np.float64]


@dataclass(frozen=True)
class Raster:
    """The slots of one update on a tile of that many rows and columns."""

    title: str
    phase: PulsePhase
    rows: int
    columns: int


def figure_format(path: str | Path) -> str:
    """Return the format that a file's ending stands for.

    Raises
    ------
    CrosstwinError
        If it is none of .png, .svg and .pdf.
    """
    ending = Path(path).suffix.lstrip(".").lower()
    if ending not in ("png", "svg", "pdf"):
        raise CrosstwinError(f"the figure {path} cannot be drawn: allowed are files that end in .png, .svg or .pdf")
    return ending


def draw_run(
    path: str | Path,
    title: str,
    curves: Sequence[Curve],
    maps: Sequence[Map] = (),
    raster: Raster | None = None,
    measure: Measure = ACCURACY,
) -> None:
    """Write one figure; the file's ending chooses the format.

    Parameters
    ----------
    path : str or Path
        File to write, whole or not at all.
    title : str
        Above everything.
    curves : sequence of Curve
        At least one.
    maps : sequence of Map
        None or two.
    raster : Raster or None
        One update.
    measure : Measure
        What the curves show.

    Raises
    ------
    CrosstwinError
        If the file cannot be written, or has another ending than .png, .svg or .pdf.
    """
    figure = Figure(figsize=(12, 8.5 if maps else 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=14, fontweight="bold")
    grid = figure.add_gridspec(2 if maps else 1, 2 if raster else 1, height_ratios=(1.15, 1) if maps else None)
    _draw_curves(figure.add_subplot(grid[0, 0]), curves, measure)
    if raster:
        _draw_raster(figure, grid[0, 1], raster)
    if maps:
        lower = grid[1, :].subgridspec(1, len(maps))
        for index, item in enumerate(maps):
            _draw_map(figure, figure.add_subplot(lower[0, index]), item)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=figure_format(path), dpi=130)
    write_bytes(path, buffer.getvalue())


def _draw_curves(axes: Any, curves: Sequence[Curve], measure: Measure) -> None:
    for index, curve in enumerate(curves):
        scores = measure.factor * np.asarray(curve.scores)
        epochs = np.arange(1, len(scores) + 1)
        style = "--" if index >= 2 else "-"
        colour = _LINES[index % len(_LINES)]
        label = f"{curve.label}: {scores[-5:].mean():.{measure.digits - 1}f} {measure.unit}"
        axes.plot(epochs, scores, style, color=colour, lw=1.8, marker="o", ms=3, label=label)
    axes.set_title("Test samples by epoch (in the legend: mean of the last five)", fontsize=10)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel(measure.axis)
    if measure is ACCURACY:
        lowest = min(min(curve.scores) for curve in curves)
        axes.set_ylim(max(0.0, 100.0 * lowest - 3.0), 100.5)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="best", frameon=False)


def _draw_map(figure: Figure, axes: Any, item: Map) -> None:
    limit = float(np.abs(item.weights).max()) or 1.0
    image = axes.imshow(item.weights.T, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest")
    axes.set_title(item.title, fontsize=10)
    axes.set_xlabel("row")
    axes.set_ylabel("column")
    figure.colorbar(image, ax=axes, fraction=0.046, pad=0.02)


def _draw_raster(figure: Figure, place: Any, raster: Raster) -> None:
    phase = raster.phase
    upper = place.subgridspec(2, 1, height_ratios=(raster.rows, raster.columns), hspace=0.0)
    row_axes = figure.add_subplot(upper[0])
    column_axes = figure.add_subplot(upper[1], sharex=row_axes)
    up = np.array([quadrant < 2 for quadrant in phase.quadrants])
    colours = ListedColormap([_NEGATIVE, _NEUTRAL, _POSITIVE])
    sides = ((row_axes, phase.rows, raster.rows, up), (column_axes, phase.columns, raster.columns, ~up))
    for axes, masks, lines, positive in sides:
        fired = np.array([[mask >> line & 1 for mask in masks] for line in range(lines)])
        axes.imshow(fired * np.where(positive, 1, -1), cmap=colours, vmin=-1, vmax=1, aspect="auto", interpolation="nearest")
        for boundary in np.flatnonzero(np.diff(phase.quadrants)) + 0.5:
            axes.axvline(boundary, color="#444444", lw=0.8)
    row_axes.set_title(raster.title, fontsize=10)
    row_axes.set_ylabel("row")
    row_axes.tick_params(labelbottom=False)
    column_axes.set_ylabel("column")
    starts = [0, *(np.flatnonzero(np.diff(phase.quadrants)) + 1).tolist(), len(phase.quadrants)]
    centres = [(first + last - 1) / 2 for first, last in pairwise(starts)]
    column_axes.set_xticks(centres, [_QUADRANTS[phase.quadrants[first]] for first in starts[:-1]], fontsize=8)
    column_axes.set_xlabel(f"{len(phase.quadrants)} slots; red: driven +, blue: driven -")
