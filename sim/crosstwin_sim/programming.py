"""Read-verify: bring the cells of a tile to weights with one-hot reads and counted pulses."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from crosstwin_model.numbers import positive, real_array
from crosstwin_model.registers import TileKind

from .scaling import GAINS, Floats

if TYPE_CHECKING:
    from .crossbar import Crossbar

#: Reads and corrections of a row at most; a cell that has not come to its weight by then cannot reach it.
_ROUNDS = 40
#: Reads that a row's state is averaged over, while it is corrected and at the end.
_REPEATS = 4
#: Reads of unknown size begin here: 2**2 leaves a fourth of the ADC's range.
_FIRST_GAIN = 2
#: Part of the ADC's range that the largest output of a row should take.
_HEADROOM = 0.7


@dataclass(frozen=True)
class Residual:
    """How far a programmed tile is from its weights: root mean square, largest, and the part of cells beyond the tolerance."""

    rms: float
    largest: float
    outside: float


def best_gain(largest: float, adc_range: float) -> int:
    """Return the largest gain (a power of two's exponent) at which an output of that size leaves some head room in the ADC."""
    if largest <= 0.0:
        return GAINS - 1
    return min(max(math.floor(math.log2(_HEADROOM * adc_range / largest)), 0), GAINS - 1)


def read_row(crossbar: Crossbar, row: int, kind: TileKind, repeats: int = _REPEATS, gain: int = _FIRST_GAIN) -> Floats:
    """Return one row's weights, averaged over reads at the largest gain that fits them; ``gain`` is the first guess."""
    one_hot = np.zeros(crossbar.rows)
    one_hot[row] = 1.0
    values, saturated = crossbar.read_vector(one_hot, True, kind, gain)
    while saturated and gain:
        gain = max(gain - 2, 0)
        values, saturated = crossbar.read_vector(one_hot, True, kind, gain)
    gain = best_gain(float(np.abs(values).max()), crossbar.converters.adc_range)
    total = np.zeros(crossbar.columns)
    for _ in range(repeats):
        total += crossbar.read_vector(one_hot, True, kind, gain)[0]
    return total / repeats


def settle(crossbar: Crossbar, read: TileKind, pulsed: TileKind, weights: npt.ArrayLike, tolerance: float | None) -> Residual:
    """Pulse one tile until the read of a tile against its reference gives the weights.

    Parameters
    ----------
    crossbar : Crossbar
        Whose pair.
    read : TileKind
        Tile that is read, C or A.
    pulsed : TileKind
        The same, or its reference; pulses up on that lower the weight.
    weights : real numbers [rows, columns]
    tolerance : float or None
        A cell within it is left alone; None takes three quarters of a pulse's step.

    Raises
    ------
    ValueError
        If the weights have another shape or are not finite real numbers, or the tolerance is not above 0.
    """
    shape = (crossbar.rows, crossbar.columns)
    weights = real_array("weights", weights, shape)
    step = positive("step", crossbar.pulses.step)
    tolerance = 0.75 * step if tolerance is None else positive("tolerance", tolerance)
    direction = 1.0 if read is pulsed else -1.0
    errors = np.empty(shape)
    with crossbar.transfers_off():
        for row, target in enumerate(weights):
            for _ in range(_ROUNDS):
                error = target - read_row(crossbar, row, read)
                wanted = np.where(np.abs(error) > tolerance, direction * error / step, 0.0)
                if not wanted.any():
                    break
                # At least one pulse: a tolerance below half a step would otherwise leave cells forever.
                counts = np.copysign(np.maximum(np.rint(np.abs(wanted)), wanted != 0.0), wanted)
                crossbar.pulse_row(row, counts.astype(np.int64), pulsed)
            errors[row] = target - read_row(crossbar, row, read)
    distance = np.abs(errors)
    return Residual(
        float(np.sqrt(np.mean(errors * errors))),
        float(distance.max()),
        float(np.count_nonzero(distance > tolerance) / distance.size),
    )
