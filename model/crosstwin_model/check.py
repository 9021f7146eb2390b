"""The check that holds a controller to its golden model: the same traffic on both, everything visible compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from .config import ControllerConfig
from .controller import GoldenController
from .observe import Pins, Status, waveform
from .plant import Plant, PlantConfig
from .registers import Access, ErrorCode, Opcode, Response
from .stimulus import Action, Command, Read, Stimulus, Write


class Device(Protocol):
    """A controller under check, joined to a plant of its own."""

    @property
    def plant(self) -> Plant:
        """The array behind the controller's pins."""

    def write(self, address: int, value: int, strobe: int = 0xF) -> Response:
        """Write a word with byte strobes."""

    def read(self, address: int) -> tuple[Response, int]:
        """Read a word."""

    def read_all(self, addresses: Sequence[int]) -> list[tuple[Response, int]]:
        """Read words one after another."""

    def command(self, value: int, stop: int | None = None) -> list[tuple[int, Pins]]:
        """Write COMMAND, pulse ``estop`` in clock cycle ``stop`` (-1 is CHECK), run on until the controller is idle.

        Returns the changes of the pins as (clock cycle from the operation's cycle 0, pins); the first is ``busy`` in CHECK.
        """


@dataclass(frozen=True)
class Mismatch:
    """The first difference: in which operation (from 0), after which action, and what it is."""

    operation: int
    action: Action
    what: str

    def __str__(self) -> str:
        name = ""
        if isinstance(self.action, Command):
            name = f" ({opcode_name(self.action.value & 15)} on tile {self.action.value >> 8 & 15})"
        return f"operation {self.operation}, {self.action}{name}: {self.what}"


@dataclass(frozen=True)
class Result:
    """How many operations ran, how often each thing was compared, and the first mismatch if there is one."""

    operations: int
    compared: dict[str, int]
    mismatch: Mismatch | None
    outcomes: dict[str, int]
    conductance_sha256: str


class ControllerFailure(RuntimeError):
    """A device does on its pins or its bus what no controller may do; the text says what."""


class Differs(Exception):
    """The device differs from the golden model: of what, the golden model's value, the device's value."""

    def __str__(self) -> str:
        what, expected, found = self.args
        return f"{what} is {found} on the controller, {expected} on the golden model"


def checking_plant(seed: int) -> PlantConfig:
    """Return the plant that checks use: every kind of noise on, spread initial weights, an ADC that stalls."""
    return PlantConfig(seed=seed, adc_range=2.0, adc_stall=5, dac_noise=0.5, initial=0.2)


class Check:
    """Drives a controller and its golden model with the same random traffic and compares everything after every action.

    Parameters
    ----------
    config : ControllerConfig
        The controller's configuration.
    device : Device
        The controller under check; its plant must be new and made with ``checking_plant(seed)``.
    seed : int
        Seed of the traffic.
    """

    def __init__(self, config: ControllerConfig, device: Device, seed: int) -> None:
        self._device = device
        self._golden_plant = Plant(config, checking_plant(seed))
        self._golden = GoldenController(config, self._golden_plant)
        self._golden.phases = []
        self._stimulus = Stimulus(config, seed)
        registers = self._golden.registers.map
        self._readable = [register.offset for register in registers if register.access is not Access.WO]
        y = registers.window("Y")
        self._results = range(y.offset, y.offset + 4 * y.words, 4)
        self._names = {register.offset: register.name for register in registers}
        self._compared: Counter[str] = Counter()
        self._outcomes: Counter[str] = Counter()
        self._tiles = config.tiles

    def run(self, operations: int, progress: Callable[[int], None] | None = None) -> Result:
        """Run operations until all are done or something differs; ``progress`` is called with the number done."""
        mismatch = None
        done = 0
        self._compared = Counter(responses=0, pin_changes=0, registers=0, results=0, conductances=0, clock_cycles=0)
        while done < operations and mismatch is None:
            for action in self._stimulus.operation(bool(self._golden.registers.fault)):
                try:
                    self.apply(action)
                except (Differs, ControllerFailure) as difference:
                    mismatch = Mismatch(done, action, str(difference))
                    break
            done += 1
            if progress is not None:
                progress(done)
        return Result(done, dict(self._compared), mismatch, dict(self._outcomes), self._golden_plant.digest())

    @property
    def golden(self) -> GoldenController:
        """The golden model."""
        return self._golden

    def apply(self, action: Action) -> None:
        """Do one thing on both and compare what it did.

        Raises
        ------
        Differs
            If the device is not as the golden model says.
        """
        golden, device = self._golden, self._device
        if isinstance(action, Write):
            expected = golden.write(action.address, action.value, action.strobe)
            self._same("responses", "the write's response", expected, device.write(action.address, action.value, action.strobe))
        elif isinstance(action, Read):
            self._same("responses", "the read's (response, data)", golden.read(action.address), device.read(action.address))
        else:
            self.compare(action, device.command(action.value, action.stop))

    def compare(self, action: Command, found: list[tuple[int, Pins]], *, reset: bool = False) -> None:
        """Run a command that the device has done on the golden model, and compare what both did.

        Parameters
        ----------
        action : Command
            The command, with the clock cycle in which the device was stopped or reset.
        found : list of (int, Pins)
            What the device's pins did.
        reset : bool
            Whether it was a reset that ended the operation.

        Raises
        ------
        Differs
            If the device is not as the golden model says.
        """
        golden, device = self._golden, self._device
        if action.stop is not None:
            golden.stop_in(action.stop)
        before = golden.registers.counters["CYCLES"]
        golden.write(self._golden.registers.map["COMMAND"].offset, action.value)
        status = golden.status
        if reset:
            assert action.stop is not None
            status = [change for change in status if change[0] <= action.stop] + [(action.stop + 1, Status())]
        self._waveform(waveform(golden.phases or [], status, golden.ended), found)
        self._compared["clock_cycles"] += golden.registers.counters["CYCLES"] - before
        if reset:
            golden.reset()
        opcode = action.value & 15
        with_results = opcode in (Opcode.FORWARD, Opcode.BACKWARD, Opcode.TRANSFER) or bool(golden.phases)
        addresses = [*self._readable, *self._results] if with_results else self._readable
        for address, seen in zip(addresses, device.read_all(addresses), strict=True):
            if address in self._names:
                self._same("registers", self._names[address], golden.read(address), seen)
            else:
                self._same("results", f"Y[{(address & 0xFFF) // 2}]", golden.read(address), seen)
        for tile in range(self._tiles):
            expected, values = self._golden_plant.conductance(tile), device.plant.conductance(tile)
            self._compared["conductances"] += expected.size
            if not np.array_equal(expected, values):
                cell = tuple(int(k) for k in np.argwhere(expected != values)[0])
                raise Differs(f"the conductance of tile {tile}, cell {cell}", expected[cell], values[cell])
        error = golden.read(self._golden.registers.map["ERROR"].offset)[1]
        self._outcomes[f"{opcode_name(opcode)}: {ErrorCode(error).name}"] += 1

    def _waveform(self, expected: list[tuple[int, Pins]], found: list[tuple[int, Pins]]) -> None:
        self._compared["pin_changes"] += len(expected)
        if expected != found:
            for k, (ours, theirs) in enumerate(zip(expected, found, strict=False)):
                if ours != theirs:
                    raise Differs(f"change {k} of the pins", ours, theirs)
            raise Differs("the number of changes of the pins", len(expected), len(found))

    def _same(self, kind: str, what: str, expected: object, found: object) -> None:
        self._compared[kind] += 1
        if expected != found:
            raise Differs(what, expected, found)


def opcode_name(opcode: int) -> str:
    """Return an opcode's name, or its number if there is none."""
    return Opcode(opcode).name if opcode in Opcode._value2member_map_ else f"opcode {opcode}"
