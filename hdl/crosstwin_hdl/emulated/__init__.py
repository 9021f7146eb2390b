"""An array of crosspoint cells in fabric, which stands in for the analog one: docs/emulated_array.md."""

from .array import EmulatedArray

__all__ = ["EmulatedArray"]
