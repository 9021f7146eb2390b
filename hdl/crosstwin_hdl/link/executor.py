"""Carries out a request: its accesses one after another on the bus, up to the first that fails."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crosstwin_model.registers import ADDRESS_BITS

from ..axi_lite import axi_lite_signature
from .axi_manager import AxiManager
from .protocol import ANSWER_WORDS, REQUEST_HEAD, WAIT_POLLS, AccessKind, Status


class Executor(wiring.Component):
    """Read accesses from a buffer, do them, and put the words that they read into another.

    Attributes
    ----------
    start : In(1), end : In(8)
        Begin with a request whose accesses end before that byte of the buffer.
    address : Out(8), data : In(8)
        Byte of the request, and its content one clock cycle later.
    store_address : Out(8), store_data : Out(8), store : Out(1)
        Byte of the words that were read.
    axi : Out(axi_lite_signature())
    reset, renew : Out(1)
        Reset what is on the bus, for one clock cycle; with it, everything else.
    done : Out(1)
        The request has ended; what follows then stays as it is until the next start.
    status : Out(3)
        How it ended, a value of :class:`~crosstwin_hdl.link.protocol.Status`.
    position : Out(8), completed : Out(8)
        Where the access begins at which it ended, and how many words of that were done; the request's end if all went well.
    words : Out(6)
        Words that were read.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "start": In(1),
                "end": In(8),
                "address": Out(8),
                "data": In(8),
                "store_address": Out(8),
                "store_data": Out(8),
                "store": Out(1),
                "axi": Out(axi_lite_signature()),
                "reset": Out(1),
                "renew": Out(1),
                "done": Out(1),
                "status": Out(3),
                "position": Out(8),
                "completed": Out(8),
                "words": Out(range(ANSWER_WORDS + 1)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.manager = self._manager = AxiManager()
        wiring.connect(m, wiring.flipped(self.axi), self._manager.axi)
        self._kind = Signal(AccessKind)
        self._count = Signal(8)
        self._target = Signal(ADDRESS_BITS - 2)
        self._word = Signal(32)
        self._part = Signal(2)
        self._polls = Signal(range(WAIT_POLLS))
        self._take = Signal()
        fetched = Signal()
        m.d.sync += fetched.eq(~self._take & ~self.start)
        with m.If(self._take):
            m.d.sync += self.address.eq(self.address + 1)
        self._over = Signal()
        self._there = Signal()
        m.d.comb += [
            self._over.eq(self.address == self.end),
            self._there.eq(fetched & ~self._over),
            self._manager.word.eq(self._target),
            self._manager.data.eq(self._word),
            self.store_address.eq(Cat(self._part, self.words)),
            self.store_data.eq(self._word[:8]),
        ]
        with m.FSM():
            with m.State("IDLE"):
                with m.If(self.start):
                    m.d.sync += [self.address.eq(REQUEST_HEAD), self.words.eq(0)]
                    m.next = "KIND"
            self._head_states(m)
            with m.State("NEXT"):
                self._begin(m)
            with m.State("WORD"):
                self._collect(m)
            with m.State("BUS"):
                self._end(m)
            with m.State("STORE"):
                self._store(m)
            with m.State("DONE"):
                m.d.comb += self.done.eq(1)
                m.next = "IDLE"
        return m

    def _finish(self, m: Module, status: Status) -> None:
        m.d.sync += self.status.eq(status)
        m.next = "DONE"

    def _head_states(self, m: Module) -> None:
        with m.State("KIND"):
            m.d.sync += [self.position.eq(self.address), self.completed.eq(0), self._polls.eq(0)]
            with m.If(self._over):
                self._finish(m, Status.OK)
            with m.Elif(self._there):
                m.d.comb += self._take.eq(1)
                m.d.sync += self._kind.eq(self.data[:3])
                m.next = "COUNT"
                with m.If((self.data == 0) | (self.data > max(AccessKind))):
                    self._finish(m, Status.MALFORMED)
        low_bits = 6
        for state, following, assignment in (
            ("COUNT", "LOW", self._count.eq(self.data)),
            ("LOW", "HIGH", self._target[:low_bits].eq(self.data[2:])),
            ("HIGH", "NEXT", self._target[low_bits:].eq(self.data)),
        ):
            with m.State(state):
                with m.If(self._over):
                    self._finish(m, Status.MALFORMED)
                with m.Elif(self._there):
                    m.d.comb += self._take.eq(1)
                    m.d.sync += assignment
                    m.next = following

    def _begin(self, m: Module) -> None:
        """Begin the access's next word, or go to the next access."""
        with m.Switch(self._kind):
            with m.Case(AccessKind.RESET):
                m.d.comb += [self.reset.eq(1), self.renew.eq(self._count[0])]
                m.next = "KIND"
            with m.Case(AccessKind.WAIT):
                m.d.comb += self._manager.read.eq(1)
                m.next = "BUS"
            with m.Default():
                with m.If(self.completed == self._count):
                    m.next = "KIND"
                with m.Elif(self._kind == AccessKind.WRITE):
                    m.next = "WORD"
                with m.Elif(self.words == ANSWER_WORDS):
                    self._finish(m, Status.MALFORMED)
                with m.Else():
                    m.d.comb += self._manager.read.eq(1)
                    m.next = "BUS"

    def _collect(self, m: Module) -> None:
        """Gather the four bytes of a word, and write it."""
        with m.If(self._over):
            self._finish(m, Status.MALFORMED)
        with m.Elif(self._there):
            m.d.comb += self._take.eq(1)
            m.d.sync += [self._word.eq(Cat(self._word[8:], self.data)), self._part.eq(self._part + 1)]
            with m.If(self._part == 3):
                m.d.comb += self._manager.write.eq(1)
                m.next = "BUS"

    def _end(self, m: Module) -> None:
        """Take the bus's answer."""
        with m.If(self._manager.done):
            with m.If(self._manager.expired):
                self._finish(m, Status.BUS_TIMEOUT)
            with m.Elif(self._manager.error):
                self._finish(m, Status.BUS_ERROR)
            with m.Elif(self._kind == AccessKind.READ):
                m.d.sync += self._word.eq(self._manager.read_data)
                m.next = "STORE"
            with m.Elif(self._kind == AccessKind.WRITE):
                self._count_word(m)
            with m.Elif(~self._manager.read_data[0]):
                m.next = "KIND"
            with m.Else():
                m.d.sync += self._polls.eq(self._polls + 1)
                m.next = "NEXT"
                with m.If(self._polls.all()):
                    self._finish(m, Status.BUSY)

    def _store(self, m: Module) -> None:
        """Put the four bytes of a word into the answer."""
        m.d.comb += self.store.eq(1)
        m.d.sync += [self._word.eq(self._word >> 8), self._part.eq(self._part + 1)]
        with m.If(self._part == 3):
            m.d.sync += self.words.eq(self.words + 1)
            self._count_word(m)

    def _count_word(self, m: Module) -> None:
        m.d.sync += [self.completed.eq(self.completed + 1), self._target.eq(self._target + 1)]
        m.next = "NEXT"
