"""The host link's bridge, on the line's levels, in Amaranth's simulator."""

from __future__ import annotations

import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In
from amaranth.sim import Simulator

from crosstwin_hdl.axi_lite import axi_lite_signature
from crosstwin_hdl.board import BoardDesign
from crosstwin_hdl.link.bridge import UartBridge
from crosstwin_hdl.link.protocol import ANSWER_WORDS, BUS_PATIENCE, FLAG, OPEN, RUN, AccessKind, Status
from crosstwin_model.config import PRESETS
from crosstwin_model.registers import Opcode, register_map

DIVISOR = 4
#: Word addresses at which the bus of these tests answers SLVERR, and at which it does not answer.
REFUSED, SILENT = 0x40, 0x41


class Bus(wiring.Component):
    """An AXI4-Lite subordinate of 32 words that counts its writes; word 31 is read as 1 for ``busy`` reads, then as 0."""

    def __init__(self) -> None:
        super().__init__({"axi": In(axi_lite_signature())})
        self.words = [Signal(32, name=f"word{k}") for k in range(31)]
        self.writes = Signal(16)
        self.busy = Signal(20)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        axi = self.axi
        m.d.comb += [
            axi.awready.eq(~axi.bvalid & axi.wvalid),
            axi.wready.eq(axi.awready & axi.awvalid),
            axi.arready.eq(~axi.rvalid),
        ]
        m.d.sync += [axi.bvalid.eq(0), axi.rvalid.eq(0)]
        with m.If(axi.awvalid & axi.awready & (axi.awaddr != 4 * SILENT)):
            m.d.sync += [axi.bvalid.eq(1), axi.bresp.eq(0), self.writes.eq(self.writes + 1)]
            with m.If(axi.awaddr == 4 * REFUSED):
                m.d.sync += [axi.bresp.eq(2), self.writes.eq(self.writes)]
            for k, word in enumerate(self.words):
                with m.If(axi.awaddr == 4 * k):
                    m.d.sync += word.eq(axi.wdata)
        with m.If(axi.arvalid & axi.arready & (axi.araddr != 4 * SILENT)):
            m.d.sync += [axi.rvalid.eq(1), axi.rresp.eq(0), axi.rdata.eq(0)]
            for k, word in enumerate(self.words):
                with m.If(axi.araddr == 4 * k):
                    m.d.sync += axi.rdata.eq(word)
            with m.If((axi.araddr == 4 * 31) & (self.busy != 0)):
                m.d.sync += [axi.rdata.eq(1), self.busy.eq(self.busy - 1)]
            with m.If(axi.araddr == 4 * REFUSED):
                m.d.sync += axi.rresp.eq(2)
        return m


class Host:
    """The other end of the line, level by level."""

    def __init__(self, ctx: Any, bridge: UartBridge | BoardDesign, bus: Bus | None, resets: Signal | None) -> None:
        self.ctx, self.bridge, self.bus, self.resets = ctx, bridge, bus, resets

    async def send(self, data: bytes, gap: int = 0) -> None:
        """Send bytes with idle clock cycles between them."""
        for byte in data:
            for level in (0, *(byte >> k & 1 for k in range(8)), 1):
                self.ctx.set(self.bridge.rx, level)
                await self.ctx.tick().repeat(DIVISOR)
            if gap:
                await self.ctx.tick().repeat(gap)

    async def receive(self, patience: int = 4000) -> bytes:
        """Return the next frame's content, checked, or nothing if none comes."""
        received = bytearray()
        while received.count(FLAG) < 2:
            for _ in range(patience):
                if not self.ctx.get(self.bridge.tx):
                    break
                await self.ctx.tick()
            else:
                assert not received
                return b""
            await self.ctx.tick().repeat(DIVISOR + DIVISOR // 2)
            byte = 0
            for k in range(8):
                byte |= self.ctx.get(self.bridge.tx) << k
                await self.ctx.tick().repeat(DIVISOR)
            assert self.ctx.get(self.bridge.tx)
            received.append(byte)
        content = bytes(received[1:-1]).replace(b"\x7d\x5e", b"\x7e").replace(b"\x7d\x5d", b"\x7d")
        message, check = content[:-4], content[-4:]
        assert zlib.crc32(message).to_bytes(4, "little") == check
        return message

    async def ask(self, content: bytes, **how: int) -> bytes:
        """Send a request and return the answer."""
        await self.send(frame(content), **how)
        return await self.receive()


def frame(content: bytes) -> bytes:
    """Return a frame as RFC 1662 writes it."""
    whole = content + zlib.crc32(content).to_bytes(4, "little")
    return b"\x7e" + whole.replace(b"\x7d", b"\x7d\x5d").replace(b"\x7e", b"\x7d\x5e") + b"\x7e"


def access(kind: AccessKind, word: int, *values: int, count: int | None = None) -> bytes:
    head = bytes((kind, len(values) if count is None else count)) + (4 * word).to_bytes(2, "little")
    return head + b"".join(value.to_bytes(4, "little") for value in values)


def run(scenario: Callable[[Host], Awaitable[None]]) -> None:
    """Run a scenario on a bridge with an open session whose last number is 0."""
    m = Module()
    m.submodules.bridge = bridge = UartBridge(divisor=DIVISOR)
    m.submodules.bus = bus = Bus()
    wiring.connect(m, bridge.axi, bus.axi)
    resets = Signal(8)
    m.d.sync += resets.eq(resets + bridge.reset)

    async def testbench(ctx: Any) -> None:
        host = Host(ctx, bridge, bus, resets)
        await ctx.tick().repeat(4)
        assert await host.ask(bytes((OPEN, 0))) == bytes((0, Status.OK, 2, 0))
        await scenario(host)

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()


def test_writes_and_reads_in_one_request() -> None:
    async def scenario(host: Host) -> None:
        values = (0x7E7D7E7D, 0x01234567, 0xFFFFFFFF)
        request = access(AccessKind.WRITE, 3, *values) + access(AccessKind.READ, 2, count=4) + access(AccessKind.READ, 4, count=1)
        answer = await host.ask(bytes((RUN, 1)) + request)
        words = b"".join(value.to_bytes(4, "little") for value in (0, *values, values[1]))
        assert answer == bytes((1, Status.OK, 2 + len(request), 0)) + words

    run(scenario)


def test_a_repeated_request_is_answered_again_and_not_done_again() -> None:
    async def scenario(host: Host) -> None:
        request = bytes((RUN, 1)) + access(AccessKind.WRITE, 0, 5, 6) + access(AccessKind.READ, 0, count=2)
        first = await host.ask(request)
        assert await host.ask(request) == first
        assert host.ctx.get(host.bus.writes) == 2
        following = bytes((RUN, 2)) + access(AccessKind.READ, 1, count=1)
        assert (await host.ask(following))[:2] == bytes((2, Status.OK))

    run(scenario)


@pytest.mark.parametrize("number", [0x80, 0xFF, 3])
def test_a_request_out_of_order_is_not_done(number: int) -> None:
    async def scenario(host: Host) -> None:
        answer = await host.ask(bytes((RUN, number)) + access(AccessKind.WRITE, 0, 5))
        assert answer == bytes((0, Status.OUT_OF_ORDER))
        assert host.ctx.get(host.bus.writes) == 0

    run(scenario)


def test_a_request_before_the_session_is_opened_is_not_done() -> None:
    m = Module()
    m.submodules.bridge = bridge = UartBridge(divisor=DIVISOR)
    m.submodules.bus = bus = Bus()
    wiring.connect(m, bridge.axi, bus.axi)

    async def testbench(ctx: Any) -> None:
        host = Host(ctx, bridge, bus, Signal())
        await ctx.tick().repeat(4)
        for number in (0, 1):
            assert (await host.ask(bytes((RUN, number)) + access(AccessKind.WRITE, 0, 5)))[1] == Status.OUT_OF_ORDER
        assert ctx.get(bus.writes) == 0

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()


def test_every_damaged_or_cut_frame_changes_nothing_and_is_asked_for_again() -> None:
    async def scenario(host: Host) -> None:
        good = frame(bytes((RUN, 1)) + access(AccessKind.WRITE, 0, 5))
        for place in range(2, len(good) - 1, 3):
            flipped = good[:place] + bytes((good[place] ^ 1 << place % 8,)) + good[place + 1 :]
            for bad in (flipped, good[:place] + good[place + 1 :], good[:place] + good[place - 1 :]):
                await host.send(bad)
                answer = await host.receive()
                assert answer[1:] == bytes((Status.DAMAGED,))
        assert host.ctx.get(host.bus.writes) == 0
        # A frame whose end is lost ends with the beginning of the next.
        await host.send(good[:-1] + good[:1])
        assert (await host.receive())[:2] == bytes((1, Status.OK))
        assert host.ctx.get(host.bus.writes) == 1

    run(scenario)


def test_a_frame_that_is_too_long_leaves_the_kept_answer_alone() -> None:
    async def scenario(host: Host) -> None:
        request = bytes((RUN, 1)) + access(AccessKind.WRITE, 0, 5) + access(AccessKind.READ, 0, count=1)
        first = await host.ask(request)
        await host.send(frame(bytes((RUN, 2)) + bytes(300)))
        assert (await host.receive())[1:] == bytes((Status.DAMAGED,))
        assert await host.ask(request) == first

    run(scenario)


def test_slverr_says_which_word() -> None:
    async def scenario(host: Host) -> None:
        before = access(AccessKind.WRITE, 0, 5)
        request = before + access(AccessKind.WRITE, REFUSED - 1, 8, 9, 10) + access(AccessKind.WRITE, 1, 7)
        answer = await host.ask(bytes((RUN, 1)) + request)
        assert answer == bytes((1, Status.BUS_ERROR, 2 + len(before), 1))
        assert host.ctx.get(host.bus.writes) == 2

    run(scenario)


def test_a_bus_that_does_not_answer_is_given_up() -> None:
    async def scenario(host: Host) -> None:
        for number, kind in ((1, AccessKind.READ), (2, AccessKind.WRITE)):
            values = () if kind is AccessKind.READ else (1,)
            await host.send(frame(bytes((RUN, number)) + access(kind, SILENT, *values, count=1)))
            answer = await host.receive(patience=2 * BUS_PATIENCE)
            assert answer == bytes((number, Status.BUS_TIMEOUT, 2, 0))
        request = access(AccessKind.READ, 0, count=1)
        assert (await host.ask(bytes((RUN, 3)) + request))[1] == Status.OK

    run(scenario)


def test_wait_ends_with_the_operation_and_reset_is_one_clock_cycle() -> None:
    async def scenario(host: Host) -> None:
        host.ctx.set(host.bus.busy, 50)
        request = access(AccessKind.WAIT, 31) + access(AccessKind.RESET, 0) + access(AccessKind.READ, 31, count=1)
        answer = await host.ask(bytes((RUN, 1)) + request)
        assert answer == bytes((1, Status.OK, 2 + len(request), 0)) + bytes(4)
        assert host.ctx.get(host.bus.busy) == 0
        assert host.ctx.get(host.resets) == 1

    run(scenario)


@pytest.mark.parametrize(
    "accesses",
    [
        access(AccessKind.WRITE, 0, count=1),
        access(AccessKind.WRITE, 0, 5)[:-1],
        access(AccessKind.READ, 0, count=1)[:-1],
        access(AccessKind.READ, 0, count=ANSWER_WORDS + 1),
        bytes((0, 1, 0, 0)),
        bytes((5, 1, 0, 0)),
        bytes((AccessKind.READ + 8, 1, 0, 0)),
    ],
    ids=["no data", "cut data", "cut head", "too much", "kind 0", "kind 5", "kind 10"],
)
def test_a_malformed_request_is_refused(accesses: bytes) -> None:
    async def scenario(host: Host) -> None:
        answer = await host.ask(bytes((RUN, 1)) + accesses)
        assert answer[:3] == bytes((1, Status.MALFORMED, 2))
        assert host.ctx.get(host.bus.writes) == 0

    run(scenario)


def test_an_unknown_version_is_refused() -> None:
    async def scenario(host: Host) -> None:
        assert await host.ask(bytes((0x20, 1))) == bytes((0, Status.MALFORMED))

    run(scenario)


def test_the_largest_answer() -> None:
    async def scenario(host: Host) -> None:
        answer = await host.ask(bytes((RUN, 1)) + access(AccessKind.READ, 0, count=ANSWER_WORDS))
        assert len(answer) == 4 + 4 * ANSWER_WORDS and answer[1] == Status.OK

    run(scenario)


def test_noise_shorter_than_half_a_bit_does_nothing() -> None:
    async def scenario(host: Host) -> None:
        for length in (1, 1):
            host.ctx.set(host.bridge.rx, 0)
            await host.ctx.tick().repeat(length)
            host.ctx.set(host.bridge.rx, 1)
            await host.ctx.tick().repeat(60)
        assert (await host.ask(bytes((RUN, 1)), gap=7))[:2] == bytes((1, Status.OK))

    run(scenario)


def test_a_beat_in_the_clock_cycle_of_a_reset_is_lost() -> None:
    """As one in that of a stop: Y keeps what it was, though its memory has no reset."""
    config = PRESETS["tiny"]
    map_ = register_map(config)
    board = BoardDesign(config, divisor=DIVISOR)

    def at(name: str) -> int:
        return map_[name].offset >> 2

    async def adc(ctx: Any) -> None:
        """Show a beat when the reset comes, and not before."""
        ctx.set(board.adc_data, 5)
        while True:
            await ctx.tick()
            ctx.set(board.adc_valid, ctx.get(board.bridge.reset) & ctx.get(board.adc_ready))

    async def testbench(ctx: Any) -> None:
        host = Host(ctx, board, None, None)
        await ctx.tick().repeat(4)
        assert (await host.ask(bytes((OPEN, 0))))[1] == Status.OK
        begin = access(AccessKind.WRITE, at("ADC_TIMEOUT"), 0xFFFF) + access(AccessKind.WRITE, at("COMMAND"), Opcode.FORWARD)
        assert (await host.ask(bytes((RUN, 1)) + begin))[1] == Status.OK
        assert ctx.get(board.adc_ready)
        request = access(AccessKind.RESET, 0) + access(AccessKind.READ, map_.window("Y").offset >> 2, count=1)
        answer = await host.ask(bytes((RUN, 2)) + request)
        assert answer == bytes((2, Status.OK, 2 + len(request), 0)) + bytes(4)

    simulator = Simulator(board)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.add_testbench(adc, background=True)
    simulator.run()
