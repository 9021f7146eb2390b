"""The bus: AXI4-Lite with stalls, and what every access to every address answers and does."""

from __future__ import annotations

import random

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring

from crosstwin_hdl.axi_lite import AxiLite
from crosstwin_hdl.register_file import RegisterFile, is_stored
from crosstwin_model.config import PRESETS, ControllerConfig
from crosstwin_model.registers import Access, Control, Register, Response, register_map

TINY = PRESETS["tiny"]
MAP = register_map(TINY)
#: Odd numbers of entries, so that both windows have a padding half.
ODD = ControllerConfig("odd", rows=5, columns=3, code_bits=6, bl_max=64)


class Bus:
    """A register file's requests, one at a time."""

    def __init__(self, file, ctx):
        self._file, self._ctx = file, ctx

    async def write(self, address, value, strobes=15):
        """Return the response, and the strobes and window writes seen in the clock cycle in which the write acts."""
        ctx, file = self._ctx, self._file
        for name, number in (
            ("write_word", address >> 2),
            ("write_data", value),
            ("write_strobes", strobes),
            ("write_request", 1),
        ):
            ctx.set(getattr(file.access, name), number)
        await ctx.tick()
        ctx.set(file.access.write_request, 0)
        seen = {name for name in file.signature.members if name.endswith("_write") and ctx.get(getattr(file, name))}
        seen |= {name for name in ("window_x", "window_d") if ctx.get(getattr(file, name))}
        response = Response.SLVERR if ctx.get(file.access.write_error) else Response.OKAY
        await ctx.tick()
        return response, seen

    async def read(self, address):
        """Return (response, data)."""
        ctx, access = self._ctx, self._file.access
        ctx.set(access.read_word, address >> 2)
        ctx.set(access.read_request, 1)
        await ctx.tick()
        ctx.set(access.read_request, 0)
        return Response.SLVERR if ctx.get(access.read_error) else Response.OKAY, ctx.get(access.read_data)


def with_bus(simulate, config, scenario):
    """Run a scenario on a register file of its own."""
    file = RegisterFile(config=config)

    async def testbench(ctx):
        await scenario(ctx, file, Bus(file, ctx))

    simulate(file, testbench)


def test_every_address_answers_as_the_map_says(simulate):
    """Reads and writes of all 4096 words: SLVERR exactly where nothing is mapped or the access mode forbids it."""

    async def scenario(ctx, file, bus):
        for address in range(0, 1 << 14, 4):
            here = MAP.at(address)
            response, data = await bus.read(address)
            assert (response is Response.OKAY) == (here is not None and here.access is not Access.WO), hex(address)
            if isinstance(here, Register) and response is Response.OKAY and (here.name in ("ID", "SIZE") or is_stored(here)):
                assert data == here.reset
            value = here.reset if isinstance(here, Register) and here.reset else 0
            response, _ = await bus.write(address, value)
            assert (response is Response.OKAY) == (here is not None and here.access is not Access.RO), hex(address)

    with_bus(simulate, TINY, scenario)


def test_registers_hold_what_is_written(simulate):
    """All fields of every stored register take their bits; a write with a bit outside, or a missing strobe, changes nothing."""

    async def scenario(ctx, file, bus):
        rng = random.Random(4)
        for register in MAP:
            if not is_stored(register):
                continue
            for value in (register.mask, 0, rng.randrange(1 << 32) & register.mask):
                assert (await bus.write(register.offset, value))[0] is Response.OKAY
                assert await bus.read(register.offset) == (Response.OKAY, value)
            for bit in range(32):
                if not register.mask >> bit & 1:
                    assert (await bus.write(register.offset, register.mask ^ value | 1 << bit))[0] is Response.SLVERR
            for strobes in range(15):
                assert (await bus.write(register.offset, register.mask ^ value, strobes))[0] is Response.SLVERR
            assert await bus.read(register.offset) == (Response.OKAY, value)
            for field in register.fields:
                assert ctx.get(getattr(file, register.name.lower())[field.name]) == (value & field.mask) >> field.lsb

    with_bus(simulate, TINY, scenario)


@pytest.mark.parametrize("pairs", [1, 2, 3, 4])
def test_every_register_has_a_place_of_its_own(simulate, pairs):
    """All are written, in any order, before the first is read."""
    config = ControllerConfig("pairs", rows=4, columns=3, pairs=pairs)
    stored = [register for register in register_map(config) if is_stored(register)]
    rng = random.Random(pairs)

    async def scenario(ctx, file, bus):
        for _ in range(2):
            values = {register.name: rng.randrange(1 << 32) & register.mask for register in stored}
            for register in rng.sample(stored, len(stored)):
                assert (await bus.write(register.offset, values[register.name]))[0] is Response.OKAY
            for register in stored:
                assert await bus.read(register.offset) == (Response.OKAY, values[register.name]), register.name

    with_bus(simulate, config, scenario)


def test_a_read_beside_a_write_gives_what_holds_in_its_clock_cycle(simulate):
    """A read's value is taken before the write of its clock cycle acts, and after that of the one before it."""

    async def scenario(ctx, file, bus):
        access = file.access
        for register in MAP:
            if not is_stored(register):
                continue
            before = register.reset
            for value in (register.mask, 0, register.mask):
                for delay in (0, 1):
                    ctx.set(access.write_word, register.offset >> 2)
                    ctx.set(access.write_data, value)
                    ctx.set(access.write_strobes, 15)
                    ctx.set(access.write_request, 1)
                    ctx.set(access.read_word, register.offset >> 2)
                    if delay:
                        await ctx.tick()
                        ctx.set(access.write_request, 0)
                    ctx.set(access.read_request, 1)
                    await ctx.tick()
                    ctx.set(access.write_request, 0)
                    ctx.set(access.read_request, 0)
                    assert ctx.get(access.read_data) == (value if delay else before), register.name
                    await ctx.tick()
                    before, value = value, value ^ register.mask
                before = value ^ register.mask
                assert await bus.read(register.offset) == (Response.OKAY, before)

    with_bus(simulate, TINY, scenario)


def test_busy_refuses_all_but_three_registers(simulate):
    """While busy: the interrupt's registers, and CONTROL with STOP alone; nothing else acts."""

    async def scenario(ctx, file, bus):
        ctx.set(file.busy, 1)
        for register in MAP:
            if register.access is Access.RO:
                continue
            value = Control.STOP if register.name == "CONTROL" else 1
            expected = Response.OKAY if register.while_busy else Response.SLVERR
            response, seen = await bus.write(register.offset, value)
            assert response is expected, register.name
            assert seen == ({f"{register.name.lower()}_write"} if register.while_busy else set())
        for value in range(8):
            taken = value == Control.STOP
            response, seen = await bus.write(MAP["CONTROL"].offset, value)
            assert (response is Response.OKAY, bool(seen)) == (taken, taken)
        for window in ("X", "D"):
            for strobes in (0, 15):
                assert await bus.write(MAP.window(window).offset, 0, strobes) == (Response.SLVERR, set())

    with_bus(simulate, TINY, scenario)


def test_seed_zero_is_refused(simulate):
    """An LFSR would stay at 0 for ever."""

    async def scenario(ctx, file, bus):
        for name in ("SEED_X", "SEED_D"):
            offset = MAP[name].offset
            assert await bus.write(offset, 0) == (Response.SLVERR, set())
            assert await bus.write(offset, 1) == (Response.OKAY, {f"{name.lower()}_write"})
            assert await bus.write(offset, 1 << MAP[name].fields[0].width) == (Response.SLVERR, set())

    with_bus(simulate, TINY, scenario)


@pytest.mark.parametrize("name", ["X", "D"])
def test_windows_take_whole_legal_words(simulate, name):
    """All strobes, both codes within +-(2^R - 1), nothing but 0 behind the last entry."""
    window = register_map(ODD).window(name)
    last = window.offset + 4 * (window.words - 1)
    largest = ODD.code_max
    seen = f"window_{name.lower()}"

    async def scenario(ctx, file, bus):
        for low in (0, 1, largest, largest + 1, 0x7FFF, 0x8000, 0xFFFF, 0x10000 - largest, 0x10000 - largest - 1):
            legal = low <= largest or low >= 0x10000 - largest
            expected = (Response.OKAY, {seen}) if legal else (Response.SLVERR, set())
            for value in (low | 5 << 16, 5 | low << 16):
                assert await bus.write(window.offset, value) == expected
                if legal:
                    assert ctx.get(file.window_index) == 0
        for strobes in range(15):
            assert await bus.write(window.offset, 0, strobes) == (Response.SLVERR, set())
        assert (await bus.write(last, 7))[0] is Response.OKAY
        assert ctx.get(file.window_index) == window.words - 1
        assert (await bus.write(last, 7 | 1 << 16))[0] is Response.SLVERR
        assert (await bus.write(last + 4, 0))[0] is Response.SLVERR

    with_bus(simulate, ODD, scenario)


@pytest.mark.parametrize("stalls", [0, 0.3, 0.8])
def test_axi_with_stalls(simulate, stalls):
    """Whatever the master's stalls: every transfer is answered once and in order, and answers stay until they are taken."""
    m = Module()
    m.submodules.axi = axi_lite = AxiLite()
    m.submodules.file = file = RegisterFile(config=TINY)
    wiring.connect(m, axi_lite.access, file.access)
    axi = axi_lite.axi
    rng = random.Random(int(stalls * 10))
    offset = MAP["PULSE"].offset
    count = 60
    writes = [(rng.choice((offset, 0x3FF0)), rng.randrange(1 << 32)) for _ in range(count)]

    async def testbench(ctx):
        state = {"awvalid": 0, "wvalid": 0, "arvalid": 0}
        sent = {"aw": 0, "w": 0, "ar": 0}
        answers, data, held = [], [], {}
        cycles = 0
        while len(answers) < count or len(data) < count:
            for name, done in (("awvalid", sent["aw"]), ("wvalid", sent["w"]), ("arvalid", sent["ar"])):
                if not state[name] and done < count and rng.random() >= stalls:
                    state[name] = 1
                ctx.set(getattr(axi, name), state[name])
            ctx.set(axi.awaddr, writes[min(sent["aw"], count - 1)][0])
            ctx.set(axi.wdata, writes[min(sent["w"], count - 1)][1])
            ctx.set(axi.wstrb, 15)
            ctx.set(axi.araddr, MAP["ID"].offset if sent["ar"] % 2 else 0x3FF0)
            for channel, signals in (("b", ("bresp",)), ("r", ("rresp", "rdata"))):
                ready = rng.random() >= stalls
                ctx.set(getattr(axi, f"{channel}ready"), ready)
                if ctx.get(getattr(axi, f"{channel}valid")):
                    values = tuple(ctx.get(getattr(axi, signal)) for signal in signals)
                    assert held.setdefault(channel, values) == values
                    if ready:
                        (answers if channel == "b" else data).append(held.pop(channel))
                else:
                    assert channel not in held, "an answer was withdrawn"
            for name, channel in (("awvalid", "aw"), ("wvalid", "w"), ("arvalid", "ar")):
                if state[name] and ctx.get(getattr(axi, f"{channel}ready")):
                    sent[channel] += 1
                    state[name] = 0
            await ctx.tick()
            cycles += 1
            assert cycles < 100 * count
        assert answers == [(Response.OKAY if address == offset else Response.SLVERR,) for address, _ in writes]
        identity = MAP["ID"].reset
        assert data == [(Response.OKAY, identity) if k % 2 else (Response.SLVERR, 0) for k in range(count)]
        taken = [value for address, value in writes if address == offset]
        assert ctx.get(file.pulse.as_value()) == taken[-1]
        if not stalls:
            assert cycles <= 2 * count + 6, "a transfer begins every second clock cycle"

    simulate(m, testbench)


def test_a_read_of_a_counter_s_low_half_alone_holds_its_high_half(simulate):
    """docs/controller.md: a read of CYCLES, SLOTS, FIRED or OPERATIONS copies the high half; no other read does."""
    file = RegisterFile(config=TINY)

    async def testbench(ctx):
        found = set()
        for register in MAP:
            ctx.set(file.access.read_word, register.offset >> 2)
            ctx.set(file.access.read_request, 1)
            if ctx.get(file.counter_request_low):
                found.add(register.name)
            ctx.set(file.access.read_request, 0)
            assert not ctx.get(file.counter_request_low)
        assert found == {"CYCLES", "SLOTS", "FIRED", "OPERATIONS"}

    simulate(file, testbench)
