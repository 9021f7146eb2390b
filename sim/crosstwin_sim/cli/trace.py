"""`crosstwin trace`: look at a recorded run, replay it, and export its pulses as tables."""

from __future__ import annotations

import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import h5py
import numpy as np
from rich.markup import escape

from crosstwin_model.config import load_config
from crosstwin_model.plant import Plant
from crosstwin_sim.errors import CrosstwinError
from crosstwin_sim.figures import figure_format
from crosstwin_sim.files import write_bytes, write_text
from crosstwin_sim.trace import Trace, initial_plant, replay
from crosstwin_sim.trace.export import Selection, Timing, export_folder, export_pulses
from crosstwin_sim.trace.plot import draw_trace
from crosstwin_sim.trace.totals import cell_history, count_all

from .common import progress, require_folder, stderr, stdout
from .trace_show import head_document, list_operations, show_cell, show_head, show_list, show_totals, totals_document


class _Range(click.ParamType):
    """Operations FIRST:LAST, the last not included; either may be left out."""

    name = "FIRST:LAST"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int | None]:
        if isinstance(value, tuple):
            return value
        first, colon, last = value.partition(":")
        if not colon or not all(end == "" or end.isdecimal() for end in (first, last)):
            self.fail(f"{value!r} is no range; allowed is FIRST:LAST, for instance 100:200", param, ctx)
        bounds = int(first or 0), int(last) if last else None
        if bounds[1] is not None and bounds[1] <= bounds[0]:
            self.fail(f"{value!r} holds no operation; allowed is FIRST below LAST", param, ctx)
        return bounds


class _Cell(click.ParamType):
    """A cell ROW,COLUMN."""

    name = "ROW,COLUMN"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        row, _, column = value.partition(",")
        if not (row.isdecimal() and column.isdecimal()):
            self.fail(f"{value!r} is no cell; allowed is ROW,COLUMN, for instance 3,17", param, ctx)
        return int(row), int(column)


_file = click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
_range = click.option("--range", "bounds", type=_Range(), default=(0, None), help="Operations FIRST:LAST, the last not included.")
_tile = click.option("--tile", type=click.IntRange(0), help="Only this tile: 4 x pair + 0 C, 1 A, 2 and 3 their references.")


@click.group()
def command() -> None:
    """Look at a recorded run, replay it on the golden model, and export its pulses as tables.

    \b
    Examples:
      crosstwin train digits --epochs 1 --trace run.h5
      crosstwin trace show run.h5
      crosstwin trace replay run.h5
      crosstwin trace export run.h5 --csv pulses.csv --range 0:100
    """


@command.command()
@_file
@_tile
@_range
@click.option("--limit", type=click.IntRange(0), default=20, show_default=True, help="Operations that are listed, at most.")
@click.option("--cells", "cell", type=_Cell(), help="The history of one cell of --tile (default 0), by a replay.")
@click.option("--operation", type=click.IntRange(0), help="The operation that --plot draws; by default that with the most slots.")
@click.option("--plot", "plot_path", metavar="FILE", type=click.Path(dir_okay=False), help="Draw pulses: png, svg or pdf.")
@click.option("--json", "json_path", metavar="FILE", type=click.Path(dir_okay=False), help="Also write all of it as JSON.")
@click.pass_context
def show(
    context: click.Context,
    path: Path,
    tile: int | None,
    bounds: tuple[int, int | None],
    limit: int,
    cell: tuple[int, int] | None,
    operation: int | None,
    plot_path: str | None,
    json_path: str | None,
) -> None:
    """Show what a trace holds: its head, its totals, its operations, and the history of a cell.

    \b
    Examples:
      crosstwin train digits --epochs 1 --trace run.h5
      crosstwin trace show run.h5
      crosstwin trace show run.h5 --tile 1 --range 100:200 --limit 100
      crosstwin trace show run.h5 --cells 3,17 --tile 1
      crosstwin trace show run.h5 --plot pulses.png --tile 1
    """
    for written in (plot_path, json_path):
        require_folder(written)
    if plot_path:
        figure_format(plot_path)
    if operation is not None and plot_path is None:
        raise click.UsageError("--operation is for --plot.")
    with Trace(path) as trace:
        _require_tile(trace, tile)
        if cell is not None:
            _require_cell(trace, cell)
        with progress("counting", trace.length) as advance:
            totals = count_all(trace, advance)
        _require_range(trace, bounds, totals.operations)
        listed = list_operations(trace, Selection(*bounds, tile), limit)
        document = head_document(trace, totals) | {"totals": totals_document(totals), "listed": listed}
        show_head(trace, totals)
        show_totals(totals)
        show_list(listed)
        difference = None
        if cell is not None:
            with progress("replaying", trace.length) as advance:
                steps, found = cell_history(trace, tile or 0, *cell, advance)
            difference = found.difference
            document["cell"] = {"tile": tile or 0, "row": cell[0], "column": cell[1], "history": [asdict(step) for step in steps]}
            show_cell(tile or 0, cell, steps, limit)
        if plot_path:
            draw_trace(plot_path, trace, totals, tile, operation)
        if json_path:
            write_text(json_path, json.dumps(document, indent=1) + "\n")
        _say(trace.cut)
        _say(difference)
    context.exit(0 if difference is None else 1)


@command.command("replay")
@_file
@click.option("--until", type=click.IntRange(0), metavar="N", help="Stop after so many operations.")
@click.option("--config", "source", metavar="NAME|FILE.toml", help="Refuse a trace of another controller.")
@click.option(
    "--save", "save_path", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Conductances: .npz or .h5."
)
@click.option("--json", "json_path", metavar="FILE", type=click.Path(dir_okay=False), help="Also write the result as JSON.")
@click.pass_context
def replay_command(
    context: click.Context, path: Path, until: int | None, source: str | None, save_path: Path | None, json_path: str | None
) -> None:
    """Replay a trace on the golden model's plant, and compare every ADC code and the final conductances.

    \b
    Examples:
      crosstwin train digits --epochs 1 --trace run.h5
      crosstwin trace replay run.h5
      crosstwin trace replay run.h5 --until 1000 --save conductances.npz
      crosstwin trace replay run.h5 --config digits --json replay.json

    The exit code is 1 if anything differs; the first difference is then shown.
    """
    for written in (save_path, json_path):
        require_folder(None if written is None else str(written))
    if save_path is not None and save_path.suffix not in (".npz", ".h5"):
        raise click.UsageError(f"--save is {str(save_path)!r}; allowed are files that end in .npz or .h5.")
    with Trace(path) as trace:
        if source is not None:
            trace.require(load_config(source))
        plant = initial_plant(trace)
        with progress("replaying", trace.length if until is None else min(until, trace.length)) as advance:
            result = replay(trace, plant, until=until, progress=advance)
        if until is not None or result.difference is not None:
            trace.whole()  # the replay ended before it could see whether the trace is cut off
        if save_path is not None:
            _save(save_path, plant)
        if json_path:
            write_text(json_path, json.dumps(asdict(result) | {"cut": trace.cut}, indent=1) + "\n")
        verdict = f"{result.operations} operations, {result.reads} reads with {result.codes} ADC codes, {result.digests} digests"
        if result.difference is None:
            compared = "Everything agrees" if result.codes or result.digests else "Nothing to compare"
            stdout.print(f"[green]{compared}[/]: {verdict}.", soft_wrap=True)
        else:
            stdout.print(f"[red]Difference[/] after {verdict}: {escape(result.difference)}.", soft_wrap=True)
        stdout.print(f"SHA-256 of all conductances {result.conductance_sha256}", soft_wrap=True)
        _say(trace.cut)
    context.exit(0 if result.difference is None else 1)


@command.command()
@_file
@click.option("--csv", "target", metavar="DIR|FILE", required=True, type=click.Path(path_type=Path), help="Where the tables go.")
@_tile
@_range
@click.option("--compact", is_flag=True, help="One row a slot, with the lines that fire; else one row for every slot and line.")
@click.option(
    "--width", type=click.FloatRange(0, min_open=True), metavar="SECONDS", help="Length of a pulse.  [default: recorded]"
)
@click.option("--gap", type=click.FloatRange(0), metavar="SECONDS", help="Idle time after it.  [default: recorded]")
@click.option(
    "--clock",
    type=click.FloatRange(0, min_open=True),
    metavar="HZ",
    default=100e6,
    show_default="100e6",
    help="Controller's clock, for recorded lengths.",
)
def export(
    path: Path,
    target: Path,
    tile: int | None,
    bounds: tuple[int, int | None],
    compact: bool,
    width: float | None,
    gap: float | None,
    clock: float,
) -> None:
    """Export pulses as a table that an arbitrary-waveform or memristor instrument can play.

    \b
    Examples:
      crosstwin train digits --epochs 1 --trace run.h5
      crosstwin trace export run.h5 --csv pulses.csv --range 0:1000
      crosstwin trace export run.h5 --csv pulses.csv --width 1e-6 --gap 1e-6 --tile 1
      crosstwin trace export run.h5 --csv tables/ --compact

    A name that ends in .csv is one table of pulses; anything else is a folder, which gets pulses.csv, reads.csv and
    initial_conductances.csv. docs/trace.md describes their columns.
    """
    timing, selection = Timing(width, gap, clock), Selection(*bounds, tile)
    single = not target.is_dir() and (target.suffix == ".csv" or target.exists())
    if single:
        require_folder(str(target))
    with Trace(path) as trace:
        _require_tile(trace, tile)
        _require_range(trace, bounds, trace.whole())
        write = export_pulses if single else export_folder
        slots = write(trace, target, timing, compact=compact, selection=selection)
        stderr.print(f"{slots} slots are in {escape(str(target if single else target / 'pulses.csv'))}.", soft_wrap=True)
        _say(trace.cut)


def _say(sentence: str | None) -> None:
    if sentence is not None:
        click.echo(f"crosstwin: {sentence}", err=True)


def _require_tile(trace: Trace, tile: int | None) -> None:
    if tile is not None and tile >= trace.controller.tiles:
        raise CrosstwinError(f"{trace.path} has no tile {tile}; allowed are 0 to {trace.controller.tiles - 1}")


def _require_range(trace: Trace, bounds: tuple[int, int | None], operations: int) -> None:
    if bounds[0] and bounds[0] >= operations:
        last = f"its last one is {operations - 1}" if operations else "it has none"
        raise CrosstwinError(f"{trace.path} has no operation {bounds[0]}: {last}")


def _require_cell(trace: Trace, cell: tuple[int, int]) -> None:
    rows, columns = trace.controller.rows, trace.controller.columns
    if cell[0] >= rows or cell[1] >= columns:
        raise CrosstwinError(
            f"{trace.path} has no cell {cell[0]},{cell[1]}; allowed are rows 0 to {rows - 1} and columns 0 to {columns - 1}"
        )


def _save(path: Path, plant: Plant) -> None:
    buffer = io.BytesIO()
    state = plant.state()
    if path.suffix == ".npz":
        np.savez_compressed(buffer, allow_pickle=False, **state)
    else:
        with h5py.File(buffer, "w") as file:
            for key, value in state.items():
                file[key] = value
    write_bytes(path, buffer.getvalue())
