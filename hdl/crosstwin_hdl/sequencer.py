"""The controller's state machine: one operation from its command to FINISH."""

from amaranth.hdl import Elaboratable, Module, ResetInserter, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

#: States whose clock cycles belong to an accepted operation, in the order of their first appearance.
STATES = (
    "CONNECT",
    "DRIVE",
    "RELEASE",
    "SAMPLE",
    "CONVERT",
    "SCAN0",
    "SCAN1",
    "PLAN",
    "LOAD",
    "HOLD",
    "GAP",
    "FINISH",
)


class Sequencer(wiring.Component):
    """Go through the states of docs/controller.md.

    For every state there is a strobe, its name in lower case: high in a clock cycle in which the operation is in that state and
    goes on, so low in the cycle in which a stop is seen. Everything that an operation does hangs on these strobes.

    Attributes
    ----------
    start : In(1)
        A COMMAND is written.
    stop : In(1)
        Stop in this clock cycle; without effect in IDLE.
    refused : In(1)
        In CHECK: a rule is broken.
    reads, transfers : In(1)
        In CHECK: the operation only reads; it is a TRANSFER.
    transfer_due : In(1)
        In the FINISH of an UPDATE: a TRANSFER of the same pair follows.
    window_over, last_beat, expired : In(1)
        From the read engine.
    some, hold_needed, wait_over, more : In(1)
        From the pulse engine.
    busy : Out(1)
        The state is not IDLE.
    stopped : Out(1)
        A stop ends the operation, or drops the command, in this clock cycle.
    check : Out(1)
        Strobe of the state CHECK.
    transferring : Out(1)
        The operation is a TRANSFER, be it by command or by itself; low in IDLE and CHECK.
    chain : Out(1)
        In FINISH: a TRANSFER follows.
    """

    def __init__(self) -> None:
        command = ("start", "stop", "refused", "reads", "transfers", "transfer_due")
        inputs = (*command, "window_over", "last_beat", "expired", "some", "hold_needed", "wait_over", "more")
        outputs = ("busy", "stopped", "check", "transferring", "chain", *(state.lower() for state in STATES))
        super().__init__({**{name: In(1) for name in inputs}, **{name: Out(1) for name in outputs}})

    def elaborate(self, platform: object) -> Elaboratable:
        m = Module()
        goes_on = Signal()
        m.d.comb += [goes_on.eq(~self.stop), self.stopped.eq(self.busy & self.stop)]
        read_only = Signal()
        with m.FSM() as fsm:
            with m.State("IDLE"):
                with m.If(self.start):
                    m.next = "CHECK"
            with m.State("CHECK"):
                m.d.comb += self.check.eq(goes_on)
                m.d.sync += [self.transferring.eq(self.transfers & ~self.refused), read_only.eq(self.reads)]
                with m.If(self.refused):
                    m.next = "IDLE"
                with m.Elif(self.reads | self.transfers):
                    m.next = "CONNECT"
                with m.Else():
                    m.next = "SCAN0"
            self._read_states(m, read_only)
            self._pulse_states(m)
            with m.State("FINISH"):
                m.d.comb += self.chain.eq(self.transfer_due & ~self.transferring & ~read_only)
                with m.If(self.chain):
                    m.d.sync += self.transferring.eq(1)
                    m.next = "CONNECT"
                with m.Else():
                    m.d.sync += self.transferring.eq(0)
                    m.next = "IDLE"
        m.d.comb += self.busy.eq(~fsm.ongoing("IDLE"))
        m.d.comb += [getattr(self, state.lower()).eq(fsm.ongoing(state) & goes_on) for state in STATES]
        return ResetInserter(self.stopped)(m)

    def _read_states(self, m: Module, read_only: Signal) -> None:
        with m.State("CONNECT"):
            m.next = "DRIVE"
        with m.State("DRIVE"):
            with m.If(self.window_over):
                m.next = "RELEASE"
        with m.State("RELEASE"):
            m.next = "SAMPLE"
        with m.State("SAMPLE"):
            m.next = "CONVERT"
        with m.State("CONVERT"):
            with m.If(self.expired):
                m.d.sync += self.transferring.eq(0)
                m.next = "IDLE"
            with m.Elif(self.last_beat & read_only):
                m.next = "FINISH"
            with m.Elif(self.last_beat):
                m.next = "SCAN0"

    def _pulse_states(self, m: Module) -> None:
        with m.State("SCAN0"):
            m.next = "SCAN1"
        with m.State("SCAN1"):
            m.next = "PLAN"
        with m.State("PLAN"):
            with m.If(self.some):
                m.next = "LOAD"
            with m.Else():
                m.next = "FINISH"
        with m.State("LOAD"):
            with m.If(self.hold_needed):
                m.next = "HOLD"
            with m.Else():
                m.next = "GAP"
        with m.State("HOLD"):
            with m.If(self.wait_over):
                m.next = "GAP"
        with m.State("GAP"):
            with m.If(self.wait_over & self.more):
                m.next = "LOAD"
            with m.Elif(self.wait_over):
                m.next = "FINISH"
