"""The RTL as the device under check of :mod:`crosstwin_model.check`."""

from __future__ import annotations

from crosstwin_model.observe import Pins
from crosstwin_model.plant import Plant
from crosstwin_model.registers import Response, register_map

from .backend import RtlBackend


class RtlDevice:
    """Gives every bus response and every change of the pins back, rather than raising.

    Parameters
    ----------
    backend : RtlBackend
        The controller under check; recording is switched on.
    """

    def __init__(self, backend: RtlBackend) -> None:
        self._backend = backend
        self._command = register_map(backend.config)["COMMAND"].offset
        backend.record(True)

    @property
    def plant(self) -> Plant:
        """The array behind the controller's pins."""
        return self._backend.plant

    def write(self, address: int, value: int, strobe: int = 0xF) -> Response:
        """Write a word with byte strobes."""
        return self._backend.write_strobed(address, value, strobe)

    def read(self, address: int) -> tuple[Response, int]:
        """Read a word: (response, data)."""
        return self._backend.read_response(address)

    def command(self, value: int, stop: int | None = None) -> list[tuple[int, Pins]]:
        """Write COMMAND, pulse ``estop`` in clock cycle ``stop``, run on until idle, and return the changes of the pins."""
        if stop is not None:
            self._backend.stop_in(stop)
        self._backend.write(self._command, value)
        self._backend.wait()
        return self._backend.waveform()
