"""Pulse trains from callers: every array as the compiled loops of an array take it, or one sentence says what is wrong."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from crosstwin_model.coincidence import Words, words_for
from crosstwin_model.numbers import is_plain, whole_array
from crosstwin_model.slots import within

Signs = npt.NDArray[np.int8]
Flags = npt.NDArray[np.bool_]

_SIGN, _WORD = np.dtype(np.int8), np.dtype(np.uint64)


def are_plain(x_signs: object, d_signs: object, row_words: object, column_words: object) -> bool:
    """Return whether compiled functions may take an update's trains as they are, but for their sizes and signs."""
    return (
        is_plain(x_signs, _SIGN, 1)
        and is_plain(d_signs, _SIGN, 1)
        and is_plain(row_words, _WORD, 3)
        and is_plain(column_words, _WORD, 3)
    )


def group_trains(lines: tuple[int, int], row_words: npt.ArrayLike, column_words: npt.ArrayLike) -> tuple[Words, Words]:
    """Return the words of one group of slots.

    Parameters
    ----------
    lines : pair of int
        Number of rows and of columns.
    row_words, column_words : whole numbers [rows, words], [columns, words]
        Any real type whose numbers are words of 64 bits.

    Raises
    ------
    ValueError
        If an array has another shape, or holds other numbers.
    """
    rows = whole_array("row_words", row_words, None, np.uint64)
    words = rows.shape[-1] if rows.ndim else 0
    return (
        whole_array("row_words", rows, (lines[0], words), np.uint64),
        whole_array("column_words", column_words, (lines[1], words), np.uint64),
    )


def update_trains(
    lines: tuple[int, int],
    x_signs: npt.ArrayLike,
    d_signs: npt.ArrayLike,
    row_words: npt.ArrayLike,
    column_words: npt.ArrayLike,
) -> tuple[Signs, Signs, Words, Words]:
    """Return the signs and words of an update.

    Parameters
    ----------
    lines : pair of int
        Number of rows and of columns.
    x_signs, d_signs : -1, 0 or 1, [rows], [columns]
    row_words, column_words : whole numbers [1 or 2, rows, words], [1 or 2, columns, words]
        As many along the first axis of both.

    Raises
    ------
    ValueError
        If an array has another shape, or holds other numbers.
    """
    rows = whole_array("row_words", row_words, None, np.uint64)
    if rows.ndim != 3 or rows.shape[0] not in (1, 2):
        raise ValueError(f"row_words has the shape {rows.shape}; allowed are (1, {lines[0]}, words) and (2, {lines[0]}, words)")
    sides, _, words = rows.shape
    return (
        whole_array("x_signs", x_signs, (lines[0],), np.int8, -1, 1),
        whole_array("d_signs", d_signs, (lines[1],), np.int8, -1, 1),
        whole_array("row_words", rows, (sides, lines[0], words), np.uint64),
        whole_array("column_words", column_words, (sides, lines[1], words), np.uint64),
    )


def slot_trains(
    lines: tuple[int, int], up: npt.ArrayLike, row_masks: npt.ArrayLike, column_masks: npt.ArrayLike
) -> tuple[Flags, Words, Words]:
    """Return directions and masks of slots.

    Parameters
    ----------
    lines : pair of int
        Number of rows and of columns.
    up : 0 or 1 (booleans), [slots]
    row_masks, column_masks : whole numbers [slots, ceil(rows / 64)], [slots, ceil(columns / 64)]

    Raises
    ------
    ValueError
        If an array has another shape, or holds other numbers, or a line fires that does not exist.
    """
    directions = whole_array("up", up, None, np.bool_)
    directions = whole_array("up", directions, (directions.size,), np.bool_)
    masks = []
    for name, values, count in (("row_masks", row_masks, lines[0]), ("column_masks", column_masks, lines[1])):
        found = whole_array(name, values, (directions.size, words_for(count)), np.uint64)
        if not within(found, count):
            raise ValueError(f"{name} fires a line that does not exist; allowed are lines below {count}")
        masks.append(found)
    return directions, masks[0], masks[1]
