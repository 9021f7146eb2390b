"""One side's lines: codes, comparators and drive flip-flops."""

from collections.abc import Sequence

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .codes import code_layout, code_port_signature
from .lfsr import leap, line_reset, line_seed
from .logic import index_bits, predecode

#: Lines whose drivers' inputs are joined in the first of the two stages that look for codes that are not 0.
SCAN_GROUP = 16

#: How one side drives the lines that hit: those with positive codes (and zeros) and those with negative ones, whether + or -.
DRIVE_LAYOUT = data.StructLayout({"positive": 1, "negative": 1, "positive_minus": 1, "negative_minus": 1})


class Lines(wiring.Component):
    """Hold one side's codes, compare them with the shared bound and drive the lines.

    A line hits when its magnitude is larger than the bound; who hits is kept in flip-flops for the next clock cycle. No line can
    be driven + and - at once: for each sign of the code either the + or the - flip-flops are enabled, never both.

    Parameters
    ----------
    count : int
        Lines of this side.
    code_bits : int
        R.
    channels : int
        Codes that can be written at once.
    selectable : bool
        Build in the choice of one line (rows).
    line_taps : sequence of int or None
        Taps of the lines' own LFSRs, which are built in if this is given.
    reset_seed : int
        The seed that the lines' own LFSRs have taken after reset.
    odd : bool
        Which of the two sequences of line seeds is this side's.

    Attributes
    ----------
    write : In(code_port_signature(...))
    clear : In(1)
        Set all codes to 0.
    bound : In(R)
    everything : In(1)
        All lines hit, whatever their codes are; only with a bound of 0.
    own : In(1)
        Each line's bound is the number of its own LFSR.
    one : In(1), line : In(index)
        Two clock cycles later no other line hits.
    drive : In(DRIVE_LAYOUT)
        Registered by the writer; used in a cycle with ``load``.
    load : In(1)
        The drive flip-flops take the lines that hit; without ``load`` and ``hold`` they go idle.
    hold : In(1)
        The drive flip-flops keep their state.
    stop : In(1)
        The drive flip-flops go idle, whatever else is asked for.
    load_seed, seed, advance : In(1), In(32), In(1)
        The lines' own LFSRs take their seeds, or advance by R shifts.
    pos, neg : Out(count)
        Drive flip-flops.
    found : Out(1)
        ``drive`` would have had a line driven + one clock cycle ago.
    """

    #: Clock cycles from ``bound`` to the one in which ``load`` takes the lines that hit.
    latency = 1

    def __init__(
        self,
        *,
        count: int,
        code_bits: int,
        channels: int,
        selectable: bool,
        line_taps: Sequence[int] | None,
        reset_seed: int,
        odd: bool,
    ) -> None:
        self._count = count
        self._code_bits = code_bits
        self._channels = channels
        self._selectable = selectable
        self._line_taps = line_taps
        self._reset_seed = reset_seed
        self._odd = odd
        port = code_port_signature(code_bits=code_bits, channels=channels, entries=count)
        super().__init__(
            {
                "write": In(port),
                "clear": In(1),
                "bound": In(code_bits),
                "everything": In(1),
                "own": In(1),
                "one": In(1),
                "line": In(index_bits(count)),
                "drive": In(DRIVE_LAYOUT),
                "load": In(1),
                "hold": In(1),
                "stop": In(1),
                "load_seed": In(1),
                "seed": In(32),
                "advance": In(1),
                "pos": Out(count),
                "neg": Out(count),
                "found": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        magnitudes, signs = self._elaborate_codes(m)
        hits = self._elaborate_hits(m, magnitudes)
        self._elaborate_drive(m, hits, signs)
        return m

    def _elaborate_codes(self, m: Module) -> tuple[list[Value], Value]:
        codes = [Signal(code_layout(self._code_bits), name=f"code_{i}") for i in range(self._count)]
        for first in range(0, self._count, 2):
            with m.If(self.clear):
                m.d.sync += [code.eq(0) for code in codes[first : first + 2]]
            with m.Elif(self.write.select[first // 2]):
                both = range(first, min(first + 2, self._count))
                m.d.sync += [codes[i].eq(self.write.codes[i % self._channels]) for i in both]
        signs = Signal(self._count)
        m.d.comb += signs.eq(Cat(code.sign for code in codes))
        return [code.magnitude for code in codes], signs

    def _elaborate_hits(self, m: Module, magnitudes: list[Value]) -> Signal:
        bits = self._code_bits
        allowed = self._elaborate_choice(m)
        hits = Signal(self._count, reset_less=True)
        for i, magnitude in enumerate(magnitudes):
            bound: Value = self.bound
            if self._line_taps is not None:
                width = self._line_taps[0]
                lfsr = Signal(width, name=f"lfsr_{i}", init=line_reset(self._reset_seed, i, width=width, odd=self._odd))
                with m.If(self.load_seed):
                    m.d.sync += lfsr.eq(line_seed(self.seed, i, width=width, odd=self._odd))
                with m.Elif(self.advance):
                    m.d.sync += lfsr.eq(leap(lfsr, self._line_taps, bits))
                bound = Mux(self.own, lfsr[:bits], bound)
            m.d.sync += hits[i].eq(self._larger(magnitude, bound) & allowed[i])
        return hits

    def _larger(self, magnitude: Value, bound: Value) -> Value:
        """Return magnitude > bound, or 1 with ``everything``.

        From the lowest bit to the highest, one look-up table of at most four inputs a bit: a chain of carries would take more.
        """
        larger: Value = Const(0, 1)
        for bit in range(self._code_bits):
            own, other = magnitude[bit], bound[bit]
            larger = (own & ~other) | ((own | ~other) & larger)
            if bit == 2:
                # The first table with an input to spare; the bound is 0 then, so that the higher bits let this through.
                larger |= self.everything
        return larger

    def _elaborate_choice(self, m: Module) -> Value:
        """Return for every line whether it may hit: all, or the chosen one."""
        if not self._selectable:
            return Const(-1, self._count)
        low, high = predecode(m, self.line, self._count, "line")
        chosen = Signal(self._count, reset_less=True)
        for first in range(0, self._count, len(low)):
            here = chosen[first : first + len(low)]
            # Two steps instead of an AND a line: the second is the flip-flops' common reset.
            with m.If(self.one & ~high[first // len(low)]):
                m.d.sync += here.eq(0)
            with m.Else():
                m.d.sync += here.eq(low[: len(here)] | (~self.one).replicate(len(here)))
        return chosen

    def _elaborate_drive(self, m: Module, hits: Value, signs: Value) -> None:
        drive = self.drive
        plus = Signal(self._count)
        minus = Signal(self._count)
        m.d.comb += [
            plus.eq(hits & self._by_sign(drive.positive & ~drive.positive_minus, drive.negative & ~drive.negative_minus, signs)),
            minus.eq(hits & self._by_sign(drive.positive & drive.positive_minus, drive.negative & drive.negative_minus, signs)),
        ]
        with m.If(self.stop | ~(self.load | self.hold)):
            m.d.sync += [self.pos.eq(0), self.neg.eq(0)]
        with m.Elif(self.load):
            m.d.sync += [self.pos.eq(plus), self.neg.eq(minus)]
        groups = range(0, self._count, SCAN_GROUP)
        partial = Signal(len(groups), reset_less=True)
        m.d.sync += partial.eq(Cat(plus[i : i + SCAN_GROUP].any() for i in groups))
        m.d.comb += self.found.eq(partial.any())

    def _by_sign(self, positive: Value, negative: Value, signs: Value) -> Value:
        """Return for every line the bit that its code's sign chooses."""
        return (signs & negative.replicate(self._count)) | (~signs & positive.replicate(self._count))
