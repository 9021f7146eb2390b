"""The checksum of frames: CRC-32 as Ethernet and zlib have it, one bit a clock cycle."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

#: The polynomial, least significant bit first.
POLYNOMIAL = 0xEDB88320
#: The register after a message and its checksum.
RESIDUE = 0xDEBB20E3


class Crc32(wiring.Component):
    """Take bytes into the checksum.

    Attributes
    ----------
    clear : In(1)
        Begin a new message.
    data : In(8), valid : In(1)
        A byte of the message; the next may come after :attr:`latency` clock cycles.
    low : Out(8)
        The checksum's lowest byte. Taken in as data with all bits inverted, it makes place for the next one.
    good : Out(1)
        The message so far ends with its own checksum.
    """

    #: Clock cycles that a byte takes.
    latency = 9

    def __init__(self) -> None:
        super().__init__({"clear": In(1), "data": In(8), "valid": In(1), "low": Out(8), "good": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        register = Signal(32, init=0xFFFF_FFFF)
        byte = Signal(8)
        left = Signal(range(9))
        m.d.comb += [self.low.eq(~register[:8]), self.good.eq(register == RESIDUE)]
        with m.If(self.valid):
            m.d.sync += [byte.eq(self.data), left.eq(8)]
        with m.Elif(left != 0):
            feedback = register[0] ^ byte[0]
            m.d.sync += [
                register.eq(Cat(register[1:], 0) ^ Mux(feedback, POLYNOMIAL, 0)),
                byte.eq(byte[1:]),
                left.eq(left - 1),
            ]
        with m.If(self.clear):
            m.d.sync += register.eq(0xFFFF_FFFF)
        return m
