"""The array on the controller's pins, clock cycle by clock cycle: it knows nothing of the controller but its pins."""

from __future__ import annotations

from collections import deque

import numpy as np
from cocotb.handle import HierarchyObject
from numpy.typing import NDArray

from crosstwin_model.observe import Pins
from crosstwin_model.plant import Plant


class AttachedPlant:
    """Pulses, reads and conversions of a plant, from the levels of the pins.

    Parameters
    ----------
    dut : HierarchyObject
        The controller; ``adc_valid`` and ``adc_data`` are driven.
    plant : Plant
        The array.
    """

    def __init__(self, dut: HierarchyObject, plant: Plant) -> None:
        self.plant = plant
        config = plant.controller
        self._valid, self._ready, self._data = dut.adc_valid, dut.adc_ready, dut.adc_data
        self._sizes = (config.rows, config.columns)
        self._lanes, self._bits = config.adc_lanes, config.adc_bits
        self._charges = [np.zeros(size, np.int32) for size in self._sizes]
        self._since = 0
        self._beats: deque[tuple[int, int]] = deque()
        self._due = 0
        self._offered = False
        self._valid.value = 0
        self._data.value = 0

    def on_cycle(self, cycle: int, before: Pins, now: Pins) -> bool:
        """Take one clock cycle's levels; return whether a conversion goes on, so that the next clock cycle matters."""
        if now != before:
            self._change(cycle, before, now)
        if self._beats:
            self._convert(cycle)
        return bool(self._beats)

    def reset(self) -> None:
        """Withdraw a conversion under way, as the end of a read does."""
        self._withdraw()

    def _change(self, cycle: int, before: Pins, now: Pins) -> None:
        if before.read_level:
            self._integrate(cycle, before)
        elif not now.read_level:
            self._pulse(True, now.tile, (before.row_pos, before.column_neg), (now.row_pos, now.column_neg))
            self._pulse(False, now.tile, (before.row_neg, before.column_pos), (now.row_neg, now.column_pos))
        if now.read_level and not before.read_level:
            for charge in self._charges:
                charge[:] = 0
            self._since = cycle
        if before.read_level and not now.read_level:
            self._withdraw()
        if now.adc_sample and not before.adc_sample:
            self._sample(cycle, now)

    def _pulse(self, up: bool, tile: int, before: tuple[int, int], now: tuple[int, int]) -> None:
        """Pulse the cells whose row and column are driven against each other now, and were not before."""
        new_rows = now[0] & ~before[0]
        for rows, columns in ((new_rows, now[1]), (now[0] & ~new_rows, now[1] & ~before[1])):
            if rows and columns:
                masks = [_words(mask, size) for mask, size in zip((rows, columns), self._sizes, strict=True)]
                self.plant.pulse_slots(tile, np.array([up]), masks[0], masks[1])

    def _integrate(self, cycle: int, pins: Pins) -> None:
        length = cycle - self._since
        self._since = cycle
        for charge, pos, neg in zip(self._charges, (pins.row_pos, pins.column_pos), (pins.row_neg, pins.column_neg), strict=True):
            if pos | neg:
                charge += length * (_lines(pos, charge.size) - _lines(neg, charge.size))

    def _sample(self, cycle: int, pins: Pins) -> None:
        """Read the sensed side; the controller takes as many of the codes as it wants."""
        forward = bool(pins.sense_columns)
        count = self._sizes[1] if forward else self._sizes[0]
        charge = self._charges[0] if forward else self._charges[1]
        codes = self.plant.read(pins.tile, bool(pins.differential), forward, charge.copy(), pins.gain, count).tolist()
        beats = [codes[k : k + self._lanes] for k in range(0, count, self._lanes)]
        self._beats.extend(zip(map(self._pack, beats), self.plant.delays(len(beats)).tolist(), strict=True))
        self._due = cycle + self._beats[0][1]

    def _pack(self, codes: list[int]) -> int:
        mask = (1 << self._bits) - 1
        return sum((code & mask) << (lane * self._bits) for lane, code in enumerate(codes))

    def _convert(self, cycle: int) -> None:
        """End a beat that was taken, and offer the next one in the clock cycle that it is due in."""
        if self._offered and int(self._ready.value):
            self._beats.popleft()
            self._offered = False
            if not self._beats:
                self._withdraw()
                return
            self._due = cycle + self._beats[0][1]
        if not self._offered:
            self._offered = cycle + 1 >= self._due
            self._valid.value = int(self._offered)
            if self._offered:
                self._data.value = self._beats[0][0]

    def _withdraw(self) -> None:
        self._beats.clear()
        self._offered = False
        self._valid.value = 0


def _lines(mask: int, size: int) -> NDArray[np.int32]:
    packed = np.frombuffer(mask.to_bytes((size + 7) // 8, "little"), np.uint8)
    return np.unpackbits(packed, bitorder="little", count=size).astype(np.int32)


def _words(mask: int, size: int) -> NDArray[np.uint64]:
    return np.frombuffer(mask.to_bytes((size + 63) // 64 * 8, "little"), "<u8").astype(np.uint64).reshape(1, -1)
