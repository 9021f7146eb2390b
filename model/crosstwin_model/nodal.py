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

#: So many rows are reduced side by side, as each step of a ladder waits for the one before.
_ABREAST = 16


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
def _along_rows(factor: Any, ohms: Any, end: Any, x: Any) -> None:
    """As :func:`_along_columns`, for the nodes of the rows."""
    lines, count = x.shape
    for start in range(0, lines, _ABREAST):
        stop = min(start + _ABREAST, lines)
        for j in range(1, count):
            for i in range(start, stop):
                x[i, j] += factor[i, j - 1] * x[i, j - 1]
        for i in range(start, stop):
            x[i, count - 1] *= end[i]
        for j in range(count - 2, -1, -1):
            for i in range(start, stop):
                x[i, j] = factor[i, j] * (x[i, j + 1] + ohms * x[i, j])


@njit
def _ladders(cells: Any, ohms: Any, first: Any, last: Any) -> Any:
    """Return ``factor`` and ``end`` of the columns; the ends' conductances lie beside the cells of the first and last nodes."""
    count, lines = cells.shape
    factor = np.empty((count, lines))
    y = first.copy()
    for i in range(count):
        for j in range(lines):
            if i > 0:
                y[j] *= factor[i - 1, j]
            y[j] += cells[i, j]
            factor[i, j] = 1.0 / (1.0 + ohms * y[j])
    return factor, 1.0 / (y + last)


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
def _row_ladders(cells: Any, ohms: Any, first: Any, last: Any) -> Any:
    """As :func:`_ladders`, of the rows, for :func:`_along_rows`."""
    factor, end = _ladders(cells.T, ohms, first, last)
    return np.ascontiguousarray(factor.T), end


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
    row_factor, row_end = _row_ladders(cells, rows[0], rows[1], rows[2])
    column_factor, column_end = _ladders(cells, columns[0], columns[1], columns[2])
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
    row_factor, row_end = _row_ladders(cells, rows[0], rows[1], rows[2])
    column_factor, column_end = _ladders(cells, columns[0], columns[1], columns[2])
    for which in range(row_volts.shape[0]):
        _row_currents(cells, rows, row_volts[which], v_held[which], u[which])
        _along_rows(row_factor, rows[0], row_end, u[which])
        _column_currents(cells, columns, column_volts[which], u_held[which], v[which])
        _along_columns(column_factor, columns[0], column_end, v[which])
