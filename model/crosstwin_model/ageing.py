"""What time does to the array: decay, drift, diffusion, and the refresh of one-sided pairs.

Time is counted in updates of a pair of tiles, and passes when it is told to: after every update, by the host program. Everything
happens at updates of fixed numbers, so that the same time gives the same bits in one call as in many.

A cell decays by w <- w (1 - 1 / lifetime) at each update; that is so small a part that the decay of a 4096th of the lifetime is
done at once, lest it drowns in rounding. It drifts by w(t) = w(t0) (t / t0)^-nu, t counted from one update before the first, in
256 steps to each doubling of t for the same reason: the clock is common to all cells of a tile pair, so that a cell that is
written late drifts less than it would. It diffuses at every update. No cell leaves its bounds, and so a stuck cell stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from crosstwin_model.ageing_kernels import age, refresh_kernel, show
from crosstwin_model.devices.base import DOWN, UP, Device
from crosstwin_model.devices.cells import CellDraws
from crosstwin_model.elementary import log2
from crosstwin_model.noise import NORMAL, Purpose, stream
from crosstwin_model.numbers import whole_number
from crosstwin_model.pulse_batch import PAIR, VISIBLE
from crosstwin_model.reference import DECAYS, LONGEST_REFRESH, drift_step
from crosstwin_model.tile import Tile

#: Instants that a kernel is given at once.
_WINDOW = 4096
#: The last update that the clock of a tile counts.
_LAST = 0xFFFFFFFF


class _Losses(NamedTuple):
    """What each cell of a tile loses; arrays of what no cell has are empty.

    kept is what a decay leaves, float64[cells], exponents are those of drift and rates those of diffusion, float32[cells]; grows
    says whether a conductance may get larger.
    """

    kept: npt.NDArray[np.float64]
    exponents: npt.NDArray[np.float32]
    rates: npt.NDArray[np.float32]
    grows: bool


class Ageing:
    """Time on the tiles of a plant.

    Parameters
    ----------
    device : Device
        Its lifetime, drift, diffusion and refresh.
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
        self._every = max(1, round(device.lifetime / DECAYS))
        self._losses: dict[int, _Losses] = {}
        self._table = NORMAL.copy()
        self._shape = device.cell_shape()
        self._write_noise = np.float32(device.write_noise * device.dw_min)
        self._reset_keys = [
            np.array([stream(tile.seed, Purpose.RESET, 2 * tile.number + side) for side in (DOWN, UP)]) for tile in tiles
        ]
        self._refresh = np.array(
            [device.c2c, device.refresh_above, device.refresh_below, device.reset, device.reset_spread], np.float32
        )

    @property
    def ages(self) -> bool:
        """Whether time does anything."""
        device = self._device
        return bool(device.lifetime or device.drifts or device.diffusion or device.one_sided)

    def elapse(self, tiles: Sequence[int], updates: int) -> None:
        """Let updates pass on the tiles of a pair.

        Raises
        ------
        ValueError
            If their number is not 1 or more, or is more than the clock of 32 bits has left.
        """
        updates = whole_number("updates", updates, 1, _LAST - int(self.updates[tiles[0]]))
        if not self.ages:
            return
        for number in tiles:
            tile = self._tiles[number]
            if tile.touched:
                self._pass(tile, int(self.updates[number]), int(self.updates[number]) + updates)
            self.updates[number] += np.uint32(updates)

    def _pass(self, tile: Tile, passed: int, last: int) -> None:
        """Let the updates passed + 1 ... last go by."""
        if self._device.one_sided:
            self._pass_pairs(tile, passed, last)
            return
        while True:
            window: list[int] = []
            while len(window) < _WINDOW and (soon := self._next(passed)) <= last:
                window.append(soon)
                passed = soon
            if not window or (not self._age(tile, window) and self._only_decays):
                return

    def _pass_pairs(self, tile: Tile, passed: int, last: int) -> None:
        """Do the same for pairs, which are refreshed after each update."""
        worn = True  # by the pulses before
        while (now := passed + 1 if worn else self._next(passed)) <= last:
            happens = self._next(now - 1) == now
            changed = self._age(tile, [now]) if happens else False
            words, floats = tile.records()
            worn = self._kernel(tile)(
                tile.flat_w, words, floats, tile.layout.columns, self._shape, self._table, tile.pulse_keys,
                self._reset_keys[tile.number], self._refresh, LONGEST_REFRESH,
            ) > 0  # fmt: skip
            if happens and not changed and not worn and self._only_decays:
                return
            passed = now

    @property
    def _only_decays(self) -> bool:
        """Whether what one instant has not changed, none will: every decay does the same."""
        return not (self._device.drifts or self._device.diffusion)

    def _next(self, passed: int) -> int:
        """Return the first update after ``passed`` at which time changes conductances, or one that never comes."""
        device, found = self._device, _LAST + 1
        if device.diffusion:
            return passed + 1
        if device.lifetime:
            found = (passed // self._every + 1) * self._every
        if device.drifts:
            step = drift_step(passed + 1)
            found = min(found, -(-(passed + 2) // step) * step - 1)
        return found

    def _age(self, tile: Tile, instants: Sequence[int]) -> bool:
        """Age the cells of a tile at updates of these numbers, and return whether any has changed."""
        device, layout = self._device, tile.layout
        decays = np.array([bool(device.lifetime) and update % self._every == 0 for update in instants])
        ratios = np.zeros(len(instants), np.float32)
        if device.drifts:
            times = np.array(instants) + 1
            steps = np.array([drift_step(update) for update in instants])
            grown = log2(times.astype(np.float32) / (times - steps).astype(np.float32))
            ratios = np.where(times % steps == 0, grown, np.float32(0.0))
        counts = np.array(instants, np.uint32)
        words, floats = tile.records()
        losses = self._draw(tile)
        changed = False
        for direction in (DOWN, UP) if layout.state == PAIR else (UP,):
            held = 0 if layout.state == VISIBLE else 1 + (direction if layout.state == PAIR else 0)
            where = np.array([layout.words, held, *(layout.columns[direction, :2] if losses.grows else (0, 0))], np.uint64)
            keys = stream(tile.seed, Purpose.DIFFUSION, 2 * tile.number + direction)
            changed |= age(tile.flat_w, floats, where, decays, ratios, counts, *losses[:3], keys, self._table)
        if layout.state != VISIBLE:
            show(tile.flat_w, words, floats, layout.words, layout.state, tile.pulse_keys, self._write_noise, self._table)
        return changed

    def _draw(self, tile: Tile) -> _Losses:
        if tile.number not in self._losses:
            device, draws = self._device, CellDraws(tile.seed, tile.number, tile.flat_w.size)
            kept = device.keep(draws, self._every) if device.lifetime else np.zeros(0)
            none = np.zeros(0, np.float32)
            exponents = device.drift_exponents(draws) if device.drifts else none
            rates = device.diffusion_rates(draws) if device.diffusion else none
            if device.stuck:  # cells that only lose are not brought back by their bounds
                low, high = tile.bounds()
                for losses, nothing in ((kept, 1.0), (exponents, 0.0)):
                    if losses.size:
                        losses[low == high] = nothing
            self._losses[tile.number] = _Losses(kept, exponents, rates, bool(rates.size or (exponents < 0.0).any()))
        return self._losses[tile.number]

    def _kernel(self, tile: Tile) -> Callable[..., int]:
        device, layout = self._device, tile.layout
        return refresh_kernel(device.pulse_step, type(device).derive, layout.words, layout.columns.shape[1])
