"""`crosstwin device`: list, show, plot and fit crosspoint devices."""

from __future__ import annotations

from dataclasses import asdict
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
from crosstwin_sim.figures import figure_format
from crosstwin_sim.files import write_json

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
      crosstwin device fit measured.csv -o mine.toml --plot fit.png
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
@seed_option
@json_option
def show(source: str, seed: int, json_path: str | None) -> None:
    """Show a device: what it means for training, and the file that gives it.

    \b
    Examples:
      crosstwin device show ecram
      crosstwin device show mine.toml --json mine.json
    """
    require_folder(json_path)
    device = load_device(source)
    points = symmetry_points(device, seed)
    found = points[np.isfinite(points)]
    asymmetry = measure_steps(device, seed).asymmetry
    table = Table(show_header=False)
    table.add_row("rule", f"{device.rule}: {_rule(device)}")
    table.add_row("states", f"{states(device):,.1f} (range over dw_min)")
    table.add_row("asymmetry", f"{asymmetry:.3f} (mean of |up - down| / (up + down) over range and cells, steps without noise)")
    if found.size:
        text = f"{found.mean():.4g}, spread {found.std():.2g}, {found.size} of {points.size} cells have one"
    else:
        text = why_no_symmetry_point(device)
    table.add_row("symmetry point", text)
    for effect in _effects(device):
        table.add_row("", effect)
    stdout.print(table)
    stdout.print(escape(device_toml(device)), end="", soft_wrap=True)
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
      crosstwin device plot mine.toml --pulses 500 -o mine.svg

    256 cells of the simulated array get pulses up, as many down, and then alternating ones, which drive each cell to its
    symmetry point: there up and down steps are equal.
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


def _effects(device: Device) -> list[str]:
    """What a device has beyond its rule, in words."""
    found = []
    if device.up_down or device.up_down_spread:
        found.append(f"up/down {device.up_down:g} +-{device.up_down_spread:g}")
    if device.one_sided:
        found.append("one-sided pair")
    if device.write_noise:
        found.append(f"write noise {device.write_noise:g} dw_min")
    if device.lifetime:
        found.append(f"lifetime {device.lifetime:g} updates")
    if device.drift:
        found.append(f"drift exponent {device.drift:g}")
    if device.stuck:
        found.append(f"{100.0 * device.stuck:g} % stuck")
    if device.at_symmetry_point:
        found.append("reference at the symmetry point")
    return found


def _rule(device: Device) -> str:
    """The first sentence of the rule's docstring: its formula."""
    return " ".join((type(device).__doc__ or "").split("\n\n")[0].split()).rstrip(".")


def _document(device: Device) -> dict[str, Any]:
    return {"rule": device.rule, **asdict(device), "states": states(device)}
