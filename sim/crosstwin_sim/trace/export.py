"""A trace as tables in CSV: pulses for an arbitrary-waveform or memristor instrument, reads and conductances.

Row and column drivers are at half the pulse voltage: in a slot upwards, rows that fire are at +0.5 and columns at -0.5 of it, in
a slot downwards the other way round. A cell whose two lines fire thus sees the whole voltage, row less column.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from crosstwin_model.coincidence import unpack
from crosstwin_sim.errors import CrosstwinError
from crosstwin_sim.files import whole_file, whole_folder, write_text

from .format import PULSING, Kind
from .reader import Part, Slots, Trace

#: Heads of the tables.
LINE_HEAD = "operation,tile,slot,time_s,width_s,line,level"
SLOT_HEAD = "operation,tile,slot,time_s,width_s,direction,rows,columns"
READ_HEAD = "operation,tile,differential,direction,gain,charges,codes"
CELL_HEAD = "tile,row,column,conductance"


@dataclass(frozen=True)
class Timing:
    """When slots are played.

    Parameters
    ----------
    width, gap : float or None
        Seconds that a line is driven, and that it then is idle; None takes the recorded clock cycles.
    clock : float
        Clock cycles a second, for recorded ones.
    """

    width: float | None = None
    gap: float | None = None
    clock: float = 100e6

    def of(self, path: Path, recorded: tuple[int, int] | None) -> tuple[float, float]:
        """Return width and gap in seconds, where the last command recorded them in clock cycles.

        Raises
        ------
        CrosstwinError
            If one of them is neither given nor recorded.
        """
        if recorded is None and (self.width is None or self.gap is None):
            raise CrosstwinError(
                f"the trace {path} has pulses without a command that says their width and gap; give both, --width and --gap"
            )
        width, gap = recorded or (0, 0)
        return (
            width / self.clock if self.width is None else self.width,
            gap / self.clock if self.gap is None else self.gap,
        )


@dataclass(frozen=True)
class Selection:
    """Which operations: numbers from ``first`` to before ``last`` (None: to the end), of one tile or of all (None)."""

    first: int = 0
    last: int | None = None
    tile: int | None = None

    def records(self, trace: Trace) -> Iterator[tuple[int, Any, Part]]:
        """Yield number, record and part of every operation chosen; commands are always among them, from the trace's first on."""
        for part in trace.parts():
            if self.last is not None and part.first >= self.last:
                return
            for number, record in enumerate(part.operations, part.first):
                if self.last is not None and number >= self.last:
                    return
                chosen = number >= self.first and (self.tile is None or int(record["tile"]) == self.tile)
                if chosen or record["kind"] == Kind.COMMAND:
                    yield number, record, part


def export_pulses(
    trace: Trace, path: str | Path, timing: Timing, *, compact: bool = False, selection: Selection = Selection()
) -> int:
    """Write the table of pulses and return its number of slots.

    Parameters
    ----------
    trace : Trace
        What to export.
    path : str or Path
        The table, written whole or not at all.
    timing : Timing
        When slots are played, one after another from time 0; reads take no time.
    compact : bool
        One row a slot, with the lines that fire; else one row for every slot and line.
    selection : Selection
        Which operations.

    Raises
    ------
    CrosstwinError
        If a slot's width is not known, or the file cannot be written.
    """
    slots = 0

    def write(out: TextIO) -> None:
        nonlocal slots
        slots = _write_pulses(trace, out, timing, compact, selection)

    _write_table(path, write)
    return slots


def export_folder(
    trace: Trace, folder: str | Path, timing: Timing, *, compact: bool = False, selection: Selection = Selection()
) -> int:
    """Write ``pulses.csv``, ``reads.csv`` and ``initial_conductances.csv`` into a folder, which is made if it is missing.

    Takes and returns what :func:`export_pulses` does.
    """
    with whole_folder(folder, "a set of tables") as target:
        slots = export_pulses(trace, target / "pulses.csv", timing, compact=compact, selection=selection)
        _write_table(target / "reads.csv", lambda out: _write_reads(trace, out, selection))
        cells = [CELL_HEAD]
        tiles = range(trace.controller.tiles) if selection.tile is None else [selection.tile]
        for tile in tiles:
            for (row, column), value in np.ndenumerate(trace.states["conductance"][0, tile]):
                cells.append(f"{tile},{row},{column},{value:.9g}")
        write_text(target / "initial_conductances.csv", "\n".join(cells) + "\n")
    return slots


def _write_pulses(trace: Trace, out: TextIO, timing: Timing, compact: bool, selection: Selection) -> int:
    controller = trace.controller
    names = [f"row{line}" for line in range(controller.rows)] + [f"column{line}" for line in range(controller.columns)]
    out.write((SLOT_HEAD if compact else LINE_HEAD) + "\n")
    played, time, recorded = 0, 0.0, None
    for number, record, part in selection.records(trace):
        kind = record["kind"]
        if kind == Kind.COMMAND:
            recorded = int(record["width"]), int(record["gap"])
        if kind not in PULSING:
            continue
        width, gap = timing.of(trace.path, recorded)
        slots = part.slots(record)
        for slot in range(len(slots.up)):
            head = f"{number},{record['tile']},{slot},{time:.12g},{width:.12g}"
            out.write(_slot_row(head, slots, slot) if compact else _line_rows(head, slots, slot, names, controller.rows))
            time += width + gap
        played += len(slots.up)
    return played


def _slot_row(head: str, slots: Slots, slot: int) -> str:
    rows, columns = (" ".join(map(str, _lines(side[slot]))) for side in (slots.rows, slots.columns))
    return f"{head},{'up' if slots.up[slot] else 'down'},{rows},{columns}\n"


def _line_rows(head: str, slots: Slots, slot: int, names: list[str], rows: int) -> str:
    levels = ["0"] * len(names)
    row_level, column_level = ("0.5", "-0.5") if slots.up[slot] else ("-0.5", "0.5")
    for line in _lines(slots.rows[slot]):
        levels[line] = row_level
    for line in _lines(slots.columns[slot]):
        levels[rows + line] = column_level
    return "".join(f"{head},{name},{level}\n" for name, level in zip(names, levels, strict=True))


def _lines(mask: Any) -> list[int]:
    lines: list[int] = np.flatnonzero(unpack(mask, 64 * mask.size)).tolist()
    return lines


def _write_reads(trace: Trace, out: TextIO, selection: Selection) -> None:
    out.write(READ_HEAD + "\n")
    for number, record, part in selection.records(trace):
        if record["kind"] == Kind.READ:
            direction = "forward" if record["forward"] else "backward"
            lists = (" ".join(map(str, values.tolist())) for values in (part.charges(record), part.codes(record)))
            head = f"{number},{record['tile']},{int(record['differential'])},{direction},{record['gain']}"
            out.write(f"{head},{','.join(lists)}\n")


def _write_table(path: str | Path, write: Callable[[TextIO], None]) -> None:
    with whole_file(path) as file, io.TextIOWrapper(file, "ascii", newline="\n") as out:
        write(out)
