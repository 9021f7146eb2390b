"""Symmetry points: the search of a cell's whole range for the crossing at which alternating pulses bring it to rest.

The *drift* of a cell is the change by an up and a down pulse without noise, both at the same conductance. Where it falls through
0 with rising conductance, alternating pulses lead to that crossing from either side: it is stable. Where it rises through 0 they
lead away.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from crosstwin_model.devices.cells import Plane

#: Halvings of the range that make the grid on which crossings are looked for, and halvings of the range in all, down to float32's
#: resolution.
_GRID, _HALVINGS = 8, 30


class Crossings(NamedTuple):
    """One stable crossing of each cell.

    Parameters
    ----------
    left, right : int64[cells]
        Points of the grid next to it with a drift above 0 and below 0; between them is none or the drift is 0.
    found : bool[cells]
        Whether the cell has a stable crossing.
    reached : bool[cells]
        Whether alternating pulses from the start lead to it.
    """

    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    found: npt.NDArray[np.bool_]
    reached: npt.NDArray[np.bool_]


def stable_crossings(w: Plane, drift: Plane, start: Plane, drift_at_start: Plane) -> Crossings:
    """Choose a stable crossing of each cell: the one to which alternating pulses lead from the start.

    Where they lead from there to a bound, it is the stable crossing nearest to the start.

    Parameters
    ----------
    w, drift : float64[points, cells]
        Conductances in rising order from bound to bound, and the drift there.
    start, drift_at_start : float64[cells]
        Where the pulses, of which the first goes up, begin.
    """
    sign = np.sign(drift)
    points = np.arange(len(w))[:, None]
    before = np.maximum.accumulate(np.where(sign != 0.0, points, -1), axis=0)[:-1]
    falls = (sign[1:] < 0.0) & (before >= 0) & (np.take_along_axis(sign, np.maximum(before, 0), axis=0) > 0.0)
    low, high = np.take_along_axis(w, np.maximum(before, 0), axis=0), w[1:]
    away = np.where(drift_at_start >= 0.0, high < start, low > start)
    distance = np.maximum(np.maximum(low - start, start - high), 0.0) + np.where(away, np.ptp(w, axis=0), 0.0)
    chosen = np.where(falls, distance, np.inf).argmin(axis=0)
    cells = np.arange(w.shape[1])
    found = falls[chosen, cells]
    return Crossings(np.maximum(before[chosen, cells], 0), chosen + 1, found, found & ~away[chosen, cells])


def search(drift: Callable[[Plane], Plane], low: Plane, high: Plane, start: Plane) -> tuple[Plane, npt.NDArray[np.bool_]]:
    """Find a stable crossing of each cell for any drift, to within a 2**30th of the range.

    Crossings that are nearer to each other than a 256th of the range may be missed.

    Parameters
    ----------
    drift : callable
        Takes conductances float64[cells] and returns the drift of each cell there.
    low, high, start : float64[cells]
        Bounds, and the conductance from which alternating pulses begin.

    Returns
    -------
    point : float64[cells]
        NaN where there is none. Of a stretch without drift it is the place nearest to the start.
    reached : bool[cells]
        Whether alternating pulses from the start lead there.
    """
    w = np.array([low, high])
    for _ in range(_GRID):  # by halves, so that a bisection of the whole range meets the same points
        middle = 0.5 * (w[:-1] + w[1:])
        w = np.insert(w, np.arange(1, len(w)), middle, axis=0)
    at = stable_crossings(w, np.array([drift(row) for row in w]), start, drift(start))
    cells = np.arange(low.size)
    below, above = (
        _bisect(drift, np.stack((w[left, cells], w[right, cells])), rises)
        for left, right, rises in ((at.left, at.left + 1, False), (at.right - 1, at.right, True))
    )
    stretch = np.where(at.right > at.left + 1, np.maximum(above, below), below)
    return np.where(at.found, np.clip(start, below, stretch), np.nan), at.reached


def _bisect(drift: Callable[[Plane], Plane], ends: npt.NDArray[np.float64], rests: bool) -> Plane:
    """Return where the drift stops to be above 0 or, with ``rests``, to be at least 0."""
    low, high = ends
    middle: Plane = 0.5 * (low + high)
    for _ in range(_HALVINGS - _GRID):
        there = drift(middle)
        goes_on = there >= 0.0 if rests else there > 0.0
        low, high = np.where(goes_on, middle, low), np.where(goes_on, high, middle)
        middle = 0.5 * (low + high)
    return middle
