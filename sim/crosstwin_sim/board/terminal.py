"""A simulated board's serial line on a pseudo-terminal, for any program that opens a serial port."""

from __future__ import annotations

import os
import select
import tty
from collections.abc import Callable
from types import TracebackType

from .simulated import SimulatedBoard

#: Seconds between two looks, while nothing comes.
_LOOK = 0.1


class Terminal:
    """A pseudo-terminal; a context manager.

    Attributes
    ----------
    port : str
        What another program opens, for instance ``/dev/pts/3``.
    """

    def __init__(self) -> None:
        self._own, self._others = os.openpty()
        tty.setraw(self._others)
        self.port = os.ttyname(self._others)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        # The other end stays open until here, so that programs may come and go.
        os.close(self._own)
        os.close(self._others)

    def receive(self, seconds: float) -> bytes:
        """Return what has come, waiting at most so long."""
        ready, _, _ = select.select([self._own], [], [], seconds)
        return os.read(self._own, 4096) if ready else b""

    def send(self, data: bytes) -> None:
        """Send bytes."""
        while data:
            data = data[os.write(self._own, data) :]


def serve(board: SimulatedBoard, terminal: Terminal, look: Callable[[], None]) -> None:
    """Run a board on a terminal until ``look``, which is called again and again, raises an exception.

    While nothing is under way, the board's clock stands still.
    """
    while True:
        look()
        sent = terminal.receive(0 if board.busy else _LOOK)
        if sent or board.busy:
            terminal.send(board.run(sent))
