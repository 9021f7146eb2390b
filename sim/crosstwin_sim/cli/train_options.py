"""The options that all training subcommands share, and what they mean together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self, TypeVar

import click

from crosstwin_model.config import ControllerConfig
from crosstwin_model.devices import DEVICES, Device, load_device
from crosstwin_model.devices.soft_bounds import SoftBounds
from crosstwin_model.emulated_config import EmulatedConfig, load_emulated
from crosstwin_model.plant import PlantConfig
from crosstwin_model.plant_config import load_plant
from crosstwin_sim.backends import BACKENDS, SERIAL
from crosstwin_sim.errors import CrosstwinError
from crosstwin_sim.experiments.settings import Settings
from crosstwin_sim.figures import figure_format
from crosstwin_sim.link.port import DEFAULT_BAUD
from crosstwin_sim.network import Algorithm

from .common import json_option, require_folder
from .train_settings import SETTINGS, Choice, choose, setting_options

_Command = TypeVar("_Command", bound=Callable[..., None])


def run_options(epochs: int) -> Callable[[_Command], _Command]:
    """Return a decorator that adds the options of :class:`Wanted`, with that many epochs by default."""
    options = (
        click.option(
            "--algorithm",
            type=click.Choice(["sgd", "shd", "float"]),
            default="shd",
            show_default=True,
            help="float: no crossbar.",
        ),
        click.option(
            "--device",
            metavar="NAME|FILE.toml",
            default="s1",
            show_default=True,
            help="A preset, or a file with a table [device].",
        ),
        click.option(
            "--plant",
            metavar="FILE.toml",
            help="Converters, wires and half-selects of the array: a file with a table [plant].",
        ),
        click.option(
            "--array",
            "array_name",
            metavar="emulated|FILE.toml",
            help="In place of --device and --plant: the array that can be emulated in fabric, or a file with a table [emulated].",
        ),
        click.option(
            "--zero-shift/--no-zero-shift",
            default=None,
            help="First drive A to its symmetry point and program its reference to it (shd).  [default: as the settings say]",
        ),
        click.option(
            "--backend",
            type=click.Choice((*BACKENDS, SERIAL)),
            help="serial: a board.  [default: rtl where a C++ compiler and its packages are found, else model]",
        ),
        click.option("--port", metavar="NAME", help="Serial port of the board, for instance /dev/ttyUSB0 (serial)."),
        click.option(
            "--baud",
            type=click.IntRange(1),
            default=DEFAULT_BAUD,
            show_default=True,
            help="Speed of its bitstream's line (serial).",
        ),
        click.option(
            "--threads",
            type=int,
            metavar="N",
            default=1,
            show_default=True,
            help="Threads that share large updates and reads of the array, 1 to 64: same bits; pays from 256 x 256 on.",
        ),
        click.option("--epochs", type=click.IntRange(1, 1000), default=epochs, show_default=True),
        click.option(
            "--seed",
            type=click.IntRange(0, 2**32 - 1),
            default=1,
            show_default=True,
            help="Of data, weights, devices and noise.",
        ),
        json_option,
        click.option("--plot", metavar="FILE", type=click.Path(dir_okay=False), help="Also draw the run: png, svg or pdf."),
        click.option(
            "--checkpoint",
            metavar="FILE",
            type=click.Path(dir_okay=False, path_type=Path),
            help="Where every finished epoch is kept; without --resume, one that is there is replaced.  "
            "[default: build/train/RUN.npz]",
        ),
        click.option("--resume", is_flag=True, help="Go on from the checkpoint, to the same final bits."),
        click.option(
            "--trace",
            metavar="FILE",
            type=click.Path(dir_okay=False, path_type=Path),
            help="Record every pulse and read, for 'crosstwin trace'; one that is there is refused, or gone on with by --resume.",
        ),
    )

    def decorate(command: _Command) -> _Command:
        command = setting_options(command)
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


@dataclass(frozen=True)
class Wanted:
    """The options that every training subcommand has."""

    algorithm: str
    device: str
    plant: str | None
    array_name: str | None
    zero_shift: bool | None
    backend: str | None
    port: str | None
    baud: int
    threads: int
    epochs: int
    seed: int
    json_path: str | None
    plot: str | None
    checkpoint: Path | None
    resume: bool
    trace: Path | None
    #: Values of the options of :data:`crosstwin_sim.cli.train_settings.SETTINGS` that were given, by their keys.
    given: dict[str, str]

    @classmethod
    def of(cls, options: dict[str, Any]) -> Self:
        """Return the options of a command, those that change settings in one dictionary."""
        keys = {setting.key for setting in SETTINGS}
        given = {key: value for key, value in options.items() if key in keys and value is not None}
        return cls(**{key: value for key, value in options.items() if key not in keys}, given=given)

    def __post_init__(self) -> None:
        self._refuse_useless()
        if self.array_name and (self.device != "s1" or self.plant):
            raise click.UsageError("--array has devices and converters of its own; leave --device and --plant out.")
        if (self.backend == SERIAL) != (self.port is not None):
            raise click.UsageError("--backend serial and --port go together: name the board's serial port with --port.")
        for written in (self.json_path, self.plot, self.checkpoint, self.trace):
            require_folder(None if written is None else str(written))
        if self.plot:
            figure_format(self.plot)
        if self.trace and self.trace.exists() and not self.resume:
            raise CrosstwinError(
                f"the trace {self.trace} is there already; name another file, add --resume to go on with it, or delete it"
            )

    def _refuse_useless(self) -> None:
        """Refuse options that the others leave without effect: whoever gave them expects one."""
        given = {
            "--zero-shift": self.zero_shift is not None,
            "--backend": self.backend is not None,
            "--port": self.port is not None,
            "--baud": self.baud != DEFAULT_BAUD,
            "--plant": self.plant is not None,
            "--array": self.array_name is not None,
            "--threads": self.threads != 1,
            "--checkpoint": self.checkpoint is not None,
            "--resume": self.resume,
            "--trace": self.trace is not None,
            **{setting.option: setting.key in self.given for setting in SETTINGS},
        }

        def refuse(reason: str, *names: str) -> None:
            useless = [name for name in names if given[name]]
            if useless:
                raise click.UsageError(f"{reason}; leave {' and '.join(useless)} out.")

        if self.algorithm == "float":
            refuse("--algorithm float uses no crossbar", *given)
        if self.algorithm == "sgd":
            transfers = (setting.option for setting in SETTINGS if setting.option.startswith("--transfer"))
            refuse("--algorithm sgd does not use A, as shd does", "--zero-shift", *transfers)
        if self.backend == SERIAL:
            refuse("A board's array can be neither kept nor recorded", "--checkpoint", "--resume", "--trace")
            refuse("A board's array has no threads", "--threads")
        elif self.port is None:
            refuse("The line to a board is for --backend serial", "--baud")
        if self.array_name:
            refuse("The emulated array of --array has neither threads nor a trace", "--threads", "--trace")

    @property
    def chosen(self) -> Algorithm:
        """The algorithm whose settings are taken; the float reference takes those of SHD."""
        return Algorithm.SHD if self.algorithm == "float" else Algorithm(self.algorithm)

    def load_device(self) -> Device:
        """Return the device; of an emulated array, what the host must know of it."""
        array = self.load_array()
        if array is None:
            return load_device(self.device)
        shared = ("dw_min", "dw_min_spread", "up_down", "up_down_spread", "c2c", "w_max", "w_min", "w_max_spread", "w_min_spread")
        return SoftBounds(name="emulated", **{key: getattr(array, key) for key in shared})

    def load_array(self) -> EmulatedConfig | None:
        """Return the emulated array, or None where devices and plant are simulated."""
        return None if self.array_name is None else load_emulated(self.array_name)

    def load_plant(self) -> PlantConfig:
        """Return the rest of the array."""
        return PlantConfig() if self.plant is None else load_plant(self.plant)

    def choose(
        self,
        device: Device,
        tuned: Callable[[Device, Algorithm], Settings | None],
        reference: Callable[[Algorithm], Settings],
        controller: ControllerConfig,
    ) -> Choice:
        """Return the run's settings.

        Parameters
        ----------
        device : Device
            Of the run.
        tuned : callable
            Returns the settings that were tuned for a device, or None. An emulated array with the cells of a preset has those of
            the preset.
        reference : callable
            Returns those that were tuned for the device that the rule carries settings over from.
        controller : ControllerConfig
            The run's.
        """
        array = self.load_array()
        twin = (
            device if array is None else next((one for one in DEVICES.values() if replace(device, name=one.name) == one), device)
        )
        return choose(
            device,
            self.chosen,
            tuned(twin, self.chosen),
            reference(self.chosen),
            controller,
            array or self.load_plant(),
            zero_shift=self.zero_shift,
            given=self.given,
        )
