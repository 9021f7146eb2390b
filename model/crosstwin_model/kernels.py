"""Compiled loops of the plant: pulses on cells, and reads.

They do exactly what :mod:`crosstwin_model.reference` does with plain numpy, bit for bit. numba multiplies and adds float32
without contracting the two, so that every operation rounds; it promotes uint32 arithmetic to 64 bits, hence the casts after every
step.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numba.core import types
from numba.extending import intrinsic, register_jitable

from crosstwin_model import noise
from crosstwin_model.devices.base import Device
from crosstwin_model.jit import njit

_GOLDEN = np.uint32(noise.GOLDEN)
_MIX_1 = np.uint32(noise.MIX_1)
_MIX_2 = np.uint32(noise.MIX_2)
_SPREAD = np.uint32(noise.SPREAD)
_SHIFT = np.uint32(noise.QUANTILE_SHIFT)
_ONE = np.uint64(1)

#: Conductances are read as multiples of 1 / GRID; charges with noise as multiples of 1 / CHARGE_GRID.
GRID = 2.0**20
CHARGE_GRID = 2.0**8
#: Largest size of a charge.
CHARGE_MAX = 65535
_GRID = np.float32(GRID)


@dataclass(frozen=True)
class Kernels:
    """The compiled functions for one step rule; see :func:`kernels`."""

    pulse: Callable[..., None]
    pulse_slots: Callable[..., bool]


@intrinsic  # type: ignore[untyped-decorator]
def _popcount(typingctx: Any, word: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.uint64(types.uint64), build


@intrinsic  # type: ignore[untyped-decorator]
def _lowest_bit(typingctx: Any, word: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], context.get_constant(types.boolean, True))

    return types.uint64(types.uint64), build


@register_jitable  # type: ignore[untyped-decorator]
def _cell_key(keys: Any, index: Any) -> Any:
    """The part of a draw that depends on the index only."""
    z = np.uint32(np.uint32(np.uint32(index) * _GOLDEN) + keys[0])
    z = np.uint32(z ^ (z >> np.uint32(16)))
    z = np.uint32(z * _MIX_1)
    z = np.uint32(z ^ (z >> np.uint32(13)))
    z = np.uint32(z * _MIX_2)
    return np.uint32(z ^ (z >> np.uint32(16)))


@register_jitable  # type: ignore[untyped-decorator]
def _second_key(keys: Any, cell_key: Any) -> Any:
    """What enters the middle of the mix."""
    return np.uint32(np.uint32(cell_key * _SPREAD) + keys[1])


@register_jitable  # type: ignore[untyped-decorator]
def _draw_bits(cell_key: Any, second_key: Any, count: Any) -> Any:
    """As :func:`crosstwin_model.noise.draw_bits`."""
    z = np.uint32(np.uint32(np.uint32(count) * _GOLDEN) + cell_key)
    z = np.uint32(z ^ (z >> np.uint32(16)))
    z = np.uint32(z * _MIX_1)
    z = np.uint32(z ^ (z >> np.uint32(13)))
    z = np.uint32(z + second_key)
    z = np.uint32(z * _MIX_2)
    return np.uint32(z ^ (z >> np.uint32(16)))


@register_jitable  # type: ignore[untyped-decorator]
def _normal(table: Any, keys: Any, index: Any, count: Any) -> Any:
    key = _cell_key(keys, index)
    return table[_draw_bits(key, _second_key(keys, key), count) >> _SHIFT]


def _version() -> str:
    """A digest of all sources whose code the kernels hold, beside this file, which numba watches by itself."""
    folder = Path(__file__).parent
    sources = [folder / "noise.py", *sorted((folder / "devices").glob("*.py"))]
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()


def kernels(device: Device) -> Kernels:
    """Return the kernels for a device's step rule, compiled at their first call."""
    return _build(type(device).step)


@cache
def _build(step: Callable[[Any, Any, Any, Any, Any], Any]) -> Kernels:
    version = _version()

    def pulse(w: Any, pulses: Any, planes: Any, shape: Any, table: Any, keys: Any, c2c: Any, row_words: Any, column_words: Any) -> None:
        # numba's disk cache looks at this file alone; a closure variable makes it notice a change of the others.
        _ = version
        columns, words = column_words.shape
        counts = np.empty(columns, np.uint32)
        hits = np.empty(columns, np.int64)
        for row in range(row_words.shape[0]):
            fired = np.uint64(0)
            for word in range(words):
                fired |= row_words[row, word]
            if fired == np.uint64(0):
                continue
            for column in range(columns):
                total = np.uint64(0)
                for word in range(words):
                    total += _popcount(row_words[row, word] & column_words[column, word])
                counts[column] = np.uint32(total)
            # Listing the cells that are hit without a branch is much faster where few are.
            cells = 0
            for column in range(columns):
                hits[cells] = column
                cells += counts[column] != 0
            for hit in range(cells):
                cell = row * columns + hits[hit]
                count = counts[hits[hit]]
                low = planes[0, cell]
                high = planes[1, cell]
                key = _cell_key(keys, cell)
                second = _second_key(keys, key)
                start = pulses[cell]
                value = w[cell]
                for k in range(count):
                    xi = table[_draw_bits(key, second, np.uint32(start + np.uint32(k))) >> _SHIFT]
                    value = step(value, planes, cell, c2c * xi, shape)
                    value = low if value < low else value
                    value = high if value > high else value
                w[cell] = value
                pulses[cell] = np.uint32(start + count)

    def pulse_slots(
        w: Any,
        pulses: Any,
        planes: Any,
        shape: Any,
        table: Any,
        keys: Any,
        c2c: Any,
        up: Any,
        row_masks: Any,
        column_masks: Any,
        rows: Any,
        columns: Any,
    ) -> bool:
        _ = version
        if not (_within(row_masks, rows) and _within(column_masks, columns)):
            return False
        fired = np.empty(columns, np.int64)
        for slot in range(up.size):
            count = 0
            for word in range(column_masks.shape[1]):
                rest = column_masks[slot, word]
                while rest != np.uint64(0):
                    fired[count] = 64 * word + np.int64(_lowest_bit(rest))
                    count += 1
                    rest &= rest - _ONE
            if count == 0:
                continue
            direction = np.int64(up[slot])
            for word in range(row_masks.shape[1]):
                rest = row_masks[slot, word]
                while rest != np.uint64(0):
                    first = (64 * word + np.int64(_lowest_bit(rest))) * columns
                    rest &= rest - _ONE
                    for k in range(count):
                        cell = first + fired[k]
                        number = pulses[cell]
                        key = _cell_key(keys, cell)
                        xi = table[_draw_bits(key, _second_key(keys, key), number) >> _SHIFT]
                        value = step(w[cell], planes[direction], cell, c2c * xi, shape[direction])
                        low = planes[direction, 0, cell]
                        high = planes[direction, 1, cell]
                        value = low if value < low else value
                        w[cell] = high if value > high else value
                        pulses[cell] = np.uint32(number + np.uint32(1))
        return True

    return Kernels(njit(pulse), njit(pulse_slots))


@register_jitable  # type: ignore[untyped-decorator]
def _within(masks: Any, lines: Any) -> Any:
    """Whether no bit at or above ``lines`` is set."""
    last = masks.shape[1] - 1
    spare = np.uint64(64 * masks.shape[1] - lines)
    if spare == np.uint64(0):
        return True
    high = np.uint64(0)
    for slot in range(masks.shape[0]):
        high |= masks[slot, last]
    return (high >> (np.uint64(64) - spare)) == np.uint64(0)


@register_jitable  # type: ignore[untyped-decorator]
def _on_grid(value: Any) -> Any:
    return np.int32(np.rint(value * _GRID))


def _build_read() -> Callable[..., bool]:
    version = _version()

    def read(
        w: Any,
        reference: Any,
        forward: Any,
        charge: Any,
        table: Any,
        dac_keys: Any,
        dac_noise: Any,
        adc_keys: Any,
        adc_noise: Any,
        scale: Any,
        limit: Any,
        number: Any,
        codes: Any,
    ) -> bool:
        _ = version
        for line in range(charge.size):
            if not -CHARGE_MAX <= charge[line] <= CHARGE_MAX:
                return False
        count = codes.size
        sums = np.zeros(count, np.int64)
        driven = np.empty(charge.size, np.int32)
        for line in range(charge.size):
            units = charge[line] * np.int32(CHARGE_GRID)
            if dac_noise > 0.0 and units != 0:
                units += np.int32(np.rint(dac_noise * CHARGE_GRID * np.float64(_normal(table, dac_keys, line, number))))
            driven[line] = units
        if forward:
            for line in range(charge.size):
                units = np.int64(driven[line])
                if units != 0:
                    for sensed in range(count):
                        sums[sensed] += units * np.int64(_on_grid(w[line, sensed]) - _on_grid(reference[line, sensed]))
        else:
            for sensed in range(count):
                total = np.int64(0)
                for line in range(charge.size):
                    total += np.int64(driven[line]) * np.int64(_on_grid(w[sensed, line]) - _on_grid(reference[sensed, line]))
                sums[sensed] = total
        for sensed in range(count):
            value = np.float64(sums[sensed]) * scale
            if adc_noise > 0.0:
                value = value + adc_noise * np.float64(_normal(table, adc_keys, sensed, number))
            codes[sensed] = np.int32(min(max(np.rint(value), -limit), limit))
        return True

    return njit(read)


#: Reads the lines of one tile; parameters as of :func:`crosstwin_model.reference.read`, with ``codes`` int32[count] to be filled.
#: Returns False, and fills nothing, where a charge is above :data:`CHARGE_MAX`.
read = _build_read()
