"""The simulated controller under the host program."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from crosstwin_model.config import ControllerConfig
from crosstwin_model.numbers import whole_array
from crosstwin_model.plant import Plant
from crosstwin_model.registers import Response, register_map
from crosstwin_sim.backend import Words, bus_error

from .device import BenchDevice


class CocotbBackend:
    """A bench's controller as a :class:`crosstwin_sim.backend.Backend`.

    Parameters
    ----------
    config : ControllerConfig
        What the controller is made of.
    device : BenchDevice
        The controller.
    """

    def __init__(self, config: ControllerConfig, device: BenchDevice) -> None:
        self.config = config
        self._device = device
        self._registers = register_map(config)

    @property
    def plant(self) -> Plant:
        """The array behind the pins."""
        return self._device.plant

    def read(self, address: int) -> int:
        """Return the 32-bit word at an address."""
        response, value = self._device.read(address)
        if response is not Response.OKAY:
            raise bus_error(self._registers, "read of", address)
        return value

    def write(self, address: int, value: int) -> None:
        """Write a 32-bit word; after COMMAND, the operation goes on with every further call."""
        if self._device.write(address, value) is not Response.OKAY:
            raise bus_error(self._registers, "write to", address)

    def read_block(self, address: int, words: int) -> Words:
        """Return that many consecutive words."""
        answers = self._device.read_all(range(address, address + 4 * words, 4))
        if any(response is not Response.OKAY for response, _ in answers):
            raise bus_error(self._registers, "read of a block at", address)
        return np.array([value for _, value in answers], dtype=np.uint32)

    def write_block(self, address: int, values: npt.ArrayLike) -> None:
        """Write consecutive words."""
        words = whole_array("values", values, None, np.uint32).tolist()
        if any(response is not Response.OKAY for response in self._device.write_all(address, words)):
            raise bus_error(self._registers, "write of a block at", address)

    def wait(self) -> None:
        """Let the simulation go on until no operation is under way."""
        self._device.wait_until_idle()

    def reset(self) -> None:
        """Pulse the controller's reset; the array keeps its conductances."""
        self._device.reset()

    def close(self) -> None:
        """Do nothing: the bench owns the simulation."""
