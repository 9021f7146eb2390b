"""`crosstwin device fit`: fit step rules to measured pulse trains."""

from __future__ import annotations

from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from crosstwin_model.config import name_after
from crosstwin_model.devices import RULES
from crosstwin_sim.devices.device_file import device_toml
from crosstwin_sim.devices.fit_data import read_measurement
from crosstwin_sim.devices.fit_figures import draw_fit
from crosstwin_sim.devices.fit_population import CONFIDENCE, Estimate
from crosstwin_sim.devices.fitting import AUTO, METHODS, TRAJECTORY, Fit, fit_rules
from crosstwin_sim.errors import CrosstwinError
from crosstwin_sim.figures import figure_format
from crosstwin_sim.files import shown_name, write_json, write_text

from .common import json_option, progress, require_folder, stderr, stdout

_BEST = "best"
#: Below this part of the variance explained, a fit says that it is poor.
_POOR = 0.5
#: By the method that was taken: what to do where the other finds another curve.
_ADVICE = {
    "likelihood": "Noise of pulses, which adds up, may explain that; if the curve matters more, use --method trajectory.",
    "trajectory": "The model misses the curve, which the likelihood explains as noise of pulses; another model may fit better.",
}


@click.command()
@click.argument("data", metavar="DATA.csv", type=click.Path(dir_okay=False))
@click.option("--model", metavar="RULE", default=_BEST, show_default=True, help=f"best compares all: {', '.join(sorted(RULES))}.")
@click.option(
    "--method",
    type=click.Choice(METHODS),
    default=AUTO,
    show_default=True,
    help="likelihood of each value after those before it, or least squares over the whole trajectory; auto takes the trajectory "
    "where the curve of the likelihood is poor and clearly worse.",
)
@click.option("-o", "--output", metavar="FILE.toml", type=click.Path(dir_okay=False), help="Write the fitted device.")
@click.option("--plot", "plot_path", metavar="FILE", type=click.Path(dir_okay=False), help="Draw the fit: png, svg or pdf.")
@json_option
def fit(data: str, model: str, method: str, output: str | None, plot_path: str | None, json_path: str | None) -> None:
    """Fit a device to measured pulse trains.

    \b
    Examples:
      crosstwin device fit examples/pulse_trains.csv
      crosstwin device fit examples/pulse_trains.csv --model soft_bounds -o mine.toml --plot fit.png
      crosstwin train digits --device mine.toml
      crosstwin device fit examples/ramps.csv --method trajectory

    The first line of DATA.csv names its columns: pulse (number of the last pulse before the value was read; one that does not
    grow begins a new train), direction (up or down, +1 or -1, of the pulses since the row before), conductance, resistance or
    weight, and, for several devices, device; or pulse, and a column for each ramp, such as LTP1 and LTD1. Titles may give units.
    Commas, semicolons, tabs and blanks separate columns. Lost readings and jumps are named and not fitted. Conductances are
    scaled to weights: conductance = middle + unit * weight. docs/fitting.md says how the fit works.
    """
    for path in (output, plot_path, json_path):
        require_folder(path)
    if plot_path:
        figure_format(plot_path)
    if output and Path(output).suffix != ".toml":
        raise CrosstwinError(f"the device {output} cannot be written: allowed are files that end in .toml")
    rules = sorted(RULES) if model == _BEST else [model]
    name = name_after(output or data) or "fitted"
    measurement = read_measurement(data)
    for note in measurement.notes:
        stderr.print(note, soft_wrap=True)
    with progress("fitting", len(rules)) as advance:
        fits = fit_rules(measurement, rules, name, lambda: advance(1), method)
    best = fits[0]
    _print(fits)
    if best.r2 < _POOR:
        reason = "they are mostly noise, or not the pulse response of one device"
        stderr.print(f"The fit explains little of these data (R2 {best.r2:.2f}): {reason}.", soft_wrap=True)
    if output:
        write_text(output, device_toml(best.device, _comments(best)))
        stdout.print(f"Wrote {output}", soft_wrap=True)
    if plot_path:
        draw_fit(plot_path, best)
        stdout.print(f"Wrote {plot_path}", soft_wrap=True)
    if json_path:
        facts = {"source": data, "sha256": measurement.sha256, "notes": list(measurement.notes)}
        write_json(json_path, {**facts, "fits": [_document(found) for found in fits]})


def _print(fits: tuple[Fit, ...]) -> None:
    best = fits[0]
    if len(fits) > 1:
        table = Table("model", "R2", "rms, steps", "params", "AIC", "above best")
        table.columns[0].no_wrap = True
        for found in fits:
            more = f"{found.aic - best.aic:,.1f}"
            table.add_row(
                found.device.rule, f"{found.r2:.4f}", f"{found.rms_steps:.2f}", str(found.parameters), f"{found.aic:,.0f}", more
            )
        stdout.print(table)
    table = Table(f"{best.device.rule}", "value", f"{100 * CONFIDENCE:g} % interval")
    other = {}
    if best.disagrees and best.other is not None:
        table.add_column(f"by {best.other.method}")
        other = {estimate.name: f"{estimate.value:.5g}" for estimate in best.other.estimates}
    for estimate in best.estimates:
        cells = [other.get(estimate.name, "")] if other else []
        table.add_row(estimate.name, f"{estimate.value:.5g}", _interval(estimate), *cells)
    stdout.print(table)
    for line in _facts(best):
        stdout.print(line, soft_wrap=True)


def _interval(estimate: Estimate) -> str:
    if estimate.at_limit:
        return "at its limit"
    if estimate.low is None or estimate.high is None:
        return "not seen in the data"
    return f"{estimate.low:.5g} .. {estimate.high:.5g}"


def _facts(found: Fit) -> list[str]:
    measurement = found.measurement
    devices = len(measurement.devices)
    facts = [
        f"{devices} device{'s' if devices > 1 else ''}, {measurement.rows} values; R2 {found.r2:.4f}, "
        f"rms {found.rms_steps:.3g} steps, AIC {found.aic:.1f} with {found.parameters} parameters, by {found.method}"
    ]
    limits = [f"{estimate.name} {estimate.value:.4g}" for estimate in found.estimates if estimate.at_limit]
    if limits:
        facts.append(
            f"At its limit: {', '.join(limits)}. The data ask for more than a device may have; another model may fit better."
        )
    if found.disagrees and found.other is not None:
        facts.append(
            f"The methods disagree: the curve by {found.method} has R2 {found.r2:.4f}, that by {found.other.method} "
            f"{found.other.r2:.4f}. {_ADVICE[found.method]}"
        )
    if found.method == TRAJECTORY:
        facts.append("Noise is estimated from the differences of neighbouring residuals.")
    elif found.device.additive:
        facts.append(
            "Cycle-to-cycle noise is added to steps (additive = true), which fits better than noise that multiplies them."
        )
    if (measurement.middle, measurement.unit) == (0.0, 1.0):
        return [*facts, "The file holds weights; they were taken as they are."]
    unit = " S" if measurement.siemens else ""
    return [*facts, f"conductance = {measurement.middle:.6g}{unit} + {measurement.unit:.6g}{unit} * weight"]


def _comments(found: Fit) -> list[str]:
    measurement = found.measurement
    intervals = [f"  {estimate.name} {estimate.value:.5g}: {_interval(estimate)}" for estimate in found.estimates]
    return [
        f"Fitted by crosstwin {version('crosstwin')} to {shown_name(measurement.source)}, SHA-256 {measurement.sha256}",
        *measurement.notes,
        *_facts(found),
        f"{100 * CONFIDENCE:g} % intervals:",
        *intervals,
    ]


def _document(found: Fit) -> dict[str, Any]:
    return {
        "device": {"rule": found.device.rule, **asdict(found.device)},
        "estimates": [asdict(estimate) for estimate in found.estimates],
        "confidence": CONFIDENCE,
        "middle": found.measurement.middle,
        "unit": found.measurement.unit,
        "parameters": found.parameters,
        "log_likelihood": found.log_likelihood,
        "aic": found.aic,
        "r2": found.r2,
        "rms_steps": found.rms_steps,
        "method": found.method,
        "other": None if found.other is None else _document(found.other),
    }
