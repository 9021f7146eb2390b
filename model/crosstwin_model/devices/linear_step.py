"""Linear step: steps that change linearly with the conductance, down to a part of their size at the bound they go to."""

from __future__ import annotations

from dataclasses import dataclass

from crosstwin_model.devices.affine import AffineDevice, per_bound
from crosstwin_model.devices.base import FROM_AIHWKIT, CellDraws, CellSteps, Parameter, Plane
from crosstwin_model.devices.cells import spread_gamma


@dataclass(frozen=True)
class LinearStep(AffineDevice):
    """Up: + (s_up - g_up s_up w / w_max) N; down: - (s_dn - g_dn s_dn w / w_min) N.

    Additive noise: + s_up (1 + c2c xi) - g_up s_up w / w_max up, and alike down.

    Parameters
    ----------
    gamma_up, gamma_down : float
        Mean g_up and g_dn: how much smaller a step is at the bound that it goes to, as a part of the step at w = 0; -100 to 100,
        where below 0 steps get larger.
    gamma_up_spread, gamma_down_spread : float
        Their device-to-device standard deviations, in absolute terms. A cell whose g the spread would turn over takes its size.
    slope_at_mean_bound : bool
        Whether w_max and w_min in the formulas are the device's mean bounds, so that slopes do not spread with the bounds.
    """

    rule = "linear_step"

    gamma_up: float = 0.0
    gamma_down: float = 0.0
    gamma_up_spread: float = 0.0
    gamma_down_spread: float = 0.0
    slope_at_mean_bound: bool = False

    def needs(self) -> dict[str, str]:
        """Slopes at mean bounds differ from others where both a slope and the bound of its side vary."""
        found = super().needs()
        up = bool(self.w_max_spread and (self.gamma_up or self.gamma_up_spread))
        down = bool(self.w_min_spread and (self.gamma_down or self.gamma_down_spread))
        if not up and not down:
            found["slope_at_mean_bound"] = "a gamma other than 0 and a spread of the bound of its side"
        return found

    def _require_rule(self) -> None:
        for key in ("gamma_up", "gamma_down"):
            self._require(key, -100.0, 100.0, "numbers from -100 to 100")

    def slopes(self, cells: CellSteps, draws: CellDraws) -> tuple[Plane, Plane]:
        """Return g_up / w_max and g_dn / w_min."""
        gamma_up = spread_gamma(self.gamma_up, self.gamma_up_spread, draws, Parameter.SHAPE_UP)
        gamma_down = spread_gamma(self.gamma_down, self.gamma_down_spread, draws, Parameter.SHAPE_DOWN)
        if self.slope_at_mean_bound:
            return per_bound(gamma_up, self.w_max), per_bound(gamma_down, self.w_min)
        return per_bound(gamma_up, cells.w_max), per_bound(gamma_down, cells.w_min)


def _ecram(name: str, dw_min: float, c2c: float, w_max: float, gamma_up: float, gamma_down: float, measured: str) -> LinearStep:
    """Electrochemical memories, lithium and metal oxide: a range of 2 shifted so that the mean symmetry point is near 0."""
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
        slope_at_mean_bound=True,
        source=f"A fit to {measured}, on a range shifted so that the mean symmetry point is near 0. {FROM_AIHWKIT}",
    )


PRESETS = (
    LinearStep(
        "capacitor",
        0.005,
        dw_min_spread=0.1,
        c2c=0.3,
        up_down_spread=0.06,
        w_max_spread=0.07,
        w_min_spread=0.07,
        additive=True,
        lifetime=1e6,
        lifetime_spread=0.3,
        gamma_up=0.05,
        gamma_down=0.05,
        gamma_up_spread=0.01,
        gamma_down_spread=0.01,
        slope_at_mean_bound=True,
        source="A fit to Li et al., VLSI Technology 2018, https://ieeexplore.ieee.org/document/8510648, with leakage: its "
        f"lifetime counts updates, so it has to fit the time that an update takes. {FROM_AIHWKIT}",
    ),
    _ecram(
        "ecram",
        0.002,
        0.3,
        1.1724,
        0.1153,
        0.5085,
        "Tang et al., IEDM 2018 (lithium), https://ieeexplore.ieee.org/document/8614551",
    ),
    _ecram(
        "ecram_mo",
        2.8214e-4,
        2.0,
        1.1714,
        0.4152,
        0.7342,
        "Kim et al., IEDM 2019 (metal oxide), https://ieeexplore.ieee.org/document/8993463",
    ),
)
