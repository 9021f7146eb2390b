"""What the host sees of commands and faults: ERROR, the latched fault, and the interrupt."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crosstwin_model.registers import ErrorCode


class Status(wiring.Component):
    """Hold ERROR, FAULT, FAULT_CODE and INTERRUPT_STATUS.

    Where an event and a clearing write meet in one clock cycle, the event stays.

    Attributes
    ----------
    stop : In(1)
        Emergency stop or CONTROL.STOP, in any state.
    timeout : In(1)
        The ADC watchdog ended the operation.
    check : In(1), refusal : In(4)
        A command is judged; its error code or 0.
    done : In(1)
        The last FINISH of an operation.
    clear_fault : In(1)
        CONTROL.CLEAR_FAULT is written, and the emergency stop is low.
    clear_interrupts : In(3), enable : In(3)
        INTERRUPT_STATUS's bits that are written 1; INTERRUPT_ENABLE.
    error, fault_code : Out(4), fault : Out(1), interrupts : Out(3), irq : Out(1)
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "stop": In(1),
                "timeout": In(1),
                "check": In(1),
                "refusal": In(4),
                "done": In(1),
                "clear_fault": In(1),
                "clear_interrupts": In(3),
                "enable": In(3),
                "error": Out(4),
                "fault": Out(1),
                "fault_code": Out(4),
                "interrupts": Out(3),
                "irq": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        latched = Signal()
        refused = Signal()
        m.d.comb += [
            latched.eq((self.stop & ~self.fault) | self.timeout),
            refused.eq(self.check & (self.refusal != ErrorCode.OK)),
            self.irq.eq((self.interrupts & self.enable).any()),
        ]
        with m.If(self.check):
            m.d.sync += self.error.eq(self.refusal)
        with m.If(self.clear_fault):
            m.d.sync += [self.fault.eq(0), self.fault_code.eq(0)]
        with m.If(self.stop & ~self.fault):
            m.d.sync += [self.error.eq(ErrorCode.STOPPED), self.fault_code.eq(ErrorCode.STOPPED)]
        with m.Elif(self.timeout):
            m.d.sync += [self.error.eq(ErrorCode.ADC_TIMEOUT), self.fault_code.eq(ErrorCode.ADC_TIMEOUT)]
        with m.If(latched):
            m.d.sync += self.fault.eq(1)
        m.d.sync += [
            bit.eq((bit & ~clear) | event)
            for bit, clear, event in zip(self.interrupts, self.clear_interrupts, (self.done, refused, latched), strict=True)
        ]
        return m
