"""The order of work: slots are captured and swept over their tile, and reads go through a tile and its reference."""

from amaranth.hdl import Array, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crosstwin_model.config import ControllerConfig
from crosstwin_model.emulated_cells import GOLDEN, Stream, stream_key
from crosstwin_model.emulated_config import EmulatedConfig
from crosstwin_model.registers import TileKind

from ..logic import index_bits
from . import stages


class Engine(wiring.Component):
    """Issue one address a clock cycle.

    Parameters
    ----------
    config : ControllerConfig
    array : EmulatedConfig

    Attributes
    ----------
    slot, read_level, sense_columns, differential, adc_sample : In(1), tile : In(4), quadrant : In(2),
    row_pos, row_neg : In(rows), column_pos, column_neg : In(columns)
        The controller's pins.
    address : Out
        What is issued in this clock cycle, if any of the following is high.
    pulsing, erasing, reading : Out(1)
        It is swept for a slot; set to 0; read.
    fires : Out(lanes)
        The lanes' cells take a pulse.
    up : Out(1), key : Out(32)
        The slot's direction, and the key of its noise.
    first, last, subtract : Out(1)
        The read begins a sum; ends one; is of the reference.
    index : Out
        Row (forward) or group of columns (backward) whose charges are multiplied.
    read_key : Out(32)
        Key of the noise of the read sampled last.
    active : Out(1)
        A read is worked on, or its codes are being taken.
    overrun : Out(1)
        A slot comes that is lost, since the one before is not worked off yet.
    """

    def __init__(self, *, config: ControllerConfig, array: EmulatedConfig) -> None:
        self._config, self._array = config, array
        self._groups = array.groups(config)
        self._size = array.addresses(config)
        self._inner = {True: max(config.rows, array.lanes), False: self._groups}
        pins = ("slot", "read_level", "sense_columns", "differential", "adc_sample")
        flags = ("pulsing", "erasing", "reading", "up", "first", "last", "subtract", "active", "overrun")
        super().__init__(
            {
                **{name: In(1) for name in pins},
                "tile": In(4),
                "quadrant": In(2),
                **{name: In(config.rows) for name in ("row_pos", "row_neg")},
                **{name: In(config.columns) for name in ("column_pos", "column_neg")},
                "address": Out(index_bits(config.tiles * self._size)),
                **{name: Out(1) for name in flags},
                "fires": Out(array.lanes),
                "key": Out(32),
                "index": Out(index_bits(max(self._inner.values()))),
                "read_key": Out(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self._captured = Signal()
        self._sampled = Signal()
        self._left = Signal(range(self._config.tiles * self._size))
        self._elaborate_capture(m)
        self._elaborate_loops(m)
        self._elaborate_order(m)
        return m

    def _elaborate_capture(self, m: Module) -> None:
        """Take a slot's lines, and shift them as the sweep passes over the tile."""
        config, lanes = self._config, self._array.lanes
        self._rows = Signal(config.rows, reset_less=True)
        self._columns = Signal(self._groups * lanes, reset_less=True)
        self._tile = Signal(4, reset_less=True)
        down = self.quadrant[1]
        group = Signal(range(self._groups))
        with m.If(self.slot):
            m.d.sync += [
                self._rows.eq(Mux(down, self.row_neg, self.row_pos)),
                self._columns.eq(Mux(down, self.column_pos, self.column_neg)),
                self._tile.eq(self.tile),
                self.up.eq(~down),
            ]
        with m.Elif(self.pulsing):
            m.d.sync += [self._columns.eq(self._columns.rotate_right(lanes)), group.eq(group + 1)]
            with m.If(group == self._groups - 1):
                m.d.sync += [group.eq(0), self._rows.eq(self._rows >> 1)]
        m.d.comb += self.fires.eq(self._columns[:lanes] & (self.pulsing & self._rows[0]).replicate(lanes))

    def _elaborate_loops(self, m: Module) -> None:
        """Count through a read: an inner loop over driven lines, once for the tile and once for its reference, for every sum."""
        forward = self.sense_columns
        self._base = Signal.like(self.address, reset_less=True)
        self._outer = Signal(range(max(self._config.rows, self._groups)))
        reference = Signal()
        inner_over = Signal()
        inner_step, outer_step = Mux(forward, self._groups, 1), Mux(forward, 1, self._groups)
        m.d.comb += [
            inner_over.eq(self.index == Mux(forward, self._inner[True] - 1, self._inner[False] - 1)),
            self.subtract.eq(reference),
            self.first.eq((self.index == 0) & ~reference),
            self.last.eq(inner_over & (reference | ~self.differential)),
        ]
        with m.If(self.reading):
            m.d.sync += [self.index.eq(Mux(inner_over, 0, self.index + 1)), self.address.eq(self.address + inner_step)]
            with m.If(inner_over):
                m.d.sync += [
                    reference.eq(self.differential & ~reference),
                    self.address.eq(self._base + TileKind.C_REF * self._size),
                ]
            with m.If(self.last):
                following = self._base + outer_step
                m.d.sync += [self._base.eq(following), self.address.eq(following), self._outer.eq(self._outer + 1)]
        with m.Else():
            m.d.sync += [self.index.eq(0), reference.eq(0), self._outer.eq(0)]

    def _elaborate_order(self, m: Module) -> None:
        """Erase everything after a reset; then work off what comes, one thing after another."""
        config, size = self._config, self._size
        starts = Array([Const(tile % config.tiles * size, len(self.address)) for tile in range(16)])
        last_sum = self.last & (self._outer == Mux(self.sense_columns, self._groups - 1, config.rows - 1))
        wait = Signal(range(stages.WRITE + 1), init=stages.WRITE)
        key = Signal(32, init=stream_key(self._array.seed, Stream.PULSE))
        read_key = Signal(32, init=(stream_key(self._array.seed, Stream.ADC) - GOLDEN) % (1 << 32))
        m.d.comb += [self.key.eq(key), self.read_key.eq(read_key)]
        with m.If(self.adc_sample):
            m.d.sync += [read_key.eq(read_key + GOLDEN), self._sampled.eq(1)]
        with m.Elif(~self.read_level):
            m.d.sync += self._sampled.eq(0)
        with m.If(self.slot):
            m.d.sync += self._captured.eq(1)
        with m.If(self.pulsing | self.erasing):
            m.d.sync += [self.address.eq(self.address + 1), self._left.eq(self._left - 1)]
        with m.FSM(init="BEGIN"):
            with m.State("BEGIN"):
                m.d.sync += [self.address.eq(0), self._left.eq(config.tiles * size - 1)]
                m.next = "ERASE"
            with m.State("ERASE"):
                m.d.comb += [self.erasing.eq(1), self.overrun.eq(self.slot)]
                with m.If(self._left == 0):
                    m.next = "DRAIN"
            with m.State("IDLE"):
                m.d.comb += self.overrun.eq(self.slot & self._captured)
                m.d.sync += wait.eq(stages.WRITE)
                with m.If(self._captured):
                    m.d.sync += [self.address.eq(starts[self._tile]), self._left.eq(size - 1), self._captured.eq(0)]
                    with m.If(self._rows.any() & self._columns.any()):
                        m.next = "SWEEP"
                with m.Elif(self._sampled & self.read_level):
                    m.d.sync += [self.address.eq(starts[self.tile]), self._base.eq(starts[self.tile]), self._sampled.eq(0)]
                    m.next = "READ"
            with m.State("SWEEP"):
                m.d.comb += [self.pulsing.eq(1), self.overrun.eq(self.slot)]
                with m.If(self._left == 0):
                    m.d.sync += key.eq(key + GOLDEN)
                    m.next = "DRAIN"
            with m.State("DRAIN"):  # what is issued next may meet the same cells
                m.d.comb += self.overrun.eq(self.slot & self._captured)
                m.d.sync += wait.eq(wait - 1)
                with m.If(wait == 0):
                    m.next = "IDLE"
            with m.State("READ"):
                m.d.comb += [self.reading.eq(1), self.active.eq(1), self.overrun.eq(self.slot)]
                with m.If(~self.read_level):
                    m.next = "DRAIN"
                with m.Elif(last_sum):
                    m.next = "CONVERT"
            with m.State("CONVERT"):
                m.d.comb += [self.active.eq(1), self.overrun.eq(self.slot)]
                with m.If(~self.read_level):
                    m.next = "IDLE"
