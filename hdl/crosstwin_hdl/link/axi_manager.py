"""AXI4-Lite manager: one access at a time, given up when the bus does not answer."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crosstwin_model.registers import ADDRESS_BITS

from ..axi_lite import axi_lite_signature
from .protocol import BUS_PATIENCE


class AxiManager(wiring.Component):
    """Read or write one word.

    Attributes
    ----------
    axi : Out(axi_lite_signature())
    word : In(ADDRESS_BITS - 2), data : In(32)
        Word address, and what a write writes; they must stay until the access has ended.
    read, write : In(1)
        Begin an access; not while one is under way.
    done : Out(1)
        The bus answers, or is given up, in this clock cycle.
    error : Out(1), expired : Out(1)
        With ``done``: the answer is SLVERR; there was no answer for BUS_PATIENCE clock cycles. A bus that was given up must be
        reset before it is used again.
    read_data : Out(32)
        With ``done``: what was read.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "axi": Out(axi_lite_signature()),
                "word": In(ADDRESS_BITS - 2),
                "data": In(32),
                "read": In(1),
                "write": In(1),
                "done": Out(1),
                "error": Out(1),
                "expired": Out(1),
                "read_data": Out(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        axi = self.axi
        under_way = Signal()
        answered = Signal()
        timer = Signal(range(BUS_PATIENCE))
        m.d.comb += [
            axi.awaddr[2:].eq(self.word),
            axi.araddr[2:].eq(self.word),
            axi.wdata.eq(self.data),
            axi.wstrb.eq(0b1111),
            axi.bready.eq(1),
            axi.rready.eq(1),
            answered.eq(axi.bvalid | axi.rvalid),
            self.expired.eq(~answered & (timer == BUS_PATIENCE - 1)),
            self.done.eq(under_way & (answered | self.expired)),
            self.error.eq((axi.bvalid & (axi.bresp != 0)) | (axi.rvalid & (axi.rresp != 0))),
            self.read_data.eq(axi.rdata),
        ]
        m.d.sync += timer.eq(timer + 1)
        with m.If(axi.awready):
            m.d.sync += axi.awvalid.eq(0)
        with m.If(axi.wready):
            m.d.sync += axi.wvalid.eq(0)
        with m.If(axi.arready):
            m.d.sync += axi.arvalid.eq(0)
        with m.If(self.read):
            m.d.sync += [axi.arvalid.eq(1), under_way.eq(1), timer.eq(0)]
        with m.If(self.write):
            m.d.sync += [axi.awvalid.eq(1), axi.wvalid.eq(1), under_way.eq(1), timer.eq(0)]
        with m.If(self.done):
            m.d.sync += [axi.awvalid.eq(0), axi.wvalid.eq(0), axi.arvalid.eq(0), under_way.eq(0)]
        return m
