"""The design that bench_area.py holds the controller against: what one writes first, with an LFSR for every line.

It does no more than pulse: codes written over a bus, four quadrants, BL slots of a fixed length each. No register can be read, no
command is checked, nothing is read from the array, no result comes back, and nothing can be stopped.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

#: Bits of a code's magnitude, and of a line's LFSR with the taps 16, 14, 13 and 11.
CODE_BITS, LFSR_BITS = 8, 16


class NaiveController(wiring.Component):
    """Drive rows and columns where a line's own random number is below its code's magnitude.

    Parameters
    ----------
    rows, columns : int

    Attributes
    ----------
    address : In(12), data : In(32), write : In(1)
        A bus to write with: word 0 is BL (bits 0 to 7), WIDTH (8 to 15) and GAP (16 to 23), each less 1; word 1 starts an update;
        line k's code, as magnitude and sign, is word 1024 + k for rows and 2048 + k for columns.
    busy : Out(1)
    row_pos, row_neg : Out(rows), column_pos, column_neg : Out(columns)
    """

    def __init__(self, *, rows: int, columns: int) -> None:
        self._rows, self._columns = rows, columns
        super().__init__(
            {
                "address": In(12),
                "data": In(32),
                "write": In(1),
                "busy": Out(1),
                "row_pos": Out(rows),
                "row_neg": Out(rows),
                "column_pos": Out(columns),
                "column_neg": Out(columns),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bl, width, gap = Signal(8), Signal(8), Signal(8)
        with m.If(self.write & (self.address == 0)):
            m.d.sync += Cat(bl, width, gap).eq(self.data)
        quadrant = Signal(2)
        slot, timer = Signal(8), Signal(8)
        load, driving, advance = Signal(), Signal(), Signal()
        m.d.comb += load.eq(self.busy & ~driving & (timer == 0))
        with m.If(self.write & (self.address == 1)):
            m.d.sync += [self.busy.eq(1), slot.eq(0), timer.eq(0), quadrant.eq(0), driving.eq(0)]
        with m.Elif(load):
            m.d.sync += [driving.eq(1), timer.eq(width)]
        with m.Elif(self.busy & (timer == 0)):
            m.d.sync += [driving.eq(0), timer.eq(gap), slot.eq(slot + 1)]
            m.d.comb += advance.eq(1)
            with m.If(slot == bl):
                m.d.sync += [slot.eq(0), quadrant.eq(quadrant + 1), self.busy.eq(quadrant != 3)]
        with m.Elif(self.busy):
            m.d.sync += timer.eq(timer - 1)
        down = quadrant[1]
        for count, base, sign, minus, pos, neg in (
            (self._rows, 1024, quadrant[0], down, self.row_pos, self.row_neg),
            (self._columns, 2048, quadrant[0] ^ down, ~down, self.column_pos, self.column_neg),
        ):
            for line in range(count):
                fires = self._line(m, base + line, sign, advance)
                with m.If(load):
                    m.d.sync += [pos[line].eq(fires & ~minus), neg[line].eq(fires & minus)]
                with m.Elif(advance):
                    m.d.sync += [pos[line].eq(0), neg[line].eq(0)]
        return m

    def _line(self, m: Module, word: int, sign: Value, advance: Value) -> Value:
        """Return whether a line fires in the slot that begins."""
        code = Signal(CODE_BITS + 1, name=f"code_{word}")
        with m.If(self.write & (self.address == word)):
            m.d.sync += code.eq(self.data)
        lfsr = Signal(LFSR_BITS, init=word, name=f"lfsr_{word}")
        with m.If(advance):
            m.d.sync += lfsr.eq(Cat(lfsr[15] ^ lfsr[13] ^ lfsr[12] ^ lfsr[10], lfsr[:-1]))
        return (code[:CODE_BITS] > lfsr[:CODE_BITS]) & (code[CODE_BITS] == sign)
