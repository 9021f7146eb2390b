"""Line resistance: time of a read against the ideal read, and the error of reads and pulses by the size of the array.

The array has 0.35 ohm of wire between cells of 3 to 7 uS (the defaults of LineResistance), and weights spread uniformly over
[-1, 1]; the reference tile is at 0. Inputs are uniform in -63 to 63 clock cycles. The error of a read is its root mean square
over lines and reads, against the root mean square of the ideal sums.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from common import Row, cpu_seconds, paired, report

from crosstwin_model.config import ControllerConfig
from crosstwin_model.line_resistance import LineResistance
from crosstwin_model.nodal import Lines, solve
from crosstwin_model.plant import Plant
from crosstwin_model.plant_config import PlantConfig

SIZES = (16, 32, 64, 128, 256, 512)
TIMED = (64, 128, 256)
READS = 16
SEED = 1


def arrays(size: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
    """Return weights and the charges of READS reads of a square tile."""
    rng = np.random.default_rng(SEED)
    w = rng.uniform(-1.0, 1.0, (size, size)).astype(np.float32)
    return w, rng.integers(-63, 64, (READS, size)).astype(np.int32)


def error(lines: LineResistance, size: int, differential: bool) -> float:
    """Return the relative error of forward reads of a tile against its reference, or alone."""
    w, charges = arrays(size)
    ideal = charges @ w.astype(np.float64)
    found = lines.read_sums(w, charges, True)
    if differential:
        found = found - lines.read_sums(np.zeros_like(w), charges, True)
    return float(np.sqrt(np.mean((found - ideal) ** 2) / np.mean(ideal**2)))


def slots(lines: LineResistance, size: int) -> tuple[float, float]:
    """Return the mean drop of the pulse voltage on cells that are hit, in slots solved in full, and the nominal slot's rms error.

    Weights are random, and each line fires with the probability that the nominal slot has.
    """
    rng = np.random.default_rng(SEED)
    nominal = lines.pulse_voltages(size, size)
    rows = Lines(lines.row_ohms, np.full(size, 1.0 / lines.row_ohms), np.zeros(size))
    columns = Lines(lines.column_ohms, np.zeros(size), np.full(size, 1.0 / lines.column_ohms))
    seen, wanted = [], []
    for _ in range(READS):
        cells = lines.conductances(rng.uniform(-1.0, 1.0, (size, size)).astype(np.float32))
        row, column = rng.random((2, size)) < lines.firing
        found = solve(cells, rows, columns, 0.5 * row[None], -0.5 * column[None])
        seen.append((found.rows - found.columns)[0][np.outer(row, column)])
        wanted.append(nominal[np.outer(row, column)])
    voltages = np.concatenate(seen)
    return float(1.0 - voltages.mean()), float(np.sqrt(np.mean((voltages - np.concatenate(wanted)) ** 2)))


def times(size: int) -> tuple[float, float]:
    """Return the processor seconds of one read of one tile with line resistance, and of the plant's whole ideal read of it."""
    w, charges = arrays(size)
    lines = LineResistance()
    plant = Plant(ControllerConfig("bench", size, size), PlantConfig(adc_noise=0.0))
    plant.set_conductance(0, w)
    few = max(1, 20_000_000 // (size * size * size))
    charge = charges[0]

    def solved() -> float:
        return cpu_seconds(lambda: [lines.read_sums(w, charge, True) for _ in range(few)]) / few

    def ideal() -> float:
        return cpu_seconds(lambda: [plant.read(0, False, True, charge, 0, size) for _ in range(few)]) / few

    solved(), ideal()
    return paired(solved, ideal, 9)


def main() -> None:
    """Measure, print and write build/bench/line_resistance.json."""
    rows = []
    for size in TIMED:
        solved, ideal = times(size)
        rows.append(Row(f"read of {size} x {size}, against ideal", 1e6 * solved, "us", 1e6 * ideal, solved / ideal))
    for size in SIZES:
        rows.append(Row(f"error of a differential read, {size} x {size}", 100 * error(LineResistance(), size, True), "%"))
    for size in SIZES:
        rows.append(Row(f"error of a read of one tile alone, {size} x {size}", 100 * error(LineResistance(), size, False), "%"))
    for size in SIZES:
        lowest = LineResistance().pulse_voltages(size, size).min()
        rows.append(Row(f"largest drop of the pulse voltage, {size} x {size}", 100 * (1.0 - lowest), "%"))
    for size in TIMED:
        drop, missed = slots(LineResistance(), size)
        name = f"rms error of the nominal slot, {size} x {size}, against the mean drop"
        rows.append(Row(name, 100 * missed, "%", 100 * drop, missed / drop))
    report("line_resistance", rows)


if __name__ == "__main__":
    main()
