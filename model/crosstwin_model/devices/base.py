"""What every device has: its data, the spread from cell to cell, and the rule of one step.

A device is a frozen dataclass in a file of its own. It gives

- ``rule``, the name under which files ask for it;
- :meth:`Device.planes`, which draws the parameters of every cell;
- :meth:`Device.shape`, constants that all cells share, where the rule has any;
- ``step``, a plain function ``step(w, planes, cell, noise, shape)`` that returns the conductance after one pulse, before it is
  clipped. ``w`` and ``noise`` (c2c times a standard normal number) are float32, ``planes`` is float32[P, cells] and ``shape``
  float32[S] of one direction, ``cell`` an index. It must be decorated with ``numba.extending.register_jitable``, use float32
  throughout, and work on arrays (with ``cell`` an array of indices) as on scalars: the compiled kernels inline it, the reference
  calls it.

Planes 0 and 1 are w_min and w_max in every device; the rest belongs to the rule.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from crosstwin_model.config import ConfigurationError
from crosstwin_model.noise import Purpose, draw_normal, stream

#: Largest conductance that any cell may reach; reads keep conductances as multiples of 2**-20 in float32, exact up to here.
CONDUCTANCE_LIMIT = 8.0

#: A cell's bound is at least this part of the device's, so that a wide spread leaves no cell without a range.
SMALLEST_BOUND = 0.01

#: Largest size of a number from the table of normal quantiles.
_LARGEST_NORMAL = 3.7

#: Directions, and the order of the first axis of :meth:`Device.planes`.
DOWN, UP = 0, 1

Plane = npt.NDArray[np.float64]


@dataclass(frozen=True)
class CellDraws:
    """Standard normal numbers for the parameters of one tile's cells.

    Parameters
    ----------
    seed, tile, cells : int
        The plant's seed, the tile's number, and its number of cells.
    """

    seed: int
    tile: int
    cells: int

    def __call__(self, parameter: int) -> Plane:
        """Return float64[cells] for the parameter of that number; different numbers are independent."""
        return draw_normal(stream(self.seed, Purpose.DEVICE, self.tile), np.arange(self.cells), parameter).astype(np.float64)


@dataclass(frozen=True)
class CellSteps:
    """Parameters of every cell that all rules share, float64[cells]: step sizes at w = 0 (positive) and bounds."""

    up: Plane
    down: Plane
    w_max: Plane
    w_min: Plane


@dataclass(frozen=True)
class Device:
    """A crosspoint device: conductances in weights, spreads relative to what they spread unless said otherwise.

    Parameters
    ----------
    name : str
        Names the device in reports: letters, digits, ``_`` and ``-``.
    dw_min : float
        Mean step of one pulse at w = 0, above 0, at most 1.
    dw_min_spread : float
        Device-to-device standard deviation of the step size.
    c2c : float
        Cycle-to-cycle standard deviation of a step: every pulse's step is multiplied with 1 + c2c * xi.
    up_down : float
        Difference of up and down steps: above 0 the down steps are smaller by that part of dw_min, below 0 the up steps.
    up_down_spread : float
        Its device-to-device standard deviation, in parts of dw_min.
    w_max, w_min : float
        Mean bounds, w_min < 0 < w_max.
    w_max_spread, w_min_spread : float
        Device-to-device standard deviations of the bounds.

    Raises
    ------
    ConfigurationError
        If a value is out of its range.
    """

    rule: ClassVar[str]
    step: ClassVar[Callable[[Any, Any, Any, Any, Any], Any]]

    name: str
    dw_min: float
    dw_min_spread: float = 0.0
    c2c: float = 0.0
    up_down: float = 0.0
    up_down_spread: float = 0.0
    w_max: float = 1.0
    w_min: float = -1.0
    w_max_spread: float = 0.0
    w_min_spread: float = 0.0

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and self.name and self.name.replace("_", "").replace("-", "").isalnum()):
            raise ConfigurationError(f"name is {self.name!r}; allowed are letters, digits, _ and -")
        for field in fields(self):
            if field.name != "name":
                self._require(field.name, -math.inf, math.inf, "finite numbers")
        if not 0.0 < self.dw_min <= 1.0:
            raise ConfigurationError(f"dw_min is {self.dw_min!r}; allowed are numbers above 0, at most 1")
        for field in fields(self):
            if field.name == "c2c" or field.name.endswith("_spread"):
                self._require(field.name, 0.0, 100.0, "numbers from 0 to 100")
        self._require("up_down", -1.0, 1.0, "numbers from -1 to 1")
        if not self.w_min < 0.0 < self.w_max:
            raise ConfigurationError(
                f"the bounds w_min and w_max are {self.w_min!r} and {self.w_max!r}; allowed is w_min < 0 < w_max"
            )
        for name, bound, spread in (("w_max", self.w_max, self.w_max_spread), ("w_min", self.w_min, self.w_min_spread)):
            if abs(bound) * (1.0 + _LARGEST_NORMAL * spread) > CONDUCTANCE_LIMIT:
                raise ConfigurationError(
                    f"{name} is {bound!r} with a spread of {spread!r}; allowed are bounds that stay within "
                    f"+-{CONDUCTANCE_LIMIT:g} at {_LARGEST_NORMAL} standard deviations"
                )

    def _require(self, key: str, low: float, high: float, allowed: str) -> None:
        value = getattr(self, key)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or not low <= value <= high:
            raise ConfigurationError(f"{key} is {value!r}; allowed are {allowed}")

    def planes(self, draws: CellDraws) -> npt.NDArray[np.float32]:
        """Return the parameters of every cell, float32[2, P, cells]: down, then up; planes 0 and 1 are w_min and w_max."""
        raise TypeError(f"{type(self).__name__} has no rule of its own")

    def shape(self) -> npt.NDArray[np.float32]:
        """Return constants of the rule that all cells share, float32[2, S]: down, then up."""
        return np.zeros((2, 1), np.float32)

    def cell_steps(self, draws: CellDraws) -> CellSteps:
        """Draw step sizes and bounds of every cell.

        With independent standard normal xi, g = 1 + dw_min_spread xi and r = up_down_spread xi, the steps are
        up = dw_min (g + min(up_down, 0) + r) and down = dw_min (g - max(up_down, 0) - r), the bounds w_max (1 + w_max_spread xi)
        and w_min (1 + w_min_spread xi). Signs are kept consistent: of a step or bound that a wide spread turned over, the size is
        taken.
        """
        gain = 1.0 + self.dw_min_spread * draws(0)
        ratio = self.up_down_spread * draws(1)
        up = self.dw_min * (gain + min(self.up_down, 0.0) + ratio)
        down = self.dw_min * (gain - max(self.up_down, 0.0) - ratio)
        w_max = self.w_max * np.maximum(np.abs(1.0 + self.w_max_spread * draws(2)), SMALLEST_BOUND)
        w_min = self.w_min * np.maximum(np.abs(1.0 + self.w_min_spread * draws(3)), SMALLEST_BOUND)
        return CellSteps(np.abs(up), np.abs(down), w_max, w_min)
