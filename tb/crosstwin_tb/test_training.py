"""The host program on the simulated controller: it learns a matrix by Stochastic Hamiltonian Descent, as on the golden model."""

from __future__ import annotations

import json
import time

import numpy as np

from crosstwin_model.check import checking_plant
from crosstwin_model.plant import Plant
from crosstwin_model.registers import TileKind
from crosstwin_sim.backend import Backend
from crosstwin_sim.crossbar import Crossbar, PulseSettings, ReadSettings
from crosstwin_sim.model_backend import ModelBackend

from .backend import CocotbBackend
from .environment import Environment, bench


def _train(backend: Backend, seed: int, updates: int) -> None:
    """Fit a random matrix with autonomous transfers after every second update of A."""
    rng = np.random.default_rng(seed)
    plant = backend.plant
    assert plant is not None
    crossbar = Crossbar(backend, pulses=PulseSettings(plant.config.device.dw_min), reads=ReadSettings(63, 1, 1, 4))
    target = rng.uniform(-0.2, 0.2, (crossbar.rows, crossbar.columns))
    crossbar.set_transfer(2, 0.5)
    for _ in range(updates):
        x = rng.uniform(-1.0, 1.0, crossbar.rows)
        error = x @ target - crossbar.forward(x)
        crossbar.backward(error)
        crossbar.update(x, error, 0.05, TileKind.A)


@bench
def same_conductances_as_the_golden_model(env: Environment) -> None:
    """Dozens of updates end with the golden model's conductances, to the last bit, and its clock cycles."""
    parameters = env.parameters
    plant = Plant(env.config, checking_plant(parameters.seed))
    golden = ModelBackend(env.config, plant)
    _train(golden, parameters.seed, parameters.operations)  # first, so that what it compiles does not count in the clock rate
    start, first = time.monotonic(), env.device.cycle
    backend = CocotbBackend(env.config, env.device)
    before = backend.plant.digest()
    _train(backend, parameters.seed, parameters.operations)
    seconds, cycles = time.monotonic() - start, env.device.cycle - first
    assert backend.plant.digest() == plant.digest() != before
    counters = [env.address(name) for name in ("CYCLES", "SLOTS", "FIRED", "OPERATIONS")]
    assert [backend.read(address) for address in counters] == [golden.read(address) for address in counters]
    document = {"conductance_sha256": plant.digest(), "clock_cycles": cycles, "seconds": seconds}
    parameters.result.write_text(json.dumps(document))
