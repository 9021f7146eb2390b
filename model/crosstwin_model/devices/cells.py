"""The cells of a tile: the random numbers that their parameters come from, and the parameters that all rules share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from crosstwin_model.noise import Purpose, draw_bits, draw_normal, stream

Plane = npt.NDArray[np.float64]


class Parameter(IntEnum):
    """Numbers of the draws for a cell's parameters: one for each thing that varies from cell to cell."""

    STEP = 0
    UP_DOWN = 1
    W_MAX = 2
    W_MIN = 3
    SHAPE_UP = 4
    SHAPE_DOWN = 5
    STUCK = 24
    STUCK_AT = 25
    LIFETIME = 26
    DRIFT = 27
    REFERENCE = 28
    DIFFUSION = 29


#: The second conductance of a pair takes its numbers from here on.
_SECOND = 32


@dataclass(frozen=True)
class CellDraws:
    """Random numbers for the parameters of one tile's cells, or of a block of them.

    Parameters
    ----------
    seed, tile, cells : int
        The plant's seed, the tile's number, and the number of cells.
    first : int
        The number of the first cell: a cell's numbers do not depend on the block that they are drawn with.
    second : bool
        Whether the numbers are for the second conductance of each pair.
    factors : float32[cells] or None
        The part of its step that a cell makes at a pulse, where line resistance takes some of the voltage.
    """

    seed: int
    tile: int
    cells: int
    first: int = 0
    second: bool = False
    factors: npt.NDArray[np.float32] | None = None

    def __call__(self, parameter: int) -> Plane:
        """Return standard normal float64[cells] for the parameter of that number; different numbers are independent."""
        keys, index, count = self._names(parameter)
        return draw_normal(keys, index, count).astype(np.float64)

    def uniform(self, parameter: int) -> Plane:
        """Return float64[cells], uniform in 0 to 1 without the ends."""
        keys, index, count = self._names(parameter)
        return (draw_bits(keys, index, count).astype(np.float64) + 0.5) / 2.0**32

    def _names(self, parameter: int) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64], int]:
        keys = stream(self.seed, Purpose.DEVICE, self.tile)
        return keys, np.arange(self.first, self.first + self.cells), int(parameter) + _SECOND * self.second


@dataclass(frozen=True)
class CellSteps:
    """Parameters of every cell that all rules share, float64[cells]: step sizes at w = 0 (positive) and bounds."""

    up: Plane
    down: Plane
    w_max: Plane
    w_min: Plane

    def planes(self) -> npt.NDArray[np.float32]:
        """Return float32[2, 3, cells], down and up: w_min, w_max, and the step at w = 0 with its sign."""
        planes = np.empty((2, 3, self.up.size), np.float32)
        planes[:, 0], planes[:, 1] = self.w_min, self.w_max
        planes[0, 2], planes[1, 2] = -self.down, self.up
        return planes


def spread_gamma(mean: float, spread: float, draws: CellDraws, parameter: Parameter) -> Plane:
    """Return mean + spread xi of every cell, with the mean's sign, float64[cells]."""
    return np.copysign(mean + spread * draws(parameter), mean)
