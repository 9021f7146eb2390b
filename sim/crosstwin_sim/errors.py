"""Errors whose text is a sentence for the person at the keyboard, and the end of a process that is sent SIGTERM."""

from __future__ import annotations

import signal
from types import FrameType


class CrosstwinError(Exception):
    """Something the user can put right: bad input, a missing tool, a folder that cannot be written.

    The text is one sentence that names the value and what is allowed. The command line prints it without a traceback and exits
    with code 2.
    """


class Terminated(KeyboardInterrupt):
    """The process was sent SIGTERM, and ends as it does at Ctrl-C."""


def end_at_sigterm() -> None:
    """Have SIGTERM raise :class:`Terminated` in the main thread: nothing is left half written, and no simulator runs on."""

    def terminate(signum: int, frame: FrameType | None) -> None:
        raise Terminated

    signal.signal(signal.SIGTERM, terminate)
