"""The compiled board as seen from Python."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path

from crosstwin_model.config import ControllerConfig

from ..rtl.library import Simulation

#: Bytes that one run gives at most: more than an answer has.
_ROOM = 1024


class BoardLibrary(Simulation):
    """One simulated board; see board.cpp.

    Parameters
    ----------
    path : Path
        What :func:`crosstwin_sim.board.build.build_board` returned.
    config : ControllerConfig
        The configuration it was built for.
    event : callable
        As for :class:`crosstwin_sim.rtl.library.Simulation`.
    """

    def __init__(self, path: Path, config: ControllerConfig, event: Callable[[int], int]) -> None:
        byte, size = ctypes.POINTER(ctypes.c_uint8), ctypes.c_size_t
        arguments = (ctypes.c_void_p, ctypes.c_char_p, size, ctypes.c_uint64, byte, size, ctypes.POINTER(size))
        super().__init__(path, "crosstwin_board", {"run": (ctypes.c_int, arguments)}, config, event)
        self._run = self._bound("run")
        self._out = (ctypes.c_uint8 * _ROOM)()

    def run(self, sent: bytes, cycles: int) -> bytes:
        """Send bytes to the board, and return what it sends.

        It runs until an answer has come, or for that many clock cycles after the last byte.

        Raises
        ------
        PinError
            If the RTL did on its pins what it must never do.
        """
        received = ctypes.c_size_t()
        self.check(self._run(sent, len(sent), cycles, self._out, _ROOM, ctypes.byref(received)))
        return bytes(self._out[: received.value])
