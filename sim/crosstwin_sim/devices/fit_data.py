"""Measured pulse trains: read from CSV, checked, and scaled to weights."""

from __future__ import annotations

import csv
import hashlib
import io
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crosstwin_sim.errors import CrosstwinError

#: Steps that every device must show in each direction; a rule has up to some ten parameters.
FEWEST_STEPS = 10
#: Values are smaller than this, so that their differences and squares are finite.
_LARGEST = 1e100
#: Most pulses from one row to the next.
MOST_PULSES = 100_000

_UP, _DOWN, _START = ("up", "+1", "1"), ("down", "-1"), ("", "0")
_DIRECTIONS = {**dict.fromkeys(_UP, 1), **dict.fromkeys(_DOWN, 0), **dict.fromkeys(_START, -1)}


@dataclass(frozen=True)
class DeviceData:
    """The trains of one device, one after the other, as arrays over the rows of the file.

    Parameters
    ----------
    name : str
        The column ``device``.
    weights : float64[rows]
        Measured conductances in weights.
    up : int64[rows]
        1 where the pulses since the row before went up, else 0.
    pulses : int64[rows]
        Pulses since the row before; 0 in the first row of a train.
    """

    name: str
    weights: NDArray[np.float64]
    up: NDArray[np.int64]
    pulses: NDArray[np.int64]

    @property
    def steps(self) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """Which rows end a step, bool[rows], and the change of weight of every pulse up to each of those, float64[steps]."""
        moved = self.pulses > 0
        change = np.diff(self.weights, prepend=self.weights[:1])[moved] / self.pulses[moved]
        return moved, change


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
        In the file's unit of conductance; 0 and 1 where the file holds weights.
    """

    source: str
    sha256: str
    devices: tuple[DeviceData, ...]
    middle: float
    unit: float

    @property
    def rows(self) -> int:
        """Measured values in all trains."""
        return sum(device.weights.size for device in self.devices)


@dataclass(frozen=True)
class _Row:
    line: int
    device: str
    pulse: int
    direction: int
    value: float


def read_measurement(path: str | Path) -> Measurement:
    """Read measured pulse trains from a CSV file.

    The file's first line names its columns: ``pulse``, the number of the last pulse before the value was read; ``direction``,
    up or down (+1, -1), of the pulses since the row before; ``conductance`` in any unit, or ``weight``; and, if there are
    several, ``device``. Other columns are left aside, and so are lines that begin with ``#``. A device's pulse number that does
    not grow begins a new train, the first row of which is where it starts. Conductances are scaled so that the mean lowest and
    the mean highest of the devices become weights -1 and 1; weights are taken as they are.

    Raises
    ------
    CrosstwinError
        If the file cannot be read or does not hold such data; the sentence says what is wrong and where.
    """
    try:
        content = Path(path).read_bytes()
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise CrosstwinError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CrosstwinError(f"{path} is not a CSV file: it is not text in UTF-8") from None
    column, rows = _rows(str(path), text)
    grouped: dict[str, list[_Row]] = {}
    for row in rows:
        grouped.setdefault(row.device, []).append(row)
    devices = [_device(str(path), name, found) for name, found in grouped.items()]
    middle, unit = 0.0, 1.0
    if column == "conductance":
        lowest = float(np.mean([device.weights.min() for device in devices]))
        highest = float(np.mean([device.weights.max() for device in devices]))
        middle, unit = (lowest + highest) / 2.0, (highest - lowest) / 2.0
    largest = max(float(np.abs((device.weights - middle) / unit).max()) for device in devices)
    if largest > 6.0:
        raise CrosstwinError(f"{path}: a {column} is {largest:g} in weights; allowed are weights within +-6")
    scaled = tuple(DeviceData(d.name, (d.weights - middle) / unit, d.up, d.pulses) for d in devices)
    return Measurement(str(path), hashlib.sha256(content).hexdigest(), scaled, middle, unit)


def _rows(path: str, text: str) -> tuple[str, list[_Row]]:
    """The column that holds the values, and all rows."""
    lines = _lines(path, text)
    _, names = next(lines, (0, []))
    header = [name.strip().lower() for name in names]
    if not header:
        raise CrosstwinError(f"{path} is empty; it must begin with a line that names the columns pulse, direction, conductance")
    column = "weight" if "weight" in header and "conductance" not in header else "conductance"
    missing = [name for name in ("pulse", "direction", column) if name not in header]
    if missing:
        separator = next((mark for mark in (";", "\t") if len(header) == 1 and mark in header[0]), None)
        if separator:
            raise CrosstwinError(f"{path}: its columns are separated by {separator!r}; allowed are commas, and points in numbers")
        raise CrosstwinError(
            f"{path} lacks the column {' and the column '.join(repr(name) for name in missing)}; its first line names "
            f"{', '.join(header)[:200]}; needed are pulse, direction, and conductance or weight"
        )
    rows = []
    for line, cells in lines:
        if len(cells) < len(header):
            raise CrosstwinError(f"{path}, line {line}: {len(cells)} columns; needed are the {len(header)} of the first line")
        row = dict(zip(header, (cell.strip() for cell in cells), strict=False))
        rows.append(_row(f"{path}, line {line}", line, row, column))
    if not rows:
        raise CrosstwinError(f"{path} holds no rows below its first line; needed are at least {FEWEST_STEPS} steps each way")
    return column, rows


def _lines(path: str, text: str) -> Iterator[tuple[int, list[str]]]:
    """Numbers and cells of the lines that hold something."""
    reader = csv.reader(io.StringIO(text))
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells) and not cells[0].lstrip().startswith("#"):
                yield reader.line_num, cells
    except csv.Error as error:
        raise CrosstwinError(f"{path} is not a CSV file: line {reader.line_num}: {error}") from None


def _row(where: str, line: int, row: dict[str, str], column: str) -> _Row:
    direction = _DIRECTIONS.get(row["direction"].lower())
    if direction is None:
        raise CrosstwinError(f"{where}: direction is {row['direction']!r}; allowed are up, down, +1, -1")
    pulse = _number(row["pulse"])
    if not (pulse.is_integer() and abs(pulse) < 2**53):
        raise CrosstwinError(f"{where}: pulse is {row['pulse']!r}; allowed are whole numbers")
    value = _number(row[column])
    if not abs(value) < _LARGEST:
        raise CrosstwinError(
            f"{where}: {column} is {row[column]!r}; allowed are finite numbers, smaller than {_LARGEST:g} in size"
        )
    return _Row(line, row.get("device", ""), int(pulse), direction, value)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _device(path: str, name: str, rows: list[_Row]) -> DeviceData:
    label = f"device {name!r}" if name else "the device"
    pulses = np.maximum(np.diff(np.array([row.pulse for row in rows], np.int64), prepend=rows[0].pulse), 0)
    for row, count in zip(rows, pulses, strict=True):
        if count > MOST_PULSES:
            raise CrosstwinError(f"{path}, line {row.line}: {count} pulses since the row before; allowed are {MOST_PULSES}")
        if count and row.direction < 0:
            raise CrosstwinError(
                f"{path}, line {row.line}: the row has no direction; only the first row of a train may have none"
            )
    up = np.array([row.direction for row in rows], np.int64)
    counts = {"up": int(np.sum((up == 1) & (pulses > 0))), "down": int(np.sum((up == 0) & (pulses > 0)))}
    for direction, other in (("up", "down"), ("down", "up")):
        if not counts[direction] and counts[other]:
            raise CrosstwinError(f"{path}: {label} has no {direction} pulses; a fit needs pulses in both directions")
    if min(counts.values()) < FEWEST_STEPS:
        raise CrosstwinError(
            f"{path}: {label} shows {counts['up']} steps up and {counts['down']} down; needed are {FEWEST_STEPS} of each"
        )
    values = np.array([row.value for row in rows])
    if float(values.max() - values.min()) < sys.float_info.min:
        raise CrosstwinError(f"{path}: the values of {label} are all {values[0]:g}; a fit needs some that change")
    device = DeviceData(name, values, np.maximum(up, 0), pulses)
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
