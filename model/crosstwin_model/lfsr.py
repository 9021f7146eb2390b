"""The controller's linear feedback shift registers, bit by bit as docs/controller.md writes them.

All are Fibonacci registers: the new bit is the exclusive or of the tapped bits and enters at bit 0. Their polynomials are
primitive, so every nonzero state is on one cycle of 2**bits - 1 states.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .jit import njit


@njit
def shift(state: int, tap_mask: int, bits: int, count: int) -> int:
    mask = (np.int64(1) << bits) - 1
    word = np.int64(state)
    for _ in range(count):
        parity = word & tap_mask
        parity ^= parity >> 16
        parity ^= parity >> 8
        parity ^= parity >> 4
        parity ^= parity >> 2
        parity ^= parity >> 1
        word = ((word << 1) | (parity & 1)) & mask
    return int(word)


@dataclass(frozen=True)
class Polynomial:
    """Width of a register and its taps, numbered from 1 as in the tables of primitive polynomials."""

    bits: int
    taps: tuple[int, ...]

    @cached_property
    def tap_mask(self) -> int:
        """The tapped bits."""
        return sum(1 << (tap - 1) for tap in self.taps)

    def shift(self, state: int, count: int = 1) -> int:
        """Return the state after ``count`` single shifts."""
        return shift(state, self.tap_mask, self.bits, count)


#: Shared registers of the row side and of the column side.
SHARED = (Polynomial(31, (31, 28)), Polynomial(29, (29, 27)))
#: Registers of single lines, row side and column side.
PER_LINE = (Polynomial(17, (17, 14)), Polynomial(19, (19, 18, 17, 14)))


def line_hash(number: int) -> int:
    """Return the 32-bit hash that sets line registers apart (the finaliser of MurmurHash3 on a Weyl sequence)."""
    z = (number + 1) * 0x9E3779B9 & 0xFFFFFFFF
    z = (z ^ z >> 16) * 0x85EBCA6B & 0xFFFFFFFF
    z = (z ^ z >> 13) * 0xC2B2AE35 & 0xFFFFFFFF
    return z ^ z >> 16


def line_seeds(side: int, lines: int, seed: int) -> NDArray[np.uint32]:
    """Return the states that writing a seed loads into the line registers of a side (0 rows, 1 columns), shape (lines,).

    The highest bit is always set, so none is 0.
    """
    top = 1 << (PER_LINE[side].bits - 1)
    return np.array([((line_hash(2 * line + side) ^ seed) | top) & (2 * top - 1) for line in range(lines)], dtype=np.uint32)


@njit
def sequence(state: int, tap_mask: int, bits: int, leap: int, count: int) -> tuple[NDArray[np.uint16], int]:
    """Return the low ``leap`` bits of ``count`` successive states, and the state that follows them."""
    numbers = np.empty(count, np.uint16)
    for k in range(count):
        numbers[k] = state & ((1 << leap) - 1)
        state = shift(state, tap_mask, bits, leap)
    return numbers, state


@njit
def line_sequences(states: NDArray[np.uint32], tap_mask: int, bits: int, leap: int, count: int) -> NDArray[np.uint16]:
    """Return each line's numbers, shape (lines, count), and leave the states that follow in ``states``."""
    numbers = np.empty((states.size, count), np.uint16)
    for line in range(states.size):
        row, state = sequence(states[line], tap_mask, bits, leap, count)
        numbers[line] = row
        states[line] = state
    return numbers
