"""Fit step rules to measured pulse trains, by likelihood or by least squares over the curve, and say how good the fits are."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from crosstwin_model.config import ConfigurationError
from crosstwin_model.devices import RULES, Device
from crosstwin_model.effects import effective
from crosstwin_sim.errors import CrosstwinError

from .fit_data import DeviceData, Measurement
from .fit_parameters import NOISE, Parameters, starts
from .fit_population import Estimate, Population
from .maximum import Maximum, maximise
from .trajectory import curve_residuals, fit_trajectory

Vector = NDArray[np.float64]

LIKELIHOOD, TRAJECTORY, AUTO = METHODS = ("likelihood", "trajectory", "auto")
#: The trajectory is taken where the curve of the likelihood leaves more than POOR of the variance unexplained, and more than
#: FACTOR times as much as the trajectory.
POOR, FACTOR = 0.2, 2.0
#: Two fits disagree if one leaves FACTOR times as much unexplained as the other, and that is more than this part of the variance.
_SEEN = 0.01
#: By how much a fit with additive noise must be better, in Akaike's criterion, to be taken before one with multiplied noise.
_CLEARLY = 2.0


@dataclass(frozen=True)
class Fit:
    """One rule fitted to one file.

    Parameters
    ----------
    measurement : Measurement
        What was fitted.
    method : str
        ``likelihood`` or ``trajectory``.
    device : Device
        The fitted device, with spreads if several devices were measured.
    estimates : tuple of Estimate
        Its parameters that were fitted.
    cells : tuple of Device
        Each measured device as fitted, without spread.
    curves : tuple of float64[rows]
        The noise-free curve of each measured device, in weights; it starts where each train does.
    read_deviation : float
        Standard deviation of a read, in weights.
    parameters : int
        Numbers that were fitted.
    log_likelihood, aic : float
        Of the values in weights; of two rules fitted by one method the one with the lower Akaike criterion describes the data
        better. Those of two methods do not compare.
    r2, rms_steps : float
        Of the noise-free curves: the part of the data's variance that they explain, and the rms distance in mean measured steps.
    found : (Parameters, Maximum)
        What the search found.
    other : Fit or None
        The same rule fitted by the other method; only the best rule has it.
    """

    measurement: Measurement
    method: str
    device: Device
    estimates: tuple[Estimate, ...]
    cells: tuple[Device, ...]
    curves: tuple[Vector, ...]
    read_deviation: float
    parameters: int
    log_likelihood: float
    aic: float
    r2: float
    rms_steps: float
    found: tuple[Parameters, Maximum] = field(repr=False, compare=False)
    other: Fit | None = None

    @property
    def undetermined(self) -> tuple[str, ...]:
        """Names of the parameters that the data do not determine; they stand where the fit began, noise at 0."""
        return tuple(estimate.name for estimate in self.estimates if estimate.low is None and not estimate.at_limit)

    @property
    def disagrees(self) -> bool:
        """Whether the other method's curve is clearly better or clearly worse."""
        if self.other is None:
            return False
        less, more = sorted((1.0 - self.r2, 1.0 - self.other.r2))
        return more > FACTOR * less and more - less > _SEEN


def fit_rules(
    measurement: Measurement, rules: Sequence[str], name: str, tick: Callable[[], None] = lambda: None, method: str = AUTO
) -> tuple[Fit, ...]:
    """Fit several rules by one method and return the fits, the one with the lowest Akaike criterion first.

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
    method : str
        One of :data:`METHODS`. ``auto`` is ``likelihood``, unless the curve of its best rule leaves more than :data:`POOR` of the
        variance unexplained, and more than :data:`FACTOR` times as much as the curve of that rule by ``trajectory``.

    Raises
    ------
    CrosstwinError
        If a rule or the method is unknown, or none of the rules can be fitted.
    """
    for rule in rules:
        if rule not in RULES:
            raise CrosstwinError(f"there is no model {rule!r}; allowed are {', '.join(sorted(RULES))}")
    if method not in METHODS:
        raise CrosstwinError(f"there is no method {method!r}; allowed are {', '.join(METHODS)}")
    fits = _fit_all(measurement, rules, name, TRAJECTORY if method == TRAJECTORY else LIKELIHOOD, tick)
    fits = _compared(fits, name)
    best, other = fits[0], fits[0].other
    if method == AUTO and other is not None and 1.0 - best.r2 > max(POOR, FACTOR * (1.0 - other.r2)):
        likely = {fit.device.rule: fit for fit in fits}
        fits = _fit_all(measurement, rules, name, TRAJECTORY, near=likely)
        fits = (replace(fits[0], other=replace(likely[fits[0].device.rule], other=None)), *fits[1:])
    return fits


def _fit_all(
    measurement: Measurement,
    rules: Sequence[str],
    name: str,
    method: str,
    tick: Callable[[], None] = lambda: None,
    near: Mapping[str, Fit] | None = None,
) -> tuple[Fit, ...]:
    fits, refusal = [], ""
    for rule in rules:
        try:
            fits.append(_fit(measurement, RULES[rule], name, method, (near or {}).get(rule)))
        except ConfigurationError as error:
            refusal = f"{measurement.source}: the fit of {rule} ends at a device that cannot be: {error}"
        tick()
    if not fits:
        raise CrosstwinError(refusal)
    return tuple(sorted(fits, key=lambda fit: fit.aic))


def _compared(fits: tuple[Fit, ...], name: str) -> tuple[Fit, ...]:
    """The fits, the first with the same rule by the other method, where that ends at a device."""
    best = fits[0]
    measurement, rule = best.measurement, type(best.device)
    try:
        if best.method == LIKELIHOOD:
            other = _fit(measurement, rule, name, TRAJECTORY, best)
        else:
            other = _fit(measurement, rule, name, LIKELIHOOD)
            best = min(best, _fit(measurement, rule, name, TRAJECTORY, other), key=lambda fit: fit.aic)
    except ConfigurationError:
        return fits
    return (replace(best, other=other), *fits[1:])


def _fit(measurement: Measurement, rule: type[Device], name: str, method: str, near: Fit | None = None) -> Fit:
    """Fit one rule; ``near`` is a fit by the other method, from which the search starts once more."""
    data = measurement.devices
    pooled = (
        DeviceData(
            "all",
            np.concatenate([device.weights for device in data]),
            np.concatenate([device.up for device in data]),
            np.concatenate([device.pulses for device in data]),
        ),
    )
    search = maximise if method == LIKELIHOOD else fit_trajectory
    additive = rule.additive_step is not None
    # What a curve misses does not grow with its steps, so that noise around a trajectory is additive where the rule allows.
    given = {"additive": True} if additive and method == TRAJECTORY else {}
    tried = []
    for start in starts(rule):
        parameters = Parameters(rule, {**start, **given}, pooled)
        tried.append((parameters, search(parameters, pooled)))
    parameters, maximum = min(tried, key=lambda one: one[1].aic)
    if method == LIKELIHOOD:
        maximum = _from_the_curve(parameters, pooled, maximum)
        if additive:
            other = Parameters(rule, {**parameters.given, "additive": True}, pooled)
            found = _from_the_curve(other, pooled, maximise(other, pooled))
            parameters, maximum = (other, found) if found.aic < maximum.aic - _CLEARLY else (parameters, maximum)
    if len(data) > 1:
        pooled_values = {entry.name: value for entry, value in zip(parameters.entries, maximum.vector, strict=True)}
        parameters = Parameters(rule, parameters.given, data)
        own_start = ("w_max", "-w_min", "c2c", "read_deviation")
        begin = [entry.start if entry.name in own_start else pooled_values[entry.name] for entry in parameters.entries]
        maximum = search(parameters, data, np.array(begin))
    if near is not None:
        again = Parameters(rule, {**near.found[0].given, **given}, data)
        found = search(again, data, near.found[1].vector)
        parameters, maximum = (again, found) if found.aic < maximum.aic else (parameters, maximum)
    return _result(measurement, method, parameters, maximum, name)


def _from_the_curve(parameters: Parameters, data: Sequence[DeviceData], first: Maximum) -> Maximum:
    """The better of a maximum and that of a search from the nearest curve.

    Where a rule misses the curve, the likelihood has several maxima, and a search from usual values may end far from the best.
    """
    begin = fit_trajectory(parameters, data).vector
    noise = [entry.name in NOISE for entry in parameters.entries]
    begin[noise] = np.array([entry.start for entry in parameters.entries])[noise]
    return min(first, maximise(parameters, data, begin), key=lambda one: one.aic)


def _result(measurement: Measurement, method: str, parameters: Parameters, maximum: Maximum, name: str) -> Fit:
    data = measurement.devices
    built = [parameters.build(maximum.vector, number, name) for number in range(len(data))]
    values, estimates = Population(parameters, maximum, len(data)).device()
    device = parameters.rule(**effective(parameters.rule, {"name": name, **parameters.given, **values}))
    residuals = curve_residuals(parameters, maximum.vector, data)
    residual = sum(float(part @ part) for part in residuals)
    total = sum(float(np.sum((one.weights[one.pulses > 0] - one.weights[one.pulses > 0].mean()) ** 2)) for one in data)
    steps = sum(int((trains.pulses > 0).sum()) for trains in data)
    return Fit(
        measurement=measurement,
        method=method,
        device=device,
        estimates=estimates,
        cells=tuple(cell for cell, _ in built),
        curves=tuple(one.weights - part for one, part in zip(data, residuals, strict=True)),
        read_deviation=built[0][1],
        parameters=int(maximum.free.sum()),
        log_likelihood=maximum.log_likelihood,
        aic=maximum.aic,
        r2=1.0 - residual / total,
        rms_steps=math.sqrt(residual / steps) / parameters.step,
        found=(parameters, maximum),
    )
