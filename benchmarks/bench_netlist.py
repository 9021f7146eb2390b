"""Speed of the synthesised netlist in simulation against the RTL's, 4 x 4 lines: what a check of the netlist costs.

Each runs the same training on an array, which a tape records; the tape is then replayed in a bare loop, which does nothing but
simulate. Rates count this thread's processor time; builds, made anew in a folder of their own, the clock on the wall.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from common import Row, cpu_seconds, paired, report, seconds

from crosstwin_model.config import PRESETS
from crosstwin_model.devices import DEVICES
from crosstwin_model.plant import Plant, PlantConfig
from crosstwin_model.registers import TileKind
from crosstwin_sim.crossbar import Crossbar, PulseSettings, ReadSettings
from crosstwin_sim.driver import Driver
from crosstwin_sim.rtl import RtlBackend
from crosstwin_sim.rtl.netlist import FAMILIES

#: Square, because a read of an odd number of codes shows one of the read before, which a replay has not.
CONFIG = replace(PRESETS["tiny"], name="square", columns=4)
STEPS = 200
ROUNDS = 5


class Taped:
    """A back end with the tape of a training run, and how long its build took."""

    def __init__(self, family: str | None, folder: Path) -> None:
        made: list[RtlBackend] = []
        plant = Plant(CONFIG, PlantConfig(seed=1, initial=0.2))
        self.built = seconds(lambda: made.append(RtlBackend(CONFIG, plant, family=family, folder=folder)))
        self.backend = made[0]
        rng = np.random.default_rng(1)
        self.backend.start_tape()  # which resets the controller: the host program must not take its settings for written
        start = self.backend.clock
        Driver.of(self.backend).forget()
        layer = Crossbar(self.backend, pulses=PulseSettings(step=DEVICES["s1"].dw_min), reads=ReadSettings())
        for _ in range(STEPS):
            x, d = rng.standard_normal(CONFIG.rows), 0.1 * rng.standard_normal(CONFIG.columns)
            layer.forward(x)
            layer.backward(d)
            layer.update(x, d, rate=0.1, kind=TileKind.A)
        self.backend.stop_tape()
        self.clocks = self.backend.clock - start

    def rate(self) -> float:
        """Return the clock cycles simulated per millisecond of processor time."""
        return self.clocks / cpu_seconds(self.backend.replay) / 1000


def main() -> None:
    """Measure, print and write build/bench/netlist.json."""
    with tempfile.TemporaryDirectory() as name:
        rtl = Taped(None, Path(name))
        rows = [Row(f"{CONFIG.name}, RTL: build", rtl.built, "s")]
        for family, device in FAMILIES.items():
            netlist = Taped(family, Path(name))
            mine, theirs = paired(netlist.rate, rtl.rate, ROUNDS)
            rows.append(
                Row(f"{CONFIG.name}, netlist for {device.name}: build", netlist.built, "s", rtl.built, netlist.built / rtl.built)
            )
            rows.append(Row(f"{CONFIG.name}, netlist for {device.name}: bare loop", mine, "kcycle/s", theirs, mine / theirs))
    report("netlist", rows)


if __name__ == "__main__":
    main()
