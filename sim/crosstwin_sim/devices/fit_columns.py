"""The meaning of column titles: pulse numbers, directions, devices, and values with their quantity and unit."""

from __future__ import annotations

import re
from dataclasses import dataclass

from crosstwin_sim.errors import CrosstwinError

from .fit_table import Table, quoted

#: Quantities that a column of values may hold, the preferred one first.
QUANTITIES = ("conductance", "weight", "resistance")

_UP, _DOWN = ("up", "ltp", "potentiation", "pot", "set"), ("down", "ltd", "depression", "dep", "reset")
#: Words for the directions, in titles and in cells.
DIRECTIONS = {**dict.fromkeys(_UP, 1), **dict.fromkeys(_DOWN, 0)}

_QUANTITY = {
    **dict.fromkeys(("conductance", "conductivity", "cond", "g"), "conductance"),
    **dict.fromkeys(("weight", "w"), "weight"),
    **dict.fromkeys(("resistance", "res", "r"), "resistance"),
}
#: Words that say nothing more about a column.
_PULSE, _DIRECTION, _DEVICE = {"pulse", "pulses"}, {"direction", "dir", "polarity"}, {"device"}
_COUNT = {"number", "no", "nr", "index", "count", "name", "id"}
_RAMP = {"ramp", "train", "cycle", "value", "values", "measured"}

_PREFIX = {"": 1.0, "f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "µ": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9}
_UNIT = re.compile(r"(?P<prefix>[fpnumkMGµ]?)(?:(?P<siemens>S|[Ss]iemens)|(?P<ohm>[Oo][Hh][Mm][Ss]?|Ω))\Z")
_NO_UNIT = {"", "-", "1", "a.u.", "a.u", "au", "arb. u.", "arb.u.", "arb", "norm", "norm.", "normalized", "normalised"}
_BRACKETS = re.compile(r"(?P<words>[^\[(]*)[\[(](?P<unit>[^\])]*)[\])]\s*\Z")
_TAIL = re.compile(r"(?P<words>.*?)(?:\s*/\s*|\s+in\s+|[\s_]+)(?P<unit>[^\s_/]+)\Z")


@dataclass(frozen=True)
class Column:
    """What a title says.

    Parameters
    ----------
    index : int
        Number of the column, from 0.
    title : str
        As the file has it.
    role : str
        ``pulse``, ``direction``, ``device``, or one of :data:`QUANTITIES`.
    factor : float or None
        From the column's unit to siemens or ohms; None where the title gives no unit.
    up : int or None
        1 for a column of values after up pulses, 0 after down pulses; None where the title does not say.
    number : int
        Of the ramp, 0 where the title has none.
    """

    index: int
    title: str
    role: str
    factor: float | None = None
    up: int | None = None
    number: int = 0


@dataclass(frozen=True)
class Columns:
    """The columns that hold pulse trains: either ``direction`` and one column of values, or one column of values per ramp."""

    pulse: Column | None
    direction: Column | None
    device: Column | None
    values: tuple[Column, ...]
    ignored: tuple[Column, ...]


def known_title(title: str) -> bool:
    """Whether a title names something that pulse trains have."""
    return _column(0, title) is not None


def find_columns(table: Table) -> Columns:
    """Find what the columns of a table mean.

    Raises
    ------
    CrosstwinError
        If columns are missing, two mean the same, or a unit is unknown.
    """
    found = [column for column in (_column(i, title) for i, title in enumerate(table.header)) if column is not None]
    one = {role: _only(table, [column for column in found if column.role == role]) for role in ("pulse", "direction", "device")}
    values = [column for column in found if column.role in QUANTITIES]
    ramps = [column for column in values if column.up is not None]
    plain = [column for column in values if column.up is None]
    shaped = plain if one["direction"] is not None else ramps
    role = next((role for role in QUANTITIES if any(column.role == role for column in shaped)), "")
    chosen = [column for column in shaped if column.role == role]
    needed = {"pulse": one["pulse"], "direction": one["direction"], "conductance": plain[0] if plain else None}
    if not chosen or (one["pulse"] is None and one["direction"] is not None):
        missing = " and the column ".join(repr(name) for name, column in needed.items() if column is None)
        raise CrosstwinError(
            f"{table.path} lacks the column {missing}; its first line names {quoted(table.header)}; needed are pulse, direction, "
            "and conductance, weight or resistance, or a column for each ramp, such as LTP1, LTD1"
        )
    for column in chosen:
        _only(table, [other for other in chosen if other.up is None or (other.up, other.number) == (column.up, column.number)])
        _require_unit(table, column)
    if len({column.factor is None for column in chosen}) > 1:
        raise CrosstwinError(f"{table.path}: some columns of values have a unit and others none: {_listed(chosen)}")
    ignored = tuple(column for column in values if column not in chosen)
    return Columns(one["pulse"], one["direction"], one["device"], tuple(chosen), ignored)


def _only(table: Table, columns: list[Column]) -> Column | None:
    if len(columns) > 1:
        raise CrosstwinError(
            f"{table.path}: {len(columns)} columns hold the {columns[0].role}: {_listed(columns)}; allowed is one; "
            "remove or rename the others, or tell devices apart in a column device"
        )
    return columns[0] if columns else None


def _listed(columns: list[Column]) -> str:
    return ", ".join(f"{column.title!r} (column {column.index + 1})" for column in columns)[:300]


def _require_unit(table: Table, column: Column) -> None:
    if column.factor is not None and column.factor <= 0.0:
        allowed = {"conductance": "S, mS, uS, nS, pS", "resistance": "Ohm, kOhm, MOhm, GOhm"}.get(column.role, "no unit")
        raise CrosstwinError(f"{table.path}: the unit of the column {column.title!r} is unknown; allowed are {allowed} and a.u.")


def _column(index: int, title: str) -> Column | None:
    words, factor, quantity = _unit(title)
    tokens = re.findall(r"[a-z]+|\d+", words.lower())
    names = {token for token in tokens if not token.isdigit()}
    for role, own in (("pulse", _PULSE), ("direction", _DIRECTION | _PULSE), ("device", _DEVICE)):
        if names & (own - _PULSE or own) and names <= own | _COUNT:
            return Column(index, title, role)
    ways = [DIRECTIONS[name] for name in names if name in DIRECTIONS]
    kinds = {_QUANTITY[name] for name in names if name in _QUANTITY}
    rest = names - DIRECTIONS.keys() - _QUANTITY.keys() - _RAMP
    numbers = [int(token) for token in tokens if token.isdigit()]
    if rest or len(kinds) > 1 or len(ways) > 1 or len(numbers) > 1 or not (kinds or ways):
        return None
    role = kinds.pop() if kinds else (quantity or "conductance")
    if quantity and quantity != role:
        factor = 0.0
    return Column(index, title, role, factor, ways[0] if ways else None, numbers[0] if numbers else 0)


def _unit(title: str) -> tuple[str, float | None, str]:
    """A title's words, its unit's factor (None for no unit, 0 for an unknown one), and the quantity that has this unit."""
    bracketed = _BRACKETS.match(title)
    found = bracketed or _TAIL.match(title)
    if found is None:
        return title, None, ""
    unit = found["unit"].strip().replace("\u03bc", "\u00b5").replace("\u2126", "\u03a9")
    if unit.lower() in _NO_UNIT and bracketed:
        return found["words"], None, ""
    known = _UNIT.match(unit)
    if known is None:
        return (found["words"], 0.0, "") if bracketed else (title, None, "")
    return found["words"], _PREFIX[known["prefix"]], "conductance" if known["siemens"] else "resistance"
