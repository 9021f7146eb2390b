"""The settings that a training run uses: tuned ones, those of the rule, and the options that change them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import click

from crosstwin_model.config import ControllerConfig
from crosstwin_model.devices import Device
from crosstwin_model.emulated_config import EmulatedConfig
from crosstwin_model.plant import PlantConfig
from crosstwin_sim.errors import CrosstwinError
from crosstwin_sim.experiments.derived import MEASURED_STATES, REFERENCE, Traits, derive
from crosstwin_sim.experiments.settings import Settings
from crosstwin_sim.network import Algorithm
from crosstwin_sim.scaling import Converters

_Command = TypeVar("_Command", bound=Callable[..., None])


@dataclass(frozen=True)
class Setting:
    """An option that changes one field of :class:`Settings`; ``kind`` is what its values are."""

    option: str
    field: str
    kind: type
    meaning: str

    @property
    def key(self) -> str:
        """Its name among the parameters of a command."""
        return self.option.removeprefix("--").replace("-", "_")

    @property
    def by_layer(self) -> bool:
        """Whether a network has one value for each of its layers."""
        return self.field in _BY_LAYER


_BY_LAYER = {field.name for field in fields(Settings) if str(field.type).startswith("tuple")}

#: Every field of :class:`Settings`, in the order of the help text.
SETTINGS = (
    Setting("--rate", "rates", float, "Learning rate of the pulsed updates: conductance for an input of 1 and an error of 1."),
    Setting("--transfer-rate", "transfer_rates", float, "Added to C by a transfer, for each unit of A (shd)."),
    Setting("--transfer-every", "transfer_every", int, "Updates of A between two transfers (shd)."),
    Setting("--decay", "decay", float, "Rates of C fall to 1 / (1 + decay) over the run."),
    Setting("--skip-below", "skip_below", float, "Samples whose largest error is below that are not learned from."),
    Setting("--scale", "scales", float, "Factor behind the crossbar's outputs."),
    Setting("--initial", "initial", float, "Weights begin uniformly within +- that, in conductance."),
    Setting("--forward-gain", "forward_gains", int, "Analog gain of forward reads, a power of two: 0 to 15."),
    Setting("--backward-gain", "backward_gains", int, "The same of backward reads."),
    Setting("--transfer-gain", "transfer_gains", int, "The same of the reads of A (shd)."),
    Setting("--transfer-bl", "transfer_bl", int, "Slots of a transfer, at most (shd)."),
    Setting("--bl-min", "bl_min", int, "Slots of an update, at least."),
    Setting("--bl-max", "bl_max", int, "Slots of an update, at most."),
    Setting("--bound-steps", "bound_steps", int, "Repeats of a read that saturates, at most: 0 to 15."),
    Setting("--source", "source", str, "Random source: hammersley, lfsr or lfsr_per_line."),
    Setting("--step", "step", float, "Conductance step of a pulse that the host plans with."),
)


@dataclass(frozen=True)
class Choice:
    """The settings of a run and where they are from.

    Parameters
    ----------
    settings : Settings
        What the run uses.
    zero_shift : bool
        Whether A is zero-shifted.
    origin : str
        Where they are from, for people.
    tuned : bool
        Whether they were tuned for this very device, and nothing of them was changed.
    warning : str
        What to expect of a device that the rule was not measured on; empty for others.
    """

    settings: Settings
    zero_shift: bool
    origin: str
    tuned: bool
    warning: str = ""

    def lines(self, algorithm: Algorithm) -> str:
        """Return what a run says of its settings before it begins."""
        found = self.settings

        def show(values: Any) -> str:
            return ", ".join(f"{value:.4g}" for value in values)

        said = [f"rate {show(found.rates)}"]
        if algorithm is Algorithm.SHD:
            every = show(found.transfer_every)
            said.append(f"transfer rate {show(found.transfer_rates)} every {every} updates")
            said.append(f"{'with' if self.zero_shift else 'no'} zero-shift")
        said.append(f"decay {found.decay:.4g}")
        said.append(f"scale {show(found.scales)}")
        said.append(f"gains forward {show(found.forward_gains)}, backward {show(found.backward_gains)}")
        if algorithm is Algorithm.SHD:
            said[-1] += f", transfer {show(found.transfer_gains)}"
        text = (
            f"Settings {self.origin}: {'; '.join(said)}. Options such as --rate, --transfer-rate and --forward-gain change them."
        )
        return f"{text}\n{self.warning}" if self.warning else text


def setting_options(command: _Command) -> _Command:
    """Add the options of :data:`SETTINGS` to a command."""
    for setting in reversed(SETTINGS):
        metavar = "X[,X...]" if setting.by_layer else "NAME" if setting.kind is str else "X"
        command = click.option(setting.option, metavar=metavar, help=setting.meaning)(command)
    return command


def changed(settings: Settings, given: dict[str, str], layers: int) -> Settings:
    """Return settings with the values of options in place of theirs.

    Parameters
    ----------
    settings : Settings
        Tuned or derived ones.
    given : dict
        The options' values as written, by :attr:`Setting.key`.
    layers : int
        Layers of the network: an option takes one value for all of them, or one for each.

    Raises
    ------
    CrosstwinError
        If a value is no number, out of range, or one of too many or too few.
    """
    for setting in SETTINGS:
        written = given.get(setting.key)
        if written is None:
            continue
        try:
            values = tuple(setting.kind(word) for word in written.split(","))
        except ValueError:
            what = "whole numbers" if setting.kind is int else "numbers"
            raise CrosstwinError(f"{setting.option} is {written!r}; allowed are {what}") from None
        allowed = {1, layers} if setting.by_layer else {1}
        if len(values) not in allowed:
            most = f"one value, or {layers} with commas between them, one a layer" if setting.by_layer else "one value"
            raise CrosstwinError(f"{setting.option} is {written!r}; allowed is {most}")
        value: Any = values[0]
        if setting.by_layer:
            value = values * layers if len(values) == 1 else values
        try:
            settings = replace(settings, **{setting.field: value})
        except CrosstwinError as error:
            raise CrosstwinError(f"{setting.option} is {written!r}: {error}") from None
    return settings


def choose(
    device: Device,
    algorithm: Algorithm,
    tuned: Settings | None,
    reference: Settings,
    controller: ControllerConfig,
    array: PlantConfig | EmulatedConfig,
    *,
    zero_shift: bool | None,
    given: dict[str, str],
) -> Choice:
    """Return the settings of a run: tuned ones where the device has them, else those of the rule, with what options change.

    Parameters
    ----------
    device, algorithm
        Of the run.
    tuned : Settings or None
        Those that were tuned for this device.
    reference : Settings
        Those that were tuned for :data:`REFERENCE`, which the rule carries over.
    controller : ControllerConfig
        The run's.
    array : PlantConfig or EmulatedConfig
        Its converters.
    zero_shift : bool or None
        As asked for; None leaves it to the settings: tuned ones have none.
    given : dict
        Values of options, see :func:`changed`.
    """
    shift, warning = False, ""
    if tuned is not None:
        settings, origin = tuned, f"tuned for {device.name}"
    else:
        found = derive(reference, device, algorithm, controller, Converters(array.input_full_scale, array.adc_range))
        settings, shift = found.settings, found.zero_shift
        part = found.traits
        origin = (
            f"derived for {device.name} from those of {REFERENCE.name} ({part.states:.0f} states, steps of {part.step:.3g}, "
            f"noise {part.noise:.2f} of the half range {part.half_range:.3g}; docs/learning.md has the rule)"
        )
        warning = _warning(device.name, part)
    changes = sorted(setting.option for setting in SETTINGS if given.get(setting.key) is not None)
    if changes:
        origin += f", with {' and '.join(changes)} as given"
    settings = changed(settings, given, len(settings.rates))
    return Choice(settings, shift if zero_shift is None else zero_shift, origin, tuned is not None and not changes, warning)


def _warning(name: str, part: Traits) -> str:
    low, high = MEASURED_STATES
    if low <= part.states <= high:
        return ""
    reason = "noise of its cells drowns small weights" if part.states < low else "few pulses an epoch hardly move its cells"
    return (
        f"{name} has {part.states:.0f} states; the rule was measured on devices of {low} to {high}. Expect less: {reason} "
        "(docs/learning.md)."
    )
