"""The grid of conductances: every one is a multiple of 1 / GRID."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

#: Every float32 of 1/16 or more is a multiple of 1 / GRID; smaller ones are rounded at every pulse, so that reads add exactly.
GRID = 2.0**27


def on_grid(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return float32 values rounded to multiples of 1 / GRID, half to even."""
    rounded: npt.NDArray[np.float32] = np.rint(values * np.float32(GRID)) * np.float32(1.0 / GRID)
    return rounded
