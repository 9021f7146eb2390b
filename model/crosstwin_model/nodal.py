"""The exact currents and voltages of a crossbar whose wires have resistance.

Every cell joins a node of its row to a node of its column; neighbouring nodes of a line are joined by a wire segment, and each
end of a line may lead through a conductance to a source. Kirchhoff's current law at all nodes is a linear system (Joksas and
Mehonic, SoftwareX 12, 2020, 100617, write it out for ends at one side). It is solved here for the nodes of the columns, by
conjugate gradients; what a row adds is eliminated exactly, as the ladder of resistors that it is, and so is each column in the
preconditioner. The system is symmetric and positive definite whatever the resistances, so that the method converges, and fast
where wires conduct better than cells.

All arithmetic is +, -, * and / of float64 in a fixed order: the same bits on every machine.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crosstwin_model import nodal_kernels
from crosstwin_model.config import ConfigurationError
from crosstwin_model.numbers import real_array

Floats = npt.NDArray[np.float64]

#: The residual at which the iteration ends, as a part of the one that it starts with.
TOLERANCE = 1e-13
#: Most iterations; 10 are usual, and some hundreds where many lines float.
ITERATIONS = 10_000

#: Working memory up to this many bytes, enough for 512 x 512 cells, is kept by each thread from one solution to the next.
_MOST_KEPT = 2**24


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


@dataclass(frozen=True)
class Ends:
    """The voltages of each line's first and last node, for each set of sources.

    Parameters
    ----------
    rows, columns : float64[sets, 2, rows], float64[sets, 2, columns]
    """

    rows: Floats
    columns: Floats


class _Kept(threading.local):
    """What the solver worked in last: fresh memory for every read would take as long as the read."""

    space: Floats = np.empty((0, 0, 0))

    def arrays(self, shape: tuple[int, ...]) -> Floats:
        """Return float64[8, rows, columns] of any content."""
        if self.space.shape[1:] == shape:
            return self.space
        space = np.empty((8, *shape))
        if space.nbytes <= _MOST_KEPT:
            self.space = space
        return space


_kept = _Kept()


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
        If no line has an end that leads to a source, a conductance is not above 0, or ITERATIONS were not enough.
    """
    shape = (len(row_volts), *cells.shape)
    voltages = Voltages(np.empty(shape), np.empty(shape))
    _solve(cells, rows, columns, row_volts, column_volts, voltages)
    return voltages


def solve_ends(cells: Floats, rows: Lines, columns: Lines, row_volts: Floats, column_volts: Floats) -> Ends:
    """As :func:`solve`, of the lines' ends only: the same bits."""
    return _solve(cells, rows, columns, row_volts, column_volts, None)


def _solve(
    cells: Floats, rows: Lines, columns: Lines, row_volts: Floats, column_volts: Floats, voltages: Voltages | None
) -> Ends:
    if not (rows.first.any() or rows.last.any() or columns.first.any() or columns.last.any()):
        raise ConfigurationError("all ends of all lines are open; allowed are crossbars with at least one end at a source")
    cells = real_array("cells", cells)
    if not cells.min() > 0.0:
        raise ConfigurationError(f"a cell conducts {cells.min():.3g} S; allowed are conductances above 0")
    height, width = cells.shape
    ends = Ends(np.empty((len(row_volts), 2, height)), np.empty((len(row_volts), 2, width)))
    space = _kept.arrays(cells.shape)
    done = nodal_kernels.solve(
        cells,
        _wires(rows, height),
        _wires(columns, width),
        real_array("row_volts", row_volts, (len(row_volts), height)),
        real_array("column_volts", column_volts, (len(row_volts), width)),
        (TOLERANCE * TOLERANCE, ITERATIONS),
        space[:6],
        space[6:7] if voltages is None else voltages.rows,
        space[7:] if voltages is None else voltages.columns,
        ends.rows,
        ends.columns,
    )
    if not done:
        raise ConfigurationError(
            f"the currents of a crossbar of {height} x {width} cells of up to {cells.max():.3g} S with "
            f"{rows.ohms:.3g} and {columns.ohms:.3g} ohm between cells did not settle within {ITERATIONS} iterations; "
            "allowed are lower resistances, lower conductances or fewer lines"
        )
    return ends


def relax(cells: Floats, rows: Lines, columns: Lines, row_volts: Floats, column_volts: Floats, held: Voltages) -> Voltages:
    """Return each line's voltages with its own sources, the nodes of the crossing lines being held at the voltages ``held``.

    Parameters as of :func:`solve`, for one set of sources.
    """
    relaxed = Voltages(np.empty_like(held.rows), np.empty_like(held.columns))
    height, width = cells.shape
    nodal_kernels.relax(
        real_array("cells", cells),
        _wires(rows, height),
        _wires(columns, width),
        real_array("row_volts", row_volts[0], (height,)),
        real_array("column_volts", column_volts[0], (width,)),
        _kept.arrays(cells.shape),
        held.rows[0],
        held.columns[0],
        relaxed.rows[0],
        relaxed.columns[0],
    )
    return relaxed


def _wires(lines: Lines, count: int) -> tuple[float, Floats, Floats]:
    return float(lines.ohms), real_array("first", lines.first, (count,)), real_array("last", lines.last, (count,))
