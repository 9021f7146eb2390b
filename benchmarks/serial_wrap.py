"""Few pins around many: with it a design with hundreds of pins is placed and routed alone, and its pins do not limit it."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class SerialWrap(wiring.Component):
    """Feed a component's inputs from a shift register, and keep its outputs.

    Every input comes from a flip-flop of its own, so all paths are timed; the shift register is part of what is counted. Outputs
    lead nowhere, but the tools must keep them and all that makes them.

    Parameters
    ----------
    inner : wiring.Component

    Attributes
    ----------
    serial_in : In(1), serial_out : Out(1)
        The shift register's ends.
    """

    def __init__(self, inner: wiring.Component) -> None:
        self._inner = inner
        super().__init__({"serial_in": In(1), "serial_out": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.inner = self._inner
        inputs: list[Value] = []
        for path, member, value in self._inner.signature.flatten(self._inner):
            if member.flow is wiring.In:
                inputs.append(Value.cast(value))
            else:
                kept = Signal(len(Value.cast(value)), name="_".join(("kept", *map(str, path))), attrs={"keep": 1})
                m.d.comb += kept.eq(value)
        chain = Signal(sum(len(value) for value in inputs), reset_less=True)
        m.d.sync += chain.eq(Cat(self.serial_in, chain))
        m.d.comb += [Cat(inputs).eq(chain), self.serial_out.eq(chain[-1])]
        return m
