"""The same as the compiled kernels of pulses, time and reads in plain numpy: slow, short, and the definition.

Arrays of a tile's cells are flat, cell = row * columns + column.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from crosstwin_model.coincidence import unpack
from crosstwin_model.devices.base import DOWN, UP, CellDraws, Device
from crosstwin_model.elementary import exp2, log2
from crosstwin_model.grid import GRID, on_grid
from crosstwin_model.noise import Purpose, draw_normal, stream

Keys = npt.NDArray[np.uint32]
Floats = npt.NDArray[np.float32]


@dataclass
class Cells:
    """The cells of one tile.

    Parameters
    ----------
    device : Device
        Their rule and kind.
    w : float32[cells]
        Visible conductances.
    pulses : uint32[cells]
        How many pulses each cell has had.
    states : float32[cells, 0, 1 or 2]
        Conductances that pulses act on where these are not the visible ones: the persistent one under write noise, g- and g+ of
        a pair.
    planes : float32[2, P, cells]
        Parameters, down and up; bounds are multiples of 1 / GRID.
    keys : uint32[4]
        The tile's streams of pulses and of write noise.
    """

    device: Device
    w: Floats
    pulses: npt.NDArray[np.uint32]
    states: Floats
    planes: Floats
    keys: Keys


def pulse_cells(
    device: Device, w: Any, pulses: Any, planes: Any, shape: Any, keys: Keys, hit: npt.NDArray[np.int64], response: float = 1.0
) -> None:
    """Give one pulse, in one direction, to each of the cells ``hit`` (no cell twice).

    Parameters
    ----------
    device : Device
        Its step rule and c2c are used.
    w : float32[cells], pulses : uint32[cells]
        Conductances that pulses act on, and how many pulses each cell has had; both are changed.
    planes : float32[P, cells]
        Parameters of the cells for that direction.
    shape : float32[S]
        Constants of the rule for that direction.
    keys : uint32[2]
        The tile's stream of pulses.
    response : float
        Below 1 for half-selected cells: they make that part of a step without noise, and it counts as no pulse.
    """
    if response == 1.0:
        noise = np.float32(device.c2c) * draw_normal(keys, hit, pulses[hit])
        value = device.pulse_step(w[hit], planes, hit, noise, shape)
        pulses[hit] += np.uint32(1)
    else:
        step = device.pulse_step(w[hit], planes, hit, np.float32(0.0), shape) - w[hit]
        value = w[hit] + np.float32(response) * step
    value = on_grid(value)
    value = np.where(value >= planes[0, hit], value, planes[0, hit])
    w[hit] = np.where(value <= planes[1, hit], value, planes[1, hit])


def pulse_slots(cells: Cells, up: Any, row_masks: Any, column_masks: Any, rows: int, half_select: float = 0.0) -> None:
    """Apply slots in order.

    Parameters
    ----------
    cells : Cells
        Of a tile; changed.
    up : bool[slots]
        Direction of each slot.
    row_masks, column_masks : uint64[slots, words]
        Slot-major words of the lines that fire.
    rows : int
        Rows of the tile.
    half_select : float
        Response of half-selected cells, as a part of a step.
    """
    device, columns = cells.device, cells.w.size // rows
    row_fires, column_fires = unpack(row_masks, rows)[:, :, None], unpack(column_masks, columns)[:, None, :]
    for slot, direction in enumerate(up):
        which = UP if direction else DOWN
        held = cells.w if not cells.states.shape[1] else cells.states[:, which if device.one_sided else 0]
        rule = (device, held, cells.pulses, cells.planes[which], device.cell_shape()[which], cells.keys[:2])
        full = np.flatnonzero(row_fires[slot] & column_fires[slot])
        half = np.flatnonzero(row_fires[slot] ^ column_fires[slot]) if half_select else full[:0]
        pulse_cells(*rule, full)
        pulse_cells(*rule, half, half_select)
        _show(cells, np.concatenate((full, half)))


def _show(cells: Cells, changed: npt.NDArray[np.int64]) -> None:
    """Bring visible conductances up to what pulses have done."""
    if cells.device.one_sided:
        cells.w[changed] = cells.states[changed, UP] - cells.states[changed, DOWN]
    elif cells.states.shape[1]:
        noise = draw_normal(cells.keys[2:], changed, cells.pulses[changed]) * (cells.pulses[changed] != 0)
        scale = np.float32(cells.device.write_noise * cells.device.dw_min)
        cells.w[changed] = on_grid(cells.states[changed, 0] + scale * noise.astype(np.float32))


#: Drift acts at this many instants while time doubles.
DRIFTS = 256
#: Decays in a lifetime.
DECAYS = 4096
#: Pulses that a refresh gives a pair at most: what cannot be reached in so many is out of reach.
LONGEST_REFRESH = 4096


def drift_step(update: int) -> int:
    """Return the time between drifts about that update: a power of two, and at most a :data:`DRIFTS`-th of the time, or 1."""
    return 1 << max(0, update.bit_length() - DRIFTS.bit_length())


def age(cells: Cells, draws: CellDraws, update: int) -> None:
    """Let the time of one update pass, the ``update``-th of a tile from 1 on: decay, drift, diffusion and the refresh of pairs.

    Decay acts at every k-th update, where k is a :data:`DECAYS`-th of the lifetime. Drift acts at times t = update + 1 that are
    multiples of :func:`drift_step`. What they leave is cut to the bounds, which are equal in a stuck cell.

    Parameters
    ----------
    cells : Cells
        Of a tile; changed.
    draws : CellDraws
        Of that tile, all cells.
    """
    device = cells.device
    every = max(1, round(device.lifetime / DECAYS))
    time, step = update + 1, drift_step(update)
    decays, drifts = bool(device.lifetime) and update % every == 0, device.drifts and time % step == 0
    for direction in (DOWN, UP) if device.one_sided else (UP,):
        held = cells.w if not cells.states.shape[1] else cells.states[:, direction if device.one_sided else 0]
        low, high = cells.planes[direction, :2]
        if decays:
            held[...] = np.clip(on_grid((held * device.keep(draws, every)).astype(np.float32)), low, high)
        if drifts:
            ratio = log2(np.float32(time) / np.float32(time - step))
            with np.errstate(over="ignore"):
                held[...] = np.clip(on_grid(held * exp2(-device.drift_exponents(draws) * ratio)), low, high)
        if device.diffusion:
            keys = stream(draws.seed, Purpose.DIFFUSION, 2 * draws.tile + direction)
            walk = device.diffusion_rates(draws) * draw_normal(keys, np.arange(held.size), update)
            held[...] = np.clip(on_grid(held + walk), low, high)
    if decays or drifts or device.diffusion:
        _show(cells, np.arange(cells.w.size))
    if device.one_sided:
        refresh(cells, draws)


def refresh(cells: Cells, draws: CellDraws) -> None:
    """Reset the pairs whose conductances are both high, and program their differences again with counted pulses."""
    device, states, pulses = cells.device, cells.states, cells.pulses
    part = states / np.maximum(cells.planes[:, 1].T, np.float32(1.0 / GRID))
    worn = np.flatnonzero((part.max(1) > device.refresh_above) & (part.min(1) > device.refresh_below))
    target = states[worn, UP] - states[worn, DOWN]
    for direction in (DOWN, UP):
        keys = stream(draws.seed, Purpose.RESET, 2 * draws.tile + direction)
        spread = draw_normal(keys, worn, pulses[worn]) * np.float32(device.reset_spread)
        states[worn, direction] = on_grid(np.clip(np.float32(device.reset) + spread, 0.0, cells.planes[direction, 1, worn]))
    for direction, sign in ((DOWN, -1.0), (UP, 1.0)):
        mine, wanted = worn[sign * target > 0.0], target[sign * target > 0.0]
        rule = (device, states[:, direction], pulses, cells.planes[direction], device.cell_shape()[direction], cells.keys[:2])
        for _ in range(LONGEST_REFRESH):
            short = sign * wanted > sign * (states[mine, UP] - states[mine, DOWN])
            short &= states[mine, direction] < cells.planes[direction, 1, mine]
            pulse_cells(*rule, mine[short])
            if not short.any():
                break
    _show(cells, worn)


def read(
    w: Any,
    reference: Any,
    forward: bool,
    charge: npt.NDArray[np.int32],
    errors: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
    keys: Keys,
    parameters: npt.NDArray[np.float64],
    number: int,
    count: int,
) -> npt.NDArray[np.int32]:
    """Return the ADC codes of the first ``count`` sensed lines.

    Conductances times charges are summed in whole numbers of both grids; times the scale, with the
    converter's errors and noise, rounded half to even and cut to the limit the sum is the code.

    Parameters
    ----------
    w, reference : float32[rows, columns]
        Conductances of the tile and of what is subtracted.
    forward : bool
        Whether rows are driven and columns sensed.
    charge : int32[driven lines]
        Signed clock cycles at read level.
    errors : pair of float64[2, lines]
        Factors and offsets of the driven and of the sensed lines; no lines where there are none.
    keys : uint32[4]
        The tile's streams of input noise and of converter noise.
    parameters : float64[6]
        Standard deviations of the input noise, in clock cycles, and of the converter's, in codes; codes for a sum of 1 weight
        times one unit of charge; the largest code; units in a clock cycle; and the sum of all units up to which sums of products
        are exact in float64, which only the kernels need.
    number : int
        Number of this read.
    """
    dac_noise, adc_noise, scale, limit, unit, _ = parameters
    driven = charge * unit
    lines = np.flatnonzero(charge)
    if errors[0].size:
        driven[lines] = np.rint(driven[lines] * errors[0][0, lines] + errors[0][1, lines])
    driven[lines] += np.rint(dac_noise * unit * draw_normal(keys[:2], lines, number).astype(np.float64))
    grid = [(array.astype(np.float64) * GRID).astype(np.int64) for array in (w, reference)]
    units = driven.astype(np.int64)
    difference = grid[0] - grid[1]
    sums = (units @ difference if forward else difference @ units).astype(np.float64) / GRID * scale
    if errors[1].size:
        sums = sums * errors[1][0] + errors[1][1]
    noise = adc_noise * draw_normal(keys[2:], np.arange(count), number).astype(np.float64)
    codes: npt.NDArray[np.int32] = np.clip(np.rint(sums[:count] + noise), -limit, limit).astype(np.int32)
    return codes
