"""Frames on a line of bytes, as in RFC 1662: flags around them, and an escape for bytes that look like one."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .protocol import ESCAPE, FLAG, FLIP


class Unstuffer(wiring.Component):
    """Tell flags from data, and undo escapes.

    Attributes
    ----------
    data : In(8), valid : In(1)
        What came over the line.
    byte : Out(8), byte_valid : Out(1)
        A byte of a frame, in the same clock cycle.
    flag : Out(1)
        A flag, in the same clock cycle.
    """

    def __init__(self) -> None:
        super().__init__({"data": In(8), "valid": In(1), "byte": Out(8), "byte_valid": Out(1), "flag": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        escaped = Signal()
        is_flag = self.data == FLAG
        is_escape = self.data == ESCAPE
        m.d.comb += [
            self.flag.eq(self.valid & is_flag),
            self.byte_valid.eq(self.valid & ~is_flag & ~is_escape),
            self.byte.eq(self.data ^ Mux(escaped, FLIP, 0)),
        ]
        with m.If(self.valid):
            m.d.sync += escaped.eq(is_escape)
        return m


class Stuffer(wiring.Component):
    """Escape the bytes of frames.

    Attributes
    ----------
    byte : In(8), flag : In(1), valid : In(1), ready : Out(1)
        A byte of a frame, or a flag; it is taken in a clock cycle in which ``valid`` and ``ready`` are high.
    data : Out(8), data_valid : Out(1), data_ready : In(1)
        What goes over the line, likewise.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "byte": In(8),
                "flag": In(1),
                "valid": In(1),
                "ready": Out(1),
                "data": Out(8),
                "data_valid": Out(1),
                "data_ready": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        escaped = Signal()
        special = Signal()
        m.d.comb += [
            special.eq((self.byte == FLAG) | (self.byte == ESCAPE)),
            self.data_valid.eq(self.valid),
            self.ready.eq(self.data_ready),
            self.data.eq(self.byte),
        ]
        with m.If(self.flag):
            m.d.comb += self.data.eq(FLAG)
        with m.Elif(special & ~escaped):
            m.d.comb += [self.data.eq(ESCAPE), self.ready.eq(0)]
            with m.If(self.valid & self.data_ready):
                m.d.sync += escaped.eq(1)
        with m.Elif(special):
            m.d.comb += self.data.eq(self.byte ^ FLIP)
            with m.If(self.valid & self.data_ready):
                m.d.sync += escaped.eq(0)
        return m
