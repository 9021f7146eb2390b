"""From float vectors to conductances, or to the outputs of a read, in one compiled call.

The arithmetic is that of the host program, the pulse engine and the plant; here it is only put together.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.core import types
from numba.extending import register_jitable

from crosstwin_model.crew import DONE, REFUSED
from crosstwin_model.engine import next_masks
from crosstwin_model.firing import hammersley_memory, hammersley_table
from crosstwin_model.jit import njit_only
from crosstwin_model.line_lists import list_codes
from crosstwin_model.memory import borrow, hold
from crosstwin_model.numbers import LARGEST
from crosstwin_model.pulse_jobs import COLUMNS, PLAN, ROWS, job_size, lists_of, run_job
from crosstwin_model.read_kernels import PLAN as READ_PLAN
from crosstwin_model.read_kernels import read_cells

from .scaling import fill_codes, largest_magnitude, plan_update

#: What a plan of an update holds behind that of the plant's tile: the states of the shared LFSRs, which it moves on; the largest
#: code of a vector; the range of BL; the largest full scale; the bits of a code; and the bits of the nominal step as a float64.
X_STATE, D_STATE, TOP, BL_MIN, BL_MAX, FULL_SCALE_MAX, CODE_BITS, STEP = range(PLAN, PLAN + 8)

#: What a plan of a read holds behind that of the plant: the largest code of a vector, and the bits of the output of one ADC code
#: at an input of 1 as a float64.
WINDOW, OUTPUT_STEP = range(READ_PLAN, READ_PLAN + 2)

#: Besides what becomes of a job of pulses, which is refused too where a number is not finite: a vector was 0, nothing was done.
NOTHING = 3

_PLAN, _FLOATS = types.int64[::1], types.float64[::1]


@register_jitable
def _list(
    lists: Any, values: Any, peak: Any, top: Any, words: Any, side: Any, bl: Any, mask: Any, full_scale: Any, bits: Any,
    memory: Any,
) -> None:  # fmt: skip
    """List the lines of a side that fire; ``memory``, of :func:`_memory`, is overwritten."""
    codes, left = memory.view(np.int16)[: values.size], memory[(values.size + 3) // 4 :]
    fill_codes(codes, values, peak, top)
    list_codes(codes, hammersley_table(words, top, side, bl, bl, mask, full_scale, bits, left), lists)


@register_jitable
def _memory(lines: Any, words: Any, bits: Any) -> Any:
    return (lines + 3) // 4 + hammersley_memory(words, bits)


@njit_only(types.int64(_PLAN, _FLOATS, _FLOATS, types.float64, types.boolean))
def update(plan: Any, x: Any, d: Any, rate: Any, again: Any) -> int:
    """Update from floats on, and return what became of it: as a job of pulses does, or NOTHING.

    ``plan`` is int64[29], x float64[rows], d float64[columns]; it begins with that of
    :meth:`crosstwin_model.plant.Plant.pulse_plan`. ``again`` is as for a job of pulses.
    """
    plan, x, d = borrow(plan), borrow(x), borrow(d)
    rows, columns, bits = x.size, d.size, plan[CODE_BITS]
    if rows != plan[ROWS] or columns != plan[COLUMNS]:
        return REFUSED
    x_peak, d_peak = largest_magnitude(x), largest_magnitude(d)
    if not (x_peak <= LARGEST and d_peak <= LARGEST):
        return REFUSED
    if x_peak == 0.0 or d_peak == 0.0:
        return NOTHING
    count = rate * x_peak * d_peak / plan.view(np.float64)[STEP]
    if count == 0.0:
        return NOTHING
    bl, x_top, d_top, x_full_scale, d_full_scale = plan_update(count, plan[TOP], plan[BL_MIN], plan[BL_MAX], plan[FULL_SCALE_MAX])
    x_mask, d_mask, x_state, d_state = next_masks((plan[X_STATE], plan[D_STATE]), bits)
    words = (bl + 63) // 64
    size = job_size(rows, columns, 1, words)
    memory = np.empty(size + _memory(max(rows, columns), words, bits), np.uint64)
    job, left = borrow(memory)[:size], borrow(memory)[size:]
    row_lists, column_lists = lists_of(job, rows, columns, 1, words)
    _list(row_lists, x, x_peak, x_top, words, 0, bl, x_mask, x_full_scale, bits, left)
    _list(column_lists, d, d_peak, d_top, words, 1, bl, d_mask, d_full_scale, bits, left)
    found: int = run_job(plan, job, 1, words, again)
    if found == DONE:
        plan[X_STATE], plan[D_STATE] = x_state, d_state
    hold(memory)
    return found


@njit_only(types.int64(_PLAN, _FLOATS, _FLOATS, types.boolean))
def read(plan: Any, values: Any, outputs: Any, again: Any) -> int:
    """Read from floats on, and return what became of it: as a read of charges does, or NOTHING.

    ``plan`` is int64[23], values float64[driven], outputs float64[sensed]; it begins with that of
    :meth:`crosstwin_model.plant_reads.Reads.plan`. Where the read is done, it is counted; a vector of zeros gives zeros.
    ``again`` is as for a read of charges.
    """
    plan, values, outputs = borrow(plan), borrow(values), borrow(outputs)
    largest = largest_magnitude(values)
    driven, sensed = values.size, outputs.size
    if driven * sensed != plan[1] or not largest <= LARGEST:
        return REFUSED
    if largest == 0.0:
        outputs[:] = 0.0
        return NOTHING
    memory = np.empty(2 * driven + sensed, np.int32)
    charge, codes = borrow(memory)[:driven], borrow(memory)[driven : driven + sensed]
    inputs = borrow(memory)[driven + sensed :].view(np.int16)[:driven]
    fill_codes(inputs, values, largest, plan[WINDOW])
    for line in range(driven):  # an assignment of all takes ten times as long
        charge[line] = inputs[line]
    found: int = read_cells(plan, charge, codes, again)
    unit = largest * plan.view(np.float64)[OUTPUT_STEP]
    for line in range(sensed):
        outputs[line] = codes[line] * unit
    hold(memory)
    return found
