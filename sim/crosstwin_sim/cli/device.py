"""`crosstwin device`: list, show, plot and fit crosspoint devices."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.markup import escape
from rich.table import Table

from crosstwin_model.devices import DEVICES, Device, load_device
from crosstwin_sim.devices.device_figures import draw_response
from crosstwin_sim.devices.device_file import device_toml
from crosstwin_sim.devices.response import (
    default_pulses,
    lowest_weight,
    measure_steps,
    respond,
    states,
    symmetry_points,
    why_no_symmetry_point,
)
from crosstwin_sim.errors import CrosstwinError
from crosstwin_sim.figures import figure_format
from crosstwin_sim.files import write_json, write_text

from .common import json_option, require_folder, stderr, stdout
from .device_fit import fit

#: Most pulses in one direction that a figure shows.
_MOST_PULSES = 1_000_000

_ADDED = "\n[dim]additive[/]"

seed_option = click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=1,
    show_default=True,
    help="Of the spread from cell to cell, and of noise.",
)


@click.group()
def command() -> None:
    """List, show, plot and fit crosspoint devices.

    \b
    Examples:
      crosstwin device list
      crosstwin device plot reram_es -o reram_es.png
      crosstwin device fit examples/pulse_trains.csv -o mine.toml --plot fit.png
      crosstwin train digits --device mine.toml

    A device is a preset's name or a TOML file with one table [device], as `fit` writes it.
    """


command.add_command(fit)


@command.command("list")
@json_option
def list_devices(json_path: str | None) -> None:
    """List the preset devices.

    \b
    Examples:
      crosstwin device list
      crosstwin device list --json devices.json

    Below each value is its spread, the standard deviation from cell to cell; c2c is that of a step from pulse to pulse, in steps.
    docs/devices.md gives the rules' formulas, and where each preset comes from.
    """
    require_folder(json_path)
    table = Table("device", "dw_min", "c2c", "range", "states")
    for column in table.columns:
        column.no_wrap = True
    for device in DEVICES.values():
        bounds = ", ".join(sorted({_percent(device.w_min_spread), _percent(device.w_max_spread)} - {""}))
        table.add_row(
            f"{device.name}\n[dim]{device.rule}[/]",
            f"{device.dw_min:.4g}\n[dim]{_percent(device.dw_min_spread)}{' log' if device.dw_min_spread_log else ''}[/]",
            f"{device.c2c:g}{_ADDED if device.additive else ''}",
            f"{lowest_weight(device):g} to {device.w_max:g}\n[dim]{bounds}[/]",
            f"{states(device):,.0f}",
        )
    stdout.print(table)
    stdout.print("'crosstwin device show NAME' shows all parameters, 'crosstwin device plot NAME' draws the pulse response.")
    if json_path:
        write_json(json_path, [_document(device) for device in DEVICES.values()])


@command.command()
@click.argument("source", metavar="NAME|FILE.toml")
@click.option("-o", "--output", metavar="FILE.toml", type=click.Path(dir_okay=False), help="Write the device to a file.")
@seed_option
@json_option
def show(source: str, output: str | None, seed: int, json_path: str | None) -> None:
    """Show a device: what it means for training, and the file that gives it.

    \b
    Examples:
      crosstwin device show ecram
      crosstwin device show ecram -o mine.toml
      crosstwin device show mine.toml --json mine.json

    A file that -o writes is a start for a device of your own.
    """
    for path in (output, json_path):
        require_folder(path)
    if output and Path(output).suffix != ".toml":
        raise CrosstwinError(f"the device {output} cannot be written: allowed are files that end in .toml")
    device = load_device(source)
    points = symmetry_points(device, seed)
    found = points[np.isfinite(points)]
    asymmetry = measure_steps(device, seed).asymmetry
    table = Table(show_header=False)
    table.add_row("rule", f"{device.rule}: {_rule(device)}")
    table.add_row("states", f"{states(device):,.1f} (range over dw_min)")
    table.add_row("asymmetry", f"{asymmetry:.3f} (mean of |up - down| / (up + down) over range and cells, steps without noise)")
    if found.size:
        text = f"{found.mean():.4g}, spread {found.std():.2g}, {found.size} of {points.size} cells have a stable one"
    else:
        text = why_no_symmetry_point(device)
    table.add_row("symmetry point", text)
    for effect, text in _effects(device):
        table.add_row(effect, text)
    if device.source:
        table.add_row("source", escape(device.source))
    stdout.print(table)
    stdout.print(escape(device_toml(device)), end="", soft_wrap=True)
    if output:
        write_text(output, device_toml(device))
        stdout.print(f"Wrote {output}", soft_wrap=True)
    if json_path:
        document = {
            "asymmetry": asymmetry,
            "symmetry_point": float(found.mean()) if found.size else None,
            "symmetry_point_spread": float(found.std()) if found.size else None,
            "cells": int(points.size),
            "cells_with_symmetry_point": int(found.size),
        }
        write_json(json_path, _document(device) | document)


@command.command()
@click.argument("source", metavar="NAME|FILE.toml")
@click.option("--pulses", type=click.IntRange(1, _MOST_PULSES), help="In each direction.  [default: the number of states]")
@click.option("-o", "--output", metavar="FILE", type=click.Path(dir_okay=False), help="png, svg or pdf.  [default: NAME.png]")
@seed_option
def plot(source: str, pulses: int | None, output: str | None, seed: int) -> None:
    """Draw a device's pulse response, its steps and its symmetry points.

    \b
    Examples:
      crosstwin device plot s3
      crosstwin device plot examples/device.toml --pulses 500 -o mine.svg

    256 cells of the simulated array get pulses up, as many down, and then alternating ones, which drive each cell to its
    symmetry point: there up and down steps are equal, and to either side they lead back. A pulse takes the time of one update.
    """
    device = load_device(source)
    path = output or f"{device.name}.png"
    require_folder(path)
    figure_format(path)
    with stderr.status(f"Pulsing {device.name}"):
        draw_response(path, respond(device, pulses or default_pulses(device), seed))
    stdout.print(f"Wrote {path}", soft_wrap=True)


def _percent(spread: float) -> str:
    return f"{100.0 * spread:.3g} %" if spread else ""


def _effects(device: Device) -> list[tuple[str, str]]:
    """What a device has beyond its rule: names, and values in words."""
    found = []
    if device.up_down or device.up_down_spread:
        text = "the down step is smaller by that part of dw_min, below 0 the up step"
        found.append(("up - down", f"{device.up_down:g}{_absolute(device.up_down_spread)} ({text})"))
    if device.c2c:
        kind = "added to a step, in steps at weight 0" if device.additive else "of a step, in parts of it"
        found.append(("noise", f"{device.c2c:g} from pulse to pulse, {kind}"))
    if device.write_noise:
        found.append(("write noise", f"{device.write_noise:g} dw_min, drawn at each pulse, around what pulses act on"))
    if device.one_sided:
        above, below = 100.0 * device.refresh_above, 100.0 * device.refresh_below
        text = f"refreshed where one is above {above:g} % and the other above {below:g} % of w_max"
        found.append(("one-sided pair", text))
    if device.lifetime:
        found.append(("lifetime", f"{device.lifetime:g} updates{_relative(device.lifetime_spread)}"))
    if device.drifts:
        found.append(("drift", f"exponent {device.drift:g}{_absolute(device.drift_spread)}"))
    if device.diffusion:
        found.append(("diffusion", f"{device.diffusion:g} an update{_relative(device.diffusion_spread)}"))
    if device.stuck:
        found.append(("stuck cells", f"{100.0 * device.stuck:g} %, within +-{device.stuck_range:g}"))
    if device.at_symmetry_point or device.reference_spread:
        place = "at the symmetry point" if device.at_symmetry_point else "at 0"
        found.append(("reference", place + _absolute(device.reference_spread)))
    return found


def _absolute(spread: float) -> str:
    return f", spread {spread:g}" if spread else ""


def _relative(spread: float) -> str:
    return f", spread {_percent(spread)}" if spread else ""


def _rule(device: Device) -> str:
    """The device's formula, from the docstring of its rule: the first sentence, or what it says of additive noise."""
    paragraphs = [" ".join(text.split()) for text in (type(device).__doc__ or "").split("\n\n")]
    added = [text.partition("Additive noise: ")[2].split(". ")[0] for text in paragraphs] if device.additive else []
    return max([*added, ""], key=len).rstrip(".") or paragraphs[0].rstrip(".")


def _document(device: Device) -> dict[str, Any]:
    return {"rule": device.rule, **asdict(device), "states": states(device)}
