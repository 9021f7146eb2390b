"""The figure of a trace: pulses of one operation slot by slot, and pulses per cell of a tile."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from crosstwin_model.coincidence import unpack
from crosstwin_sim.errors import CrosstwinError
from crosstwin_sim.figures import figure_format
from crosstwin_sim.files import shown_name, write_bytes

from .format import PULSING, Kind
from .reader import Slots, Trace
from .totals import DIRECTIONS, Totals

_LEVELS = ListedColormap(["#2b6cb0", "#f7f7f7", "#c8482c"])


def draw_trace(path: str | Path, trace: Trace, totals: Totals, tile: int | None, operation: int | None) -> None:
    """Draw one operation's pulses above the pulses per cell of its tile.

    Parameters
    ----------
    path : str or Path
        The figure, .png, .svg or .pdf, written whole or not at all.
    trace : Trace
        What is drawn.
    totals : Totals
        Of the whole trace.
    tile : int or None
        The tile; None takes the operation's, or the one with the most pulses.
    operation : int or None
        A PULSE or SLOTS; None takes the tile's operation with the most slots.

    Raises
    ------
    CrosstwinError
        If there is nothing to draw, the operation does not pulse, or the file cannot be written.
    """
    if not totals.pulses:
        raise CrosstwinError(f"the trace {trace.path} has no pulses to draw")
    if tile is None and operation is None:
        tile = max(totals.pulses, key=lambda key: int(totals.pulses[key].cells.sum()))[0]
    number, tile, slots = _find(trace, tile, operation)
    figure = Figure(figsize=(12, 9), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(f"{shown_name(trace.path)}: tile {tile} of {trace.controller.name}", fontsize=14, fontweight="bold")
    grid = figure.add_gridspec(2, 2, height_ratios=(1.2, 1))
    _draw_slots(figure, grid[0, :], trace, number, slots)
    shape = (trace.controller.rows, trace.controller.columns)
    for place, (up, word) in enumerate(DIRECTIONS):
        pulses = totals.pulses.get((tile, up))
        cells = np.zeros(shape, np.int64) if pulses is None else pulses.cells
        axes = figure.add_subplot(grid[1, place])
        image = axes.imshow(cells, cmap="Reds" if up else "Blues", aspect="auto", interpolation="nearest", vmin=0)
        axes.set_title(f"Pulses {word} per cell, whole trace: {cells.sum()} in all", fontsize=10)
        axes.set_xlabel("column")
        axes.set_ylabel("row")
        figure.colorbar(image, ax=axes, fraction=0.046, pad=0.02)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=figure_format(path), dpi=130)
    write_bytes(path, buffer.getvalue())


def _find(trace: Trace, tile: int | None, operation: int | None) -> tuple[int, int, Slots]:
    """Return the number, the tile and the slots of the operation to draw."""
    best: tuple[int, int, Slots] | None = None
    for part in trace.parts():
        for number, record in enumerate(part.operations, part.first):
            if operation is not None and number != operation:
                continue
            kind = Kind(record["kind"])
            if kind not in PULSING or (tile is not None and record["tile"] != tile):
                continue
            slots = part.slots(record)
            if best is None or len(slots.up) > len(best[2].up):
                best = (number, int(record["tile"]), slots)
    if best is None:
        which = "" if tile is None else f" of tile {tile}"
        what = f"no operation{which} that pulses" if operation is None else f"no operation {operation}{which} that pulses"
        raise CrosstwinError(f"the trace {trace.path} has {what}")
    return best


def _draw_slots(figure: Figure, place: Any, trace: Trace, number: int, slots: Slots) -> None:
    rows, columns = trace.controller.rows, trace.controller.columns
    upper = place.subgridspec(2, 1, height_ratios=(rows, columns), hspace=0.0)
    row_axes = figure.add_subplot(upper[0])
    column_axes = figure.add_subplot(upper[1], sharex=row_axes)
    signs = np.where(slots.up, 1, -1)
    for axes, masks, lines, sign in ((row_axes, slots.rows, rows, signs), (column_axes, slots.columns, columns, -signs)):
        levels = unpack(masks, lines).T * sign
        axes.imshow(levels, cmap=_LEVELS, vmin=-1, vmax=1, aspect="auto", interpolation="nearest")
    row_axes.set_title(f"Pulses of operation {number} (red: half-select +, blue: half-select -)", fontsize=10)
    row_axes.set_ylabel("row")
    row_axes.tick_params(labelbottom=False)
    column_axes.set_ylabel("column")
    column_axes.set_xlabel("slot")
    column_axes.xaxis.set_major_locator(MaxNLocator(integer=True))
