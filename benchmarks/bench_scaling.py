"""Cost of the golden model's updates from 64 x 64 to 4096 x 4096, and memory.

An update's cost should grow with its coincidences and with the lines, not with the cells. It is measured from float vectors on,
with three kinds of vectors: dense (x and d uniform), typical (x = 0.5 relu(N), d = 0.01 N^3) and sparse (16 lines of each side,
so that the coincidences stay the same while the cells grow 4096-fold). Fitted by least squares of relative errors, the cost of
all of them is a sum of three terms: so much an update, so much a line, so much a coincidence.

It counts processor time. Memory is the peak of a process of its own that makes a 4096 x 4096 tile pair, updates C and A and reads
both ways.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from functools import partial

import numpy as np
from common import Row, calls_for, report
from golden_layer import SEED, WINDOW, GoldenLayer
from peer.vectors import pair

from crosstwin_model.registers import TileKind

SIZES = (64, 128, 256, 512, 1024, 2048, 4096)
KINDS = ("dense", "typical", "sparse")
#: A round takes about that many seconds, and there are so many rounds: short ones, most of which nothing disturbs.
ROUND = 0.02
ROUNDS = 25
MEMORY_LINES = 4096
MEMORY_LIMIT = 2000.0


def costs() -> list[Row]:
    """Measure updates of all sizes and kinds, and fit their cost."""
    rows: list[Row] = []
    terms, measured = [], []
    for lines in SIZES:
        for kind in KINDS:
            layer = GoldenLayer(lines, kind)
            count = calls_for(partial(layer.run, "direct update"), ROUND)
            cost = 1e6 * float(np.median([layer.run("direct update", count) / count for _ in range(ROUNDS)]))
            pulses = layer.coincidences() * lines * lines
            name = f"{lines} x {lines}, {kind}"
            rows.append(Row(f"{name}: pulses an update", pulses, "pulses"))
            rows.append(Row(f"{name}: update", cost, "us"))
            terms.append((1.0, 2.0 * lines, pulses))
            measured.append(cost)
            print(f"{name} done", flush=True)
    matrix, values = np.array(terms), np.array(measured)
    fitted, *_ = np.linalg.lstsq(matrix / values[:, None], np.ones(values.size))
    for what, value in zip(("an update", "a line", "a pulse"), 1e3 * fitted, strict=True):
        rows.append(Row(f"cost of {what}, fitted", float(value), "ns"))
    error = np.abs(matrix @ fitted / values - 1.0)
    rows.append(Row("the fit is off by, median", 100 * float(np.median(error)), "%"))
    rows.append(Row("the fit is off by, at most", 100 * float(error.max()), "%"))
    return rows


def use_memory() -> None:
    """Make a pair, update and read both its tiles, and print this process's peak in MB."""
    layer = GoldenLayer(MEMORY_LINES, "dense")
    trains = layer.trains(*(side[0] for side in pair("dense", MEMORY_LINES, SEED)))
    charge = np.full(MEMORY_LINES, WINDOW, np.int32)
    for tile in (TileKind.C, TileKind.A):
        layer.plant.update(tile, trains.x_signs, trains.d_signs, trains.row_words, trains.column_words)
        for forward in (True, False):
            layer.plant.read(tile, True, forward, charge, 0, MEMORY_LINES)
    print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6))


def memory() -> Row:
    """Measure the memory of a large pair in a process of its own."""
    done = subprocess.run([sys.executable, __file__, "memory"], stdout=subprocess.PIPE, text=True, check=True)
    peak = float(json.loads(done.stdout))
    return Row(
        f"{MEMORY_LINES} x {MEMORY_LINES} pair, updated and read: peak memory", peak, "MB", MEMORY_LIMIT, peak / MEMORY_LIMIT
    )


def main() -> None:
    """Measure, print and write build/bench/scaling.json."""
    report("scaling", [memory(), *costs()])


if __name__ == "__main__":
    use_memory() if sys.argv[1:] == ["memory"] else main()
