"""Fibonacci shift registers that advance R shifts in one clock cycle, and the seeds of the lines' own."""

from collections.abc import Sequence

from amaranth.hdl import Cat, Const, Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

#: Taps of the four kinds of LFSR; the first is the width. All four polynomials are primitive.
ROW_TAPS = (31, 28)
COLUMN_TAPS = (29, 27)
ROW_LINE_TAPS = (17, 14)
COLUMN_LINE_TAPS = (19, 18, 17, 14)


def line_hash(z: int, width: int) -> int:
    """Return the low ``width`` bits of the contract's 32-bit mixing function of ``z``."""
    mask = 0xFFFF_FFFF
    z = (z + 1) * 0x9E3779B9 & mask
    z ^= z >> 16
    z = z * 0x85EBCA6B & mask
    z ^= z >> 13
    z = z * 0xC2B2AE35 & mask
    z ^= z >> 16
    return z & ((1 << width) - 1)


def line_reset(seed: int, line: int, *, width: int, odd: bool) -> int:
    """Return what :func:`line_seed` gives for a number that is known when the controller is built."""
    top = 1 << (width - 1)
    return ((seed ^ line_hash(2 * line + odd, width)) & (top - 1)) | top


def line_seed(seed: Value, line: int, *, width: int, odd: bool) -> Value:
    """Return what a line's own LFSR is loaded with when ``seed`` is written to its side's seed register.

    Parameters
    ----------
    seed : value
        The number that is written, at least ``width`` bits wide.
    line : int
        Number of the row, or of the column where ``odd`` is set.
    width : int
        Bits of the line's LFSR.
    """
    return Cat((seed ^ line_hash(2 * line + odd, width))[: width - 1], Const(1, 1))


def leap(state: Value, taps: Sequence[int], shifts: int) -> Value:
    """Return the state after ``shifts`` shifts: new = xor of the bits tap - 1, state = state << 1 | new."""
    bits = [state[i] for i in range(taps[0])]
    for _ in range(shifts):
        new = bits[taps[0] - 1]
        for tap in taps[1:]:
            new = new ^ bits[tap - 1]
        bits = [new, *bits[:-1]]
    return Cat(*bits)


class Lfsr(wiring.Component):
    """One LFSR with a parallel load.

    Parameters
    ----------
    taps : sequence of int
        Exponents of the polynomial, the width first.
    shifts : int
        Shifts of one advance.
    init : int
        State after reset, not 0.

    Attributes
    ----------
    load : In(1), seed : In(width)
        Take the seed; goes before ``advance``. The writer guarantees that it is not 0.
    advance : In(1)
    state : Out(width)
    """

    def __init__(self, *, taps: Sequence[int], shifts: int, init: int) -> None:
        if not 0 < init < 1 << taps[0]:
            raise ValueError(f"init is {init!r}; allowed are 1 to 2**{taps[0]} - 1, because an LFSR stays at 0 for ever")
        self._taps = tuple(taps)
        self._shifts = shifts
        width = taps[0]
        super().__init__(
            {
                "load": In(1),
                "seed": In(width),
                "advance": In(1),
                "state": Out(width, init=init),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        with m.If(self.load):
            m.d.sync += self.state.eq(self.seed)
        with m.Elif(self.advance):
            m.d.sync += self.state.eq(leap(self.state, self._taps, self._shifts))
        return m
