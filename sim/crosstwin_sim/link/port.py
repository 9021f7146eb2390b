"""A serial port of this machine as a line."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator

import serial
from serial.tools.list_ports import comports

from .session import LinkError

#: Bits a second of the boards' bitstreams.
DEFAULT_BAUD = 1_000_000


class Port:
    """An open serial port.

    Parameters
    ----------
    name : str
        For instance ``/dev/ttyUSB0``.
    baud : int
        Bits a second, as the board's bitstream was built for.

    Raises
    ------
    LinkError
        If there is no such port, it may not be opened, another program has it, or it does not know the speed.
    """

    def __init__(self, name: str, baud: int) -> None:
        self.name, self.baud = name, baud
        try:
            self._port = serial.Serial(name, baud, timeout=0, write_timeout=10, exclusive=True)
        except (serial.SerialException, ValueError, OSError) as error:
            raise LinkError(_why_not(name, baud, error)) from None
        # Adapters gather bytes for up to 16 ms unless they are told not to; those that cannot be told do not need it.
        with contextlib.suppress(OSError, ValueError, NotImplementedError):
            self._port.set_low_latency_mode(True)
        self._port.reset_input_buffer()

    def send(self, data: bytes) -> None:
        """Send bytes."""
        with self._gone():
            self._port.write(data)

    def receive(self, seconds: float) -> bytes:
        """Return what has come, waiting at most so long for the first byte."""
        with self._gone():
            self._port.timeout = seconds
            first: bytes = self._port.read(1)
            return first + self._port.read(self._port.in_waiting) if first else first

    def close(self) -> None:
        """Give the port back."""
        self._port.close()

    @contextlib.contextmanager
    def _gone(self) -> Iterator[None]:
        try:
            yield
        except (serial.SerialException, OSError, TypeError) as error:
            raise LinkError(f"the port {self.name} is gone ({error}); connect the board again and start the run anew") from None


def _why_not(name: str, baud: int, error: Exception) -> str:
    code = getattr(error, "errno", None)
    if isinstance(error, ValueError):
        return f"the port {name} cannot be set to {baud} baud; name the bitstream's speed with --baud"
    if code in (errno.EACCES, errno.EPERM):
        return f"the port {name} may not be opened; add yourself to the group that owns it (often dialout), and log in again"
    if code in (errno.EAGAIN, errno.EWOULDBLOCK, errno.EBUSY):
        return f"the port {name} is in use by another program; end that first"
    there = ", ".join(sorted(port.device for port in comports())) or "none"
    return f"there is no serial port {name}; this machine has: {there}"
