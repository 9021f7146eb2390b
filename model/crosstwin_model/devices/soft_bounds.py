"""Soft bounds: steps that shrink to nothing towards the bound they go to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba.extending import register_jitable

from crosstwin_model.devices.base import FROM_AIHWKIT, UP, CellDraws, Device

_UNIT = np.float32(1.0)
_NOTHING = np.float32(0.0)


@register_jitable  # type: ignore[untyped-decorator]
def per_bound(planes: Any, cell: Any, up: Any) -> Any:
    """Return 1 / bound (1 for 0), with the bound that the pulse goes to: w_max where it goes up."""
    bound = planes[1, cell] if up else planes[0, cell]
    # A stuck cell may have a bound of 0; a branch would keep loops from being vectorised.
    return np.divide(_UNIT, bound + np.float32(bound == _NOTHING))


@register_jitable  # type: ignore[untyped-decorator]
def soft_change(w: Any, planes: Any, cell: Any, noise: Any, shape: Any) -> Any:
    """Return (s (1 - w b)) (1 + noise), every operation rounded to float32; |s| and b are planes 2, 3, and the sign shape[0]."""
    step = shape[0] * planes[2, cell] * (_UNIT - w * planes[3, cell])
    return step * (_UNIT + noise)


@register_jitable  # type: ignore[untyped-decorator]
def soft_step(w: Any, planes: Any, cell: Any, noise: Any, shape: Any) -> Any:
    """Return w + (s (1 - w b)) (1 + noise)."""
    return w + soft_change(w, planes, cell, noise, shape)


@register_jitable  # type: ignore[untyped-decorator]
def additive_soft_step(w: Any, planes: Any, cell: Any, noise: Any, shape: Any) -> Any:
    """Return w + s ((1 - w b) + noise), every operation rounded to float32."""
    return w + shape[0] * planes[2, cell] * ((_UNIT - w * planes[3, cell]) + noise)


@dataclass(frozen=True)
class SoftBounds(Device):
    """Up: + s_up (1 - w / w_max) N; down: - s_dn (1 - w / w_min) N.

    Its symmetry point is (s_up - s_dn) / (s_up / w_max - s_dn / w_min). Additive noise: s_up (1 - w / w_max + c2c xi) up, and
    alike down.
    """

    rule = "soft_bounds"
    change = staticmethod(soft_change)
    step = staticmethod(soft_step)
    additive_step = staticmethod(additive_soft_step)
    derive = staticmethod(per_bound)

    def planes(self, draws: CellDraws) -> npt.NDArray[np.float32]:
        """Return float32[2, 4, cells]: w_min, w_max, |s|, and b = 1 / bound."""
        kept = np.abs(self.cell_steps(draws).planes())
        kept[:, 0] *= -1.0
        last = [per_bound(planes, slice(None), up) for up, planes in enumerate(kept)]
        return np.concatenate((kept, np.array(last, np.float32)[:, None]), axis=1)

    @property
    def shared_planes(self) -> int:
        """Both bounds, and the step at w = 0 where it is the same in both directions."""
        return 3 if self.up_down == self.up_down_spread == 0.0 else 2

    def shape(self) -> npt.NDArray[np.float32]:
        """Return float32[2, 1]: the sign of the steps."""
        return np.array([[-1.0], [1.0]], np.float32)

    def stable_points(
        self, planes: npt.NDArray[np.float32], start: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        """Return the symmetry points in closed form; pulses from anywhere lead there."""
        (w_min, w_max), steps = planes[UP, :2].astype(np.float64), planes[:, 2] * self.shape()
        steps = steps.astype(np.float64)
        bounds = np.array([w_min, w_max])
        slope = np.divide(steps, bounds, out=np.zeros(steps.shape), where=bounds != 0.0).sum(axis=0)
        point = np.divide(steps.sum(axis=0), slope, out=np.full(slope.shape, np.nan), where=slope != 0.0)
        inside = (w_min < point) & (point < w_max)
        return np.where(inside, point, np.nan), inside


def _peer(name: str, dw_min: float, up_down_spread: float, what: str) -> SoftBounds:
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
        source=f"This project's own, for its comparisons: {what}.",
    )


def _array(
    name: str,
    dw_min: float,
    dw_min_spread: float,
    c2c: float,
    w_min_spread: float,
    w_max_spread: float,
    write_noise: float,
    material: str,
    stuck: str,
) -> SoftBounds:
    """Arrays of resistive memories: log-normal steps, and a reference at the symmetry point with an error of .05."""
    return SoftBounds(
        name,
        dw_min,
        dw_min_spread=dw_min_spread,
        dw_min_spread_log=True,
        c2c=c2c,
        additive=True,
        up_down_spread=0.01,
        w_min_spread=w_min_spread,
        w_max_spread=w_max_spread,
        write_noise=write_noise,
        at_symmetry_point=True,
        reference_spread=0.05,
        source=f"A fit to an array of {material} by Gong, Rasch et al., IEDM 2022, "
        f"https://ieeexplore.ieee.org/document/10019569. {stuck} % of the cells measured were stuck within .01 of 0; the preset "
        f"has none, stuck and stuck_range add them. {FROM_AIHWKIT}",
    )


PRESETS = (
    _peer("s1", 0.02, 0.0, "60 states"),
    _peer("s2", 0.05, 0.0, "24 states"),
    _peer("s3", 0.02, 0.3, "60 states and scattered symmetry points"),
    SoftBounds(
        "reram_sb",
        0.002,
        dw_min_spread=0.3,
        c2c=3.75,
        additive=True,
        up_down_spread=0.01,
        w_max=1.25,
        w_min=-0.75,
        w_max_spread=0.24,
        w_min_spread=0.4,
        write_noise=56.0,
        source="A loose fit to Gong et al., Nature Communications 9, 2102 (2018), https://doi.org/10.1038/s41467-018-04485-1, "
        f"that assumes devices shifted to their symmetry points. {FROM_AIHWKIT}",
    ),
    _array("reram_om_array", 0.0949, 0.7829, 0.4158, 0.5695, 0.3499, 1.4113, "an optimized material", "13.5"),
    _array("reram_hfo2_array", 0.4622, 0.7125, 0.2174, 0.599, 0.4295, 0.5841, "plain HfO2", "10"),
)
