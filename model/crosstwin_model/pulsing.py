"""Operations that pulse: UPDATE, the second half of TRANSFER, and SYMMETRIZE."""

from __future__ import annotations

from itertools import product

import numpy as np

from .coincidence import words_for
from .config import Source
from .engine import Codes, Signs, Words, count_bits, extremes, prefix_words, slot_masks
from .observe import PulsePhase
from .run import Run

#: Clock cycle of the first LOAD, after SCAN0, SCAN1 and PLAN.
FIRST_LOAD = 3
#: Signs of x and of d that may fire in each quadrant; the first two move cells up.
QUADRANTS = ((1, 1), (-1, -1), (1, -1), (-1, 1))
#: Quadrants that do something, where x has negative and positive codes, and d has.
_PRESENT = {
    present: [q for q, (x, d) in enumerate(QUADRANTS) if present[x > 0] and present[2 + (d > 0)]]
    for present in product((False, True), repeat=4)
}


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
    (x_low, x_high), (d_low, d_high) = extremes(codes[0]), extremes(codes[1])
    quadrants = _PRESENT[x_low < 0, x_high > 0, d_low < 0, d_high > 0]
    shared = source in (Source.HAMMERSLEY, Source.COUNT)
    # Quadrants that use the same numbers, to their ends, differ in nothing but the lines' signs.
    trains = _Trains(codes, 1 if shared and bl * len(quadrants) <= allowed else 2, bl)
    fired = 0
    for index, quadrant in enumerate(quadrants):
        slots = min(bl, allowed - index * bl)
        if slots <= 0:
            break
        if trains.slots != slots or not shared:
            trains.fire(*generators.trains(source, bl, slots, codes, scales), slots, row)
        x, d = QUADRANTS[quadrant]
        trains.take(x, d)
        if run.config.fired_counter:
            fired += trains.bits[0][x < 0] + trains.bits[1][d < 0]
        if run.phases is not None:
            row_words, column_words = (
                side * (signs == sign)[:, None] for side, signs, sign in zip(trains.fired, trains.signs, (x, d), strict=True)
            )
            shown.add(quadrant, row_words, column_words, slots)
    if trains.slots:
        run.array.update(tile, trains.signs[0], trains.signs[1], trains.words[0], trains.words[1])
    slots = bl * len(quadrants)
    _finish(run, tile, slots, min(slots, allowed), fired, shown)


class _Trains:
    """The pulse trains of an update's quadrants, for :meth:`crosstwin_model.plant.Plant.update`.

    ``sides`` is 1 where all quadrants have the same words. ``fired`` and ``bits`` are of the slots made last: words of all lines,
    and how often lines of positive and of negative codes fire.
    """

    def __init__(self, codes: tuple[Codes, Codes], sides: int, bl: int) -> None:
        self._sides = sides
        self.signs: tuple[Signs, ...] = ()
        self.words = [np.zeros((2, side.size, words_for(bl)), np.uint64) for side in codes] if sides == 2 else []
        self.slots = 0
        self.fired: list[Words] = []
        self.bits: list[tuple[int, int]] = []

    def fire(self, x_signs: Signs, d_signs: Signs, rows: Words, columns: Words, slots: int, row: int | None) -> None:
        """Take the words of a quadrant of so many slots; a row that is given fires in each of them."""
        self.slots = slots
        self.signs = (x_signs, d_signs)
        self.fired = [rows, columns]
        if row is not None:
            self.fired[0][row] = prefix_words(slots, self.fired[0].shape[1])
        self.bits = [count_bits(words, signs) for words, signs in zip(self.fired, self.signs, strict=True)]

    def take(self, x: int, d: int) -> None:
        """Put the words of the lines of one quadrant's signs where they belong."""
        if self._sides == 1:
            self.words = [fired[None] for fired in self.fired]
            return
        for side, (own, other) in enumerate(((x, d), (d, x))):
            lines = self.signs[side] == own
            self.words[side][int(other < 0), lines, : self.fired[side].shape[1]] = self.fired[side][lines]


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
