"""The bound of one side: what a line's magnitude is compared with."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class Threshold(wiring.Component):
    """Turn a random number into the bound of a slot, in two clock cycles: product, then saturation.

    The bound is T - 1 = min((u F + floor(F / 2)) >> R, 2**R - 1), R being ``code_bits``: a magnitude reaches the threshold T
    where it is larger than the bound. The quotient is (2 u + 1) F >> (R + 1), which is the same and needs no sum.

    Parameters
    ----------
    code_bits : int

    Attributes
    ----------
    number : In(R), take : In(1)
        The number u of the coming slot, to be taken in this clock cycle.
    full_scale : In(R + 4)
        F; steady from the clock cycle before the first ``take`` on.
    pulses : In(1)
        The next bound is that of a slot; otherwise it is ``level``.
    level : In(R)
        The next bound in reads (and 0, to find the codes that are not 0).
    everything : In(1)
        The next bound is 0.
    bound : Out(R)
        From ``latency`` clock cycles after ``take`` on it is that of the number.
    """

    #: Clock cycles from ``take`` to ``bound``.
    latency = 2

    def __init__(self, *, code_bits: int) -> None:
        self._code_bits = code_bits
        super().__init__(
            {
                "number": In(code_bits),
                "take": In(1),
                "full_scale": In(code_bits + 4),
                "pulses": In(1),
                "level": In(code_bits),
                "everything": In(1),
                "bound": Out(code_bits),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = self._code_bits
        product = Signal(2 * bits + 5, reset_less=True)
        # A flip-flop that feeds the multiplier alone can lie beside it.
        scale = Signal.like(self.full_scale, name="scale", reset_less=True)
        m.d.sync += scale.eq(self.full_scale)
        with m.If(self.take):
            m.d.sync += product.eq(Cat(Const(1, 1), self.number) * scale)
        quotient = product[bits + 1 :]
        of_slot = quotient[:bits] | quotient[bits:].any().replicate(bits)
        with m.If(self.everything):
            m.d.sync += self.bound.eq(0)
        with m.Else():
            m.d.sync += self.bound.eq(Mux(self.pulses, of_slot, self.level))
        return m
