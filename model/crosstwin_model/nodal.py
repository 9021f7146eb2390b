"""The exact currents and voltages of a crossbar whose wires have resistance.

Every cell joins a node of its row to a node of its column; neighbouring nodes of a line are joined by a wire segment, and each
end of a line may lead through a conductance to a source. Kirchhoff's current law at all nodes is a linear system (Joksas and
Mehonic, SoftwareX 12, 2020, 100617, write it out for ends at one side). It is solved here for the nodes of the columns, by
conjugate gradients; what a row adds is eliminated exactly, as the ladder of resistors that it is, and so is each column in the
preconditioner. The system is symmetric and positive definite whatever the resistances, so that the method converges, and fast
where wires conduct better than cells. Ladders are reduced by adding conductances in series and in parallel, which subtracts
nothing and so loses no digits.

All arithmetic is +, -, * and / of float64 in a fixed order: the same bits on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from crosstwin_model.config import ConfigurationError
from crosstwin_model.jit import njit

Floats = npt.NDArray[np.float64]

#: The residual at which the iteration ends, as a part of the one that it starts with.
TOLERANCE = 1e-13
#: Most iterations; 10 are usual, and some hundreds where many lines float.
ITERATIONS = 10_000


@dataclass(frozen=True)
class Lines:
    """The wires of all rows, or of all columns.

    Parameters
    ----------
    ohms : float
        Resistance of the segment between neighbouring nodes of a line; 0 or more.
    first, last : float64[lines]
        Conductance in siemens from the first and the last node of each line to its source; 0 where that end is open. The first
        node of a row is in column 0, that of a column in row 0.
    """

    ohms: float
    first: Floats
    last: Floats


@dataclass(frozen=True)
class Voltages:
    """The voltages of all nodes, for each set of sources.

    Parameters
    ----------
    rows, columns : float64[sets, rows, columns]
        Voltage at each cell's node on its row, and on its column.
    """

    rows: Floats
    columns: Floats


def solve(cells: Floats, rows: Lines, columns: Lines, row_volts: Floats, column_volts: Floats) -> Voltages:
    """Return the voltages of all nodes.

    Parameters
    ----------
    cells : float64[rows, columns]
        Conductances of the cells in siemens, above 0.
    rows, columns : Lines
        The wires.
    row_volts, column_volts : float64[sets, rows], float64[sets, columns]
        Voltage of the sources at both ends of each line. Each set is solved by itself, with the same bits as if it were alone.

    Raises
    ------
    ConfigurationError
        If no line has an end that leads to a source, or ITERATIONS were not enough.
    """
    cells = np.ascontiguousarray(cells, np.float64)
    if not (rows.first.any() or rows.last.any() or columns.first.any() or columns.last.any()):
        raise ConfigurationError("all ends of all lines are open; allowed are crossbars with at least one end at a source")
    shape = (len(row_volts), *cells.shape)
    voltages = Voltages(np.empty(shape), np.empty(shape))
    done = _solve(
        cells,
        _wires(rows),
        _wires(columns),
        np.ascontiguousarray(row_volts, np.float64),
        np.ascontiguousarray(column_volts, np.float64),
        TOLERANCE * TOLERANCE,
        ITERATIONS,
        voltages.rows,
        voltages.columns,
    )
    if not done:
        raise ConfigurationError(
            f"the currents of a crossbar of {cells.shape[0]} x {cells.shape[1]} cells of up to {cells.max():.3g} S with "
            f"{rows.ohms:.3g} and {columns.ohms:.3g} ohm between cells did not settle within {ITERATIONS} iterations; "
            "allowed are lower resistances, lower conductances or fewer lines"
        )
    return voltages


def relax(cells: Floats, rows: Lines, columns: Lines, row_volts: Floats, column_volts: Floats, held: Voltages) -> Voltages:
    """Return each line's voltages with its own sources, the nodes of the crossing lines being held at the voltages ``held``.

    Parameters as of :func:`solve`.
    """
    relaxed = Voltages(np.empty_like(held.rows), np.empty_like(held.columns))
    _relax(cells, _wires(rows), _wires(columns), row_volts, column_volts, held.rows, held.columns, relaxed.rows, relaxed.columns)
    return relaxed


def _wires(lines: Lines) -> tuple[float, Floats, Floats]:
    return float(lines.ohms), np.ascontiguousarray(lines.first, np.float64), np.ascontiguousarray(lines.last, np.float64)


@njit
def _along_columns(factor: Any, ohms: Any, end: Any, x: Any) -> None:
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
    """As :func:`_along_columns`, for the nodes of one row."""
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
def _along_rows(factor: Any, ohms: Any, end: Any, x: Any) -> None:
    """As :func:`_along_columns`, for the nodes of the rows."""
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
def _column_ladders(cells: Any, wires: Any) -> Any:
    """Return ``factor`` and ``end`` of the columns."""
    factor = np.empty(cells.shape)
    end = np.empty(cells.shape[1])
    _ladders(cells, wires[0], wires[1], wires[2], factor, end)
    return factor, end


@njit
def _row_ladders(cells: Any, wires: Any) -> Any:
    """Return ``factor`` and ``end`` of the rows; few rows at a time, so that what they walk through stays in the cache."""
    factor = np.empty(cells.shape)
    end = np.empty(cells.shape[0])
    for i in range(0, cells.shape[0], 8):
        some = slice(i, i + 8)
        _ladders(cells[some].T, wires[0], wires[1][some], wires[2][some], factor[some].T, end[some])
    return factor, end


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
def _row_currents(cells: Any, wires: Any, volts: Any, across: Any, out: Any) -> None:
    """Set the currents that would flow into the nodes of the rows at 0 V: from sources, and from column nodes at ``across``."""
    for i in range(cells.shape[0]):
        for j in range(cells.shape[1]):
            out[i, j] = cells[i, j] * across[i, j]
        out[i, 0] += wires[1][i] * volts[i]
        out[i, cells.shape[1] - 1] += wires[2][i] * volts[i]


@njit
def _column_currents(cells: Any, wires: Any, volts: Any, across: Any, out: Any) -> None:
    """As :func:`_row_currents`, into the nodes of the columns."""
    for i in range(cells.shape[0]):
        for j in range(cells.shape[1]):
            out[i, j] = cells[i, j] * across[i, j]
    for j in range(cells.shape[1]):
        out[0, j] += wires[1][j] * volts[j]
        out[cells.shape[0] - 1, j] += wires[2][j] * volts[j]


@njit
def _solve(
    cells: Any, rows: Any, columns: Any, row_volts: Any, column_volts: Any, tolerance: Any, most: Any, u: Any, v: Any
) -> bool:
    row_factor, row_end = _row_ladders(cells, rows)
    column_factor, column_end = _column_ladders(cells, columns)
    height, width = cells.shape
    residual = np.empty((height, width))
    change = np.empty((height, width))
    step = np.empty((height, width))
    # What currents the voltages `step` on the columns draw while all rows are at 0 V: known without another pass over the wires.
    drawn = np.empty((height, width))
    for which in range(row_volts.shape[0]):
        nodes = v[which]
        nodes[:] = 0.0
        _row_currents(cells, rows, row_volts[which], nodes, change)
        _along_rows(row_factor, rows[0], row_end, change)
        _column_currents(cells, columns, column_volts[which], change, residual)
        drawn[:] = residual
        step[:] = residual
        _along_columns(column_factor, columns[0], column_end, step)
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
            _along_rows(row_factor, rows[0], row_end, change)
            for i in range(height):
                for j in range(width):
                    change[i, j] = drawn[i, j] - cells[i, j] * change[i, j]
            scale = size / _dot(step, change)
            for i in range(height):
                for j in range(width):
                    nodes[i, j] += scale * step[i, j]
                    residual[i, j] -= scale * change[i, j]
                    change[i, j] = residual[i, j]
            _along_columns(column_factor, columns[0], column_end, change)
            before = size
            size = _dot(residual, change)
            scale = size / before
            for i in range(height):
                for j in range(width):
                    step[i, j] = change[i, j] + scale * step[i, j]
                    drawn[i, j] = residual[i, j] + scale * drawn[i, j]
        _row_currents(cells, rows, row_volts[which], nodes, u[which])
        _along_rows(row_factor, rows[0], row_end, u[which])
    return True


@njit
def _relax(
    cells: Any, rows: Any, columns: Any, row_volts: Any, column_volts: Any, u_held: Any, v_held: Any, u: Any, v: Any
) -> None:
    row_factor, row_end = _row_ladders(cells, rows)
    column_factor, column_end = _column_ladders(cells, columns)
    for which in range(row_volts.shape[0]):
        _row_currents(cells, rows, row_volts[which], v_held[which], u[which])
        _along_rows(row_factor, rows[0], row_end, u[which])
        _column_currents(cells, columns, column_volts[which], u_held[which], v[which])
        _along_columns(column_factor, columns[0], column_end, v[which])
