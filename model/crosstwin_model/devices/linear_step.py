"""Linear step: steps that change linearly with the conductance, down to a part of their size at the bound they go to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crosstwin_model.devices.affine import affine_planes, affine_step
from crosstwin_model.devices.base import CellDraws, Device


@dataclass(frozen=True)
class LinearStep(Device):
    """Up: + (s_up - g_up s_up w / w_max) N; down: - (s_dn - g_dn s_dn w / w_min) N.

    Parameters
    ----------
    gamma_up, gamma_down : float
        Mean g_up and g_dn.
    gamma_up_spread, gamma_down_spread : float
        Their device-to-device standard deviations, in absolute terms.
    """

    rule = "linear_step"
    step = staticmethod(affine_step)

    gamma_up: float = 0.0
    gamma_down: float = 0.0
    gamma_up_spread: float = 0.0
    gamma_down_spread: float = 0.0

    def planes(self, draws: CellDraws) -> npt.NDArray[np.float32]:
        """Return float32[2, 4, cells] for the affine rule."""
        cells = self.cell_steps(draws)
        gamma_up = self.gamma_up + self.gamma_up_spread * draws(4)
        gamma_down = self.gamma_down + self.gamma_down_spread * draws(5)
        return affine_planes(cells, gamma_up / cells.w_max, gamma_down / cells.w_min)


def _ecram(name: str, dw_min: float, c2c: float, w_max: float, gamma_up: float, gamma_down: float) -> LinearStep:
    """Electrochemical memories, lithium and metal oxide: a range of 2, all bounds and slopes spread by .05."""
    return LinearStep(
        name,
        dw_min,
        dw_min_spread=0.1,
        c2c=c2c,
        up_down_spread=0.01,
        w_max=w_max,
        w_min=w_max - 2.0,
        w_max_spread=0.05,
        w_min_spread=0.05,
        gamma_up=gamma_up,
        gamma_down=gamma_down,
        gamma_up_spread=0.05,
        gamma_down_spread=0.05,
    )


PRESETS = (
    _ecram("ecram", 0.002, 0.3, 1.1724, 0.1153, 0.5085),
    _ecram("ecram_mo", 2.8214e-4, 2.0, 1.1714, 0.4152, 0.7342),
)
