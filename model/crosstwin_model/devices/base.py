"""What every device has: its data, the spread from cell to cell, and the rule of one step.

A device is a frozen dataclass in a file of its own. It gives

- ``rule``, the name under which files ask for it;
- :meth:`Device.planes`, which draws the parameters of every cell;
- :meth:`Device.shape`, constants that all cells share, where the rule has any;
- ``change``, a plain function ``change(w, planes, cell, noise, shape)`` that returns by how much one pulse changes the
  conductance, before it is clipped. ``w`` and ``noise`` (c2c times a standard normal number) are float32, ``planes`` is
  float32[P, cells] and ``shape`` float32[S] of one direction, ``cell`` an index. It must be decorated with
  ``numba.extending.register_jitable``, use float32 throughout, and work on arrays (with ``cell`` an array of indices) as on
  scalars: the compiled kernels inline it, the reference calls it;
- ``step``, a function of the same arguments: w + change;
- ``additive_step``, the same with additive noise, where the rule has such a form; :attr:`Device.pulse_step` is the one in use.

Planes 0 and 1 are w_min and w_max in every device; the rest belongs to the rule.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from crosstwin_model.config import ConfigurationError
from crosstwin_model.devices.cells import CellDraws, CellSteps, Parameter, Plane
from crosstwin_model.devices.symmetry import search
from crosstwin_model.effects import require_effects
from crosstwin_model.elementary import exp
from crosstwin_model.grid import GRID, LIMIT, on_grid

__all__ = ["CONDUCTANCE_LIMIT", "DOWN", "SMALLEST_BOUND", "UP", "CellDraws", "CellSteps", "Device", "Parameter", "Plane"]

#: Largest conductance that any cell may reach.
CONDUCTANCE_LIMIT = 8.0

#: A cell's bound is at least this part of the device's, so that a wide spread leaves no cell without a range.
SMALLEST_BOUND = 0.01

#: Smallest size of a bound: what the widest spread leaves of it is on the grid of conductances.
_SMALLEST_MEAN_BOUND = 1e-6

#: A step of that part of a float32 number may be lost when it is added.
_RESOLUTION = 2.0**-23

#: Largest size of a number from the table of normal quantiles.
_LARGEST_NORMAL = 3.7

#: Cells whose symmetry points are looked for at once, which bounds the memory that this takes.
_BLOCK = 1 << 12

#: The end of many presets' ``source``.
FROM_AIHWKIT = "Numbers of the preset in IBM's aihwkit 1.2.0."

#: Directions, and the order of the first axis of :meth:`Device.planes`.
DOWN, UP = 0, 1

Rule = Callable[[Any, Any, Any, Any, Any], Any]


@dataclass(frozen=True)
class Device:
    """A crosspoint device: conductances in weights, spreads relative to what they spread unless said otherwise.

    Parameters
    ----------
    name : str
        Names the device in reports: letters, digits, ``_`` and ``-``.
    dw_min : float
        Mean step of one pulse, which the rule then scales with a function of w (1 at w = 0 in the affine rules); above 0, at
        most 1 and at most half of the range, and not below the resolution of conductances at the bounds.
    dw_min_spread : float
        Device-to-device standard deviation of the step size.
    c2c : float
        Cycle-to-cycle standard deviation of a step: every pulse's step is multiplied with 1 + c2c * xi.
    up_down : float
        Difference of up and down steps: above 0 the down steps are smaller by that part of dw_min, below 0 the up steps.
    up_down_spread : float
        Its device-to-device standard deviation, in parts of dw_min.
    w_max, w_min : float
        Mean bounds, w_min < 0 < w_max, at least 1e-6 in size.
        A pair has w_min = 0: its two conductances go from 0 to w_max.
    w_max_spread, w_min_spread : float
        Device-to-device standard deviations of the bounds.
    dw_min_spread_log : bool
        Whether the spread of the step size is log-normal: a factor exp(dw_min_spread xi) in place of 1 + dw_min_spread xi.
    additive : bool
        Whether cycle-to-cycle noise is added to a step, c2c * xi times its size at w = 0, instead of multiplying it.
    write_noise : float
        Standard deviation, in dw_min, of the visible conductance around the persistent one; drawn afresh at every pulse.
    one_sided : bool
        Whether a cell is a pair of conductances that only go up, w = g+ - g-: an up pulse moves g+, a down pulse g-.
    refresh_above, refresh_below : float
        A pair is refreshed after an operation if the larger of the two is above refresh_above times its w_max and the smaller
        above refresh_below times its own: both are reset, and the difference is programmed again. 0 to 1 each.
    reset, reset_spread : float
        Where a reset puts both conductances of a pair, and the standard deviation of that, drawn for each and at each refresh;
        both in weights.
    lifetime, lifetime_spread : float
        Updates in which a conductance decays to 1 / e: at every update w is multiplied with 1 - 1 / lifetime. 0 is for ever.
    drift, drift_spread : float
        Mean exponent nu of the drift w(t) = w(t0) (t / t0)^-nu, and its device-to-device standard deviation, in absolute terms. A
        cell whose nu the spread makes negative grows, up to its bound.
    diffusion, diffusion_spread : float
        Standard deviation, in weights, of the random walk's step at every update, 0 to 1, and its device-to-device spread.
    stuck, stuck_range : float
        Part of the cells that are stuck, 0 to 1; each stands at a value uniform in +-stuck_range, cut to its bounds.
    at_symmetry_point : bool
        Whether reference tiles stand at the symmetry points of the cells that they are subtracted from.
    reference_spread : float
        Standard deviation of the reference tiles' error, in weights.
    source : str
        Where its numbers come from, in sentences; no part of what the device is.

    Raises
    ------
    ConfigurationError
        If a value is out of its range, or a field that is not at its default has no effect beside the others.
    """

    rule: ClassVar[str]
    change: ClassVar[Rule]
    step: ClassVar[Rule]
    additive_step: ClassVar[Rule | None] = None
    #: ``derive(planes, cell, shape)`` returns the last plane from the others: it is not kept, but worked out where it is used.
    derive: ClassVar[Callable[[Any, Any, Any], Any] | None] = None

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
    dw_min_spread_log: bool = False
    additive: bool = False
    write_noise: float = 0.0
    one_sided: bool = False
    refresh_above: float = 0.75
    refresh_below: float = 0.25
    reset: float = 0.0
    reset_spread: float = 0.0
    lifetime: float = 0.0
    lifetime_spread: float = 0.0
    drift: float = 0.0
    drift_spread: float = 0.0
    diffusion: float = 0.0
    diffusion_spread: float = 0.0
    stuck: float = 0.0
    stuck_range: float = 0.0
    at_symmetry_point: bool = False
    reference_spread: float = 0.0
    source: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and re.fullmatch(r"[\w-]+", self.name)):
            raise ConfigurationError(f"name is {self.name!r}; allowed are letters, digits, _ and -")
        if not isinstance(self.source, str):
            raise ConfigurationError(f"source is {self.source!r}; allowed is text")
        for one in fields(self):
            if one.type == "float":
                self._require(one.name, -math.inf, math.inf, "finite numbers")
            elif one.type == "bool" and not isinstance(getattr(self, one.name), bool):
                raise ConfigurationError(f"{one.name} is {getattr(self, one.name)!r}; allowed are true and false")
        if not 0.0 < self.dw_min <= 1.0:
            raise ConfigurationError(f"dw_min is {self.dw_min!r}; allowed are numbers above 0, at most 1")
        for one in fields(self):
            if one.name == "c2c" or one.name.endswith("_spread"):
                self._require(one.name, 0.0, 100.0, "numbers from 0 to 100")
        self._require("up_down", -1.0, 1.0, "numbers from -1 to 1")
        self._require("write_noise", 0.0, 1000.0, "numbers from 0 to 1000")
        for name in ("refresh_above", "refresh_below", "drift", "diffusion", "stuck"):
            self._require(name, 0.0, 1.0, "numbers from 0 to 1")
        if not (self.lifetime == 0.0 or self.lifetime > 1.0):
            raise ConfigurationError(f"lifetime is {self.lifetime!r}; allowed are 0, for ever, and numbers above 1")
        self._require("stuck_range", 0.0, CONDUCTANCE_LIMIT, f"numbers from 0 to {CONDUCTANCE_LIMIT:g}")
        self._require_bounds()
        self._require_kind()
        self._require_rule()
        require_effects(self)

    def needs(self) -> dict[str, str]:
        """Return the fields that have no effect beside the others, and what each of them needs.

        They are refused if they are not at their default. Fields of a rule with ``_down`` in their names are those of down
        pulses, of which a pair has none. A rule adds what else it knows.
        """
        found: dict[str, str] = {}
        if not self.one_sided:
            found |= dict.fromkeys(("reset", "reset_spread", "refresh_above", "refresh_below"), "one_sided")
        else:
            if self.refresh_above >= 1.0:
                found |= dict.fromkeys(("reset", "reset_spread", "refresh_below"), "refresh_above below 1")
            if self.up_down > 0.0:
                found["up_down"] = "one_sided = false"
            down = {one.name for one in fields(self) if "_down" in one.name} - {one.name for one in fields(Device)}
            found |= dict.fromkeys(("write_noise", *down), "one_sided = false")
        for key, other in (
            ("lifetime_spread", "lifetime"),
            ("diffusion_spread", "diffusion"),
            ("stuck_range", "stuck"),
            ("additive", "c2c"),
            ("dw_min_spread_log", "dw_min_spread"),
        ):
            if not getattr(self, other):
                found[key] = f"{other} above 0"
        return found

    def _require_rule(self) -> None:
        """Refuse what a rule does not allow of its own fields."""

    def _require(self, key: str, low: float, high: float, allowed: str) -> None:
        value = getattr(self, key)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or not low <= value <= high:
            raise ConfigurationError(f"{key} is {value!r}; allowed are {allowed}")

    def _require_bounds(self) -> None:
        if self.one_sided:
            if not (self.w_min == 0.0 < self.w_max and self.w_min_spread == 0.0):
                raise ConfigurationError(
                    f"w_min, its spread and w_max are {self.w_min!r}, {self.w_min_spread!r} and {self.w_max!r}; "
                    "allowed with one_sided is w_min = 0 without a spread and w_max > 0"
                )
            self._require("reset", 0.0, self.refresh_above * self.w_max, "numbers from 0 to refresh_above times w_max")
            if not self.refresh_below < self.refresh_above:
                raise ConfigurationError(
                    f"refresh_above and refresh_below are {self.refresh_above!r} and {self.refresh_below!r}; "
                    "allowed is refresh_below < refresh_above"
                )
        elif not self.w_min < 0.0 < self.w_max:
            raise ConfigurationError(
                f"the bounds w_min and w_max are {self.w_min!r} and {self.w_max!r}; allowed is w_min < 0 < w_max"
            )
        for name, bound, spread in (("w_max", self.w_max, self.w_max_spread), ("w_min", self.w_min, self.w_min_spread)):
            if abs(bound) * (1.0 + _LARGEST_NORMAL * spread) > CONDUCTANCE_LIMIT:
                raise ConfigurationError(
                    f"{name} is {bound!r} with a spread of {spread!r}; allowed are bounds that stay within "
                    f"+-{CONDUCTANCE_LIMIT:g} at {_LARGEST_NORMAL} standard deviations"
                )
            if 0.0 < abs(bound) < _SMALLEST_MEAN_BOUND:
                raise ConfigurationError(f"{name} is {bound!r}; allowed are bounds of {_SMALLEST_MEAN_BOUND:g} or more in size")
        least, most = max(1.0 / GRID, _RESOLUTION * max(self.w_max, -self.w_min)), 0.5 * (self.w_max - self.w_min)
        if not least <= self.dw_min <= most:
            raise ConfigurationError(
                f"dw_min is {self.dw_min!r} with w_min = {self.w_min!r} and w_max = {self.w_max!r}; allowed are numbers from "
                f"{least:.2g}, which conductances of that size resolve, to half of the range, {most:g}"
            )
        if self.largest_conductance >= LIMIT:
            raise ConfigurationError(
                f"write_noise is {self.write_noise!r} steps of {self.dw_min!r}; allowed is what keeps conductances within "
                f"+-{LIMIT:g} at {_LARGEST_NORMAL} standard deviations"
            )

    @property
    def largest_conductance(self) -> float:
        """A size that no visible conductance exceeds: the bounds' at the ends of their spreads, with write noise."""
        bounds = ((self.w_max, self.w_max_spread), (self.w_min, self.w_min_spread))
        largest = max(abs(bound) * (1.0 + _LARGEST_NORMAL * spread) for bound, spread in bounds)
        return largest + _LARGEST_NORMAL * self.write_noise * self.dw_min

    def _require_kind(self) -> None:
        if self.additive and type(self).additive_step is None:
            raise ConfigurationError(f"additive is True; allowed with {self.rule} is false")
        if self.at_symmetry_point and self.one_sided:
            raise ConfigurationError("at_symmetry_point is True; allowed with one_sided, which has no such point, is false")
        if self.dw_min_spread_log and self.dw_min_spread > 2.0:
            raise ConfigurationError(
                f"dw_min_spread is {self.dw_min_spread!r}; allowed with dw_min_spread_log are numbers from 0 to 2"
            )

    @property
    def pulse_step(self) -> Rule:
        """The function of one pulse: ``step``, or ``additive_step`` where noise is additive."""
        additive = type(self).additive_step if self.additive else None
        return type(self).step if additive is None else additive

    @property
    def shared_planes(self) -> int:
        """How many planes, from the first, are the same for up and for down pulses: both bounds."""
        return 2

    def cell_planes(self, draws: CellDraws) -> npt.NDArray[np.float32]:
        """Return the parameters of every cell, float32[2, P, cells], as the kernels use them.

        Those of :meth:`planes`, down and then up; of a pair, those of an up pulse on g- and on g+. The bounds of a stuck cell are
        both the value at which it stands; of a stuck pair, g+ or g- stands at the value's size and the other at 0. Bounds are on
        the grid of conductances.
        """
        planes = self.planes(draws)
        if self.one_sided:
            planes[DOWN] = self.planes(replace(draws, second=True))[UP]
        if self.stuck:
            stuck = draws.uniform(Parameter.STUCK) < self.stuck
            at = (self.stuck_range * (2.0 * draws.uniform(Parameter.STUCK_AT) - 1.0)).astype(np.float32)
            for direction in (DOWN, UP):
                signed = -at if self.one_sided and direction == DOWN else at
                value = np.clip(signed, planes[direction, 0], planes[direction, 1])
                planes[direction, :2, stuck] = value[stuck, None]
        planes[:, :2] = on_grid(planes[:, :2])
        derive = type(self).derive
        if derive is not None:
            for direction in (DOWN, UP):
                planes[direction, -1] = derive(planes[direction], slice(None), direction == UP or self.one_sided)
        return planes

    def cell_shape(self) -> npt.NDArray[np.float32]:
        """Return :meth:`shape` as the kernels use it: of a pair, both rows are those of an up pulse."""
        shape = self.shape()
        if self.one_sided:
            shape[DOWN] = shape[UP]
        return shape

    def without_noise(self) -> Self:
        """Return the device without cycle-to-cycle and write noise, whose steps are those of the rule."""
        forms: dict[str, Any] = {one.name: one.default for one in fields(self) if one.name.startswith("c2c_")}
        return replace(self, c2c=0.0, write_noise=0.0, additive=False, **forms)

    def symmetry_point(
        self, planes: npt.NDArray[np.float32], start: npt.NDArray[np.float64] | None = None
    ) -> npt.NDArray[np.float64]:
        """Return the conductance at which alternating pulses bring each cell to rest between its bounds, float64[cells].

        There an up and a down pulse without noise change it by the same amount, and above and below they lead back. Steps are
        taken to be small beside the range. A bound to which the pulses drive a cell is no symmetry point, and neither is a place
        that they lead away from. Pairs and stuck cells have none.

        Parameters
        ----------
        planes : float32[2, P, cells]
            From :meth:`cell_planes`.
        start : float64[cells] or None
            Where the pulses begin: a cell that they drive from there to a bound has no point. None takes 0, where it only chooses
            among several points: the one that pulses from there reach, or the nearest.

        Returns
        -------
        float64[cells]
            NaN where there is none.
        """
        cells = planes.shape[2]
        point = np.full(cells, np.nan)
        if self.one_sided:
            return point
        begin = np.zeros(cells) if start is None else np.asarray(start, np.float64)
        for first in range(0, cells, _BLOCK):
            block = slice(first, first + _BLOCK)
            found, reached = self.stable_points(planes[:, :, block], begin[block])
            point[block] = found if start is None else np.where(reached, found, np.nan)
        return point

    def stable_points(
        self, planes: npt.NDArray[np.float32], start: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        """Return what :func:`crosstwin_model.devices.symmetry.search` does; a rule may know it in closed form."""
        low, high = planes[UP, 0].astype(np.float64), planes[UP, 1].astype(np.float64)
        return search(lambda w: self.mean_step(w, planes, True) + self.mean_step(w, planes, False), low, high, start)

    def mean_step(self, w: npt.ArrayLike, planes: npt.NDArray[np.float32], up: bool) -> npt.NDArray[np.float64]:
        """Return the change of each cell by a pulse without noise at ``w`` [cells], before it is clipped, float64[cells]."""
        direction = int(up)
        cells = np.arange(planes.shape[2])
        value = np.broadcast_to(np.asarray(w, np.float32), cells.shape)
        change = type(self).change(value, planes[direction], cells, np.float32(0.0), self.cell_shape()[direction])
        return np.asarray(change, np.float64)

    def keep(self, draws: CellDraws, updates: int = 1) -> npt.NDArray[np.float64]:
        """Return what is left of each conductance after so many updates, float64[cells]: (1 - 1 / lifetime)^updates, at least 0.

        By squaring, with the same bits on every machine.
        """
        kept = np.ones(draws.cells)
        if self.lifetime == 0.0:
            return kept
        lifetime = self.lifetime * (1.0 + self.lifetime_spread * draws(Parameter.LIFETIME))
        power = 1.0 - 1.0 / np.maximum(lifetime, 1.0)
        while updates:
            if updates & 1:
                kept *= power
            power *= power
            updates >>= 1
        return kept

    @property
    def drifts(self) -> bool:
        """Whether any cell drifts."""
        return bool(self.drift or self.drift_spread)

    def diffusion_rates(self, draws: CellDraws) -> npt.NDArray[np.float32]:
        """Return the standard deviation of each cell's random walk in an update, float32[cells], of which the size is taken."""
        return np.abs(self.diffusion * (1.0 + self.diffusion_spread * draws(Parameter.DIFFUSION))).astype(np.float32)

    def drift_exponents(self, draws: CellDraws) -> npt.NDArray[np.float32]:
        """Return the exponent nu of each cell's drift, float32[cells]."""
        return (self.drift + self.drift_spread * draws(Parameter.DRIFT)).astype(np.float32)

    def planes(self, draws: CellDraws) -> npt.NDArray[np.float32]:
        """Return the parameters of every cell, float32[2, P, cells]: down, then up; planes 0 and 1 are w_min and w_max."""
        raise TypeError(f"{type(self).__name__} has no rule of its own")

    def shape(self) -> npt.NDArray[np.float32]:
        """Return constants of the rule that all cells share, float32[2, S]: down, then up."""
        return np.zeros((2, 1), np.float32)

    def cell_steps(self, draws: CellDraws) -> CellSteps:
        """Draw step sizes and bounds of every cell.

        With independent standard normal xi, g = 1 + dw_min_spread xi or exp(dw_min_spread xi), and r = up_down_spread xi, the
        steps are up = dw_min (g + min(up_down, 0) + r) and down = dw_min (g - max(up_down, 0) - r), the bounds
        w_max (1 + w_max_spread xi) and w_min (1 + w_min_spread xi). Signs are kept consistent: of a step or bound that a wide
        spread turned over, the size is taken.
        """
        spread = self.dw_min_spread * draws(Parameter.STEP)
        gain = exp(spread) if self.dw_min_spread_log else 1.0 + spread
        ratio = self.up_down_spread * draws(Parameter.UP_DOWN)
        up = self.dw_min * (gain + min(self.up_down, 0.0) + ratio)
        down = self.dw_min * (gain - max(self.up_down, 0.0) - ratio)
        w_max = self.w_max * np.maximum(np.abs(1.0 + self.w_max_spread * draws(Parameter.W_MAX)), SMALLEST_BOUND)
        w_min = self.w_min * np.maximum(np.abs(1.0 + self.w_min_spread * draws(Parameter.W_MIN)), SMALLEST_BOUND)
        factors = 1.0 if draws.factors is None else draws.factors
        return CellSteps(np.abs(up) * factors, np.abs(down) * factors, w_max, w_min)
