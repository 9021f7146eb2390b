"""The compiled loop of the plant's reads.

It does exactly what :func:`crosstwin_model.reference.read` does with plain numpy, bit for bit. Conductances are multiples of
2**-27 and charges of whole clock cycles, or of 2**-8 where they are not ideal. Products, and sums of products up to 2**53 of
both grids, are exact in float64 in whatever order they are added: only here may the compiler reorder and fuse. Sums that might
be larger go through whole numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba.core import types

from crosstwin_model.draws import SHIFT, cell_key, draw_bits, normal, second_key
from crosstwin_model.grid import GRID
from crosstwin_model.jit import njit, njit_any_order, njit_only, source_version

#: Charges with noise or errors are multiples of 1 / CHARGE_GRID.
CHARGE_GRID = 2.0**8
#: Largest size of a charge.
CHARGE_MAX = 65535

_CELLS, _ERRORS = types.float32[:, ::1], types.float64[:, ::1]
_READ = types.boolean(
    _CELLS, _CELLS, types.boolean, types.int32[::1], _ERRORS, _ERRORS, types.float32[::1], types.uint32[::1], types.float64[::1],
    types.int64, types.int32[::1],
)  # fmt: skip


@njit_any_order
def _sum_forward(w: Any, units: Any, sums: Any) -> None:
    """Add units[i] w[i, j] over i to sums[j]."""
    rows, columns = w.shape
    # Rows at rest, such as those behind a rectifier, are left out.
    driven = np.empty(rows, np.uint64)
    count = 0
    for row in range(rows):
        driven[count] = np.uint64(row)
        count += units[row] != 0.0
    first = 0
    while first + 4 <= count:
        i, j, k, m = driven[first], driven[first + 1], driven[first + 2], driven[first + 3]
        a, b, c, d = units[i], units[j], units[k], units[m]
        for column in range(columns):
            sums[column] += (a * np.float64(w[i, column]) + b * np.float64(w[j, column])) + (
                c * np.float64(w[k, column]) + d * np.float64(w[m, column])
            )
        first += 4
    while first < count:
        i = driven[first]
        for column in range(columns):
            sums[column] += units[i] * np.float64(w[i, column])
        first += 1


@njit_any_order
def _sum_backward(w: Any, units: Any, sums: Any) -> None:
    """Add units[j] w[i, j] over j to sums[i]."""
    rows, columns = w.shape
    row = 0
    while row + 4 <= rows:
        a, b, c, d = 0.0, 0.0, 0.0, 0.0
        for column in range(columns):
            unit = units[column]
            a += unit * np.float64(w[row, column])
            b += unit * np.float64(w[row + 1, column])
            c += unit * np.float64(w[row + 2, column])
            d += unit * np.float64(w[row + 3, column])
        sums[row] += a
        sums[row + 1] += b
        sums[row + 2] += c
        sums[row + 3] += d
        row += 4
    while row < rows:
        total = 0.0
        for column in range(columns):
            total += units[column] * np.float64(w[row, column])
        sums[row] += total
        row += 1


@njit
def _sum_whole(w: Any, forward: Any, units: Any, sums: Any) -> None:
    """Add the same in whole numbers, sums in multiples of 1 / GRID."""
    rows, columns = w.shape
    for row in range(rows):
        for column in range(columns):
            grid = np.int64(np.float64(w[row, column]) * GRID)
            if forward:
                sums[column] += np.int64(units[row]) * grid
            else:
                sums[row] += np.int64(units[column]) * grid


def _build_drive() -> Callable[..., float]:
    version = source_version()  # see crosstwin_model.jit

    def drive(charge: Any, errors: Any, table: Any, keys: Any, parameters: Any, number: Any, units: Any) -> float:
        _ = version
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

    return njit(drive)


def _build_convert() -> Callable[..., None]:
    version = source_version()  # see crosstwin_model.jit

    def convert(sums: Any, errors: Any, table: Any, keys: Any, parameters: Any, number: Any, codes: Any) -> None:
        _ = version
        noise, scale, limit = parameters[1], parameters[2], parameters[3]
        lines = codes.size
        # Loop by loop, so that the compiler can look at several lines at once.
        values, bits = np.empty(lines), np.empty(lines, np.uint32)
        for line in range(lines):
            values[line] = sums[line] * scale
        if errors.shape[1] != 0:
            for line in range(lines):
                values[line] = values[line] * errors[0, line] + errors[1, line]
        if noise > 0.0:
            for line in range(lines):
                key = cell_key(keys[2:], line)
                bits[line] = draw_bits(key, second_key(keys[2:], key), number) >> SHIFT
            for line in range(lines):
                values[line] += noise * np.float64(table[bits[line]])
        for line in range(lines):
            codes[line] = np.int32(min(max(np.rint(values[line]), -limit), limit))

    return njit(convert)


def _build_read() -> Callable[..., bool]:
    version = source_version()  # see crosstwin_model.jit

    def read(
        w: Any, reference: Any, forward: Any, charge: Any, dac: Any, adc: Any, table: Any, keys: Any, parameters: Any,
        number: Any, codes: Any,
    ) -> bool:  # fmt: skip
        _ = version
        if charge.size != (w.shape[0] if forward else w.shape[1]):
            return False
        units = np.empty(charge.size)
        total = drive(charge, dac, table, keys, parameters, number, units)
        if total < 0.0:
            return False
        sums = np.zeros(w.shape[1] if forward else w.shape[0])
        if total <= parameters[5]:
            if forward:
                _sum_forward(w, units, sums)
            else:
                _sum_backward(w, units, sums)
            if reference.size:
                units *= -1.0
                if forward:
                    _sum_forward(reference, units, sums)
                else:
                    _sum_backward(reference, units, sums)
        else:
            whole = np.zeros(sums.size, np.int64)
            _sum_whole(w, forward, units, whole)
            if reference.size:
                units *= -1.0
                _sum_whole(reference, forward, units, whole)
            for line in range(sums.size):
                sums[line] = whole[line] / GRID
        convert(sums, adc, table, keys, parameters, number, codes)
        return True

    return njit_only(_READ, read)


#: The three steps of a read, and all of it on ideal lines; parameters as of :func:`crosstwin_model.reference.read`. ``drive``
#: fills ``units``, the charges that the driven lines really carry, in multiples of 1 / parameters[4], and returns the sum of
#: their sizes; -1 where a charge is above :data:`CHARGE_MAX`, and then, and where there are not as many charges as lines,
#: ``read`` returns False and fills nothing; for arrays of other types it raises TypeError. ``convert``
#: fills ``codes`` from sums of conductances times units. Errors have no lines, and the reference no cells, where there are none.
drive = _build_drive()
convert = _build_convert()
read = _build_read()
