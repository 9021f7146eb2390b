"""The likelihood of measured pulse trains under a device's own step rule, by a filter over the pulses.

A cell's conductance is a state that every pulse moves by the rule's step, with cycle-to-cycle noise, and cuts to its bounds; a
measured value is the state plus noise of the reading. The filter carries the state's mean and variance from pulse to pulse (an
extended Kalman filter whose derivatives are differences over one standard deviation), predicts each measured value, and corrects
the state by what was measured. Where the bounds are near, what is cut off stands at the bound: the likelihood of a value is then
a mixture of a truncated normal number and of the two bounds, the state its mean and variance (censoring, as in a Tobit model).

The noise of pulses adds up along a train and that of reads does not, so that the two are told apart. A fit of the whole curve
would take the random walk of the former for shape; a fit of the single steps would be biased by the latter.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numba.extending import register_jitable
from numpy.typing import NDArray

from crosstwin_model.devices.base import CellDraws, Device
from crosstwin_model.jit import name_variant, njit

from .fit_data import DeviceData

_ROOT_2 = math.sqrt(2.0)
_ROOT_2_PI = math.sqrt(2.0 * math.pi)
_LOG_2_PI = math.log(2.0 * math.pi)
#: Beyond that many deviations from a bound, nothing is cut off.
_FAR = 6.0
_TINY = 1e-300


@dataclass(frozen=True)
class Prediction:
    """What the filter makes of every row.

    Parameters
    ----------
    mean, variance : float64[rows]
        Expected of the measured value. In the first row of a train the value itself, and the variance of the reading.
    log_likelihood : float64[rows]
        Logarithm of the density of the measured value, given those before; 0 in the first row of a train.
    """

    mean: NDArray[np.float64]
    variance: NDArray[np.float64]
    log_likelihood: NDArray[np.float64]


class _MeanCell(CellDraws):
    """The draws of one cell that stands in the middle of every spread."""

    def __call__(self, parameter: int) -> NDArray[np.float64]:
        return np.zeros(1)


_MEAN_CELL = _MeanCell(0, 0, 1)


def mean_planes(device: Device) -> NDArray[np.float32]:
    """Return the planes, float32[2, P, 1], of a cell that has a device's mean parameters."""
    return device.planes(_MEAN_CELL)


def predict(device: Device, read_deviation: float, data: DeviceData, correct: bool = True) -> Prediction:
    """Run the filter along all trains of a device.

    Parameters
    ----------
    device : Device
        Without spread: its mean cell is the measured one. Its step rule, its parameters and c2c are used.
    read_deviation : float
        Standard deviation of a measured value around the conductance, in weights; above 0.
    data : DeviceData
        The trains.
    correct : bool
        Whether each measured value corrects the state that the next is predicted from. Else every train runs freely from its
        first row, and there are no likelihoods.
    """
    prediction = Prediction(*np.zeros((3, data.weights.size)))
    _build(type(device).change, device.pulse_step)(
        mean_planes(device),
        device.shape(),
        np.float32(device.c2c),
        read_deviation**2,
        data.up,
        data.pulses,
        data.weights,
        correct,
        prediction.mean,
        prediction.variance,
        prediction.log_likelihood,
    )
    return prediction


@register_jitable
def _below(x: Any) -> Any:
    """Part of the standard normal distribution below x."""
    return 0.5 * math.erfc(-x / _ROOT_2)


@register_jitable
def _between(a: Any, b: Any) -> Any:
    """Part of the standard normal distribution from a to b, exact in the tails."""
    return _below(-a) - _below(-b) if a > 0.0 else _below(b) - _below(a)


@register_jitable
def _density(x: Any) -> Any:
    return math.exp(-0.5 * x * x) / _ROOT_2_PI


@register_jitable
def _log_normal(error: Any, variance: Any) -> Any:
    return -0.5 * (_LOG_2_PI + math.log(variance) + error * error / variance)


@register_jitable
def _clipped(mean: Any, variance: Any, low: Any, high: Any) -> Any:
    """Mean and variance of a normal number after it was cut to low .. high."""
    deviation = math.sqrt(variance)
    if mean - _FAR * deviation >= low and mean + _FAR * deviation <= high:
        return mean, variance
    if deviation < 1e-12:
        return min(max(mean, low), high), 0.0
    a = (low - mean) / deviation
    b = (high - mean) / deviation
    below = _below(a)
    above = _below(-b)
    shift = a * below + b * above + _density(a) - _density(b)
    square = a * a * below + b * b * above + (1.0 - below - above) + a * _density(a) - b * _density(b)
    return mean + deviation * shift, variance * max(square - shift * shift, 0.0)


@register_jitable
def _measure(mean: Any, variance: Any, low: Any, high: Any, read_variance: Any, value: Any) -> Any:
    """Log-likelihood of a value, and mean and variance of the state given it; the state was normal before it was cut."""
    total = variance + read_variance
    gain = variance / total
    corrected = mean + gain * (value - mean)
    left = gain * read_variance
    deviation = math.sqrt(variance)
    log_free = _log_normal(value - mean, total)
    if deviation < 1e-12 or (mean - _FAR * deviation >= low and mean + _FAR * deviation <= high):
        return log_free, corrected, left
    spread = math.sqrt(left)
    a = (low - corrected) / spread
    b = (high - corrected) / spread
    inside = max(_between(a, b), _TINY)
    log_free += math.log(inside)
    log_low = math.log(max(_below((low - mean) / deviation), _TINY)) + _log_normal(value - low, read_variance)
    log_high = math.log(max(_below((mean - high) / deviation), _TINY)) + _log_normal(value - high, read_variance)
    largest = max(log_free, log_low, log_high)
    free = math.exp(log_free - largest)
    at_low = math.exp(log_low - largest)
    at_high = math.exp(log_high - largest)
    whole = free + at_low + at_high
    density_a = _density(a)
    density_b = _density(b)
    shift = (density_a - density_b) / inside
    edge = a * density_a - b * density_b
    inner_mean = min(max(corrected + spread * shift, low), high)
    inner_variance = left * max(1.0 + edge / inside - shift * shift, 0.0)
    first = (free * inner_mean + at_low * low + at_high * high) / whole
    second = free * (inner_variance + (inner_mean - first) ** 2) + at_low * (low - first) ** 2 + at_high * (high - first) ** 2
    return largest + math.log(whole), first, second / whole


@cache
def _build(change: Callable[..., Any], step: Callable[..., Any]) -> Callable[..., None]:
    def run(
        planes: Any,
        shape: Any,
        c2c: Any,
        read_variance: Any,
        up: Any,
        pulses: Any,
        values: Any,
        correct: Any,
        means: Any,
        variances: Any,
        logs: Any,
    ) -> None:
        zero = np.float32(0.0)
        mean = 0.0
        variance = 0.0
        for row in range(values.size):
            if pulses[row] == 0:
                mean = values[row]
                variance = read_variance
                means[row] = mean
                variances[row] = variance
                continue
            direction = up[row]
            plane = planes[direction]
            constants = shape[direction]
            low = np.float64(plane[0, 0])
            high = np.float64(plane[1, 0])
            for pulse in range(pulses[row]):
                if pulse > 0:
                    mean, variance = _clipped(mean, variance, low, high)
                at = min(max(mean, low), high)
                deviation = math.sqrt(variance)
                spread = 0.0
                if deviation > 0.0:
                    left = min(max(mean - deviation, low), high)
                    right = min(max(mean + deviation, low), high)
                    fall = np.float64(change(np.float32(left), plane, 0, zero, constants))
                    rise = np.float64(change(np.float32(right), plane, 0, zero, constants))
                    spread = 0.5 * (right + rise - left - fall)
                more = np.float64(step(np.float32(at), plane, 0, c2c, constants))
                less = np.float64(step(np.float32(at), plane, 0, -c2c, constants))
                own = 0.5 * (more - less)
                mean = at + np.float64(change(np.float32(at), plane, 0, zero, constants))
                variance = spread * spread + own * own
            means[row], predicted = _clipped(mean, variance, low, high)
            variances[row] = predicted + read_variance
            if correct:
                logs[row], mean, variance = _measure(mean, variance, low, high, read_variance, values[row])
            else:
                mean, variance = means[row], predicted

    return njit(name_variant(run, change.__name__, step.__name__))
