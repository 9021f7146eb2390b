"""The figure of a fit: curves over the measured values, steps by conductance, and what is left over."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter
from numpy.typing import NDArray

from ..files import shown_name
from .device_figures import DOWN_COLOUR, GREY, POINT, UP_COLOUR, new_figure, save, tidy
from .fit_data import DeviceData
from .fitting import Fit
from .likelihood import mean_planes, predict

#: Devices whose curves are drawn, and colours for them.
_DEVICES = 4
_COLOURS = ("#2b6cb0", "#c8482c", "#2f855a", "#6b46c1")
#: Bins of conductance in which steps are averaged.
_BINS = 24


def draw_fit(path: str | Path, fit: Fit) -> None:
    """Write the figure; the file's ending, .png, .svg or .pdf, chooses the format.

    Raises
    ------
    CrosstwinError
        If the file cannot be written, or has another ending.
    """
    measurement = fit.measurement
    figure = new_figure(12.0, 8.2)
    figure.suptitle(
        f"{fit.device.rule} fitted to {shown_name(measurement.source)}", fontsize=15, fontweight="bold", x=0.02, ha="left"
    )
    facts = f"R2 {fit.r2:.4f}, rms {fit.rms_steps:.2g} steps, AIC {fit.aic:,.1f}, {measurement.rows} values"
    figure.text(0.98, 0.983, facts, ha="right", va="top", fontsize=10, color=GREY)
    grid = figure.add_gridspec(2, 2, width_ratios=(1.55, 1.0), height_ratios=(1.25, 1.0))
    _draw_curves(figure.add_subplot(grid[0, :]), fit)
    _draw_residuals(figure.add_subplot(grid[1, 0]), fit)
    _draw_steps(figure.add_subplot(grid[1, 1]), fit)
    save(path, figure)


def _counted(data: DeviceData) -> NDArray[np.int64]:
    """Pulses of all trains before each row; a new train begins one further on."""
    return np.cumsum(np.where(data.pulses > 0, data.pulses, 1)) - 1


def _conductance(fit: Fit, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    return fit.measurement.middle + fit.measurement.unit * weights


def _draw_curves(axes: Axes, fit: Fit) -> None:
    shown = list(zip(fit.measurement.devices, fit.cells, fit.curves, _COLOURS, strict=False))[:_DEVICES]
    for data, cell, curve, colour in shown:
        pulses = _counted(data)
        label = data.name or "measured"
        axes.plot(pulses, _conductance(fit, data.weights), "o", ms=2.9, color=colour, alpha=0.55, mew=0, label=label, zorder=3)
        free = predict(cell, fit.read_deviation, data, correct=False)
        deviation = np.sqrt(free.variance)
        starts = np.flatnonzero(data.pulses == 0)
        for first, last in zip(starts, [*starts[1:], data.pulses.size], strict=True):
            part = slice(first, last)
            low, high = (_conductance(fit, (free.mean + sign * 2.0 * deviation)[part]) for sign in (-1.0, 1.0))
            axes.fill_between(pulses[part], low, high, color=colour, alpha=0.13, lw=0)
            axes.plot(pulses[part], _conductance(fit, curve[part]), color="white", lw=3.2, alpha=0.8)
            axes.plot(pulses[part], _conductance(fit, curve[part]), color=colour, lw=1.7)
    axes.plot([], [], color=GREY, lw=1.7, label="fit without noise")
    axes.fill_between([], [], [], color=GREY, alpha=0.2, lw=0, label="two deviations of its noise")
    axes.margins(x=0.0)
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    more = len(fit.cells) - len(shown)
    title = "Measured values and fit" + (f" (the first {len(shown)} of {len(fit.cells)} devices)" if more else "")
    axes.yaxis.set_major_formatter(EngFormatter(sep=""))
    tidy(axes, title, "pulses", _unit(fit))
    axes.legend(
        loc="lower right", bbox_to_anchor=(1.0, 0.995), borderaxespad=0.0, markerscale=2.0, ncols=6, frameon=False, fontsize=8.5
    )


def _draw_residuals(axes: Axes, fit: Fit) -> None:
    for data, cell, colour in list(zip(fit.measurement.devices, fit.cells, _COLOURS, strict=False))[:_DEVICES]:
        prediction = predict(cell, fit.read_deviation, data)
        moved = data.pulses > 0
        standard = ((data.weights - prediction.mean) / np.sqrt(prediction.variance))[moved]
        axes.plot(_counted(data)[moved], np.clip(standard, -6.0, 6.0), "o", ms=2.3, color=colour, alpha=0.5, mew=0)
    axes.axhspan(-2.0, 2.0, color=GREY, alpha=0.1, lw=0)
    axes.axhline(0.0, color=GREY, lw=0.8)
    axes.set_ylim(-6.2, 6.2)
    axes.margins(x=0.0)
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    tidy(axes, "Residuals of the next value, in standard deviations", "pulses", "residual")


def _draw_steps(axes: Axes, fit: Fit) -> None:
    before, change, went_up = [], [], []
    for data in fit.measurement.devices:
        moved, steps = data.steps
        before.append(data.weights[np.flatnonzero(moved) - 1])
        change.append(steps)
        went_up.append(data.up[moved] == 1)
    weights, steps, up = np.concatenate(before), np.concatenate(change), np.concatenate(went_up)
    grid = np.linspace(weights.min(), weights.max(), 201)
    for which, sign, colour, label in ((up, 1.0, UP_COLOUR, "up"), (~up, -1.0, DOWN_COLOUR, "down")):
        edges = np.linspace(weights.min(), weights.max(), _BINS + 1)
        place = np.clip(np.digitize(weights[which], edges) - 1, 0, _BINS - 1)
        for bin_ in range(_BINS):
            inside = sign * steps[which][place == bin_]
            if inside.size >= 3:
                error = inside.std(ddof=1) / np.sqrt(inside.size)
                centre = _conductance(fit, np.array(0.5 * (edges[bin_] + edges[bin_ + 1])))
                axes.errorbar(
                    centre, inside.mean() * fit.measurement.unit, error * fit.measurement.unit, fmt="o", ms=3.5, color=colour
                )
        planes = [np.repeat(mean_planes(cell), grid.size, axis=2) for cell in fit.cells]
        curves = [sign * cell.mean_step(grid, plane, sign > 0.0) for cell, plane in zip(fit.cells, planes, strict=True)]
        axes.plot(
            _conductance(fit, grid), np.mean(curves, axis=0) * fit.measurement.unit, color=colour, lw=1.8, label=f"{label}, fit"
        )
    points = np.array([cell.symmetry_point(mean_planes(cell))[0] for cell in fit.cells])
    if np.isfinite(points).all():
        axes.axvline(float(_conductance(fit, points).mean()), color=POINT, lw=1.4, ls=(0, (5, 3)), label="symmetry point")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(EngFormatter(sep=""))
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    axes.legend(loc="upper center", fontsize=8.5, edgecolor="white", framealpha=0.85)
    tidy(axes, "Mean step by conductance", _unit(fit), "step")


def _unit(fit: Fit) -> str:
    if (fit.measurement.middle, fit.measurement.unit) == (0.0, 1.0):
        return "weight"
    return "conductance in S" if fit.measurement.siemens else "conductance, in the file's unit"
