"""Y's memory for all widths of a beat, and the counters."""

from __future__ import annotations

import random

import pytest
from amaranth.hdl import Module, ResetInserter, Signal

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


def set_counter(ctx, counters, i, value):
    """Set a counter, as if it had been counted up; its next row is then made in some clock cycles."""
    low = value & 0xFFFF_FFFF
    places = counters.places[i]
    ctx.set(places, low % (1 << len(places)))
    ctx.set(counters.memory.data[i], low >> len(places) << len(places))
    ctx.set(counters.memory.data[8 + i], value >> 32)
    for marks, mark in (("second", 0), ("stale", 1), ("blank", 0), ("high_blank", 0), ("held", 0), ("carried", 0)):
        signal = getattr(counters, marks)
        ctx.set(signal, ctx.get(signal) & ~(1 << i) | mark << i)


def test_a_clear_at_any_distance_from_a_carry_leaves_nothing(simulate):
    """The carry is worked on in the memory just then, or waits for its turn."""
    counters = Counters(config=ControllerConfig("c", rows=6, columns=9, fired_counter=False))

    async def read(ctx, number):
        ctx.set(counters.number, number)
        ctx.set(counters.request, 1)
        ctx.set(counters.request_low, number % 2 == 0)
        await ctx.tick()
        ctx.set(counters.request, 0)
        ctx.set(counters.request_low, 0)
        value = 0 if ctx.get(counters.is_0) else ctx.get(counters.value)
        await ctx.tick()
        return value

    async def testbench(ctx):
        for i, event in ((0, counters.cycle), (3, counters.operation)):
            for delay in range(48):
                set_counter(ctx, counters, i, (1 << 32) - 4)
                await ctx.tick().repeat(20)
                ctx.set(event, 1)
                await ctx.tick().repeat(1 + delay)
                ctx.set(counters.clear, 1)
                await ctx.tick()
                ctx.set(counters.clear, 0)
                ctx.set(event, 0)
                await ctx.tick().repeat(30)
                assert [await read(ctx, 2 * i), await read(ctx, 2 * i + 1)] == [0, 0], (i, delay)

    simulate(counters, testbench)


@pytest.mark.parametrize("fired", [False, True])
@pytest.mark.parametrize("pace", [2, 7])
def test_counters_are_right_in_every_clock_cycle(simulate, fired, pace):
    """64 bits with carries, whatever the bus reads; a read of a low half holds the high half; clear leaves that alone."""
    config = ControllerConfig("c", rows=6, columns=9, fired_counter=fired)
    counters = Counters(config=config)
    rng = random.Random(pace + fired)
    high, low = (1 << 64) - 1, (1 << 32) - 1
    starts = (low - 10, low - 20, low - 40, high - 40, rng.randrange(1 << 64))

    async def testbench(ctx):
        totals, held, delayed = [0] * 4, [0] * 4, [[0] * 4] * 4
        for cycle in range(4000):
            if cycle % 125 == 124:
                for name in ("cycle", "slot", "operation", "slot_shown", "clear", "request", "request_low"):
                    ctx.set(getattr(counters, name), 0)
                await ctx.tick().repeat(20)
                totals = [rng.choice(starts) if i != 2 or fired else 0 for i in range(4)]
                for i, total in enumerate(totals):
                    if i != 2 or fired:
                        set_counter(ctx, counters, i, total)
                await ctx.tick().repeat(20)
                delayed = [[0] * 4] * 4
                ask = None
            busy = cycle // 250 % 2 or rng.random() < 0.5
            driven = rng.choice((0, (1 << 15) - 1, rng.randrange(1 << 15)))
            slot = bool(busy and cycle % 2 and rng.random() < 0.9)
            operation = bool(busy and cycle % 4 == 1)
            # Where rows are being made it matters most.
            making = ctx.get(counters.stale) & (15 if fired else 11)
            clear = rng.random() < (0.2 if ctx.get(counters.carried) else 0.1 if making else 0.003)
            for name, value in (("cycle", busy), ("slot", slot), ("operation", operation), ("slot_shown", slot)):
                ctx.set(getattr(counters, name), int(value))
            ctx.set(counters.clear, int(clear))
            ctx.set(counters.driven, driven)
            if cycle % 2 or not cycle:
                ask = rng.randrange(8) if rng.random() < 2 / pace or cycle // 125 % 2 else None
                ctx.set(counters.request, ask is not None)
                ctx.set(counters.request_low, int(ask is not None and ask % 2 == 0))
                if ask is not None:
                    ctx.set(counters.number, ask)
            else:
                ctx.set(counters.request, 0)
                ctx.set(counters.request_low, 0)
                if ask is not None:
                    i, is_high = divmod(ask, 2)
                    value = 0 if ctx.get(counters.is_0) else ctx.get(counters.value)
                    assert value == (held[i] if is_high else totals[i] & low), (cycle, ask)
                    if not is_high:
                        held[i] = totals[i] >> 32
            await ctx.tick()
            delayed = [
                [int(busy), int(slot), 0, int(operation)],
                *([list(row) for row in delayed[:3]]),
            ]
            delayed[0][2] = driven.bit_count() * slot if fired else 0
            counted = [delayed[1][0], delayed[1][1], delayed[2][2], delayed[1][3]]
            totals = [(total + step) & high for total, step in zip(totals, counted, strict=True)]
            if clear:
                totals, delayed = [0] * 4, [[0] * 4] * 4

    simulate(counters, testbench)


def test_counters_start_at_0_after_a_reset(simulate):
    """What the memory held before does not show."""
    counters = Counters(config=ControllerConfig("c", rows=2, columns=2, fired_counter=False))
    m = ResetInserter(reset := Signal())(counters)

    async def testbench(ctx):
        for i in (0, 1, 3):
            set_counter(ctx, counters, i, 0x5_0000_1234)
        await ctx.tick().repeat(10)
        for request, number in ((1, 0), (0, 0), (1, 1), (0, 1)):
            ctx.set(counters.request, request)
            ctx.set(counters.request_low, request & ~number)
            ctx.set(counters.number, number)
            if not request:
                assert ctx.get(counters.value) == (5 if number else 0x1234)
            await ctx.tick()
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)
        for number in (1, 0, 3, 2, 7, 6, 1):
            ctx.set(counters.number, number)
            ctx.set(counters.request, 1)
            await ctx.tick()
            ctx.set(counters.request, 0)
            assert ctx.get(counters.value) == 0
            await ctx.tick()

    simulate(m, testbench)
