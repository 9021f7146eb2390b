"""Constant step: steps that do not depend on the conductance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba.extending import register_jitable

from crosstwin_model.devices.base import FROM_AIHWKIT, CellDraws, Device

_UNIT = np.float32(1.0)


@register_jitable  # type: ignore[untyped-decorator]
def constant_change(w: Any, planes: Any, cell: Any, noise: Any, shape: Any) -> Any:
    """Return s (1 + noise); s is plane 2, of the sign of the step."""
    return planes[2, cell] * (_UNIT + noise)


@register_jitable  # type: ignore[untyped-decorator]
def constant_step(w: Any, planes: Any, cell: Any, noise: Any, shape: Any) -> Any:
    """Return w + s (1 + noise)."""
    return w + constant_change(w, planes, cell, noise, shape)


@dataclass(frozen=True)
class ConstantStep(Device):
    """Up: + s_up N; down: - s_dn N. Symmetric everywhere where s_up = s_dn.

    Noise that is added would be the same as noise that multiplies, so that there is no additive form.
    """

    rule = "constant_step"
    change = staticmethod(constant_change)
    step = staticmethod(constant_step)

    def planes(self, draws: CellDraws) -> npt.NDArray[np.float32]:
        """Return float32[2, 3, cells]: w_min, w_max and s."""
        return self.cell_steps(draws).planes()


_SPECIFICATION = "Gokmen and Vlasov, Frontiers in Neuroscience 10, 333 (2016), https://doi.org/10.3389/fnins.2016.00333"

PRESETS = (
    ConstantStep(
        "symmetric",
        0.02,
        dw_min_spread=0.3,
        c2c=0.3,
        w_max=0.6,
        w_min=-0.6,
        w_max_spread=0.3,
        w_min_spread=0.3,
        source="This project's own, for its comparisons: s1 without asymmetry.",
    ),
    ConstantStep(
        "idealized",
        0.0002,
        dw_min_spread=0.3,
        c2c=0.3,
        w_max_spread=0.3,
        w_min_spread=0.3,
        source=f"The specification of {_SPECIFICATION}, on the range -1 to 1, with 10,000 states and up and down steps that "
        f"are the same on every cell, as in Rasch, Gokmen and Haensch, https://arxiv.org/abs/1906.02698. {FROM_AIHWKIT}",
    ),
    ConstantStep(
        "gokmen_vlasov",
        0.0016,
        dw_min_spread=0.3,
        c2c=0.3,
        up_down_spread=0.01,
        w_max_spread=0.3,
        w_min_spread=0.3,
        source=f"The specification of {_SPECIFICATION}, on the range -1 to 1. {FROM_AIHWKIT}",
    ),
)
