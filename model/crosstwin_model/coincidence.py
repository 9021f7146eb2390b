"""Slots as machine words: packing, unpacking and counting coincidences.

Two layouts are used. *Line-major*: bit k % 64 of word k // 64 of a line is its slot k. *Slot-major*: bit i % 64 of word i // 64
of a slot is line i. Both are :func:`pack` along the last axis.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from crosstwin_model.numbers import whole_array

Words = npt.NDArray[np.uint64]


def words_for(bits: int) -> int:
    """Return how many 64-bit words hold that many bits."""
    return (bits + 63) // 64


def pack(bits: npt.ArrayLike) -> Words:
    """Pack booleans [..., n] into words uint64[..., ceil(n / 64)], bit k into bit k % 64 of word k // 64; the rest is 0."""
    array = whole_array("bits", bits, None, np.bool_)
    size = array.shape[-1]
    padded = np.zeros((*array.shape[:-1], 8 * words_for(size)), np.uint8)
    packed = np.packbits(array, axis=-1, bitorder="little")
    padded[..., : packed.shape[-1]] = packed
    return padded.view("<u8").astype(np.uint64)


def unpack(words: npt.ArrayLike, size: int) -> npt.NDArray[np.bool_]:
    """Return the first ``size`` bits of words [..., w] as booleans [..., size]; the inverse of :func:`pack`."""
    data = whole_array("words", words, None, np.uint64).astype("<u8", copy=False).view(np.uint8)
    return np.unpackbits(data, axis=-1, bitorder="little")[..., :size].astype(bool)


def transpose(words: npt.ArrayLike, size: int) -> Words:
    """Turn line-major words [lines, w] of ``size`` slots into slot-major ones [size, ceil(lines / 64)], or back."""
    return pack(unpack(words, size).T)


def coincidences(row_words: npt.ArrayLike, column_words: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Count, for every cell, the slots in which both of its lines fire.

    Parameters
    ----------
    row_words, column_words : uint64[rows, words], uint64[columns, words]
        Line-major words of the same slots.

    Returns
    -------
    int64[rows, columns]
    """
    rows, columns = (
        whole_array(name, words, None, np.uint64) for name, words in (("row_words", row_words), ("column_words", column_words))
    )
    counts: npt.NDArray[np.int64] = np.bitwise_count(rows[:, None, :] & columns[None, :, :]).sum(axis=2, dtype=np.int64)
    return counts
