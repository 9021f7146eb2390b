"""The step rule that is affine in the conductance: w + (a - b w) N, with a and b of each cell and direction."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba.extending import register_jitable

from crosstwin_model.devices.base import DOWN, UP, CellSteps, Plane

_UNIT = np.float32(1.0)


@register_jitable  # type: ignore[untyped-decorator]
def affine_step(w: Any, planes: Any, cell: Any, noise: Any, shape: Any) -> Any:
    """Return w + (a - b w) (1 + noise), every operation rounded to float32; a, b are planes 2, 3, of the sign of the step."""
    step = planes[3, cell] * w
    step = planes[2, cell] - step
    step = step * (_UNIT + noise)
    return w + step


def affine_planes(cells: CellSteps, slope_up: Plane, slope_down: Plane) -> npt.NDArray[np.float32]:
    """Return float32[2, 4, cells] for :func:`affine_step`.

    ``slope_up`` and ``slope_down`` say by how much a step changes with w, relative to its size at w = 0: an up step is
    up (1 - slope_up w), a down step -down (1 - slope_down w).
    """
    planes = np.empty((2, 4, cells.up.size), np.float32)
    planes[:, 0] = cells.w_min
    planes[:, 1] = cells.w_max
    planes[UP, 2] = cells.up
    planes[UP, 3] = cells.up * slope_up
    planes[DOWN, 2] = -cells.down
    planes[DOWN, 3] = -cells.down * slope_down
    return planes
