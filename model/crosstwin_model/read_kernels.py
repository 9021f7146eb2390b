"""The compiled loop of the plant's reads.

It does exactly what :func:`crosstwin_model.reference.read` does with plain numpy, bit for bit. Conductances are multiples of
2**-27 and charges of whole clock cycles, or of 2**-8 where they are not ideal, so that sums of products are exact
(:mod:`crosstwin_model.read_sums`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.core import types
from numba.extending import register_jitable

from crosstwin_model.crew import ASLEEP, DONE, REFUSED, are_asleep, threads_of
from crosstwin_model.draws import SHIFT, cell_key, draw_bits, normal, second_key
from crosstwin_model.grid import GRID
from crosstwin_model.jit import njit, njit_only
from crosstwin_model.memory import array_at, borrow, hold
from crosstwin_model.read_jobs import add_sums, parts_of
from crosstwin_model.read_sums import add_whole

#: Charges with noise or errors are multiples of 1 / CHARGE_GRID.
CHARGE_GRID = 2.0**8
#: Largest size of a charge.
CHARGE_MAX = 65535

#: What a plan of a read holds behind the addresses of its arrays: the size of the tile, whether rows are driven, a crew's board
#: or 0, and the address of :func:`crosstwin_model.read_sums.sum_part`.
ROWS, COLUMNS, FORWARD, BOARD, PART = range(16, 21)
PLAN = 21

_CODES = types.int32[::1]


@njit
def drive(charge: Any, errors: Any, table: Any, keys: Any, parameters: Any, number: Any, units: Any) -> float:
    """Fill the units of charge that the driven lines really carry, and return the sum of their sizes.

    They are multiples of 1 / parameters[4]; parameters are as of :func:`crosstwin_model.reference.read`. Errors have no lines
    where there are none. Where a charge is above CHARGE_MAX, -1 is returned.
    """
    noise, unit = parameters[0], parameters[4]
    largest = np.int64(0)
    whole = np.int64(0)
    for line in range(charge.size):
        size = abs(np.int64(charge[line]))
        largest = max(largest, size)
        whole += size
    if largest > CHARGE_MAX:
        return -1.0
    for line in range(charge.size):
        units[line] = charge[line] * unit
    if errors.shape[1] == 0 and noise == 0.0:
        return float(whole * unit)
    total = 0.0
    for line in range(charge.size):
        value = units[line]
        if charge[line] != 0:
            if errors.shape[1] != 0:
                value = np.rint(value * errors[0, line] + errors[1, line])
            if noise > 0.0:
                value += np.rint(noise * unit * np.float64(normal(table, keys, line, number)))
        units[line] = value
        total += abs(value)
    return total


@njit
def convert(sums: Any, errors: Any, table: Any, keys: Any, parameters: Any, number: Any, codes: Any) -> None:
    """Fill codes from the sums of conductances times units, and spoil the sums; parameters as of :func:`drive`."""
    noise, scale, limit = parameters[1], parameters[2], parameters[3]
    lines = codes.size
    # Loop by loop, so that the compiler can look at several lines at once.
    values, bits = sums, codes.view(np.uint32)
    for line in range(lines):
        values[line] *= scale
    if errors.shape[1] != 0:
        for line in range(lines):
            values[line] = values[line] * errors[0, line] + errors[1, line]
    if noise > 0.0:
        stream = (keys[2], keys[3])  # read once: for all the compiler knows, a line's bits might overwrite them
        for line in range(lines):
            key = cell_key(stream, line)
            bits[line] = draw_bits(key, second_key(stream, key), number) >> SHIFT
        for line in range(lines):
            values[line] += noise * np.float64(table[bits[line]])
    for line in range(lines):
        codes[line] = np.int32(min(max(np.rint(values[line]), -limit), limit))


@register_jitable  # type: ignore[untyped-decorator]
def read_cells(plan: Any, charge: Any, codes: Any, again: Any) -> int:
    """Do what :func:`read` does, in another compiled function and with borrowed arrays."""
    rows, columns, forward = plan[ROWS], plan[COLUMNS], plan[FORWARD] != 0
    driven, sensed = (rows, columns) if forward else (columns, rows)
    if charge.size != driven or codes.size > sensed:
        return REFUSED
    board, part = plan[BOARD], plan[PART]
    if board != 0 and not again and parts_of(rows * columns, threads_of(board)) > 1 and are_asleep(board):
        return ASLEEP
    w = array_at(plan, 0, np.int32).reshape(rows, columns)
    reference = array_at(plan, 1, np.int32).reshape(plan[3] // columns, columns)
    dac, adc = array_at(plan, 2, np.float64).reshape(2, plan[5] // 2), array_at(plan, 3, np.float64).reshape(2, plan[7] // 2)
    table, keys, parameters = array_at(plan, 4, np.float32), array_at(plan, 5, np.uint32), array_at(plan, 6, np.float64)
    count = array_at(plan, 7, np.uint32)
    memory = np.empty(driven + sensed)
    units, sums = borrow(memory)[:driven], borrow(memory)[driven:]
    total = drive(charge, dac, table, keys, parameters, count[0], units)
    if total < 0.0:
        return REFUSED
    if total <= parameters[5]:
        sums[:] = 0.0
        add_sums(board, part, w, forward, units, sums, count[0])
        if reference.size:
            units *= -1.0
            add_sums(board, part, reference, forward, units, sums, count[0])
    else:
        whole = np.zeros(sensed, np.int64)
        add_whole(w, forward, units, whole)
        if reference.size:
            units *= -1.0
            add_whole(reference, forward, units, whole)
        sums[:] = whole
    sums *= 1.0 / GRID  # exact, as GRID is a power of 2
    convert(sums, adc, table, keys, parameters, count[0], codes)
    hold(memory)
    count[0] += np.uint32(1)
    return DONE


@njit_only(types.int64(types.int64[::1], _CODES, _CODES, types.boolean))
def read(plan: Any, charge: Any, codes: Any, again: Any) -> int:
    """Read on ideal lines, count the read, and return what became of it; arrays of other types raise TypeError.

    Parameters
    ----------
    plan : int64[PLAN]
        Of :meth:`crosstwin_model.plant_reads.Reads.plan`; the reference has no cells where there is none.
    charge, codes : int32[driven], int32[at most sensed]
    again : bool
        Whether it is called again after helpers were woken.

    Returns
    -------
    int
        REFUSED, ASLEEP or DONE of :mod:`crosstwin_model.crew`; ASLEEP not if it is called again. It is refused where a charge is
        too large, or there are not as many charges as lines or more codes.
    """
    found: int = read_cells(borrow(plan), borrow(charge), borrow(codes), again)
    return found
