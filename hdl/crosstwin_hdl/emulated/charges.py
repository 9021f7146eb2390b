"""The charges of the driven lines: how long each was at read level, and the choice of those that are multiplied next."""

from amaranth.hdl import Array, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crosstwin_model.config import ControllerConfig
from crosstwin_model.emulated_config import CHARGE_MAX, EmulatedConfig

from ..logic import index_bits

#: Bits of a signed charge.
CHARGE_BITS = 9
#: Charges between which the first of two stages chooses.
_BLOCK = 8


class Charges(wiring.Component):
    """Integrate signed clock cycles of all driven lines, and choose.

    Parameters
    ----------
    config : ControllerConfig
    array : EmulatedConfig

    Attributes
    ----------
    read_level, sense_columns : In(1), row_pos, row_neg : In(rows), column_pos, column_neg : In(columns)
        The controller's pins. Charges are kept while ``read_level`` is high.
    index : In
        Row (forward) or group of columns (backward).
    chosen : Out(signed(9)) of each lane
        Charge that a lane multiplies with, ``latency`` clock cycles after ``index``; 0 for a line that does not exist.
    overflow : Out(1)
        A line is driven for longer than a charge can hold.
    """

    #: Clock cycles from an index to its charges.
    latency = 2

    def __init__(self, *, config: ControllerConfig, array: EmulatedConfig) -> None:
        self._config, self._array = config, array
        entries = max(config.rows, array.groups(config), array.lanes)
        super().__init__(
            {
                "read_level": In(1),
                "sense_columns": In(1),
                "row_pos": In(config.rows),
                "row_neg": In(config.rows),
                "column_pos": In(config.columns),
                "column_neg": In(config.columns),
                "index": In(index_bits(entries)),
                **{f"chosen_{lane}": Out(signed(CHARGE_BITS)) for lane in range(array.lanes)},
                "overflow": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, lanes = self._config, self._array.lanes
        charges = []
        for line in range(max(config.rows, config.columns)):
            charge = Signal(signed(CHARGE_BITS), name=f"charge_{line}")
            pos, neg = (
                _chosen(self.sense_columns, rows, columns, line)
                for rows, columns in ((self.row_pos, self.column_pos), (self.row_neg, self.column_neg))
            )
            with m.If(~self.read_level):
                m.d.sync += charge.eq(0)
            with m.Elif(pos | neg):
                m.d.sync += charge.eq(charge + Mux(neg, -1, 1))
            charges.append(charge)
        self._elaborate_overflow(m)
        row = self._choose(m, charges[: config.rows], "row")
        for lane in range(lanes):
            column = self._choose(m, charges[lane : config.columns : lanes], f"column_{lane}")
            m.d.comb += getattr(self, f"chosen_{lane}").eq(Mux(self.sense_columns, row, column))
        return m

    def _elaborate_overflow(self, m: Module) -> None:
        """Watch the number of clock cycles in which any line is driven in this read."""
        driven = Signal()
        count = Signal(range(CHARGE_MAX + 1))
        lines = (self.row_pos, self.row_neg, self.column_pos, self.column_neg)
        m.d.sync += driven.eq(self.read_level & (lines[0].any() | lines[1].any() | lines[2].any() | lines[3].any()))
        with m.If(~self.read_level):
            m.d.sync += count.eq(0)
        with m.Elif(driven):
            m.d.sync += count.eq(Mux(count == CHARGE_MAX, count, count + 1))
        m.d.comb += self.overflow.eq(driven & self.read_level & (count == CHARGE_MAX))

    def _choose(self, m: Module, charges: list[Signal], name: str) -> Value:
        """Return the charge number ``index``, chosen within blocks first and among them a clock cycle later."""
        if not charges:
            return Signal(signed(CHARGE_BITS), name=f"{name}_none")
        blocks = -(-len(charges) // _BLOCK)
        firsts = []
        for block in range(blocks):
            members = charges[block * _BLOCK : (block + 1) * _BLOCK]
            padded = [*members, *(Signal.like(charges[0], name=f"{name}_none") for _ in range(_BLOCK - len(members)))]
            first = Signal(signed(CHARGE_BITS), name=f"{name}_{block}", reset_less=True)
            m.d.sync += first.eq(Array(padded)[self.index[:3]])
            firsts.append(first)
        upper = Signal(max(1, len(self.index) - 3), name=f"{name}_block", reset_less=True)
        second = Signal(signed(CHARGE_BITS), name=name, reset_less=True)
        m.d.sync += upper.eq(self.index[3:])
        rest = [Signal.like(firsts[0], name=f"{name}_none") for _ in range((1 << len(upper)) - blocks)]
        m.d.sync += second.eq(Array([*firsts, *rest])[upper])
        return second


def _chosen(rows_driven: Value, rows: Value, columns: Value, line: int) -> Value:
    """Return the level of a line of the side that is driven."""
    if line >= len(rows):
        return ~rows_driven & columns[line]
    if line >= len(columns):
        return rows_driven & rows[line]
    return Mux(rows_driven, rows[line], columns[line])
