"""Back ends by name."""

from __future__ import annotations

import shutil
from collections.abc import Callable

from crosstwin_model.config import ControllerConfig
from crosstwin_model.plant import Plant

from .backend import Backend
from .extras import has_extra
from .link import open_board
from .model_backend import ModelBackend
from .rtl import RtlBackend

__all__ = ["BACKENDS", "SERIAL", "default_backend", "open_backend", "open_board"]

#: Names that :func:`open_backend` knows: controllers on a simulated array.
BACKENDS = ("model", "rtl")
#: The name of the back end that :func:`open_board` gives: a board with its own array.
SERIAL = "serial"


def default_backend() -> str:
    """Return ``rtl`` where a C++ compiler and the extra ``rtl`` are found, else ``model``."""
    has_compiler = any(shutil.which(name) for name in ("c++", "g++", "clang++"))
    return "rtl" if has_compiler and has_extra("rtl") else "model"


def open_backend(name: str, config: ControllerConfig, plant: Plant, report: Callable[[str], None] | None = None) -> Backend:
    """Return a back end on a plant.

    Parameters
    ----------
    name : str
        One of :data:`BACKENDS`.
    config : ControllerConfig
        The controller.
    plant : Plant
        The array that it drives.
    report : callable or None
        Told the steps of a build.

    Raises
    ------
    ValueError
        If there is no back end of that name.
    BuildError
        If the RTL cannot be built.
    """
    if name not in BACKENDS:
        raise ValueError(f"there is no back end {name!r}; allowed are {', '.join(BACKENDS)}")
    return ModelBackend(config, plant) if name == "model" else RtlBackend(config, plant, report=report)
