"""The random numbers that both sides share, and the seeds of the lines' own sources."""

from amaranth.hdl import Array, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crosstwin_model.config import ControllerConfig, Source
from crosstwin_model.registers import SEED_BITS, SEED_RESET

from .lfsr import COLUMN_TAPS, ROW_TAPS, Lfsr


class SharedSource(wiring.Component):
    """Hold the two shared LFSRs and the masks, and give the numbers u of rows and columns for the coming clock cycle.

    Parameters
    ----------
    config : ControllerConfig

    Attributes
    ----------
    source : In(2)
        Value of the register SOURCE, steady during an operation.
    load_x, load_d : In(1), seed : In(32)
        A write of SEED_X or SEED_D.
    draw : In(1)
        SCAN1 of an UPDATE or TRANSFER: with hammersley the masks are drawn and both LFSRs advance.
    slot : In(1)
        LOAD of an UPDATE or TRANSFER: with lfsr both LFSRs advance, with lfsr_per_line ``advance_lines`` is high.
    coming_index, coming_left : In(R)
        The slot's number k in the coming clock cycle, and k << (R - n).
    coming_row, coming_column : Out(R)
        u of the rows and of the columns in the coming clock cycle.
    state_x, state_d : Out(31), Out(29)
        The LFSRs, as SEED_X and SEED_D read.
    advance_lines : Out(1)
    """

    def __init__(self, *, config: ControllerConfig) -> None:
        self._config = config
        bits = config.code_bits
        super().__init__(
            {
                "source": In(2),
                "load_x": In(1),
                "load_d": In(1),
                "seed": In(32),
                "draw": In(1),
                "slot": In(1),
                "coming_index": In(bits),
                "coming_left": In(bits),
                "coming_row": Out(bits),
                "coming_column": Out(bits),
                "state_x": Out(SEED_BITS[0]),
                "state_d": Out(SEED_BITS[1]),
                "advance_lines": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        bits = config.code_bits
        m.submodules.x = lfsr_x = Lfsr(taps=ROW_TAPS, shifts=bits, init=SEED_RESET[0])
        m.submodules.d = lfsr_d = Lfsr(taps=COLUMN_TAPS, shifts=bits, init=SEED_RESET[1])
        advance = Const(0, 1)
        hammersley = Const(int(config.has_source(Source.HAMMERSLEY)), 1) & (self.source == Source.HAMMERSLEY)
        if config.has_source(Source.HAMMERSLEY):
            advance |= self.draw & hammersley
        if config.has_source(Source.LFSR):
            advance |= self.slot & (self.source == Source.LFSR)
        reversed_index = self.coming_index[::-1]
        for lfsr, load, state, number, plain in (
            (lfsr_x, self.load_x, self.state_x, self.coming_row, self.coming_left),
            (lfsr_d, self.load_d, self.state_d, self.coming_column, reversed_index),
        ):
            m.d.comb += [lfsr.load.eq(load), lfsr.seed.eq(self.seed), lfsr.advance.eq(advance), state.eq(lfsr.state)]
            choices: dict[Source, Value] = {Source.COUNT: self.coming_index, Source.LFSR: lfsr.coming[:bits]}
            if config.has_source(Source.HAMMERSLEY):
                mask = Signal(bits)
                coming_mask = Signal(bits)
                m.d.comb += coming_mask.eq(Mux(self.draw, lfsr.state[:bits], mask))
                m.d.sync += mask.eq(coming_mask)
                choices[Source.HAMMERSLEY] = plain ^ coming_mask
            m.d.comb += number.eq(Array(choices.get(source, self.coming_index) for source in Source)[self.source])
        if config.has_source(Source.LFSR_PER_LINE):
            m.d.comb += self.advance_lines.eq(self.slot & (self.source == Source.LFSR_PER_LINE))
        return m
