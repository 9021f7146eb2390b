"""Least squares over whole curves: the noise-free curve of a step rule that lies nearest to measured pulse trains.

The likelihood judges each value by those before it. Where a rule cannot bend as the device does, it explains the misfit as noise
of the pulses, and the curve as a random walk. Least squares keeps to the curve, and takes its noise from the residuals: noise of
reads makes neighbouring differences of residuals correlate by -1 times its variance, and the noise of pulses is what is left.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from crosstwin_model.config import ConfigurationError

from .fit_data import DeviceData
from .fit_parameters import DETERMINED, NOISE, NOTHING, Parameters
from .likelihood import predict
from .maximum import Maximum

Vector = NDArray[np.float64]

#: Deviation of a read under which curves are run, in measured steps: so little that nothing is cut off at the bounds.
_NO_NOISE = 1e-6
#: What one deviation of the prior counts in residuals, in measured steps.
_PRIOR_STEPS = 0.1
#: Distance over which derivatives are taken; the rules compute in float32.
_DIFFERENCE = 1e-3
_EVALUATIONS = 100
#: Residual under parameters that no device may have, in weights: the search turns back.
_WORST = 1e3
#: Readings after the start of a ramp that say nothing about noise, as most rules miss the curve there.
_BEGIN = 2
#: A noise counts if its variance is more than that many standard errors.
_SIGNIFICANT = 2.0


def curve_residuals(
    parameters: Parameters, vector: Vector, data: Sequence[DeviceData], numbers: Sequence[int] | None = None
) -> list[Vector]:
    """Return how far each device's values lie from the noise-free curve that starts where each train does, float64[rows] each.

    ``numbers`` are the devices that are wanted, by default all.

    Raises
    ------
    ConfigurationError
        If no device may have these parameters.
    """
    quiet = vector.copy()
    quiet[[entry.name in NOISE for entry in parameters.entries]] = NOTHING
    deviation = _NO_NOISE * parameters.step
    found = []
    for number in range(len(data)) if numbers is None else numbers:
        cell, _ = parameters.build(quiet, number)
        found.append(data[number].weights - predict(cell, deviation, data[number], correct=False).mean)
    return found


def fit_trajectory(parameters: Parameters, data: Sequence[DeviceData], start: Vector | None = None) -> Maximum:
    """Find the noise-free curve with the least squared residuals, and estimate the noise around it.

    Intervals hold for residuals that are correlated along a train (Newey and West's estimate of the covariance), not for a rule
    that misses the curve. The likelihood is that of independent normal residuals, and not comparable with the filter's.

    Parameters
    ----------
    parameters : Parameters
        What is varied.
    data : sequence of DeviceData
        The devices that ``parameters`` were made for.
    start : float64[n], optional
        Where to start, by default where the entries say.
    """
    problem = _Problem(parameters, data)
    begin = problem.centre if start is None else start
    found = optimize.least_squares(problem.residuals, begin[problem.shape], jac=problem.jacobian, max_nfev=_EVALUATIONS)
    vector = problem.whole(found.x)
    residuals = curve_residuals(parameters, vector, data)
    covariance = problem.covariance(found.x, residuals)
    free = problem.shape & (np.sqrt(np.diag(covariance)) <= DETERMINED * problem.prior)
    _add_noise(parameters, vector, covariance, free, residuals, data)
    covariance[~free] = covariance[:, ~free] = 0.0
    count = sum(int((one.pulses > 0).sum()) for one in data)
    square = max(sum(float(part @ part) for part in residuals), np.finfo(float).tiny) / count
    return Maximum(vector, covariance, free, -0.5 * count * (math.log(2.0 * math.pi * square) + 1.0))


class _Problem:
    """Residuals of all devices and of the prior, with their derivatives, over all numbers but the noise."""

    def __init__(self, parameters: Parameters, data: Sequence[DeviceData]) -> None:
        self.parameters = parameters
        self.data = data
        self.shape = np.array([entry.name not in NOISE for entry in parameters.entries])
        self.centre = np.array([entry.start for entry in parameters.entries])
        self.prior = np.array([entry.prior for entry in parameters.entries])
        self.weight = (_PRIOR_STEPS * parameters.step / self.prior)[self.shape]

    def whole(self, part: Vector) -> Vector:
        """The vector with these numbers, and the noise where it starts."""
        vector = self.centre.copy()
        vector[self.shape] = part
        return vector

    def _curves(self, part: Vector, numbers: Sequence[int]) -> Vector | None:
        """Residuals of some devices; None where no device may have these numbers."""
        try:
            return np.concatenate(curve_residuals(self.parameters, self.whole(part), self.data, numbers))
        except ConfigurationError:
            return None

    def residuals(self, part: Vector) -> Vector:
        curves = self._curves(part, range(len(self.data)))
        if curves is None:
            curves = np.full(sum(one.weights.size for one in self.data), _WORST)
        return np.concatenate([curves, self.weight * (part - self.centre[self.shape])])

    def jacobian(self, part: Vector) -> Vector:
        """Central differences; one-sided where a device may not have the numbers on the other side."""
        columns = np.diag(self.weight)
        ends = np.cumsum([one.weights.size for one in self.data])
        slopes = np.zeros((part.size, ends[-1]))
        for row, i in enumerate(np.flatnonzero(self.shape)):
            device = self.parameters.entries[i].device
            numbers = range(len(self.data)) if device < 0 else [device]
            sides: list[tuple[float, Vector]] = []
            for distance in (_DIFFERENCE, -_DIFFERENCE, 0.0):
                moved = part.copy()
                moved[row] += distance
                curves = self._curves(moved, numbers)
                if curves is not None and len(sides) < 2:
                    sides.append((distance, curves))
            if len(sides) == 2:
                (first, high), (second, low) = sides
                start = ends[numbers[0]] - self.data[numbers[0]].weights.size
                slopes[row, start : ends[numbers[-1]]] = (high - low) / (first - second)
        return np.concatenate([slopes.T, columns])

    def covariance(self, part: Vector, residuals: Sequence[Vector]) -> Vector:
        """Newey and West's estimate, with lags within trains, and the prior as readings of their own."""
        jacobian = self.jacobian(part)
        inverse = np.linalg.inv(jacobian.T @ jacobian)
        scores = jacobian[: -part.size] * np.concatenate(residuals)[:, None]
        trains = np.cumsum(np.concatenate([one.pulses == 0 for one in self.data]))
        lags = max(1, round(2.0 * scores.shape[0] ** (1.0 / 3.0)))
        middle = scores.T @ scores + np.diag((self.weight * _PRIOR_STEPS * self.parameters.step) ** 2)
        for lag in range(1, min(lags, scores.shape[0] - 1) + 1):
            same = (trains[lag:] == trains[:-lag])[:, None]
            product = (scores[lag:] * same).T @ scores[:-lag]
            middle += (1.0 - lag / (lags + 1.0)) * (product + product.T)
        middle *= scores.shape[0] / max(scores.shape[0] - part.size, 1)
        result = np.zeros((self.shape.size, self.shape.size))
        result[np.ix_(self.shape, self.shape)] = inverse @ middle @ inverse
        return result


def _add_noise(
    parameters: Parameters,
    vector: Vector,
    covariance: Vector,
    free: NDArray[np.bool_],
    residuals: Sequence[Vector],
    data: Sequence[DeviceData],
) -> None:
    """Estimate both noises from differences of neighbouring residuals, and enter them; 0 where they are not significant."""
    pulses, reads, squares = [], [], []
    for number, (one, residual) in enumerate(zip(data, residuals, strict=True)):
        noise, step = np.diff(residual, prepend=residual[0]), np.diff(one.weights - residual, prepend=0.0)
        square = np.asarray(np.square(step) / np.maximum(one.pulses, 1), np.float64)
        if parameters.given.get("additive"):
            square = np.asarray(one.pulses * parameters.build(vector, number)[0].dw_min ** 2, np.float64)
        begins = (np.diff(one.up, prepend=one.up[0]) != 0) | (one.pulses == 0)
        for begin, last in pairwise([*np.flatnonzero(begins).tolist(), begins.size]):
            first = begin + _BEGIN
            if last - first < _BEGIN:
                continue
            part = noise[first:last] - noise[first:last].mean()
            product = part[:-1] * part[1:]
            pulses.append(part[:-1] ** 2 + 2.0 * product)
            reads.append(-product)
            squares.append(square[first : last - 1])
    for name, parts, unit in (("c2c", pulses, squares), ("read_deviation", reads, [np.ones(1)])):
        i = next(i for i, entry in enumerate(parameters.entries) if entry.name == name)
        values = np.concatenate(parts) if parts else np.zeros(1)
        scale = float(np.concatenate(unit).mean()) if unit else 0.0
        mean, error = float(values.mean()), _mean_error(values)
        if mean > _SIGNIFICANT * error and scale > 0.0:
            vector[i], covariance[i, i], free[i] = 0.5 * math.log(mean / scale), (0.5 * error / mean) ** 2, True
        else:
            vector[i], covariance[i, i], free[i] = NOTHING, 0.0, False


def _mean_error(values: Vector) -> float:
    """Standard error of a mean of products that overlap by one."""
    centred = values - values.mean()
    variance = float(centred @ centred) + 2.0 * sum((1.0 - k / 4.0) * float(centred[k:] @ centred[:-k]) for k in (1, 2, 3))
    return math.sqrt(max(variance, 0.0)) / values.size
