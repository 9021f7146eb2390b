"""Fit a step rule to measured pulse trains: parameters with confidence intervals, spreads between devices, and how good it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from crosstwin_model.config import ConfigurationError
from crosstwin_model.devices import RULES, Device
from crosstwin_sim.errors import CrosstwinError

from .fit_data import DeviceData, Measurement
from .fit_parameters import Parameters, own_fields, starts, step_fields
from .likelihood import predict
from .maximum import Maximum, maximise

Vector = NDArray[np.float64]

#: Share of the intervals that hold the true value.
CONFIDENCE = 0.95
#: By how much a fit with additive noise must be better, in Akaike's criterion, to be taken before one with multiplied noise.
_CLEARLY = 2.0


@dataclass(frozen=True)
class Estimate:
    """A parameter of the fitted device, and its interval of confidence; None where the data do not determine it."""

    name: str
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Fit:
    """One rule fitted to one file.

    Parameters
    ----------
    measurement : Measurement
        What was fitted.
    device : Device
        The fitted device, with spreads if several devices were measured.
    estimates : tuple of Estimate
        Its parameters that were fitted.
    cells : tuple of Device
        Each measured device as fitted, without spread.
    read_deviation : float
        Standard deviation of a read, in weights.
    parameters : int
        Numbers that were fitted.
    log_likelihood, aic : float
        Of the values in weights; of two rules the one with the lower Akaike criterion describes the data better.
    r2, rms_steps : float
        Of the curves without noise that start where the trains do: the part of the data's variance that they explain, and the rms
        distance in mean measured steps.
    """

    measurement: Measurement
    device: Device
    estimates: tuple[Estimate, ...]
    cells: tuple[Device, ...]
    read_deviation: float
    parameters: int
    log_likelihood: float
    aic: float
    r2: float
    rms_steps: float

    @property
    def undetermined(self) -> tuple[str, ...]:
        """Names of the parameters that the data do not determine; they stand where the fit began, noise at 0."""
        return tuple(estimate.name for estimate in self.estimates if estimate.low is None)


def fit_rules(
    measurement: Measurement, rules: Sequence[str], name: str, tick: Callable[[], None] = lambda: None
) -> tuple[Fit, ...]:
    """Fit several rules and return the fits, the one with the lowest Akaike criterion first.

    Parameters
    ----------
    measurement : Measurement
        The data.
    rules : sequence of str
        Keys of ``crosstwin_model.devices.RULES``.
    name : str
        Names the fitted device: letters, digits, ``_`` and ``-``.
    tick : callable
        Called after every rule.

    Raises
    ------
    CrosstwinError
        If a rule is unknown, or none of them can be fitted.
    """
    for rule in rules:
        if rule not in RULES:
            raise CrosstwinError(f"there is no model {rule!r}; allowed are {', '.join(sorted(RULES))}")
    fits, refusal = [], ""
    for rule in rules:
        try:
            fits.append(_fit(measurement, RULES[rule], name))
        except ConfigurationError as error:
            refusal = f"{measurement.source}: the fit of {rule} ends at a device that cannot be: {error}"
        tick()
    if not fits:
        raise CrosstwinError(refusal)
    return tuple(sorted(fits, key=lambda fit: fit.aic))


def _fit(measurement: Measurement, rule: type[Device], name: str) -> Fit:
    data = measurement.devices
    pooled = (
        DeviceData(
            "all",
            np.concatenate([device.weights for device in data]),
            np.concatenate([device.up for device in data]),
            np.concatenate([device.pulses for device in data]),
        ),
    )
    best: tuple[Parameters, Maximum] | None = None
    for start in starts(rule):
        parameters = Parameters(rule, start, pooled)
        found = maximise(parameters, pooled)
        if best is None or found.aic < best[1].aic:
            best = parameters, found
    assert best is not None
    if rule.additive_step is not None:
        parameters = Parameters(rule, {**best[0].given, "additive": True}, pooled)
        found = maximise(parameters, pooled)
        best = (parameters, found) if found.aic < best[1].aic - _CLEARLY else best
    parameters, maximum = best
    if len(data) > 1:
        pooled_values = {entry.name: value for entry, value in zip(parameters.entries, maximum.vector, strict=True)}
        parameters = Parameters(rule, parameters.given, data)
        own_start = ("w_max", "-w_min", "c2c", "read_deviation")
        begin = [entry.start if entry.name in own_start else pooled_values[entry.name] for entry in parameters.entries]
        maximum = maximise(parameters, data, np.array(begin))
    return _result(measurement, parameters, maximum, name)


def _result(measurement: Measurement, parameters: Parameters, maximum: Maximum, name: str) -> Fit:
    data = measurement.devices
    built = [parameters.build(maximum.vector, number, name) for number in range(len(data))]
    values, estimates = _Population(parameters, maximum, len(data)).device()
    device = parameters.rule(name=name, **{**parameters.given, **values})
    residual = total = 0.0
    for (cell, deviation), trains in zip(built, data, strict=True):
        mean = predict(cell, deviation, trains, correct=False).mean
        moved = trains.pulses > 0
        residual += float(np.sum((trains.weights - mean)[moved] ** 2))
        total += float(np.sum((trains.weights[moved] - trains.weights[moved].mean()) ** 2))
    steps = sum(int((trains.pulses > 0).sum()) for trains in data)
    return Fit(
        measurement=measurement,
        device=device,
        estimates=estimates,
        cells=tuple(cell for cell, _ in built),
        read_deviation=built[0][1],
        parameters=int(maximum.free.sum()),
        log_likelihood=maximum.log_likelihood,
        aic=maximum.aic,
        r2=1.0 - residual / total,
        rms_steps=math.sqrt(residual / steps) / parameters.step,
    )


class _Population:
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
        if self.devices == 1:
            z = _quantile()
            i, j = up_at[0], down_at[0]
            ratio = math.log(up[0] / down[0])
            relative = self.covariance[i, i] / up[0] ** 2 + self.covariance[j, j] / down[0] ** 2
            half = z * math.sqrt(max(relative - 2.0 * self.covariance[i, j] / (up[0] * down[0]), 0.0))
            # up_down grows with the logarithm of up / down, so that the ends of one interval are the ends of the other.
            ends = [step_fields(math.exp(end), 1.0)[1] for end in (ratio - half, ratio + half)]
            return [*self._shared_at(int(larger[0]), "dw_min"), Estimate("up_down", up_down, ends[0], ends[1])]
        own = self.covariance[up_at, up_at], self.covariance[down_at, down_at], self.covariance[up_at, down_at]
        gain, half_difference = (up + down) / 2.0, (up - down) / 2.0
        size = _mean("dw_min", self.values[larger])
        difference = _scaled(_mean("up_down", 2.0 * half_difference), 1.0 / dw_min)
        return [
            Estimate("dw_min", dw_min, size.low, size.high),
            _scaled(_spread("dw_min_spread", gain, (own[0] + own[1] + 2.0 * own[2]) / 4.0), 1.0 / dw_min),
            Estimate("up_down", up_down, difference.low, difference.high),
            _scaled(_spread("up_down_spread", half_difference, (own[0] + own[1] - 2.0 * own[2]) / 4.0), 1.0 / dw_min),
        ]

    def _own(self, name: str, field: str, relative: bool) -> list[Estimate]:
        """A parameter of every device, with its spread if several devices determine it."""
        at = np.array(self._numbers[name])
        if self.devices == 1:
            return self._shared_at(int(at[0]), field)
        known = at[self.free[at]]
        if known.size < 2:
            return [Estimate(field, float(self.values[at].mean()), None, None)]
        mean = _mean(field, self.values[known])
        spread = _spread(f"{field}_spread", self.values[known], self.covariance[known, known])
        return [mean, _scaled(spread, 1.0 / mean.value) if relative else spread]

    def _shared(self, name: str, field: str) -> list[Estimate]:
        return self._shared_at(self._numbers[name][0], field)

    def _shared_at(self, i: int, field: str) -> list[Estimate]:
        value = float(self.values[i])
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
        return Estimate(estimate.name, estimate.value * factor, None, None)
    return Estimate(estimate.name, estimate.value * factor, estimate.low * factor, estimate.high * factor)


def _negative(estimate: Estimate) -> Estimate:
    if estimate.name.endswith("_spread"):
        return estimate
    turned = _scaled(estimate, -1.0)
    return Estimate(turned.name, turned.value, turned.high, turned.low)
