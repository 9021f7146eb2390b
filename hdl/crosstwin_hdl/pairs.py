"""What every tile pair remembers of its transfers: the next row, and the updates since the last one."""

from amaranth.hdl import Array, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crosstwin_model.config import ControllerConfig

from .logic import follows


class Pairs(wiring.Component):
    """Hold TRANSFER_ROW and UPDATES of all pairs, and show the chosen pair's.

    Parameters
    ----------
    config : ControllerConfig

    Attributes
    ----------
    pair : In(2)
        The chosen pair; it exists whenever a strobe is high.
    every, active_rows, active_columns : In(16) x pairs
        Settings of all pairs.
    write_row, write_updates : In(pairs), write_data : In(32)
        Writes of the bus.
    count : In(1)
        The FINISH of an UPDATE of A of a pair whose TRANSFER_EVERY is not 0: UPDATES + 1, or 0 when a TRANSFER is due.
    next_row : In(1)
        The FINISH of a TRANSFER: go to the next active row.
    due : Out(1)
        UPDATES + 1 >= TRANSFER_EVERY, as it was one clock cycle ago.
    row, rows, columns : Out(16)
        The chosen pair's TRANSFER_ROW, ACTIVE.ROWS and ACTIVE.COLUMNS.
    all_rows, all_updates : Out(16) x pairs
        All pairs' TRANSFER_ROW and UPDATES.
    """

    def __init__(self, *, config: ControllerConfig) -> None:
        self._pairs = config.pairs
        self._row_bits = config.rows.bit_length()
        super().__init__(
            {
                "pair": In(2),
                "every": In(16).array(config.pairs),
                "active_rows": In(16).array(config.pairs),
                "active_columns": In(16).array(config.pairs),
                "write_row": In(config.pairs),
                "write_updates": In(config.pairs),
                "write_data": In(32),
                "count": In(1),
                "next_row": In(1),
                "due": Out(1),
                "row": Out(16),
                "rows": Out(16),
                "columns": Out(16),
                "all_rows": Out(16).array(config.pairs),
                "all_updates": Out(16).array(config.pairs),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        every = Signal(16)
        updates = Signal(16)
        for signal, of_pairs in (
            (every, self.every),
            (updates, self.all_updates),
            (self.row, self.all_rows),
            (self.rows, self.active_rows),
            (self.columns, self.active_columns),
        ):
            m.d.comb += signal.eq(Array(of_pairs[min(i, self._pairs - 1)] for i in range(4))[self.pair])
        # A TRANSFER's row is an active one, so that its high bits are 0.
        bits = self._row_bits
        next_row = Signal(bits)
        m.d.comb += next_row.eq(Mux(follows(self.rows[:bits], self.row[:bits]), 0, self.row[:bits] + 1))
        m.d.sync += self.due.eq(updates + 1 >= every)
        for i in range(self._pairs):
            chosen = self.pair == i
            with m.If(self.write_row[i]):
                m.d.sync += self.all_rows[i].eq(self.write_data)
            with m.Elif(self.next_row & chosen):
                m.d.sync += self.all_rows[i][:bits].eq(next_row)
            with m.If(self.write_updates[i]):
                m.d.sync += self.all_updates[i].eq(self.write_data)
            with m.Elif(self.count & chosen):
                m.d.sync += self.all_updates[i].eq(Mux(self.due, 0, updates + 1))
        return m
