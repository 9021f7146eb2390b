"""The random numbers that both sides share, and the seeds of the lines' own sources."""

from amaranth.hdl import Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crosstwin_model.config import ControllerConfig, Source
from crosstwin_model.registers import SEED_BITS, SEED_RESET

from .lfsr import COLUMN_TAPS, ROW_TAPS, Lfsr, leap


class SharedSource(wiring.Component):
    """Hold the two shared LFSRs and the masks, and give the numbers u of rows and columns, well before their slots.

    Parameters
    ----------
    config : ControllerConfig

    Attributes
    ----------
    source : In(2)
        Value of the register SOURCE, steady during an operation.
    load_x, load_d : In(1), seed : In(32)
        A write of SEED_X or SEED_D.
    idle : In(1)
        The coming number is that of the first slot.
    second : In(1)
        SCAN1: the coming number is that of the second slot.
    draw : In(1)
        SCAN1 of an UPDATE or TRANSFER: with hammersley both LFSRs advance, their state before being the masks.
    slot : In(1)
        LOAD of an UPDATE or TRANSFER: with lfsr both LFSRs advance, with lfsr_per_line ``advance_lines`` is high.
    index, left : In(R)
        k and k << (R - n) of the slot whose number is shown one clock cycle later.
    row, column : Out(R)
        u of the rows and of the columns: in SCAN0 of the first slot, in PLAN of the second, and in the clock cycle before every
        LOAD of the slot after it.
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
                "idle": In(1),
                "second": In(1),
                "draw": In(1),
                "slot": In(1),
                "index": In(bits),
                "left": In(bits),
                "row": Out(bits),
                "column": Out(bits),
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
        advance: Value = Const(0, 1)
        if config.has_source(Source.HAMMERSLEY):
            advance |= self.draw & (self.source == Source.HAMMERSLEY)
        if config.has_source(Source.LFSR):
            advance |= self.slot & (self.source == Source.LFSR)
        for lfsr, taps, load, state, number, spread in (
            (lfsr_x, ROW_TAPS, self.load_x, self.state_x, self.row, self.left),
            (lfsr_d, COLUMN_TAPS, self.load_d, self.state_d, self.column, self.index[::-1]),
        ):
            m.d.comb += [lfsr.load.eq(load), lfsr.seed.eq(self.seed), lfsr.advance.eq(advance), state.eq(lfsr.state)]
            numbers: dict[Source, Value] = {}
            of_first: Value = lfsr.state[:bits]
            if config.has_source(Source.COUNT):
                numbers[Source.COUNT] = self.index
                of_first = Mux(self.source == Source.COUNT, 0, of_first)
            if config.has_source(Source.LFSR):
                # In LOAD of slot k the state is still that slot's, and the number of slot k + 2 is due in the next clock cycle.
                kept = Mux(self.slot, leap(lfsr.state, taps, 2 * bits)[:bits], number)
                numbers[Source.LFSR] = Mux(self.second, leap(lfsr.state, taps, bits)[:bits], kept)
            if config.has_source(Source.HAMMERSLEY):
                mask = Signal(bits, reset_less=True)
                with m.If(self.idle):
                    m.d.sync += mask.eq(lfsr.state)
                numbers[Source.HAMMERSLEY] = mask ^ spread
            following: Value = Const(0, bits)
            for built, (built_source, value) in enumerate(numbers.items()):
                following = Mux(self.source == built_source, value, following) if built else value
            m.d.sync += number.eq(Mux(self.idle, of_first, following))
        if config.has_source(Source.LFSR_PER_LINE):
            m.d.comb += self.advance_lines.eq(self.slot & (self.source == Source.LFSR_PER_LINE))
        return m
