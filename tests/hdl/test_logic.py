"""Small pieces of logic, over all their inputs."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crosstwin_hdl.logic import exceeds, follows, is_among

LIMITS = range(20)  # also such that no value exceeds
CHOSEN, KNOWN = {1, 6, 7, 12}, [0, 1, 3, 6, 7, 9, 12, 15]


class Pieces(wiring.Component):
    def __init__(self):
        super().__init__({"a": In(4), "b": In(4), "follows": Out(1), "exceeds": Out(len(LIMITS)), "among": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += [
            self.follows.eq(follows(self.a, self.b)),
            self.exceeds.eq(Cat(exceeds(self.a, limit) for limit in LIMITS)),
            self.among.eq(is_among(self.a, CHOSEN, KNOWN)),
        ]
        m.d.sync += Signal().eq(self.a[0])
        return m


def test_comparisons_and_decoders(simulate):
    pieces = Pieces()

    async def testbench(ctx):
        for a in range(16):
            ctx.set(pieces.a, a)
            for b in range(15):
                ctx.set(pieces.b, b)
                assert ctx.get(pieces.follows) == (a == b + 1)
            assert ctx.get(pieces.exceeds) == sum((a > limit) << limit for limit in LIMITS)
            if a in KNOWN:
                assert ctx.get(pieces.among) == (a in CHOSEN)

    simulate(pieces, testbench)
