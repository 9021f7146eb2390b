"""Clock rate of the closed loop (host program, RTL and array) against a bare Verilator loop over the same traffic, at 64 x 64.

The traffic is SHD training: for every vector FORWARD and BACKWARD on C, an UPDATE of A, and the controller's own TRANSFER after
every second one. Activations are sparse and positive, errors small with a few large ones (0.5 relu(N) and 0.01 N^3, N normal).
The bare loop drives the controller with the same bus accesses and the same ADC codes, recorded on a tape, and does nothing else.
Both rates count this thread's processor time, so that other programs on the machine do not matter. For comparison, SHD training
through cocotb, with the array attached to the pins, on Verilator and on Icarus, by the clock on the wall.
"""

from __future__ import annotations

import numpy as np
from common import Row, cpu_seconds, paired, report
from numpy.typing import NDArray

from crosstwin_model.config import PRESETS
from crosstwin_model.devices import DEVICES
from crosstwin_model.plant import Plant, PlantConfig
from crosstwin_model.registers import TileKind
from crosstwin_sim.cosim.launch import run_bench
from crosstwin_sim.crossbar import Crossbar, PulseSettings, ReadSettings
from crosstwin_sim.driver import Driver
from crosstwin_sim.errors import CrosstwinError
from crosstwin_sim.rtl import RtlBackend

STEPS = 1000
COCOTB_STEPS = {"verilator": 150, "icarus": 20}
ROUNDS = 7
EVERY = 2
SEED = 1


class Traffic:
    """SHD training of one 64 x 64 layer on a back end, the same vectors each time."""

    def __init__(self, backend: RtlBackend) -> None:
        self._backend = backend
        rng = np.random.default_rng(SEED)
        shape = (STEPS, 64)
        self._x: NDArray[np.float64] = 0.5 * np.maximum(rng.standard_normal(shape), 0)
        self._d: NDArray[np.float64] = 0.01 * rng.standard_normal(shape) ** 3

    def run(self) -> None:
        """Train from the controller's reset on."""
        Driver.of(self._backend).forget()
        pulses = PulseSettings(step=DEVICES["s1"].dw_min, bl_min=32, bl_max=32)
        layer = Crossbar(self._backend, pulses=pulses, reads=ReadSettings(transfer_gain=3))
        layer.set_transfer(EVERY, rate=0.1)
        for x, d in zip(self._x, self._d, strict=True):
            layer.forward(x)
            layer.backward(d)
            layer.update(x, d, rate=0.1, kind=TileKind.A)


def say(step: str) -> None:
    """Show that something long has begun."""
    print(f"{step} ...", flush=True)


def cocotb_rate(simulator: str) -> float | None:
    """Return the clock rate in kcycle/s of training through cocotb, or say why there is none and return None."""
    try:
        steps = COCOTB_STEPS[simulator]
        outcome = run_bench("training", simulator=simulator, config="medium", seed=SEED, operations=steps, report=say)
    except CrosstwinError as error:
        print(f"cocotb on {simulator} is left out: {error}")
        return None
    return float(outcome.result["clock_cycles"] / outcome.result["seconds"] / 1000)


def main() -> None:
    """Measure, print and write build/bench/closed_loop.json."""
    config = PRESETS["medium"]
    backend = RtlBackend(config, Plant(config, PlantConfig(seed=SEED, initial=0.2)), report=say)
    traffic = Traffic(backend)
    clocks = 0

    def closed() -> float:
        nonlocal clocks
        backend.start_tape()
        start = backend.clock
        duration = cpu_seconds(traffic.run)
        clocks = backend.clock - start
        backend.stop_tape()
        return clocks / duration / 1000

    def bare() -> float:
        return clocks / cpu_seconds(backend.replay) / 1000

    closed()  # compiles the plant's kernels
    closed_rate, bare_rate = paired(closed, bare, ROUNDS)
    rows = [
        Row("rtl, closed loop", closed_rate, "kcycle/s", bare_rate, closed_rate / bare_rate),
        Row("bare Verilator loop, same traffic", bare_rate, "kcycle/s"),
        Row("clock cycles a training step", clocks / STEPS, "cycles"),
    ]
    for simulator in COCOTB_STEPS:
        rate = cocotb_rate(simulator)
        if rate is not None:
            rows.append(Row(f"cocotb on {simulator}, closed loop", rate, "kcycle/s", bare_rate, rate / bare_rate))
    report("closed_loop", rows)


if __name__ == "__main__":
    main()
