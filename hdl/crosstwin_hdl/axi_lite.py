"""AXI4-Lite subordinate: handshakes and responses on one side, one-cycle requests on the other."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crosstwin_model.registers import ADDRESS_BITS, Response


def axi_lite_signature() -> wiring.Signature:
    """Return the manager's side of a 32-bit AXI4-Lite bus with AXI's own names; a subordinate may ignore AWPROT and ARPROT."""
    return wiring.Signature(
        {
            "awaddr": Out(ADDRESS_BITS),
            "awprot": Out(3),
            "awvalid": Out(1),
            "awready": In(1),
            "wdata": Out(32),
            "wstrb": Out(4),
            "wvalid": Out(1),
            "wready": In(1),
            "bresp": In(2),
            "bvalid": In(1),
            "bready": Out(1),
            "araddr": Out(ADDRESS_BITS),
            "arprot": Out(3),
            "arvalid": Out(1),
            "arready": In(1),
            "rdata": In(32),
            "rresp": In(2),
            "rvalid": In(1),
            "rready": Out(1),
        }
    )


def access_signature() -> wiring.Signature:
    """Return the requesting side of the internal bus.

    ``write_request`` and ``read_request`` come with a word, data and strobes, which stay as they are in the next clock cycle. In
    that one stand the answers: ``write_error`` (answer SLVERR), ``read_error``, and ``read_data``, whatever it is with an error.
    """
    return wiring.Signature(
        {
            "write_request": Out(1),
            "write_word": Out(ADDRESS_BITS - 2),
            "write_data": Out(32),
            "write_strobes": Out(4),
            "write_error": In(1),
            "read_request": Out(1),
            "read_word": Out(ADDRESS_BITS - 2),
            "read_error": In(1),
            "read_data": In(32),
        }
    )


class AxiLite(wiring.Component):
    """Turn AXI4-Lite transfers into requests.

    A write is taken when its address and its data are both there, in any order. Every second clock cycle can begin a write, and
    likewise a read. All outputs to the bus come from flip-flops, so no path leads from a VALID or READY to another.

    Attributes
    ----------
    axi : In(axi_lite_signature())
    access : Out(access_signature())
    """

    #: Clock cycles from the one in which the second half of a write (or a read's address) is taken to its request.
    latency = 1

    def __init__(self) -> None:
        super().__init__({"axi": In(axi_lite_signature()), "access": Out(access_signature())})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self._elaborate_write(m)
        self._elaborate_read(m)
        return m

    def _elaborate_write(self, m: Module) -> None:
        axi, access = self.axi, self.access
        address_held = Signal()
        data_held = Signal()
        answered = Signal()
        m.d.comb += [
            axi.awready.eq(~address_held),
            axi.wready.eq(~data_held),
            access.write_request.eq(address_held & data_held & (~axi.bvalid | axi.bready)),
        ]
        with m.If(axi.awvalid & axi.awready):
            m.d.sync += [address_held.eq(1), access.write_word.eq(axi.awaddr[2:])]
        with m.If(axi.wvalid & axi.wready):
            m.d.sync += [data_held.eq(1), access.write_data.eq(axi.wdata), access.write_strobes.eq(axi.wstrb)]
        m.d.sync += answered.eq(access.write_request)
        with m.If(access.write_request):
            m.d.sync += [address_held.eq(0), data_held.eq(0)]
        with m.If(answered):
            m.d.sync += [axi.bvalid.eq(1), axi.bresp.eq(Mux(access.write_error, Response.SLVERR, Response.OKAY))]
        with m.Elif(axi.bready):
            m.d.sync += axi.bvalid.eq(0)

    def _elaborate_read(self, m: Module) -> None:
        axi, access = self.axi, self.access
        held = Signal()
        answered = Signal()
        m.d.comb += [axi.arready.eq(~held), access.read_request.eq(held & (~axi.rvalid | axi.rready))]
        with m.If(axi.arvalid & axi.arready):
            m.d.sync += [held.eq(1), access.read_word.eq(axi.araddr[2:])]
        m.d.sync += answered.eq(access.read_request)
        with m.If(access.read_request):
            m.d.sync += held.eq(0)
        with m.If(answered):
            m.d.sync += [
                axi.rvalid.eq(1),
                axi.rdata.eq(Mux(access.read_error, 0, access.read_data)),
                axi.rresp.eq(Mux(access.read_error, Response.SLVERR, Response.OKAY)),
            ]
        with m.Elif(axi.rready):
            m.d.sync += axi.rvalid.eq(0)
