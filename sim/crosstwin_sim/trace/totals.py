"""Totals of a trace: operations, slots, fired lines and pulses per cell, by tile and direction; and the history of one cell."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstwin_model.coincidence import unpack
from crosstwin_model.plant import Plant
from crosstwin_model.registers import Opcode

from .format import PULSING, Kind
from .reader import Part, Slots, Trace
from .replay import Replay, initial_plant, replay

#: The two directions, in the order in which they are listed.
DIRECTIONS = ((True, "up"), (False, "down"))


@dataclass
class Pulses:
    """What went to one tile in one direction: operations, slots, fired lines, and pulses int64[rows, columns] on its cells."""

    cells: NDArray[np.int64]
    operations: int = 0
    slots: int = 0
    fired: int = 0


@dataclass
class Totals:
    """Everything that :func:`count_all` counts.

    Parameters
    ----------
    kinds, commands : Counter
        Operations by name of their kind, and commands by name of their opcode.
    pulses : dict
        By (tile, up).
    reads : Counter
        By (tile, forward).
    saturated : int
        ADC codes at the end of their range, of ``codes`` in all.
    """

    kinds: Counter[str] = field(default_factory=Counter)
    commands: Counter[str] = field(default_factory=Counter)
    pulses: dict[tuple[int, bool], Pulses] = field(default_factory=dict)
    reads: Counter[tuple[int, bool]] = field(default_factory=Counter)
    saturated: int = 0
    codes: int = 0

    @property
    def operations(self) -> int:
        """All operations."""
        return self.kinds.total()

    def cells(self, tile: int) -> NDArray[np.int64] | None:
        """Return the pulses on every cell of a tile, both directions together; None if there were none."""
        found = [pulses.cells for (number, _), pulses in self.pulses.items() if number == tile]
        return sum(found[1:], found[0]) if found else None


@dataclass(frozen=True)
class Step:
    """What an operation did to one cell: its pulses up and down in it and in all, and the conductance after it."""

    operation: int
    kind: str
    up: int
    down: int
    pulses: int
    conductance: float


def opcode_name(opcode: int) -> str:
    """Return an opcode's name, or its number where it has none."""
    return Opcode(opcode).name if opcode in Opcode.__members__.values() else f"opcode {opcode}"


def count_all(trace: Trace, progress: Callable[[int], None] | None = None) -> Totals:
    """Count everything in a trace; ``progress`` is told how many operations have been counted since it was last called."""
    totals = Totals()
    for part in trace.parts():
        slots: dict[tuple[int, bool], list[Slots]] = defaultdict(list)
        for record in part.operations:
            kind = Kind(record["kind"])
            totals.kinds[kind.name] += 1
            tile = int(record["tile"])
            if kind is Kind.COMMAND:
                totals.commands[opcode_name(int(record["opcode"]))] += 1
            elif kind is Kind.READ:
                totals.reads[tile, bool(record["forward"])] += 1
                codes = part.codes(record)
                totals.codes += codes.size
                totals.saturated += int(np.count_nonzero(np.abs(codes) >= trace.controller.adc_max))
            elif kind in PULSING:
                fired = part.slots(record)
                for up, _ in DIRECTIONS:
                    chosen = fired.up == up
                    if chosen.any():
                        slots[tile, up].append(Slots(fired.up[chosen], fired.rows[chosen], fired.columns[chosen]))
        for key, items in slots.items():
            _add(totals, trace, key, items)
        if progress is not None:
            progress(len(part.operations))
    return totals


def _add(totals: Totals, trace: Trace, key: tuple[int, bool], items: list[Slots]) -> None:
    shape = (trace.controller.rows, trace.controller.columns)
    pulses = totals.pulses.setdefault(key, Pulses(np.zeros(shape, np.int64)))
    pulses.operations += len(items)
    rows, columns = (np.concatenate([getattr(item, side) for item in items]) for side in ("rows", "columns"))
    pulses.slots += len(rows)
    pulses.fired += int(np.bitwise_count(rows).sum()) + int(np.bitwise_count(columns).sum())
    pulses.cells += _coincidences(rows, columns, shape)


def _coincidences(rows: Any, columns: Any, shape: tuple[int, int]) -> NDArray[np.int64]:
    """Count pulses per cell of slot-major masks."""
    # As a product of 0/1 matrices over the slots; float32 counts exactly up to 2**24, far more than the slots of one step.
    counts = np.zeros(shape, np.int64)
    for start in range(0, len(rows), 1 << 16):
        sides = [unpack(side[start : start + (1 << 16)], size) for side, size in zip((rows, columns), shape, strict=True)]
        counts += (sides[0].T.astype(np.float32) @ sides[1].astype(np.float32)).astype(np.int64)
    return counts


def _line(masks: Any, line: int) -> NDArray[np.bool_]:
    """Return in which slots a line fires."""
    hit: NDArray[np.bool_] = (masks[:, line // 64] >> np.uint64(line % 64) & np.uint64(1)).astype(bool)
    return hit


def operation_pulses(slots: Slots, shape: tuple[int, int]) -> NDArray[np.int64]:
    """Return the pulses of one operation on every cell, int64[2, rows, columns]: down, then up."""
    return np.array([_coincidences(slots.rows[slots.up == up], slots.columns[slots.up == up], shape) for up in (False, True)])


def cell_history(
    trace: Trace, tile: int, row: int, column: int, progress: Callable[[int], None] | None = None
) -> tuple[list[Step], Replay]:
    """Return what happened to one cell, by a replay, with what that replay found.

    Returns
    -------
    steps : list of Step
        The cell's operations in order: those with pulses on it, and those that set conductances.
    replay : Replay
        The replay that gave the conductances.
    """
    steps: list[Step] = []
    count = 0

    def watch(number: int, record: Any, part: Part, plant: Plant) -> None:
        nonlocal count
        kind = Kind(record["kind"])
        up = down = 0
        if kind in PULSING:
            if record["tile"] != tile:
                return
            slots = part.slots(record)
            hit = _line(slots.rows, row) & _line(slots.columns, column)
            up, down = int(hit[slots.up].sum()), int(hit[~slots.up].sum())
            if not up and not down:
                return
            count += up + down
        elif kind not in (Kind.RESTORE, Kind.CALL) and not (kind is Kind.SET and record["tile"] == tile):
            return
        conductance = float(plant.conductance(tile)[row, column])
        steps.append(Step(number, kind.name, up, down, count, conductance))

    return steps, replay(trace, initial_plant(trace), watch=watch, progress=progress)
