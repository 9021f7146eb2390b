"""Y, the result of the last read: a memory that takes a beat at once and gives a word of two entries."""

from amaranth.hdl import Array, Cat, Module, ResetSignal, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from crosstwin_model.config import ControllerConfig

from .logic import index_bits
from .reader import channels

#: Rows up to which synthesis may make the memory of look-up tables: beyond, the banks and the choice between them take more
#: tables than a line's comparator, and a block, which is slower, takes none.
LUT_MEMORY_DEPTH = 32


class Result(wiring.Component):
    """Hold Y as rows of ``channels`` ADC codes. The content is 0 at power-up; nothing is written in a clock cycle of reset.

    Parameters
    ----------
    config : ControllerConfig

    Attributes
    ----------
    index : In, enable : In(channels), codes : In(channels x adc_bits)
        Where a beat's codes go, and the codes.
    word : In(10)
        Word of the window that the bus reads.
    data : Out(32)
        Entries 2 ``word`` and 2 ``word`` + 1 of one clock cycle ago, sign-extended. Entries that do not exist are never written,
        and so 0.
    """

    def __init__(self, *, config: ControllerConfig) -> None:
        self._adc_bits = config.adc_bits
        self._channels = channels(config)
        self._depth = max(2, -(-max(config.rows, config.columns) // self._channels))
        super().__init__(
            {
                "index": In(index_bits(self._depth)),
                "enable": In(self._channels),
                "codes": In(self._channels * config.adc_bits),
                "word": In(10),
                "data": Out(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = self._adc_bits
        attributes = {"ram_style": "block"} if self._depth > LUT_MEMORY_DEPTH else {}
        memory: Memory = Memory(shape=self._channels * bits, depth=self._depth, init=[], attrs=attributes)
        m.submodules.memory = memory
        write = memory.write_port(granularity=bits)
        read = memory.read_port()
        word_bits = (self._channels // 2).bit_length() - 1
        m.d.comb += [
            write.addr.eq(self.index),
            # A beat in the clock cycle of a reset is as lost as one in that of a stop.
            write.en.eq(self.enable & ~ResetSignal().replicate(self._channels)),
            write.data.eq(self.codes),
            read.addr.eq(self.word[word_bits:]),
        ]
        entries = [read.data.word_select(i, bits).as_signed() for i in range(self._channels)]
        words = [Cat(_extend(entries[i]), _extend(entries[i + 1])) for i in range(0, self._channels, 2)]
        if word_bits == 0:
            m.d.comb += self.data.eq(words[0])
            return m
        part = Signal(word_bits)
        m.d.sync += part.eq(self.word[:word_bits])
        m.d.comb += self.data.eq(Array(words)[part])
        return m


def _extend(value: Value) -> Value:
    """Return a signed value as 16 bits."""
    return Cat(value, value[-1].replicate(16 - len(value)))
