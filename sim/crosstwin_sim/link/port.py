"""A serial port of this machine as a line."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

import serial
from serial.tools.list_ports import comports

from crosstwin_hdl.link.protocol import DIVISORS

from .session import LinkError

#: Bits a second of the boards' bitstreams.
DEFAULT_BAUD = 1_000_000
#: Bits a second, the least and the most: slower lines would take minutes for one answer that is missing, and the fastest board's
#: clock is 50 MHz.
BAUDS = 9_600, 50_000_000 // DIVISORS[0]


class Port:
    """An open serial port.

    Parameters
    ----------
    name : str
        For instance ``/dev/ttyUSB0``.
    baud : int
        Bits a second, as the board's bitstream was built for, within :data:`BAUDS`.

    Raises
    ------
    LinkError
        If the speed is out of range or unknown to the port, there is no such port, it may not be opened, or another
        program has it.
    """

    def __init__(self, name: str, baud: int) -> None:
        if not BAUDS[0] <= baud <= BAUDS[1]:
            raise LinkError(f"--baud is {baud}; allowed are {BAUDS[0]} to {BAUDS[1]}")
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
    wrong = f"{name} is not a serial port" if Path(name).exists() else f"there is no serial port {name}"
    return f"{wrong}; this machine has: {there}"
