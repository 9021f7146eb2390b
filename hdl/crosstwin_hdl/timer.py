"""A counter that tells the last of a number of clock cycles from a flip-flop."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class Timer(wiring.Component):
    """Count clock cycles up to a length.

    Parameters
    ----------
    width : int
        Bits of the length.

    Attributes
    ----------
    length : In(width)
        Clock cycles to count, at least 1; steady from the clock cycle before ``load`` to the last that is counted.
    load : In(1)
        The coming clock cycle is the first.
    last : Out(1)
        This clock cycle is the last.
    """

    def __init__(self, *, width: int) -> None:
        super().__init__({"length": In(width), "load": In(1), "last": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # Always loaded with the same number, so that a flip-flop's reset does it.
        coming = Signal.like(self.length, name="coming", reset_less=True)
        single = Signal(reset_less=True)
        m.d.sync += [
            coming.eq(Mux(self.load, 2, coming + 1)),
            single.eq(self.length == 1),
            self.last.eq(Mux(self.load, single, coming == self.length)),
        ]
        return m
