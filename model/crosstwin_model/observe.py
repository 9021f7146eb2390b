"""What an operation shows on the controller's pins: records that the golden model makes on request, and the waveform they mean.

The co-simulation compares this waveform with the gateware's pins, clock cycle by clock cycle.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Pins(NamedTuple):
    """Levels of all output pins but the bus's; vectors are integers with line k at bit k."""

    row_pos: int = 0
    row_neg: int = 0
    column_pos: int = 0
    column_neg: int = 0
    read_level: int = 0
    sense_rows: int = 0
    sense_columns: int = 0
    tile: int = 0
    differential: int = 0
    gain: int = 0
    adc_sample: int = 0
    adc_ready: int = 0
    slot: int = 0
    quadrant: int = 0
    busy: int = 0
    fault: int = 0
    irq: int = 0

    @property
    def idle(self) -> bool:
        """Whether all pins to the array are low."""
        return not any(self[: -len(Status._fields)])


class Status(NamedTuple):
    """Levels of the pins that tell the host of an operation; the last fields of :class:`Pins`."""

    busy: int = 0
    fault: int = 0
    irq: int = 0


#: All pins low.
IDLE = Pins()


@dataclass(frozen=True)
class PulsePhase:
    """Slots of one operation.

    ``start`` is the clock cycle of SCAN0 and ``end`` that of FINISH, counted from the command's cycle 0. ``quadrants``, ``rows``
    and ``columns`` hold one number a slot that was driven; line k is bit k.
    """

    start: int
    end: int
    tile: int
    width: int
    length: int
    quadrants: tuple[int, ...]
    rows: tuple[int, ...]
    columns: tuple[int, ...]

    def changes(self) -> Iterator[tuple[int, Pins]]:
        """Yield (clock cycle, pins from that cycle on)."""
        idle = Pins(tile=self.tile)
        yield self.start + 1, idle
        for k, quadrant in enumerate(self.quadrants):
            cycle = self.start + 4 + k * self.length
            rows, columns = self.rows[k], self.columns[k]
            up = quadrant < 2
            driven = idle._replace(
                row_pos=rows if up else 0,
                row_neg=0 if up else rows,
                column_pos=0 if up else columns,
                column_neg=columns if up else 0,
                quadrant=quadrant,
            )
            yield cycle, driven._replace(slot=1)
            if self.width > 1:
                yield cycle + 1, driven
            yield cycle + self.width, idle
        yield self.end + 1, IDLE


@dataclass(frozen=True)
class ReadPhase:
    """One read from CONNECT (``start``) to the last clock cycle in which the array stays joined (``end``).

    ``converted`` is the last clock cycle of CONVERT; ``codes`` are the driven lines' signed codes.
    """

    start: int
    converted: int
    end: int
    tile: int
    differential: bool
    forward: bool
    gain: int
    window: int
    tick: int
    codes: NDArray[np.int32]

    def changes(self) -> Iterator[tuple[int, Pins]]:
        """Yield (clock cycle, pins from that cycle on)."""
        joined = Pins(
            read_level=1,
            sense_rows=int(not self.forward),
            sense_columns=int(self.forward),
            tile=self.tile,
            differential=int(self.differential),
            gain=self.gain,
        )
        yield self.start + 1, joined
        times = np.minimum(np.abs(self.codes), self.window)
        for tick in sorted({0, *times.tolist()} - {self.window}):
            pos = _mask((self.codes > 0) & (times > tick))
            neg = _mask((self.codes < 0) & (times > tick))
            driven = (
                joined._replace(row_pos=pos, row_neg=neg) if self.forward else joined._replace(column_pos=pos, column_neg=neg)
            )
            yield self.start + 2 + tick * self.tick, driven
        release = self.start + 2 + self.window * self.tick
        yield release, joined._replace(adc_sample=1)
        yield release + 1, joined._replace(adc_ready=1)
        yield self.converted + 1, joined
        yield self.end + 1, IDLE


def _mask(lines: NDArray[np.bool_]) -> int:
    return int.from_bytes(np.packbits(lines, bitorder="little").tobytes(), "little")


Phase = PulsePhase | ReadPhase


def waveform(phases: list[Phase], status: list[tuple[int, Status]], stop: int | None = None) -> list[tuple[int, Pins]]:
    """Return the changes of the pins as (clock cycle, pins), clock cycles counted from the operation's cycle 0.

    The first is that of ``busy`` in CHECK, clock cycle -1; two successive entries differ.

    Parameters
    ----------
    phases : list of Phase
        What the operation shows on the pins to the array, which are idle before.
    status : list of (int, Status)
        Clock cycle of each change of the other pins, and their levels from it on.
    stop : int or None
        The clock cycle in which the operation is stopped: the pins to the array are idle from the next.
    """
    by_cycle: dict[int, Pins] = {}
    for phase in phases:
        by_cycle.update(phase.changes())
    if stop is not None:
        by_cycle = {cycle: pins for cycle, pins in by_cycle.items() if cycle <= stop}
        by_cycle[stop + 1] = IDLE
    levels = dict(status)
    result: list[tuple[int, Pins]] = []
    array, host, shown = IDLE, Status(), IDLE
    for cycle in sorted({*by_cycle, *levels}):
        array, host = by_cycle.get(cycle, array), levels.get(cycle, host)
        pins = array._replace(busy=host.busy, fault=host.fault, irq=host.irq)
        if pins != shown:
            shown = pins
            result.append((cycle, pins))
    return result
