"""The vector windows X and D as the bus writes them: which halves are taken, and whether they are legal."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from crosstwin_model.config import ControllerConfig
from crosstwin_model.registers import ADDRESS_BITS, Window, register_map

from .codes import code_layout


class WindowDecoder(wiring.Component):
    """Judge a word for the windows X and D and turn its two halves into codes, in one clock cycle.

    Parameters
    ----------
    config : ControllerConfig

    Attributes
    ----------
    word : In(12), data : In(32), strobes : In(4)
        The write, as the bus holds it.
    is_x, is_d : Out(1)
        One clock cycle later: the word lies in that window and all strobed halves are legal.
    enable : Out(2), codes : Out(2 codes)
        One clock cycle later: the strobed halves and their values.
    """

    def __init__(self, *, config: ControllerConfig) -> None:
        self._config = config
        super().__init__(
            {
                "word": In(ADDRESS_BITS - 2),
                "data": In(32),
                "strobes": In(4),
                "is_x": Out(1),
                "is_d": Out(1),
                "enable": Out(2),
                "codes": Out(data.ArrayLayout(code_layout(config.code_bits), 2)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = self._config.code_bits
        in_range = Signal(2)
        whole = Signal(2)
        zero = Signal(2)
        for half in range(2):
            value = self.data.word_select(half, 16)
            strobes = self.strobes.word_select(half, 2)
            high = value[bits:]
            sign = value[15]
            m.d.comb += [
                in_range[half].eq((~high.any() | (high.all() & value[:bits].any())) | ~strobes.any()),
                whole[half].eq(strobes.all() | ~strobes.any()),
                zero[half].eq(~value.any() | ~strobes.any()),
            ]
            m.d.sync += [
                self.enable[half].eq(strobes.all()),
                self.codes[half].eq(Cat(Mux(sign, -value, value)[:bits], sign)),
            ]
        legal = Signal()
        m.d.comb += legal.eq(in_range.all() & whole.all())
        map_ = register_map(self._config)
        m.d.sync += [
            self.is_x.eq(legal & self._within(m, map_.window("X"), zero)),
            self.is_d.eq(legal & self._within(m, map_.window("D"), zero)),
        ]
        return m

    def _within(self, m: Module, window: Window, zero: Signal) -> Signal:
        """Return whether the word lies in a window and does not write a number to the half behind its last entry."""
        inside = Signal(name=f"within_{window.name.lower()}")
        first = window.offset >> 2
        base_bits = 10
        offset = self.word[:base_bits]
        here = self.word[base_bits:] == first >> base_bits
        last = window.words - 1
        m.d.comb += inside.eq(here & (offset <= last))
        if window.entries % 2:
            m.d.comb += inside.eq(here & ((offset < last) | ((offset == last) & zero[1])))
        return inside
