"""The cells of an emulated array: the integer hash behind their spread and noise, and the codes of their parameters.

The gateware fills its memories with these codes, and takes the constants of the hash from here; everything is in whole numbers
and in floats that are only added, multiplied and divided, so that every machine finds the same cells.
"""

from __future__ import annotations

from enum import IntEnum
from functools import cache
from typing import NamedTuple

from crosstwin_model.config import ControllerConfig
from crosstwin_model.emulated_config import BYTES_DEVIATION, BYTES_MEAN, SLOPE_FRACTION, EmulatedConfig

#: Constants of Bob Jenkins's integer hash without multiplications, and what a count is multiplied with.
STEPS = (0x7ED55D16, 0xC761C23C, 0x165667B1, 0xD3A2646C, 0xFD7046C5, 0xB55A4F09)
GOLDEN = 0x9E3779B9
#: Bits that an index is shifted by where it enters the hash a second time.
SECOND_SHIFT = 8

_MASK = 0xFFFFFFFF


class Stream(IntEnum):
    """What random numbers are for; the key of each is its own."""

    PULSE = 0
    ADC = 1
    STEP = 2
    ASYMMETRY = 3
    BOUND_UP = 4
    BOUND_DOWN = 5


def draw(key: int, index: int) -> int:
    """Return 32 random bits for a key, 0 to 2**32 - 1, and an index, 0 to 2**16 - 1."""
    a = key ^ (index << 16 | index)
    a = (a + STEPS[0] + (a << 12)) & _MASK
    a = a ^ STEPS[1] ^ (a >> 19) ^ (index << SECOND_SHIFT)
    a = (a + STEPS[2] + (a << 5)) & _MASK
    a = ((a + STEPS[3]) ^ (a << 9)) & _MASK
    a = (a + STEPS[4] + (a << 3)) & _MASK
    return a ^ STEPS[5] ^ (a >> 16)


def stream_key(seed: int, stream: Stream) -> int:
    """Return the key of a stream's first numbers; the key of the next is GOLDEN more."""
    return draw(draw(seed, int(stream)), 0)


def byte_sum(bits: int) -> int:
    """Return the sum of the four bytes less its mean, -510 to 510: nearly normal."""
    return sum(bits >> shift & 0xFF for shift in (0, 8, 16, 24)) - BYTES_MEAN


class Cell(NamedTuple):
    """The codes of one cell's parameters, :attr:`EmulatedConfig.slope_up` and its like."""

    slope_up: int
    slope_down: int
    high: int
    low: int


@cache
def cell_codes(config: EmulatedConfig, controller: ControllerConfig) -> tuple[Cell, ...]:
    """Return the parameters of all cells: tile by tile, row by row, column by column.

    Raises
    ------
    ConfigurationError
        If the array is too large.
    """
    config.require_fit(controller)
    keys = [stream_key(config.seed, stream) for stream in Stream]
    slope_up, slope_down, high, low = config.slope_up, config.slope_down, config.high, config.low
    spreads = (config.dw_min_spread, config.up_down_spread, config.w_max_spread, config.w_min_spread)
    steps = config.dw_min * (1 << SLOPE_FRACTION)
    cells = []
    for index in range(controller.tiles * controller.rows * controller.columns):
        normals = [byte_sum(draw(key, index)) / BYTES_DEVIATION for key in keys[Stream.STEP :]]
        g, r, up, down = (spread * normal for spread, normal in zip(spreads, normals, strict=True))
        g += 1.0
        r += config.up_down / 2.0
        w_max, w_min = config.w_max * max(1.0 + up, 0.125), -config.w_min * max(1.0 + down, 0.125)
        cells.append(
            Cell(
                slope_up.code(steps * (g + r) / w_max),
                slope_down.code(steps * (g - r) / w_min),
                high.code(w_max / config.unit),
                low.code(w_min / config.unit),
            )
        )
    return tuple(cells)
