"""Lists of the lines that fire in an update, as the compiled loop of pulses goes through them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.extending import register_jitable

from crosstwin_model.bits import LANES, keep_between

_NONE = np.uint64(0)
_LINE = np.uint64(0xFFFFFFFF)
#: Above the number of a line that fires: 1 for a positive sign, 2 for a negative one.
_SIGN = np.uint64(32)
_LANES = np.uint64(LANES)


@register_jitable  # type: ignore[untyped-decorator]
def list_size(lines: Any, sides: Any, words: Any) -> Any:
    """Return how many words of memory :func:`list_lines` takes."""
    return 4 + (lines + 2 * LANES) * (2 + sides * words)


@register_jitable  # type: ignore[untyped-decorator]
def list_lines(line_words: Any, signs: Any, memory: Any) -> None:
    """List the lines that fire, those of positive sign first; negative ones begin at a multiple of LANES.

    Parameters
    ----------
    line_words : uint64[sides, lines, words]
    signs : int8[lines]
    memory : uint64[list_size]
        Takes what :func:`lists_in` returns.
    """
    sides, lines, words = line_words.shape
    numbers, ends, listed = lists_in(memory, lines)
    keys = _keys_in(memory, lines)
    for line in range(lines):
        keys[line] = line_words[0, line, 0]
    for other in range(1, sides * words):
        for line in range(lines):
            keys[line] |= line_words[other // words, line, other % words]
    for line in range(lines):
        keys[line] = _key(line, signs[line], keys[line] != _NONE)
    _sort(keys, lines, numbers, ends)
    for half in range(2):
        begin, end = ends[2 * half], ends[2 * half + 1]
        for side in range(np.uint64(sides)):
            for word in range(np.uint64(words)):
                place = (side * np.uint64(words) + word) * np.uint64(numbers.size)
                for k in range(begin, end):
                    listed[place + k] = line_words[side, numbers[k], word]
                for k in range(end, end + _LANES):
                    listed[place + k] = _NONE


@register_jitable  # type: ignore[untyped-decorator]
def list_codes(codes: Any, table: Any, memory: Any) -> None:
    """Do the same for the lines of codes int16[lines] that share thresholds, on one side.

    ``table`` is uint64[words, largest magnitude + 1] of :func:`crosstwin_model.firing.fill_table`.
    """
    words, magnitudes = table.shape
    lines = codes.size
    numbers, ends, listed = lists_in(memory, lines)
    keys = _keys_in(memory, lines)
    least: Any = magnitudes  # that fires
    for word in range(words):
        magnitude = 0
        while magnitude < least and table[word, magnitude] == _NONE:
            magnitude += 1
        least = magnitude
    smallest = np.int16(least)
    for line in range(lines):
        keys[line] = _key(line, codes[line], abs(codes[line]) >= smallest)
    _sort(keys, lines, numbers, ends)
    for half in range(2):
        begin, end = ends[2 * half], ends[2 * half + 1]
        for word in range(np.uint64(words)):
            place = word * np.uint64(numbers.size)
            for k in range(begin, end):
                listed[place + k] = table[word, np.uint64(abs(codes[numbers[k]]))]
            for k in range(end, end + _LANES):
                listed[place + k] = _NONE


@register_jitable  # type: ignore[untyped-decorator]
def _keys_in(memory: Any, lines: Any) -> Any:
    """Return the part of a list's memory that is of use only while it is made."""
    size = lines + 2 * LANES
    return memory[4 + size : 4 + 2 * size]


@register_jitable  # type: ignore[untyped-decorator]
def _key(line: Any, sign: Any, fires: Any) -> Any:
    """Return the key of a line: its number and its sign; 0 where it does not fire."""
    kind = np.uint64(sign > 0) | np.uint64(sign < 0) << np.uint64(1)
    return (kind << _SIGN | np.uint64(line)) if fires else _NONE


@register_jitable  # type: ignore[untyped-decorator]
def _sort(keys: Any, lines: Any, numbers: Any, ends: Any) -> None:
    """Put the numbers of the lines that fire side by side, and say where each sign begins and ends."""
    keys[lines : lines + LANES] = _NONE
    end: Any = _NONE
    for half in range(2):
        begin = (end + _LANES - np.uint64(1)) & ~(_LANES - np.uint64(1))
        low = np.uint64(half + 1) << _SIGN
        end = begin
        for line in range(0, lines, LANES):
            end = _keep_between(keys, line, low - np.uint64(1), low | _LINE, numbers, end)
        ends[2 * half], ends[2 * half + 1] = begin, end
        for k in range(begin, end):
            numbers[k] &= _LINE


@register_jitable  # type: ignore[untyped-decorator]
def lists_in(memory: Any, lines: Any) -> Any:
    """Return what :func:`list_lines` has put into its memory.

    Returns
    -------
    numbers : uint64[size]
        Of the lines; size leaves LANES behind the last. Those between and behind the lines may be anything.
    ends : uint64[4]
        Where each sign begins and ends.
    listed : uint64[sides * words * size]
        Their words, side by side and word by word; 0 in the LANES behind the lines of a sign.
    """
    size = lines + 2 * LANES
    return memory[4 : 4 + size], memory[:4], memory[4 + 2 * size :]


# numba's disk cache compares a closure by its content, in which an intrinsic is new in each process; this it knows by name.
@register_jitable(forceinline=True)  # type: ignore[untyped-decorator]
def _keep_between(source: Any, first: Any, low: Any, high: Any, target: Any, place: Any) -> Any:
    return keep_between(source, first, low, high, target, place)
