"""`crosstwin fpga`: build bitstreams, measure sizes of controllers, and show what they take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.markup import escape
from rich.status import Status
from rich.table import Table

from crosstwin_model.config import PRESETS, SOURCE_NAMES, load_config
from crosstwin_model.emulated_config import load_emulated
from crosstwin_sim.errors import CrosstwinError
from crosstwin_sim.figures import figure_format
from crosstwin_sim.files import write_json
from crosstwin_sim.fpga.boards import BOARDS
from crosstwin_sim.fpga.build import Built, build, clear, fpga_folder
from crosstwin_sim.fpga.devices import DEVICES
from crosstwin_sim.fpga.reports import draw_sizes, load_reports, load_sizes, measure_size

from .common import json_option, require_folder, stderr, stdout

#: Sizes of a sweep unless others are named.
SIZES = (8, 16, 32, 64)

#: Devices that it can measure.
MEASURED = [name for name, device in DEVICES.items() if device.family.unconstrained]


@click.group()
def command() -> None:
    """Build bitstreams for boards, and show what they take.

    \b
    Examples:
      crosstwin fpga build --board ulx3s-25f
      crosstwin fpga sweep --device ecp5-25
      crosstwin fpga report

    docs/boards.md has each board's connectors, and how to load a bitstream.
    """


@command.command("build")
@click.option("--board", "name", metavar="NAME", help=f"The board: {', '.join(BOARDS)}.")
@click.option(
    "--config",
    "source",
    metavar="NAME|FILE.toml",
    help=f"Configuration: a preset ({', '.join(PRESETS)}) or a TOML file with a table [controller].  [default: the board's]",
)
@click.option(
    "--source",
    "random",
    metavar="NAME",
    help=f"Only random source: {', '.join(SOURCE_NAMES)}.  [default: the configuration's]",
)
@click.option(
    "--array",
    metavar="pins|emulated|FILE.toml",
    help="An analog array on the board's connectors, or one emulated in fabric, with a TOML file's table [emulated].  "
    "[default: emulated, on the iCEBreaker pins]",
)
@json_option
def build_command(name: str | None, source: str | None, random: str | None, array: str | None, json_path: str | None) -> None:
    """Build a board's bitstream and its report, or, for the Arty, a project for Vivado.

    \b
    Examples:
      crosstwin fpga build --board ulx3s-25f
      crosstwin fpga build --board arty-a7-35 --array pins
      crosstwin fpga build --board ulx3s-85f --config digits --source hammersley --json build.json

    Everything goes to build/fpga/BOARD: the bitstream crosstwin.bit, .bin or .fs, and report.json. If the design does not fit, is
    too slow for the board's clock or anything else goes wrong, nothing is left there, also not what was built before.
    """
    if name not in BOARDS:
        raise CrosstwinError(
            f"{'--board is missing' if name is None else f'there is no board {name!r}'}; allowed are {', '.join(BOARDS)}"
        )
    board = BOARDS[name]
    clear(board)
    require_folder(json_path)
    array = array or ("pins" if board.emulated is None else "emulated")
    if array not in ("pins", "emulated") and Path(array).suffix != ".toml":
        raise CrosstwinError(f"there is no array {array!r}; allowed are pins, emulated or a .toml file")
    emulated = None if array == "pins" else load_emulated(array)
    usual = board.pinned if emulated is None or board.emulated is None else board.emulated
    config = usual if source is None else load_config(source)
    if random is not None:
        config = replace(config, sources=(random,))
    with stderr.status("Beginning") as status:
        built = build(board, config, array=emulated, report=_reporter(status, board.title))
    _show_build(built)
    if json_path:
        write_json(json_path, built.document())


@command.command()
@click.option("--device", type=click.Choice(MEASURED), default="ecp5-25", show_default=True, help="The FPGA.")
@click.option(
    "--lines",
    type=click.IntRange(1, 2048),
    multiple=True,
    help=f"Rows and columns; repeat it.  [default: {', '.join(map(str, SIZES))}]",
)
@click.option(
    "--source", "random", type=click.Choice(SOURCE_NAMES), default="hammersley", show_default=True, help="Only random source."
)
def sweep(device: str, lines: tuple[int, ...], random: str) -> None:
    """Place and route the controller alone in several sizes, for the table and the plot of the report.

    \b
    Examples:
      crosstwin fpga sweep
      crosstwin fpga sweep --device up5k --lines 8 --lines 16

    What is measured goes to build/fpga/sizes.json; a size that is there already is measured anew.
    """
    with stderr.status("Beginning") as status:
        for size in lines or SIZES:
            name = f"{size} x {size} on {DEVICES[device].name}"
            measure_size(size, device, random, report=_reporter(status, name))
    _show_sizes()


@command.command()
@click.option(
    "-o", "--output", metavar="FILE", help="Plot of area and Fmax: png, svg or pdf.  [default: report.png in build/fpga]"
)
@json_option
def report(output: str | None, json_path: str | None) -> None:
    """Show what all builds take, and plot area and Fmax against tile size, as far as `sweep` has measured it.

    \b
    Examples:
      crosstwin fpga build --board ulx3s-25f
      crosstwin fpga report
      crosstwin fpga report -o area.svg --json fpga.json
    """
    if output is not None:
        require_folder(output)
        figure_format(output)
    require_folder(json_path)
    builds, sizes = load_reports(), load_sizes()
    if not builds and not sizes:
        raise CrosstwinError(f"nothing has been built in {fpga_folder()}: run 'crosstwin fpga build --board ulx3s-25f' first")
    if builds:
        _show_builds(builds)
    if sizes:
        _show_sizes()
        path = output or str(fpga_folder() / "report.png")
        draw_sizes(path, sizes)
        stdout.print(f"Wrote {path}.", soft_wrap=True)
    else:
        stdout.print("There is no plot: 'crosstwin fpga sweep' measures the sizes that it shows.")
    if json_path:
        write_json(json_path, {"builds": builds, "sizes": [size.document() for size in sizes]})


def _reporter(status: Status, name: str) -> Callable[[str], None]:
    """Return what shows each step of a build as it begins."""
    return lambda step: status.update(f"{name}: {step}")


def _show_build(built: Built) -> None:
    """Print what one build took, and its critical path."""
    report = built.report
    if report is None:
        stdout.print(f"The project is in {built.bitstream}: 'bash build_crosstwin.sh' there runs Vivado on it.", soft_wrap=True)
        return
    table = Table("", "used", "available")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, key in (("LUT4", "lut4"), ("flip-flops", "ff"), ("block RAM", "bram"), ("multipliers", "dsp")):
        table.add_row(name, str(getattr(report, key)), str(getattr(report, f"{key}_available")))
    stdout.print(table)
    path = Table("critical path", "ns")
    path.columns[1].justify = "right"
    for step in report.critical_path:
        path.add_row(escape(step.name), f"{step.at_ns:.2f}")
    stdout.print(path)
    stdout.print(
        f"Wrote {built.bitstream} in {built.seconds:.0f} s: {built.rows} x {built.columns} lines, array {built.array}; "
        f"{report.fmax_mhz:.1f} MHz, the clock has {report.target_mhz:g} MHz.",
        soft_wrap=True,
    )


def _show_builds(builds: list[dict[str, Any]]) -> None:
    """Print a line for every board's build."""
    table = Table("board", "lines", "array", "LUT4", "FF", "RAM", "DSP", "Fmax", "clock")
    for column in table.columns:
        column.no_wrap = True
    for column in table.columns[3:]:
        column.justify = "right"
    for built in builds:
        row = [built["board"], f"{built['rows']} x {built['columns']}", built["array"]]
        if "fmax_mhz" in built:
            row += [str(built[key]) for key in ("lut4", "ff", "bram", "dsp")]
            row += [f"{built['fmax_mhz']:.1f}", f"{built['target_mhz']:g}"]
        else:
            row.append("Vivado")
        table.add_row(*row)
    stdout.print(table)
    stdout.print("Fmax and the board's clock are in MHz.")


def _show_sizes() -> None:
    """Print a line for every size that has been measured."""
    table = Table("controller alone", "source", "device", "LUT4", "FF", "RAM", "DSP", "Fmax MHz")
    for column in table.columns[3:]:
        column.justify = "right"
    for size in load_sizes():
        report = size.report
        figures = (report.lut4, report.ff, report.bram, report.dsp)
        name = DEVICES[report.device].name
        table.add_row(f"{size.lines} x {size.lines}", size.source, name, *map(str, figures), f"{report.fmax_mhz:.1f}")
    stdout.print(table)
