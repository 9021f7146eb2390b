"""Operations that read: FORWARD, BACKWARD, and the first half of TRANSFER."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .observe import ReadPhase
from .registers import ErrorCode
from .run import Ended, Run


def read_vector(run: Run, tile: int, forward: bool, differential: bool) -> None:
    """Run FORWARD or BACKWARD from CONNECT to FINISH."""
    registers = run.registers
    codes = registers.x[: run.config.rows] if forward else registers.d[: run.config.columns]
    gain = registers.values["READ_GAIN"] & 15
    end = _read(run, tile, forward, differential, codes.astype(np.int32), gain, to_d=False)
    run.reach(end + 1)
    registers.count("OPERATIONS", 1)
    run.advance(end + 2)


def read_row(run: Run, tile: int, row: int) -> None:
    """Run TRANSFER from CONNECT to the last beat: one row driven for the whole window, its codes to Y and D."""
    if run.before_stop(0):  # D is cleared in CONNECT
        run.registers.d[:] = 0
    codes = np.zeros(run.config.rows, np.int32)
    codes[row] = run.config.code_max
    end = _read(run, tile, True, True, codes, run.registers.values["READ_GAIN"] >> 8 & 15, to_d=True)
    run.advance(end + 1)


def _read(run: Run, tile: int, forward: bool, differential: bool, codes: NDArray[np.int32], gain: int, *, to_d: bool) -> int:
    """Run a read and return the clock cycle of its last beat."""
    registers, values = run.registers, run.registers.values
    window, tick = values["READ"] & 0xFFFF, values["READ"] >> 16
    sample = 2 + window * tick
    active = values[f"PAIR{tile // 4}_ACTIVE"]
    count = active >> 16 if forward else active & 0xFFFF
    beats, timeout, end = 0, False, sample
    # The strobe is set in the clock cycle before SAMPLE, so a stop in SAMPLE itself comes too late for the array.
    if run.before_stop(sample - 1):
        charge = np.minimum(np.maximum(codes, np.int32(-window)), np.int32(window)) * np.int32(tick)
        results = run.array.read(tile, differential, forward, charge, gain, count)
        lanes, longest, left = run.config.adc_lanes, values["ADC_TIMEOUT"], run.before_stop(0)
        for delay in run.array.delays(-(-count // lanes)).tolist():
            timeout = delay > longest
            end += longest if timeout else delay
            if timeout or end >= left:
                break
            beats += 1
        done = results[: beats * lanes]
        registers.y[: done.size] = done
        if to_d:
            limit = run.config.code_max
            registers.d[: done.size] = np.minimum(np.maximum(done, -limit), limit)
    if run.phases is not None:
        last = end if to_d or timeout else end + 1
        run.record(
            ReadPhase(run.start, run.start + end, run.start + last, tile, differential, forward, gain, window, tick, codes)
        )
    run.reach(end)
    if timeout:
        raise Ended(run.start + end + 1, ErrorCode.ADC_TIMEOUT)
    return end
