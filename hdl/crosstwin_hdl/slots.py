"""The pulse engine's counters: quadrants, the slots within one, and the clock cycles within a slot."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crosstwin_model.config import ControllerConfig


class Slots(wiring.Component):
    """Count slots. The sequencer says where it stands; this block says when to go on.

    Parameters
    ----------
    config : ControllerConfig

    Attributes
    ----------
    width, gap : In(16)
        Clock cycles of a slot with and without driven lines, at least 1 each, steady during an operation.
    bl : In(8)
        Slots of a quadrant, 1 ... BL_MAX, steady from the clock cycle before SCAN0 on.
    pairs : In(16)
        Pairs of slots of SYMMETRIZE, at least 1.
    symmetrize : In(1)
        The operation is SYMMETRIZE.
    quadrants : In(4)
        In PLAN: quadrants in which lines of both sides can fire.
    scan, plan, load, hold, gapping : In(1)
        The operation is in SCAN0, PLAN, LOAD, HOLD, GAP.
    pulsing : In(1)
        The operation is in one of the states from SCAN1 to GAP.
    some : Out(1)
        In PLAN: there is at least one slot.
    phase_over : Out(1)
        In LOAD and HOLD: this is the last driven clock cycle of the slot; in GAP: the last idle one.
    more : Out(1)
        In GAP: another slot follows.
    ahead : Out(1)
        The coming clock cycle can be LOAD; it is unless no slot follows.
    quadrant, coming_quadrant : Out(2)
        In LOAD the slot's quadrant; in the clock cycle before a LOAD, that of its slot.
    index, left : Out(R)
        The number k of a slot in its quadrant, and k << (R - n), n being the bits that hold BL - 1: in SCAN0 of the first slot,
        then of the second, and after a clock cycle with ``ahead`` of the slot that follows the one after the coming slot, so that
        there is time to make a bound of it.
    """

    def __init__(self, *, config: ControllerConfig) -> None:
        self._config = config
        bits = config.code_bits
        super().__init__(
            {
                "width": In(16),
                "gap": In(16),
                "bl": In(8),
                "pairs": In(16),
                "symmetrize": In(1),
                "quadrants": In(4),
                "scan": In(1),
                "plan": In(1),
                "load": In(1),
                "hold": In(1),
                "gapping": In(1),
                "pulsing": In(1),
                "some": Out(1),
                "phase_over": Out(1),
                "more": Out(1),
                "ahead": Out(1),
                "quadrant": Out(2),
                "coming_quadrant": Out(2),
                "index": Out(bits),
                "left": Out(bits),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self._elaborate_timer(m)
        self._elaborate_order(m, self._elaborate_index(m))
        return m

    def _elaborate_timer(self, m: Module) -> None:
        """Count the driven and the idle clock cycles of a slot, each phase begun in the last clock cycle before it."""
        # Always begun with the same number, so that a flip-flop's reset does it.
        coming = Signal(16, reset_less=True)
        single_width = Signal(reset_less=True)
        single_gap = Signal(reset_less=True)
        begins = Signal()
        to_gap = Signal()
        m.d.comb += [
            self.ahead.eq(self.plan | (self.gapping & self.phase_over)),
            begins.eq(self.plan | self.phase_over),
            to_gap.eq(self.load | self.hold),
        ]
        over = coming == Mux(self.gapping, self.gap, self.width)
        m.d.sync += [
            coming.eq(Mux(begins, 2, coming + 1)),
            single_width.eq(self.width == 1),
            single_gap.eq(self.gap == 1),
            self.phase_over.eq(self.pulsing & Mux(begins, Mux(to_gap, single_gap, single_width), over)),
        ]

    def _elaborate_index(self, m: Module) -> Value:
        """Count k; return whether this slot is its quadrant's last."""
        last = Signal(7, reset_less=True)
        m.d.sync += last.eq(self.bl - 1)
        index, left = self.index, self.left
        with m.If(~(self.scan | self.pulsing)):
            m.d.sync += [index.eq(0), left.eq(0)]
        with m.Elif(self.scan | self.ahead):
            with m.If(index == last):
                m.d.sync += [index.eq(0), left.eq(0)]
            with m.Else():
                m.d.sync += [index.eq(index + 1), left.eq(left + _step(last, self._config.code_bits))]
        at_last = Signal(reset_less=True)
        with m.If(self.ahead):
            m.d.sync += at_last.eq(self.symmetrize | (index == 0))
        return at_last

    def _elaborate_order(self, m: Module, at_last: Value) -> None:
        """Go through the quadrants that are needed, or up and down with SYMMETRIZE."""
        pending = Signal(4)
        first = _lowest(self.quadrants)
        following = _lowest(pending)
        pair = Signal(16, reset_less=True)
        last_pair = Signal(reset_less=True)
        m.d.comb += [
            self.some.eq(self.symmetrize | self.quadrants.any()),
            # A quadrant that follows another is known from its LOAD on, and two clock cycles pass until the next.
            self.coming_quadrant.eq(Mux(self.plan, Mux(self.symmetrize, 0, first), self.quadrant)),
        ]
        m.d.sync += last_pair.eq(pair == self.pairs)
        with m.If(self.scan):
            m.d.sync += pair.eq(1)
        with m.Elif(self.load & self.quadrant[1]):
            m.d.sync += pair.eq(pair + 1)
        with m.If(self.plan):
            m.d.sync += [self.quadrant.eq(self.coming_quadrant), pending.eq(self.quadrants & (self.quadrants - 1))]
        with m.Elif(self.load):
            m.d.sync += self.more.eq(~Mux(self.symmetrize, self.quadrant[1] & last_pair, at_last & ~pending.any()))
            with m.If(self.symmetrize):
                m.d.sync += self.quadrant[1].eq(~self.quadrant[1])
            with m.Elif(at_last):
                m.d.sync += [self.quadrant.eq(following), pending.eq(pending & (pending - 1))]


def _lowest(bits: Value) -> Value:
    """Return the number of the lowest of four bits that is set."""
    return Cat(~bits[0] & (bits[1] | ~bits[2]), ~bits[0] & ~bits[1])


def _step(last: Value, bits: int) -> Value:
    """Return 1 << (bits - n) in ``bits`` bits, n being the bits that hold ``last``."""
    return Cat(
        *(last[bits - 1 - i] & ~last[bits - i :].any() if 0 <= bits - 1 - i < len(last) else Const(0, 1) for i in range(bits))
    )
