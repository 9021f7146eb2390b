"""What a fit varies: the parameters of a step rule as a vector of numbers without limits, and back to a device.

Parameters are found in the fields of the rule's class, so that a rule added later can be fitted as it is. Steps and bounds, and
every field of the rule that has a spread from cell to cell, belong to each measured device; the others, the noise of pulses and
the noise of reads among them, to all. Positive ones are varied by their logarithm.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstwin_model.config import ConfigurationError
from crosstwin_model.devices import DEVICES, Device
from crosstwin_model.effects import effective

from .fit_data import DeviceData

#: Steps at w = 0, which stand for dw_min and up_down, and bounds: parameters of every device of any rule, all positive.
CELL = ("up", "down", "w_max", "-w_min")
#: Noise of a pulse as part of its step, and of a read in weights: parameters of any rule that all devices share.
NOISE = ("c2c", "read_deviation")

#: Standard deviations of the weak normal prior around the starting value, which keeps what the data say nothing about in place:
#: of a logarithm, of the logarithm of a noise, and of other numbers relative to their size or 1.
_LOG_PRIOR, _NOISE_PRIOR, _LINEAR_PRIOR = 2.0, 3.0, 2.0
#: Least number that a logarithm starts at.
_LEAST = 0.01
#: A number of the vector counts as determined by the data if they leave at most this part of its prior's deviation.
DETERMINED = 0.25
#: Where the logarithm of a noise is held that the data do not show.
NOTHING = -40.0
#: A number is at its limit if no device may have one that is larger, or smaller, by that much.
_AT_LIMIT = 0.02
#: Points of a table that no preset gives.
_POINTS = 6


@dataclass(frozen=True)
class Entry:
    """One number of the vector.

    Parameters
    ----------
    name : str
        A field of the rule, ``field[i]`` of a table, or one of :data:`CELL` and :data:`NOISE`.
    device : int
        The measured device that it belongs to, -1 for all.
    start : float
        Where the fit starts: the value or, if ``log``, its logarithm.
    prior : float
        Standard deviation of the prior around the start.
    log : bool
        Whether it is the logarithm that is varied.
    """

    name: str
    device: int
    start: float
    prior: float
    log: bool


def own_fields(rule: type[Device]) -> tuple[str, ...]:
    """Return the numbers and tables of numbers of a rule's response that it adds to those of every device.

    Spreads are left aside, and so are fields that give the noise another form.
    """
    base = {field.name for field in fields(Device)}
    names = [field for field in fields(rule) if field.name not in base]
    kept = [field for field in names if not field.name.endswith("_spread") and not field.name.startswith("c2c_")]
    return tuple(field.name for field in kept if field.type == "float" or str(field.type).startswith("tuple"))


def starts(rule: type[Device]) -> tuple[dict[str, Any], ...]:
    """Return values of the fields that the rule adds, for its fits to start from: its presets', each once, or its defaults.

    A rule without presets starts from flat tables.
    """
    names = own_fields(rule)
    found: list[dict[str, Any]] = []
    for device in DEVICES.values():
        values = {name: getattr(device, name) for name in names} if type(device) is rule else {}
        if values and not device.one_sided and values not in found:
            found.append(values)
    if found:
        return tuple(found)
    defaults = {field.name: field.default for field in fields(rule) if field.name in names}
    return ({name: (1.0,) * _POINTS if isinstance(value, tuple) else value for name, value in defaults.items()},)


class Parameters:
    """The vector of one fit.

    Parameters
    ----------
    rule : type of Device
        Class of the step rule.
    start : mapping of str to field value
        Values of the rule's own fields to start from; those that are no numbers stay as they are.
    data : sequence of DeviceData
        The measured devices.

    Attributes
    ----------
    entries : tuple of Entry
        What each number of the vector is.
    step : float
        Mean size of the measured steps, in weights.
    """

    def __init__(self, rule: type[Device], start: Mapping[str, Any], data: Sequence[DeviceData]) -> None:
        self.rule = rule
        self.given = dict(start)
        spread = {field.name for field in fields(rule)}
        own = own_fields(rule)
        entries = []
        for number, device in enumerate(data):
            entries += _cell_entries(device, number)
            entries += [self._own(name, number, start[name]) for name in own if f"{name}_spread" in spread]
        for name in own:
            if isinstance(start[name], tuple):
                # The middle of a table stays as it is: the size of steps is in dw_min.
                middle = len(start[name]) // 2
                entries += [self._own(f"{name}[{i}]", -1, item) for i, item in enumerate(start[name]) if i != middle]
            elif f"{name}_spread" not in spread:
                entries.append(self._own(name, -1, start[name]))
        step = float(np.mean([np.abs(device.steps[1]).mean() for device in data]))
        self.step = step
        entries.append(Entry("c2c", -1, math.log(0.3), _NOISE_PRIOR, True))
        entries.append(Entry("read_deviation", -1, math.log(0.3 * step), _NOISE_PRIOR, True))
        self.entries = tuple(entries)
        self._of_device = [
            tuple(i for i, entry in enumerate(self.entries) if entry.device in (-1, number)) for number in range(len(data))
        ]

    def indices(self, device: int) -> tuple[int, ...]:
        """Return which numbers of the vector a measured device depends on."""
        return self._of_device[device]

    def at_limit(self, vector: NDArray[np.float64], i: int) -> bool:
        """Return whether number ``i`` stands at the end of what a device may have."""
        entry = self.entries[i]
        distance = _AT_LIMIT * (1.0 if entry.log else max(abs(vector[i]), 1.0))
        for sign in (-1.0, 1.0):
            moved = vector.copy()
            moved[i] += sign * distance
            try:
                self.build(moved, max(entry.device, 0))
            except ConfigurationError:
                return True
        return False

    def _own(self, name: str, device: int, value: float) -> Entry:
        """A number of the rule's own, by its logarithm if the rule refuses negative ones."""
        field = name.split("[")[0]
        negative = -abs(value) - 1.0
        tried = tuple(negative for _ in self.given[field]) if "[" in name else negative
        try:
            self.rule(**{**effective(self.rule, {"name": "fit", "dw_min": 0.01, **self.given}), field: tried})
        except ConfigurationError:
            return Entry(name, device, math.log(max(value, _LEAST)), _LOG_PRIOR, True)
        return Entry(name, device, value, _LINEAR_PRIOR * max(abs(value), 1.0), False)

    def build(self, vector: NDArray[np.float64], device: int, name: str = "fit") -> tuple[Device, float]:
        """Return a measured device, without spread, and the deviation of its reads in weights.

        Raises
        ------
        ConfigurationError
            If no device may have these parameters.
        """
        values: dict[str, Any] = dict(self.given)
        tables: dict[str, list[float]] = {}
        for i in self._of_device[device]:
            entry = self.entries[i]
            if entry.log and vector[i] > 20.0:
                raise ConfigurationError(f"{entry.name} is above e^20")
            number = math.exp(vector[i]) if entry.log else float(vector[i])
            if entry.name.endswith("]"):
                field, index = entry.name[:-1].split("[")
                tables.setdefault(field, list(self.given[field]))[int(index)] = number
            else:
                values[entry.name] = number
        values |= {field: tuple(table) for field, table in tables.items()}
        up, down, low, deviation = (values.pop(key) for key in ("up", "down", "-w_min", "read_deviation"))
        dw_min, up_down = step_fields(up, down)
        steps = {"dw_min": dw_min, "up_down": up_down, "w_min": -low}
        built = self.rule(**effective(self.rule, {"name": name, **steps, **values}))  # no noise is neither added nor multiplied
        return built, deviation


def step_fields(up: float, down: float) -> tuple[float, float]:
    """Return dw_min and up_down of mean steps up and down at w = 0; the larger of them is dw_min."""
    return (up, 1.0 - down / up) if up >= down else (down, up / down - 1.0)


def _cell_entries(data: DeviceData, number: int) -> list[Entry]:
    """Steps start at their means in the middle half of the range, where bounds matter least; bounds at the range's ends."""
    moved, change = data.steps
    up = data.up[moved] == 1
    before = data.weights[np.flatnonzero(moved) - 1]
    lowest, highest = float(data.weights.min()), float(data.weights.max())
    middle = np.abs(before - (lowest + highest) / 2.0) <= (highest - lowest) / 4.0
    least = 0.1 * float(np.abs(change).mean())
    sizes = []
    for sign, which in ((1.0, up), (-1.0, ~up)):
        chosen = which & middle if (which & middle).any() else which
        sizes.append(min(max(sign * float(change[chosen].mean()), least), 1.0))
    bounds = (max(highest, 0.05), max(-lowest, 0.05))
    values = zip(CELL, (*sizes, *bounds), strict=True)
    return [Entry(name, number, math.log(value), _LOG_PRIOR, True) for name, value in values]
