"""The step rule that is affine in the conductance: w + (a - b w) N, with a and b of each cell and direction."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba.extending import register_jitable

from crosstwin_model.devices.base import DOWN, UP, CellDraws, CellSteps, Device, Plane

_UNIT = np.float32(1.0)


@register_jitable  # type: ignore[untyped-decorator]
def affine_change(w: Any, planes: Any, cell: Any, noise: Any, shape: Any) -> Any:
    """Return (a - b w) (1 + noise), every operation rounded to float32; a, b are planes 2, 3, of the sign of the step."""
    step = planes[3, cell] * w
    step = planes[2, cell] - step
    return step * (_UNIT + noise)


@register_jitable  # type: ignore[untyped-decorator]
def affine_step(w: Any, planes: Any, cell: Any, noise: Any, shape: Any) -> Any:
    """Return w + (a - b w) (1 + noise)."""
    return w + affine_change(w, planes, cell, noise, shape)


@register_jitable  # type: ignore[untyped-decorator]
def additive_affine_step(w: Any, planes: Any, cell: Any, noise: Any, shape: Any) -> Any:
    """Return w + ((a - b w) + a noise), every operation rounded to float32."""
    step = planes[3, cell] * w
    step = planes[2, cell] - step
    step = step + planes[2, cell] * noise
    return w + step


class AffineDevice(Device):
    """A device whose steps are affine in the conductance."""

    change = staticmethod(affine_change)
    step = staticmethod(affine_step)
    additive_step = staticmethod(additive_affine_step)

    def slopes(self, cells: CellSteps, draws: CellDraws) -> tuple[Plane, Plane]:
        """Return by how much up and down steps shrink with w, relative to their size at w = 0, float64[cells] each.

        An up step is up (1 - slope_up w), a down step -down (1 - slope_down w).
        """
        raise TypeError(f"{type(self).__name__} has no rule of its own")

    def planes(self, draws: CellDraws) -> npt.NDArray[np.float32]:
        """Return float32[2, 4, cells]: w_min, w_max, and a and b of (a - b w)."""
        cells = self.cell_steps(draws)
        slope_up, slope_down = self.slopes(cells, draws)
        planes = np.empty((2, 4, cells.up.size), np.float32)
        planes[:, 0] = cells.w_min
        planes[:, 1] = cells.w_max
        planes[UP, 2] = cells.up
        planes[UP, 3] = cells.up * slope_up
        planes[DOWN, 2] = -cells.down
        planes[DOWN, 3] = -cells.down * slope_down
        return planes

    def stable_points(
        self, planes: npt.NDArray[np.float32], start: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        """Return where a_up - b_up w + a_down - b_down w falls through 0; pulses from anywhere lead there."""
        a, b = planes[:, 2:4].astype(np.float64).sum(axis=0)
        point = np.divide(a, b, out=np.full(a.shape, np.nan), where=b > 0.0)
        inside = (planes[UP, 0] < point) & (point < planes[UP, 1])
        return np.where(inside, point, np.nan), inside


def per_bound(part: Plane | float, bound: Plane | float) -> Plane:
    """Return part / bound, and 0 where the bound is 0, as the lower one of a pair is."""
    part, bound = np.broadcast_arrays(np.asarray(part, np.float64), np.asarray(bound, np.float64))
    return np.divide(part, bound, out=np.zeros(part.shape), where=bound != 0.0)
