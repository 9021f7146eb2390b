"""The compiled steps of a batch of cells that are hit in one direction: their order, and their pulses.

Cells with most pulses come first, so that the k-th pulse of a batch goes to its first cells: every loop is then over neighbours
in arrays that stay in the first cache, which the compiler vectorises.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba.extending import register_jitable

from crosstwin_model.bits import LANES, gather_4, gather_8, keep_between
from crosstwin_model.draws import SHIFT, cell_key, draw_bits, second_key
from crosstwin_model.grid import GRID
from crosstwin_model.jit import name_variant

#: Cells that are gathered before they are pulsed, and how many of them at once.
BATCH, BLOCK = 1024, 512
#: Rows of a block's fields before the planes of the rule: pulses so far, conductance, and what is not needed.
FIELDS = 3
#: Rows of a block's fields behind them: both keys of a cell, the bits of its draw, and its noise.
DRAWS = 4

#: Where the conductance that pulses act on is kept: in the tile's visible conductances; in the record, under write noise; in the
#: record, one for each direction, of which the visible conductance is the difference.
VISIBLE, PERSISTENT, PAIR = 0, 1, 2

_ONE = np.uint64(1)
_NONE = np.uint64(0)
_GRID = np.float32(GRID)
_STEP = np.float32(1.0 / GRID)

#: A hit is a word: the number of the cell, and in its upper half how many pulses it gets.
COUNT = np.uint64(32)
CELL = np.uint64(0xFFFFFFFF)
_ONCE = np.uint64(0x1FFFFFFFF)
_MOST = np.uint64(0xFFFFFFFFFFFFFFFF)


@register_jitable  # type: ignore[untyped-decorator]
def sort_hits(n: Any, first: Any, size: Any, hits: Any, order: Any, histogram: Any) -> Any:
    """Put the cells of hits[first ... first + n - 1] into ``order``, those with most pulses first, and return the most pulses.

    Afterwards the first histogram[1, b] cells have most - b pulses or more. Cells with one pulse, often nearly all, are only put
    aside; the others are in a counting sort: both halves of them are counted and placed on their own, so that the processor need
    not wait for the count before.

    Parameters
    ----------
    n, first, size : uint64
        Hits from 2 * size and from 3 * size on are overwritten, and LANES behind the last hit.
    hits : uint64[4 * size]
    order : uint32[size]
    histogram : uint64[2, most pulses of a cell + 2]
    """
    for j in range(first + n, first + n + np.uint64(LANES)):
        hits[j] = _NONE
    once, several = np.uint64(2) * size, np.uint64(3) * size
    once_end: Any = once
    several_end: Any = several
    for j in range(first, first + n, np.uint64(LANES)):
        once_end = _keep_between(hits, j, CELL, _ONCE, hits, once_end)
        several_end = _keep_between(hits, j, _ONCE, _MOST, hits, several_end)
    most: Any = _ONE << COUNT
    for j in range(several, several_end):
        most = max(most, hits[j])
    top = most >> COUNT
    for b in range(top + _ONE):
        histogram[0, b] = _NONE
        histogram[1, b] = _NONE
    more = several_end - several
    middle, odd = more >> _ONE, more & _ONE
    for j in range(several, several + middle):
        histogram[0, top - (hits[j] >> COUNT)] += _ONE
        histogram[1, top - (hits[middle + j] >> COUNT)] += _ONE
    for j in range(several_end - odd, several_end):
        histogram[1, top - (hits[j] >> COUNT)] += _ONE
    place = _NONE
    for b in range(top + _ONE):
        for half in range(2):
            some = histogram[half, b]
            histogram[half, b] = place
            place += some
    for j in range(several, several + middle):
        b = top - (hits[j] >> COUNT)
        order[histogram[0, b]] = np.uint32(hits[j])
        histogram[0, b] += _ONE
        b = top - (hits[middle + j] >> COUNT)
        order[histogram[1, b]] = np.uint32(hits[middle + j])
        histogram[1, b] += _ONE
    for j in range(several_end - odd, several_end):
        b = top - (hits[j] >> COUNT)
        order[histogram[1, b]] = np.uint32(hits[j])
        histogram[1, b] += _ONE
    for j in range(n - more):
        order[more + j] = np.uint32(hits[once + j])
    histogram[1, top - _ONE] = n
    return np.uint32(top)


# numba's disk cache compares a closure by its content, in which an intrinsic is new in each process; these it knows by name.
@register_jitable(forceinline=True)  # type: ignore[untyped-decorator]
def _keep_between(source: Any, first: Any, low: Any, high: Any, target: Any, place: Any) -> Any:
    return keep_between(source, first, low, high, target, place)


@register_jitable(forceinline=True)  # type: ignore[untyped-decorator]
def gather_four(
    source: Any, order: Any, first: Any, record: Any, offset: Any, target: Any, rows: Any, begin: Any, size: Any
) -> None:
    gather_4(source, order, first, record, offset, target, rows, begin, size)


@register_jitable(forceinline=True)  # type: ignore[untyped-decorator]
def gather_eight(
    source: Any, order: Any, first: Any, record: Any, offset: Any, target: Any, rows: Any, begin: Any, size: Any
) -> None:
    gather_8(source, order, first, record, offset, target, rows, begin, size)


def build_pulse_block(
    step: Callable[..., Any], derive: Callable[..., Any] | None, state: int, record: int, planes: int
) -> Callable[..., None]:
    """Return the step of :func:`crosstwin_model.pulse_kernels.pulse_part` that gives a block of a sorted batch its pulses.

    Its arguments are the number of the block's first cell in the batch, how many it has, their direction, the most pulses of a
    cell, arguments of the kernel, the batch's order and histogram, and a block's fields uint32[FIELDS + planes + DRAWS, BLOCK +
    LANES].
    """
    stride = np.uint64(record)
    whole = np.uint64(planes)

    def pulse_block(
        begin: Any, n: Any, up: Any, top: Any, w: Any, ru: Any, rf: Any, places: Any, shapes: Any, table: Any, keys: Any,
        scales: Any, orders: Any, histogram: Any, fields: Any,
    ) -> None:  # fmt: skip
        order = orders[begin : begin + n + LANES]
        for j in range(n, (n + LANES - 1) // LANES * LANES):
            order[j] = order[0]
        flat, size = fields.reshape(fields.size), fields.shape[1]
        start, value = fields[0], fields[1].view(np.float32)
        parameters = fields[FIELDS : FIELDS + planes].view(np.float32)
        key, second, bits = fields[FIELDS + planes], fields[FIELDS + planes + 1], fields[FIELDS + planes + 2]
        noise = fields[FIELDS + planes + 3].view(np.float32)
        if record == 4:
            for j in range(0, n, LANES):
                gather_four(ru, order, j, record, 0, flat, places, up * places.shape[1], size)
        else:
            for offset in range(0, places.shape[1], LANES):
                for j in range(0, n, LANES):
                    gather_eight(ru, order, j, record, offset, flat, places, up * places.shape[1] + offset, size)
        if state == VISIBLE:
            for j in range(n):
                value[j] = np.float32(w[order[j]]) * _STEP
        for j in range(n):
            key[j] = cell_key(keys, order[j])
            second[j] = second_key(keys, key[j])
        c2c = scales[0]
        shape = shapes[up]
        if derive is not None:
            for j in range(n):
                parameters[whole - _ONE, j] = derive(parameters, j, up == 1 or state == PAIR)
        for k in range(top):
            m = min(n, np.int64(histogram[1, top - np.uint32(1) - np.uint32(k)]) - begin)
            if m <= 0:
                break
            for j in range(m):
                bits[j] = draw_bits(key[j], second[j], start[j]) >> SHIFT
                start[j] = np.uint32(start[j] + np.uint32(1))
            for j in range(m):
                noise[j] = table[bits[j]]
            for j in range(m):
                moved = np.rint(step(value[j], parameters, j, c2c * noise[j], shape) * _GRID) * _STEP
                low = parameters[0, j]
                high = parameters[1, j]
                # Written so that what is no number (a rule at a stuck cell's range of 0) becomes the bound.
                moved = moved if moved >= low else low
                value[j] = moved if moved <= high else high
        for j in range(n):
            ru[stride * np.uint64(order[j])] = start[j]
        if state == VISIBLE:
            for j in range(n):
                w[order[j]] = np.int32(value[j] * _GRID)
        elif state == PERSISTENT:
            for j in range(n):
                fresh = cell_key(keys[2:], order[j])
                bits[j] = draw_bits(fresh, second_key(keys[2:], fresh), start[j]) >> SHIFT
            for j in range(n):
                rf[stride * np.uint64(order[j]) + _ONE] = value[j]
                w[order[j]] = np.int32(np.rint((value[j] + scales[1] * table[bits[j]]) * _GRID))
        else:
            for j in range(n):
                pair = stride * np.uint64(order[j]) + _ONE
                rf[pair + np.uint64(up)] = value[j]
                w[order[j]] = np.int32((rf[pair + _ONE] - rf[pair]) * _GRID)

    compiled: Callable[..., None] = register_jitable(name_variant(pulse_block, step.__name__, state, record, planes))
    return compiled
