"""The bench around one controller: clock, reset, bus master, monitor, array and scoreboard; tests choose stimulus only."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.handle import HierarchyObject
from cocotb.simtime import get_sim_time
from cocotb.task import bridge
from cocotb.triggers import ClockCycles, Timer, with_timeout

from crosstwin_model.check import Check, Differs, checking_plant
from crosstwin_model.plant import Plant
from crosstwin_model.registers import ErrorCode
from crosstwin_model.stimulus import Action, Command, Write

from .device import PATIENCE, BenchDevice, Changes
from .driver import BusMaster
from .monitor import PinMonitor
from .parameters import Parameters, load
from .plant_model import AttachedPlant

#: Clock period in steps of the simulator's time.
PERIOD = 10
#: Probability that a channel of the bus pauses in a clock cycle.
STALLS = 0.3
#: Clock cycles after which a test fails whatever it does; single calls give up far earlier.
LIMIT = 1_000_000_000


class Environment:
    """One controller with everything around it, freshly reset.

    Attributes
    ----------
    parameters : Parameters
        What the bench was told.
    device : BenchDevice
        The controller.
    check : Check
        The golden model, and the comparison with it.
    rng : numpy.random.Generator
        Source of all choices of a test, seeded by the parameters.
    """

    def __init__(self, dut: HierarchyObject, parameters: Parameters) -> None:
        self.parameters = parameters
        self.config = parameters.config
        self._dut = dut
        self.rng = np.random.default_rng(parameters.seed)
        plant = AttachedPlant(dut, Plant(self.config, checking_plant(parameters.seed)))
        self.bus = BusMaster(dut)
        self.monitor = PinMonitor(dut, PERIOD, plant.on_cycle)
        self.device = BenchDevice(dut, self.config, PERIOD, parameters.command_latency, self.bus, self.monitor, plant)
        self.check = Check(self.config, self.device, parameters.seed)
        self.map = self.check.golden.registers.map

    async def start(self) -> None:
        """Start the clock and reset the controller; the golden model takes over what Y holds from before."""
        await Timer(PERIOD - int(get_sim_time("step")) % PERIOD, "step")
        self._dut.estop.value = 0
        self._dut.rst.value = 1
        Clock(self._dut.clk, PERIOD, "step", impl="gpi").start()
        await ClockCycles(self._dut.clk, 2)
        self.monitor.start()
        self._dut.rst.value = 0
        await ClockCycles(self._dut.clk, 2)
        window = self.map.window("Y")
        y = self.check.golden.registers.y
        for index in range(window.words):
            word = (await with_timeout(self.bus.read(window.offset + 4 * index), PATIENCE * PERIOD, "step"))[1]
            y[2 * index : 2 * index + 2] = np.array([word], "<u4").view("<i2")

    def address(self, name: str) -> int:
        """Return a register's byte address."""
        return self.map[name].offset

    def apply(self, *actions: Action) -> None:
        """Do things on the controller and on the golden model, and compare.

        Raises
        ------
        AssertionError
            If they differ.
        """
        for action in actions:
            self._agree(action, functools.partial(self.check.apply, action))

    def compare(self, command: Command, found: Changes, *, reset: bool = False) -> None:
        """Compare a command that the controller has done already; see :meth:`crosstwin_model.check.Check.compare`."""
        self._agree(command, functools.partial(self.check.compare, command, found, reset=reset))

    def set(self, **values: int) -> None:
        """Write registers on both."""
        for name, value in values.items():
            self.apply(Write(self.address(name), value))

    def fill(self, name: str, codes: Sequence[int]) -> None:
        """Write a vector window from its first entry on, on both."""
        padded = np.zeros(2 * self.map.window(name).words, "<i2")
        padded[: len(codes)] = codes
        for index, word in enumerate(padded.view("<u4").tolist()):
            self.apply(Write(self.map.window(name).offset + 4 * index, word))

    def random_codes(self, name: str) -> None:
        """Fill a vector window with codes of both signs."""
        limit = self.config.code_max
        self.fill(name, self.rng.integers(-limit, limit + 1, self.map.window(name).entries).tolist())

    def run(self, opcode: int, tile: int, *, single_ended: bool = False, stop: int | None = None) -> ErrorCode:
        """Run a command on both, compare everything and return the register ERROR."""
        self.apply(Command(command(opcode, tile, single_ended=single_ended), stop))
        return ErrorCode(self.value("ERROR"))

    def value(self, name: str) -> int:
        """Return a register of the controller."""
        return self.device.read(self.address(name))[1]

    def _agree(self, action: Action, step: Callable[[], None]) -> None:
        try:
            step()
        except Differs as difference:
            raise AssertionError(f"{action}: {difference}") from None


def command(opcode: int, tile: int, *, single_ended: bool = False) -> int:
    """Return the word to write to COMMAND."""
    return opcode | tile << 8 | int(single_ended) << 12


def bench(function: Callable[[Environment], None]) -> object:
    """Make a cocotb test of a blocking function that takes an :class:`Environment`."""

    @cocotb.test(timeout_time=LIMIT * PERIOD, timeout_unit="step")
    @functools.wraps(function)
    async def test(dut: HierarchyObject) -> None:
        environment = Environment(dut, load())
        await environment.start()
        await bridge(function)(environment)

    return test
