"""One side's lines: who hits, how it is driven, and what the scan finds."""

from __future__ import annotations

import random

import pytest

from crosstwin_hdl.lfsr import COLUMN_LINE_TAPS, ROW_LINE_TAPS
from crosstwin_hdl.lines import Lines

COUNT, BITS = 11, 4
SEED = 0x2545F491


def make(*, channels=2, selectable=False, line_taps=None, odd=False):
    """Return a small side."""
    return Lines(
        count=COUNT,
        code_bits=BITS,
        channels=channels,
        selectable=selectable,
        line_taps=line_taps,
        reset_seed=SEED,
        odd=odd,
    )


async def load_codes(ctx, lines, codes, channels):
    """Write all codes, a group at a time."""
    for group in range(0, len(codes), channels):
        part = codes[group : group + channels]
        ctx.set(lines.write.select, ((1 << -(-len(part) // 2)) - 1) << group // 2)
        for channel, code in enumerate(part):
            ctx.set(lines.write.codes[channel].as_value(), abs(code) | (code < 0) << BITS)
        await ctx.tick()
    ctx.set(lines.write.select, 0)


def mask(flags):
    """Return flags as one number, line k in bit k."""
    return sum(1 << k for k, flag in enumerate(flags) if flag)


@pytest.mark.parametrize("channels", [2, 4, 16])
def test_every_line_follows_bound_and_direction(simulate, channels):
    """All 16 bounds and all 16 drive controls on random codes; + and - are never there at once."""
    lines = make(channels=channels)
    codes = [0, 1, -1, 15, -15, *(random.Random(channels).randint(-15, 15) for _ in range(COUNT - 5))]

    async def testbench(ctx):
        await load_codes(ctx, lines, codes, channels)
        ctx.set(lines.load, 1)
        for bound in range(16):
            ctx.set(lines.bound, bound)
            await ctx.tick().repeat(Lines.latency)
            for control in range(16):
                ctx.set(lines.drive.as_value(), control)
                await ctx.tick()
                enabled = {False: control & 1, True: control >> 1 & 1}
                minus = {False: control >> 2 & 1, True: control >> 3 & 1}
                fires = [abs(code) > bound and enabled[code < 0] for code in codes]
                pos, neg = ctx.get(lines.pos), ctx.get(lines.neg)
                assert pos == mask(fire and not minus[code < 0] for fire, code in zip(fires, codes, strict=True))
                assert neg == mask(fire and minus[code < 0] for fire, code in zip(fires, codes, strict=True))

    simulate(lines, testbench)


def test_load_hold_and_stop(simulate):
    """Lines are shown after ``load``, stay with ``hold``, go idle without both, and at once with ``stop``."""
    lines = make()
    everything = (1 << COUNT) - 1

    async def testbench(ctx):
        async def cycle(load=0, hold=0, stop=0):
            for name, value in (("load", load), ("hold", hold), ("stop", stop)):
                ctx.set(getattr(lines, name), value)
            await ctx.tick()
            return ctx.get(lines.pos)

        ctx.set(lines.everything, 1)
        ctx.set(lines.drive.positive, 1)
        assert await cycle() == 0
        assert await cycle(load=1) == everything
        assert await cycle(hold=1) == everything
        assert await cycle(hold=1) == everything
        assert await cycle() == 0
        assert await cycle(load=1) == everything
        assert await cycle(hold=1, stop=1) == 0
        assert await cycle(load=1, stop=1) == 0

    simulate(lines, testbench)


def test_one_line_alone(simulate):
    """With ``one`` only the chosen line can be driven, whichever it is."""
    lines = make(selectable=True)

    async def testbench(ctx):
        ctx.set(lines.everything, 1)
        ctx.set(lines.drive.positive, 1)
        ctx.set(lines.load, 1)
        ctx.set(lines.one, 1)
        for line in range(COUNT):
            ctx.set(lines.line, line)
            await ctx.tick().repeat(3)
            assert ctx.get(lines.pos) == 1 << line
        ctx.set(lines.one, 0)
        await ctx.tick().repeat(3)
        assert ctx.get(lines.pos) == (1 << COUNT) - 1

    simulate(lines, testbench)


def test_scan_finds_signs(simulate):
    """A single code anywhere is found, with its sign; a cleared vector has none; a write changes only the entries it names."""
    lines = make()

    async def testbench(ctx):
        async def signs():
            found = []
            await ctx.tick().repeat(Lines.latency)
            for name in ("positive", "negative"):
                ctx.set(getattr(lines.drive, name), 1)
                await ctx.tick()
                found.append(ctx.get(lines.found))
                ctx.set(getattr(lines.drive, name), 0)
            return found

        for line in range(COUNT):
            for code in (7, -1):
                await load_codes(ctx, lines, [code if k == line else 0 for k in range(COUNT)], 2)
                assert await signs() == [code > 0, code < 0]
        ctx.set(lines.clear, 1)
        await ctx.tick()
        ctx.set(lines.clear, 0)
        assert await signs() == [0, 0]

    simulate(lines, testbench)


def own_states(width, odd, seed):
    """The lines' LFSRs after their seed is written, from docs/controller.md."""
    states = []
    for line in range(COUNT):
        z = (2 * line + odd + 1) * 0x9E3779B9 % 2**32
        z ^= z >> 16
        z = z * 0x85EBCA6B % 2**32
        z ^= z >> 13
        z = z * 0xC2B2AE35 % 2**32
        z ^= z >> 16
        states.append(((z ^ seed) | 1 << (width - 1)) % (1 << width))
    return states


def advanced(state, taps):
    """One advance, bit by bit."""
    for _ in range(BITS):
        new = 0
        for tap in taps:
            new ^= state >> (tap - 1) & 1
        state = (state << 1 | new) % (1 << taps[0])
    return state


@pytest.mark.parametrize(("taps", "odd"), [(ROW_LINE_TAPS, False), (COLUMN_LINE_TAPS, True)])
def test_lines_of_their_own(simulate, taps, odd):
    """A line hits where its magnitude is larger than its own number; the numbers advance and take seeds; ``own`` chooses."""
    lines = make(line_taps=taps, odd=odd)
    codes = [random.Random(3).randint(0, 15) for _ in range(COUNT)]

    async def testbench(ctx):
        await load_codes(ctx, lines, codes, 2)
        ctx.set(lines.bound, 15)
        ctx.set(lines.drive.positive, 1)
        ctx.set(lines.load, 1)
        ctx.set(lines.own, 1)
        states = own_states(taps[0], odd, SEED)
        expected = 0
        for cycle in range(60):
            reseed = cycle == 30
            advance = cycle % 4 != 3
            ctx.set(lines.load_seed, reseed)
            ctx.set(lines.seed, 0x1234567)
            ctx.set(lines.advance, advance)
            await ctx.tick()
            assert cycle == 0 or ctx.get(lines.pos) == expected
            numbers = [state % (1 << BITS) for state in states]
            expected = mask(code > number for code, number in zip(codes, numbers, strict=True))
            if reseed:
                states = own_states(taps[0], odd, 0x1234567)
            elif advance:
                states = [advanced(state, taps) for state in states]
        ctx.set(lines.own, 0)
        await ctx.tick().repeat(2)
        assert ctx.get(lines.pos) == 0

    simulate(lines, testbench)
