"""Rows of a table as pulse trains: numbers, directions and lost readings, from one column of values or one column per ramp."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from crosstwin_sim.errors import CrosstwinError

from .fit_columns import DIRECTIONS, Column, Columns, find_columns
from .fit_table import Table

#: Least size of a number that stands for an instrument's overflow: SCPI has 9.9E37, others larger ones.
OVERFLOW = 1e30
#: Most pulses from one row to the next.
MOST_PULSES = 100_000

_WORDS = re.compile(r"[+-]?(inf(inity)?|o\.?l\.?|ov(f|fl|l|ld|rng)?|over([ _-]?(flow|load|range))?|clip(ped)?)\Z", re.I)
_NOTHING = {"", "nan", "na", "n/a", "#n/a", "none", "null", "-", "--", "---"}
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?\Z")
_DECIMAL_POINT = re.compile(r"[+-]?(?:\d+\.\d*|\.\d+)(?:[eE][+-]?\d+)?\Z")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+\Z")


@dataclass(frozen=True)
class Reading:
    """One measured value.

    Parameters
    ----------
    line : int
        Of the file.
    text : str
        The cell.
    pulse : int
        Number of the last pulse before the value was read.
    up : int
        1 where the pulses since the reading before went up, 0 where they went down, -1 where the file does not say.
    value : float
        Conductance or weight; NaN where the reading is lost.
    reason : str
        Why it is lost, else empty.
    """

    line: int
    text: str
    pulse: int
    up: int
    value: float
    reason: str = ""


@dataclass(frozen=True)
class Trains:
    """What a table holds.

    Parameters
    ----------
    quantity : str
        ``conductance`` or ``weight``.
    unit : str
        ``S`` where the table gives units, else empty.
    devices : dict of str to list of list of Reading
        The trains of every device, by its name. A train begins where the file begins one, or where pulse numbers do not grow.
    notes : tuple of str
        What the reader assumed, in sentences.
    """

    quantity: str
    unit: str
    devices: dict[str, list[list[Reading]]]
    notes: tuple[str, ...]


def read_trains(table: Table) -> Trains:
    """Return the trains of a table.

    Raises
    ------
    CrosstwinError
        If a column is missing or ambiguous, or a cell does not hold what its column needs; the sentence names the line.
    """
    columns = find_columns(table)
    if not table.rows:
        raise CrosstwinError(f"{table.path} holds no rows below its first line; needed are at least 10 steps each way")
    notes = [
        f"{table.path}: the column {column.title!r} is left aside; the values are those of {columns.values[0].title!r}."
        for column in columns.ignored
    ]
    if columns.pulse is None:
        notes.append(f"{table.path} has no column pulse: each row is taken as one pulse after the row before.")
    cells = _Cells(table, columns)
    devices: dict[str, list[list[Reading]]] = {}
    if columns.direction is not None:
        for row, (line, texts) in enumerate(table.rows):
            name = texts[columns.device.index] if columns.device else ""
            _append(devices.setdefault(name, []), cells.reading(row, line, texts, columns.values[0], columns.direction))
    else:
        for column in columns.values:
            for name, ramp in _ramps(cells, columns, column).items():
                devices.setdefault(name, []).append([])
                for reading in ramp:
                    _append(devices[name], reading)
    value = columns.values[0]
    return Trains(
        "weight" if value.role == "weight" else "conductance", "S" if value.factor is not None else "", devices, tuple(notes)
    )


def _append(trains: list[list[Reading]], reading: Reading) -> None:
    if not trains or (trains[-1] and reading.pulse <= trains[-1][-1].pulse):
        trains.append([])
    trains[-1].append(reading)


def _ramps(cells: _Cells, columns: Columns, column: Column) -> dict[str, list[Reading]]:
    """The readings of one column by device, without the empty cells below its last one."""
    found: dict[str, list[Reading]] = {}
    for row, (line, texts) in enumerate(cells.table.rows):
        name = texts[columns.device.index] if columns.device else ""
        if columns.pulse is not None and texts[columns.pulse.index] == "" and texts[column.index] == "":
            continue
        found.setdefault(name, []).append(cells.reading(row, line, texts, column, None))
    for ramp in found.values():
        while ramp and ramp[-1].text == "":
            ramp.pop()
    return {name: ramp for name, ramp in found.items() if ramp}


class _Cells:
    """Cells as numbers; all numbers of a table have the same decimal mark."""

    def __init__(self, table: Table, columns: Columns) -> None:
        self.table = table
        self.pulse = columns.pulse
        used = [column for column in (columns.pulse, columns.direction, *columns.values) if column is not None]
        self.comma = self._decimal_comma(used)

    def _decimal_comma(self, used: Iterable[Column]) -> bool:
        comma = point = None
        for line, texts in self.table.rows:
            for column in used:
                text = texts[column.index]
                if column is self.pulse and _THOUSANDS.match(text):
                    raise CrosstwinError(
                        f"{self.table.path}, line {line}: pulse is {text!r}, with a comma that may part thousands or decimals; "
                        "allowed are whole numbers without commas"
                    )
                comma = comma or (f"{text!r} in line {line}" if _DECIMAL_COMMA.match(text) else None)
                point = point or (f"{text!r} in line {line}" if _DECIMAL_POINT.match(text) else None)
        if comma and (point or self.table.separator == ","):
            raise CrosstwinError(
                f"{self.table.path} has a comma in the number {comma}"
                + (f" and a point in {point}" if point else ", and commas between columns")
                + "; allowed are points, or commas with semicolons, tabs or blanks between columns"
            )
        return comma is not None

    def number(self, text: str) -> float | None:
        """The number in a cell, None for something else."""
        try:
            return float(text.replace(",", ".") if self.comma else text)
        except ValueError:
            return None

    def reading(self, row: int, line: int, texts: tuple[str, ...], column: Column, direction: Column | None) -> Reading:
        where = f"{self.table.path}, line {line}"
        up = column.up if column.up is not None else -1
        if direction is not None:
            up = self._direction(where, texts[direction.index])
        pulse = row if self.pulse is None else self._pulse(where, texts[self.pulse.index])
        text = texts[column.index]
        value, reason = self._value(where, column, text)
        return Reading(line, text, pulse, up, value, reason)

    def _direction(self, where: str, text: str) -> int:
        word = text.lower()
        number = self.number(text)
        if word in DIRECTIONS:
            return DIRECTIONS[word]
        if word in _NOTHING or number == 0.0:
            return -1
        if word == "+" or number == 1.0:
            return 1
        if number == -1.0:
            return 0
        raise CrosstwinError(f"{where}: direction is {text!r}; allowed are up, down, +1, -1")

    def _pulse(self, where: str, text: str) -> int:
        pulse = self.number(text)
        if pulse is None or not (pulse.is_integer() and abs(pulse) < 2**53):
            raise CrosstwinError(f"{where}: pulse is {text!r}; allowed are whole numbers")
        return int(pulse)

    def _value(self, where: str, column: Column, text: str) -> tuple[float, str]:
        if text.lower() in _NOTHING:
            return math.nan, "no number"
        if _WORDS.match(text):
            return math.nan, "overflow"
        value = self.number(text)
        if value is None:
            raise CrosstwinError(
                f"{where}: {column.role} is {text!r}; allowed are numbers, and for a lost reading nan, overflow or nothing"
            )
        if math.isnan(value) or abs(value) >= OVERFLOW:
            return math.nan, "overflow"
        factor = 1.0 if column.factor is None else column.factor
        if column.role != "resistance":
            return value * factor, ""
        if abs(value * factor) < 1.0 / OVERFLOW:
            return math.nan, "no resistance"
        return 1.0 / (value * factor), ""
