"""What goes wrong on the bus."""

from __future__ import annotations


class BusError(RuntimeError):
    """A bus access that the controller answered with SLVERR; the text names the access and the register."""
