"""Slots as the pins show them, one mask of lines each, turned into words of slots for each line."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from crosstwin_model.bits import lowest_bit
from crosstwin_model.coincidence import Words, words_for
from crosstwin_model.jit import njit

_ONE = np.uint64(1)
_NONE = np.uint64(0)

#: Longest run that is turned at once: a few words a line.
_LONGEST = 256


def direction_runs(up: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Yield (first, last + 1) of successive slots of one direction, at most 256 at a time."""
    edges = [0, *(np.flatnonzero(np.diff(up)) + 1).tolist(), up.size]
    for begin, end in pairwise(edges):
        for first in range(begin, end, _LONGEST):
            yield first, min(first + _LONGEST, end)


def within(masks: Words, lines: int) -> bool:
    """Return whether no mask has a bit at or above ``lines``."""
    spare = 64 * masks.shape[1] - lines
    return spare == 0 or not int(np.bitwise_or.reduce(masks[:, -1], initial=0)) >> (64 - spare)


@njit
def _turn(masks: Any, first: Any, last: Any, words: Any) -> None:
    for slot in range(first, last):
        place = (slot - first) >> 6
        bit = _ONE << np.uint64((slot - first) & 63)
        for word in range(masks.shape[1]):
            rest = masks[slot, word]
            while rest != _NONE:
                words[np.uint64(64 * word) + lowest_bit(rest), place] |= bit
                rest &= rest - _ONE


def line_words(masks: Words, first: int, last: int, lines: int) -> Words:
    """Return, for slots first to last - 1, words uint64[lines, w]: bit k of a line's is slot first + k."""
    words = np.zeros((lines, words_for(last - first)), np.uint64)
    _turn(masks, first, last, words)
    return words
