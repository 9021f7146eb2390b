"""What recording a trace costs: time of a run with and without it, and bytes an operation, at 64 x 64.

The run is SHD training as in bench_closed_loop.py: for every vector FORWARD and BACKWARD on C, an UPDATE of A, and the
controller's own TRANSFER after every second one. Processor time is taken by turns with and without a trace: that of the run's own
thread, and that of all threads, as the trace is compressed by a second one. A replay of the trace is timed for comparison.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
from common import Row, cpu_seconds, paired, report

from crosstwin_model.config import PRESETS
from crosstwin_model.devices import DEVICES
from crosstwin_model.plant import Plant, PlantConfig
from crosstwin_model.registers import TileKind
from crosstwin_sim.backends import BACKENDS, open_backend
from crosstwin_sim.crossbar import Crossbar, PulseSettings, ReadSettings
from crosstwin_sim.trace import Recorder, Trace, initial_plant, replay

STEPS = 1000
ROUNDS = 7
SEED = 1
CONFIG = PRESETS["medium"]


def run(name: str, path: Path | None, everything: bool) -> float:
    """Train one layer on a back end, recorded where there is a path, and return the processor time, or that of all threads."""
    plant = Plant(CONFIG, PlantConfig(seed=SEED, initial=0.2))
    recorder = None if path is None else Recorder(path, plant)
    backend = open_backend(name, CONFIG, plant if recorder is None else recorder.plant)
    watched = backend if recorder is None else recorder.watch(backend)
    rng = np.random.default_rng(SEED)
    xs = 0.5 * np.maximum(rng.standard_normal((STEPS, CONFIG.rows)), 0)
    ds = 0.01 * rng.standard_normal((STEPS, CONFIG.columns)) ** 3
    pulses = PulseSettings(step=DEVICES["s1"].dw_min, bl_min=32, bl_max=32)
    layer = Crossbar(watched, pulses=pulses, reads=ReadSettings(transfer_gain=3))
    layer.set_transfer(2, rate=0.1)

    def train() -> None:
        for x, d in zip(xs, ds, strict=True):
            layer.forward(x)
            layer.backward(d)
            layer.update(x, d, rate=0.1, kind=TileKind.A)
        if recorder is not None:
            recorder.close()

    began = time.process_time()
    own = cpu_seconds(train)
    duration = time.process_time() - began if everything else own
    backend.close()
    return duration


def main() -> None:
    """Measure, print and write build/bench/trace.json."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in BACKENDS:
            path = Path(folder) / f"{name}.h5"
            run(name, path, False)  # compiles what is compiled on first use
            for everything, threads in ((True, "all threads"), (False, "its own thread")):
                traced, plain = paired(
                    lambda name=name, path=path, everything=everything: run(name, path, everything),
                    lambda name=name, everything=everything: run(name, None, everything),
                    ROUNDS,
                )
                rows.append(Row(f"{name}: a run with a trace, {threads}", traced, "s", plain, traced / plain))
            with Trace(path) as trace:
                plant = initial_plant(trace)
                duration = cpu_seconds(lambda trace=trace, plant=plant: replay(trace, plant))
                rows.append(Row(f"{name}: bytes an operation of the host", path.stat().st_size / (3 * STEPS), "bytes"))
                rows.append(Row(f"{name}: a replay", duration, "s", plain, duration / plain))
    report("trace", rows)


if __name__ == "__main__":
    main()
