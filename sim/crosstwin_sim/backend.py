"""The protocol between the host program and whatever runs the controller."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from crosstwin_model.bus import BusError
from crosstwin_model.check import ControllerFailure
from crosstwin_model.config import ControllerConfig
from crosstwin_model.plant import Plant
from crosstwin_model.registers import Register, RegisterMap

from .errors import CrosstwinError

#: Words of a vector window or of a run of registers, as the bus carries them.
Words = NDArray[np.uint32]


class HangError(ControllerFailure, CrosstwinError):
    """An operation goes on for longer than its settings allow; the text gives both lengths in clock cycles."""


class Backend(Protocol):
    """A controller behind its bus: the golden model, the Verilated RTL, a bench's bus master or a board.

    Addresses are byte addresses of :func:`crosstwin_model.registers.register_map`; a block is consecutive words, the first at
    ``address``. Every access that the controller answers with SLVERR raises :class:`crosstwin_model.bus.BusError`; the words of a
    block that come before it have then been written. A back end whose answers take long may put writes off until the next read or
    wait, which then raises the error; writes behind the one that was refused are not done.
    """

    @property
    def config(self) -> ControllerConfig:
        """The configuration of the controller behind the bus."""
        ...

    @property
    def plant(self) -> Plant | None:
        """The simulated array, with everything driven so far applied; None where a real one is attached."""
        ...

    def read(self, address: int) -> int:
        """Return the 32-bit word at an address."""
        ...

    def write(self, address: int, value: int) -> None:
        """Write a 32-bit word, all four bytes strobed."""
        ...

    def read_block(self, address: int, words: int) -> Words:
        """Return that many consecutive words."""
        ...

    def write_block(self, address: int, values: npt.ArrayLike) -> None:
        """Write consecutive words: whole numbers [words], 0 to 2**32 - 1, of any type."""
        ...

    def wait(self) -> None:
        """Return when no operation is under way (STATUS.BUSY is 0).

        Raises
        ------
        HangError
            If one goes on after :func:`crosstwin_model.operation_limit.operation_limit` clock cycles.
        """
        ...

    def reset(self) -> None:
        """Pulse the controller's reset; the array keeps its conductances."""
        ...

    def close(self) -> None:
        """Give back what the back end holds; it cannot be used afterwards."""
        ...


def bus_error(registers: RegisterMap, access: str, address: int) -> BusError:
    """Return the error for an access that was answered with SLVERR; ``access`` is for instance ``"read of"``."""
    place = registers.at(address)
    name = "where nothing is mapped" if place is None else place.name if isinstance(place, Register) else f"window {place.name}"
    return BusError(f"the {access} address {address:#06x} ({name}) was answered with SLVERR")
