"""The threshold of one side: what a line's magnitude is compared with."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class Threshold(wiring.Component):
    """Turn a random number into a threshold, in two clock cycles: product, then rounding and saturation.

    T = min((u F + floor(F / 2)) >> R, 2**R - 1) + 1, R being ``code_bits``. No sum overflows: u F is below 2**(2 R + 4).

    Parameters
    ----------
    code_bits : int

    Attributes
    ----------
    coming_number : In(R)
        The number u as it will be in the next clock cycle, so that the product is always that of the present number.
    full_scale : In(R + 4)
        F; steady from two clock cycles before ``threshold`` is used.
    pulses : In(1)
        The next threshold is that of a slot; otherwise it is ``coming_level``.
    everything : In(1)
        The next threshold is 0, which every line reaches.
    coming_level : In(R)
        Threshold of reads (and 1, to find the codes that are not 0).
    threshold : Out(R + 1)
        0 ... 2**R.
    """

    def __init__(self, *, code_bits: int) -> None:
        self._code_bits = code_bits
        super().__init__(
            {
                "coming_number": In(code_bits),
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
        m.d.sync += product.eq(self.coming_number * self.full_scale)
        quotient = Signal(bits + 5)
        cut = Signal(bits)
        m.d.comb += [
            quotient.eq((product + self.full_scale[1:]) >> bits),
            cut.eq(quotient[:bits] | quotient[bits:].any().replicate(bits)),
        ]
        m.d.sync += self.threshold.eq(Mux(self.everything, 0, Mux(self.pulses, cut + 1, self.coming_level)))
        return m
