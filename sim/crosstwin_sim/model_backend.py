"""The back end ``model``: the golden controller on the simulated array, with no RTL and no compiler."""

from __future__ import annotations

import numpy.typing as npt

from crosstwin_model.config import ControllerConfig
from crosstwin_model.controller import GoldenController
from crosstwin_model.plant import Plant
from crosstwin_model.registers import Response, register_map

from .backend import Words, bus_error


class ModelBackend:
    """The golden model as a :class:`crosstwin_sim.backend.Backend`.

    Parameters
    ----------
    config : ControllerConfig
        What the controller is made of.
    plant : Plant
        The array it drives; it must have the configuration's tiles.

    Attributes
    ----------
    controller : GoldenController
        The golden controller itself, with its emergency stop and its waveforms.
    """

    def __init__(self, config: ControllerConfig, plant: Plant) -> None:
        self.config = config
        self.plant = plant
        self.controller = GoldenController(config, plant)
        self._registers = register_map(config)

    def read(self, address: int) -> int:
        """Return the 32-bit word at an address."""
        response, value = self.controller.read(address)
        if response is not Response.OKAY:
            raise bus_error(self._registers, "read of", address)
        return value

    def write(self, address: int, value: int) -> None:
        """Write a 32-bit word; COMMAND returns when the operation has ended."""
        if self.controller.write(address, value) is not Response.OKAY:
            raise bus_error(self._registers, f"write of {value:#010x} to", address)

    def read_block(self, address: int, words: int) -> Words:
        """Return that many consecutive words."""
        response, values = self.controller.read_block(address, words)
        if response is not Response.OKAY:
            raise bus_error(self._registers, "read of", address + 4 * values.size)
        return values

    def write_block(self, address: int, values: npt.ArrayLike) -> None:
        """Write consecutive words."""
        if self.controller.write_block(address, values) is not Response.OKAY:
            raise bus_error(self._registers, "write of a block at", address)

    def wait(self) -> None:
        """Return at once: the golden model's operations end within their COMMAND."""

    def reset(self) -> None:
        """Reset the controller; the array keeps its conductances."""
        self.controller.reset()

    def set_estop(self, level: bool) -> None:
        """Set the emergency stop pin."""
        self.controller.set_estop(level)

    def stop_in(self, cycle: int) -> None:
        """Raise the emergency stop pin for one clock cycle of the next operation; -1 is CHECK, 0 the cycle after it."""
        self.controller.stop_in(cycle)

    def close(self) -> None:
        """Do nothing: there is nothing to give back."""
