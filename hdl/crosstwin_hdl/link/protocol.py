"""The numbers of the link's protocol, which gateware and host share; docs/host_link.md says what they are for."""

from enum import IntEnum

#: Ends and begins a frame.
FLAG = 0x7E
#: Comes before a byte of a frame that would be FLAG or ESCAPE, which is then sent with FLIP's bit inverted.
ESCAPE, FLIP = 0x7D, 0x20
#: First byte of a request: the protocol's version in the high bits, and in bit 0 whether the request opens a session.
RUN, OPEN = 0x10, 0x11
#: Bytes of a frame between its flags, before escaping, the checksum's four included.
FRAME_BYTES = 255
CHECK_BYTES = 4
#: Bytes of a request before its accesses, of an access before its words, and of an answer before the words that were read.
REQUEST_HEAD, ACCESS_HEAD, ANSWER_HEAD = 2, 4, 4
#: Clock cycles of a bit on the line, the least and the most.
DIVISORS = (4, 65535)
#: Words that one answer carries at most.
ANSWER_WORDS = (FRAME_BYTES - CHECK_BYTES - ANSWER_HEAD) // 4
#: Clock cycles after which a bus access without an answer is given up.
BUS_PATIENCE = 256
#: Reads of STATUS after which a WAIT is given up; each takes a few clock cycles.
WAIT_POLLS = 1 << 16


class AccessKind(IntEnum):
    """What an access of a request does."""

    WRITE = 1
    READ = 2
    WAIT = 3
    RESET = 4


class Status(IntEnum):
    """How a request ended, the second byte of every answer."""

    OK = 0
    BUS_ERROR = 1
    BUS_TIMEOUT = 2
    BUSY = 3
    MALFORMED = 4
    OUT_OF_ORDER = 5
    DAMAGED = 6
