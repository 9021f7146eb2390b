"""Cost of what an array does beside its cells' steps, against a plain update of s1 of the same size.

An update and the time of an update, of phase change memory, whose pairs are refreshed, of cells that drift, decay or diffuse, and
of cells that move at half-selects. Each is measured by turns with the plain update; every line fires in 6 % of 31 slots.
Durations are processor time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from itertools import cycle

import numpy as np
from common import Row, compared, report

from crosstwin_model.coincidence import pack
from crosstwin_model.config import ControllerConfig
from crosstwin_model.devices import DEVICES
from crosstwin_model.plant import Plant, PlantConfig

LINES = 512
SLOTS = 31
DENSITY = 0.06
ROUNDS = 15

S1 = DEVICES["s1"]
#: What is measured; s1 without anything comes first, with itself.
PLANTS = {
    "s1": PlantConfig(),
    "s1, half-selects counted": PlantConfig(half_select=0.0),
    "s1, half-selects of .02 of a step": PlantConfig(half_select=0.02),
    "reram_sb, half-selects of .02 of a step": PlantConfig(device=DEVICES["reram_sb"], half_select=0.02),
    "pcm": PlantConfig(device=DEVICES["pcm"]),
    "pcm, half-selects of .02 of a step": PlantConfig(device=DEVICES["pcm"], half_select=0.02),
    "capacitor": PlantConfig(device=DEVICES["capacitor"]),
    "s1, drift": PlantConfig(device=replace(S1, drift=0.05)),
    "s1, lifetime of 1000 updates": PlantConfig(device=replace(S1, lifetime=1000.0)),
    "s1, diffusion": PlantConfig(device=replace(S1, diffusion=1e-4)),
}


def _timed(action: Callable[[], None]) -> Callable[[], float]:
    """Return a function that does an action and returns the processor time that it took."""

    def run() -> float:
        start = time.process_time()
        action()
        return time.process_time() - start

    return run


def _plant(config: PlantConfig) -> Plant:
    return Plant(ControllerConfig("bench", LINES, LINES), replace(config, initial=0.3))


def _actions(plant: Plant) -> tuple[Callable[[], float], Callable[[], float]]:
    """Return an update of a plant, and the passing of its time."""
    rng = np.random.default_rng(1)
    signs = rng.choice(np.array([-1, 1], np.int8), (8, 2, LINES))
    words = [pack(rng.random((8, 1, LINES, SLOTS)) < DENSITY) for _ in range(2)]
    trains = cycle([(*signs[turn], words[0][turn], words[1][turn]) for turn in range(8)])
    return _timed(lambda: plant.update(0, *next(trains))), _timed(lambda: plant.elapse(0))


def main() -> None:
    """Measure, print and write build/bench/effects.json."""
    plain, _ = _actions(_plant(PLANTS["s1"]))
    rows = []
    for name, config in PLANTS.items():
        plant = _plant(config)
        update, elapse = _actions(plant)
        for what, action in (("update", update), ("time of an update", elapse)):
            if action is elapse and not plant.ages:
                continue
            for _ in range(3):
                update()
                action()
            mine, reference, ratio = compared(action, plain, ROUNDS)
            rows.append(Row(f"{name}: {what}", 1e3 * mine, "ms", 1e3 * reference, ratio))
    report("effects", rows)


if __name__ == "__main__":
    main()
