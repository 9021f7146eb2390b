"""The Verilated board design as something that takes and gives the bytes of a serial line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from crosstwin_model.config import ControllerConfig
from crosstwin_model.emulated_config import EmulatedConfig
from crosstwin_model.plant import Plant

from ..rtl.array import PlantSide
from .build import build_board
from .library import BoardLibrary

#: Clock cycles that the board is given for an answer: longer than any bus access and any WAIT takes.
_PATIENCE = 1_000_000
#: Clock cycles of one call into the library, so that Ctrl-C and further bytes are heard in time.
_CYCLES = 50_000


class SimulatedBoard:
    """A board without a board.

    Parameters
    ----------
    config : ControllerConfig
        The controller's configuration.
    array : Plant or EmulatedConfig
        The array behind the pins, which must have the configuration's tiles; or the one that is emulated in the gateware.
    family : str or None
        A key of :data:`crosstwin_sim.rtl.netlist.FAMILIES`, for the netlist that Yosys makes of the whole board for that family.
    folder : Path or None
        Where builds are kept, see :func:`crosstwin_sim.rtl.build.build`.
    report : callable or None
        Told the steps of a build.

    Raises
    ------
    BuildError
        If it cannot be built.
    """

    def __init__(
        self,
        config: ControllerConfig,
        array: Plant | EmulatedConfig,
        *,
        family: str | None = None,
        folder: Path | None = None,
        report: Callable[[str], None] | None = None,
    ) -> None:
        emulated = array if isinstance(array, EmulatedConfig) else None
        self._array = None if isinstance(array, EmulatedConfig) else PlantSide(config, array)
        self._library = BoardLibrary(
            build_board(config, emulated, family=family, folder=folder, report=report), config, self._event
        )
        self._patience = 0

    @property
    def plant(self) -> Plant | None:
        """The array behind the pins, with everything driven so far applied; None where it is in the gateware."""
        return None if self._array is None else self._array.plant(self._library)

    @property
    def clock(self) -> int:
        """Clock cycles simulated."""
        return int(self._library.shared.clock)

    @property
    def busy(self) -> bool:
        """Whether the board may have something to say without being told more."""
        return self._patience > 0

    def run(self, sent: bytes) -> bytes:
        """Send bytes to the board, run it for a while, and return what it sends.

        Raises
        ------
        PinError
            If the RTL did on its pins what it must never do.
        """
        if sent:
            self._patience = _PATIENCE
        received = self._library.run(sent, _CYCLES)
        self._patience = 0 if received else self._patience - _CYCLES
        return received

    def close(self) -> None:
        """Give the simulation back."""
        self._library.close()

    def _event(self, event: int) -> int:
        assert self._array is not None  # the pins are where events come from
        return self._array.event(event, self._library)
