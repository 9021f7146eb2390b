"""Soft bounds: steps that shrink to nothing towards the bound they go to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crosstwin_model.devices.affine import affine_planes, affine_step
from crosstwin_model.devices.base import CellDraws, Device


@dataclass(frozen=True)
class SoftBounds(Device):
    """Up: + s_up (1 - w / w_max) N; down: - s_dn (1 - w / w_min) N.

    Its symmetry point is (s_up - s_dn) / (s_up / w_max - s_dn / w_min).
    """

    rule = "soft_bounds"
    step = staticmethod(affine_step)

    def planes(self, draws: CellDraws) -> npt.NDArray[np.float32]:
        """Return float32[2, 4, cells] for the affine rule."""
        cells = self.cell_steps(draws)
        return affine_planes(cells, 1.0 / cells.w_max, 1.0 / cells.w_min)


def _peer(name: str, dw_min: float, up_down_spread: float) -> SoftBounds:
    """Devices of the comparison with the peer simulator: bounds +-.6, every spread .3."""
    return SoftBounds(
        name,
        dw_min,
        dw_min_spread=0.3,
        c2c=0.3,
        up_down_spread=up_down_spread,
        w_max=0.6,
        w_min=-0.6,
        w_max_spread=0.3,
        w_min_spread=0.3,
    )


PRESETS = (_peer("s1", 0.02, 0.0), _peer("s2", 0.05, 0.0), _peer("s3", 0.02, 0.3))
