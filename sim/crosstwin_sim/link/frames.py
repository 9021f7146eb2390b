"""Frames on the serial line: flags around them, escapes within them, a checksum at their end."""

from __future__ import annotations

import re
import zlib

from crosstwin_hdl.link.protocol import CHECK_BYTES, ESCAPE, FLAG, FLIP

_FLAG = bytes((FLAG,))
_SPECIAL = re.compile(b"[" + re.escape(bytes((FLAG, ESCAPE))) + b"]")
_ESCAPED = re.compile(re.escape(bytes((ESCAPE,))) + b"(.)", re.DOTALL)


def encode(content: bytes) -> bytes:
    """Return a frame around a request or an answer, as it goes over the line."""
    whole = content + zlib.crc32(content).to_bytes(CHECK_BYTES, "little")
    return _FLAG + _SPECIAL.sub(lambda match: bytes((ESCAPE, match[0][0] ^ FLIP)), whole) + _FLAG


class Decoder:
    """Find frames in what comes over the line, in parts of any size."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, received: bytes) -> list[bytes | None]:
        """Return the contents of the frames that end here, None for one that is damaged."""
        *frames, self._rest = (self._rest + received).split(_FLAG)
        return [_content(frame) for frame in frames if frame]


def _content(frame: bytes) -> bytes | None:
    whole = _ESCAPED.sub(lambda match: bytes((match[1][0] ^ FLIP,)), frame)
    content, check = whole[:-CHECK_BYTES], whole[-CHECK_BYTES:]
    return content if zlib.crc32(content).to_bytes(CHECK_BYTES, "little") == check else None
