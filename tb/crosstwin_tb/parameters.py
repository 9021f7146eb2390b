"""What a bench is told by whoever launches it, in one environment variable."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from crosstwin_model.config import ControllerConfig, load_config

#: The environment variable; it holds a JSON object with a key for every field of :class:`Parameters`.
VARIABLE = "CROSSTWIN_BENCH"


@dataclass(frozen=True)
class Parameters:
    """One run of a bench.

    Parameters
    ----------
    config : ControllerConfig
        What the simulated controller is made of.
    seed : int
        Seed of all stimulus, of the plant and of the stalls.
    operations : int
        Length of the benches that run as long as they are told.
    command_latency : int
        Clock cycles from the one after the bus has taken COMMAND to CHECK; a property of the gateware.
    result : Path
        JSON file for what a bench measures.
    progress : Path
        File for the number of operations done, rewritten as they go on.
    """

    config: ControllerConfig
    seed: int
    operations: int
    command_latency: int
    result: Path
    progress: Path


def load() -> Parameters:
    """Return the parameters of this run."""
    document = json.loads(os.environ[VARIABLE])
    return Parameters(
        load_config(document["config"]),
        document["seed"],
        document["operations"],
        document["command_latency"],
        Path(document["result"]),
        Path(document["progress"]),
    )
