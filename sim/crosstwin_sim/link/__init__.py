"""The back end `serial`: a board behind a serial line, by the protocol of docs/host_link.md."""

from .backend import SerialBackend, open_board
from .session import LinkError

__all__ = ["LinkError", "SerialBackend", "open_board"]
