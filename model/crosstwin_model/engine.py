"""The pulse engine: which line fires in which slot.

Slots of one quadrant are the bits of words: bit k % 64 of word k // 64 of a line is slot k. Every function here follows the
section *Firing* of docs/controller.md.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .bits import popcount
from .config import ControllerConfig, Source
from .jit import njit
from .lfsr import PER_LINE, SHARED, line_seeds, line_sequences, sequence

Words = NDArray[np.uint64]
Codes = NDArray[np.int16]
Signs = NDArray[np.int8]


@njit
def thresholds(numbers: NDArray[np.uint16], full_scale: int, bits: int) -> NDArray[np.int16]:
    """Return T of numbers u, min((u F + F // 2) >> R, 2**R - 1) + 1: a code c fires in round(2**R c / F) of 2**R slots."""
    limits = np.empty(numbers.size, np.int16)
    for k in range(numbers.size):
        scaled = (np.int64(numbers[k]) * full_scale + full_scale // 2) >> bits
        limits[k] = min(int(scaled), (1 << bits) - 1) + 1
    return limits


@njit
def shared_words(codes: Codes, limits: NDArray[np.int16]) -> Words:
    """Return the slots in which each line fires, |code| >= T, when all lines share the thresholds; shape (lines, words)."""
    slots = limits.size
    words = np.zeros((codes.size, (slots + 63) // 64), np.uint64)
    # Slot by slot, so that the compiler can look at several lines at once.
    for k in range(slots):
        limit = limits[k]
        place = np.uint64(k & 63)
        for line in range(codes.size):
            words[line, k >> 6] |= np.uint64(abs(codes[line]) >= limit) << place
    return words


@njit
def per_line_words(codes: Codes, numbers: NDArray[np.uint16]) -> Words:
    """Return the slots in which each line fires, |code| > u, when every line has its own numbers (lines, slots)."""
    slots = numbers.shape[1]
    words = np.zeros((codes.size, (slots + 63) // 64), np.uint64)
    for line in range(codes.size):
        for k in range(slots):
            if abs(np.int64(codes[line])) > np.int64(numbers[line, k]):
                words[line, k >> 6] |= np.uint64(1) << np.uint64(k & 63)
    return words


@njit
def line_signs(codes: Codes) -> Signs:
    """Return the sign of each code, -1, 0 or 1."""
    signs = np.empty(codes.size, np.int8)
    for line in range(codes.size):
        signs[line] = (codes[line] > 0) - (codes[line] < 0)
    return signs


@njit
def count_bits(words: Words, signs: Signs) -> tuple[int, int]:
    """Return the number of set bits of the words of lines with a positive and with a negative sign."""
    positive = negative = np.int64(0)
    for line in range(words.shape[0]):
        if signs[line] != 0:
            total = np.int64(0)
            for word in range(words.shape[1]):
                total += np.int64(popcount(words[line, word]))
            if signs[line] > 0:
                positive += total
            else:
                negative += total
    return int(positive), int(negative)


@njit
def extremes(codes: Codes) -> tuple[int, int]:
    """Return the lowest and the highest code, of none (0, 0)."""
    low = high = 0
    if codes.size:
        low = high = int(codes[0])
    for code in codes:
        low = min(low, int(code))
        high = max(high, int(code))
    return low, high


def prefix_words(slots: int, words: int) -> Words:
    """Return words of which the first ``slots`` bits are set: a line that fires in every slot; shape (words,)."""
    full = (1 << slots) - 1
    return np.array([full >> (64 * word) & (1 << 64) - 1 for word in range(words)], dtype=np.uint64)


def slot_masks(words: Words, slots: int) -> list[int]:
    """Return one integer a slot, line k at bit k: the words turned round."""
    bits = np.unpackbits(words.view(np.uint8), axis=1, bitorder="little")[:, :slots]
    columns = np.packbits(bits, axis=0, bitorder="little")
    return [int.from_bytes(columns[:, k].tobytes(), "little") for k in range(slots)]


class Generators:
    """The random state of the controller: two shared LFSRs, two drawn masks and, where built in, the lines' own LFSRs."""

    def __init__(self, config: ControllerConfig, seeds: tuple[int, int]) -> None:
        self._config = config
        self._per_line = config.has_source(Source.LFSR_PER_LINE)
        self.states = [0, 0]
        self.lines: list[NDArray[np.uint32]] = [np.zeros(0, np.uint32), np.zeros(0, np.uint32)]
        self.masks = (0, 0)
        for side in (0, 1):
            self.seed(side, seeds[side])

    def seed(self, side: int, value: int) -> None:
        """Load the LFSRs of a side (0 rows, 1 columns), as a write of SEED_X or SEED_D does."""
        self.states[side] = value
        if self._per_line:
            count = (self._config.rows, self._config.columns)[side]
            self.lines[side] = line_seeds(side, count, value)

    def draw_masks(self) -> None:
        """Take the scrambling masks of one operation with ``hammersley`` and advance both shared LFSRs."""
        bits = self._config.code_bits
        self.masks = (self.states[0] & (1 << bits) - 1, self.states[1] & (1 << bits) - 1)
        self.states = [polynomial.shift(state, bits) for polynomial, state in zip(SHARED, self.states, strict=True)]

    def numbers(self, side: int, source: Source, bl: int, slots: int) -> NDArray[np.uint16]:
        """Return the side's numbers u of the first ``slots`` slots of a quadrant of ``bl``: (slots,), or (lines, slots) per line.

        LFSRs that the source uses are advanced once a slot.
        """
        bits = self._config.code_bits
        if source is Source.LFSR:
            polynomial = SHARED[side]
            numbers, self.states[side] = sequence(self.states[side], polynomial.tap_mask, polynomial.bits, bits, slots)
            return numbers
        if source is Source.LFSR_PER_LINE:
            polynomial = PER_LINE[side]
            return line_sequences(self.lines[side], polynomial.tap_mask, polynomial.bits, bits, slots)
        count: NDArray[np.uint16] = np.arange(slots, dtype=np.uint16)
        if source is Source.COUNT:
            return count
        if side == 0:
            return (count << np.uint16(bits - (bl - 1).bit_length())) ^ np.uint16(self.masks[0])
        return bit_reversed(bits)[:slots] ^ np.uint16(self.masks[1])

    def hits(self, side: int, source: Source, bl: int, slots: int, full_scale: int) -> Hits:
        """Return what decides, for the first ``slots`` slots of a quadrant of ``bl``, which lines of a side fire."""
        numbers = self.numbers(side, source, bl, slots)
        if source is Source.LFSR_PER_LINE:
            return Hits(None, numbers)
        return Hits(thresholds(numbers, full_scale, self._config.code_bits), None)


class Hits(NamedTuple):
    """One side's slots: shared thresholds (slots,), or the lines' own numbers (lines, slots)."""

    limits: NDArray[np.int16] | None
    numbers: NDArray[np.uint16] | None

    def words(self, codes: Codes) -> Words:
        """Return the slots in which each line fires, whatever its code's sign; shape (lines, words)."""
        if self.limits is not None:
            return shared_words(codes, self.limits)
        assert self.numbers is not None
        return per_line_words(codes, self.numbers)


def bit_reversed(bits: int) -> NDArray[np.uint16]:
    """Return the numbers 0 ... 2**bits - 1 with their bits in reverse order."""
    table = _REVERSED.get(bits)
    if table is None:
        table = np.array([int(f"{k:0{bits}b}"[::-1], 2) for k in range(1 << bits)], dtype=np.uint16)
        _REVERSED[bits] = table
    return table


_REVERSED: dict[int, NDArray[np.uint16]] = {}
