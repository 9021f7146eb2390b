"""The compiled loops of half-selects: their count, and what they do to the cells together with the pulses.

A row's cells are gathered, go through the slots one after another, and are put back. In a slot in which the row fires every cell
moves, mostly by a half-select, which the compiler vectorises; in another one only the few cells whose column fires.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from crosstwin_model.bits import LANES, popcount
from crosstwin_model.draws import SHIFT, cell_key, draw_bits, second_key
from crosstwin_model.grid import GRID
from crosstwin_model.jit import name_variant, njit
from crosstwin_model.pulse_batch import FIELDS, PAIR, PERSISTENT, VISIBLE, gather_eight, gather_four

_ONE = np.uint64(1)
_NONE = np.uint64(0)
_QUIET = np.float32(0.0)
_GRID = np.float32(GRID)
_STEP = np.float32(1.0 / GRID)


@njit
def count(counts: Any, row_words: Any, column_words: Any) -> None:
    """Add the half-selects of a group of slots to counts uint32[rows, columns]."""
    rows, columns = counts.shape
    for word in range(row_words.shape[1]):
        for row in range(rows):
            this = row_words[row, word]
            for column in range(columns):
                counts[row, column] += np.uint32(popcount(this ^ column_words[column, word]))


@njit
def list_columns(words: Any) -> Any:
    """List columns and slots of the words uint64[columns, words].

    Returns
    -------
    order : uint32[columns]
        The columns, those that fire oftenest first.
    more : int64[slots + 1]
        How many of them fire more than k times.
    members, ends : uint64, int64[slots + 1]
        The columns that fire in a slot, from ends[slot] to ends[slot + 1].
    """
    columns, slots = words.shape[0], 64 * words.shape[1]
    fires = np.zeros(columns, np.int64)
    more = np.zeros(slots + 1, np.int64)
    for column in range(columns):
        for word in range(words.shape[1]):
            fires[column] += popcount(words[column, word])
        for k in range(fires[column]):
            more[k] += 1
    # Those that fire k + 1 times stand behind the more[k + 1] that fire oftener.
    places = np.append(more, 0)
    order = np.empty(columns, np.uint32)
    idle = more[0]
    for column in range(columns):
        if fires[column]:
            order[places[fires[column]]] = column
            places[fires[column]] += 1
        else:
            order[idle] = column
            idle += 1
    ends = np.zeros(slots + 1, np.int64)
    members = np.empty(more.sum(), np.uint64)
    end = 0
    for slot in range(slots):
        mask = _ONE << np.uint64(slot & 63)
        for column in range(columns):
            if words[column, slot >> 6] & mask:
                members[end] = column
                end += 1
        ends[slot + 1] = end
    return order, more, members, ends


@cache
def disturb_kernel(
    step: Callable[..., Any], derive: Callable[..., Any] | None, state: int, record: int, planes: int
) -> Callable[..., None]:
    """Return the loop that applies a group of slots in one direction, pulses and half-selects, slot by slot.

    Parameters
    ----------
    step, derive : callable, callable or None
        The device's rule, and what its last plane is derived by.
    state : int
        VISIBLE, PERSISTENT or PAIR of :mod:`crosstwin_model.pulse_batch`.
    record, planes : int
        Words of a cell's record, and planes in it.

    Returns
    -------
    callable
        Of (w int32[cells], ru, rf, places int64[words], shape float32[S], table, keys uint32[4], scales float32[2], up, response
        float32, row words uint64[rows, words], and what :func:`list_columns` returns), as in a plan of
        :mod:`crosstwin_model.pulse_jobs` but for one direction.
    """
    stride = np.uint64(record)

    def disturb(
        w: Any, ru: Any, rf: Any, places: Any, shape: Any, table: Any, keys: Any, scales: Any, up: Any, response: Any,
        row_words: Any, order: Any, more: Any, members: Any, ends: Any,
    ) -> None:  # fmt: skip
        columns = order.size
        fields = np.empty((FIELDS + planes + 1, columns + LANES), np.uint32)
        flat, size = fields.reshape(fields.size), fields.shape[1]
        counts, value, parameters = fields[0], fields[1].view(np.float32), fields[FIELDS:].view(np.float32)
        pulsed, cells = np.empty(columns, np.float32), np.zeros(columns + LANES, np.uint32)
        held = np.uint64(1 + (up if state == PAIR else 0))
        c2c, write_noise = scales[0], scales[1]
        for row in range(row_words.shape[0]):
            fires = _NONE
            for word in range(row_words.shape[1]):
                fires |= row_words[row, word]
            n = columns if fires else more[0]
            first = np.uint32(row * columns)
            for j in range(n):
                cells[j] = first + (np.uint32(j) if fires else order[j])
            if record == 4:
                for j in range(0, n, LANES):
                    gather_four(ru, cells, j, record, 0, flat, places, 0, size)
            else:
                for offset in range(0, places.size, LANES):
                    for j in range(0, n, LANES):
                        gather_eight(ru, cells, j, record, offset, flat, places, offset, size)
            if state == VISIBLE:
                for j in range(n):
                    value[j] = np.float32(w[cells[j]]) * _STEP
            if derive is not None:
                for j in range(n):
                    parameters[planes, j] = derive(parameters, j, up == 1 or state == PAIR)
            if not fires:  # the order of cells does not matter, and each has nothing but half-selects
                for k in range(more.size):
                    for j in range(more[k]):
                        moved = value[j] + response * (step(value[j], parameters, j, _QUIET, shape) - value[j])
                        moved = np.rint(moved * _GRID) * _STEP
                        moved = moved if moved >= parameters[0, j] else parameters[0, j]
                        value[j] = moved if moved <= parameters[1, j] else parameters[1, j]
            for slot in range(ends.size - 1 if fires else 0):
                some = members[ends[slot] : ends[slot + 1]]
                if row_words[row, slot >> 6] & (_ONE << np.uint64(slot & 63)):
                    for j in some:
                        key = cell_key(keys, cells[j])
                        noise = c2c * table[draw_bits(key, second_key(keys, key), counts[j]) >> SHIFT]
                        counts[j] = np.uint32(counts[j] + np.uint32(1))
                        moved = np.rint(step(value[j], parameters, j, noise, shape) * _GRID) * _STEP
                        moved = moved if moved >= parameters[0, j] else parameters[0, j]
                        pulsed[j] = moved if moved <= parameters[1, j] else parameters[1, j]
                    for j in range(n):
                        moved = value[j] + response * (step(value[j], parameters, j, _QUIET, shape) - value[j])
                        moved = np.rint(moved * _GRID) * _STEP
                        moved = moved if moved >= parameters[0, j] else parameters[0, j]
                        value[j] = moved if moved <= parameters[1, j] else parameters[1, j]
                    for j in some:
                        value[j] = pulsed[j]
                else:
                    for j in some:
                        moved = value[j] + response * (step(value[j], parameters, j, _QUIET, shape) - value[j])
                        moved = np.rint(moved * _GRID) * _STEP
                        moved = moved if moved >= parameters[0, j] else parameters[0, j]
                        value[j] = moved if moved <= parameters[1, j] else parameters[1, j]
            for j in range(n):
                cell = cells[j]
                place = stride * np.uint64(cell)
                ru[place] = counts[j]
                if state == VISIBLE:
                    w[cell] = np.int32(value[j] * _GRID)
                elif state == PERSISTENT:
                    rf[place + held] = value[j]
                    # A cell that no pulse has hit yet has no write noise.
                    noise = _QUIET
                    if counts[j] != 0:
                        fresh = cell_key(keys[2:], cell)
                        noise = write_noise * table[draw_bits(fresh, second_key(keys[2:], fresh), counts[j]) >> SHIFT]
                    w[cell] = np.int32(np.rint((value[j] + noise) * _GRID))
                else:
                    rf[place + held] = value[j]
                    w[cell] = np.int32((rf[place + _ONE + _ONE] - rf[place + _ONE]) * _GRID)

    return njit(name_variant(disturb, step.__name__, state, record, planes))
