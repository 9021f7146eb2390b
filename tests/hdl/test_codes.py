"""Codes on their way from the bus and the ADC to the lines."""

from __future__ import annotations

import random

import pytest

from crosstwin_hdl.codes import CodeStage
from crosstwin_hdl.reader import channels
from crosstwin_model.config import ControllerConfig


def codes_of(ctx, stage):
    """The codes that the lines are shown, as signed numbers."""
    return [-ctx.get(code.magnitude) if ctx.get(code.sign) else ctx.get(code.magnitude) for code in stage.codes]


@pytest.mark.parametrize(("lanes", "adc_bits", "code_bits"), [(2, 9, 8), (4, 5, 8), (4, 12, 4), (8, 16, 8)])
def test_beats_are_cut_and_their_signs_remembered(simulate, lanes, adc_bits, code_bits):
    """Magnitudes are cut to R bits, lanes that do not count are 0, and the signs that went to D are known until the clear."""
    config = ControllerConfig("c", rows=9, columns=20, adc_lanes=lanes, adc_bits=adc_bits, code_bits=code_bits, bl_max=16)
    stage = CodeStage(config=config)
    width, limit, top = channels(config), config.code_max, 1 << (adc_bits - 1)
    rng = random.Random(lanes)

    async def testbench(ctx):
        ctx.set(stage.convert, 1)
        signs = [False, False]
        for step in range(300):
            values = [rng.choice((0, 1, -1, top - 1, -top, rng.randrange(-top, top))) for _ in range(width)]
            used, counts, clear = rng.randrange(1 << width), rng.random() < 0.5, step % 8 == 7
            ctx.set(stage.beat, sum((value % (2 * top)) << (adc_bits * lane) for lane, value in enumerate(values)))
            ctx.set(stage.lanes, used)
            ctx.set(stage.beat_d, counts)
            ctx.set(stage.beat_index, step % 2)
            await ctx.tick()
            expected = [max(-limit, min(limit, value)) if used >> lane & 1 else 0 for lane, value in enumerate(values)]
            assert codes_of(ctx, stage) == expected
            words_of_a_beat = (1 << width // 2) - 1
            assert ctx.get(stage.d_select) == (words_of_a_beat << step % 2 * width // 2 & (1 << 10) - 1 if counts else 0)
            assert ctx.get(stage.x_select) == 0
            ctx.set(stage.beat_d, 0)
            ctx.set(stage.clear, clear)
            await ctx.tick()
            ctx.set(stage.clear, 0)
            if counts:
                signs = [signs[0] or any(code > 0 for code in expected), signs[1] or any(code < 0 for code in expected)]
            if clear:
                signs = [False, False]
            assert [ctx.get(stage.positive), ctx.get(stage.negative)] == signs

    simulate(stage, testbench)


def test_a_single_lane_keeps_the_first_code_of_a_word(simulate):
    """The first is written with a 0, the second with the first, however long it is in coming."""
    stage = CodeStage(config=ControllerConfig("c", rows=9, columns=20, adc_lanes=1))

    async def testbench(ctx):
        ctx.set(stage.convert, 1)
        for place, first, second, wait in ((0, 3, -7, 0), (9, -255, 255, 3), (7, 0, 1, 1), (8, 5, 0, 2)):
            ctx.set(stage.beat_index, place)
            for lane, value in enumerate((first, second)):
                ctx.set(stage.lanes, 1 << lane)
                ctx.set(stage.beat, 0x155)
                for _ in range(wait):
                    await ctx.tick()
                    assert ctx.get(stage.d_select) == 0
                ctx.set(stage.beat, (value & 0x1FF) * 0x201)
                ctx.set(stage.beat_d, 1)
                await ctx.tick()
                ctx.set(stage.beat_d, 0)
                assert codes_of(ctx, stage) == [first, second if lane else 0]
                assert ctx.get(stage.d_select) == 1 << place

    simulate(stage, testbench)


def test_words_of_the_bus(simulate):
    """Both halves of a word go to the two channels that hold it, in X and in D."""
    stage = CodeStage(config=ControllerConfig("c", rows=9, columns=20, adc_lanes=8))

    async def testbench(ctx):
        for word, (low, high) in enumerate(((255, -255), (-1, 1), (0, 77), (-128, 127))):
            ctx.set(stage.word, low & 0xFFFF | (high & 0xFFFF) << 16)
            ctx.set(stage.index, 4 + word)
            ctx.set(stage.write_x, word % 2)
            ctx.set(stage.write_d, 1)
            await ctx.tick()
            assert codes_of(ctx, stage) == [low, high] * 4
            assert ctx.get(stage.x_select) == (word % 2) << 4 + word & 31
            assert ctx.get(stage.d_select) == 1 << 4 + word
        assert (ctx.get(stage.positive), ctx.get(stage.negative)) == (0, 0)

    simulate(stage, testbench)
