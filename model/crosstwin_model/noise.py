"""Reproducible noise: every random number is a pure function of what it is for, never of the order of calls.

A draw is named by a *stream* (seed, purpose and, where there is one, tile), an *index* (a cell or a line) and a *count* (how
many draws that index has had before: pulses of a cell, reads, parameters). A 32-bit integer mix turns the three into 32 bits, and
their upper 12 choose one of 4096 normal quantiles, so that no library's logarithm or generator decides a bit of a result. The
functions here work on numpy arrays; :mod:`crosstwin_model.draws` holds the same for compiled loops, and tests hold them equal.
"""

from __future__ import annotations

from enum import IntEnum
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

#: Numbers that fit into 32 bits and mix well: the golden ratio, and the multipliers of MurmurHash3's finalizer and of xxHash32.
GOLDEN = 0x9E3779B9
MIX_1 = 0x85EBCA6B
MIX_2 = 0xC2B2AE35
SPREAD = 0x27D4EB2F

#: Quantiles in the table of normal numbers, and the shift that leaves an index into it of a 32-bit number.
QUANTILES = 4096
QUANTILE_SHIFT = 20

_MASK = 0xFFFFFFFF


class Purpose(IntEnum):
    """What a stream of draws is for; streams of different purposes are independent."""

    PULSE = 1
    DEVICE = 2
    ADC = 3
    DAC = 4
    STALL = 5
    INITIAL = 6
    WRITE = 7
    CONVERTER = 8
    RESET = 9
    DIFFUSION = 10


def _mix(z: int) -> int:
    z ^= z >> 16
    z = z * MIX_1 & _MASK
    z ^= z >> 13
    z = z * MIX_2 & _MASK
    return z ^ z >> 16


def stream(seed: int, purpose: Purpose, tile: int = 0) -> npt.NDArray[np.uint32]:
    """Return the two 32-bit keys of a stream.

    Parameters
    ----------
    seed : int
        0 to 2**32 - 1.
    purpose : Purpose
        What the draws are for.
    tile : int
        Number of the tile, 0 for streams that belong to none.

    Returns
    -------
    uint32[2]
    """
    keys = []
    for which in range(2):
        key = 0
        for word in (which, seed, int(purpose), tile):
            key = _mix((key + GOLDEN + word) & _MASK)
        keys.append(key)
    return np.array(keys, np.uint32)


def draw_bits(keys: npt.NDArray[np.uint32], index: npt.ArrayLike, count: npt.ArrayLike) -> npt.NDArray[np.uint32]:
    """Return 32 random bits for each pair of an index and a count.

    Parameters
    ----------
    keys : uint32[2]
        From :func:`stream`.
    index, count : arrays of whole numbers, 0 to 2**32 - 1
        They are broadcast against each other.

    Returns
    -------
    uint32, of their common shape
        Within a stream two indices never share a sequence of bits: the index goes through a bijection into the start of its
        sequence, and a second time, differently, into the middle of the mix.
    """
    u = np.uint32
    cell = np.atleast_1d(np.asarray(index)).astype(u) * u(GOLDEN) + keys[0]
    cell ^= cell >> u(16)
    cell *= u(MIX_1)
    cell ^= cell >> u(13)
    cell *= u(MIX_2)
    cell ^= cell >> u(16)
    z = np.atleast_1d(np.asarray(count)).astype(u) * u(GOLDEN) + cell
    z ^= z >> u(16)
    z *= u(MIX_1)
    z ^= z >> u(13)
    z += cell * u(SPREAD) + keys[1]
    z *= u(MIX_2)
    z ^= z >> u(16)
    bits: npt.NDArray[np.uint32] = z.reshape(np.broadcast_shapes(np.shape(index), np.shape(count)))
    return bits


def draw_normal(keys: npt.NDArray[np.uint32], index: npt.ArrayLike, count: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Return standard normal numbers (mean 0, variance 1, at most 3.7 in size); parameters as of :func:`draw_bits`."""
    numbers: npt.NDArray[np.float32] = NORMAL[draw_bits(keys, index, count) >> np.uint32(QUANTILE_SHIFT)]
    return numbers


def _normal_table() -> npt.NDArray[np.float32]:
    normal = NormalDist()
    half = np.array([normal.inv_cdf((QUANTILES // 2 + i + 0.5) / QUANTILES) for i in range(QUANTILES // 2)])
    half *= 1.0 / np.sqrt(np.mean(half * half))
    half = np.rint(half * 65536.0) / 65536.0
    table = np.concatenate((-half[::-1], half)).astype(np.float32)
    table.flags.writeable = False
    return table


#: float32[4096]: normal quantiles at (i + 1/2) / 4096, scaled to unit variance and rounded to multiples of 2**-16, so that the
#: last bits of the platform's mathematics library do not matter.
NORMAL = _normal_table()
