"""From the fitted numbers of every measured device to the fields of one device: means, spreads and intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from .fit_parameters import Parameters, own_fields, step_fields
from .maximum import Maximum

Vector = NDArray[np.float64]

#: Share of the intervals that hold the true value.
CONFIDENCE = 0.95
#: An up_down of that size is at its limit: steps of one direction have vanished.
_VANISHED = 0.999


@dataclass(frozen=True)
class Estimate:
    """A parameter of the fitted device.

    Parameters
    ----------
    name : str
        Field of the device.
    value : float
        The fitted value.
    low, high : float or None
        Its interval of confidence; None where the data do not determine it, or where it is at its limit.
    at_limit : bool
        Whether the fit ended at the end of what a device may have, for any of the measured devices.
    """

    name: str
    value: float
    low: float | None
    high: float | None
    at_limit: bool = False


class Population:
    """From the fitted numbers of every measured device to mean values and spreads of a device's fields."""

    def __init__(self, parameters: Parameters, maximum: Maximum, devices: int) -> None:
        self.devices = devices
        self.parameters = parameters
        self._numbers: dict[str, list[int]] = {}
        for i, entry in enumerate(parameters.entries):
            self._numbers.setdefault(entry.name, []).append(i)
        log = np.array([entry.log for entry in parameters.entries])
        self.values = np.where(log, np.exp(np.where(log, maximum.vector, 0.0)), maximum.vector)
        scale = np.where(log, self.values, 1.0)
        self.covariance = maximum.covariance * np.outer(scale, scale)
        self.log_deviation = np.sqrt(np.diag(maximum.covariance))
        self.free = maximum.free
        self.at_limit = np.array([parameters.at_limit(maximum.vector, i) for i in range(len(parameters.entries))])

    def device(self) -> tuple[dict[str, Any], tuple[Estimate, ...]]:
        """Fields of the device, and the estimates to report."""
        rule = self.parameters.rule
        values: dict[str, Any] = {}
        estimates = self._steps()
        estimates += self._own("w_max", "w_max", relative=True)
        estimates += [_negative(estimate) for estimate in self._own("-w_min", "w_min", relative=True)]
        spread = {field.name for field in fields(rule)}
        for field in own_fields(rule):
            if f"{field}_spread" in spread:
                estimates += self._own(field, field, relative=False)
            elif field in self._numbers:
                estimates += self._shared(field, field)
            else:
                table = list(self.parameters.given[field])
                for name in self._numbers:
                    if name.startswith(f"{field}["):
                        estimates += self._shared(name, name)
                        table[int(name[len(field) + 1 : -1])] = estimates[-1].value
                values[field] = tuple(table)
        estimates += self._shared("c2c", "c2c")
        dw_min = estimates[0].value
        estimates += [_scaled(estimate, 1.0 / dw_min) for estimate in self._shared("read_deviation", "write_noise")]
        values |= {estimate.name: estimate.value for estimate in estimates if not estimate.name.endswith("]")}
        return values, tuple(estimates)

    def _steps(self) -> list[Estimate]:
        """dw_min, up_down and their spreads: up = dw_min (g + min(up_down, 0) + r), down = dw_min (g - max(up_down, 0) - r)."""
        up_at, down_at = np.array(self._numbers["up"]), np.array(self._numbers["down"])
        up, down = self.values[up_at], self.values[down_at]
        dw_min, up_down = step_fields(float(up.mean()), float(down.mean()))
        larger = up_at if up.mean() >= down.mean() else down_at
        size_limit, vanished = bool(self.at_limit[larger].any()), abs(up_down) > _VANISHED
        if self.devices == 1:
            z = _quantile()
            i, j = up_at[0], down_at[0]
            ratio = math.log(up[0] / down[0])
            relative = self.covariance[i, i] / up[0] ** 2 + self.covariance[j, j] / down[0] ** 2
            half = z * math.sqrt(max(relative - 2.0 * self.covariance[i, j] / (up[0] * down[0]), 0.0))
            # up_down grows with the logarithm of up / down, so that the ends of one interval are the ends of the other.
            ends = [step_fields(math.exp(end), 1.0)[1] for end in (ratio - half, ratio + half)]
            return [
                *self._shared_at(int(larger[0]), "dw_min"),
                _limited(Estimate("up_down", up_down, ends[0], ends[1]), vanished),
            ]
        own = self.covariance[up_at, up_at], self.covariance[down_at, down_at], self.covariance[up_at, down_at]
        gain, half_difference = (up + down) / 2.0, (up - down) / 2.0
        size = _mean("dw_min", self.values[larger])
        difference = _scaled(_mean("up_down", 2.0 * half_difference), 1.0 / dw_min)
        return [
            _limited(Estimate("dw_min", dw_min, size.low, size.high), size_limit),
            _scaled(_spread("dw_min_spread", gain, (own[0] + own[1] + 2.0 * own[2]) / 4.0), 1.0 / dw_min),
            _limited(Estimate("up_down", up_down, difference.low, difference.high), vanished),
            _scaled(_spread("up_down_spread", half_difference, (own[0] + own[1] - 2.0 * own[2]) / 4.0), 1.0 / dw_min),
        ]

    def _own(self, name: str, field: str, relative: bool) -> list[Estimate]:
        """A parameter of every device, with its spread if several devices determine it."""
        at = np.array(self._numbers[name])
        if self.devices == 1:
            return self._shared_at(int(at[0]), field)
        known = at[self.free[at]]
        if self.at_limit[at].any() or known.size < 2:
            return [Estimate(field, float(self.values[at].mean()), None, None, bool(self.at_limit[at].any()))]
        mean = _mean(field, self.values[known])
        spread = _spread(f"{field}_spread", self.values[known], self.covariance[known, known])
        return [mean, _scaled(spread, 1.0 / mean.value) if relative else spread]

    def _shared(self, name: str, field: str) -> list[Estimate]:
        return self._shared_at(self._numbers[name][0], field)

    def _shared_at(self, i: int, field: str) -> list[Estimate]:
        value = float(self.values[i])
        if self.at_limit[i]:
            return [Estimate(field, value, None, None, at_limit=True)]
        if not self.free[i]:
            return [Estimate(field, value if value > 1e-12 or not self.parameters.entries[i].log else 0.0, None, None)]
        half = _quantile() * float(self.log_deviation[i])
        if self.parameters.entries[i].log:
            return [Estimate(field, value, value * math.exp(-half), value * math.exp(half))]
        return [Estimate(field, value, value - half, value + half)]


def _quantile() -> float:
    return float(stats.norm.ppf(0.5 + CONFIDENCE / 2.0))


def _mean(name: str, values: Vector) -> Estimate:
    """The mean over devices, with Student's interval."""
    mean = float(values.mean())
    half = float(stats.t.ppf(0.5 + CONFIDENCE / 2.0, values.size - 1) * values.std(ddof=1)) / math.sqrt(values.size)
    return Estimate(name, mean, mean - half, mean + half)


def _spread(name: str, values: Vector, variances: Vector) -> Estimate:
    """The standard deviation between devices, less what the uncertainty of each device's own value adds."""
    freedom = values.size - 1
    seen, noise = float(values.var(ddof=1)), float(variances.mean())
    ends = [seen * freedom / float(stats.chi2.ppf(p, freedom)) for p in (0.5 + CONFIDENCE / 2.0, 0.5 - CONFIDENCE / 2.0)]
    spread, low, high = (math.sqrt(max(variance - noise, 0.0)) for variance in (seen, *ends))
    return Estimate(name, spread, low, high)


def _scaled(estimate: Estimate, factor: float) -> Estimate:
    if estimate.low is None or estimate.high is None:
        return replace(estimate, value=estimate.value * factor)
    return replace(estimate, value=estimate.value * factor, low=estimate.low * factor, high=estimate.high * factor)


def _negative(estimate: Estimate) -> Estimate:
    if estimate.name.endswith("_spread"):
        return estimate
    turned = _scaled(estimate, -1.0)
    return replace(turned, low=turned.high, high=turned.low)


def _limited(estimate: Estimate, at_limit: bool) -> Estimate:
    return replace(estimate, low=None, high=None, at_limit=True) if at_limit else estimate
