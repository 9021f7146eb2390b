"""How a tile's cells are kept: a record of words for each, so that a cell that is hit costs one line of the cache.

Conductances lie apart, as reads want them one after another.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from crosstwin_model.bits import LANES
from crosstwin_model.devices.base import DOWN, UP, Device
from crosstwin_model.memory import aligned_zeros
from crosstwin_model.pulse_batch import FIELDS, PAIR, PERSISTENT, VISIBLE

#: Rows of a batch's fields: pulses so far, conductance, and what is not needed.
_PULSES, _VALUE, _REST = range(FIELDS)


class Layout:
    """Where a device's parameters and state are in a cell's record.

    The record begins with the number of pulses, then the conductances that pulses act on where these are not the visible ones
    (one under write noise; g- and g+ of a pair), then the planes: first those that both directions share, which in all but a pair
    are at least the bounds, and the rest for down and for up.

    Parameters
    ----------
    device : Device
        Its kind says what state there is.
    planes : int
        Planes P of its rule that are kept: all but one that is derived.

    Attributes
    ----------
    state : int
        VISIBLE, PERSISTENT or PAIR of :mod:`crosstwin_model.pulse_batch`.
    states, words : int
        Conductances in a record, and its length.
    columns : int64[2, P]
        For each direction, the words that are its planes.
    places : int64[2, n]
        For each direction and word, the row of a batch's fields that takes it.
    """

    def __init__(self, device: Device, planes: int) -> None:
        self.state = PAIR if device.one_sided else PERSISTENT if device.write_noise else VISIBLE
        self.states = {VISIBLE: 0, PERSISTENT: 1, PAIR: 2}[self.state]
        shared = 0 if self.state == PAIR else device.shared_planes
        first = 1 + self.states
        own = planes - shared
        self.columns = np.empty((2, planes), np.int64)
        self.columns[:, :shared] = first + np.arange(shared)
        for direction in (DOWN, UP):
            self.columns[direction, shared:] = first + shared + direction * own + np.arange(own)
        words = first + shared + 2 * own
        # Records of 4 or 8 words never lie across two lines of the cache.
        self.words = next((size for size in (4, 8) if words <= size), words)
        self.places = np.full((2, -(-self.words // LANES) * LANES), _REST, np.int64)
        self.places[:, 0] = _PULSES
        for direction in (DOWN, UP):
            if self.states:
                self.places[direction, 1 + (direction if self.state == PAIR else 0)] = _VALUE
            self.places[direction, self.columns[direction]] = FIELDS + np.arange(planes)

    def allocate(self, cells: int) -> npt.NDArray[np.uint32]:
        """Return records of that many cells, all 0, uint32[cells * words + spare]: kernels read whole lanes beyond the last.

        They begin with a line of the cache.
        """
        return aligned_zeros(cells * self.words + self.places.shape[1], np.uint32)

    def fill(self, records: npt.NDArray[np.uint32], first: int, planes: npt.NDArray[np.float32]) -> None:
        """Put planes float32[2, P, n], or more, into the records of the cells from ``first`` on."""
        table = self.table(records, first, planes.shape[2]).view(np.float32)
        for direction in (DOWN, UP):
            table[:, self.columns[direction]] = planes[direction, : self.columns.shape[1]].T

    def table(self, records: npt.NDArray[np.uint32], first: int, cells: int) -> npt.NDArray[np.uint32]:
        """Return a view of some cells' records, uint32[cells, words]."""
        return records[first * self.words : (first + cells) * self.words].reshape(cells, self.words)

    def bounds(self, table: npt.NDArray[np.uint32]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return the lowest and the highest visible conductance of records, float32[cells] each."""
        values = table.view(np.float32)
        if self.state == PAIR:
            low, high = (values[:, self.columns[UP, k]] - values[:, self.columns[DOWN, 1 - k]] for k in range(2))
            return low, high
        return values[:, self.columns[UP, 0]], values[:, self.columns[UP, 1]]

    def planes(self, table: npt.NDArray[np.uint32]) -> npt.NDArray[np.float32]:
        """Return the planes of records, float32[2, P, cells]."""
        return np.ascontiguousarray(table.view(np.float32)[:, self.columns].transpose(1, 2, 0))
