"""Constant step: steps that do not depend on the conductance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crosstwin_model.devices.affine import affine_planes, affine_step
from crosstwin_model.devices.base import CellDraws, Device


@dataclass(frozen=True)
class ConstantStep(Device):
    """Up: + s_up N; down: - s_dn N. Symmetric everywhere where s_up = s_dn."""

    rule = "constant_step"
    step = staticmethod(affine_step)

    def planes(self, draws: CellDraws) -> npt.NDArray[np.float32]:
        """Return float32[2, 4, cells] for the affine rule."""
        cells = self.cell_steps(draws)
        flat = np.zeros_like(cells.up)
        return affine_planes(cells, flat, flat)


PRESETS = (
    ConstantStep("symmetric", 0.02, dw_min_spread=0.3, c2c=0.3, w_max=0.6, w_min=-0.6, w_max_spread=0.3, w_min_spread=0.3),
    ConstantStep("idealized", 0.0002, dw_min_spread=0.3, c2c=0.3, w_max_spread=0.3, w_min_spread=0.3),
    ConstantStep("gokmen_vlasov", 0.0016, dw_min_spread=0.3, c2c=0.3, up_down_spread=0.01, w_max_spread=0.3, w_min_spread=0.3),
)
