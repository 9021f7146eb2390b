"""`crosstwin board`: what a board is, whether it works, and a whole board in simulation."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, replace
from typing import TypeVar, cast

import click
from click.core import ParameterSource
from rich.markup import escape
from rich.table import Table

from crosstwin_model.config import ControllerConfig, load_config
from crosstwin_model.devices import load_device
from crosstwin_model.emulated import EmulatedPlant
from crosstwin_model.emulated_config import EmulatedConfig, load_emulated
from crosstwin_model.plant import Plant, PlantConfig
from crosstwin_model.plant_config import load_plant
from crosstwin_model.registers import register_map
from crosstwin_sim.board import SimulatedBoard, Terminal, serve
from crosstwin_sim.files import write_json
from crosstwin_sim.link import open_board
from crosstwin_sim.link.identity import version_text
from crosstwin_sim.link.port import BAUDS, DEFAULT_BAUD
from crosstwin_sim.link.selftest import Outcome, array_traffic, compare, digital_traffic
from crosstwin_sim.model_backend import ModelBackend
from crosstwin_sim.rtl.netlist import FAMILIES

from .common import config_option, interruptible, json_option, progress, require_folder, stderr, stdout

_Command = TypeVar("_Command", bound=Callable[..., None])


def _port_options(command: _Command) -> _Command:
    """Add the options that say where a board is."""
    command = click.option(
        "--baud",
        type=int,
        default=DEFAULT_BAUD,
        show_default=True,
        help=f"Speed of its bitstream's line, {BAUDS[0]} to {BAUDS[1]}.",
    )(command)
    return click.option("--port", metavar="NAME", required=True, help="Its serial port, for instance /dev/ttyUSB0.")(command)


@click.group("board", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Ask a board what it is, test it, or simulate one.

    \b
    Examples:
      crosstwin board info --port /dev/ttyUSB0
      crosstwin board test --port /dev/ttyUSB0 --array emulated
      crosstwin board simulate

    To learn on a board: crosstwin train digits --backend serial --port /dev/ttyUSB0. docs/boards.md says how to get a bitstream
    onto one, docs/host_link.md how it is talked to.
    """


@command.command()
@_port_options
@json_option
def info(port: str, baud: int, json_path: str | None) -> None:
    """Show what a board is, from its registers. Nothing on it is changed.

    \b
    Examples:
      crosstwin board info --port /dev/ttyUSB0
      crosstwin board info --port /dev/ttyUSB0 --json board.json

    Whether an array is emulated in its bitstream, and which, no register tells: crosstwin board test finds it out.
    """
    require_folder(json_path)
    with closing(open_board(port, baud=baud, renew=False)) as backend:
        config = backend.config
        version = version_text(backend.read(register_map(config)["VERSION"].offset))
    parts = _parts(config)
    table = Table(show_header=False)
    for name, value in {"register map": f"version {version}", **parts}.items():
        table.add_row(name.replace("_", " "), ", ".join(value) if isinstance(value, list) else str(value))
    stdout.print(table)
    stdout.print(
        f"{port} is a Crosstwin controller of {config.rows} x {config.columns} lines and {config.tiles} tiles.", soft_wrap=True
    )
    if json_path:
        write_json(json_path, {"port": port, "baud": baud, "version": version, "controller": parts})


def _parts(config: ControllerConfig) -> dict[str, object]:
    """Return a board's configuration, which has no name there, as JSON knows it."""
    parts = asdict(config) | {"sources": list(config.sources)}
    del parts["name"]
    return parts


@command.command("test")
@_port_options
@click.option(
    "--array",
    "array_name",
    metavar="emulated|FILE.toml",
    help="The array in its bitstream, or a file with a table [emulated].  [default: no line of the array is driven]",
)
@json_option
@click.pass_context
def test_command(context: click.Context, port: str, baud: int, array_name: str | None, json_path: str | None) -> None:
    """Run the same short traffic on a board and on the golden model, and compare everything, bit for bit.

    \b
    Examples:
      crosstwin board test --port /dev/ttyUSB0 --array emulated
      crosstwin board test --port /dev/ttyUSB0 --array examples/emulated.toml --json test.json
      crosstwin board test --port /dev/ttyUSB0

    With --array every tile is pulsed and read, in every way and with every random source that the board has: results, counters,
    clock cycles and registers must be those of the golden model with the array's twin. A bitstream of another array is found.

    Without it no line of the array is driven, so that an analog one stays as it is: compared are registers, refusals, and
    counters and clock cycles of updates in which no line fires. The board is reset. The exit code is 1 if anything differs.
    """
    require_folder(json_path)
    array = None if array_name is None else load_emulated(array_name)
    with closing(open_board(port, baud=baud)) as backend:
        config = backend.config
        plant = Plant(config, PlantConfig()) if array is None else cast(Plant, EmulatedPlant(config, array))
        twin = ModelBackend(config, plant)
        traffic = digital_traffic if array is None else array_traffic(array)
        began = time.monotonic()
        with progress("Testing", 100) as advance:
            shown = 0

            def tell(done: int, total: int) -> None:
                nonlocal shown
                advance(100 * done // total - shown)
                shown = 100 * done // total

            outcome = compare(backend, twin, traffic, tell)
        seconds = time.monotonic() - began
        cycles = backend.read(register_map(config)["CYCLES"].offset)
    _show_outcome(outcome, array, f"{config.rows} x {config.columns} lines, {cycles} clock cycles, {seconds:.1f} s")
    if json_path:
        document = {"port": port, "baud": baud, "controller": _parts(config), "array": None if array is None else asdict(array)}
        write_json(json_path, document | asdict(outcome) | {"clock_cycles": cycles, "seconds": seconds})
    context.exit(0 if outcome.difference is None else 1)


def _show_outcome(outcome: Outcome, array: EmulatedConfig | None, run: str) -> None:
    """Print what a self-test found, in one line."""
    if outcome.difference is None:
        what = "Everything agrees" if array else "Everything agrees, with no line of the array driven"
        stdout.print(f"[green]{what}[/]: {outcome.compared} results and registers; {run}.", soft_wrap=True)
    else:
        hint = "; check that the bitstream has this emulated array" if array else ""
        stdout.print(f"[red]The board differs[/]: {escape(outcome.difference)}{hint}.", soft_wrap=True)


@command.command("simulate")
@config_option
@click.option("--device", metavar="NAME|FILE.toml", default="s1", show_default=True, help="Crosspoint devices of the array.")
@click.option("--plant", metavar="FILE.toml", help="Converters, wires and half-selects of the array.")
@click.option(
    "--array",
    "array_name",
    metavar="emulated|FILE.toml",
    help="In place of --device, --plant and --seed: an array emulated in the gateware, or a file with a table [emulated].",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=1, show_default=True, help="Of the array's devices and noise.")
@click.option(
    "--family",
    type=click.Choice(list(FAMILIES)),
    help="In place of the design as it is written: the netlist that Yosys makes of it for that FPGA, at a tenth of the speed.",
)
@click.pass_context
def simulate(
    context: click.Context,
    source: str,
    device: str,
    plant: str | None,
    array_name: str | None,
    seed: int,
    family: str | None,
) -> None:
    """Run the whole board design, UART pins included, Verilated, with its serial line on a pseudo-terminal.

    \b
    Examples:
      crosstwin board simulate
      crosstwin board simulate --config tiny --seed 3
      crosstwin board simulate --array emulated
      crosstwin board simulate --config small --array emulated --family ecp5
      crosstwin train digits --backend serial --port /dev/pts/3    # in another terminal, with the port that was printed

    It runs until Ctrl-C. The array is new each time; a training run with the same device, plant and seed gives the same results
    on it as on the back end model. Any speed may be named with --baud: a pseudo-terminal has none.
    """
    given = (key for key in ("device", "plant", "seed") if context.get_parameter_source(key) is not ParameterSource.DEFAULT)
    if array_name is not None and any(given):
        raise click.UsageError("--array has devices, converters and a seed of its own; leave --device, --plant and --seed out.")
    config = load_config(source)
    array: Plant | EmulatedConfig
    if array_name is None:
        analog = replace(PlantConfig() if plant is None else load_plant(plant), device=load_device(device), seed=seed)
        array = Plant(config, analog)
    else:
        array = load_emulated(array_name)
    board = SimulatedBoard(config, array, family=family, report=lambda step: stderr.print(f"{step[0].upper()}{step[1:]} ..."))
    try:
        with Terminal() as terminal, interruptible() as check:
            stdout.print(f"A board of the configuration {config.name} is on {terminal.port}; Ctrl-C ends it.", soft_wrap=True)
            stdout.file.flush()
            try:
                serve(board, terminal, check)
            except KeyboardInterrupt:
                digest = f"; SHA-256 of all conductances {board.plant.digest()}" if board.plant else ""
                stdout.print(f"{board.clock} clock cycles{digest}", soft_wrap=True)
    finally:
        board.close()
