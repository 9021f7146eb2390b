"""One side's lines: codes, comparators and drive flip-flops."""

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .codes import code_layout, code_port_signature
from .lfsr import leap, line_reset, line_seed
from .logic import decode, index_bits

#: Lines whose flags are joined in the first of the two stages that look for codes that are not 0.
SCAN_GROUP = 8

#: How one side drives the lines that hit: those with positive codes (and zeros) and those with negative ones, whether + or -.
DRIVE_LAYOUT = data.StructLayout({"positive": 1, "negative": 1, "positive_minus": 1, "negative_minus": 1})


class Lines(wiring.Component):
    """Hold one side's codes, compare them with the shared threshold and drive the lines.

    A line hits when its magnitude reaches the threshold. No line can be driven + and - at once: for each sign of the code either
    the + or the - flip-flops are enabled, never both.

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
    threshold : In(R + 1)
    own : In(1)
        The lines compare with their own LFSRs: hit where magnitude > u.
    drive : In(DRIVE_LAYOUT)
        Registered by the writer; used in a cycle with ``load``.
    load : In(1)
        The drive flip-flops take the lines that hit; without ``load`` and ``hold`` they go idle.
    hold : In(1)
        The drive flip-flops keep their state.
    stop : In(1)
        The drive flip-flops go idle, whatever else is asked for.
    one : In(1), line : In(index)
        One clock cycle later only this line can be driven.
    load_seed, seed, advance : In(1), In(32), In(1)
        The lines' own LFSRs take their seeds, or advance by R shifts.
    pos, neg : Out(count)
        Drive flip-flops.
    scan : In(1)
        Look which signs the codes of the lines that hit have.
    any_positive, any_negative : Out(1)
        Two clock cycles after ``scan``: a line with a code of that sign hit.
    """

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
        super().__init__(
            {
                "write": In(code_port_signature(code_bits=code_bits, channels=channels, entries=count)),
                "clear": In(1),
                "threshold": In(code_bits + 1),
                "own": In(1),
                "drive": In(DRIVE_LAYOUT),
                "load": In(1),
                "hold": In(1),
                "stop": In(1),
                "one": In(1),
                "line": In(index_bits(count)),
                "load_seed": In(1),
                "seed": In(32),
                "advance": In(1),
                "scan": In(1),
                "pos": Out(count),
                "neg": Out(count),
                "any_positive": Out(1),
                "any_negative": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        magnitudes, signs = self._elaborate_codes(m)
        hits = self._elaborate_hits(m, magnitudes)
        self._elaborate_drive(m, hits, signs)
        self._elaborate_scan(m, hits, signs)
        return m

    def _elaborate_codes(self, m: Module) -> tuple[list[Value], Value]:
        write, channels = self.write, self._channels
        groups = decode(m, write.index, -(-self._count // channels), "group")
        written = Signal(self._count)
        with m.If(write.enable.any()):
            m.d.comb += written.eq(Cat(groups[i // channels] & write.enable[i % channels] for i in range(self._count)))
        codes = [Signal(code_layout(self._code_bits), name=f"code_{i}") for i in range(self._count)]
        for i, code in enumerate(codes):
            with m.If(self.clear):
                m.d.sync += code.eq(0)
            with m.Elif(written[i]):
                m.d.sync += code.eq(write.codes[i % channels])
        signs = Signal(self._count)
        m.d.comb += signs.eq(Cat(code.sign for code in codes))
        return [code.magnitude for code in codes], signs

    def _elaborate_hits(self, m: Module, magnitudes: list[Value]) -> Value:
        bits = self._code_bits
        compared = [magnitude >= self.threshold[:bits] for magnitude in magnitudes]
        if self._line_taps is not None:
            width = self._line_taps[0]
            for i, magnitude in enumerate(magnitudes):
                lfsr = Signal(width, name=f"lfsr_{i}", init=line_reset(self._reset_seed, i, width=width, odd=self._odd))
                with m.If(self.load_seed):
                    m.d.sync += lfsr.eq(line_seed(self.seed, i, width=width, odd=self._odd))
                with m.Elif(self.advance):
                    m.d.sync += lfsr.eq(leap(lfsr, self._line_taps, bits))
                compared[i] = Mux(self.own, magnitude > lfsr[:bits], compared[i])
        hits = Signal(self._count)
        m.d.comb += hits.eq(Cat(*compared))
        return hits

    def _elaborate_drive(self, m: Module, hits: Value, signs: Value) -> None:
        drive = self.drive
        enabled = Signal()
        plus, minus = Signal(2), Signal(2)
        m.d.comb += [
            enabled.eq(self.load & ~self.stop & (self.own | ~self.threshold[-1])),
            plus.eq(Cat(enabled & drive.positive & ~drive.positive_minus, enabled & drive.negative & ~drive.negative_minus)),
            minus.eq(Cat(enabled & drive.positive & drive.positive_minus, enabled & drive.negative & drive.negative_minus)),
        ]
        fires = hits
        if self._selectable:
            chosen = Signal(self._count, reset_less=True)
            with m.If(self.one):
                m.d.sync += chosen.eq(Cat(*decode(m, self.line, self._count, "line")))
            with m.Else():
                m.d.sync += chosen.eq(~0)
            fires = hits & chosen
        with m.If(self.stop | ~self.hold):
            m.d.sync += [self.pos.eq(fires & self._by_sign(plus, signs)), self.neg.eq(fires & self._by_sign(minus, signs))]

    def _by_sign(self, choice: Value, signs: Value) -> Value:
        """Return for every line the bit of ``choice`` that its code's sign chooses."""
        return (signs & choice[1].replicate(self._count)) | (~signs & choice[0].replicate(self._count))

    def _elaborate_scan(self, m: Module, hits: Value, signs: Value) -> None:
        positive, negative = Signal(self._count), Signal(self._count)
        m.d.comb += [positive.eq(hits & ~signs), negative.eq(hits & signs)]
        for flag, found in ((self.any_positive, positive), (self.any_negative, negative)):
            partial = Signal(-(-self._count // SCAN_GROUP), reset_less=True)
            with m.If(self.scan):
                m.d.sync += partial.eq(Cat(found[i : i + SCAN_GROUP].any() for i in range(0, self._count, SCAN_GROUP)))
            m.d.sync += flag.eq(partial.any())
