"""Compiled loops of the nodal solver: ladders of resistors, reduced and walked, and the conjugate gradients over them.

A ladder is a line with the cells on it as rungs. What its nodes show towards its first one is added up as conductances in series
and in parallel, which subtracts nothing and so loses no digits, whatever the resistances.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from crosstwin_model.jit import njit


@njit
def along_columns(factor: Any, ohms: Any, end: Any, x: Any) -> None:
    """Turn the currents into the nodes of the columns, x[rows, columns], into those nodes' voltages, all rows being at 0 V.

    ``factor`` is 1 / (1 + ohms * y), y the conductance from a node to 0 V by way of all nodes before it, and ``end`` is 1 / y of
    the last nodes: what :func:`_ladders` returns.
    """
    count, lines = x.shape
    for i in range(1, count):
        for j in range(lines):
            x[i, j] += factor[i - 1, j] * x[i - 1, j]
    for j in range(lines):
        x[count - 1, j] *= end[j]
    for i in range(count - 2, -1, -1):
        for j in range(lines):
            x[i, j] = factor[i, j] * (x[i + 1, j] + ohms * x[i, j])


@njit
def _along_row(factor: Any, ohms: Any, end: Any, x: Any) -> None:
    """As :func:`along_columns`, for the nodes of one row."""
    value = x[0]
    for j in range(1, x.size):
        value = x[j] + factor[j - 1] * value
        x[j] = value
    value *= end
    x[x.size - 1] = value
    for j in range(x.size - 2, -1, -1):
        value = factor[j] * (value + ohms * x[j])
        x[j] = value


@njit
def along_rows(factor: Any, ohms: Any, end: Any, x: Any) -> None:
    """As :func:`along_columns`, for the nodes of the rows."""
    lines, count = x.shape
    # Each step along a row waits for the one before, so that four rows side by side take the time of one.
    whole = lines - lines % 4
    for i in range(0, whole, 4):
        x0, x1, x2, x3 = x[i], x[i + 1], x[i + 2], x[i + 3]
        f0, f1, f2, f3 = factor[i], factor[i + 1], factor[i + 2], factor[i + 3]
        v0, v1, v2, v3 = x0[0], x1[0], x2[0], x3[0]
        for j in range(1, count):
            v0 = x0[j] + f0[j - 1] * v0
            v1 = x1[j] + f1[j - 1] * v1
            v2 = x2[j] + f2[j - 1] * v2
            v3 = x3[j] + f3[j - 1] * v3
            x0[j], x1[j], x2[j], x3[j] = v0, v1, v2, v3
        v0, v1, v2, v3 = v0 * end[i], v1 * end[i + 1], v2 * end[i + 2], v3 * end[i + 3]
        x0[count - 1], x1[count - 1], x2[count - 1], x3[count - 1] = v0, v1, v2, v3
        for j in range(count - 2, -1, -1):
            v0 = f0[j] * (v0 + ohms * x0[j])
            v1 = f1[j] * (v1 + ohms * x1[j])
            v2 = f2[j] * (v2 + ohms * x2[j])
            v3 = f3[j] * (v3 + ohms * x3[j])
            x0[j], x1[j], x2[j], x3[j] = v0, v1, v2, v3
    for i in range(whole, lines):
        _along_row(factor[i], ohms, end[i], x[i])


@njit
def _ladders(cells: Any, ohms: Any, first: Any, last: Any, factor: Any, end: Any) -> None:
    """Fill ``factor`` and ``end`` of the columns; the ends' conductances lie beside the cells of the first and last nodes."""
    count, lines = cells.shape
    y = first.copy()
    for i in range(count):
        for j in range(lines):
            if i > 0:
                y[j] *= factor[i - 1, j]
            y[j] += cells[i, j]
            factor[i, j] = 1.0 / (1.0 + ohms * y[j])
    for j in range(lines):
        end[j] = 1.0 / (y[j] + last[j])


@njit
def column_ladders(cells: Any, wires: Any, factor: Any) -> Any:
    """Fill ``factor`` and return ``end`` of the columns."""
    end = np.empty(cells.shape[1])
    _ladders(cells, wires[0], wires[1], wires[2], factor, end)
    return end


@njit
def row_ladders(cells: Any, wires: Any, factor: Any) -> Any:
    """Fill ``factor`` and return ``end`` of the rows; few rows at a time, so that what they walk through stays in the cache."""
    end = np.empty(cells.shape[0])
    for i in range(0, cells.shape[0], 8):
        some = slice(i, i + 8)
        _ladders(cells[some].T, wires[0], wires[1][some], wires[2][some], factor[some].T, end[some])
    return end


@njit
def _dot(a: Any, b: Any) -> Any:
    """Return the sum of a * b over all elements, column by column and then from left to right."""
    total = np.zeros(a.shape[1])
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            total[j] += a[i, j] * b[i, j]
    result = 0.0
    for j in range(a.shape[1]):
        result += total[j]
    return result


@njit
def row_currents(cells: Any, wires: Any, volts: Any, across: Any, out: Any) -> None:
    """Set the currents that would flow into the nodes of the rows at 0 V: from sources, and from column nodes at ``across``."""
    for i in range(cells.shape[0]):
        for j in range(cells.shape[1]):
            out[i, j] = cells[i, j] * across[i, j]
        out[i, 0] += wires[1][i] * volts[i]
        out[i, cells.shape[1] - 1] += wires[2][i] * volts[i]


@njit
def column_currents(cells: Any, wires: Any, volts: Any, across: Any, out: Any) -> None:
    """As :func:`row_currents`, into the nodes of the columns."""
    for i in range(cells.shape[0]):
        for j in range(cells.shape[1]):
            out[i, j] = cells[i, j] * across[i, j]
    for j in range(cells.shape[1]):
        out[0, j] += wires[1][j] * volts[j]
        out[cells.shape[0] - 1, j] += wires[2][j] * volts[j]


@njit
def _solve_set(
    cells: Any, rows: Any, columns: Any, ladders: Any, row_volts: Any, column_volts: Any, limits: Any, space: Any, u: Any, v: Any
) -> bool:
    tolerance, most = limits
    row_factor, row_end, column_factor, column_end = ladders
    height, width = cells.shape
    # What currents the voltages `step` on the columns draw while all rows are at 0 V: known without another pass over the wires.
    residual, change, step, drawn = space[0], space[1], space[2], space[3]
    v[:] = 0.0
    row_currents(cells, rows, row_volts, v, change)
    along_rows(row_factor, rows[0], row_end, change)
    column_currents(cells, columns, column_volts, change, residual)
    drawn[:] = residual
    step[:] = residual
    along_columns(column_factor, columns[0], column_end, step)
    size = _dot(residual, step)
    enough = tolerance * size
    count = 0
    while size > enough:
        if count == most:
            return False
        count += 1
        for i in range(height):
            for j in range(width):
                change[i, j] = cells[i, j] * step[i, j]
        along_rows(row_factor, rows[0], row_end, change)
        for i in range(height):
            for j in range(width):
                change[i, j] = drawn[i, j] - cells[i, j] * change[i, j]
        scale = size / _dot(step, change)
        for i in range(height):
            for j in range(width):
                v[i, j] += scale * step[i, j]
                residual[i, j] -= scale * change[i, j]
                change[i, j] = residual[i, j]
        along_columns(column_factor, columns[0], column_end, change)
        before = size
        size = _dot(residual, change)
        scale = size / before
        for i in range(height):
            for j in range(width):
                step[i, j] = change[i, j] + scale * step[i, j]
                drawn[i, j] = residual[i, j] + scale * drawn[i, j]
    row_currents(cells, rows, row_volts, v, u)
    along_rows(row_factor, rows[0], row_end, u)
    return True


@njit
def solve(
    cells: Any,
    rows: Any,
    columns: Any,
    row_volts: Any,
    column_volts: Any,
    limits: Any,
    space: Any,
    u: Any,
    v: Any,
    row_ends: Any,
    column_ends: Any,
) -> bool:
    """Solve each set of sources by itself; return False where the iterations were not enough.

    Parameters
    ----------
    cells : float64[rows, columns]
    rows, columns : tuple of ohms, first, last
        As in :class:`crosstwin_model.nodal.Lines`.
    row_volts, column_volts : float64[sets, rows], float64[sets, columns]
    limits : tuple of float, int
        At which part of the first residual's square the iteration ends, and after how many rounds it gives up.
    space : float64[6, rows, columns]
        What it works in.
    u, v : float64[sets or 1, rows, columns]
        To be filled with the voltages of the nodes of rows and of columns; where there is room for one set, the last one stays.
    row_ends, column_ends : float64[sets, 2, rows], float64[sets, 2, columns]
        To be filled with the voltages of each line's first and last node.
    """
    row_factor, column_factor = space[4], space[5]
    row_end = row_ladders(cells, rows, row_factor)
    column_end = column_ladders(cells, columns, column_factor)
    ladders = (row_factor, row_end, column_factor, column_end)
    for which in range(row_volts.shape[0]):
        place = min(which, u.shape[0] - 1)
        if not _solve_set(
            cells, rows, columns, ladders, row_volts[which], column_volts[which], limits, space, u[place], v[place]
        ):
            return False
        row_ends[which, 0] = u[place, :, 0]
        row_ends[which, 1] = u[place, :, cells.shape[1] - 1]
        column_ends[which, 0] = v[place, 0]
        column_ends[which, 1] = v[place, cells.shape[0] - 1]
    return True


@njit
def relax(
    cells: Any, rows: Any, columns: Any, row_volts: Any, column_volts: Any, space: Any, u_held: Any, v_held: Any, u: Any, v: Any
) -> None:
    """Fill ``u`` and ``v``, each line by itself, the crossing lines' nodes being held at ``v_held`` and ``u_held``.

    Parameters as of :func:`solve`, for one set of sources.
    """
    row_end = row_ladders(cells, rows, space[4])
    column_end = column_ladders(cells, columns, space[5])
    row_currents(cells, rows, row_volts, v_held, u)
    along_rows(space[4], rows[0], row_end, u)
    column_currents(cells, columns, column_volts, u_held, v)
    along_columns(space[5], columns[0], column_end, v)
