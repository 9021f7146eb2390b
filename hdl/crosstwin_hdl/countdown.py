"""A counter that tells the last of a number of clock cycles from a flip-flop."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class CountDown(wiring.Component):
    """Count clock cycles down to 1.

    Parameters
    ----------
    width : int
        Bits of the length.

    Attributes
    ----------
    length : In(width)
        Clock cycles to count, at least 1; steady in the clock cycle before ``load`` and in that with it.
    load : In(1)
        The coming clock cycle is the first.
    last : Out(1)
        This clock cycle is the last.
    """

    def __init__(self, *, width: int) -> None:
        super().__init__({"length": In(width), "load": In(1), "last": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        left = Signal.like(self.length, name="left", reset_less=True)
        single = Signal(reset_less=True)
        m.d.sync += [
            left.eq(Mux(self.load, self.length, left - 1)),
            single.eq(self.length == 1),
            self.last.eq(Mux(self.load, single, left == 2)),
        ]
        return m
