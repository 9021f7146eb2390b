"""Replays a trace on the golden model's plant, and compares every ADC code and digest with the recorded ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstwin_model.plant import Plant

from .format import Kind
from .reader import Part, Trace

#: Told an operation's number, its record, its part and the plant as it is after it.
Watch = Callable[[int, Any, Part, Plant], None]


@dataclass(frozen=True)
class Replay:
    """What a replay found.

    Parameters
    ----------
    operations, reads, codes : int
        Operations replayed, and the reads and ADC codes compared among them.
    digests : int
        Digests of all conductances compared; the last operation of a trace that was ended is one.
    difference : str or None
        The first difference, as a sentence; the replay ended there.
    conductance_sha256 : str
        Of the plant after the last operation.
    """

    operations: int
    reads: int
    codes: int
    digests: int
    difference: str | None
    conductance_sha256: str


def initial_plant(trace: Trace) -> Plant:
    """Return the plant as it was when the recording began."""
    plant = Plant(trace.controller, trace.plant)
    plant.restore({key: values[0] for key, values in trace.states.items()})
    return plant


def replay(
    trace: Trace,
    plant: Plant,
    *,
    until: int | None = None,
    watch: Watch | None = None,
    progress: Callable[[int], None] | None = None,
) -> Replay:
    """Do all that a trace says to a plant.

    Parameters
    ----------
    trace : Trace
        What to replay.
    plant : Plant
        From :func:`initial_plant`; it then is as the recorded one was.
    until : int or None
        Number of operations to replay; None replays all.
    watch : callable or None
        Told after every operation.
    progress : callable or None
        Told how many operations have been done since it was last called.
    """
    counts = dict.fromkeys(Kind, 0)
    codes = done = 0
    difference = None
    for part in trace.parts():
        records = part.operations[: None if until is None else max(until - part.first, 0)]
        for index, record in enumerate(records):
            kind = Kind(record["kind"])
            difference = _apply(plant, part, kind, record)
            counts[kind] += 1
            done += 1
            if kind is Kind.READ:
                codes += int(record["size"])
            if difference is not None:
                break
            if watch is not None:
                watch(part.first + index, record, part, plant)
        if progress is not None:
            progress(len(records))
        if difference is not None:
            difference = f"operation {done - 1}, {difference}{_other_version(trace)}"
            break
        if until is not None and done >= until:
            break
    return Replay(done, counts[Kind.READ], codes, counts[Kind.DIGEST], difference, plant.digest())


def _apply(plant: Plant, part: Part, kind: Kind, record: Any) -> str | None:
    """Do one operation, and return in what it differs."""
    tile = int(record["tile"])
    if kind is Kind.PULSE:
        plant.pulse(tile, bool(record["up"]), *part.pulse_words(record))
    elif kind is Kind.UPDATE:
        plant.update(tile, *part.update(record))
    elif kind is Kind.SLOTS:
        plant.pulse_slots(tile, *part.slot_masks(record))
    elif kind is Kind.READ:
        forward, size = bool(record["forward"]), int(record["size"])
        charges = part.charges(record)
        found = plant.read(tile, bool(record["differential"]), forward, charges, int(record["gain"]), size)
        return _compare(part.codes(record), found, tile, forward)
    elif kind is Kind.SET:
        plant.set_conductance(tile, part.values(record))
    elif kind is Kind.RESTORE:
        plant.restore(part.state(record))
    elif kind is Kind.CALL:
        name, *arguments = json.loads(part.text(record))
        getattr(plant, name)(*arguments)
    elif kind is Kind.DIGEST:
        found_digest = plant.digest()
        if part.text(record) != found_digest:
            return f"DIGEST: all conductances have the SHA-256 {found_digest}, recorded is {part.text(record)}"
    return None


def _compare(recorded: NDArray[np.int16], found: NDArray[np.int32], tile: int, forward: bool) -> str | None:
    differs = np.flatnonzero(recorded != found)
    if not differs.size:
        return None
    line = int(differs[0])
    side = "column" if forward else "row"
    return f"READ of tile {tile}: the ADC code of {side} {line} is {found[line]}, recorded is {recorded[line]}"


def _other_version(trace: Trace) -> str:
    here, there = version("crosstwin"), trace.attributes["crosstwin_version"]
    return "" if here == there else f" (recorded by Crosstwin {there}, replayed by {here})"
