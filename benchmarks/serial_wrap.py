"""One pin in, one pin out: with it a design with hundreds of pins is placed and routed alone, and its pins do not limit it."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class SerialWrap(wiring.Component):
    """Feed a component's inputs from a shift register and fold its outputs into one bit.

    Every input comes from a flip-flop of its own and every output ends in a flip-flop, so all paths are timed. The shift register
    and the fold are part of what is counted.

    Parameters
    ----------
    inner : wiring.Component

    Attributes
    ----------
    serial_in : In(1), serial_out : Out(1)
    """

    def __init__(self, inner: wiring.Component) -> None:
        self._inner = inner
        super().__init__({"serial_in": In(1), "serial_out": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.inner = self._inner
        inputs: list[Value] = []
        outputs: list[Value] = []
        for _, member, value in self._inner.signature.flatten(self._inner):
            (inputs if member.flow is wiring.In else outputs).append(Value.cast(value))
        chain = Signal(sum(len(value) for value in inputs), reset_less=True)
        folded = Signal()
        m.d.sync += [chain.eq(Cat(self.serial_in, chain)), folded.eq(Cat(outputs).xor()), self.serial_out.eq(folded)]
        m.d.comb += Cat(inputs).eq(chain)
        return m
