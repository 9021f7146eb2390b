"""The vector windows X and D as the bus writes them: which words are legal."""

from amaranth.hdl import Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crosstwin_model.config import ControllerConfig
from crosstwin_model.registers import ADDRESS_BITS, Window, register_map

from .logic import exceeds


class WindowDecoder(wiring.Component):
    """Judge a word for the windows X and D, in one clock cycle.

    Parameters
    ----------
    config : ControllerConfig

    Attributes
    ----------
    word : In(12), data : In(32)
        The write, as the bus holds it.
    is_x, is_d : Out(1)
        One clock cycle later: the word lies in that window and is legal.
    """

    def __init__(self, *, config: ControllerConfig) -> None:
        self._config = config
        super().__init__(
            {
                "word": In(ADDRESS_BITS - 2),
                "data": In(32),
                "is_x": Out(1),
                "is_d": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = self._config.code_bits
        in_range = Signal(2)
        for half in range(2):
            value = self.data.word_select(half, 16)
            high = value[bits:]
            m.d.comb += in_range[half].eq(~high.any() | (high.all() & value[:bits].any()))
        map_ = register_map(self._config)
        legal = Signal()
        within = Signal(2)
        m.d.sync += [
            legal.eq(in_range.all()),
            within[0].eq(self._within(m, map_.window("X"))),
            within[1].eq(self._within(m, map_.window("D"))),
        ]
        m.d.comb += [self.is_x.eq(legal & within[0]), self.is_d.eq(legal & within[1])]
        return m

    def _within(self, m: Module, window: Window) -> Signal:
        """Return whether the word lies in a window and does not write a number to the half behind its last entry."""
        inside = Signal(name=f"within_{window.name.lower()}")
        first = window.offset >> 2
        base_bits = 10
        offset = self.word[:base_bits]
        here = self.word[base_bits:] == first >> base_bits
        last = window.words - 1
        padded = ((offset == last) & self.data[16:].any()) if window.entries % 2 else Const(0, 1)
        m.d.comb += inside.eq(here & ~exceeds(offset, last) & ~padded)
        return inside
