"""The emulated array on the controller's pins gives the states, the ADC codes and the clock cycles of its numpy twin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Elaboratable, ResetInserter, Signal
from amaranth.sim import Simulator

from crosstwin_hdl.emulated import EmulatedArray
from crosstwin_model.coincidence import pack
from crosstwin_model.config import ControllerConfig
from crosstwin_model.emulated import EmulatedConfig, EmulatedPlant


class Bench:
    """Drives the pins as a controller does, and the twin alike."""

    def __init__(self, config: ControllerConfig, array: EmulatedConfig) -> None:
        self.config, self.array = config, array
        self.dut = EmulatedArray(config, array)
        self.twin = EmulatedPlant(config, array)
        self.ctx: Any = None

    def run(self, scenario: Any, whole: Elaboratable | None = None) -> None:
        """Run a scenario once the array has erased itself; ``whole`` is what the array is part of."""

        async def testbench(ctx: Any) -> None:
            self.ctx = ctx
            await ctx.tick().repeat(self.config.tiles * self.array.addresses(self.config) + 32)
            await scenario(self)

        simulator = Simulator(whole or self.dut)
        simulator.add_clock(1e-6)
        simulator.add_testbench(testbench)
        simulator.run()

    def set(self, **levels: int) -> None:
        """Set pins."""
        for name, level in levels.items():
            self.ctx.set(getattr(self.dut, name), level)

    async def slot(self, tile: int, up: bool, rows: int, columns: int, length: int | None = None, *, twin: bool = True) -> None:
        """Show one slot, of the shortest length that is allowed if none is given."""
        lines = {"row_pos": rows, "column_neg": columns} if up else {"row_neg": rows, "column_pos": columns}
        self.set(tile=tile, slot=1, quadrant=0 if up else 2, **lines)
        await self.ctx.tick()
        self.set(slot=0, quadrant=0, **dict.fromkeys(lines, 0))
        await self.ctx.tick().repeat((length or self.array.minimum_slot(self.config)) - 1)
        if twin:
            sides = (rows, self.config.rows), (columns, self.config.columns)
            masks = [pack([[mask >> k & 1 for k in range(size)]]) for mask, size in sides]
            self.twin.pulse_slots(tile, np.array([up]), *masks)

    async def drive(self, tile: int, differential: bool, forward: bool, charge: list[int], gain: int) -> None:
        """Drive a read's window, up to the clock cycle in which the sample is taken."""
        side = "row" if forward else "column"
        self.set(tile=tile, differential=differential, read_level=1, sense_columns=forward, sense_rows=not forward, gain=gain)
        await self.ctx.tick()
        for cycle in range(max(map(abs, charge)) + 1):
            pos = sum(1 << line for line, units in enumerate(charge) if units > cycle)
            neg = sum(1 << line for line, units in enumerate(charge) if -units > cycle)
            self.set(**{f"{side}_pos": pos, f"{side}_neg": neg})
            await self.ctx.tick()
        self.set(adc_sample=1)

    async def read(self, tile: int, differential: bool, forward: bool, charge: list[int], gain: int) -> None:
        """Make a read, and compare its codes and clock cycles with the twin's."""
        config, ctx, dut = self.config, self.ctx, self.dut
        await self.drive(tile, differential, forward, charge, gain)
        sensed = config.columns if forward else config.rows
        beats = -(-sensed // config.adc_lanes)
        codes, delays, waited = [], [], 0
        while len(delays) < beats:
            await ctx.tick()
            self.set(adc_sample=0, adc_ready=1)
            waited += 1
            assert waited < 10000
            if ctx.get(dut.adc_valid):
                data = ctx.get(dut.adc_data)
                for lane in range(config.adc_lanes):
                    code = data >> (lane * config.adc_bits) & ((1 << config.adc_bits) - 1)
                    codes.append(code - (code >> (config.adc_bits - 1) << config.adc_bits))
                delays.append(waited)
                waited = 0
        await ctx.tick()
        assert not ctx.get(dut.adc_valid)
        self.idle()
        await ctx.tick().repeat(2)
        expected = self.twin.read(tile, differential, forward, np.array(charge, np.int32), gain, sensed)
        assert codes[:sensed] == expected.tolist()
        assert delays == self.twin.delays(beats).tolist()

    def idle(self) -> None:
        """Have all pins idle."""
        self.set(read_level=0, sense_rows=0, sense_columns=0, differential=0, gain=0, adc_ready=0, adc_sample=0, tile=0)

    def check_states(self) -> None:
        """Compare all cells with the twin's."""
        config, lanes = self.config, self.array.lanes
        groups = self.array.groups(config)
        state = self.twin.state()["state"]
        found = np.empty_like(state)
        for tile, row, column in np.ndindex(*state.shape):
            address = (tile * config.rows + row) * groups + column // lanes
            found[tile, row, column] = self.ctx.get(self.dut.lanes[column % lanes].states.data[address])
        np.testing.assert_array_equal(found, state)


async def _random_traffic(bench: Bench, rng: np.random.Generator, operations: int) -> None:
    config = bench.config
    for _ in range(operations):
        tile = int(rng.integers(config.tiles))
        if rng.random() < 0.6:
            for _ in range(int(rng.integers(1, 5))):
                up, density = bool(rng.integers(2)), rng.random()
                masks = (sum(1 << k for k in range(size) if rng.random() < density) for size in (config.rows, config.columns))
                await bench.slot(tile, up, *masks)
        else:
            forward, differential = bool(rng.integers(2)), bool(rng.integers(2)) and not tile & 2
            window = int(rng.choice([1, 10, 40]))
            charge = rng.integers(-window, window + 1, config.rows if forward else config.columns)
            await bench.read(tile, differential, forward, charge.tolist(), int(rng.integers(16)))
    bench.check_states()
    assert not bench.ctx.get(bench.dut.fault)


@pytest.mark.parametrize(
    ("rows", "columns", "pairs", "lanes", "adc_lanes", "adc_bits", "operations"),
    [
        (4, 3, 2, 4, 1, 9, 30),
        (5, 8, 1, 4, 2, 12, 30),
        (3, 2, 1, 1, 1, 16, 30),
        (9, 7, 1, 8, 8, 4, 20),
        (1, 1, 1, 8, 1, 9, 20),
        (16, 16, 1, 2, 4, 9, 8),
        (32, 32, 1, 8, 4, 9, 8),
    ],
)
def test_pulses_and_reads_are_the_twins(
    rows: int, columns: int, pairs: int, lanes: int, adc_lanes: int, adc_bits: int, operations: int
) -> None:
    config = ControllerConfig("c", rows, columns, pairs, adc_bits=adc_bits, adc_lanes=adc_lanes)
    bench = Bench(config, EmulatedConfig(lanes=lanes, up_down_spread=0.2, seed=rows))
    rng = np.random.default_rng([rows, columns])
    bench.run(lambda bench: _random_traffic(bench, rng, operations))


@pytest.mark.parametrize(
    "array",
    [
        EmulatedConfig(weight_bits=10, step_bits=9, bound_bits=7, c2c=1.0, adc_noise=2.0),
        EmulatedConfig(weight_bits=14, step_bits=3, bound_bits=3, c2c=0.0, dw_min=0.2, adc_noise=0.0, adc_range=0.1),
        EmulatedConfig(dw_min=0.001, w_max=1.0, w_min=-0.3, up_down=0.4, input_full_scale=255, adc_range=1000.0),
    ],
)
def test_every_width_of_the_arithmetic_is_the_twins(array: EmulatedConfig) -> None:
    bench = Bench(ControllerConfig("c", 5, 6, adc_lanes=2), array)
    rng = np.random.default_rng(4)
    bench.run(lambda bench: _random_traffic(bench, rng, 25))


CONFIG = ControllerConfig("c", 6, 5, adc_lanes=1)
ARRAY = EmulatedConfig(lanes=2)
ALL = (0x3F, 0x1F)


def test_slots_of_the_shortest_length_are_all_taken_and_shorter_ones_noticed() -> None:
    async def scenario(bench: Bench) -> None:
        for k in range(12):
            await bench.slot(0, k % 3 > 0, *ALL)
        await bench.ctx.tick().repeat(32)
        assert not bench.ctx.get(bench.dut.fault)
        bench.check_states()
        short = ARRAY.addresses(CONFIG) // 2
        for _ in range(4):
            await bench.slot(0, True, *ALL, short, twin=False)
        assert bench.ctx.get(bench.dut.fault)
        await bench.ctx.tick().repeat(200)
        assert bench.ctx.get(bench.dut.fault)

    Bench(CONFIG, ARRAY).run(scenario)


def test_a_line_driven_too_long_in_a_read_is_noticed() -> None:
    async def scenario(bench: Bench) -> None:
        await bench.read(0, True, True, [255, -255, 0, 0, 0, 1], 0)
        assert not bench.ctx.get(bench.dut.fault)
        await bench.drive(0, True, True, [256, 0, 0, 0, 0, 0], 0)
        await bench.ctx.tick().repeat(2)
        assert bench.ctx.get(bench.dut.fault)

    Bench(CONFIG, ARRAY).run(scenario)


@pytest.mark.parametrize("after", [1, 2, 7, 20, 40, 60, 72])
def test_a_read_that_is_broken_off_leaves_the_next_one_alone(after: int) -> None:
    """As an emergency stop or the watchdog does, in any part of the conversion; the next read comes as soon as it can."""

    async def scenario(bench: Bench) -> None:
        await bench.slot(1, True, *ALL)
        charge = np.array([9, -8, 7, 6, 5, 4], np.int32)
        await bench.drive(1, True, True, charge.tolist(), 4)
        await bench.ctx.tick()
        bench.set(adc_sample=0, adc_ready=1)
        await bench.ctx.tick().repeat(after)
        bench.idle()
        await bench.ctx.tick().repeat(2)
        assert not bench.ctx.get(bench.dut.adc_valid)
        bench.twin.read(1, True, True, charge, 4, CONFIG.columns)
        await bench.ctx.tick().repeat(8)
        await bench.read(1, True, False, [10, 20, -12, 4, 3], 4)
        await bench.slot(1, False, *ALL)
        await bench.read(1, False, True, [1, 2, 3, -4, 5, 15], 6)
        bench.check_states()

    Bench(CONFIG, ARRAY).run(scenario)


def test_a_reset_makes_a_new_array() -> None:
    bench = Bench(CONFIG, ARRAY)
    reset = Signal()
    whole = ResetInserter(reset)(bench.dut)

    async def scenario(bench: Bench) -> None:
        for _ in range(2):
            await bench.slot(0, True, *ALL)
            await bench.slot(3, False, *ALL, 5, twin=False)
            await bench.slot(2, False, *ALL, 3, twin=False)
            assert bench.ctx.get(bench.dut.fault)
            bench.ctx.set(reset, 1)
            await bench.ctx.tick()
            bench.ctx.set(reset, 0)
            await bench.ctx.tick().repeat(CONFIG.tiles * ARRAY.addresses(CONFIG) + 32)
            assert not bench.ctx.get(bench.dut.fault)
            bench.twin = EmulatedPlant(CONFIG, ARRAY)
            bench.check_states()
            await bench.slot(0, True, *ALL)
            await bench.read(0, True, True, [15, 2, 3, -4, 5, 15], 6)
            bench.check_states()

    bench.run(scenario, whole)
