"""The emulated array on the controller's pins gives the states, the ADC codes and the clock cycles of its numpy twin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
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

    def run(self, scenario: Any) -> None:
        """Run an asynchronous function of this bench, once the array has erased itself."""

        async def testbench(ctx: Any) -> None:
            self.ctx = ctx
            await ctx.tick().repeat(self.config.tiles * self.array.addresses(self.config) + 32)
            await scenario(self)

        simulator = Simulator(self.dut)
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
            window = int(rng.choice([1, 15, 63]))
            charge = rng.integers(-window, window + 1, config.rows if forward else config.columns)
            await bench.read(tile, differential, forward, charge.tolist(), int(rng.integers(16)))
    bench.check_states()
    assert not bench.ctx.get(bench.dut.fault)


@pytest.mark.parametrize(
    ("rows", "columns", "pairs", "lanes", "adc_lanes", "adc_bits"),
    [(4, 3, 2, 4, 1, 9), (5, 8, 1, 4, 2, 12), (6, 5, 1, 2, 4, 9), (3, 2, 1, 1, 1, 16), (9, 7, 1, 8, 8, 4), (1, 1, 1, 8, 1, 9)],
)
def test_pulses_and_reads_are_the_twins(rows: int, columns: int, pairs: int, lanes: int, adc_lanes: int, adc_bits: int) -> None:
    config = ControllerConfig("c", rows, columns, pairs, adc_bits=adc_bits, adc_lanes=adc_lanes)
    bench = Bench(config, EmulatedConfig(lanes=lanes, up_down_spread=0.2, seed=rows))
    rng = np.random.default_rng([rows, columns])
    bench.run(lambda bench: _random_traffic(bench, rng, 40))
