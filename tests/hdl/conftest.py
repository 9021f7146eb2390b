"""What the gateware's tests share: components in Amaranth's simulator, and a controller with a bus master and an ADC."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest
from amaranth.hdl import ClockDomain, Elaboratable, Module, Value
from amaranth.sim import Simulator

from crosstwin_hdl.controller import Controller
from crosstwin_model.config import PRESETS, ControllerConfig
from crosstwin_model.registers import Interrupt, Response, register_map


class Pins(NamedTuple):
    """All pins to the array in one clock cycle."""

    row_pos: int = 0
    row_neg: int = 0
    column_pos: int = 0
    column_neg: int = 0
    read_level: int = 0
    sense_rows: int = 0
    sense_columns: int = 0
    tile: int = 0
    differential: int = 0
    gain: int = 0
    adc_sample: int = 0
    adc_ready: int = 0
    slot: int = 0
    quadrant: int = 0


@dataclass
class Trace:
    """What an operation did: its pins from cycle 0 on, and the number of clock cycles until the interrupt rose."""

    cycles: int
    pins: list[Pins] = field(default_factory=list)


def simulate(component: Elaboratable, testbench: Callable[[Any], Awaitable[None]]) -> None:
    """Run a testbench on one component."""
    simulator = Simulator(component)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()


class Session:
    """A controller after reset, on which a scenario acts.

    ``beats`` are the ADC's, as (clock cycles after the sample or the beat before, codes); ``stop_at`` is a clock cycle of the
    next operation (-1 is CHECK) in which ``estop`` is high.
    """

    def __init__(self, machine: Machine, ctx: Any) -> None:
        self.config, self.map = machine.config, machine.map
        self._dut, self._rst, self._ctx = machine.dut, machine.domain.rst, ctx
        self.cycle = 0
        self.beats: list[tuple[int, list[int]]] = []
        self.stop_at: int | None = None
        self._log: list[Pins] = []
        self._irq: list[int] = []
        self._since = 0
        self._start: int | None = None

    async def step(self) -> None:
        """Go to the next clock cycle, drive its inputs and log its pins."""
        ctx, dut = self._ctx, self._dut
        await ctx.tick()
        self.cycle += 1
        pins = Pins(*(ctx.get(getattr(dut, name)) for name in Pins._fields))
        assert not pins.row_pos & pins.row_neg and not pins.column_pos & pins.column_neg
        self._log.append(pins)
        self._irq.append(ctx.get(dut.irq))
        self._since = 0 if pins.adc_sample else self._since + 1
        beat = bool(pins.adc_ready and self.beats and self._since >= self.beats[0][0])
        ctx.set(dut.adc_valid, beat)
        if beat:
            self._since = 0
            bits = self.config.adc_bits
            codes = self.beats.pop(0)[1]
            ctx.set(dut.adc_data, sum((code & ((1 << bits) - 1)) << (bits * lane) for lane, code in enumerate(codes)))
        if self._start is not None and self.stop_at is not None:
            ctx.set(dut.estop, self.cycle == self._start + self.stop_at)

    async def reset(self) -> Pins:
        """Reset for one clock cycle and return the pins in the next."""
        self._ctx.set(self._rst, 1)
        await self.step()
        self._ctx.set(self._rst, 0)
        return self._log[-1]

    def set_estop(self, level: int) -> None:
        """Drive the emergency stop by hand."""
        self._ctx.set(self._dut.estop, level)

    def address(self, where: str | int) -> int:
        """Return the address of a register by its name."""
        return where if isinstance(where, int) else self.map[where].offset

    async def write(self, where: str | int, value: int, strobes: int = 0xF) -> Response:
        """Write a word over the bus."""
        ctx, axi = self._ctx, self._dut.s_axi
        for name, number in (("awaddr", self.address(where)), ("wdata", value), ("wstrb", strobes)):
            ctx.set(getattr(axi, name), number)
        for name in ("awvalid", "wvalid", "bready"):
            ctx.set(getattr(axi, name), 1)
        assert ctx.get(axi.awready) and ctx.get(axi.wready)
        await self.step()
        ctx.set(axi.awvalid, 0)
        ctx.set(axi.wvalid, 0)
        await self._until(axi.bvalid)
        response = Response(ctx.get(axi.bresp))
        await self.step()
        return response

    async def _until(self, valid: Value, limit: int = 20) -> None:
        """Step until the bus answers."""
        last = self.cycle + limit
        while not self._ctx.get(valid):
            assert self.cycle < last, "the bus gives no answer"
            await self.step()

    async def write_all(self, writes: Sequence[tuple[str, int]]) -> list[Response]:
        """Write registers as fast as the bus takes them."""
        ctx, axi = self._ctx, self._dut.s_axi
        ctx.set(axi.wstrb, 0xF)
        ctx.set(axi.bready, 1)
        sent, answers = 0, []
        last = self.cycle + 20 * len(writes)
        while len(answers) < len(writes):
            assert self.cycle < last, "the bus gives no answer"
            ready = ctx.get(axi.awready) and ctx.get(axi.wready)
            offered = sent < len(writes)
            for name in ("awvalid", "wvalid"):
                ctx.set(getattr(axi, name), offered)
            if offered:
                ctx.set(axi.awaddr, self.address(writes[sent][0]))
                ctx.set(axi.wdata, writes[sent][1])
            if ctx.get(axi.bvalid):
                answers.append(Response(ctx.get(axi.bresp)))
            await self.step()
            sent += bool(offered and ready)
        return answers

    async def read(self, where: str | int) -> tuple[Response, int]:
        """Read a word over the bus."""
        ctx, axi = self._ctx, self._dut.s_axi
        ctx.set(axi.araddr, self.address(where))
        ctx.set(axi.arvalid, 1)
        ctx.set(axi.rready, 1)
        await self.step()
        ctx.set(axi.arvalid, 0)
        await self._until(axi.rvalid)
        answer = Response(ctx.get(axi.rresp)), ctx.get(axi.rdata)
        await self.step()
        return answer

    async def get(self, name: str) -> int:
        """Read a register that can be read."""
        response, value = await self.read(name)
        assert response is Response.OKAY
        return value

    async def set(self, name: str, value: int) -> None:
        """Write a register; the write must be taken."""
        assert await self.write(name, value) is Response.OKAY

    async def load(self, window: str, codes: Iterable[int]) -> None:
        """Write a vector of codes."""
        halves = [code & 0xFFFF for code in codes]
        halves += [0] * (len(halves) % 2)
        base = self.map.window(window).offset
        for word in range(len(halves) // 2):
            value = halves[2 * word] | halves[2 * word + 1] << 16
            assert await self.write(base + 4 * word, value) is Response.OKAY

    async def result(self, entries: int) -> list[int]:
        """Read the first entries of Y."""
        base = self.map.window("Y").offset
        words = [(await self.read(base + 4 * word))[1] for word in range((entries + 1) // 2)]
        halves = [half for word in words for half in (word & 0xFFFF, word >> 16)]
        return [half - (half >> 15 << 16) for half in halves][:entries]

    async def operate(self, opcode: int, tile: int = 0, single_ended: int = 0, limit: int = 2000) -> Trace:
        """Run a command until the interrupt rises; the pins go on for a few clock cycles more."""
        await self.set("INTERRUPT_STATUS", sum(Interrupt))
        await self.set("INTERRUPT_ENABLE", sum(Interrupt))
        self._start = self.cycle + Controller.write_latency + 2
        first = self._start - self.cycle
        self._log, self._irq = [], []
        await self.set("COMMAND", opcode | tile << 8 | single_ended << 12)
        while not any(self._irq):
            await self.step()
            assert len(self._irq) < limit, "the operation does not end"
        for _ in range(4):
            await self.step()
        if self.stop_at is not None:
            assert self.stop_at <= self._irq.index(1) - first + 1, "the operation was over before it could be stopped"
        self._start = self.stop_at = None
        return Trace(self._irq.index(1) + 1 - first, self._log[first - 1 :])


class Machine:
    """A controller whose simulation starts anew for every scenario."""

    def __init__(self, config: ControllerConfig) -> None:
        self.config, self.map = config, register_map(config)
        self.dut = Controller(config=config)
        self.domain = ClockDomain("sync")
        top = Module()
        top.domains += self.domain
        top.submodules.dut = self.dut
        self._scenario: Callable[[Session], Awaitable[None]] | None = None
        self._simulator = Simulator(top)
        self._simulator.add_clock(1e-6)
        self._simulator.add_testbench(self._testbench)
        self._fresh = True

    async def _testbench(self, ctx: Any) -> None:
        assert self._scenario is not None
        await self._scenario(Session(self, ctx))

    def run(self, scenario: Callable[[Session], Awaitable[None]]) -> None:
        """Run a scenario from reset on."""
        self._scenario = scenario
        if not self._fresh:
            self._simulator.reset()
        self._fresh = False
        self._simulator.run()


@functools.cache
def machine(config: ControllerConfig) -> Machine:
    """Return the machine of a configuration, made once."""
    return Machine(config)


@pytest.fixture
def tiny() -> Machine:
    """A machine of the preset ``tiny``: 4 rows, 3 columns, 2 pairs, one ADC lane, every source."""
    return machine(PRESETS["tiny"])


@pytest.fixture(name="simulate")
def _simulate() -> Callable[[Elaboratable, Callable[[Any], Awaitable[None]]], None]:
    return simulate
