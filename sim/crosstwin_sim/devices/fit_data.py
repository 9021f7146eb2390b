"""Measured pulse trains: read from a file, checked, and scaled to weights."""

from __future__ import annotations

import hashlib
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crosstwin_model.numbers import float_array
from crosstwin_sim.errors import CrosstwinError

from .fit_cleaning import clean
from .fit_columns import known_title
from .fit_table import read_table
from .fit_trains import MOST_PULSES, Reading, read_trains

#: Steps that every device must show in each direction; a rule has up to some ten parameters.
FEWEST_STEPS = 10
#: Largest weight, in size, that a file may hold.
_LARGEST_WEIGHT = 6.0


@dataclass(frozen=True)
class DeviceData:
    """The trains of one device, one after the other, as arrays over the readings.

    Arrays and lists of any real type are converted.

    Parameters
    ----------
    name : str
        The column ``device``.
    weights : float64[rows]
        Measured conductances in weights.
    up : int64[rows]
        1 where the pulses since the reading before went up, else 0.
    pulses : int64[rows]
        Pulses since the reading before; 0 in the first of a train.

    Raises
    ------
    CrosstwinError
        If an array holds something else, is empty, or has another length than the others.
    """

    name: str
    weights: NDArray[np.float64]
    up: NDArray[np.int64]
    pulses: NDArray[np.int64]

    def __post_init__(self) -> None:
        checks: tuple[tuple[str, str, Callable[[NDArray[np.float64]], NDArray[np.bool_]]], ...] = (
            ("weights", "finite numbers", np.isfinite),
            ("up", "0 and 1", lambda values: np.isin(values, (0, 1))),
            ("pulses", f"0 to {MOST_PULSES}", lambda values: np.clip(values // 1, 0, MOST_PULSES) == values),
        )
        for field, allowed, good in checks:
            name = f"{field} of device {self.name!r}"
            values = _numbers(name, getattr(self, field), allowed)
            if values.shape != np.shape(self.weights):
                raise CrosstwinError(f"{name} has the shape {values.shape}; that of weights is {np.shape(self.weights)}")
            if not good(values).all():
                raise CrosstwinError(f"{name} is {values[~good(values)][0]:g}; allowed are {allowed}")
            object.__setattr__(self, field, values if field == "weights" else values.astype(np.int64))
        if self.pulses[0] != 0:
            raise CrosstwinError(f"pulses of device {self.name!r} begins with {self.pulses[0]}; allowed is 0, as a train begins")

    @property
    def steps(self) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """Which rows end a step, bool[rows], and the change of weight of every pulse up to each of those, float64[steps]."""
        moved = self.pulses > 0
        change = np.diff(self.weights, prepend=self.weights[:1])[moved] / self.pulses[moved]
        return moved, change


def _numbers(name: str, values: ArrayLike, allowed: str) -> NDArray[np.float64]:
    try:
        array = float_array(name, values)
    except ValueError as error:
        raise CrosstwinError(str(error)) from None
    if array.ndim != 1 or not array.size:
        raise CrosstwinError(f"{name} has the shape {array.shape}; allowed are {allowed}, in one row")
    return array


@dataclass(frozen=True)
class Measurement:
    """All trains of one file, scaled: conductance = middle + unit * weight.

    Parameters
    ----------
    source, sha256 : str
        The file, and the SHA-256 of its bytes in hexadecimal.
    devices : tuple of DeviceData
        At least one.
    middle, unit : float
        In ``siemens`` or the file's own unit of conductance; 0 and 1 where the file holds weights.
    siemens : bool
        Whether the file gives units, so that conductances are in siemens.
    notes : tuple of str
        What was left out or assumed, in sentences.
    """

    source: str
    sha256: str
    devices: tuple[DeviceData, ...]
    middle: float
    unit: float
    siemens: bool = False
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """Measured values in all trains."""
        return sum(device.weights.size for device in self.devices)


def read_measurement(path: str | Path) -> Measurement:
    """Read measured pulse trains from a text file.

    The file's header names its columns: ``pulse``, the number of the last pulse before the value was read; ``direction``, up or
    down (+1, -1), of the pulses since the row before; ``conductance``, ``weight`` or ``resistance``; and, if there are several,
    ``device``. Instead of a direction and one column of values there may be one column of values per ramp, such as LTP1, LTD1.
    Titles may give units. A device's pulse number that does not grow begins a new train, the first row of which is where it
    starts. Lost readings are left out and jumps between ramps begin a new train; both are in the notes. Conductances are scaled
    so that the mean lowest and the mean highest of the devices become weights -1 and 1; weights are taken as they are.

    Raises
    ------
    CrosstwinError
        If the file cannot be read or does not hold such data; the sentence says what is wrong and where.
    """
    table, content = read_table(path, known_title)
    trains = read_trains(table)
    notes = list(trains.notes)
    devices = []
    for name, found in trains.devices.items():
        label = f"device {name!r}" if name else "the device"
        for train in found:
            _require_pulses(str(path), train)
        cleaned, said = clean(str(path), label, found)
        notes += said
        devices.append(_device(str(path), name, label, cleaned))
    middle, unit = 0.0, 1.0
    if trains.quantity == "conductance":
        lowest = float(np.mean([device.weights.min() for device in devices]))
        highest = float(np.mean([device.weights.max() for device in devices]))
        middle, unit = (lowest + highest) / 2.0, (highest - lowest) / 2.0
    largest = max(float(np.abs((device.weights - middle) / unit).max()) for device in devices)
    if largest > _LARGEST_WEIGHT:
        raise CrosstwinError(
            f"{path}: a {trains.quantity} is {largest:g} in weights; allowed are weights within +-{_LARGEST_WEIGHT:g}"
        )
    scaled = tuple(DeviceData(d.name, (d.weights - middle) / unit, d.up, d.pulses) for d in devices)
    digest = hashlib.sha256(content).hexdigest()
    return Measurement(str(path), digest, scaled, middle, unit, trains.unit == "S", tuple(notes))


def _require_pulses(path: str, train: Sequence[Reading]) -> None:
    for before, after in pairwise(train):
        if after.pulse - before.pulse > MOST_PULSES:
            raise CrosstwinError(
                f"{path}, line {after.line}: {after.pulse - before.pulse} pulses since the row before; allowed are {MOST_PULSES}"
            )
        if after.up < 0:
            raise CrosstwinError(
                f"{path}, line {after.line}: the row has no direction; only the first row of a train may have none"
            )


def _device(path: str, name: str, label: str, trains: Sequence[Sequence[Reading]]) -> DeviceData:
    readings = [reading for train in trains for reading in train]
    pulses = [0 if i == 0 else reading.pulse - train[i - 1].pulse for train in trains for i, reading in enumerate(train)]
    values = np.array([reading.value for reading in readings])
    up = np.array([reading.up for reading in readings])
    moved = np.array(pulses) > 0
    counts = {"up": int(np.sum((up == 1) & moved)), "down": int(np.sum((up == 0) & moved))}
    for direction, other in (("up", "down"), ("down", "up")):
        if not counts[direction] and counts[other]:
            raise CrosstwinError(f"{path}: {label} has no {direction} pulses; a fit needs pulses in both directions")
    if min(counts.values()) < FEWEST_STEPS:
        raise CrosstwinError(
            f"{path}: {label} shows {counts['up']} steps up and {counts['down']} down; needed are {FEWEST_STEPS} of each"
        )
    if float(values.max() - values.min()) < sys.float_info.min:
        raise CrosstwinError(f"{path}: the values of {label} are all {values[0]:g}; a fit needs some that change")
    device = DeviceData(name, values, np.maximum(up, 0), np.array(pulses))
    moved, change = device.steps
    up_change, down_change = (change[device.up[moved] == way] for way in (1, 0))
    if _clearly_positive(-up_change) and _clearly_positive(down_change):
        raise CrosstwinError(
            f"{path}: the values of {label} fall by up pulses and rise by down pulses; are the directions swapped?"
        )
    return device


def _clearly_positive(values: NDArray[np.float64]) -> bool:
    """Whether the mean is more than three standard errors above 0."""
    return float(values.mean()) > 3.0 * float(values.std()) / math.sqrt(values.size)
