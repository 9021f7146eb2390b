"""Soft bounds: steps that shrink to nothing towards the bound they go to."""

from __future__ import annotations

from dataclasses import dataclass

from crosstwin_model.devices.affine import AffineDevice, per_bound
from crosstwin_model.devices.base import CellDraws, CellSteps, Plane


@dataclass(frozen=True)
class SoftBounds(AffineDevice):
    """Up: + s_up (1 - w / w_max) N; down: - s_dn (1 - w / w_min) N.

    Its symmetry point is (s_up - s_dn) / (s_up / w_max - s_dn / w_min). Additive noise: s_up (1 - w / w_max + c2c xi) up, and
    alike down.
    """

    rule = "soft_bounds"

    def slopes(self, cells: CellSteps, draws: CellDraws) -> tuple[Plane, Plane]:
        """Return 1 / w_max and 1 / w_min."""
        return per_bound(1.0, cells.w_max), per_bound(1.0, cells.w_min)


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


def _array(
    name: str, dw_min: float, dw_min_spread: float, c2c: float, w_min_spread: float, w_max_spread: float, write_noise: float
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
    )


#: ``reram_sb``: a loose fit to Gong et al., Nature Communications 9, 2102 (2018) (10.1038/s41467-018-04485-1), taken to be
#: shifted to the symmetry point. ``reram_om_array`` and ``reram_hfo2_array``: fits to arrays of an optimized material and of
#: plain HfO2 by Gong, Rasch et al., IEDM 2022. Of the cells measured, 13.5 and 10 % were stuck: set ``stuck``, and
#: ``stuck_range`` .01, for that. Numbers as in the presets of IBM's aihwkit 1.2.0.
PRESETS = (
    _peer("s1", 0.02, 0.0),
    _peer("s2", 0.05, 0.0),
    _peer("s3", 0.02, 0.3),
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
    ),
    _array("reram_om_array", 0.0949, 0.7829, 0.4158, 0.5695, 0.3499, 1.4113),
    _array("reram_hfo2_array", 0.4622, 0.7125, 0.2174, 0.599, 0.4295, 0.5841),
)
