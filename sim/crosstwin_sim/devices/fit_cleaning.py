"""Readings that are none: overflows, lone zeros and glitches are left out, and jumps between ramps begin a new train.

A step that is real stays: only a reading that the next ones take back, under pulses of the same direction, is a glitch. What
cannot be told from a step is refused. Everything that is left out is named in a note.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from crosstwin_sim.errors import CrosstwinError

from .fit_trains import Reading

Vector = NDArray[np.float64]

#: A glitch departs from the readings around it by more than that many robust deviations of all readings from their neighbours,
#: more than that many times the third largest step nearby, and more than that part of the range of all readings.
DEVIATIONS, STEPS, RANGE = 10.0, 3.0, 0.1
#: Most readings in a row that are a glitch, and steps on each side that are nearby.
_LONGEST, _NEARBY = 3, 5
#: A jump is larger than that many of the next steps, and that many robust deviations more.
JUMP_STEPS, _JUMP_DEVIATIONS = 4.0, 5.0
#: Most readings of a device that may be lost.
MOST_LOST = 0.1
#: Beyond that many times the range of all readings, a first or last reading cannot be a step.
_OUT_OF_RANGE = 2.0
#: Lines that a note names.
_NAMED = 8


def clean(path: str, label: str, trains: Sequence[Sequence[Reading]]) -> tuple[list[list[Reading]], list[str]]:
    """Return the trains of a device without lost readings, split where values jump, and notes on what was done.

    Raises
    ------
    CrosstwinError
        If a reading may be a glitch or a step, or too many are lost.
    """
    lost = [reading for train in trains for reading in train if reading.reason]
    kept = [[reading for reading in train if not reading.reason] for train in trains]
    scale = _Scale(kept)
    result = []
    for train in kept:
        for search in (_zeros, _glitches):
            bad = search(path, train, scale)
            lost += [_with_reason(train[i], bad[i]) for i in sorted(bad)]
            train = [reading for i, reading in enumerate(train) if i not in bad]
        result.append(train)
    total = sum(len(train) for train in trains)
    notes = []
    if lost:
        listed = _listed(sorted(lost, key=lambda reading: reading.line))
        if len(lost) > MOST_LOST * total:
            raise CrosstwinError(
                f"{path}: {len(lost)} of {total} readings of {label} are lost: {listed}; allowed is up to a tenth"
            )
        notes.append(f"{path}: {len(lost)} of {total} readings of {label} left out as lost: {listed}.")
    split = []
    for train, original in zip(result, trains, strict=True):
        parts = _merge(train, original)
        for part in parts:
            pieces, jumps = _split(path, part, scale.deviation)
            split += pieces
            notes += jumps
    return split, notes


class _Scale:
    """How far the readings of a device usually lie from their neighbours, and their range."""

    def __init__(self, trains: Sequence[Sequence[Reading]]) -> None:
        values = [np.array([reading.value for reading in train]) for train in trains]
        bends = np.concatenate([np.zeros(0), *(one[1:-1] - (one[:-2] + one[2:]) / 2.0 for one in values if one.size > 2)])
        every = np.concatenate([np.zeros(0), *values])
        self.deviation = 1.4826 * float(np.median(np.abs(bends - np.median(bends)))) if bends.size else 0.0
        low, high = np.quantile(every, (0.05, 0.95)) if every.size else (0.0, 0.0)
        self.range = float(high - low)
        self.nearest_to_zero = float(np.abs(every[every != 0.0]).min(initial=math.inf))

    def least(self, steps: Vector, first: int, last: int) -> float:
        """Least departure of a glitch in the readings ``first`` to ``last - 1``; ``steps[i]`` is the size of that after i."""
        before, after = steps[max(first - 1 - _NEARBY, 0) : max(first - 1, 0)], steps[last : last + _NEARBY]
        # The two largest may be the steps to and from another glitch.
        nearby = np.sort(np.concatenate((np.zeros(3), before, after)))[-3]
        return max(DEVIATIONS * self.deviation, STEPS * float(nearby), RANGE * self.range)


def _departures(values: Vector, length: int) -> Vector:
    """By how much every run of readings lies above, or below, the readings on either side, float64[runs]; 0 if neither."""
    runs = np.lib.stride_tricks.sliding_window_view(values, length)
    before, after = (np.full(runs.shape[0], math.nan) for _ in range(2))
    before[1:], after[:-1] = values[: runs.shape[0] - 1], values[length:]
    over = runs.min(axis=1) - np.fmax(before, after)
    under = np.fmin(before, after) - runs.max(axis=1)
    return np.nan_to_num(np.maximum(np.maximum(over, under), 0.0))


def _zeros(path: str, train: list[Reading], scale: _Scale) -> dict[int, str]:
    """Zeros among values that are all far from 0 are lost readings, wherever they stand."""
    values = np.array([reading.value for reading in train])
    steps = np.abs(np.diff(values))
    at = np.flatnonzero(values == 0.0)
    bad: dict[int, str] = {}
    for run in np.split(at, np.flatnonzero(np.diff(at) > 1) + 1) if 0 < at.size < values.size else []:
        first, last = int(run[0]), int(run[-1]) + 1
        least = scale.least(steps, first, last)
        others = scale.nearest_to_zero if first == 0 or last == values.size else math.inf
        if _departures(values, last - first)[first] > least and others > least:
            bad |= dict.fromkeys(range(first, last), "0 among values far from 0")
    return bad


def _glitches(path: str, train: list[Reading], scale: _Scale) -> dict[int, str]:
    """The largest first, as the readings between two glitches depart from both."""
    left = list(range(len(train)))
    bad: dict[int, str] = {}
    length = 1
    while length <= min(_LONGEST, len(left) - 1):
        first = _largest(path, [train[i] for i in left], length, scale)
        if first is None:
            length += 1
            continue
        bad |= dict.fromkeys(left[first : first + length], "glitch")
        del left[first : first + length]
    return bad


def _largest(path: str, train: list[Reading], length: int, scale: _Scale) -> int | None:
    """Where the largest glitch of so many readings begins."""
    values = np.array([reading.value for reading in train])
    steps = np.abs(np.diff(values))
    departures = _departures(values, length)
    for first in np.argsort(-departures, kind="stable").tolist():
        if departures[first] <= max(DEVIATIONS * scale.deviation, RANGE * scale.range):
            break
        large = departures[first] > scale.least(steps, first, first + length)
        if large and _is_glitch(path, train, first, first + length, departures[first], scale):
            return int(first)
    return None


def _is_glitch(path: str, train: list[Reading], first: int, last: int, departure: float, scale: _Scale) -> bool:
    """Whether a departure is taken back under pulses of one direction, or goes against them at the end of a train."""
    if first > 0 and last < len(train):
        if len({reading.up for reading in train[first : last + 1]}) == 1:
            return True
    else:
        before, after = (train[0], train[last]) if first == 0 else (train[first - 1], train[first])
        if (after.value > before.value) != (after.up == 1):
            return True
        if departure <= _OUT_OF_RANGE * scale.range:
            return False
    reading = train[first]
    raise CrosstwinError(
        f"{path}, line {reading.line}: the value {reading.text} departs from those around it by {departure:.3g}, in a range of "
        f"{scale.range:.3g}, where it may be a glitch or a step; remove the line, or write nan for its value"
    )


def _merge(train: list[Reading], original: Sequence[Reading]) -> list[list[Reading]]:
    """Split a train where pulses of both directions lie between two readings, as one between them is lost."""
    if len(train) == len(original):
        return [train] if train else []
    parts: list[list[Reading]] = []
    between: set[int] = set()
    position = 0
    for reading in original:
        between.add(reading.up)
        if position == len(train) or reading.pulse != train[position].pulse:
            continue
        if position == 0 or len(between) > 1:
            parts.append([])
        parts[-1].append(reading)
        between = set()
        position += 1
    return parts


def _split(path: str, train: list[Reading], deviation: float) -> tuple[list[list[Reading]], list[str]]:
    """Begin a new train where the direction changes and the value jumps."""
    steps = [(after.value - before.value) / (after.pulse - before.pulse) for before, after in pairwise(train)]
    cuts, notes = [0], []
    for i in range(2, len(train)):
        if train[i].up == train[i - 1].up or -1 in (train[i].up, train[i - 1].up):
            continue
        ramp = next((j for j in range(i, len(train)) if train[j].up != train[i].up), len(train))
        following = [abs(step) for step in steps[i : min(i + _NEARBY, ramp - 1)]]
        if len(following) >= 3 and abs(steps[i - 1]) > JUMP_STEPS * max(following) + _JUMP_DEVIATIONS * deviation:
            times = abs(steps[i - 1]) / max(max(following), 1e-300)
            cuts.append(i)
            notes.append(
                f"{path}, line {train[i].line}: the value jumps by {steps[i - 1]:.3g} where the direction changes, "
                f"{times:.3g} times the largest of the next steps; a new train begins here, and no step is fitted."
            )
    return [train[first:last] for first, last in zip(cuts, [*cuts[1:], len(train)], strict=True)], notes


def _with_reason(reading: Reading, reason: str) -> Reading:
    return Reading(reading.line, reading.text, reading.pulse, reading.up, math.nan, reason)


def _listed(lost: Sequence[Reading]) -> str:
    named = [f"line {one.line} ({one.text or 'empty'}: {one.reason})" for one in lost[:_NAMED]]
    return ", ".join(named) + (f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else "")
