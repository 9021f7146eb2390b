"""Power step: steps that are a power of the distance to the bound they go to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba.extending import register_jitable

from crosstwin_model.devices.base import DOWN, UP, CellDraws, Device, Parameter
from crosstwin_model.devices.cells import spread_gamma
from crosstwin_model.elementary import SMALLEST, power

_UNIT = np.float32(1.0)


@register_jitable  # type: ignore[untyped-decorator]
def power_change(w: Any, planes: Any, cell: Any, noise: Any, shape: Any) -> Any:
    """Return s u**g (1 + noise), u = offset + sign (w - w_min) / R, every operation rounded to float32.

    Planes 2 and 3 are s, of the sign of the step, and g; shape is offset and sign. The two bounds of a stuck cell are equal.
    """
    low = planes[0, cell]
    part = np.divide(w - low, np.maximum(planes[1, cell] - low, SMALLEST))
    part = shape[0] + shape[1] * part
    change = planes[2, cell] * power(part, planes[3, cell])
    return change * (_UNIT + noise)


@register_jitable  # type: ignore[untyped-decorator]
def power_step(w: Any, planes: Any, cell: Any, noise: Any, shape: Any) -> Any:
    """Return w + :func:`power_change`."""
    return w + power_change(w, planes, cell, noise, shape)


@dataclass(frozen=True)
class PowerStep(Device):
    """With R = w_max - w_min, up: + s_up ((w_max - w) / R)^g_up N; down: - s_dn ((w - w_min) / R)^g_dn N.

    Parameters
    ----------
    gamma_up, gamma_down : float
        Mean g_up and g_dn, 0 to 100.
    gamma_up_spread, gamma_down_spread : float
        Their device-to-device standard deviations, in absolute terms. A cell whose g the spread would turn over takes its size.
    """

    rule = "power_step"
    change = staticmethod(power_change)
    step = staticmethod(power_step)

    gamma_up: float = 1.0
    gamma_down: float = 1.0
    gamma_up_spread: float = 0.0
    gamma_down_spread: float = 0.0

    def _require_rule(self) -> None:
        for key in ("gamma_up", "gamma_down"):
            self._require(key, 0.0, 100.0, "numbers from 0 to 100")

    def planes(self, draws: CellDraws) -> npt.NDArray[np.float32]:
        """Return float32[2, 4, cells]: w_min, w_max, s and g."""
        cells = self.cell_steps(draws)
        planes = np.empty((2, 4, cells.up.size), np.float32)
        planes[:, 0] = cells.w_min
        planes[:, 1] = cells.w_max
        planes[UP, 2] = cells.up
        planes[UP, 3] = spread_gamma(self.gamma_up, self.gamma_up_spread, draws, Parameter.SHAPE_UP)
        planes[DOWN, 2] = -cells.down
        planes[DOWN, 3] = spread_gamma(self.gamma_down, self.gamma_down_spread, draws, Parameter.SHAPE_DOWN)
        return planes

    def shape(self) -> npt.NDArray[np.float32]:
        """Return float32[2, 2]: offset and sign of u."""
        return np.array([[0.0, 1.0], [1.0, -1.0]], np.float32)
