"""The Verilated controller, joined to a plant, as a back end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from crosstwin_model.config import ControllerConfig
from crosstwin_model.numbers import whole_array
from crosstwin_model.observe import Pins
from crosstwin_model.operation_limit import LENGTH_REGISTERS, operation_limit
from crosstwin_model.plant import Plant
from crosstwin_model.registers import Response, register_map

from ..backend import HangError, Words, bus_error
from .array import PlantSide
from .build import build
from .library import BUSY, RECORDS_FULL, Library
from .waves import decode

#: Clock cycles that one call into the library waits at most, so that Ctrl-C is heard within a second.
_PATIENCE = 1_000_000


class RtlBackend:
    """The RTL as a :class:`crosstwin_sim.backend.Backend`.

    Parameters
    ----------
    config : ControllerConfig
        What the controller is made of; its library is built if it is not there.
    plant : Plant
        The array behind the pins; it must have the configuration's tiles.
    family : str or None
        A key of :data:`crosstwin_sim.rtl.netlist.FAMILIES`, for the controller as it is mapped to that family's cells.
    waves : Path or None
        A VCD file to write every signal to, at half the speed and from the beginning.
    folder : Path or None
        Where builds are kept, see :func:`crosstwin_sim.rtl.build.build`.
    report : callable or None
        Told the steps of a build.

    Raises
    ------
    BuildError
        If the library cannot be built.
    ToolError
        If Yosys, which makes the netlist, is missing or fails.
    """

    def __init__(
        self,
        config: ControllerConfig,
        plant: Plant,
        *,
        family: str | None = None,
        waves: Path | None = None,
        folder: Path | None = None,
        report: Callable[[str], None] | None = None,
    ) -> None:
        self.config = config
        self._array = PlantSide(config, plant)
        self._registers = register_map(config)
        self._recorded: list[NDArray[np.uint64]] = []
        self._stop = 0
        library = Library(
            build(config, trace=waves is not None, family=family, folder=folder, report=report), config, self._event
        )
        self._library, self._shared = library, library.shared
        if waves is not None:
            library.trace(waves)

    @property
    def plant(self) -> Plant:
        """The array, with everything driven so far applied."""
        return self._array.plant(self._library)

    @property
    def clock(self) -> int:
        """Clock cycles simulated, bus accesses and idle ones included."""
        return int(self._shared.clock)

    def read(self, address: int) -> int:
        """Return the 32-bit word at an address."""
        response = self._library.read(address)
        if response:
            self._refused(response, "read of", address)
        return int(self._shared.data)

    def write(self, address: int, value: int) -> None:
        """Write a 32-bit word; after COMMAND, the operation goes on with every further call."""
        response = self._library.write(address, value, 0xF)
        if response:
            self._refused(response, f"write of {value:#010x} to", address)

    def read_response(self, address: int) -> tuple[Response, int]:
        """Read a word and return how the bus answered, with the data."""
        response = self._library.read(address)
        self._library.check(response)
        return Response(response), int(self._shared.data)

    def write_strobed(self, address: int, value: int, strobe: int) -> Response:
        """Write the bytes of a word that are strobed, and return how the bus answered."""
        response = self._library.write(address, value, strobe)
        self._library.check(response)
        return Response(response)

    def try_read(self, address: int) -> tuple[Response, int]:
        """Return the bus's answer and the word, whatever the answer is."""
        response = self._library.read(address)
        self._library.check(response)
        return Response(response), int(self._shared.data)

    def try_write(self, address: int, value: int, strobe: int) -> Response:
        """Write a word with byte strobes, and return the bus's answer."""
        response = self._library.write(address, value, strobe)
        self._library.check(response)
        return Response(response)

    def read_block(self, address: int, words: int) -> Words:
        """Return that many consecutive words."""
        block = self._block(words)
        response = self._library.read_block(address, words)
        if response:
            self._refused(response, "read of", address + 4 * self._shared.count)
        return block.copy()

    def write_block(self, address: int, values: npt.ArrayLike) -> None:
        """Write consecutive words; the first that is refused ends the block."""
        words = whole_array("values", values, None, np.uint32).reshape(-1)
        self._block(words.size)[:] = words
        response = self._library.write_block(address, words.size)
        if response:
            index = self._shared.count
            self._refused(response, f"write of {int(words[index]):#010x} to", address + 4 * index)

    def wait(self) -> None:
        """Run the clock until no operation is under way, and apply what was driven.

        Raises
        ------
        HangError
            If the operation outlasts what its settings allow.
        """
        began = self.clock
        limit = None
        while (result := self._library.wait(_PATIENCE)) == BUSY:
            if limit is None:  # asked of the controller only here, so that short operations cost no reads
                settings = {name: self.read(self._registers[name].offset) for name in LENGTH_REGISTERS}
                limit = operation_limit(self.config, settings) + self._stop
            if self.clock - began > limit:
                raise HangError(
                    f"BUSY is still high {self.clock - began} clock cycles after COMMAND; its settings allow at most {limit}"
                )
        if result:
            self._library.check(result)
        self._array.apply_slots(self._library)

    def reset(self) -> None:
        """Pulse the controller's reset for one clock cycle; the array keeps its conductances."""
        self._stop = 0
        self._library.check(self._library.reset())

    def set_estop(self, level: bool) -> None:
        """Set the emergency stop pin, and run one clock cycle."""
        self._library.check(self._library.estop(level))

    def stop_in(self, cycle: int) -> None:
        """Raise the emergency stop pin for one clock cycle of the next operation; -1 is CHECK, 0 the cycle after it."""
        self._library.stop_in(cycle)
        self._stop = max(cycle, 0)

    def record(self, on: bool) -> None:
        """Keep every change of the output pins for :meth:`waveform`; this costs speed."""
        self._shared.recording = on

    def waveform(self) -> list[tuple[int, Pins]]:
        """Return the last command's changes of the pins as (clock cycle from the operation's cycle 0, pins), and forget them."""
        self._keep_records()
        changes = decode(self.config, self._recorded, int(self._shared.command))
        self._recorded.clear()
        return changes

    def start_tape(self) -> None:
        """Reset the controller and record all bus traffic and ADC codes from here on, for :meth:`replay`."""
        self._library.start_tape()

    def stop_tape(self) -> None:
        """End the tape."""
        self._library.stop_tape()

    def replay(self) -> None:
        """Drive the controller with the tape's traffic and ADC codes, from reset, and leave the array alone.

        This is the bare loop that closed-loop speed is compared with: no log, no array, no Python. What the emergency stop pin
        did is not repeated.

        Raises
        ------
        PinError
            If a read gives other data than it did, or the clock cycles differ.
        """
        self._library.check(self._library.replay())

    def close(self) -> None:
        """Give the simulated controller back, and close the wave file."""
        self._library.close()

    def _block(self, words: int) -> Words:
        block = self._library.block
        if words > block.size:
            raise ValueError(f"a block has {words} words; allowed are up to {block.size}")
        return block[:words]

    def _refused(self, response: int, access: str, address: int) -> None:
        self._library.check(response)
        raise bus_error(self._registers, access, address)

    def _event(self, event: int) -> int:
        if event == RECORDS_FULL:
            self._keep_records()
            return 0
        return self._array.event(event, self._library)

    def _keep_records(self) -> None:
        count = self._shared.record_count
        self._recorded.append(self._library.records[:count].copy())
        self._shared.record_count = 0
