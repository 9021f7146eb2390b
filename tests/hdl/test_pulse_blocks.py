"""Thresholds, shared random numbers and the pulse engine's counters, each by itself."""

from __future__ import annotations

import random

import pytest

from crosstwin_hdl.slots import Slots
from crosstwin_hdl.source import SharedSource
from crosstwin_hdl.thresholds import Threshold
from crosstwin_hdl.timer import Timer
from crosstwin_model.config import PRESETS, ControllerConfig, Source


def expected_bound(u, scale, bits):
    """T - 1 as docs/controller.md writes T."""
    return min((u * scale + scale // 2) >> bits, 2**bits - 1)


@pytest.mark.parametrize("bits", [4, 8])
def test_threshold_follows_its_formula(simulate, bits):
    """Some clock cycles after the number; with four bits for every number and full scale, with eight bits for 3000 of them."""
    threshold = Threshold(code_bits=bits)
    top = 1 << (bits + 4)
    rng = random.Random(1)
    if bits == 4:
        cases = [(u, scale) for scale in range(1, top) for u in range(1 << bits)]
    else:
        cases = [(u, scale) for u in (0, 1, 127, 128, 254, 255) for scale in (1, 255, 256, 257, top - 1)]
        cases += [(rng.randrange(256), rng.randrange(1, top)) for _ in range(3000)]

    async def testbench(ctx):
        ctx.set(threshold.pulses, 1)
        ctx.set(threshold.take, 1)
        for u, scale in cases:
            ctx.set(threshold.full_scale, scale)
            ctx.set(threshold.number, u)
            await ctx.tick()  # the full scale is steady before the number is taken
            await ctx.tick().repeat(Threshold.latency)
            assert ctx.get(threshold.bound) == expected_bound(u, scale, bits)

    simulate(threshold, testbench)


@pytest.mark.parametrize("scale", [1, 3, 16, 17, 100, 255])
def test_a_code_fires_in_its_share_of_the_numbers(simulate, scale):
    """Over all numbers the code c hits in 2^R c / F of the 2^R slots, rounded, and in all of them from c = F on."""
    bits = 4
    threshold = Threshold(code_bits=bits)

    async def testbench(ctx):
        ctx.set(threshold.pulses, 1)
        ctx.set(threshold.take, 1)
        ctx.set(threshold.full_scale, scale)
        await ctx.tick()
        bounds = []
        for u in range(1 << bits):
            ctx.set(threshold.number, u)
            await ctx.tick().repeat(Threshold.latency)
            bounds.append(ctx.get(threshold.bound))
        for code in range(1 << bits):
            hits = sum(code > bound for bound in bounds)
            assert abs(hits - (code << bits) / scale) <= 0.5 if code < scale else hits == 1 << bits

    simulate(threshold, testbench)


def test_threshold_of_reads_and_of_everything(simulate):
    """Outside of slots the bound is the level; ``everything`` goes before both."""
    threshold = Threshold(code_bits=8)

    async def testbench(ctx):
        assert ctx.get(threshold.bound) == 0
        ctx.set(threshold.level, 200)
        await ctx.tick()
        assert ctx.get(threshold.bound) == 200
        ctx.set(threshold.pulses, 1)
        ctx.set(threshold.everything, 1)
        await ctx.tick()
        assert ctx.get(threshold.bound) == 0

    simulate(threshold, testbench)


def test_threshold_waits_for_the_next_number(simulate):
    """Without ``take`` the bound stays that of the number before."""
    threshold = Threshold(code_bits=8)

    async def testbench(ctx):
        ctx.set(threshold.pulses, 1)
        ctx.set(threshold.full_scale, 256)
        ctx.set(threshold.number, 77)
        await ctx.tick()
        ctx.set(threshold.take, 1)
        await ctx.tick()
        ctx.set(threshold.take, 0)
        ctx.set(threshold.number, 200)
        for _ in range(4):
            await ctx.tick()
            assert ctx.get(threshold.bound) == 77

    simulate(threshold, testbench)


def test_sources(simulate):
    """Each source gives its numbers one slot ahead, and moves the LFSRs only when it should."""
    source = SharedSource(config=PRESETS["tiny"])

    async def testbench(ctx):
        def states():
            return ctx.get(source.state_x), ctx.get(source.state_d)

        def numbers():
            return ctx.get(source.row), ctx.get(source.column)

        async def cycle(*names, index=0, left=0):
            ctx.set(source.index, index)
            ctx.set(source.left, left)
            for name in names:
                ctx.set(getattr(source, name), 1)
            await ctx.tick()
            for name in names:
                ctx.set(getattr(source, name), 0)

        ctx.set(source.source, Source.COUNT)
        before = states()
        await cycle("idle", index=5)
        assert numbers() == (0, 0)
        await cycle("second", "draw", "slot", index=37, left=99)
        assert numbers() == (37, 37)
        assert states() == before

        # The number that is shown is that of the state after the next advance.
        ctx.set(source.source, Source.LFSR)
        await cycle("idle")
        assert numbers() == (before[0] & 255, before[1] & 255)
        await cycle("second", "draw")
        assert states() == before
        for _ in range(3):
            ahead = numbers()
            old = states()
            await cycle("slot")
            new = states()
            assert new[0] != old[0] and new[1] != old[1]
            assert ahead == (new[0] & 255, new[1] & 255)
            shown = numbers()
            await cycle()
            assert numbers() == shown

        ctx.set(source.source, Source.HAMMERSLEY)
        masks = tuple(state & 255 for state in states())
        await cycle("idle", index=9, left=9)
        assert numbers() == masks
        undrawn = states()
        await cycle("second", "draw")
        drawn = states()
        assert drawn[0] != undrawn[0] and drawn[1] != undrawn[1]
        await cycle("slot", index=0b1101, left=0xD0)
        assert states() == drawn
        assert numbers() == (0xD0 ^ masks[0], 0b1011_0000 ^ masks[1])

        ctx.set(source.source, Source.LFSR_PER_LINE)
        assert ctx.get(source.advance_lines) == 0
        ctx.set(source.slot, 1)
        assert ctx.get(source.advance_lines) == 1
        await ctx.tick()
        ctx.set(source.slot, 0)
        assert states() == drawn

        ctx.set(source.seed, 0x5234_5678)
        await cycle("load_x")
        assert states() == (0x5234_5678, drawn[1])
        ctx.set(source.seed, 0x1234_5678)
        await cycle("load_d")
        assert states() == (0x5234_5678, 0x1234_5678)

    simulate(source, testbench)


def test_timer_tells_the_last_clock_cycle(simulate):
    """For every length, loaded in the last clock cycle of the one before or after any pause."""
    count = Timer(width=4)

    async def testbench(ctx):
        for length in (*range(1, 16), 1, 1, 15, 2):
            ctx.set(count.length, length)
            await ctx.tick().repeat(length % 3 + 1)
            ctx.set(count.load, 1)
            for _ in range(3):
                await ctx.tick()
                for cycle in range(1, length + 1):
                    assert ctx.get(count.last) == (cycle == length)
                    ctx.set(count.load, cycle == length)
                    if cycle < length:
                        await ctx.tick()
            ctx.set(count.load, 0)

    simulate(count, testbench)


async def drive_slots(ctx, slots, *, quadrants, limit=2000):
    """Play the sequencer; return (clock cycle, quadrant, k, k << (R - n)) of every LOAD, PLAN being cycle 0, and of the end."""

    async def strobe(**values):
        for name in ("scan", "plan", "load", "hold", "gapping", "pulsing"):
            ctx.set(getattr(slots, name), values.get(name, 0))
        await ctx.delay(1e-9)

    ctx.set(slots.quadrants, quadrants)
    await strobe()
    await ctx.tick()
    await strobe(scan=1)
    numbers = [(ctx.get(slots.index), ctx.get(slots.left))]
    await ctx.tick()
    await strobe(pulsing=1)
    await ctx.tick()
    await strobe(plan=1, pulsing=1)
    found, cycle = [], 0
    state = "LOAD" if ctx.get(slots.some) else "END"
    while True:
        if ctx.get(slots.ahead):
            numbers.append((ctx.get(slots.index), ctx.get(slots.left)))
        quadrant = ctx.get(slots.coming_quadrant)
        await ctx.tick()
        cycle += 1
        assert cycle < limit
        if state == "END":
            return found, cycle
        await strobe(load=state == "LOAD", hold=state == "HOLD", gapping=state == "GAP", pulsing=1)
        if state == "LOAD":
            assert ctx.get(slots.quadrant) == quadrant
            found.append((cycle, quadrant, *numbers.pop(0)))
        over = ctx.get(slots.phase_over)
        if state != "GAP":
            state = "GAP" if over else "HOLD"
        elif over:
            state = "LOAD" if ctx.get(slots.more) else "END"


@pytest.mark.parametrize(("width", "gap"), [(1, 1), (1, 4), (3, 1), (2, 2)])
def test_quadrants_slots_and_clock_cycles(simulate, width, gap):
    """Every set of quadrants in its order, every slot L clock cycles after the one before, k from 0 in each quadrant."""
    slots = Slots(config=PRESETS["tiny"])

    async def testbench(ctx):
        ctx.set(slots.width, width)
        ctx.set(slots.gap, gap)
        for quadrants in range(16):
            for bl in (1, 2, 3) if quadrants != 15 else (1, 4, 5):
                ctx.set(slots.bl, bl)
                found, end = await drive_slots(ctx, slots, quadrants=quadrants)
                bits = (bl - 1).bit_length()
                order = [(q, k, (k << (8 - bits)) & 255) for q in range(4) if quadrants >> q & 1 for k in range(bl)]
                length = width + gap
                assert found == [(1 + s * length, *slot) for s, slot in enumerate(order)]
                assert end == 1 + len(order) * length

    simulate(slots, testbench)


@pytest.mark.parametrize("bits", [4, 8])
def test_left_aligned_index_for_every_bl(simulate, bits):
    """k << (R - n) for every BL that a quadrant can have."""
    config = ControllerConfig("s", rows=1, columns=1, code_bits=bits, bl_max=min(128, 1 << bits))
    slots = Slots(config=config)

    async def testbench(ctx):
        ctx.set(slots.width, 1)
        ctx.set(slots.gap, 1)
        for bl in (*range(1, 17), *((31, 32, 33, 100, 127, 128) if bits == 8 else ())):
            ctx.set(slots.bl, bl)
            found, _ = await drive_slots(ctx, slots, quadrants=1)
            shift = bits - (bl - 1).bit_length()
            assert [slot[2:] for slot in found] == [(k, (k << shift) % (1 << bits)) for k in range(bl)]

    simulate(slots, testbench)


def test_symmetrize_goes_up_and_down(simulate):
    """Quadrants 0 and 2 in turn, twice the number of pairs, whatever codes there are."""
    slots = Slots(config=PRESETS["tiny"])

    async def testbench(ctx):
        ctx.set(slots.width, 1)
        ctx.set(slots.gap, 1)
        ctx.set(slots.bl, 7)
        ctx.set(slots.symmetrize, 1)
        for pairs in (1, 2, 5):
            ctx.set(slots.pairs, pairs)
            found, _ = await drive_slots(ctx, slots, quadrants=0)
            assert [slot[1] for slot in found] == [0, 2] * pairs

    simulate(slots, testbench)
