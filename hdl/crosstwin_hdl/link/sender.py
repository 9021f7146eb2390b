"""Sends an answer: flag, head, the words that were read, checksum, flag."""

from amaranth.hdl import Array, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .protocol import ANSWER_HEAD, ANSWER_WORDS, CHECK_BYTES


class Sender(wiring.Component):
    """Send one answer after another, each once.

    Attributes
    ----------
    start : In(1)
        Send; everything below that comes in must stay until ``done``.
    sequence : In(8), status : In(3), position : In(8), completed : In(8), words : In(6)
        The answer.
    brief : In(1)
        Send the sequence number and the status only.
    address : Out(8), data : In(8)
        Byte of the words that were read, and its content one clock cycle later.
    byte : Out(8), flag : Out(1), valid : Out(1), ready : In(1)
        The frame, for the stuffer. After a byte is taken, the checksum needs the time that the line needs for it.
    check_clear : Out(1), check_data : Out(8), check_valid : Out(1), check_low : In(8)
        The checksum.
    done : Out(1)
        The last flag is taken.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "start": In(1),
                "sequence": In(8),
                "status": In(3),
                "position": In(8),
                "completed": In(8),
                "words": In(range(ANSWER_WORDS + 1)),
                "brief": In(1),
                "address": Out(8),
                "data": In(8),
                "byte": Out(8),
                "flag": Out(1),
                "valid": Out(1),
                "ready": In(1),
                "check_clear": Out(1),
                "check_data": Out(8),
                "check_valid": Out(1),
                "check_low": In(8),
                "done": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        index = Signal(8)
        head_last = Mux(self.brief, 1, ANSWER_HEAD - 1)
        words_last = (self.words << 2) - 1
        head = Array((self.sequence, self.status, self.position, self.completed))
        taken = self.valid & self.ready
        in_check = Signal()
        last = Signal()
        m.d.comb += [
            self.address.eq(index),
            self.check_valid.eq(taken & ~self.flag),
            # The checksum's own bytes go into it inverted, which moves the next one down.
            self.check_data.eq(self.byte ^ in_check.replicate(8)),
        ]
        with m.If(taken & ~self.flag):
            m.d.sync += index.eq(Mux(last, 0, index + 1))
        with m.FSM() as fsm:
            with m.State("IDLE"):
                with m.If(self.start):
                    m.d.comb += self.check_clear.eq(1)
                    m.next = "BEGIN"
            with m.State("BEGIN"):
                m.d.comb += self.flag.eq(1)
                with m.If(taken):
                    m.next = "HEAD"
            with m.State("HEAD"):
                m.d.comb += [self.byte.eq(head[index[:2]]), last.eq(index == head_last)]
                with m.If(taken & last & (self.brief | (self.words == 0))):
                    m.next = "CHECK"
                with m.Elif(taken & last):
                    m.next = "WORDS"
            with m.State("WORDS"):
                m.d.comb += [self.byte.eq(self.data), last.eq(index == words_last)]
                with m.If(taken & last):
                    m.next = "CHECK"
            with m.State("CHECK"):
                m.d.comb += [self.byte.eq(self.check_low), in_check.eq(1), last.eq(index == CHECK_BYTES - 1)]
                with m.If(taken & last):
                    m.next = "END"
            with m.State("END"):
                m.d.comb += [self.flag.eq(1), self.done.eq(taken)]
                with m.If(taken):
                    m.next = "IDLE"
        m.d.comb += self.valid.eq(~fsm.ongoing("IDLE"))
        return m
