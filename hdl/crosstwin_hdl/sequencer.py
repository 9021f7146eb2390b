"""The controller's state machine: one operation from its command to FINISH."""

from amaranth.hdl import Elaboratable, Module, Mux, ResetInserter, Signal, Value
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
    """Go through the states of docs/controller.md, one flip-flop a state.

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
    some, phase_over, more : In(1)
        From the pulse engine.
    busy : Out(1)
        The state is not IDLE.
    stopped : Out(1)
        A stop ends the operation, or drops the command, in this clock cycle.
    check : Out(1)
        Strobe of the state CHECK.
    transferring : Out(1)
        The operation is a TRANSFER, be it by command or by itself; low in IDLE and CHECK.
    pulsing : Out(1)
        The operation is in one of the states from SCAN1 to GAP.
    choosing : Out(1)
        As ``transferring`` in the coming clock cycle, unless a fault ends the operation.
    chain : Out(1)
        In FINISH: a TRANSFER follows.
    now : dict of str to Signal(1)
        The states, by their names in lower case, whether the operation goes on or not.
    """

    def __init__(self) -> None:
        command = ("start", "stop", "refused", "reads", "transfers", "transfer_due")
        inputs = (*command, "window_over", "last_beat", "expired", "some", "phase_over", "more")
        outputs = (
            "busy",
            "stopped",
            "check",
            "transferring",
            "pulsing",
            "choosing",
            "chain",
            *(state.lower() for state in STATES),
        )
        super().__init__({**{name: In(1) for name in inputs}, **{name: Out(1) for name in outputs}})
        self.now = {name.lower(): Signal(name=f"in_{name.lower()}") for name in ("CHECK", *STATES)}

    def elaborate(self, platform: object) -> Elaboratable:
        m = Module()
        now = self.now
        read_only = Signal()
        accepted = now["check"] & ~self.refused
        pulses = (now["check"] & ~self.refused & ~self.reads & ~self.transfers) | (self.last_beat & ~read_only)
        phase = now["load"] | now["hold"]
        gap_over = now["gap"] & self.phase_over
        coming: dict[str, Value] = {
            "check": ~self.busy & self.start,
            "connect": (accepted & (self.reads | self.transfers)) | self.chain,
            "drive": now["connect"] | (now["drive"] & ~self.window_over),
            "release": now["drive"] & self.window_over,
            "sample": now["release"],
            "convert": now["sample"] | (now["convert"] & ~self.last_beat & ~self.expired),
            "scan0": pulses,
            "scan1": now["scan0"],
            "plan": now["scan1"],
            "load": (now["plan"] & self.some) | (gap_over & self.more),
            "hold": phase & ~self.phase_over,
            "gap": (phase & self.phase_over) | (now["gap"] & ~self.phase_over),
            "finish": (now["plan"] & ~self.some) | (gap_over & ~self.more) | (self.last_beat & read_only),
        }
        ends = (now["check"] & self.refused) | self.expired | (now["finish"] & ~self.chain)
        m.d.sync += [now[name].eq(value) for name, value in coming.items()]
        m.d.sync += [
            self.busy.eq((self.busy | self.start) & ~ends),
            self.pulsing.eq(now["scan0"] | (self.pulsing & ~coming["finish"])),
        ]
        with m.If(now["check"]):
            m.d.sync += [self.transferring.eq(self.transfers & ~self.refused), read_only.eq(self.reads)]
        with m.Elif(now["finish"] | self.expired):
            m.d.sync += self.transferring.eq(self.chain)
        m.d.comb += [
            self.chain.eq(now["finish"] & self.transfer_due & ~self.transferring & ~read_only),
            self.choosing.eq(
                Mux(now["check"], self.transfers & ~self.refused, (self.transferring & ~now["finish"]) | self.chain)
            ),
            self.stopped.eq(self.busy & self.stop),
            *(getattr(self, name).eq(here & ~self.stop) for name, here in now.items()),
        ]
        return ResetInserter(self.stopped)(m)
