"""A conversation with a board: one request at a time, asked again until it is answered whole."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

import numpy as np

from crosstwin_hdl.link.protocol import ANSWER_HEAD, FRAME_BYTES, OPEN, RUN, Status

from ..backend import Words
from ..errors import CrosstwinError
from .frames import Decoder, encode

#: How often a request is sent at most.
ATTEMPTS = 12
#: Seconds without an answer after which a request is sent again, beside what the line itself takes.
PATIENCE = 0.5
#: Seconds without an answer after which that is said.
SILENT = 2.0
#: Bits of a byte on the line, start and stop included.
BYTE_BITS = 10


class LinkError(CrosstwinError):
    """The board cannot be reached, does not answer, or has lost its place; the text says what to do."""


class Line(Protocol):
    """A serial line."""

    @property
    def name(self) -> str:
        """The port, for messages."""
        ...

    @property
    def baud(self) -> int:
        """Bits a second."""
        ...

    def send(self, data: bytes) -> None:
        """Send bytes."""
        ...

    def receive(self, seconds: float) -> bytes:
        """Return what has come, waiting at most so long for the first byte."""
        ...

    def close(self) -> None:
        """Give the port back."""
        ...


@dataclass(frozen=True)
class Answer:
    """How a request ended.

    Parameters
    ----------
    status : Status
        How it ended.
    position : int
        Byte of the request at which the access begins that it ended at.
    completed : int
        Words of that access that were done.
    words : uint32 array
        What was read.
    """

    status: Status
    position: int
    completed: int
    words: Words


class _Trouble(Enum):
    """What an attempt ended with, if not with an answer."""

    SILENCE = auto()
    ECHO = auto()
    DAMAGED = auto()
    MALFORMED = auto()
    OUT_OF_ORDER = auto()


_COMPLAINTS: dict[int, _Trouble] = {Status.DAMAGED: _Trouble.DAMAGED, Status.OUT_OF_ORDER: _Trouble.OUT_OF_ORDER}


class Session:
    """Requests and answers over a line.

    A request has a number, one more than the one before. The board carries out a request of the next number, answers one of the
    last number again without carrying it out, and refuses every other. So whatever is lost, damaged, doubled or late, each
    request is carried out once, or the session ends with an error.

    Parameters
    ----------
    line : Line
        Where the board is.
    report : callable
        Told what is waited for, when that has taken some seconds.

    Raises
    ------
    LinkError
        If nothing answers.
    """

    def __init__(self, line: Line, report: Callable[[str], None] = lambda sentence: None) -> None:
        self._line = line
        self._report = report
        self._decoder = Decoder()
        # Answers to a former session's requests may still be on their way, so numbers begin somewhere else each time; as none of
        # them is a status, a request that opens a session is never the same as an answer, and its echo is known for one.
        self._number = len(Status) + (time.monotonic_ns() >> 10) % (0x100 - len(Status))
        self._lost: LinkError | None = None
        self._timeout = PATIENCE + 2 * FRAME_BYTES * 2 * BYTE_BITS / line.baud
        self._ask(OPEN, b"")

    def request(self, accesses: bytes) -> Answer:
        """Have accesses carried out, and return how they ended.

        Raises
        ------
        LinkError
            If the board does not answer, or has lost its place; the session is then over, and every further request says so.
        """
        if self._lost is not None:
            raise self._lost
        self._number = self._number + 1 & 0xFF
        return self._ask(RUN, accesses)

    @property
    def lost(self) -> bool:
        """Whether the session has ended with an error."""
        return self._lost is not None

    def close(self) -> None:
        """Give the port back."""
        self._line.close()

    def _ask(self, kind: int, accesses: bytes) -> Answer:
        content = bytes((kind, self._number)) + accesses
        frame = encode(content)
        troubles: list[_Trouble] = []
        began, told = time.monotonic(), False
        for _ in range(ATTEMPTS):
            self._line.send(frame)
            answer = self._listen(content)
            if isinstance(answer, Answer):
                return answer
            troubles.append(answer)
            if not told and time.monotonic() - began >= SILENT:
                told = True
                self._report(f"Waiting for an answer from the board on {self._line.name} at {self._line.baud} baud ...")
        self._lost = LinkError(self._diagnosis(kind, troubles))
        raise self._lost

    def _listen(self, sent: bytes) -> Answer | _Trouble:
        """Return the answer to a request whose content was sent, or why there is none."""
        deadline = time.monotonic() + self._timeout
        trouble = _Trouble.SILENCE
        while (left := deadline - time.monotonic()) > 0:
            for content in self._decoder.feed(self._line.receive(left)):
                if content is None or len(content) < 2:
                    return _Trouble.DAMAGED
                if content == sent:  # an adapter may give back what it sends, and the answer behind it
                    trouble = _Trouble.ECHO
                    continue
                number, status = content[0], content[1]
                if len(content) == 2:
                    return _COMPLAINTS.get(status, _Trouble.MALFORMED)
                if number == self._number:
                    words = np.frombuffer(content, "<u4", offset=ANSWER_HEAD)
                    return Answer(Status(status), content[2], content[3], words)
        return trouble

    def _diagnosis(self, kind: int, troubles: list[_Trouble]) -> str:
        """Return what most attempts ended with, and of several as many the later; damage explains silence beside it."""
        where = f"the board on {self._line.name}"
        most = Counter(reversed(troubles)).most_common(1)[0][0]
        if most is _Trouble.SILENCE and _Trouble.DAMAGED in troubles:
            most = _Trouble.DAMAGED
        if most is _Trouble.OUT_OF_ORDER:
            return f"{where} has lost its place: it was reset, or another program talks to it; start the run anew"
        if most is _Trouble.MALFORMED:
            return f"{where} does not know this version of the link's protocol; program it with a bitstream of this version"
        if most is _Trouble.DAMAGED:
            return (
                f"what comes from {where} is damaged, in {ATTEMPTS} attempts at {self._line.baud} baud; "
                "check that --baud is the bitstream's, and the cable"
            )
        if most is _Trouble.ECHO:
            return (
                f"{self._line.name} only gives back what is sent to it, and no board answers; name the board's port with --port, "
                "and check that its RX is not joined to its TX"
            )
        after = "nothing answers" if kind == OPEN else "nothing answers any more"
        return (
            f"{after} on {self._line.name} at {self._line.baud} baud; check that the board is programmed and connected, "
            "and that --port and --baud are its own"
        )
