"""From float vectors to conductances, or to the outputs of a read, in one compiled call.

The arithmetic is that of the host program, the pulse engine and the plant; here it is only put together.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numba.core import types
from numba.extending import register_jitable

from crosstwin_model.engine import next_masks
from crosstwin_model.firing import fire_hammersley, hammersley_memory
from crosstwin_model.jit import name_variant, njit_only, source_version
from crosstwin_model.memory import array_at, borrow, hold
from crosstwin_model.pulse_kernels import build_pulse
from crosstwin_model.read_kernels import read_cells

from . import scaling
from .scaling import fill_codes, largest_magnitude, plan_update

#: Numbers of an update's settings: the states of the shared LFSRs, which it moves on; the size of the array; the largest code of
#: a vector; the range of BL; the largest full scale; and the bits of a code.
X_STATE, D_STATE, ROWS, COLUMNS, TOP, BL_MIN, BL_MAX, FULL_SCALE_MAX, CODE_BITS = range(9)
SETTINGS = 9

_FLOATS = types.float64[::1]
_SIGNATURE = types.boolean(types.int64[:, ::1], types.int64[::1], _FLOATS, _FLOATS, types.float64, types.float64)


@register_jitable
def _fire(
    memory: Any, values: Any, peak: Any, top: Any, words: Any, side: Any, bl: Any, mask: Any, full_scale: Any, bits: Any
) -> Any:
    """Return the words uint64[1, lines, words] and the signs of a side's lines, and the memory that is left behind them."""
    lines = values.size
    fired, left = memory[: words * lines].reshape(lines, words), memory[words * lines :]
    # One more word for each line has room for its sign and its code.
    first = (lines + 1) // 2
    signs, codes, left = left.view(np.int8)[:lines], left.view(np.int16)[first : first + lines], left[lines:]
    fill_codes(codes, values, peak, top)
    fire_hammersley(fired, signs, codes, top, side, bl, bl, mask, full_scale, bits, left)
    return fired.reshape(1, lines, words), signs, left


@cache
def update_kernel(
    step: Callable[..., Any], derive: Callable[..., Any] | None, state: int, record: int, planes: int
) -> Callable[..., bool]:
    """Return the compiled update from floats on, for one :attr:`crosstwin_model.plant.Plant.variant`.

    Returns
    -------
    callable
        Of (arrays int64[8, 2], settings int64[SETTINGS], x float64[rows], d float64[columns], rate, nominal step): ``arrays`` are
        :func:`crosstwin_model.memory.addresses` of a tile's :meth:`crosstwin_model.plant.Plant.pulse_arguments`, ``settings`` are
        numbered above. It returns False, and does nothing, where a vector has another length or a number that is not finite.
    """
    version = source_version(Path(__file__), Path(scaling.__file__))
    pulse = build_pulse(step, derive, state, record, planes)

    def update(arrays: Any, settings: Any, x: Any, d: Any, rate: Any, nominal: Any) -> bool:
        _ = version
        arrays, settings, x, d = borrow(arrays), borrow(settings), borrow(x), borrow(d)
        rows, columns, bits = x.size, d.size, settings[CODE_BITS]
        if rows != settings[ROWS] or columns != settings[COLUMNS]:
            return False
        x_peak, d_peak = largest_magnitude(x), largest_magnitude(d)
        if not (x_peak < np.inf and d_peak < np.inf):
            return False
        count = rate * x_peak * d_peak / nominal
        if count == 0.0:
            return True
        bl, x_top, d_top, x_full_scale, d_full_scale = plan_update(
            count, settings[TOP], settings[BL_MIN], settings[BL_MAX], settings[FULL_SCALE_MAX]
        )
        x_mask, d_mask, settings[X_STATE], settings[D_STATE] = next_masks((settings[X_STATE], settings[D_STATE]), bits)
        words = (bl + 63) // 64
        memory = np.empty((words + 1) * (rows + columns) + hammersley_memory(words, bits), np.uint64)
        left = borrow(memory)
        row_words, row_signs, left = _fire(left, x, x_peak, x_top, words, 0, bl, x_mask, x_full_scale, bits)
        column_words, column_signs, left = _fire(left, d, d_peak, d_top, words, 1, bl, d_mask, d_full_scale, bits)
        pulse(
            array_at(arrays[0], np.int32).reshape(rows, columns), array_at(arrays[1], np.uint32), array_at(arrays[2], np.float32),
            array_at(arrays[3], np.int64).reshape(2, arrays[3, 1] // 2),
            array_at(arrays[4], np.float32).reshape(2, arrays[4, 1] // 2),
            array_at(arrays[5], np.float32), array_at(arrays[6], np.uint32), array_at(arrays[7], np.float32),
            row_signs, column_signs, row_words, column_words, 0, rows,
        )  # fmt: skip
        hold(memory)
        return True

    return njit_only(_SIGNATURE, name_variant(update, step.__name__, state, record, planes))


#: What became of a read: a vector was not as said, it was 0 and there was nothing to read, or it was read.
REFUSED, NOTHING, READ = range(3)
_READ_SIGNATURE = types.int64(
    types.int64[:, ::1], types.boolean, types.int64, types.float64, types.int64, _FLOATS, _FLOATS
)  # fmt: skip


def _build_read() -> Callable[..., int]:
    version = source_version(Path(__file__), Path(scaling.__file__))

    def read(arrays: Any, forward: Any, window: Any, step: Any, number: Any, values: Any, outputs: Any) -> int:
        _ = version
        arrays, values, outputs = borrow(arrays), borrow(values), borrow(outputs)
        rows, columns = (values.size, outputs.size) if forward else (outputs.size, values.size)
        largest = largest_magnitude(values)
        if rows * columns != arrays[0, 1] or not largest < np.inf:
            return REFUSED
        if largest == 0.0:
            outputs[:] = 0.0
            return NOTHING
        driven, sensed = values.size, outputs.size
        memory = np.empty(2 * driven + sensed, np.int32)
        charge, codes = borrow(memory)[:driven], borrow(memory)[driven : driven + sensed]
        inputs = borrow(memory)[driven + sensed :].view(np.int16)[:driven]
        fill_codes(inputs, values, largest, window)
        charge[:] = inputs
        read_cells(
            array_at(arrays[0], np.int32).reshape(rows, columns),
            array_at(arrays[1], np.int32).reshape(arrays[1, 1] // columns, columns),
            forward, charge, array_at(arrays[2], np.float64).reshape(2, arrays[2, 1] // 2),
            array_at(arrays[3], np.float64).reshape(2, arrays[3, 1] // 2), array_at(arrays[4], np.float32),
            array_at(arrays[5], np.uint32), array_at(arrays[6], np.float64), number, codes,
        )  # fmt: skip
        unit = largest * step
        for line in range(sensed):
            outputs[line] = codes[line] * unit
        hold(memory)
        return READ

    return njit_only(_READ_SIGNATURE, read)


#: The compiled read from floats on, of (arrays int64[7, 2], forward, window, step, number, values float64[driven], outputs
#: float64[sensed]): ``arrays`` are :func:`crosstwin_model.memory.addresses` of
#: :meth:`crosstwin_model.plant.Plant.read_arguments`, ``step`` is the output of one ADC code at an input of 1, and ``number``
#: that of the read. It fills the outputs and returns what became of it.
read = _build_read()
