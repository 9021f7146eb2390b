"""Write pulse trains as a column for each ramp: the first pulse of a ramp does most, as in filamentary memories.

``python examples/ramps.py ramps.csv`` makes the file examples/ramps.csv, byte for byte. Conductances are in microsiemens, and
each read has a noise of one mean step. Soft bounds cannot bend as these curves do: ``crosstwin device fit --model soft_bounds``
says so, and fits by least squares.
"""

from __future__ import annotations

import sys

import numpy as np

from crosstwin_sim.files import write_text

PULSES, LOW, HIGH, FIRST = 90, 5.0, 45.0, 0.8


def main(path: str) -> None:
    """Write the file."""
    rise = np.concatenate(([0.0], FIRST + (1.0 - FIRST) * np.arange(PULSES) / (PULSES - 1)))
    noise = np.random.default_rng(1)
    lines = ["pulse,LTP (uS),LTD (uS)"]
    for pulse, level in enumerate(rise):
        up, down = np.array([level, 1.0 - level]) + noise.standard_normal(2) / PULSES
        lines.append(f"{pulse},{LOW + (HIGH - LOW) * up:.5g},{LOW + (HIGH - LOW) * down:.5g}")
    write_text(path, "\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
