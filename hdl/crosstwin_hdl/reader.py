"""The read engine's counters: the pulse-width-modulated window, the ADC's beats, and its watchdog."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crosstwin_model.config import ControllerConfig

from .logic import exceeds, follows, index_bits
from .timer import Timer


def channels(config: ControllerConfig) -> int:
    """Return the entries that share one index where ADC codes are written: a beat's, but at least the two of a word."""
    return max(2, config.adc_lanes)


class Reader(wiring.Component):
    """Count a read's window and its beats. The sequencer says where it stands; this block says when to go on.

    Parameters
    ----------
    config : ControllerConfig

    Attributes
    ----------
    window : In(R), tick : In(8)
        Ticks of the window and clock cycles of a tick, at least 1 each, steady during an operation.
    timeout : In(16)
        Clock cycles to wait for a beat, at least 1.
    entries : In(16)
        Codes that the ADC delivers, at least 1.
    connect, drive, sample, convert : In(1)
        The operation is in that state and goes on.
    reading : In(1)
        The operation is in the state of ``connect`` or of ``drive``, whether it goes on or not.
    valid : In(1)
        The ADC shows a beat.
    level : Out(R)
        Ticks of the window that will have passed in the second clock cycle from now, counted from DRIVE's first; 0
        after ``window_over``.
    window_over : Out(1)
        In DRIVE: this is its last clock cycle.
    beat, last_beat : Out(1)
        In CONVERT: a beat is taken; it is the last.
    expired : Out(1)
        In CONVERT: no beat came in time.
    index : Out, lanes : Out(channels)
        Where a beat's codes go: entry ``index`` * channels + c for every set bit c.
    """

    def __init__(self, *, config: ControllerConfig) -> None:
        self._config = config
        bits = config.code_bits
        self._entry_bits = max(config.rows, config.columns).bit_length()
        groups = -(-max(config.rows, config.columns) // channels(config))
        super().__init__(
            {
                "window": In(bits),
                "tick": In(8),
                "timeout": In(16),
                "entries": In(16),
                "connect": In(1),
                "drive": In(1),
                "sample": In(1),
                "convert": In(1),
                "reading": In(1),
                "valid": In(1),
                "level": Out(bits),
                "window_over": Out(1),
                "beat": Out(1),
                "last_beat": Out(1),
                "expired": Out(1),
                "index": Out(index_bits(groups)),
                "lanes": Out(channels(config)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self._elaborate_window(m)
        self._elaborate_beats(m)
        return m

    def _elaborate_window(self, m: Module) -> None:
        """Count one clock cycle ahead: the lines' comparators take it."""
        passed = Signal(self._config.code_bits)
        counting = Signal()
        m.submodules.tick = ticks = Timer(width=8)
        m.d.comb += [
            counting.eq(self.connect | (self.drive & ~self.window_over)),
            ticks.length.eq(self.tick),
            ticks.load.eq(~counting | ticks.last),
            self.level.eq(passed + (ticks.last & self.reading)),
        ]
        m.d.sync += [
            passed.eq(Mux(counting, self.level, 0)),
            self.window_over.eq(counting & ticks.last & follows(self.window, passed)),
        ]

    def _elaborate_beats(self, m: Module) -> None:
        lanes = self._config.adc_lanes
        left = Signal(self._entry_bits, reset_less=True)
        index = Signal(len(self.index) + (lanes == 1), reset_less=True)
        m.submodules.wait = wait = Timer(width=16)
        m.d.comb += [
            self.beat.eq(self.convert & self.valid),
            self.last_beat.eq(self.beat & ~exceeds(left, lanes)),
            self.expired.eq(self.convert & ~self.valid & wait.last),
            wait.length.eq(self.timeout),
            wait.load.eq(self.sample | self.beat),
        ]
        if lanes == 1:
            m.d.comb += [self.index.eq(index[1:]), self.lanes.eq(Cat(~index[0], index[0]))]
        else:
            m.d.comb += [self.index.eq(index), self.lanes.eq(Cat(exceeds(left, lane) for lane in range(lanes)))]
        with m.If(self.connect):
            m.d.sync += [left.eq(self.entries), index.eq(0)]
        with m.Elif(self.beat):
            m.d.sync += [left.eq(left - lanes), index.eq(index + 1)]
