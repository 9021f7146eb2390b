"""The Verilated controller as the golden model's check drives it."""

from __future__ import annotations

from collections.abc import Sequence

from crosstwin_model.observe import Pins
from crosstwin_model.plant import Plant
from crosstwin_model.registers import Response, register_map

from .backend import RtlBackend


class RtlDevice:
    """A :class:`crosstwin_model.check.Device` over the back end ``rtl``, which it makes record its pins.

    Parameters
    ----------
    backend : RtlBackend
        A new back end, its plant made with :func:`crosstwin_model.check.checking_plant`.
    """

    def __init__(self, backend: RtlBackend) -> None:
        self._backend = backend
        self._command = register_map(backend.config)["COMMAND"].offset
        backend.record(True)

    @property
    def plant(self) -> Plant:
        """The array behind the pins."""
        return self._backend.plant

    def write(self, address: int, value: int, strobe: int = 0xF) -> Response:
        """Write a word with byte strobes."""
        return self._backend.try_write(address, value, strobe)

    def read(self, address: int) -> tuple[Response, int]:
        """Read a word."""
        return self._backend.try_read(address)

    def read_all(self, addresses: Sequence[int]) -> list[tuple[Response, int]]:
        """Read words one after another."""
        return [self._backend.try_read(address) for address in addresses]

    def command(self, value: int, stop: int | None = None) -> list[tuple[int, Pins]]:
        """Run a command to its end, as :class:`crosstwin_model.check.Device` says."""
        if stop is not None:
            self._backend.stop_in(stop)
        self._backend.write(self._command, value)
        self._backend.wait()
        return self._backend.waveform()
