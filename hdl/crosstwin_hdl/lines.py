"""One side's lines: codes, comparators and drive flip-flops."""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .codes import code_layout, code_port_signature
from .lfsr import leap, line_reset, line_seed
from .logic import any_of, decode, index_bits

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
    any_positive, any_negative : Out(1)
        A line with a code of that sign hit, two clock cycles ago.
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
                "pos": Out(count),
                "neg": Out(count),
                "any_positive": Out(1),
                "any_negative": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        codes = self._elaborate_codes(m)
        hits = self._elaborate_hits(m, [code.magnitude for code in codes])
        signs = [code.sign for code in codes]
        self._elaborate_drive(m, hits, signs)
        self._elaborate_scan(m, hits, signs)
        return m

    def _elaborate_codes(self, m: Module) -> list[Any]:
        write, channels = self.write, self._channels
        groups = decode(m, write.index, -(-self._count // channels), "group")
        codes = [Signal(code_layout(self._code_bits), name=f"code_{i}") for i in range(self._count)]
        for i, code in enumerate(codes):
            with m.If(self.clear):
                m.d.sync += code.eq(0)
            with m.Elif(groups[i // channels] & write.enable[i % channels]):
                m.d.sync += code.eq(write.codes[i % channels])
        return codes

    def _elaborate_hits(self, m: Module, magnitudes: list[Value]) -> list[Value]:
        bits = self._code_bits
        hits = Signal(self._count)
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
        m.d.comb += hits.eq(Cat(*compared))
        return list(hits)

    def _elaborate_drive(self, m: Module, hits: list[Value], signs: list[Value]) -> None:
        plus = Signal(2)
        minus = Signal(2)
        enabled = Signal()
        m.d.comb += [
            enabled.eq(self.load & ~self.stop & (self.own | ~self.threshold[-1])),
            plus.eq(Cat(self.drive.positive & ~self.drive.positive_minus, self.drive.negative & ~self.drive.negative_minus)),
            minus.eq(Cat(self.drive.positive & self.drive.positive_minus, self.drive.negative & self.drive.negative_minus)),
        ]
        plus_now = Signal(2)
        minus_now = Signal(2)
        m.d.comb += [plus_now.eq(plus & enabled.replicate(2)), minus_now.eq(minus & enabled.replicate(2))]
        if self._selectable:
            chosen = Signal(self._count, reset_less=True)
            numbers = decode(m, self.line, self._count, "line")
            m.d.sync += chosen.eq(Cat(*numbers) | (~self.one).replicate(self._count))
            hits = [hit & bit for hit, bit in zip(hits, chosen, strict=True)]
        with m.If(self.stop | ~self.hold):
            m.d.sync += [
                self.pos.eq(Cat(*(hit & Mux(sign, plus_now[1], plus_now[0]) for hit, sign in zip(hits, signs, strict=True)))),
                self.neg.eq(Cat(*(hit & Mux(sign, minus_now[1], minus_now[0]) for hit, sign in zip(hits, signs, strict=True)))),
            ]

    def _elaborate_scan(self, m: Module, hits: list[Value], signs: list[Value]) -> None:
        groups = range(0, self._count, SCAN_GROUP)
        for flag, found in (
            (self.any_positive, [hit & ~sign for hit, sign in zip(hits, signs, strict=True)]),
            (self.any_negative, [hit & sign for hit, sign in zip(hits, signs, strict=True)]),
        ):
            partial = Signal(len(groups), reset_less=True)
            m.d.sync += [partial.eq(Cat(*(any_of(found[i : i + SCAN_GROUP]) for i in groups))), flag.eq(partial.any())]
