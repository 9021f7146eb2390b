"""Traces: every pulse, cell and read of a run in one HDF5 file that can be looked at, replayed and played by an instrument."""

from __future__ import annotations

from .reader import Trace
from .recorder import Recorder
from .replay import Replay, initial_plant, replay

__all__ = ["Recorder", "Replay", "Trace", "initial_plant", "replay"]
