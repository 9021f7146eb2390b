"""The pulse engine: which line fires in which slot.

Slots of one quadrant are the bits of words: bit k % 64 of word k // 64 of a line is slot k. Every function here follows the
section *Firing* of docs/controller.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .bits import popcount
from .config import ControllerConfig, Source
from .firing import (
    fill_hammersley,
    fill_shared_words,
    fill_signs,
    fill_table,
    fill_thresholds,
    hammersley_memory,
    hammersley_table,
)
from .jit import njit
from .lfsr import PER_LINE, SHARED, line_seeds, line_sequences, sequence, shift

Words = NDArray[np.uint64]
Codes = NDArray[np.int16]
Signs = NDArray[np.int8]

#: Taps and widths of the shared LFSRs.
_TAPS, _BITS = tuple(polynomial.tap_mask for polynomial in SHARED), tuple(polynomial.bits for polynomial in SHARED)


@njit
def thresholds(numbers: NDArray[np.uint16], full_scale: int, bits: int) -> NDArray[np.int16]:
    """Return T of numbers u, min((u F + F // 2) >> R, 2**R - 1) + 1: a code c fires in round(2**R c / F) of 2**R slots."""
    limits = np.empty(numbers.size, np.int16)
    fill_thresholds(limits, numbers, full_scale, bits)
    return limits


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


@njit
def largest_size(codes: Codes) -> int:
    """Return the largest size of a code."""
    low, high = extremes(codes)
    return max(-low, high)


@njit
def shared_words(codes: Codes, limits: NDArray[np.int16]) -> Words:
    """Return the slots in which each line fires, |code| >= T, when all lines share the thresholds; shape (lines, words)."""
    words = np.empty((codes.size, (limits.size + 63) // 64), np.uint64)
    table = np.empty((words.shape[1], largest_size(codes) + 1), np.uint64)
    fill_table(table, limits)
    fill_shared_words(words, codes, table)
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
    fill_signs(signs, codes)
    return signs


@njit
def hammersley(side: int, bl: int, slots: int, mask: int, bits: int) -> NDArray[np.uint16]:
    """Return a side's numbers u of the first slots of a quadrant: the slot's number, or its bits in reverse, xor the mask."""
    numbers = np.empty(slots, np.uint16)
    fill_hammersley(numbers, side, bl, mask, bits)
    return numbers


@njit
def _hammersley_trains(
    x: Codes, d: Codes, bl: int, slots: int, masks: tuple[int, int], scales: tuple[int, int], bits: int
) -> tuple[Signs, Signs, Words, Words]:
    count = (slots + 63) // 64
    memory = np.empty(hammersley_memory(count, bits), np.uint64)
    x_signs, d_signs = np.empty(x.size, np.int8), np.empty(d.size, np.int8)
    rows, columns = np.empty((x.size, count), np.uint64), np.empty((d.size, count), np.uint64)
    for side, codes, signs, fired in ((0, x, x_signs, rows), (1, d, d_signs, columns)):
        table = hammersley_table(count, largest_size(codes), side, bl, slots, masks[side], scales[side], bits, memory)
        fill_shared_words(fired, codes, table)
        fill_signs(signs, codes)
    return x_signs, d_signs, rows, columns


@njit
def next_masks(states: tuple[int, int], bits: int) -> tuple[int, int, int, int]:
    """Return the masks of the rows and of the columns, and the states of both shared LFSRs after them."""
    mask = (1 << bits) - 1
    x, d = states
    return x & mask, d & mask, shift(x, _TAPS[0], _BITS[0], bits), shift(d, _TAPS[1], _BITS[1], bits)


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
        x_mask, d_mask, x_state, d_state = next_masks((self.states[0], self.states[1]), self._config.code_bits)
        self.masks, self.states = (x_mask, d_mask), [x_state, d_state]

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
        if source is Source.COUNT:
            return np.arange(slots, dtype=np.uint16)
        return hammersley(side, bl, slots, self.masks[side], bits)

    def trains(
        self, source: Source, bl: int, slots: int, codes: tuple[Codes, Codes], scales: tuple[int, int]
    ) -> tuple[Signs, Signs, Words, Words]:
        """Return the first ``slots`` slots of a quadrant of ``bl`` in which each row and each column fires, whatever its sign.

        Parameters
        ----------
        source : Source
            LFSRs that it uses are advanced once a slot.
        bl, slots : int
            Slots of the quadrant, and how many of them there are before a stop.
        codes : pair of int16[rows], int16[columns]
        scales : pair of int
            Full scales of both sides; of no account with ``lfsr_per_line``.

        Returns
        -------
        int8[rows], int8[columns]
            Signs of the codes.
        uint64[rows, words], uint64[columns, words]
            Bit k % 64 of word k // 64 of a line: it fires in slot k.
        """
        bits = self._config.code_bits
        if source is Source.HAMMERSLEY:
            return _hammersley_trains(codes[0], codes[1], bl, slots, self.masks, scales, bits)
        made = []
        for side in (0, 1):
            numbers = self.numbers(side, source, bl, slots)
            if source is Source.LFSR_PER_LINE:
                made.append(per_line_words(codes[side], numbers))
            else:
                made.append(shared_words(codes[side], thresholds(numbers, scales[side], bits)))
        return line_signs(codes[0]), line_signs(codes[1]), made[0], made[1]
