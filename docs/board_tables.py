"""The boards' connectors in docs/boards.md, made from the data that the constraints are made from.

``python docs/board_tables.py`` brings them up to date.
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from crosstwin_sim.files import write_text
from crosstwin_sim.fpga.boards import BAUD, BOARDS, Board, assignment

DOCUMENT = Path(__file__).parent / "boards.md"

_BEGIN, _END = "<!-- boards -->", "<!-- /boards -->"


def overview() -> str:
    """Return a row for each board."""
    rows = [
        "| board | what it is | clock | lights: heartbeat, busy, fault | emergency stop | emulated array |",
        "| --- " * 6 + "|",
    ]
    for board in BOARDS.values():
        config = board.emulated
        emulated = "does not fit" if config is None else f"{config.rows} x {config.columns}, {config.pairs} tile pair(s)"
        rows.append(f"| `{board.name}` | {board.title} | {board.clock_mhz} MHz | {board.leds} | {board.button} | {emulated} |")
    return "\n".join(rows) + f"\n\nThe serial line is the board's own USB port, at {BAUD} baud.\n"


def connectors(board: Board) -> str:
    """Return the table of one board's array pins, a row for each signal."""
    rows = [f"### {board.name}\n", "| signal | bit 0 first |", "| --- | --- |"]
    for name, pins in groupby(assignment(board, board.pinned), key=lambda pair: pair[0].split("[")[0]):
        rows.append(f"| {name} | {', '.join(pin.label for _, pin in pins)} |")
    return "\n".join(rows) + "\n"


def document() -> str:
    """Return docs/boards.md with its tables as they should be."""
    head, _, rest = DOCUMENT.read_text().partition(_BEGIN)
    _, _, tail = rest.partition(_END)
    shown = [board for board in BOARDS.values() if board.name != "ulx3s-85f"]
    tables = "\n".join((overview(), *map(connectors, shown)))
    return f"{head}{_BEGIN}\n{tables}{_END}{tail}"


if __name__ == "__main__":
    write_text(DOCUMENT, document())
