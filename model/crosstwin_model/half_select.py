"""Half-selected cells: those of which one line fires and the other does not, so that they see half of the pulse's voltage.

They are counted for every cell. Where the device responds to half the voltage, a half-selected cell makes the part ``response``
of its step without noise, in the direction of the slot, and the slots of a group are gone through one after another.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from crosstwin_model.coincidence import Words
from crosstwin_model.devices.base import Device
from crosstwin_model.half_select_kernels import count, disturb_kernel, list_columns
from crosstwin_model.records import Layout
from crosstwin_model.tile import Tile


class HalfSelects:
    """Counters of half-selects, and what these do to the cells.

    Parameters
    ----------
    device : Device
        Its step rule.
    layout : Layout
        Of its records.
    response : float
        Step at half the voltage, as a part of the step at the full one, 0 to 1.
    shape : tuple of int
        Tiles, rows and columns.

    Attributes
    ----------
    counts : uint32[tiles, rows, columns]
        Half-selects so far.
    """

    def __init__(self, device: Device, layout: Layout, response: float, shape: tuple[int, ...]) -> None:
        self.counts = np.zeros(shape, np.uint32)
        self._response = np.float32(response)
        rule = (device.pulse_step, type(device).derive, layout.state, layout.words, layout.columns.shape[1])
        self._kernel = disturb_kernel(*rule) if response else None
        self._places = layout.places

    @property
    def disturbs(self) -> bool:
        """Whether half-selects move cells, so that :meth:`pulse` must apply them together with the pulses."""
        return self._kernel is not None

    def add(self, tile: Tile, row_words: Words, column_words: Words) -> None:
        """Count the half-selects of one group of slots."""
        count(self.counts[tile.number], row_words, column_words)

    def pulse(
        self, tile: Tile, up: bool, shape: Any, table: npt.NDArray[np.float32], scales: Any, row_words: Words, column_words: Words
    ) -> None:
        """Apply one group of slots in one direction, pulses and half-selects, slot by slot."""
        assert self._kernel is not None
        tile.touched = True
        words, floats = tile.records()
        self._kernel(
            tile.flat_w, words, floats, self._places[int(up)], shape[int(up)], table, tile.pulse_keys, scales, int(up),
            self._response, row_words, *list_columns(column_words),
        )  # fmt: skip
