"""The bridge from a serial line to the controller's bus: takes requests, has them carried out once, and answers."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..axi_lite import axi_lite_signature
from .crc import Crc32
from .executor import Executor
from .framing import Stuffer, Unstuffer
from .protocol import CHECK_BYTES, FRAME_BYTES, OPEN, REQUEST_HEAD, RUN, Status
from .sender import Sender
from .uart import UartReceiver, UartTransmitter


class UartBridge(wiring.Component):
    """Answer requests of docs/host_link.md.

    A request that is not whole changes nothing. The one that was carried out last is, when it comes again, answered again from
    what is kept of it. While a request is carried out and answered, nothing is taken from the line.

    Parameters
    ----------
    divisor : int
        Clock cycles of a bit on the line, 4 to 65535.

    Attributes
    ----------
    rx : In(1), tx : Out(1)
        The line, high when idle.
    axi : Out(axi_lite_signature())
        The bus.
    reset, renew : Out(1)
        Reset what is on the bus, for one clock cycle; with it, everything else.
    """

    def __init__(self, *, divisor: int) -> None:
        self._receiver = UartReceiver(divisor=divisor)
        self._transmitter = UartTransmitter(divisor=divisor)
        super().__init__(
            {
                "rx": In(1, init=1),
                "tx": Out(1, init=1),
                "axi": Out(axi_lite_signature()),
                "reset": Out(1),
                "renew": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.receiver = self._receiver
        m.submodules.transmitter = self._transmitter
        m.submodules.unstuffer = self._unstuffer = Unstuffer()
        m.submodules.stuffer = self._stuffer = Stuffer()
        m.submodules.check = self._check = Crc32()
        m.submodules.executor = self._executor = Executor()
        m.submodules.sender = self._sender = Sender()
        self._length = Signal(range(FRAME_BYTES + 2))
        self._receiving = Signal()
        self._running = Signal()
        self._sending = Signal()
        self._second = Signal()
        self._last = Signal(8)
        self._brief = Signal()
        self._complaint = Signal(Status)
        self._join_line(m)
        self._join_memory(m)
        m.d.comb += [
            self._executor.end.eq(self._length - CHECK_BYTES),
            self.reset.eq(self._executor.reset),
            self.renew.eq(self._executor.renew),
        ]
        wiring.connect(m, self._executor.axi, wiring.flipped(self.axi))
        self._control(m)
        return m

    def _join_line(self, m: Module) -> None:
        receiver, transmitter, unstuffer, stuffer = self._receiver, self._transmitter, self._unstuffer, self._stuffer
        sender, executor, check = self._sender, self._executor, self._check
        m.d.comb += [
            receiver.rx.eq(self.rx),
            unstuffer.data.eq(receiver.data),
            unstuffer.valid.eq(receiver.valid),
            stuffer.byte.eq(sender.byte),
            stuffer.flag.eq(sender.flag),
            stuffer.valid.eq(sender.valid),
            sender.ready.eq(stuffer.ready),
            transmitter.data.eq(stuffer.data),
            transmitter.valid.eq(stuffer.data_valid),
            stuffer.data_ready.eq(transmitter.ready),
            self.tx.eq(transmitter.tx),
            sender.sequence.eq(self._last),
            sender.status.eq(Mux(self._brief, self._complaint, executor.status)),
            sender.brief.eq(self._brief),
            sender.position.eq(executor.position),
            sender.completed.eq(executor.completed),
            sender.words.eq(executor.words),
            sender.check_low.eq(check.low),
            check.clear.eq(unstuffer.flag | sender.check_clear),
            check.data.eq(Mux(self._receiving, unstuffer.byte, sender.check_data)),
            check.valid.eq(Mux(self._receiving, unstuffer.byte_valid, sender.check_valid)),
        ]

    def _join_memory(self, m: Module) -> None:
        """The request in the lower half, the words that were read in the upper half."""
        executor, sender, unstuffer = self._executor, self._sender, self._unstuffer
        memory: Memory = Memory(shape=8, depth=512, init=[])
        m.submodules.memory = memory
        write, read = memory.write_port(), memory.read_port()
        m.d.comb += [
            write.en.eq(executor.store | (self._receiving & unstuffer.byte_valid & ~self._length[8])),
            write.addr.eq(Mux(self._receiving, self._length, Cat(executor.store_address, 1))),
            write.data.eq(Mux(self._receiving, unstuffer.byte, executor.store_data)),
            executor.data.eq(read.data),
            sender.data.eq(read.data),
        ]
        self._content = read.data
        with m.If(self._sending):
            m.d.comb += read.addr.eq(Cat(sender.address, 1))
        with m.Elif(self._running):
            m.d.comb += read.addr.eq(executor.address)
        with m.Else():
            m.d.comb += read.addr.eq(self._second)

    def _control(self, m: Module) -> None:
        """Take a request, see whether it is whole and whose turn it is, have it carried out, answer."""
        unstuffer, check, executor, sender = self._unstuffer, self._check, self._executor, self._sender
        with m.FSM() as fsm:
            with m.State("HUNT"):
                m.d.sync += self._length.eq(0)
                with m.If(unstuffer.flag):
                    m.next = "RECEIVE"
            with m.State("RECEIVE"):
                with m.If(unstuffer.byte_valid & ~self._length[8]):
                    m.d.sync += self._length.eq(self._length + 1)
                with m.If(unstuffer.flag & (self._length != 0)):
                    with m.If(check.good & (self._length >= REQUEST_HEAD + CHECK_BYTES) & ~self._length[8]):
                        m.next = "KIND"
                    with m.Else():
                        self._complain(m, Status.DAMAGED)
            with m.State("KIND"):
                m.next = "SEQUENCE"
            self._judge(m)
            with m.State("RUN"):
                with m.If(executor.done):
                    m.next = "ANSWER"
            with m.State("ANSWER"):
                m.d.comb += sender.start.eq(1)
                m.next = "SEND"
            with m.State("SEND"):
                with m.If(sender.done):
                    m.next = "HUNT"
        m.d.comb += [
            self._receiving.eq(fsm.ongoing("RECEIVE")),
            self._running.eq(fsm.ongoing("RUN")),
            self._sending.eq(fsm.ongoing("SEND")),
            self._second.eq(fsm.ongoing("SEQUENCE")),
        ]

    def _judge(self, m: Module) -> None:
        """Say which of the two first bytes is what, and let a request in whose turn it is."""
        opened, opens, known = Signal(), Signal(), Signal()
        sequence = self._content
        with m.State("SEQUENCE"):
            m.d.sync += [opens.eq(self._content == OPEN), known.eq((self._content == OPEN) | (self._content == RUN))]
            m.next = "JUDGE"
        with m.State("JUDGE"):
            with m.If(~known):
                self._complain(m, Status.MALFORMED)
            with m.Elif(opens | (opened & (sequence == (self._last + 1)[:8]))):
                m.d.comb += self._executor.start.eq(1)
                m.d.sync += [opened.eq(1), self._last.eq(sequence), self._brief.eq(0)]
                m.next = "RUN"
            with m.Elif(opened & (sequence == self._last)):
                m.d.sync += self._brief.eq(0)
                m.next = "ANSWER"
            with m.Else():
                self._complain(m, Status.OUT_OF_ORDER)

    def _complain(self, m: Module, status: Status) -> None:
        m.d.sync += [self._brief.eq(1), self._complaint.eq(status)]
        m.next = "ANSWER"
