"""How both sides drive their lines: directions, thresholds' modes and sources, one clock cycle ahead."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crosstwin_model.config import ControllerConfig, Source

from .lines import DRIVE_LAYOUT


class DriveControl(wiring.Component):
    """Decide which signs of code fire, and whether + or -, in the coming clock cycle.

    Parameters
    ----------
    config : ControllerConfig

    Attributes
    ----------
    reading : In(1)
        The coming clock cycle can be one of DRIVE.
    check, pulsing : In(1)
        The operation is in CHECK; in one of the states from SCAN1 to GAP.
    backward, transferring, symmetrize : In(1)
        The operation.
    choosing : In(1)
        ``transferring`` in the coming clock cycle, unless a fault ends the operation.
    coming_quadrant : In(2)
        The slot's quadrant in the coming clock cycle.
    source : In(2)
        The random source.
    row_found, column_found : In(1)
        Lines were found one clock cycle ago; in CHECK they are looked for with codes above 0, in SCAN0 with codes below 0.
    beat_positive, beat_negative : In(1)
        In SCAN1 of a TRANSFER: the ADC brought such codes.
    quadrants : Out(4)
        In PLAN: quadrants in which lines of both sides can fire.
    all_rows, all_columns : Out(1)
        All lines of that side fire, or the row that is chosen: from PLAN on in SYMMETRIZE, from CONNECT on in TRANSFER.
    rows, columns : Out(DRIVE_LAYOUT)
    own_rows, own_columns : Out(1)
        The lines compare with their own LFSRs.
    """

    def __init__(self, *, config: ControllerConfig) -> None:
        self._config = config
        inputs = ("reading", "check", "pulsing", "backward", "transferring", "choosing", "symmetrize")
        flags = ("row_found", "column_found", "beat_positive", "beat_negative")
        super().__init__(
            {
                **{name: In(1) for name in (*inputs, *flags)},
                "coming_quadrant": In(2),
                "source": In(2),
                "quadrants": Out(4),
                "all_rows": Out(1),
                "all_columns": Out(1),
                "rows": Out(DRIVE_LAYOUT),
                "columns": Out(DRIVE_LAYOUT),
                "own_rows": Out(1),
                "own_columns": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        x_pos = Signal()
        d_pos = Signal()
        m.d.sync += [x_pos.eq(self.row_found), d_pos.eq(self.column_found)]
        x_neg, d_neg = self.row_found, self.column_found
        by_sign = Cat(x_pos & d_pos, x_neg & d_neg, x_pos & d_neg, x_neg & d_pos)
        of_row = Cat(self.beat_positive, Const(0, 1), self.beat_negative, Const(0, 1))
        m.d.sync += self.quadrants.eq(Mux(self.transferring, of_row, by_sign))
        # Not before the scan is over, which would find lines with codes that are 0.
        symmetrize = self.symmetrize & self.pulsing
        m.d.sync += [self.all_columns.eq(symmetrize), self.all_rows.eq(self.choosing | symmetrize)]
        odd, down = self.coming_quadrant[0], self.coming_quadrant[1]
        with m.If(self.reading):
            m.d.sync += [
                self.rows.eq(_drive(~self.backward, ~self.backward, 0, ~self.transferring)),
                self.columns.eq(_drive(self.backward, self.backward, 0, 1)),
            ]
        with m.Elif(self.pulsing):
            m.d.sync += [
                self.rows.eq(_drive(~odd | self.all_rows, odd | self.all_rows, down, down)),
                self.columns.eq(_drive(~(odd ^ down) | self.all_columns, (odd ^ down) | self.all_columns, ~down, ~down)),
            ]
        with m.Else():
            m.d.sync += [side.eq(_drive(~self.check, self.check, 0, 0)) for side in (self.rows, self.columns)]
        if self._config.has_source(Source.LFSR_PER_LINE):
            per_line = self.pulsing & (self.source == Source.LFSR_PER_LINE) & ~self.symmetrize
            m.d.sync += [self.own_rows.eq(per_line & ~self.transferring), self.own_columns.eq(per_line)]
        return m


def _drive(positive: Value, negative: Value, positive_minus: Value | int, negative_minus: Value | int) -> Value:
    """Return the bits of DRIVE_LAYOUT."""
    return Cat(
        *(bit[0] if isinstance(bit, Value) else Const(bit, 1) for bit in (positive, negative, positive_minus, negative_minus))
    )
