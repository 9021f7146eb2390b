"""What time does to the array: decay, drift, and the refresh of one-sided pairs.

Time is counted in updates of a pair of tiles, and passes when it is told to: after every update, by the host program.

A cell decays by w <- w (1 - 1 / lifetime) at each update; that is so small a part that the decay of a 4096th of the lifetime is
done at once, lest it drowns in rounding. It drifts by w(t) = w(t0) (t / t0)^-nu, t counted from one update before the first: the
clock is common to all cells of a tile pair, so that a cell that is written late drifts less than it would.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from crosstwin_model import reference
from crosstwin_model.devices.base import DOWN, UP, Device
from crosstwin_model.devices.cells import CellDraws
from crosstwin_model.elementary import exp2, log2
from crosstwin_model.grid import GRID, on_grid
from crosstwin_model.noise import Purpose, draw_normal, stream
from crosstwin_model.pulse_batch import PAIR, PERSISTENT
from crosstwin_model.tile import Tile

_STEP = np.float32(1.0 / GRID)

#: Decays in a lifetime.
_DECAYS = 4096
#: Pulses that a refresh gives a pair at most: what cannot be reached in so many is out of reach.
_LONGEST_REFRESH = 4096


class Ageing:
    """Time on the tiles of a plant.

    Parameters
    ----------
    device : Device
        Its lifetime, drift and refresh.
    tiles : sequence of Tile
        All tiles of the plant.

    Attributes
    ----------
    updates : uint32[tiles]
        Updates that have passed on each tile.
    """

    def __init__(self, device: Device, tiles: Sequence[Tile]) -> None:
        self.updates = np.zeros(len(tiles), np.uint32)
        self._device, self._tiles = device, tiles
        self._drifts = bool(device.drift or device.drift_spread)
        self._every = max(1, round(device.lifetime / _DECAYS))
        self._keep: dict[int, npt.NDArray[np.float64]] = {}

    @property
    def ages(self) -> bool:
        """Whether time does anything."""
        return bool(self._device.lifetime) or self._drifts or self._device.one_sided

    def elapse(self, tiles: Sequence[int], updates: int) -> None:
        """Let updates pass on some tiles.

        Raises
        ------
        ValueError
            If their number is not 1 or more.
        """
        if updates < 1:
            raise ValueError(f"updates is {updates}; allowed are whole numbers from 1 on")
        if not self.ages:
            return
        for number in tiles:
            tile = self._tiles[number]
            if tile.touched:
                self._age(tile, updates)
            self.updates[number] += np.uint32(updates)

    def _age(self, tile: Tile, updates: int) -> None:
        device = self._device
        cells = CellDraws(tile.seed, tile.number, tile.flat_w.size)
        held = tile.visible()[:, None] if not tile.layout.states else tile.table()[:, 1 : 1 + tile.layout.states].view(np.float32)
        before = held.copy()
        if device.lifetime:
            passed = int(self.updates[tile.number])
            for _ in range((passed + updates) // self._every - passed // self._every):
                held[...] = on_grid((held * self._kept(tile, cells)[:, None]).astype(np.float32))
        if self._drifts:
            start = np.float32(self.updates[tile.number] + 1)
            ratio = (start + np.float32(updates)) / start
            held[...] = on_grid(held * exp2(-device.drift_exponents(cells) * log2(ratio))[:, None])
        if tile.layout.state == PERSISTENT:
            # The write noise of the last pulse stays.
            tile.show(on_grid(tile.visible() + (held - before)[:, 0]))
        elif tile.layout.state == PAIR:
            tile.show(held[:, UP] - held[:, DOWN])
            self._refresh(tile)
        else:
            tile.show(held[:, 0])

    def _kept(self, tile: Tile, cells: CellDraws) -> npt.NDArray[np.float64]:
        """Return what is left of each conductance after the updates between two decays."""
        if tile.number not in self._keep:
            once = self._device.keep(cells)
            kept = np.ones_like(once)
            for _ in range(self._every):
                kept *= once
            self._keep[tile.number] = kept
        return self._keep[tile.number]

    def _refresh(self, tile: Tile) -> None:
        """Reset the pairs whose conductances are both high, and program their differences again with counted pulses."""
        device, table = self._device, tile.table()
        states = table[:, 1:3].view(np.float32)
        high = table.view(np.float32)[:, tile.layout.columns[:, 1]]
        part = states / np.maximum(high, _STEP)
        worn = np.flatnonzero((part.max(1) > device.refresh_above) & (part.min(1) > device.refresh_below))
        if not worn.size:
            return
        planes = tile.planes()
        target = tile.visible()[worn]
        pulses = table[:, 0]
        for direction in (DOWN, UP):
            keys = stream(tile.seed, Purpose.RESET, 2 * tile.number + direction)
            spread = draw_normal(keys, worn, pulses[worn]) * np.float32(device.reset_spread)
            states[worn, direction] = on_grid(np.clip(np.float32(device.reset) + spread, 0.0, planes[direction, 1, worn]))
        for direction, sign in ((DOWN, -1.0), (UP, 1.0)):
            side = states[:, direction].copy()
            count = pulses.copy()
            mine = worn[sign * target > 0.0]
            wanted = target[sign * target > 0.0]
            for _ in range(_LONGEST_REFRESH):
                short = mine[sign * wanted > sign * (states[mine, UP] - states[mine, DOWN])]
                short = short[side[short] < planes[direction, 1, short]]
                if not short.size:
                    break
                reference.pulse_cells(
                    device, side, count, planes[direction], device.cell_shape()[direction], tile.pulse_keys, short
                )
                states[short, direction] = side[short]
            pulses[worn] = count[worn]
        tile.show(states[worn, UP] - states[worn, DOWN], worn)
