"""The integer hash behind the noise: a key and an index become a nearly normal number."""

from amaranth.hdl import Cat, Const, Module, Signal, Value, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crosstwin_model.emulated_cells import SECOND_SHIFT, STEPS
from crosstwin_model.emulated_config import BYTES_MEAN, CELL_BITS


class Noise(wiring.Component):
    """Hash one key and index in every clock cycle.

    Attributes
    ----------
    key : In(32), index : In(16)
    normal : Out(signed(11))
        The sum of the hash's four bytes less its mean, -510 ... 510, ``latency`` clock cycles later.
    """

    #: Clock cycles from key and index to the number.
    latency = 8

    def __init__(self) -> None:
        super().__init__({"key": In(32), "index": In(CELL_BITS), "normal": Out(signed(11))})

    def elaborate(self, platform: object) -> Module:
        m = Module()

        def stage(value: Value, bits: int = 32) -> Signal:
            register = Signal(unsigned(bits), name=f"stage_{len(stages)}", reset_less=True)
            stages.append(register)
            m.d.sync += register.eq(value)
            return register

        stages: list[Signal] = []
        index = stage(stage(self.index, CELL_BITS), CELL_BITS)
        a = stage(self.key ^ Cat(self.index, self.index))
        a = stage(a + STEPS[0] + (a << 12))
        a = stage(a ^ Const(STEPS[1], 32) ^ (a >> 19) ^ (index << SECOND_SHIFT))
        a = stage(a + STEPS[2] + (a << 5))
        a = stage((a + STEPS[3])[:32] ^ (a << 9)[:32])
        a = stage(a + STEPS[4] + (a << 3))
        mixed = a ^ Const(STEPS[5], 32) ^ (a >> 16)
        low, high = stage(mixed[:8] + mixed[8:16], 9), stage(mixed[16:24] + mixed[24:], 9)
        m.d.sync += self.normal.eq(low + high - BYTES_MEAN)
        return m
