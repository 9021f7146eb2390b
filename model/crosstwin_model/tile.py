"""One crosspoint array of the plant: its conductances, its cells' records and its streams of noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from crosstwin_model.config import ConfigurationError
from crosstwin_model.devices.base import DOWN, UP, Device
from crosstwin_model.devices.cells import CellDraws, Parameter
from crosstwin_model.grid import from_grid, on_grid, to_grid
from crosstwin_model.noise import Purpose, draw_bits, stream
from crosstwin_model.pulse_batch import PERSISTENT, VISIBLE
from crosstwin_model.records import Layout

#: Cells whose parameters are drawn at once, which bounds the memory that this takes.
_BLOCK = 1 << 18

Plane = npt.NDArray[np.float32]


class Tile:
    """State, parameters and keys of one crosspoint array.

    Records are made when they are first needed: a reference tile that nobody pulses costs nothing.

    Parameters
    ----------
    number, seed : int
        The tile's number and the plant's seed.
    device : Device
        Its cells.
    w : int32[rows, columns]
        Its visible conductances in multiples of 1 / GRID, a view of the plant's, all 0.
    layout : Layout
        Of the device.
    factors : float32[rows, columns] or None
        The part of each cell's step that a pulse makes.

    Attributes
    ----------
    w, flat_w : int32[rows, columns], int32[cells]
        Visible conductances in multiples of 1 / GRID: whole numbers are what reads add fastest without an error.
    pulse_keys, converter_keys : uint32[4]
        Streams of pulses and of write noise, of DAC and of ADC.
    touched : bool
        Whether a conductance has ever been changed.
    plan : int64[PLAN] or None
        What :mod:`crosstwin_model.pulse_jobs` takes for this tile, once it has been pulsed.
    fixed : tuple
        The arrays whose addresses are in it.
    """

    def __init__(
        self, number: int, seed: int, device: Device, w: npt.NDArray[np.int32], layout: Layout, factors: Plane | None
    ) -> None:
        self.number, self.seed, self.device, self.w, self.layout = number, seed, device, w, layout
        self.flat_w = w.reshape(-1)
        self.touched = False
        self.plan: npt.NDArray[np.int64] | None = None
        self.fixed: tuple[Any, ...] = ()
        self._factors = factors
        self._records: npt.NDArray[np.uint32] | None = None
        self._floats: npt.NDArray[np.float32] | None = None
        keys = {purpose: stream(seed, purpose, number) for purpose in (Purpose.PULSE, Purpose.WRITE, Purpose.DAC, Purpose.ADC)}
        self.pulse_keys = np.concatenate((keys[Purpose.PULSE], keys[Purpose.WRITE]))
        self.converter_keys = np.concatenate((keys[Purpose.DAC], keys[Purpose.ADC]))

    def records(self) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.float32]]:
        """Return the cells' records, flat, as words and as float32 of the same memory."""
        if self._records is None or self._floats is None:
            cells = self.flat_w.size
            self._records = self.layout.allocate(cells)
            self._floats = self._records.view(np.float32)
            for first in range(0, cells, _BLOCK):
                self.layout.fill(self._records, first, self.device.cell_planes(self._draws(first, min(_BLOCK, cells - first))))
        return self._records, self._floats

    def table(self) -> npt.NDArray[np.uint32]:
        """Return the records as uint32[cells, words]."""
        return self.layout.table(self.records()[0], 0, self.flat_w.size)

    def planes(self) -> Plane:
        """Return the parameters of all cells, float32[2, P, cells]."""
        planes, derive = self.layout.planes(self.table()), type(self.device).derive
        if derive is None:
            return planes
        last = [derive(side, slice(None), up == UP or self.device.one_sided) for up, side in enumerate(planes)]
        return np.concatenate((planes, np.array(last, np.float32)[:, None]), axis=1)

    def bounds(self) -> tuple[Plane, Plane]:
        """Return the lowest and the highest conductance of every cell, float32[cells] each."""
        return self.layout.bounds(self.table())

    def pulses(self) -> npt.NDArray[np.uint32]:
        """Return how many pulses every cell has had, uint32[cells]."""
        if self._records is None:
            return np.zeros(self.flat_w.size, np.uint32)
        return self.table()[:, 0].copy()

    def states(self) -> Plane:
        """Return the conductances that pulses act on where these are not the visible ones, float32[cells, states]."""
        if self._records is None:
            return np.zeros((self.flat_w.size, self.layout.states), np.float32)
        return self.table()[:, 1 : 1 + self.layout.states].copy().view(np.float32)

    def restore(self, pulses: npt.NDArray[np.uint32], states: Plane, touched: bool) -> None:
        """Take pulse counters and states over; the conductances are restored already."""
        self.touched = touched
        if self._records is None and not (pulses.any() or states.any()):
            return
        table = self.table()
        table[:, 0] = pulses
        table[:, 1 : 1 + self.layout.states] = states.view(np.uint32)

    def visible(self) -> Plane:
        """Return the visible conductances, float32[cells]."""
        return from_grid(self.flat_w)

    def show(self, values: Plane, cells: Any = slice(None)) -> None:
        """Take visible conductances of all or some cells, float32 on the grid."""
        self.flat_w[cells] = to_grid(values)

    def set(self, values: npt.NDArray[np.float64]) -> None:
        """Take conductances float64[cells], rounded to the grid and cut to the bounds; a pair holds them on one of its sides."""
        self.touched = True
        value = on_grid(values.astype(np.float32))
        if self.layout.state == VISIBLE:
            self.show(np.clip(value, *self.bounds()))
            return
        states = self.table()[:, 1:].view(np.float32)
        if self.layout.state == PERSISTENT:
            states[:, 0] = np.clip(value, *self.bounds())
            self.show(states[:, 0])
            return
        for direction, signed in ((DOWN, -value), (UP, value)):
            # The bounds of each side, not of the pair: a stuck side may have a lower one that is not 0.
            low, high = self.table().view(np.float32)[:, self.layout.columns[direction, :2]].T
            states[:, direction] = np.clip(np.maximum(signed, np.float32(0.0)), low, high)
        self.show(states[:, UP] - states[:, DOWN])

    def uniform(self) -> npt.NDArray[np.float64]:
        """Return numbers uniform in +-1, float64[cells], for initial conductances."""
        keys = stream(self.seed, Purpose.INITIAL, self.number)
        draws = draw_bits(keys, np.arange(self.flat_w.size), 0).astype(np.float64)
        uniform: npt.NDArray[np.float64] = (draws + 0.5) / 2.0**31 - 1.0
        return uniform

    def reference_errors(self) -> npt.NDArray[np.float64]:
        """Return the errors of this tile as a reference, in weights, float64[cells]."""
        return self.device.reference_spread * self._draws(0, self.flat_w.size)(Parameter.REFERENCE)

    def symmetry_points(self) -> npt.NDArray[np.float64]:
        """Return every cell's symmetry point, 0 for those of stuck cells, float64[cells].

        Raises
        ------
        ConfigurationError
            If another cell has none.
        """
        points = self.device.symmetry_point(self.planes())
        low, high = self.bounds()
        points[low == high] = 0.0
        missing = int(np.isnan(points).sum())
        if missing:
            raise ConfigurationError(
                f"at_symmetry_point is True; allowed are devices of which every cell has a stable symmetry point: "
                f"{missing} of {points.size} cells of tile {self.number} of {self.device.name} have none"
            )
        return points

    def resting_points(self) -> npt.NDArray[np.float64]:
        """Return the conductance at which alternating pulses bring each cell to rest from where it stands, float64[cells].

        A stuck cell rests where it is. NaN where pulses drive a cell to a bound, or leave it anywhere.
        """
        held = self.states()[:, 0] if self.layout.state == PERSISTENT else self.visible()
        low, high = self.bounds()
        return np.where(low == high, low.astype(np.float64), self.device.symmetry_point(self.planes(), held.astype(np.float64)))

    def _draws(self, first: int, cells: int) -> CellDraws:
        factors = None if self._factors is None else self._factors.reshape(-1)[first : first + cells]
        return CellDraws(self.seed, self.number, cells, first, factors=factors)
