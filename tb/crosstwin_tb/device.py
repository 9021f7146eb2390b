"""The simulated controller as blocking calls: what the golden model's check drives, and what directed benches add to it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, TypeVar

import cocotb
from cocotb.handle import HierarchyObject
from cocotb.task import Task, resume
from cocotb.triggers import RisingEdge, SimTimeoutError, with_timeout

from crosstwin_model.check import ControllerFailure
from crosstwin_model.config import ControllerConfig
from crosstwin_model.observe import Pins
from crosstwin_model.operation_limit import LENGTH_REGISTERS, operation_limit
from crosstwin_model.plant import Plant
from crosstwin_model.registers import Control, Response, register_map
from crosstwin_sim.backend import HangError

from .driver import BusMaster
from .monitor import PinMonitor
from .plant_model import AttachedPlant

T = TypeVar("T")

#: Clock cycles that one call may take on the bus, with all the stalls of its channels; an operation has its own beside them.
PATIENCE = 20_000

Changes = list[tuple[int, Pins]]


class BenchDevice:
    """A :class:`crosstwin_model.check.Device` on the pins of the simulated controller.

    All methods block the bench's thread while the simulation runs.

    Parameters
    ----------
    dut : HierarchyObject
        The controller.
    config : ControllerConfig
        What it is made of.
    period : int
        Clock period in steps of the simulator's time.
    latency : int
        Clock cycles from the one after the bus has taken COMMAND to CHECK.
    bus, monitor, array
        The other parts of the environment.
    """

    def __init__(
        self,
        dut: HierarchyObject,
        config: ControllerConfig,
        period: int,
        latency: int,
        bus: BusMaster,
        monitor: PinMonitor,
        array: AttachedPlant,
    ) -> None:
        self._dut, self._period, self._latency = dut, period, latency
        self._bus, self._monitor, self._array = bus, monitor, array
        self._edge = RisingEdge(dut.clk)
        self._config = config
        registers = register_map(config)
        self._resets = {registers[name].offset: registers[name].reset for name in LENGTH_REGISTERS}
        self._settings = dict(self._resets)
        self._address = {register.name: register.offset for register in registers}
        self._busy = registers["STATUS"].field("BUSY").mask

    @property
    def plant(self) -> Plant:
        """The array behind the pins."""
        return self._array.plant

    @property
    def interrupts(self) -> list[tuple[int, int]]:
        """Clock cycle of each change of ``irq`` and its level from then on; the last one is the present level."""
        return self._monitor.interrupts

    @property
    def cycle(self) -> int:
        """Number of the present clock cycle."""
        return self._monitor.cycle

    def write(self, address: int, value: int, strobe: int = 0xF) -> Response:
        """Write a word with byte strobes."""
        response = self._run(partial(self._bus.write, address, value, strobe))
        self._keep(address, value, response)
        return response

    def read(self, address: int) -> tuple[Response, int]:
        """Read a word."""
        return self._run(partial(self._bus.read, address))

    def read_all(self, addresses: Sequence[int]) -> list[tuple[Response, int]]:
        """Read words one after another, as fast as the bus takes them."""
        return self._run(partial(self._bus.read_all, addresses))

    def write_all(self, address: int, values: Sequence[int]) -> list[Response]:
        """Write consecutive words, as fast as the bus takes them."""
        responses = self._run(partial(self._bus.write_all, address, values))
        for index, (value, response) in enumerate(zip(values, responses, strict=True)):
            self._keep(address + 4 * index, value, response)
        return responses

    def command(self, value: int, stop: int | None = None) -> Changes:
        """Run a command to its end, as :class:`crosstwin_model.check.Device` says."""
        return self._operate(partial(self._command, value, stop))

    def start(self, value: int) -> int:
        """Write COMMAND and return the number of the operation's clock cycle 0 while it goes on."""
        return self._run(partial(self._start_and_answer, value))

    def finish(self, origin: int) -> Changes:
        """Wait until the controller is idle; return what the pins did since :meth:`start`."""
        return self._operate(partial(self._finish, origin))

    def command_and_stop_write(self, value: int, delay: int) -> tuple[int, Changes]:
        """Run a command and write CONTROL.STOP that many clock cycles after it was taken.

        Returns
        -------
        stop : int
            Clock cycle, counted from the operation's cycle 0, in which the stop acts.
        changes : list of (int, Pins)
            What the pins did.
        """
        return self._operate(partial(self._command_and_stop_write, value, delay))

    def command_and_reset(self, value: int, cycle: int) -> Changes:
        """Write COMMAND and raise the reset in one clock cycle of the operation; -1 is CHECK."""
        changes = self._operate(partial(self._command_and_reset, value, cycle))
        self._settings = dict(self._resets)
        return changes

    def set_estop(self, level: bool) -> None:
        """Set the emergency stop pin and let two clock cycles pass."""
        self._dut.estop.value = int(level)
        self.wait(2)

    def wait_until_idle(self) -> None:
        """Wait until no operation is under way."""
        self._operate(self._idle)

    def wait(self, cycles: int) -> None:
        """Let clock cycles pass."""
        self._run(partial(self._wait_for, self._monitor.cycle + cycles))

    def reset(self) -> None:
        """Raise the reset for one clock cycle."""
        self._run(self._reset)
        self._settings = dict(self._resets)

    def _keep(self, address: int, value: int, response: Response) -> None:
        """Keep what a write has set, if it decides about the length of an operation."""
        if response is Response.OKAY and address in self._settings:
            self._settings[address] = value

    def _operate(self, function: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Wait for an operation, for as long as its settings allow."""
        limit = operation_limit(self._config, dict(zip(LENGTH_REGISTERS, self._settings.values(), strict=True)))
        failure = HangError(f"no end {limit + PATIENCE} clock cycles after COMMAND; its settings allow at most {limit}")
        return self._run(function, limit + PATIENCE, failure)

    def _run(
        self, function: Callable[[], Coroutine[Any, Any, T]], cycles: int = PATIENCE, failure: ControllerFailure | None = None
    ) -> T:
        @resume
        async def limited() -> T:
            try:
                return await with_timeout(function(), cycles * self._period, "step")
            except SimTimeoutError:
                raise failure or ControllerFailure(f"the bus gave no answer for {cycles} clock cycles") from None

        result = limited()
        if self._monitor.failure is not None:
            raise self._monitor.failure
        return result

    async def _command(self, value: int, stop: int | None) -> Changes:
        origin, answer = await self._start(value)
        if stop is not None:
            await self._wait_for(origin + stop - 1)
            self._dut.estop.value = 1
            await self._edge
            self._dut.estop.value = 0
        assert await answer is Response.OKAY
        return await self._finish(origin)

    async def _start_and_answer(self, value: int) -> int:
        origin, answer = await self._start(value)
        assert await answer is Response.OKAY
        return origin

    async def _command_and_stop_write(self, value: int, delay: int) -> tuple[int, Changes]:
        origin, answer = await self._start(value)
        assert await answer is Response.OKAY
        await self._wait_for(self._monitor.cycle + delay)
        acts, answer = await self._write_and_watch("CONTROL", Control.STOP)
        assert await answer is Response.OKAY
        return acts - origin, await self._finish(origin)

    async def _command_and_reset(self, value: int, cycle: int) -> Changes:
        origin, answer = await self._start(value)
        await self._wait_for(origin + cycle - 1)
        self._dut.rst.value = 1
        answer.cancel()
        self._bus.reset()
        await self._edge
        self._dut.rst.value = 0
        self._array.reset()
        return await self._finish(origin)

    async def _reset(self) -> None:
        self._dut.rst.value = 1
        self._bus.reset()
        await self._edge
        self._dut.rst.value = 0
        self._array.reset()
        await self._edge

    async def _start(self, value: int) -> tuple[int, Task[Response]]:
        self._monitor.changes.clear()
        check, answer = await self._write_and_watch("COMMAND", value)
        return check + 1, answer

    async def _write_and_watch(self, name: str, value: int) -> tuple[int, Task[Response]]:
        """Begin a write; once the bus has taken it, return the clock cycle in which it acts, and the write."""
        dut = self._dut
        answer = cocotb.start_soon(self._bus.write(self._address[name], value))
        address_taken = data_taken = False
        while not (address_taken and data_taken):
            await self._edge
            address_taken |= bool(dut.s_axi_awvalid.value) and bool(dut.s_axi_awready.value)
            data_taken |= bool(dut.s_axi_wvalid.value) and bool(dut.s_axi_wready.value)
        return self._monitor.cycle + 1 + self._latency, answer

    async def _wait_for(self, cycle: int) -> None:
        """Return at the clock edge that ends a clock cycle; at once if it has passed."""
        while self._monitor.cycle < cycle:
            await self._edge

    async def _finish(self, origin: int) -> Changes:
        await self._idle()
        # What a write before the command changes may show after its answer.
        return [(cycle - origin, pins) for cycle, pins in self._monitor.changes if cycle >= origin - 1]

    async def _idle(self) -> None:
        """Ask for BUSY whenever the pins are idle: while they are not, it is high."""
        while True:
            response, status = await self._bus.read(self._address["STATUS"])
            assert response is Response.OKAY
            if not status & self._busy and self._monitor.pins.idle:
                return
            while not self._monitor.pins.idle:
                await self._edge
