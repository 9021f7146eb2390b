"""How both sides drive their lines: directions, thresholds' modes and sources, one clock cycle ahead."""

from amaranth.hdl import Cat, Const, Module, Mux, Value
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
    reading, pulsing : In(1)
        The coming clock cycle can be one of DRIVE; of LOAD.
    backward, transferring, symmetrize : In(1)
        The operation.
    coming_quadrant : In(2)
        The slot's quadrant in the coming clock cycle.
    source : In(2)
        The random source.
    any_row_positive, any_row_negative, any_column_positive, any_column_negative : In(1)
        In PLAN: lines with a code of that sign are there.
    quadrants : Out(4)
        In PLAN: quadrants in which lines of both sides can fire.
    all_rows, all_columns : Out(1)
        All lines of that side (or the one that is chosen) fire.
    rows, columns : Out(DRIVE_LAYOUT)
    own_rows, own_columns : Out(1)
        The lines compare with their own LFSRs.
    """

    def __init__(self, *, config: ControllerConfig) -> None:
        self._config = config
        inputs = ("reading", "pulsing", "backward", "transferring", "symmetrize")
        flags = ("any_row_positive", "any_row_negative", "any_column_positive", "any_column_negative")
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
        x_pos, x_neg = self.any_row_positive, self.any_row_negative
        d_pos, d_neg = self.any_column_positive, self.any_column_negative
        by_sign = Cat(x_pos & d_pos, x_neg & d_neg, x_pos & d_neg, x_neg & d_pos)
        m.d.comb += [
            self.quadrants.eq(Mux(self.transferring, Cat(d_pos, Const(0, 1), d_neg, Const(0, 1)), by_sign)),
            self.all_rows.eq(self.transferring | self.symmetrize),
            self.all_columns.eq(self.symmetrize),
        ]
        odd, down = self.coming_quadrant[0], self.coming_quadrant[1]
        with m.If(self.reading):
            m.d.sync += [
                self.rows.eq(_drive(~self.backward, ~self.backward, 0, ~self.transferring)),
                self.columns.eq(_drive(self.backward, self.backward, 0, 1)),
            ]
        with m.Else():
            m.d.sync += [
                self.rows.eq(_drive(~odd | self.all_rows, odd | self.all_rows, down, down)),
                self.columns.eq(_drive(~(odd ^ down) | self.all_columns, (odd ^ down) | self.all_columns, ~down, ~down)),
            ]
        if self._config.has_source(Source.LFSR_PER_LINE):
            per_line = self.pulsing & (self.source == Source.LFSR_PER_LINE)
            m.d.sync += [self.own_rows.eq(per_line & ~self.all_rows), self.own_columns.eq(per_line & ~self.all_columns)]
        return m


def _drive(positive: Value, negative: Value, positive_minus: Value | int, negative_minus: Value | int) -> Value:
    """Return the bits of DRIVE_LAYOUT."""
    return Cat(
        *(bit[0] if isinstance(bit, Value) else Const(bit, 1) for bit in (positive, negative, positive_minus, negative_minus))
    )
