"""The threshold of one side: what a line's magnitude is compared with."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class Threshold(wiring.Component):
    """Turn a random number into a threshold, in two clock cycles: product, then rounding and saturation.

    T = min((u F + floor(F / 2)) >> R, 2**R - 1) + 1, R being ``code_bits``, computed as
    min((u F + floor(F / 2) + 2**R) >> R, 2**R). No sum overflows: it is below 2**(2 R + 5).

    Parameters
    ----------
    code_bits : int

    Attributes
    ----------
    number : In(R), take : In(1)
        The number u of the coming slot, to be taken in this clock cycle.
    full_scale : In(R + 4)
        F; steady from the first ``take`` on.
    pulses : In(1)
        The next threshold is that of a slot; otherwise it is ``coming_level``.
    everything : In(1)
        The next threshold is 0, which every line reaches.
    coming_level : In(R)
        Threshold of reads (and 1, to find the codes that are not 0).
    threshold : Out(R + 1)
        0 ... 2**R; from two clock cycles after ``take`` on it is that of the number.
    """

    def __init__(self, *, code_bits: int) -> None:
        self._code_bits = code_bits
        super().__init__(
            {
                "number": In(code_bits),
                "take": In(1),
                "full_scale": In(code_bits + 4),
                "pulses": In(1),
                "everything": In(1),
                "coming_level": In(code_bits),
                "threshold": Out(code_bits + 1, init=1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = self._code_bits
        product = Signal(2 * bits + 4, reset_less=True)
        rounding = Signal(bits + 4, reset_less=True)
        with m.If(self.take):
            m.d.sync += product.eq(self.number * self.full_scale)
        m.d.sync += rounding.eq(self.full_scale[1:] + (1 << bits))
        quotient = Signal(bits + 5)
        cut = Signal(bits + 1)
        m.d.comb += [
            quotient.eq((product + rounding) >> bits),
            cut.eq(Mux(quotient[bits:].any(), 1 << bits, quotient[:bits])),
        ]
        m.d.sync += self.threshold.eq(Mux(self.everything, 0, Mux(self.pulses, cut, self.coming_level)))
        return m
