"""Codes: sign and magnitude, and their way from the bus and the ADC to the lines."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from crosstwin_model.config import ControllerConfig

from .logic import any_of, index_bits
from .reader import channels

#: Bits of a word's number that are decoded before the others; at least those that tell the words of a beat apart.
_LOW_BITS = 3


def code_layout(code_bits: int) -> data.StructLayout:
    """Return the layout of a code: ``magnitude`` of ``code_bits`` bits, and ``sign``, which is 0 for a zero."""
    return data.StructLayout({"magnitude": code_bits, "sign": 1})


def code_port_signature(*, code_bits: int, channels: int, entries: int) -> wiring.Signature:
    """Return the writer's side of a vector of codes.

    Entry k takes the code of channel k mod ``channels`` when bit k div 2 of ``select`` is set: the two of a word are written
    together.
    """
    return wiring.Signature(
        {
            "select": Out(-(-entries // 2)),
            "codes": Out(data.ArrayLayout(code_layout(code_bits), channels)),
        }
    )


class CodeStage(wiring.Component):
    """Turn words of the bus and beats of the ADC into codes, and hand them to the lines one clock cycle later.

    Parameters
    ----------
    config : ControllerConfig

    Attributes
    ----------
    word : In(32)
        What the bus writes: two signed codes of 16 bits, which fit.
    beat : In(channels x adc_bits), lanes : In(channels)
        What the ADC brings, and which of its codes count; the others are taken as 0.
    convert : In(1)
        Take the ADC's codes, not the bus's.
    write_x, write_d : In(1), index : In(10)
        The bus writes this word of that window.
    beat_d : In(1), beat_index : In
        The ADC's codes go to D: entry ``beat_index`` x channels + c of channel c. Of a single lane the second code of a word is
        written with the first, which is kept; the first was written with a 0.
    clear : In(1)
        Forget which signs the ADC's codes had.
    codes : Out(codes x channels)
        Magnitudes are cut to the largest that fits.
    x_select : Out, d_select : Out
        One clock cycle after the write: the lines of these words take the codes.
    positive, negative : Out(1)
        Such a code of the ADC has gone to D since ``clear``; from two clock cycles after its beat on.
    """

    #: Clock cycles from a write or a beat to the one in which the lines' codes are the new ones.
    latency = 2

    def __init__(self, *, config: ControllerConfig) -> None:
        self._config = config
        width = channels(config)
        super().__init__(
            {
                "word": In(32),
                "beat": In(width * config.adc_bits),
                "lanes": In(width),
                "convert": In(1),
                "write_x": In(1),
                "write_d": In(1),
                "index": In(10),
                "beat_d": In(1),
                "beat_index": In(index_bits(-(-max(config.rows, config.columns) // width))),
                "clear": In(1),
                "codes": Out(data.ArrayLayout(code_layout(config.code_bits), width)),
                "x_select": Out(-(-config.rows // 2)),
                "d_select": Out(-(-config.columns // 2)),
                "positive": Out(1),
                "negative": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        width = channels(config)
        value_bits = max(config.code_bits + 1, config.adc_bits)
        for channel in range(width):
            lane = self.beat.word_select(channel, config.adc_bits).as_signed()
            half = self.word.word_select(channel % 2, 16)[: config.code_bits + 1].as_signed()
            value = Signal(value_bits, name=f"value_{channel}")
            m.d.comb += value.eq(Mux(self.convert, lane, half))
            code = self.codes[channel].as_value()
            with m.If(~self.convert | self.lanes[channel]):
                m.d.sync += code.eq(sign_magnitude(value, config.code_bits))
            if config.adc_lanes > 1 or channel:  # a single lane's first code of a word waits for the second
                with m.Else():
                    m.d.sync += code.eq(0)
        part_bits = (width // 2).bit_length() - 1
        word = Mux(self.convert, self.beat_index << part_bits, self.index)
        _select(m, self.x_select, self.write_x, self.index)
        _select(m, self.d_select, self.write_d | self.beat_d, word, self.convert.replicate(part_bits))
        self._elaborate_signs(m)
        return m

    def _elaborate_signs(self, m: Module) -> None:
        """The lines are too late to look for the signs of the last beat's codes."""
        came = Signal()
        m.d.sync += came.eq(self.beat_d)
        with m.If(self.clear):
            m.d.sync += [self.positive.eq(0), self.negative.eq(0)]
        with m.Elif(came):
            m.d.sync += [
                self.positive.eq(self.positive | any_of(~code.sign & code.magnitude.any() for code in self.codes)),
                self.negative.eq(self.negative | any_of(code.sign for code in self.codes)),
            ]


def _select(m: Module, select: Signal, enable: Value, word: Value, whatever: Value | None = None) -> None:
    """Have the flip-flops of a word that is written set; bits of its number may be whatever they are: then all such words.

    The lower bits of the number choose the flip-flops' inputs, and the upper ones their common resets, so that a word takes no
    look-up table of its own.
    """
    low_bits = min(_LOW_BITS, index_bits(len(select)))
    open_bits = Const(0, low_bits) if whatever is None else Cat(whatever, Const(0, low_bits))[:low_bits]
    low = Signal(1 << low_bits, name=f"{select.name}_low")
    m.d.comb += low.eq(Cat((~(word[:low_bits] ^ i) | open_bits).all() for i in range(1 << low_bits)))
    for first in range(0, len(select), 1 << low_bits):
        here = select[first : first + (1 << low_bits)]
        with m.If(enable & (word[low_bits:] == first >> low_bits)):
            m.d.sync += here.eq(low)
        with m.Else():
            m.d.sync += here.eq(0)


def sign_magnitude(value: Value, code_bits: int) -> Value:
    """Return a signed number of more than ``code_bits`` bits as those of ``code_layout``, its magnitude cut to what fits."""
    width = len(value)
    sign = value[-1]
    magnitude = Mux(sign, -value.as_signed(), value)[:width]
    return Cat(magnitude[:code_bits] | magnitude[code_bits:].any().replicate(code_bits), sign)
