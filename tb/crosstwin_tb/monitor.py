"""The pin monitor: every clock cycle's levels of all output pins, and what must hold of them at any time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cocotb
from cocotb.handle import HierarchyObject, ValueObjectBase
from cocotb.simtime import get_sim_time
from cocotb.triggers import Event, RisingEdge, ValueChange

from crosstwin_model.check import ControllerFailure
from crosstwin_model.observe import IDLE, Pins


class PinError(ControllerFailure):
    """The controller did on its pins what it must never do; the text says what, and in which clock cycle."""


class PinMonitor:
    """Samples the pins at the end of every clock cycle, keeps their changes and checks the drivers' safety.

    It sleeps through clock cycles in which no pin moves and nothing is to come of the array or a stop, which is most of them.

    Parameters
    ----------
    dut : HierarchyObject
        The controller.
    period : int
        Clock period in steps of the simulator's time.
    plant : callable
        Called with (clock cycle, pins in the one before, pins) in every clock cycle in which a pin has moved, and in the one
        after a call that returned True.

    Attributes
    ----------
    pins : Pins
        Levels in the clock cycle that ended last.
    changes : list of (int, Pins)
        Clock cycle of each change and the levels from it on.
    interrupts : list of (int, int)
        The same of the pin ``irq``.
    failure : PinError or None
        The first thing that must never happen.
    """

    def __init__(self, dut: HierarchyObject, period: int, plant: Callable[[int, Pins, Pins], bool]) -> None:
        self._clock = dut.clk
        self._reset, self._estop = dut.rst, dut.estop
        self._handles = [getattr(dut, name) for name in Pins._fields]
        self._period = period
        self._plant = plant
        self._moved = Event()
        self.pins = IDLE
        self.changes: list[tuple[int, Pins]] = []
        self.interrupts: list[tuple[int, int]] = [(0, 0)]
        self.failure: PinError | None = None

    @property
    def cycle(self) -> int:
        """Number of the clock cycle that ends with the clock edge at the present time."""
        return int(get_sim_time("step")) // self._period

    def start(self) -> None:
        """Watch until something happens that must not."""
        for handle in (*self._handles, self._estop, self._reset):
            cocotb.start_soon(self._notice(handle))
        cocotb.start_soon(self._run())

    async def _notice(self, handle: ValueObjectBase[Any, Any]) -> None:
        change = ValueChange(handle)
        while True:
            await change
            self._moved.set()

    async def _run(self) -> None:
        edge = RisingEdge(self._clock)
        stopped = converting = False
        try:
            while True:
                if not (stopped or converting):
                    await self._moved.wait()
                self._moved.clear()
                await edge
                before, now = self.pins, Pins(*[int(handle.value) for handle in self._handles])
                cycle = self.cycle
                if now != before:
                    self.changes.append((cycle, now))
                    check(cycle, before, now)
                if stopped and not now.idle:
                    raise PinError(f"clock cycle {cycle}: pins are not idle after an emergency stop or a reset: {now}")
                stopped = bool(self._estop.value) or bool(self._reset.value)
                if now.irq != self.interrupts[-1][1]:
                    self.interrupts.append((cycle, now.irq))
                self.pins = now
                converting = self._plant(cycle, before, now)
        except PinError as error:
            self.failure = error


def check(cycle: int, before: Pins, now: Pins) -> None:
    """Check what must hold between two successive clock cycles' levels.

    Raises
    ------
    PinError
        If it does not.
    """
    for side, pos, neg, old_pos, old_neg in (
        ("row", now.row_pos, now.row_neg, before.row_pos, before.row_neg),
        ("column", now.column_pos, now.column_neg, before.column_pos, before.column_neg),
    ):
        if pos & neg:
            raise PinError(f"clock cycle {cycle}: {side} lines {pos & neg:#x} are driven + and - at once")
        if pos & old_neg or neg & old_pos:
            raise PinError(f"clock cycle {cycle}: {side} lines {pos & old_neg | neg & old_pos:#x} change sign without a break")
    if _joined(now) != _joined(before) and (_driven(now) or (_driven(before) and not now.idle)):
        raise PinError(f"clock cycle {cycle}: the array is joined otherwise while lines are driven: {before}, then {now}")
    if now.sense_rows & now.sense_columns:
        raise PinError(f"clock cycle {cycle}: rows and columns are sensed at once")
    if (now.row_pos | now.row_neg and now.sense_rows) or (now.column_pos | now.column_neg and now.sense_columns):
        raise PinError(f"clock cycle {cycle}: lines of the sensed side are driven: {now}")
    if now.adc_sample and (_driven(now) or now.sense_rows == now.sense_columns):
        raise PinError(f"clock cycle {cycle}: a sample is taken while lines are driven, or with no side sensed: {now}")
    if not now.read_level and _driven(now) and not _driven(before) and not now.slot:
        raise PinError(f"clock cycle {cycle}: a slot begins without the trigger: {now}")
    up = now.quadrant < 2
    if not now.read_level and (now.row_neg | now.column_pos if up else now.row_pos | now.column_neg):
        raise PinError(f"clock cycle {cycle}: lines are driven otherwise than quadrant {now.quadrant} says: {now}")


def _driven(pins: Pins) -> int:
    return pins.row_pos | pins.row_neg | pins.column_pos | pins.column_neg


def _joined(pins: Pins) -> tuple[int, ...]:
    return pins.tile, pins.differential, pins.gain, pins.read_level, pins.sense_rows, pins.sense_columns
