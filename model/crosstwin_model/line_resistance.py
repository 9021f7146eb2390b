"""Line resistance (IR drop) of the array's wires: what a read collects, and which part of a pulse's voltage reaches each cell.

Rows are driven and sensed at the end beside column 0, columns at the end beside the last row. A wire segment lies between
neighbouring cells, and another between a line's end and its first cell. The array is solved exactly, see
:mod:`crosstwin_model.nodal`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crosstwin_model import nodal
from crosstwin_model.config import ConfigurationError
from crosstwin_model.effects import require_effects
from crosstwin_model.nodal import Floats, Lines
from crosstwin_model.numbers import real_array, whole_array

#: Sums are rounded to multiples of 1 / GRID, and so are parts of the pulse voltage.
GRID = 2.0**20

#: What becomes of lines that a read does not drive.
UNSELECTED = ("grounded", "floating")

_RANGES = {
    "row_ohms": (1e-6, 1e6),
    "column_ohms": (1e-6, 1e6),
    "driver_ohms": (0.0, 1e6),
    "sense_ohms": (0.0, 1e6),
    "siemens_at_zero": (1e-12, 1.0),
    "siemens_per_weight": (1e-12, 1.0),
    "firing": (0.0, 1.0),
}


@dataclass(frozen=True)
class LineResistance:
    """The wires of every tile, and the conductances that weights stand for.

    Parameters
    ----------
    row_ohms, column_ohms : float
        Resistance of a wire segment of a row and of a column, 1e-6 to 1e6 ohm. The default is what aihwkit 1.2.0 takes for the
        wire between two cells, 0.35 ohm.
    driver_ohms, sense_ohms : float
        Resistance of a driver and of a sensing input (whose other side is a virtual ground), 0 to 1e6 ohm.
    both_ends : bool
        Whether each line has a driver, or a sensing input, at both ends.
    unselected : str
        What becomes of a line whose charge is 0 in a read: ``grounded`` through its driver, or ``floating``, so that currents
        take sneak paths through it. A line that is driven is back at ground after its time in either case. In pulses, lines that
        do not fire are always grounded, as half-select needs it.
    siemens_at_zero, siemens_per_weight : float
        A cell of weight w conducts siemens_at_zero + siemens_per_weight * w; 1e-12 to 1 S.
    pulse_exponent : int
        A cell that sees the part v of the pulse's voltage makes the part v ** pulse_exponent of its step; 0 to 32.
    firing : float
        The part of the lines that are taken to fire in a slot when it is worked out which voltage reaches a cell, 0 to 1.

    Raises
    ------
    ConfigurationError
        If a value is out of its range, or ``firing`` has no effect because steps do not depend on the voltage.
    """

    row_ohms: float = 0.35
    column_ohms: float = 0.35
    driver_ohms: float = 0.0
    sense_ohms: float = 0.0
    both_ends: bool = False
    unselected: str = "grounded"
    siemens_at_zero: float = 5e-6
    siemens_per_weight: float = 2e-6
    pulse_exponent: int = 5
    firing: float = 0.1

    def __post_init__(self) -> None:
        for key, (low, high) in _RANGES.items():
            value = getattr(self, key)
            if (
                isinstance(value, bool)
                or not isinstance(value, (int, float))
                or not math.isfinite(value)
                or not low <= value <= high
            ):
                raise ConfigurationError(f"{key} is {value!r}; allowed are numbers from {low:g} to {high:g}")
        exponent = self.pulse_exponent
        if isinstance(exponent, bool) or not isinstance(exponent, int) or not 0 <= exponent <= 32:
            raise ConfigurationError(f"pulse_exponent is {exponent!r}; allowed are whole numbers from 0 to 32")
        if not isinstance(self.both_ends, bool):
            raise ConfigurationError(f"both_ends is {self.both_ends!r}; allowed are true and false")
        if self.unselected not in UNSELECTED:
            raise ConfigurationError(f"unselected is {self.unselected!r}; allowed are {' and '.join(UNSELECTED)}")
        require_effects(self)

    def needs(self) -> dict[str, str]:
        """Return the fields that have no effect beside the others, and what each of them needs."""
        return {} if self.pulse_exponent else {"firing": "pulse_exponent above 0"}

    def conductances(self, w: npt.ArrayLike) -> Floats:
        """Return the conductances of weights in siemens, in the shape of ``w``.

        Raises
        ------
        ConfigurationError
            If a weight is so low that its conductance is not above 0.
        """
        weights = real_array("w", w)
        siemens: Floats = self.siemens_at_zero + self.siemens_per_weight * weights
        if siemens.size and not siemens.min() > 0.0:
            raise ConfigurationError(
                f"a cell of weight {weights.min():.6g} conducts {siemens.min():.3g} S; "
                f"allowed are weights above {-self.siemens_at_zero / self.siemens_per_weight:.6g} "
                "(minus siemens_at_zero over siemens_per_weight)"
            )
        return siemens

    def read_sums(self, w: npt.ArrayLike, charge: npt.ArrayLike, forward: bool) -> Floats:
        """Return what the sensed lines collect from one tile, in the unit of the ideal sum of weight times charge.

        A read is linear in its inputs, and so is its charge: the response of the array to the vector of charges. The tile is
        taken alone: what all its cells would bring at weight 0, without any drop, is subtracted. The tile and its reference are
        two arrays, each with its own drop; a differential read is the difference of their sums.

        Parameters
        ----------
        w : real numbers [rows, columns]
            Weights.
        charge : whole numbers [driven] or [reads, driven]
            Charge of each driven line, in any unit; of one read or of several.
        forward : bool
            Rows are driven and columns sensed; else the other way round.

        Returns
        -------
        float64[sensed] or float64[reads, sensed]
            Multiples of 2**-20. A read gives the same bits alone or among others.

        Raises
        ------
        ConfigurationError
            If a conductance is not above 0, ``charge`` has another shape, or the solver did not settle.
        """
        cells = self.conductances(w)
        charges = np.atleast_2d(whole_array("charge", charge, None, np.int64))
        driven, sensed = cells.shape if forward else cells.shape[::-1]
        if charges.shape[1:] != (driven,):
            raise ConfigurationError(f"charge has the shape {list(np.shape(charge))}; allowed is [{driven}] or [reads, {driven}]")
        sums = np.empty((len(charges), sensed))
        if self.unselected == "grounded":
            self._collect(cells, charges, np.ones(driven, np.bool_), forward, sums)
        else:
            for one, row in zip(charges, sums, strict=True):
                self._collect(cells, one[None], one != 0, forward, row[None])
        return sums.reshape(*np.shape(charge)[:-1], sensed)

    def _collect(
        self, cells: Floats, charges: npt.NDArray[np.integer], held: npt.NDArray[np.bool_], forward: bool, sums: Floats
    ) -> None:
        """Fill ``sums`` for reads in which only the driven lines ``held`` are joined to their drivers."""
        driver, sense = (self.row_ohms, self.column_ohms) if forward else (self.column_ohms, self.row_ohms)
        sensing = 1.0 / (self.sense_ohms + sense)
        driving = np.where(held, 1.0 / (self.driver_ohms + driver), 0.0)
        sensed = np.full(sums.shape[1], sensing)
        nothing = np.zeros(sums.shape)
        volts = charges.astype(np.float64)
        # The end that has a sensing input is the first one of a row and the last one of a column.
        if forward:
            at = nodal.solve_ends(cells, self._rows(driving), self._columns(sensed), volts, nothing).columns[:, ::-1]
        else:
            at = nodal.solve_ends(cells, self._rows(sensed), self._columns(driving), nothing, volts).rows
        collected = at[:, 0] + at[:, 1] if self.both_ends else at[:, 0]
        background = charges.sum(1, dtype=np.int64).astype(np.float64) * (self.siemens_at_zero / self.siemens_per_weight)
        sums[...] = np.rint((collected * (sensing / self.siemens_per_weight) - background[:, None]) * GRID) / GRID

    def pulse_voltages(self, rows: int, columns: int) -> Floats:
        """Return the part of the pulse's voltage that each cell sees when both its lines fire, float64[rows, columns].

        It is that of a nominal slot: all cells at weight 0, the part ``firing`` of all other lines' voltage on each of them, half
        of the pulse's voltage on a row and half, negative, on a column. It does not depend on the cells' weights nor on which
        lines fire, so that pulses give the same bits one by one or grouped. The cells of a line that fires are its load; what
        they do to the voltages along the other lines is left out, which is about 1 part of the drop in as many as a line has
        cells.
        """
        cells = np.full((rows, columns), self.siemens_at_zero)
        wires = (
            self._rows(np.full(rows, 1.0 / (self.driver_ohms + self.row_ohms))),
            self._columns(np.full(columns, 1.0 / (self.driver_ohms + self.column_ohms))),
        )
        row_volts, column_volts = np.full((1, rows), 0.5), np.full((1, columns), -0.5)
        nominal = nodal.solve(cells, *wires, self.firing * row_volts, self.firing * column_volts)
        fired = nodal.relax(cells, *wires, row_volts, column_volts, nominal)
        part: Floats = np.clip(np.rint((fired.rows[0] - fired.columns[0]) * GRID) / GRID, 0.0, 1.0)
        return part

    def pulse_factors(self, rows: int, columns: int) -> npt.NDArray[np.float32]:
        """Return the part of its step that each cell makes, float32[rows, columns]: ``pulse_voltages ** pulse_exponent``."""
        voltages = self.pulse_voltages(rows, columns)
        factors = np.ones_like(voltages)
        for _ in range(self.pulse_exponent):
            factors *= voltages
        return factors.astype(np.float32)

    def _rows(self, first: Floats) -> Lines:
        return Lines(self.row_ohms, first, first if self.both_ends else np.zeros_like(first))

    def _columns(self, last: Floats) -> Lines:
        return Lines(self.column_ohms, last if self.both_ends else np.zeros_like(last), last)
