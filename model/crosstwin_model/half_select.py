"""Half-selected cells: those of which one line fires and the other does not, so that they see half of the pulse's voltage.

They are counted for every cell. Where the device responds to half the voltage, a half-selected cell makes the part ``response``
of its step without noise, in the direction of the slot, and the slots of a group are gone through one after another.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from crosstwin_model.bits import popcount
from crosstwin_model.coincidence import Words
from crosstwin_model.devices.base import Device
from crosstwin_model.draws import SHIFT, cell_key, draw_bits, second_key
from crosstwin_model.grid import GRID
from crosstwin_model.jit import name_variant, njit, source_version
from crosstwin_model.pulse_batch import PAIR, PERSISTENT, VISIBLE
from crosstwin_model.records import Layout
from crosstwin_model.tile import Tile

_ONE = np.uint64(1)
_GRID = np.float32(GRID)
_STEP = np.float32(1.0 / GRID)


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
        self._kernel = _disturb_kernel(*rule) if response else None
        self._columns = layout.columns

    @property
    def disturbs(self) -> bool:
        """Whether half-selects move cells, so that :meth:`pulse` must apply them together with the pulses."""
        return self._kernel is not None

    def add(self, tile: Tile, row_words: Words, column_words: Words) -> None:
        """Count the half-selects of one group of slots."""
        _count(self.counts[tile.number], row_words, column_words)

    def pulse(
        self, tile: Tile, up: bool, shape: Any, table: npt.NDArray[np.float32], scales: Any, row_words: Words, column_words: Words
    ) -> None:
        """Apply one group of slots in one direction, pulses and half-selects, slot by slot."""
        assert self._kernel is not None
        tile.touched = True
        words, floats = tile.records()
        self._kernel(
            tile.flat_w, words, floats, self._columns[int(up)], shape[int(up)], table, tile.pulse_keys, scales, int(up),
            self._response, row_words, column_words,
        )  # fmt: skip


def _build_count() -> Callable[..., None]:
    version = source_version()  # see crosstwin_model.jit

    def count(counts: Any, row_words: Any, column_words: Any) -> None:
        _ = version
        rows, columns = counts.shape
        for word in range(row_words.shape[1]):
            for row in range(rows):
                this = row_words[row, word]
                for column in range(columns):
                    counts[row, column] += np.uint32(popcount(this ^ column_words[column, word]))

    return njit(count)


_count = _build_count()


@cache
def _disturb_kernel(
    step: Callable[..., Any], derive: Callable[..., Any] | None, state: int, record: int, planes: int
) -> Callable[..., None]:
    version = source_version()  # see crosstwin_model.jit

    def disturb(
        w: Any, ru: Any, rf: Any, places: Any, shape: Any, table: Any, keys: Any, scales: Any, up: Any, response: Any,
        row_words: Any, column_words: Any,
    ) -> None:  # fmt: skip
        _ = version
        columns = column_words.shape[0]
        parameters = np.empty((planes + 1, 1), np.float32)
        for row in range(row_words.shape[0]):
            for column in range(columns):
                either = np.uint64(0)
                for word in range(row_words.shape[1]):
                    either |= row_words[row, word] | column_words[column, word]
                if either == np.uint64(0):
                    continue
                cell = row * columns + column
                place = record * cell
                for k in range(planes):
                    parameters[k, 0] = rf[place + places[k]]
                if derive is not None:
                    parameters[planes, 0] = derive(parameters, 0, up == 1 or state == PAIR)
                key = cell_key(keys, cell)
                second = second_key(keys, key)
                count = ru[place]
                held = place + 1 + (up if state == PAIR else 0)
                value = np.float32(w[cell]) * _STEP if state == VISIBLE else rf[held]
                for word in range(row_words.shape[1]):
                    for bit in range(64):
                        mask = _ONE << np.uint64(bit)
                        row_fires = (row_words[row, word] & mask) != 0
                        column_fires = (column_words[column, word] & mask) != 0
                        if row_fires and column_fires:
                            noise = scales[0] * table[draw_bits(key, second, count) >> SHIFT]
                            moved = step(value, parameters, 0, noise, shape)
                            count = np.uint32(count + np.uint32(1))
                        elif row_fires or column_fires:
                            moved = value + response * (step(value, parameters, 0, np.float32(0.0), shape) - value)
                        else:
                            continue
                        moved = np.rint(moved * _GRID) * _STEP
                        moved = moved if moved >= parameters[0, 0] else parameters[0, 0]
                        value = moved if moved <= parameters[1, 0] else parameters[1, 0]
                ru[place] = count
                if state == VISIBLE:
                    w[cell] = np.int32(value * _GRID)
                elif state == PERSISTENT:
                    rf[held] = value
                    # A cell that no pulse has hit yet has no write noise.
                    noise = np.float32(0.0)
                    if count != 0:
                        fresh = cell_key(keys[2:], cell)
                        noise = scales[1] * table[draw_bits(fresh, second_key(keys[2:], fresh), count) >> SHIFT]
                    w[cell] = np.int32(np.rint((value + noise) * _GRID))
                else:
                    rf[held] = value
                    w[cell] = np.int32((rf[place + 2] - rf[place + 1]) * _GRID)

    return njit(name_variant(disturb, step.__name__, state, record, planes))
