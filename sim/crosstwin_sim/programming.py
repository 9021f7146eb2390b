"""Read-verify: bring the cells of a tile to weights with one-hot reads and counted pulses.

A correction takes the nominal step for granted. Where a cell runs away from its weight, its next corrections are smaller, in the
ratio of what was asked for to what was seen. Single pulses show how much a pulse leaves to chance. A cell that is nearer than
half of that is not touched, and towards the last rounds a cell that is near enough by luck is left there. A cell that stands
farther than it began gets more rounds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from crosstwin_model.numbers import positive, real_array
from crosstwin_model.registers import TileKind

from .scaling import GAINS, Floats

if TYPE_CHECKING:
    from .crossbar import Crossbar

#: Reads and corrections of a row at most; a cell that has not come to its weight by then cannot reach it.
_ROUNDS = 40
#: Rounds, in those, after which a cell that stands farther from its weight than it began is given up.
_RETURNS = 6
#: Reads that a row's state is averaged over, while it is corrected and at the end: as many as bring the standard error to this
#: part of a step, from the first to the second number.
_REPEATS, _MOST_REPEATS, _RESOLVED = 4, 64, 0.25
#: A cell has run away if it is that many times as far as before, and that many steps farther.
_RUNAWAY_FACTOR, _RUNAWAY_STEPS = 2.0, 4.0
#: Single pulses of which the scatter is learned at least.
_LEARNED = 20
#: Standard errors of a read that are not taken for a change.
_NOISE = 3.0
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
    return measure_row(crossbar, row, kind, repeats, gain)[0]


def measure_row(
    crossbar: Crossbar, row: int, kind: TileKind, repeats: int = _REPEATS, gain: int = _FIRST_GAIN
) -> tuple[Floats, float]:
    """Return what :func:`read_row` does, and the standard error of each weight as the reads' differences show it.

    It is that of all columns together; 0 with a single read.
    """
    one_hot = np.zeros(crossbar.rows)
    one_hot[row] = 1.0
    values, saturated = crossbar.read_vector(one_hot, True, kind, gain)
    while saturated and gain:
        gain = max(gain - 2, 0)
        values, saturated = crossbar.read_vector(one_hot, True, kind, gain)
    gain = best_gain(float(np.abs(values).max()), crossbar.converters.adc_range)
    total, squares = np.zeros(crossbar.columns), 0.0
    for _ in range(repeats):
        values = crossbar.read_vector(one_hot, True, kind, gain)[0]
        total += values
        squares += float(values @ values)
    mean = total / repeats
    variance = (squares - repeats * float(mean @ mean)) / (max(repeats - 1, 1) * mean.size)
    return mean, math.sqrt(max(variance, 0.0) / repeats)


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
        A cell within it is left alone; None takes three quarters of a pulse's step, or twice the standard error of a read where
        that is more.

    Raises
    ------
    ValueError
        If the weights have another shape or are not finite real numbers, or the tolerance is not above 0.
    """
    shape = (crossbar.rows, crossbar.columns)
    weights = real_array("weights", weights, shape)
    if tolerance is not None:
        tolerance = positive("tolerance", tolerance)
    tile = _Tile(positive("step", crossbar.pulses.step))
    errors, allowed = np.empty(shape), np.empty(shape)
    with crossbar.transfers_off():
        for row, target in enumerate(weights):
            cells = _Row(crossbar, row, read, pulsed, target, tolerance, tile)
            errors[row], allowed[row] = cells.settle(), cells.tolerance
    distance = np.abs(errors)
    return Residual(
        float(np.sqrt(np.mean(errors * errors))),
        float(distance.max()),
        float(np.count_nonzero(distance > allowed) / distance.size),
    )


class _Tile:
    """What the pulses of a tile have shown of its cells so far."""

    def __init__(self, step: float) -> None:
        self._step = step
        self._misses: list[Floats] = []
        self._asked = self._moved = 0.0

    def add(self, counts: Floats, moved: Floats, first: NDArray[np.bool_]) -> None:
        """Learn from a round: signed pulses, by how much weights moved, and which cells had no pulse before."""
        once = np.abs(counts) == 1.0
        self._misses.append(np.abs(moved - counts * self._step)[once])
        self._asked += float(np.abs(counts[first]).sum()) * self._step
        self._moved += float((moved * np.sign(counts))[first].sum())

    @property
    def scatter(self) -> float:
        """How far a single pulse ends from where it was to bring a cell: a standard deviation in weights.

        0 if it is not known yet, or less than a step.
        """
        misses = np.concatenate(self._misses) if self._misses else np.zeros(0)
        # The median of the size of normal numbers is .6745 of their deviation; outliers leave it alone.
        found = float(np.median(misses)) / 0.6745 if misses.size >= _LEARNED else 0.0
        return found if found > self._step else 0.0

    @property
    def damping(self) -> float:
        """The part of a cell's first correction that is made: less than all where first corrections went much too far."""
        return self._asked / self._moved if self._moved > _RUNAWAY_FACTOR * self._asked else 1.0


class _Row:
    """One row that is brought to its weights."""

    def __init__(
        self,
        crossbar: Crossbar,
        row: int,
        read: TileKind,
        pulsed: TileKind,
        target: Floats,
        tolerance: float | None,
        tile: _Tile,
    ) -> None:
        self._crossbar, self._row, self._read, self._pulsed, self._target = crossbar, row, read, pulsed, target
        self._step, self._tile = crossbar.pulses.step, tile
        self._direction = 1.0 if read is pulsed else -1.0
        self._repeats = _REPEATS
        self._read_row()
        noise = self._noise
        self.tolerance = max(0.75 * self._step, 2.0 * self._noise) if tolerance is None else tolerance
        self._farthest = np.abs(self._error) + _NOISE * noise
        self._damping = np.full(target.size, tile.damping)
        self._untouched = np.ones(target.size, np.bool_)

    def settle(self) -> Floats:
        """Correct the row round by round, and return its errors as a last read finds them."""
        for number in range(_RETURNS * _ROUNDS):
            distance, scatter = np.abs(self._error), self._tile.scatter
            chosen = np.zeros(distance.size, np.bool_)
            if number < _ROUNDS:
                lucky = 2.0 * scatter / (_ROUNDS - number)
                within = np.where(self._untouched, max(0.5 * scatter, _NOISE * self._noise), lucky)
                chosen = distance > np.maximum(within, self.tolerance)
            if not chosen.any():
                chosen = distance > np.maximum(self._farthest + _NOISE * self._noise, self.tolerance)
            if not chosen.any():
                if number < _ROUNDS:  # the read that found all cells near enough may have been a lucky one
                    self._read_row()
                break
            self._correct(chosen)
        return self._error

    def _read_row(self) -> None:
        values, self._noise = measure_row(self._crossbar, self._row, self._read, self._repeats)
        self._error = self._target - values
        wanted = math.ceil(self._repeats * (self._noise / (_RESOLVED * self._step)) ** 2)
        more = min(max(wanted, self._repeats), max(_MOST_REPEATS, _REPEATS))
        self._noise *= math.sqrt(self._repeats / more)  # of the reads to come
        self._repeats = more

    def _correct(self, chosen: NDArray[np.bool_]) -> None:
        """Pulse some cells towards their weights, and see what that did."""
        before, step = self._error, self._step
        pulses = np.where(chosen, np.maximum(np.rint(self._damping * np.abs(before) / step), 1.0), 0.0)
        pulses = np.copysign(np.minimum(pulses, self._crossbar.driver.config.bl_max), before)
        self._crossbar.pulse_row(self._row, (self._direction * pulses).astype(np.int64), self._pulsed)
        self._read_row()
        moved = before - self._error
        # A cell that did not move is at a bound or stuck, and shows nothing of the others.
        seen = chosen & (np.abs(moved) > self._noise)
        self._tile.add(np.where(seen, pulses, 0.0), moved, self._untouched)
        self._untouched &= ~chosen
        farther = np.abs(self._error) > np.maximum(_RUNAWAY_FACTOR * np.abs(before), np.abs(before) + _RUNAWAY_STEPS * step)
        asked = np.divide(np.abs(pulses) * step, np.abs(moved), out=np.ones(moved.size), where=chosen & farther)
        self._damping *= np.minimum(asked, 1.0)
