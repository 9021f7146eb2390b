"""Random traffic, legal and illegal, with stalls on every channel of the bus: as many operations as asked for."""

from __future__ import annotations

import json
import time

from .environment import STALLS, Environment, bench

#: Seconds between two looks at how far a run is.
_NEWS = 0.2


@bench
def random_operations(env: Environment) -> None:
    """Every result code, pin, register, result and conductance is the golden model's."""
    parameters = env.parameters
    env.bus.stall(parameters.seed, STALLS)
    start, first = time.monotonic(), env.device.cycle
    told = start

    def progress(done: int) -> None:
        nonlocal told
        if time.monotonic() - told > _NEWS:
            told = time.monotonic()
            parameters.progress.write_text(str(done))

    result = env.check.run(parameters.operations, progress)
    document = {
        "operations": result.operations,
        "compared": result.compared,
        "outcomes": result.outcomes,
        "mismatch": None if result.mismatch is None else str(result.mismatch),
        "conductance_sha256": result.conductance_sha256,
        "clock_cycles": env.device.cycle - first,
        "seconds": time.monotonic() - start,
    }
    parameters.result.write_text(json.dumps(document))
    assert result.mismatch is None, str(result.mismatch)
