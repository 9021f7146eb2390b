"""Operations that pulse: UPDATE, the second half of TRANSFER, and SYMMETRIZE."""

from __future__ import annotations

import numpy as np

from .config import Source
from .engine import Codes, Hits, Words, count_bits, extremes, prefix_words, slot_masks
from .observe import PulsePhase
from .run import Run

#: Clock cycle of the first LOAD, after SCAN0, SCAN1 and PLAN.
FIRST_LOAD = 3
#: Signs of x and of d that may fire in each quadrant; the first two move cells up.
QUADRANTS = ((1, 1), (-1, -1), (1, -1), (-1, 1))


def pulse_update(run: Run, tile: int) -> None:
    """Run UPDATE from SCAN0 to FINISH."""
    registers, values = run.registers, run.registers.values
    codes = (registers.x[: run.config.rows], registers.d[: run.config.columns])
    _pulse_codes(run, tile, values["BL"], codes, (values["X_FULL_SCALE"], values["D_FULL_SCALE"]), None)


def pulse_row(run: Run, tile: int, row: int) -> None:
    """Run TRANSFER from SCAN0 to FINISH: the codes D against one row, which fires in every slot."""
    registers, values = run.registers, run.registers.values
    codes = (np.zeros(run.config.rows, np.int16), registers.d[: run.config.columns])
    codes[0][row] = 1
    unity = 1 << run.config.code_bits
    _pulse_codes(run, tile, values["TRANSFER_BL"], codes, (unity, values["TRANSFER_FULL_SCALE"]), row)


def symmetrize(run: Run, tile: int) -> None:
    """Run SYMMETRIZE from SCAN0 to FINISH: all lines fire, up and down in turn."""
    config = run.config
    slots = 2 * run.registers.values["SYMMETRIZE_PAIRS"]
    count = min(slots, _loads(run))
    if count:
        masks = [np.tile(prefix_words(lines, (lines + 63) // 64), (count, 1)) for lines in (config.rows, config.columns)]
        run.array.pulse_slots(tile, np.arange(count) % 2 == 0, masks[0], masks[1])
    shown = Shown()
    if run.phases is not None:
        shown.quadrants = [2 * (k % 2) for k in range(count)]
        shown.rows = [(1 << config.rows) - 1] * count
        shown.columns = [(1 << config.columns) - 1] * count
    _finish(run, tile, slots, count, count * (config.rows + config.columns), shown)


class Shown:
    """What the slots show on the pins, one entry a slot: quadrant, row lines, column lines."""

    def __init__(self) -> None:
        self.quadrants: list[int] = []
        self.rows: list[int] = []
        self.columns: list[int] = []

    def add(self, quadrant: int, row_words: Words, column_words: Words, slots: int) -> None:
        """Append a quadrant's slots."""
        self.quadrants += [quadrant] * slots
        self.rows += slot_masks(row_words, slots)
        self.columns += slot_masks(column_words, slots)


def _pulse_codes(run: Run, tile: int, bl: int, codes: tuple[Codes, Codes], scales: tuple[int, int], row: int | None) -> None:
    registers = run.registers
    generators = registers.generators
    source = Source(registers.values["SOURCE"])
    allowed = _loads(run)
    shown = Shown()
    if source is Source.HAMMERSLEY and run.before_stop(1):  # the masks are drawn in SCAN1
        generators.draw_masks()
    ranges = [extremes(side) for side in codes]
    signs = [{1: high > 0, -1: low < 0} for low, high in ranges]
    quadrants = [q for q, (x, d) in enumerate(QUADRANTS) if signs[0][x] and signs[1][d]]
    hits: tuple[Hits, Hits] | None = None
    hit_slots = fired = 0
    for index, quadrant in enumerate(quadrants):
        slots = min(bl, allowed - index * bl)
        if slots <= 0:
            break
        if hits is None or slots != hit_slots or source in (Source.LFSR, Source.LFSR_PER_LINE):
            rows_hits = generators.hits(0, source, bl, slots, scales[0])
            hits, hit_slots = (rows_hits, generators.hits(1, source, bl, slots, scales[1])), slots
        x, d = QUADRANTS[quadrant]
        column_words = hits[1].words(codes[1], d)
        if row is None:
            row_words = hits[0].words(codes[0], x)
        else:
            row_words = np.zeros((run.config.rows, column_words.shape[1]), np.uint64)
            row_words[row] = prefix_words(slots, column_words.shape[1])
        run.array.pulse(tile, quadrant < 2, row_words, column_words)
        if run.config.fired_counter:
            fired += count_bits(row_words) + count_bits(column_words)
        if run.phases is not None:
            shown.add(quadrant, row_words, column_words, slots)
    slots = bl * len(quadrants)
    _finish(run, tile, slots, min(slots, allowed), fired, shown)


def _timing(run: Run) -> tuple[int, int]:
    """Return a slot's driven clock cycles and its length."""
    pulse = run.registers.values["PULSE"]
    return pulse & 0xFFFF, (pulse & 0xFFFF) + (pulse >> 16)


def _loads(run: Run) -> int:
    """Return the number of LOAD cycles that can come before the stop."""
    length = _timing(run)[1]
    return (run.before_stop(FIRST_LOAD) + length - 1) // length


def _finish(run: Run, tile: int, slots: int, count: int, fired: int, shown: Shown) -> None:
    """Count what ``count`` of the ``slots`` have done, then pass FINISH if the stop does not come first."""
    registers = run.registers
    width, length = _timing(run)
    registers.spend(count)
    registers.count("FIRED", fired if run.config.fired_counter else 0)
    finish = FIRST_LOAD + slots * length
    if run.phases is not None:
        quadrants, rows, columns = tuple(shown.quadrants), tuple(shown.rows), tuple(shown.columns)
        run.record(PulsePhase(run.start, run.start + finish, tile, width, length, quadrants, rows, columns))
    run.reach(finish)
    registers.count("OPERATIONS", 1)
    run.advance(finish + 1)
