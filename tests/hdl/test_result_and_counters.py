"""Y's memory for all widths of a beat, and the counters."""

from __future__ import annotations

import random

import pytest
from amaranth.hdl import Module

from crosstwin_hdl.counters import Counters, FiredLines
from crosstwin_hdl.reader import Reader
from crosstwin_hdl.result import Result
from crosstwin_model.config import ControllerConfig


@pytest.mark.parametrize(
    ("lanes", "rows", "columns", "bits"), [(1, 1, 1, 4), (1, 6, 5, 9), (2, 7, 3, 16), (4, 5, 9, 9), (16, 3, 35, 12)]
)
def test_beats_end_up_in_order(simulate, lanes, rows, columns, bits):
    """Reader and memory: the first ``entries`` codes of the beats are in Y, and what lies behind them keeps its value."""
    config = ControllerConfig("y", rows=rows, columns=columns, adc_lanes=lanes, adc_bits=bits)
    reader = Reader(config=config)
    result = Result(config=config)
    m = Module()
    m.submodules.reader, m.submodules.result = reader, result
    m.d.comb += [result.index.eq(reader.index), result.enable.eq(reader.lanes & reader.beat.replicate(len(reader.lanes)))]
    size = max(rows, columns)
    rng = random.Random(size)
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1

    async def testbench(ctx):
        expected = [0] * (size + size % 2)
        ctx.set(reader.timeout, 100)
        for entries in (size, 1, max(1, size - 1), max(1, size // 2), size):
            codes = [rng.choice((low, high, rng.randint(low, high))) for _ in range(-(-entries // lanes) * lanes)]
            ctx.set(reader.entries, entries)
            ctx.set(reader.connect, 1)
            await ctx.tick()
            ctx.set(reader.connect, 0)
            ctx.set(reader.convert, 1)
            for beat in range(0, len(codes), lanes):
                while rng.random() < 0.3:
                    ctx.set(reader.valid, 0)
                    await ctx.tick()
                ctx.set(reader.valid, 1)
                lane_codes = [codes[beat + channel % lanes] for channel in range(max(2, lanes))]
                ctx.set(result.codes, sum((code % (1 << bits)) << (bits * k) for k, code in enumerate(lane_codes)))
                assert ctx.get(reader.last_beat) == (beat + lanes >= entries)
                await ctx.tick()
            ctx.set(reader.valid, 0)
            ctx.set(reader.convert, 0)
            expected[:entries] = codes[:entries]
            for word in range(len(expected) // 2):
                ctx.set(result.word, word)
                await ctx.tick()
                value = ctx.get(result.data)
                halves = [half - (half >> 15 << 16) for half in (value & 0xFFFF, value >> 16)]
                assert halves == expected[2 * word : 2 * word + 2]

    simulate(m, testbench)


@pytest.mark.parametrize("lines", [1, 7, 16, 17, 100])
def test_fired_lines_are_counted(simulate, lines):
    """A count for every slot, ``latency`` clock cycles later, back to back; nothing without a slot; clear forgets."""
    fired = FiredLines(lines=lines)
    rng = random.Random(lines)

    async def testbench(ctx):
        expected = [0] * fired.latency
        for cycle in range(80):
            driven = rng.choice((0, (1 << lines) - 1, rng.randrange(1 << lines)))
            slot = rng.random() < 0.7
            clear = cycle == 50
            ctx.set(fired.driven, driven)
            ctx.set(fired.slot, slot)
            ctx.set(fired.clear, clear)
            assert ctx.get(fired.count) == expected.pop(0)
            expected.append(driven.bit_count() if slot else 0)
            if clear:
                expected = [0] * fired.latency
            await ctx.tick()

    simulate(fired, testbench)


def test_counters_and_their_high_halves(simulate):
    """64 bits with a carry between the halves; a read holds the high half; clear leaves held halves alone."""
    counters = Counters(config=ControllerConfig("c", rows=2, columns=2))

    async def testbench(ctx):
        ctx.set(counters.totals["CYCLES"], 0x1_FFFF_FFFE)
        ctx.set(counters.cycle, 1)
        await ctx.tick()
        ctx.set(counters.cycle, 0)
        await ctx.tick()
        assert (ctx.get(counters.low[0]), ctx.get(counters.high[0])) == (0xFFFF_FFFF, 0)
        ctx.set(counters.cycle, 1)
        await ctx.tick()
        ctx.set(counters.read, 1)
        ctx.set(counters.cycle, 0)
        await ctx.tick()
        ctx.set(counters.read, 0)
        assert (ctx.get(counters.low[0]), ctx.get(counters.high[0])) == (0, 1)
        assert [ctx.get(low) for low in counters.low[1:]] == [0, 0, 0]
        ctx.set(counters.read, 1)
        await ctx.tick()
        ctx.set(counters.read, 0)
        ctx.set(counters.clear, 1)
        await ctx.tick()
        assert (ctx.get(counters.low[0]), ctx.get(counters.high[0])) == (0, 2)

    simulate(counters, testbench)


def test_fired_counter_can_be_left_out(simulate):
    """Without it FIRED stays 0; the other counters count."""
    counters = Counters(config=ControllerConfig("c", rows=2, columns=2, fired_counter=False))

    async def testbench(ctx):
        for name, value in (("driven", 15), ("slot_shown", 1), ("slot", 1), ("operation", 1)):
            ctx.set(getattr(counters, name), value)
        await ctx.tick().repeat(7)
        assert [ctx.get(low) for low in counters.low] == [0, 6, 0, 6]

    simulate(counters, testbench)
