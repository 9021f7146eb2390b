"""A UART: eight bits, no parity, one stop bit, least significant bit first."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from .protocol import DIVISORS


def check_divisor(divisor: int) -> int:
    """Return the divisor.

    Raises
    ------
    ValueError
        If it is out of range.
    """
    low, high = DIVISORS
    if not low <= divisor <= high:
        raise ValueError(f"the divisor is {divisor!r}; allowed are whole numbers from {low} to {high} clock cycles a bit")
    return divisor


class UartReceiver(wiring.Component):
    """Turn the line's levels into bytes.

    The line is sampled at every clock edge, and a level is the majority of three samples, so a disturbance of one clock cycle
    does nothing. A byte whose stop bit is missing is dropped.

    Parameters
    ----------
    divisor : int
        Clock cycles of a bit, 4 to 65535.

    Attributes
    ----------
    rx : In(1)
        The line, high when idle; it need not be synchronous.
    data : Out(8), valid : Out(1)
        A byte, in the clock cycle in which ``valid`` is high.
    """

    def __init__(self, *, divisor: int) -> None:
        self._divisor = check_divisor(divisor)
        super().__init__({"rx": In(1, init=1), "data": Out(8), "valid": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        samples = Signal(3, init=0b111)
        level = Signal(init=1)
        before = Signal(init=1)
        m.submodules.synchronizer = FFSynchronizer(self.rx, samples[0], init=1)
        m.d.sync += [samples[1:].eq(samples), before.eq(level)]
        m.d.comb += level.eq((samples[0] & samples[1]) | (samples[1] & samples[2]) | (samples[0] & samples[2]))

        timer = Signal(range(self._divisor))
        bit = Signal(range(10))
        receiving = Signal()
        sample = Signal()
        m.d.comb += sample.eq(receiving & (timer == 0))
        m.d.sync += self.valid.eq(0)
        with m.If(~receiving):
            with m.If(before & ~level):
                m.d.sync += [receiving.eq(1), bit.eq(0), timer.eq(self._divisor // 2 - 1)]
        with m.Elif(sample):
            m.d.sync += [timer.eq(self._divisor - 1), bit.eq(bit + 1)]
            with m.If(bit == 9):
                m.d.sync += [receiving.eq(0), self.valid.eq(level)]
            with m.Elif((bit == 0) & level):
                m.d.sync += receiving.eq(0)
            with m.Elif(bit != 0):
                m.d.sync += self.data.eq(Cat(self.data[1:], level))
        with m.Else():
            m.d.sync += timer.eq(timer - 1)
        return m


class UartTransmitter(wiring.Component):
    """Send bytes.

    Parameters
    ----------
    divisor : int
        Clock cycles of a bit, 4 to 65535.

    Attributes
    ----------
    data : In(8), valid : In(1), ready : Out(1)
        A byte is taken in a clock cycle in which both are high.
    tx : Out(1)
        The line, from a flip-flop, high when idle.
    """

    def __init__(self, *, divisor: int) -> None:
        self._divisor = check_divisor(divisor)
        super().__init__({"data": In(8), "valid": In(1), "ready": Out(1), "tx": Out(1, init=1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        timer = Signal(range(self._divisor))
        bits = Signal(9, init=0x1FF)
        left = Signal(range(11))
        m.d.comb += self.ready.eq((left == 0) & (timer == 0))
        with m.If(timer != 0):
            m.d.sync += timer.eq(timer - 1)
        with m.Elif(left != 0):
            m.d.sync += [
                self.tx.eq(bits[0]),
                bits.eq(Cat(bits[1:], 1)),
                left.eq(left - 1),
                timer.eq(self._divisor - 1),
            ]
        with m.Elif(self.valid):
            m.d.sync += [self.tx.eq(0), bits.eq(Cat(self.data, 1)), left.eq(9), timer.eq(self._divisor - 1)]
        return m
