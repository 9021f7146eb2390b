"""`crosstwin board`: a whole board in simulation."""

from __future__ import annotations

from dataclasses import replace

import click

from crosstwin_model.config import load_config
from crosstwin_model.devices import load_device
from crosstwin_model.emulated_config import EmulatedConfig, load_emulated
from crosstwin_model.plant import Plant, PlantConfig
from crosstwin_model.plant_config import load_plant
from crosstwin_sim.board import SimulatedBoard, Terminal, serve

from .common import config_option, interruptible, stderr, stdout


@click.group("board", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Boards without a board.

    \b
    Examples:
      crosstwin board simulate
      crosstwin board simulate --help
    """


@command.command("simulate")
@config_option
@click.option("--device", metavar="NAME|FILE.toml", default="s1", show_default=True, help="Crosspoint devices of the array.")
@click.option("--plant", metavar="FILE.toml", help="Converters, wires and half-selects of the array.")
@click.option(
    "--array",
    "array_name",
    metavar="emulated|FILE.toml",
    help="In place of --device and --plant: an array emulated in the gateware, or a file with a table [emulated].",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=1, show_default=True, help="Of the array's devices and noise.")
def simulate(source: str, device: str, plant: str | None, array_name: str | None, seed: int) -> None:
    """Run the whole board design, UART pins included, Verilated, with its serial line on a pseudo-terminal.

    \b
    Examples:
      crosstwin board simulate
      crosstwin board simulate --config tiny --seed 3
      crosstwin board simulate --array emulated
      crosstwin train digits --backend serial --port /dev/pts/3    # in another terminal, with the port that was printed

    It runs until Ctrl-C. The array is new each time; a training run with the same device, plant and seed gives the same results
    on it as on the back end model. Any speed may be named with --baud: a pseudo-terminal has none.
    """
    config = load_config(source)
    array: Plant | EmulatedConfig
    if array_name is None:
        analog = replace(PlantConfig() if plant is None else load_plant(plant), device=load_device(device), seed=seed)
        array = Plant(config, analog)
    else:
        array = load_emulated(array_name)
    board = SimulatedBoard(config, array, report=lambda step: stderr.print(f"{step[0].upper()}{step[1:]} ..."))
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
