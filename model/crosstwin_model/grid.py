"""The grid of conductances: every one is a multiple of 1 / GRID."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

#: Every float32 of 1/16 or more is a multiple of 1 / GRID; smaller ones are rounded at every pulse, so that reads add exactly.
GRID = 2.0**27
#: Conductances are below it in size, so that their multiples of 1 / GRID are whole numbers of 32 bits.
LIMIT = 16.0


def on_grid(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return float32 values rounded to multiples of 1 / GRID, half to even."""
    rounded: npt.NDArray[np.float32] = np.rint(values * np.float32(GRID)) * np.float32(1.0 / GRID)
    return rounded


def to_grid(values: npt.NDArray[np.float32]) -> npt.NDArray[np.int32]:
    """Return float32 values on the grid, within +-LIMIT, as multiples of 1 / GRID."""
    return (values * np.float32(GRID)).astype(np.int32)


def from_grid(multiples: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
    """Return the float32 values that :func:`to_grid` took; it gives back each one exactly."""
    values: npt.NDArray[np.float32] = multiples.astype(np.float32) * np.float32(1.0 / GRID)
    return values
