"""The host link's blocks, each by itself: UART, checksum, framing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from amaranth.hdl import Elaboratable, Module

from crosstwin_hdl.link.crc import Crc32
from crosstwin_hdl.link.framing import Stuffer, Unstuffer
from crosstwin_hdl.link.protocol import ESCAPE, FLAG
from crosstwin_hdl.link.uart import UartReceiver, UartTransmitter, check_divisor

Simulate = Callable[[Elaboratable, Callable[[Any], Awaitable[None]]], None]


@pytest.mark.parametrize("divisor", [4, 5, 13])
@pytest.mark.parametrize("per_mille", [-30, 0, 30])
def test_uart_takes_bytes_from_a_sender_whose_clock_differs(simulate: Simulate, divisor: int, per_mille: int) -> None:
    dut = UartReceiver(divisor=divisor)
    sent = bytes((0x00, 0xFF, 0x55, 0xA7))

    async def testbench(ctx: Any) -> None:
        length = divisor * (1 + per_mille / 1000)
        levels = [level for byte in sent for level in (0, *(byte >> k & 1 for k in range(8)), 1)]
        received = []
        for cycle in range(int(len(levels) * length) + 4 * divisor):
            bit = int(cycle / length)
            ctx.set(dut.rx, levels[bit] if bit < len(levels) else 1)
            await ctx.tick()
            if ctx.get(dut.valid):
                received.append(ctx.get(dut.data))
        assert bytes(received) == sent

    simulate(dut, testbench)


def test_uart_drops_a_byte_without_a_stop_bit(simulate: Simulate) -> None:
    dut = UartReceiver(divisor=4)

    async def testbench(ctx: Any) -> None:
        ctx.set(dut.rx, 0)
        for _ in range(30 * 4):
            await ctx.tick()
            assert not ctx.get(dut.valid)

    simulate(dut, testbench)


def test_uart_transmitter_keeps_every_bit_for_its_time(simulate: Simulate) -> None:
    dut = UartTransmitter(divisor=5)

    async def testbench(ctx: Any) -> None:
        ctx.set(dut.data, 0xA5)
        ctx.set(dut.valid, 1)
        levels = []
        for _ in range(5 * 10 + 1):
            await ctx.tick()
            levels.append(ctx.get(dut.tx))
        assert levels[:50] == [level for level in (0, 1, 0, 1, 0, 0, 1, 0, 1, 1) for _ in range(5)]

    simulate(dut, testbench)


@pytest.mark.parametrize("divisor", [3, 65536])
def test_uart_refuses_a_divisor(divisor: int) -> None:
    with pytest.raises(ValueError, match=f"the divisor is {divisor}; allowed are whole numbers from 4 to 65535"):
        check_divisor(divisor)


def test_checksum_is_zlibs(simulate: Simulate) -> None:
    dut = Crc32()
    message = b"123456789"

    async def testbench(ctx: Any) -> None:
        async def take(byte: int) -> None:
            ctx.set(dut.data, byte)
            ctx.set(dut.valid, 1)
            await ctx.tick()
            ctx.set(dut.valid, 0)
            await ctx.tick().repeat(Crc32.latency - 1)

        for byte in message:
            await take(byte)
        check = bytearray()
        for _ in range(4):
            check.append(ctx.get(dut.low))
            await take(0xFF ^ check[-1])
        assert int.from_bytes(check, "little") == 0xCBF43926
        ctx.set(dut.clear, 1)
        await ctx.tick()
        ctx.set(dut.clear, 0)
        for byte in message + check:
            assert not ctx.get(dut.good)
            await take(byte)
        assert ctx.get(dut.good)

    simulate(dut, testbench)


def test_stuffing_is_undone(simulate: Simulate) -> None:
    m = Module()
    m.submodules.stuffer = stuffer = Stuffer()
    m.submodules.unstuffer = unstuffer = Unstuffer()
    m.d.comb += [unstuffer.data.eq(stuffer.data), unstuffer.valid.eq(stuffer.data_valid & stuffer.data_ready)]
    content = bytes((FLAG, ESCAPE, 0x5E, 0x5D, ESCAPE, ESCAPE, 0))

    async def testbench(ctx: Any) -> None:
        line, found = [], []
        ctx.set(stuffer.valid, 1)
        ctx.set(stuffer.data_ready, 1)
        for byte in content:
            ctx.set(stuffer.byte, byte)
            taken = False
            while not taken:
                taken = bool(ctx.get(stuffer.ready))
                line.append(ctx.get(stuffer.data))
                assert not ctx.get(unstuffer.flag)
                if ctx.get(unstuffer.byte_valid):
                    found.append(ctx.get(unstuffer.byte))
                await ctx.tick()
        assert bytes(found) == content and FLAG not in line

    simulate(m, testbench)
