"""Constant step: steps that do not depend on the conductance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crosstwin_model.devices.affine import AffineDevice
from crosstwin_model.devices.base import CellDraws, CellSteps, Plane


@dataclass(frozen=True)
class ConstantStep(AffineDevice):
    """Up: + s_up N; down: - s_dn N. Symmetric everywhere where s_up = s_dn."""

    rule = "constant_step"

    def slopes(self, cells: CellSteps, draws: CellDraws) -> tuple[Plane, Plane]:
        """Return no slopes."""
        flat = np.zeros_like(cells.up)
        return flat, flat


#: ``symmetric`` is the device that s1 of soft_bounds is compared with. ``idealized``: the specification of Gokmen and Vlasov,
#: Frontiers in Neuroscience 10, 333 (2016) (10.3389/fnins.2016.00333), on the range -1..1, with 10,000 states and steps that are
#: the same up and down on every cell, as in Rasch, Gokmen and Haensch (arXiv 1906.02698). ``gokmen_vlasov``: that specification
#: with its 1,200 states and its spread between up and down. Numbers as in the presets of IBM's aihwkit 1.2.0.
PRESETS = (
    ConstantStep("symmetric", 0.02, dw_min_spread=0.3, c2c=0.3, w_max=0.6, w_min=-0.6, w_max_spread=0.3, w_min_spread=0.3),
    ConstantStep("idealized", 0.0002, dw_min_spread=0.3, c2c=0.3, w_max_spread=0.3, w_min_spread=0.3),
    ConstantStep("gokmen_vlasov", 0.0016, dw_min_spread=0.3, c2c=0.3, up_down_spread=0.01, w_max_spread=0.3, w_min_spread=0.3),
)
