"""A simulated board that is served in the background while the same program talks to it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from .simulated import SimulatedBoard
from .terminal import Terminal, serve


class _End(Exception):
    """The board is needed no longer."""


@contextmanager
def served(board: SimulatedBoard, terminal: Terminal | None = None) -> Iterator[str]:
    """Run a board on a terminal, and give the name of its port; board and terminal are closed at the end.

    Whatever ends the board before that, for instance a pin that does what it must never do, is raised at the end.

    Parameters
    ----------
    board : SimulatedBoard
        The board.
    terminal : Terminal or None
        Its line; None makes one.
    """
    ended = threading.Event()
    failures: list[BaseException] = []

    def look() -> None:
        if ended.is_set():
            raise _End

    def work(line: Terminal) -> None:
        try:
            serve(board, line, look)
        except _End:
            pass
        except BaseException as error:
            failures.append(error)

    with terminal or Terminal() as line:
        thread = threading.Thread(target=work, args=(line,))
        thread.start()
        try:
            yield line.port
        finally:
            ended.set()
            thread.join()
            board.close()
    for failure in failures:
        raise failure
