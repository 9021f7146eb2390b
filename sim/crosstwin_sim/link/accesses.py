"""What a request asks for: accesses to the bus, and how many of them one request holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from crosstwin_hdl.link.protocol import ACCESS_HEAD, ANSWER_WORDS, CHECK_BYTES, FRAME_BYTES, REQUEST_HEAD, AccessKind
from crosstwin_model.numbers import whole_array

from ..backend import Words

#: Words of one write, so that it fits a request.
WRITE_WORDS = (FRAME_BYTES - CHECK_BYTES - REQUEST_HEAD - ACCESS_HEAD) // 4
_ROOM = FRAME_BYTES - CHECK_BYTES - REQUEST_HEAD


@dataclass(frozen=True)
class Access:
    """One access to the bus.

    Parameters
    ----------
    kind : AccessKind
        What it does.
    address : int
        Byte address of the first word; of STATUS for WAIT, 0 for RESET.
    reads : int
        Words that a READ gives, at most ANSWER_WORDS; of a RESET, 1 for the whole board and 0 for the controller alone.
    values : uint32 array
        Words that a WRITE writes, at most WRITE_WORDS.
    """

    kind: AccessKind
    address: int = 0
    reads: int = 0
    values: Words = field(default_factory=lambda: np.zeros(0, np.uint32))

    def encode(self) -> bytes:
        """Return its bytes in a request."""
        head = bytes((self.kind, self.reads or len(self.values))) + self.address.to_bytes(2, "little")
        return head + self.values.astype("<u4").tobytes()

    @property
    def size(self) -> int:
        """Number of its bytes."""
        return ACCESS_HEAD + 4 * len(self.values)


def reads(address: int, words: int) -> list[Access]:
    """Return the accesses that read consecutive words."""
    return [
        Access(AccessKind.READ, address + 4 * first, min(ANSWER_WORDS, words - first)) for first in range(0, words, ANSWER_WORDS)
    ]


def writes(address: int, values: npt.ArrayLike) -> list[Access]:
    """Return the accesses that write consecutive words: whole numbers [words], 0 to 2**32 - 1, of any type."""
    words = whole_array("values", values, None, np.uint32).reshape(-1)
    return [
        Access(AccessKind.WRITE, address + 4 * first, values=words[first : first + WRITE_WORDS].copy())
        for first in range(0, words.size, WRITE_WORDS)
    ]


def fitting(accesses: Sequence[Access]) -> int:
    """Return how many of the first accesses fit one request and its answer, at least 1."""
    size = words = 0
    for count, access in enumerate(accesses):
        size += access.size
        words += access.reads if access.kind is AccessKind.READ else 0
        if size > _ROOM or words > ANSWER_WORDS:
            return count
    return len(accesses)
