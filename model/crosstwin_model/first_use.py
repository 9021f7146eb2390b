"""Says, before the first wait, that kernels are being compiled: numba keeps their code on disk, so that none comes after it.

The sentence goes to the logger ``crosstwin``, which the command line shows on standard error.
"""

from __future__ import annotations

import logging
from typing import Any

from numba.core import event


class _Compilation(event.Listener):  # type: ignore[misc]  # numba is typed in part only
    """Speaks at the first pass of numba's compiler; what comes from its cache goes through none."""

    def __init__(self) -> None:
        self._said = False

    def on_start(self, event: Any) -> None:
        if not self._said:
            self._said = True
            logging.getLogger("crosstwin").info("Compiling the golden model for this machine: once, for up to a minute ...")

    def on_end(self, event: Any) -> None:
        """Nothing is to be said."""


def announce_compilation() -> None:
    """Have this process say once that it compiles, if it does."""
    event.register("numba:run_pass", _Compilation())
