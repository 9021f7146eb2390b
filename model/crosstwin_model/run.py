"""What the parts of one command share: registers, array, the clock cycle it has reached and the one in which it is stopped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .config import ControllerConfig
from .engine import Signs, Words
from .observe import Phase
from .register_file import RegisterFile
from .registers import ErrorCode

#: A clock cycle that is never reached.
NEVER = 1 << 62


class Array(Protocol):
    """What the controller's pins are joined to; :class:`crosstwin_model.plant.Plant` is one."""

    def update(self, tile: int, x_signs: Signs, d_signs: Signs, row_words: Words, column_words: Words) -> None:
        """Apply the quadrants of an update: cell (i, j) goes up where the signs of its lines are equal, else down.

        Words are uint64[1 or 2, lines, words]: where there are two, the first of a row is for columns of positive sign, the
        second for those of negative sign, and likewise for a column.
        """

    def pulse_slots(
        self, tile: int, up: NDArray[np.bool_], row_masks: NDArray[np.uint64], column_masks: NDArray[np.uint64]
    ) -> None:
        """Apply slots one after another, each with its own direction; bit k % 64 of word k // 64 of a mask is line k."""

    def read(
        self, tile: int, differential: bool, forward: bool, charge: NDArray[np.int32], gain: int, count: int
    ) -> NDArray[np.int32]:
        """Return the ADC codes of the first ``count`` sensed lines, for lines driven for ``charge`` signed clock cycles."""

    def delays(self, beats: int) -> NDArray[np.int32]:
        """Return the clock cycles from the sample, or the beat before, to each beat of the read last made."""


class Ended(Exception):
    """An operation ended before its time: the number of clock cycles it has run, and the fault."""

    def __init__(self, cycles: int, code: ErrorCode) -> None:
        super().__init__(cycles, code)
        self.cycles = cycles
        self.code = code


@dataclass
class Run:
    """One command under way.

    Clock cycles in :meth:`reach`, :meth:`before_stop` and the parts that call them count from ``start``, which itself counts from
    the command's cycle 0 (the one after CHECK); ``stop`` counts from there too.
    """

    config: ControllerConfig
    registers: RegisterFile
    array: Array
    phases: list[Phase] | None
    stop: int
    start: int = 0

    def reach(self, cycle: int) -> None:
        """Let a clock cycle happen, or raise Ended if the stop comes in it or before."""
        if self.start + cycle >= self.stop:
            raise Ended(self.stop, ErrorCode.STOPPED)

    def before_stop(self, cycle: int) -> int:
        """Return how many clock cycles from this one on happen before the stop."""
        return max(0, self.stop - self.start - cycle)

    def advance(self, cycles: int) -> None:
        """Count clock cycles that have happened, and start anew after them."""
        self.registers.count("CYCLES", cycles)
        self.start += cycles

    def record(self, phase: Phase) -> None:
        """Keep what the pins show, if that is asked for."""
        if self.phases is not None:
            self.phases.append(phase)
