"""Exponential step: steps that fall off exponentially with the conductance, down to nothing where the exponential takes over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba.extending import register_jitable

from crosstwin_model.config import ConfigurationError
from crosstwin_model.devices.base import DOWN, FROM_AIHWKIT, UP, CellDraws, Device
from crosstwin_model.elementary import LOG2_E, exp2

_ZERO = np.float32(0.0)
_UNIT = np.float32(1.0)

#: Largest size of g z, so that no step overflows.
_LARGEST_EXPONENT = 40.0


@register_jitable  # type: ignore[untyped-decorator]
def exponential_change(w: Any, planes: Any, cell: Any, noise: Any, shape: Any) -> Any:
    """Return s y + noise (|s y| + add + slope |w|), y = max(1 - A 2**(k w + c), 0), every operation rounded to float32.

    Planes 2 and 3 are s and k, shape is c, A, add, slope.
    """
    exponent = planes[3, cell] * w
    part = shape[1] * exp2(exponent + shape[0])
    part = np.maximum(_UNIT - part, _ZERO)
    change = planes[2, cell] * part
    size = np.abs(change) + shape[2]
    size = size + shape[3] * np.abs(w)
    return change + noise * size


@register_jitable  # type: ignore[untyped-decorator]
def exponential_step(w: Any, planes: Any, cell: Any, noise: Any, shape: Any) -> Any:
    """Return w + :func:`exponential_change`."""
    return w + exponential_change(w, planes, cell, noise, shape)


@dataclass(frozen=True)
class ExponentialStep(Device):
    """Up: dw = s_up max(1 - A_up exp(g_up z), 0); down: dw = - s_dn max(1 - A_dn exp(-g_dn z), 0); z = 2 a w / R + b.

    R is w_max - w_min. The step is dw plus noise of the standard deviation c2c (|dw| + c2c_add + c2c_slope |w|).

    Parameters
    ----------
    a, b : float
        Scale and offset of z, -1000 to 1000.
    gamma_up, gamma_down : float
        g_up and g_dn, at least 0.
    amplitude_up, amplitude_down : float
        A_up and A_dn, -1000 to 1000.
    c2c_add : float
        Noise that does not depend on the step, in weights before c2c multiplies it, 0 to 8.
    c2c_slope : float
        Noise in parts of the conductance's size before c2c multiplies it, 0 to 100.
    """

    rule = "exponential_step"
    change = staticmethod(exponential_change)
    step = staticmethod(exponential_step)

    a: float = 1.0
    b: float = 0.0
    gamma_up: float = 1.0
    gamma_down: float = 1.0
    amplitude_up: float = 0.0
    amplitude_down: float = 0.0
    c2c_add: float = 0.0
    c2c_slope: float = 0.0

    def needs(self) -> dict[str, str]:
        """Exponents need an amplitude, and z; z needs an exponent; forms of noise need noise."""
        found = super().needs()
        sides = ("up",) if self.one_sided else ("up", "down")
        exponents = [side for side in sides if getattr(self, f"amplitude_{side}")]
        for side in sides:
            if side not in exponents:
                found[f"gamma_{side}"] = f"amplitude_{side} other than 0"
            elif not (self.a or self.b):
                found[f"gamma_{side}"] = "a or b other than 0"
        if not any(getattr(self, f"gamma_{side}") for side in exponents):
            found |= dict.fromkeys(("a", "b"), "an amplitude and its gamma other than 0")
        if not self.c2c:
            found |= dict.fromkeys(("c2c_add", "c2c_slope"), "c2c above 0")
        return found

    def _require_rule(self) -> None:
        self._require("c2c_add", 0.0, 8.0, "numbers from 0 to 8")
        self._require("c2c_slope", 0.0, 100.0, "numbers from 0 to 100")
        for key in ("a", "b", "amplitude_up", "amplitude_down"):
            self._require(key, -1000.0, 1000.0, "numbers from -1000 to 1000")
        for key in ("gamma_up", "gamma_down"):
            gamma = getattr(self, key)
            if gamma < 0.0 or gamma * (2.0 * abs(self.a) + abs(self.b)) > _LARGEST_EXPONENT:
                raise ConfigurationError(
                    f"{key} is {gamma!r} with a = {self.a!r} and b = {self.b!r}; allowed are numbers of at least 0 "
                    f"with gamma (2 |a| + |b|) of at most {_LARGEST_EXPONENT:g}"
                )

    def planes(self, draws: CellDraws) -> npt.NDArray[np.float32]:
        """Return float32[2, 4, cells]: w_min, w_max, s and k."""
        cells = self.cell_steps(draws)
        scale = 2.0 * self.a / (cells.w_max - cells.w_min) * LOG2_E
        planes = np.empty((2, 4, cells.up.size), np.float32)
        planes[:, 0] = cells.w_min
        planes[:, 1] = cells.w_max
        planes[UP, 2] = cells.up
        planes[UP, 3] = self.gamma_up * scale
        planes[DOWN, 2] = -cells.down
        planes[DOWN, 3] = -self.gamma_down * scale
        return planes

    def shape(self) -> npt.NDArray[np.float32]:
        """Return float32[2, 4]: c, A, and the two constants of the noise."""
        offset = self.b * LOG2_E
        return np.array(
            [
                [-self.gamma_down * offset, self.amplitude_down, self.c2c_add, self.c2c_slope],
                [self.gamma_up * offset, self.amplitude_up, self.c2c_add, self.c2c_slope],
            ],
            np.float32,
        )


PRESETS = (
    ExponentialStep(
        "reram_es",
        0.00135,
        dw_min_spread=0.2,
        c2c=5.0,
        up_down=0.259359,
        up_down_spread=0.05,
        w_max_spread=0.3,
        w_min_spread=0.3,
        write_noise=75.0,
        a=-0.5,
        b=-0.5,
        gamma_up=5.0,
        gamma_down=5.0,
        amplitude_up=-1.18445,
        amplitude_down=-0.081404,
        source="A fit to Gong et al., Nature Communications 9, 2102 (2018), https://doi.org/10.1038/s41467-018-04485-1. "
        f"{FROM_AIHWKIT}",
    ),
    ExponentialStep(
        "pcm",
        0.01,
        dw_min_spread=0.2,
        c2c=0.6,
        up_down_spread=0.05,
        w_max=2.0,
        w_min=0.0,
        w_max_spread=0.1,
        one_sided=True,
        reset=0.01,
        reset_spread=0.02,
        a=-1.0,
        gamma_up=2.5,
        amplitude_up=-27.235,
        c2c_add=0.042,
        c2c_slope=0.108,
        source="Phase change memory of Ge2Sb2Te5 as in Nandakumar et al., Frontiers in Neuroscience 14, 406 (2020), "
        "https://doi.org/10.3389/fnins.2020.00406; a device that only goes up, hence a pair. "
        f"{FROM_AIHWKIT}",
    ),
)
