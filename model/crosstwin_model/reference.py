"""The same as :mod:`crosstwin_model.kernels` in plain numpy: slow, short, and the definition.

Arrays of a tile's cells are flat, cell = row * columns + column.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from crosstwin_model.coincidence import unpack
from crosstwin_model.devices.base import DOWN, UP, Device
from crosstwin_model.kernels import CHARGE_GRID, GRID
from crosstwin_model.noise import draw_normal

Keys = npt.NDArray[np.uint32]


def pulse_cells(device: Device, w: Any, pulses: Any, planes: Any, shape: Any, keys: Keys, hit: npt.NDArray[np.int64]) -> None:
    """Give one pulse, in one direction, to each of the cells ``hit`` (no cell twice).

    Parameters
    ----------
    device : Device
        Its step rule and c2c are used.
    w : float32[cells], pulses : uint32[cells]
        Conductances and how many pulses each cell has had; both are changed.
    planes : float32[P, cells]
        Parameters of the cells for that direction.
    shape : float32[S]
        Constants of the rule for that direction.
    keys : uint32[2]
        The tile's stream of pulses.
    """
    noise = np.float32(device.c2c) * draw_normal(keys, hit, pulses[hit])
    value = type(device).step(w[hit], planes, hit, noise, shape)
    value = np.where(value < planes[0, hit], planes[0, hit], value)
    w[hit] = np.where(value > planes[1, hit], planes[1, hit], value)
    pulses[hit] += np.uint32(1)


def pulse_slots(device: Device, w: Any, pulses: Any, planes: Any, keys: Keys, up: Any, row_masks: Any, column_masks: Any) -> None:
    """Apply slots in order.

    Parameters
    ----------
    w : float32[rows, columns], pulses : uint32[rows, columns]
        Both are changed.
    planes : float32[2, P, rows * columns]
        Parameters of the cells, down and up.
    up : bool[slots]
        Direction of each slot.
    row_masks, column_masks : uint64[slots, words]
        Slot-major words of the lines that fire.
    """
    rows, columns = w.shape
    fired = unpack(row_masks, rows)[:, :, None] & unpack(column_masks, columns)[:, None, :]
    for direction, cells in zip(up, fired, strict=True):
        which = UP if direction else DOWN
        pulse_cells(device, w.reshape(-1), pulses.reshape(-1), planes[which], device.shape()[which], keys, np.flatnonzero(cells))


def read(
    w: Any,
    reference: Any,
    forward: bool,
    charge: npt.NDArray[np.int32],
    dac_keys: Keys,
    dac_noise: float,
    adc_keys: Keys,
    adc_noise: float,
    scale: float,
    limit: float,
    number: int,
    count: int,
) -> npt.NDArray[np.int32]:
    """Return the ADC codes of the first ``count`` sensed lines.

    The difference of the conductances, on the grid of 2**-20, times the charges, on the grid of 2**-8, is summed in whole
    numbers; times ``scale``, plus noise, rounded half to even and cut to +-limit it is the code.

    Parameters
    ----------
    w, reference : float32[rows, columns]
        Conductances of the tile and of what is subtracted.
    forward : bool
        Whether rows are driven and columns sensed.
    charge : int32[driven lines]
        Signed clock cycles at read level.
    dac_keys, adc_keys : uint32[2]
        The tile's streams of input noise and of converter noise.
    dac_noise, adc_noise : float
        Standard deviations in clock cycles, and in codes.
    scale : float
        Codes for a sum of one step of both grids.
    limit : float
        Largest code.
    number : int
        Number of this read.
    """
    driven = charge * CHARGE_GRID
    lines = np.flatnonzero(charge)
    driven[lines] += np.rint(dac_noise * CHARGE_GRID * draw_normal(dac_keys, lines, number).astype(np.float64))
    difference = np.rint(w * np.float32(GRID)).astype(np.float64) - np.rint(reference * np.float32(GRID)).astype(np.float64)
    sums = driven @ difference if forward else difference @ driven
    noise = adc_noise * draw_normal(adc_keys, np.arange(count), number).astype(np.float64)
    codes: npt.NDArray[np.int32] = np.clip(np.rint(sums[:count] * scale + noise), -limit, limit).astype(np.int32)
    return codes
