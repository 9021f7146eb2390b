"""Pulse four cells of the simulated array as a laboratory would, and write what is measured to a CSV file.

``python examples/pulse_trains.py pulse_trains.csv`` makes the file examples/pulse_trains.csv, byte for byte. The cells are
soft-bounds devices whose steps differ from cell to cell and from pulse to pulse; conductances are in siemens and carry the
noise of the reading. ``crosstwin device fit`` finds the device from the file alone.
"""

from __future__ import annotations

import sys

import numpy as np

from crosstwin_model.config import ControllerConfig
from crosstwin_model.devices.soft_bounds import SoftBounds
from crosstwin_model.plant import Plant
from crosstwin_model.plant_config import PlantConfig
from crosstwin_sim.files import write_text

DEVICE = SoftBounds(
    "measured", 0.03, dw_min_spread=0.2, c2c=0.3, up_down=0.2, w_max=0.9, w_min=-0.7, w_max_spread=0.1, w_min_spread=0.1
)
CELLS, PULSES, CYCLES = 4, 60, 2
MIDDLE, UNIT, READ_NOISE = 40e-6, 25e-6, 0.1e-6


def main(path: str) -> None:
    """Write the file."""
    plant = Plant(ControllerConfig("measured", rows=1, columns=CELLS), PlantConfig(device=DEVICE, seed=11))
    noise = np.random.default_rng(11)
    one_row, all_columns = np.ones((1, 1), np.uint64), np.ones((CELLS, 1), np.uint64)
    lines = ["device,pulse,direction,conductance"]
    directions = [None] + CYCLES * (PULSES * [True] + PULSES * [False])
    for pulse, up in enumerate(directions):
        if up is not None:
            plant.pulse(0, up, one_row, all_columns)
        measured = MIDDLE + UNIT * plant.conductance(0)[0] + READ_NOISE * noise.standard_normal(CELLS)
        for cell, value in enumerate(measured):
            lines.append(f"d{cell + 1},{pulse},{'' if up is None else 'up' if up else 'down'},{value:.5g}")
    write_text(path, "\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
