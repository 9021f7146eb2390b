"""The arithmetic of firing, for compiled functions that have the memory it fills; see :mod:`crosstwin_model.engine`.

Slots of one quadrant are the bits of words: bit k % 64 of word k // 64 of a line is slot k. Every function here follows the
section *Firing* of docs/controller.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.extending import register_jitable


@register_jitable  # type: ignore[untyped-decorator]
def fill_hammersley(numbers: Any, side: Any, bl: Any, mask: Any, bits: Any) -> None:
    """Fill a side's numbers u of the first slots of a quadrant: the slot's number, or its bits in reverse, xor the mask."""
    shift = bits
    while shift > 0 and bl > 1 << (bits - shift):
        shift -= 1
    for k in range(numbers.size):
        if side == 0:
            numbers[k] = k << shift
        else:
            numbers[k] = (np.int64(numbers[k >> 1]) >> 1 if k > 0 else 0) | (k & 1) << (bits - 1)
    for k in range(numbers.size):
        numbers[k] ^= np.uint16(mask)


@register_jitable  # type: ignore[untyped-decorator]
def fill_thresholds(limits: Any, numbers: Any, full_scale: Any, bits: Any) -> None:
    """Fill T of numbers u, min((u F + F // 2) >> R, 2**R - 1) + 1: a code c fires in round(2**R c / F) of 2**R slots."""
    for k in range(numbers.size):
        scaled = (np.int64(numbers[k]) * full_scale + full_scale // 2) >> bits
        limits[k] = min(int(scaled), (1 << bits) - 1) + 1


@register_jitable  # type: ignore[untyped-decorator]
def fill_table(table: Any, limits: Any) -> None:
    """Fill the slots in which lines of each magnitude fire, |code| >= T, when all lines share the thresholds.

    Parameters
    ----------
    table : uint64[words, largest + 1]
        For magnitudes from 0 to the largest of a code.
    limits : int16[slots]
    """
    # They are those of the next smaller magnitude, and those whose T it is.
    words, magnitudes = table.shape
    table[:] = np.uint64(0)
    for k in range(limits.size):
        if limits[k] < magnitudes:
            table[k >> 6, limits[k]] |= np.uint64(1) << np.uint64(k & 63)
    for word in range(words):
        for magnitude in range(1, magnitudes):
            table[word, magnitude] |= table[word, magnitude - 1]


@register_jitable  # type: ignore[untyped-decorator]
def fill_shared_words(words: Any, codes: Any, table: Any) -> None:
    """Fill the slots uint64[lines, words] in which each line fires, from those of each magnitude."""
    for word in range(words.shape[1]):
        for line in range(codes.size):
            words[line, word] = table[word, np.uint64(abs(codes[line]))]


@register_jitable  # type: ignore[untyped-decorator]
def fill_signs(signs: Any, codes: Any) -> None:
    """Fill the sign of each code, -1, 0 or 1."""
    for line in range(codes.size):
        signs[line] = np.int8(codes[line] > 0) - np.int8(codes[line] < 0)


@register_jitable  # type: ignore[untyped-decorator]
def hammersley_memory(words: Any, bits: Any) -> Any:
    """Return how many words of memory :func:`hammersley_table` takes."""
    return words * ((1 << bits) + 32)


@register_jitable  # type: ignore[untyped-decorator]
def hammersley_table(
    words: Any, largest: Any, side: Any, bl: Any, slots: Any, mask: Any, full_scale: Any, bits: Any, memory: Any
) -> Any:
    """Return the first slots of a quadrant of ``bl`` in which lines of a side fire, for ``hammersley``: of :func:`fill_table`.

    No code is larger in size than ``largest``, which is below 2**bits; ``memory`` is uint64[hammersley_memory] or longer, and
    overwritten.
    """
    room = 16 * words
    numbers = memory[:room].view(np.uint16)[:slots]
    limits = memory[room : 2 * room].view(np.int16)[:slots]
    fill_hammersley(numbers, side, bl, mask, bits)
    fill_thresholds(limits, numbers, full_scale, bits)
    table = memory[2 * room : 2 * room + words * (largest + 1)].reshape(words, largest + 1)
    fill_table(table, limits)
    return table
