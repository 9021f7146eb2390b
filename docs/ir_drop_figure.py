"""The figure of docs/line_resistance.md: what wires take from reads and from pulses.

``python docs/ir_drop_figure.py`` draws docs/images/ir_drop.png again.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from crosstwin_model.line_resistance import LineResistance
from crosstwin_sim.files import write_bytes

PICTURE = Path(__file__).parent / "images" / "ir_drop.png"
SIZES = (16, 32, 64, 128, 256)
OHMS = ((0.35, "#2b6cb0"), (1.0, "#2f855a"), (5.0, "#c8482c"))
MAP_SIZE = 128
READS = 8


def error(lines: LineResistance, size: int, differential: bool) -> float:
    """Return the root mean square error of a read in percent of that of the ideal sums."""
    rng = np.random.default_rng(1)
    w = rng.uniform(-1.0, 1.0, (size, size)).astype(np.float32)
    charges = rng.integers(-63, 64, (READS, size)).astype(np.int32)
    ideal = charges @ w.astype(np.float64)
    found = lines.read_sums(w, charges, True)
    if differential:
        found = found - lines.read_sums(np.zeros_like(w), charges, True)
    return float(100.0 * np.sqrt(np.mean((found - ideal) ** 2) / np.mean(ideal**2)))


def draw() -> bytes:
    """Return the figure as a PNG file."""
    figure = Figure(figsize=(10.0, 4.0), layout="constrained")
    left, right = figure.subplots(1, 2)
    for ohms, color in OHMS:
        lines = LineResistance(ohms, ohms)
        for differential, style, what in ((True, "-", "against its reference"), (False, "--", "tile alone")):
            errors = [error(lines, size, differential) for size in SIZES]
            left.loglog(SIZES, errors, style, color=color, marker="o", markersize=4, label=f"{ohms:g} ohm, {what}")
    left.set_xticks(SIZES, [str(size) for size in SIZES], minor=False)
    left.minorticks_off()
    left.set(xlabel="rows and columns", ylabel="error of a read, % of the rms sum", title="Error of reads")
    left.grid(alpha=0.3)
    left.legend(fontsize=7, loc="lower right")
    factors = LineResistance().pulse_factors(MAP_SIZE, MAP_SIZE)
    image = right.imshow(factors, cmap="viridis", interpolation="nearest")
    right.set(xlabel="column", ylabel="row", title="Part of its step that a cell makes, 0.35 ohm")
    figure.colorbar(image, ax=right)
    content = io.BytesIO()
    FigureCanvasAgg(figure).print_png(content, metadata={"Software": None})
    return content.getvalue()


if __name__ == "__main__":
    write_bytes(PICTURE, draw())
