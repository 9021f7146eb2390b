"""The parameters under which measured pulse trains are most likely, and how well the data determine them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from crosstwin_model.config import ConfigurationError

from .fit_data import DeviceData
from .fit_parameters import CELL, DETERMINED, NOISE, NOTHING, Parameters
from .likelihood import Prediction, predict

Vector = NDArray[np.float64]

#: Half the distance over which derivatives are taken: a part of a number's deviation, within limits. The rules compute in
#: float32, which smaller distances would see.
_PART, _SHORTEST, _LONGEST = 0.1, 1e-5, 1e-3
_NEVER = 9
_ITERATIONS = 40
#: A search ends within that many deviations, squared, of the top: the last one, and those before it.
_SETTLED, _NEAR = 2e-3, 0.1
#: Least deviation of a read, in measured steps, from one search to the next. Where cells stand at a bound the likelihood is a
#: narrow ridge, which is found from a wide one; and data without any noise would be infinitely likely.
_FLOORS = (1.0, 0.3, 0.1, 0.02)


@dataclass(frozen=True)
class Maximum:
    """The end of a search.

    Parameters
    ----------
    vector : float64[n]
        The parameters.
    covariance : float64[n, n]
        Theirs, from the Fisher information; 0 for those that are held.
    free : bool[n]
        Which of them the data determine; the others are held where the search had left them, noise at nothing.
    log_likelihood : float
        Of the data, in weights.
    """

    vector: Vector
    covariance: Vector
    free: NDArray[np.bool_]
    log_likelihood: float

    @property
    def aic(self) -> float:
        """Akaike's criterion: twice the number of free parameters less twice the logarithm of the likelihood."""
        return 2.0 * (int(self.free.sum()) - self.log_likelihood)


class _Posterior:
    """Logarithm of the likelihood and of the prior, negative, with its derivatives."""

    def __init__(self, parameters: Parameters, data: Sequence[DeviceData]) -> None:
        self.parameters = parameters
        self.data = data
        self.distance = np.full(len(parameters.entries), _LONGEST)
        self.floor = _FLOORS[-1] * parameters.step
        self.start = np.array([entry.start for entry in parameters.entries])
        self.weight = np.array([entry.prior for entry in parameters.entries]) ** -2.0

    def predict(self, vector: Vector, device: int) -> Prediction:
        """What the filter makes of a device's rows."""
        built, deviation = self.parameters.build(vector, device)
        return predict(built, math.hypot(deviation, self.floor), self.data[device])

    def log_likelihood(self, vector: Vector) -> float:
        return sum(float(self.predict(vector, device).log_likelihood.sum()) for device in range(len(self.data)))

    def value(self, vector: Vector) -> float:
        """Infinite where no device may have these parameters."""
        try:
            likelihood = self.log_likelihood(vector)
        except ConfigurationError:
            return math.inf
        return float(0.5 * np.sum(self.weight * (vector - self.start) ** 2)) - likelihood

    def slope(self, vector: Vector, free: NDArray[np.bool_]) -> tuple[Vector, Vector]:
        """Gradient, and the Fisher information as if values were normal: second derivatives for the search, never negative."""
        gradient = self.weight * (vector - self.start)
        metric = np.diag(self.weight)
        for device in range(len(self.data)):
            which = self._free(device, free)
            score, information = self._device(vector, which, device)
            gradient[which] -= score
            metric[np.ix_(which, which)] += information
        self.distance = np.clip(_PART / np.sqrt(np.diag(metric)), _SHORTEST, _LONGEST)
        return gradient, metric

    def curvature(self, vector: Vector, free: NDArray[np.bool_]) -> Vector:
        """Second derivatives, by differences of the gradient; or the Fisher information where they are not those of a maximum."""
        _, metric = self.slope(vector, free)
        result = np.diag(self.weight)
        for device in range(len(self.data)):
            which = self._free(device, free)
            part = np.empty((len(which), len(which)))
            for row, i in enumerate(which):
                sides = []
                for sign in (1.0, -1.0):
                    moved = vector.copy()
                    moved[i] += sign * self.distance[i]
                    try:
                        sides.append(self._device(moved, which, device)[0])
                    except ConfigurationError:
                        return metric
                part[row] = (sides[1] - sides[0]) / (2.0 * self.distance[i])
            # Of two equal derivatives, that along the number which the data determine better has the smaller error.
            sharp = np.diag(metric)[which]
            part = np.where(sharp[:, None] >= sharp[None, :], part, part.T)
            result[np.ix_(which, which)] += part
        scale = 1.0 / np.sqrt(np.diag(metric))
        least = float(np.linalg.eigvalsh((result * np.outer(scale, scale))[np.ix_(free, free)]).min())
        return result if least > 1e-9 else metric

    def without_best_row(self, vector: Vector, i: int) -> float:
        """Information on one number of a device, its most telling row left out.

        The largest value of any data is likely under a bound that stands just there, and would seem to determine it.
        """
        step = np.zeros_like(vector)
        step[i] = self.distance[i]
        device = self.parameters.entries[i].device
        try:
            left, middle, right = (self.predict(vector + sign * step, device).log_likelihood for sign in (-1.0, 0.0, 1.0))
        except ConfigurationError:
            return 0.0
        rows = (2.0 * middle - left - right) / self.distance[i] ** 2
        return float(rows.sum() - rows.max())

    def _free(self, device: int, free: NDArray[np.bool_]) -> list[int]:
        return [i for i in self.parameters.indices(device) if free[i]]

    def _device(self, vector: Vector, which: list[int], device: int) -> tuple[Vector, Vector]:
        """A device's part of the score and of the Fisher information."""
        variance = self.predict(vector, device).variance
        mean, spread, score = (
            np.array(item) for item in zip(*(self._derivatives(vector, i, device) for i in which), strict=True)
        )
        return score.sum(axis=1), (mean / variance) @ mean.T + 0.5 * (spread / variance**2) @ spread.T

    def _derivatives(self, vector: Vector, i: int, device: int) -> tuple[Vector, Vector, Vector]:
        """Of a device's means, variances and likelihoods by one number; a side that no device may have is left out."""
        sides = []
        for step in (self.distance[i], -self.distance[i], 0.0):
            moved = vector.copy()
            moved[i] += step
            try:
                sides.append((step, self.predict(moved, device)))
            except ConfigurationError:
                continue
            if len(sides) == 2:
                break
        (first, high), (second, low) = sides
        width = first - second
        return (
            (high.mean - low.mean) / width,
            (high.variance - low.variance) / width,
            (high.log_likelihood - low.log_likelihood) / width,
        )


def maximise(parameters: Parameters, data: Sequence[DeviceData], start: Vector | None = None) -> Maximum:
    """Find the most likely parameters; those that the data do not determine are held, one after the other.

    Parameters
    ----------
    parameters : Parameters
        What is varied.
    data : sequence of DeviceData
        The devices that ``parameters`` were made for.
    start : float64[n], optional
        Where to start, by default where the entries say.
    """
    posterior = _Posterior(parameters, data)
    vector = posterior.start.copy() if start is None else start.copy()
    free = np.ones(vector.size, np.bool_)
    prior = np.array([entry.prior for entry in parameters.entries])
    rank = np.array([_rank(entry.name) for entry in parameters.entries])
    for floor in _FLOORS[:-1] if start is None else ():
        posterior.floor = floor * parameters.step
        vector = _search(posterior, vector, free, _NEAR)
    posterior.floor = _FLOORS[-1] * parameters.step
    while True:
        vector = _search(posterior, vector, free, _SETTLED)
        covariance = np.zeros((vector.size, vector.size))
        covariance[np.ix_(free, free)] = np.linalg.inv(posterior.curvature(vector, free)[np.ix_(free, free)])
        blurred = free & (np.sqrt(np.diag(covariance)) > DETERMINED * prior)
        for i in np.flatnonzero(free & ~blurred):
            if parameters.entries[i].name in CELL[2:]:
                blurred[i] = posterior.without_best_row(vector, int(i)) < (DETERMINED * prior[i]) ** -2.0
        if not (blurred & (rank < _NEVER)).any():
            return Maximum(vector, covariance, free, posterior.log_likelihood(vector))
        worst = int(np.where(blurred, rank, _NEVER).argmin())
        free[worst] = False
        if parameters.entries[worst].name in NOISE:
            vector[worst] = NOTHING


def _rank(name: str) -> int:
    """Which of the numbers that the data do not determine is held first: noise, then bounds, never a step."""
    order = (NOISE, CELL[2:])
    return next((rank for rank, names in enumerate(order) if name in names), _NEVER if name in CELL else len(order))


def _search(posterior: _Posterior, vector: Vector, free: NDArray[np.bool_], near: float) -> Vector:
    """Fisher scoring within a trust region, over the free numbers, until the square of the deviations left is below ``near``."""
    cached: tuple[bytes, Vector, Vector] | None = None

    def whole(part: Vector) -> Vector:
        result = vector.copy()
        result[free] = part
        return result

    def slope(part: Vector) -> tuple[Vector, Vector]:
        nonlocal cached
        key = part.tobytes()
        if cached is None or cached[0] != key:
            try:
                gradient, metric = posterior.slope(whole(part), free)
                cached = (key, gradient[free], metric[np.ix_(free, free)])
            except ConfigurationError:  # the search looks there before it turns back
                cached = (key, np.zeros(part.size), np.eye(part.size))
        return cached[1], cached[2]

    def settled(intermediate_result: optimize.OptimizeResult) -> None:
        gradient, metric = slope(intermediate_result.x)
        if gradient @ np.linalg.solve(metric, gradient) < near:
            raise StopIteration

    result = optimize.minimize(
        lambda part: posterior.value(whole(part)),
        vector[free],
        method="trust-exact",
        jac=lambda part: slope(part)[0],
        hess=lambda part: slope(part)[1],
        callback=settled,
        options={"initial_trust_radius": 0.5, "max_trust_radius": 5.0, "maxiter": _ITERATIONS},
    )
    return whole(result.x)
