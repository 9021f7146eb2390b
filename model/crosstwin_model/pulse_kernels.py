"""The compiled loop of the plant's pulses: one pass over the lines that fire, and one over the cells that are hit.

It does exactly what :mod:`crosstwin_model.reference` does with plain numpy, bit for bit. numba multiplies and adds float32
without contracting the two, so that every operation rounds.

A row that fires is crossed with all columns that fire, eight at a time, by popcount. Cells that are hit are gathered, and given
their pulses a batch at a time (:mod:`crosstwin_model.pulse_batch`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba.core import types
from numba.extending import register_jitable

from crosstwin_model.bits import LANES, cross_line, prefetch
from crosstwin_model.jit import name_variant, njit_only, source_version
from crosstwin_model.line_lists import list_lines, list_size
from crosstwin_model.memory import borrow, hold
from crosstwin_model.pulse_batch import BATCH, BLOCK, CELL, DRAWS, FIELDS, build_pulse_block, sort_hits

_NONE = np.uint64(0)
#: Records of that many words or more lie beyond the nearest caches, and are asked for before they are needed.
_FAR = 1 << 17

_BITS, _FLOATS, _PLACES = types.uint32[::1], types.float32[::1], types.int64[:, ::1]
_SIGNS, _WORDS = types.int8[::1], types.uint64[:, :, ::1]
_SIGNATURE = types.boolean(
    types.int32[:, ::1], _BITS, _FLOATS, _PLACES, types.float32[:, ::1], _FLOATS, _BITS, _FLOATS,
    _SIGNS, _SIGNS, _WORDS, _WORDS, types.int64, types.int64,
)  # fmt: skip


@cache
def build_pulse(
    step: Callable[..., Any], derive: Callable[..., Any] | None, state: int, record: int, planes: int
) -> Callable[..., bool]:
    """Return what :func:`pulse_kernel` compiles, for other compiled functions, which call it with borrowed arrays."""
    pulse_block = build_pulse_block(step, derive, state, record, planes)
    stride = np.uint64(record)
    field_rows = FIELDS + planes + DRAWS
    field_words = field_rows * (BLOCK + LANES) // 2

    def pulse(
        tile: Any, ru: Any, rf: Any, places: Any, shape: Any, table: Any, keys: Any, scales: Any,
        x_signs: Any, d_signs: Any, row_words: Any, column_words: Any, first_row: Any, last_row: Any,
    ) -> bool:  # fmt: skip
        sides, _, words = column_words.shape
        rows, columns = tile.shape
        if (
            not 1 <= sides <= 2
            or row_words.shape != (sides, rows, words)
            or column_words.shape != (sides, columns, words)
            or x_signs.size != rows
            or d_signs.size != columns
        ):
            return False
        w = tile.reshape(tile.size)
        # Hits of a batch, down and then up, with room for sorting them; their order; a block's fields; the lists of the lines.
        room = BATCH + columns + 2 * LANES
        bins = 64 * words + 2
        row_room, column_room = list_size(last_row - first_row, sides, words), list_size(columns, sides, words)
        memory = np.empty(5 * room + 2 * bins + field_words + row_room + column_room, np.uint64)
        left = borrow(memory)
        hits, left = left[: 4 * room], left[4 * room :]
        order, left = left[:room].view(np.uint32), left[room:]
        histogram, left = left[: 2 * bins].reshape(2, bins), left[2 * bins :]
        fields, left = left[:field_words].view(np.uint32).reshape(field_rows, BLOCK + LANES), left[field_words:]
        row_numbers, row_ends, listed_rows = list_lines(
            row_words[:, first_row:last_row], x_signs[first_row:last_row], left[:row_room]
        )
        column_numbers, column_ends, listed_columns = list_lines(column_words, d_signs, left[row_room:])
        size = np.uint64(room)
        filled_down: Any = _NONE
        filled_up: Any = _NONE
        row_pitch, column_pitch = np.uint64(row_numbers.size), np.uint64(column_numbers.size)
        # Where the words of negative lines of the other side begin.
        other_side = np.uint64((sides - 1) * words)
        far = ru.size >= _FAR
        for line in range(row_ends[3] + np.uint64(1)):
            last = line == row_ends[3]
            if row_ends[1] <= line < row_ends[2]:
                continue
            negative = np.uint64(line >= row_ends[2])
            base = np.uint64(columns) * (np.uint64(first_row) + row_numbers[line])
            for half in range(np.uint64(2)):
                up = half if last else np.uint64(negative == half)
                begin = up * size
                n: Any = filled_up if up else filled_down
                if not last:
                    start, end = column_ends[np.uint64(2) * half], column_ends[np.uint64(2) * half + np.uint64(1)]
                    reached = _cross_line(
                        listed_rows, line + half * other_side * row_pitch, row_pitch,
                        listed_columns, start + negative * other_side * column_pitch, column_pitch, np.uint64(words),
                        column_numbers, start, end, base, hits, begin + n,
                    )  # fmt: skip
                    if far:
                        for j in range(begin + n, reached):
                            cell = hits[j] & CELL
                            _prefetch(rf, stride * cell)
                            _prefetch(w, cell)
                    n = reached - begin
                if n >= BATCH or (last and n > 0):
                    top = sort_hits(n, begin, size, hits, order, histogram)
                    cells = np.int64(n)
                    for first in range(0, cells, BLOCK):
                        pulse_block(
                            first, min(cells - first, BLOCK), np.int64(up), top, w, ru, rf, places, shape, table, keys, scales,
                            order, histogram, fields,
                        )  # fmt: skip
                    n = _NONE
                if up:
                    filled_up = n
                else:
                    filled_down = n
        hold(memory)
        return True

    compiled: Callable[..., bool] = register_jitable(name_variant(pulse, step.__name__, state, record, planes))
    return compiled


@cache
def pulse_kernel(
    step: Callable[..., Any], derive: Callable[..., Any] | None, state: int, record: int, planes: int
) -> Callable[..., bool]:
    """Return the kernel for a step rule, compiled.

    Parameters
    ----------
    step, derive : callable, callable or None
        The device's rule, and what its last plane is derived by.
    state : int
        VISIBLE, PERSISTENT or PAIR of :mod:`crosstwin_model.pulse_batch`.
    record, planes : int
        Words of a cell's record, and planes of the rule, with one that is derived.

    Returns
    -------
    callable
        Of (w int32[rows, columns] in multiples of 1 / GRID, records uint32[cells * record + spare], the same as float32, places
        int64[2, words], shape float32[2, S], table, keys uint32[4], scales float32[2], row signs int8[rows], column signs
        int8[columns], row words uint64[1 or 2, rows, words], column words uint64[1 or 2, columns, words], first row, last row +
        1): ``places`` is of :class:`crosstwin_model.records.Layout`; keys are those of pulses and of write noise, scales c2c and
        the write noise's standard deviation; the last axis-0 entry of the words holds for negative columns (row words) and for
        negative rows
        (column words). It returns False, and does nothing, where a shape is not as said, and raises TypeError for other types.
    """
    version = source_version()  # see crosstwin_model.jit
    pulse = build_pulse(step, derive, state, record, planes)

    def pulses(
        tile: Any, ru: Any, rf: Any, places: Any, shape: Any, table: Any, keys: Any, scales: Any,
        x_signs: Any, d_signs: Any, row_words: Any, column_words: Any, first_row: Any, last_row: Any,
    ) -> bool:  # fmt: skip
        _ = version
        return pulse(
            borrow(tile), borrow(ru), borrow(rf), borrow(places), borrow(shape), borrow(table), borrow(keys), borrow(scales),
            borrow(x_signs), borrow(d_signs), borrow(row_words), borrow(column_words), first_row, last_row,
        )  # fmt: skip

    return njit_only(_SIGNATURE, name_variant(pulses, step.__name__, state, record, planes))


# numba's disk cache compares a closure by its content, in which an intrinsic is new in each process; these it knows by name.
@register_jitable(forceinline=True)  # type: ignore[untyped-decorator]
def _cross_line(
    lines: Any, line: Any, pitch: Any, crossed: Any, first: Any, width: Any, words: Any, numbers: Any, number: Any, end: Any,
    base: Any, target: Any, place: Any,
) -> Any:  # fmt: skip
    return cross_line(lines, line, pitch, crossed, first, width, words, numbers, number, end, base, target, place)


@register_jitable(forceinline=True)  # type: ignore[untyped-decorator]
def _prefetch(array: Any, index: Any) -> None:
    prefetch(array, index)
