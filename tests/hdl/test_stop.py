"""Stops, faults and resets, in every clock cycle of an operation."""

from __future__ import annotations

from functools import partial

import pytest

from crosstwin_hdl.status import Status
from crosstwin_model.registers import Access, Control, ErrorCode, Interrupt, Opcode, Response, Source

A0 = 1
STOPPED_STATUS = 2 | ErrorCode.STOPPED << 8


async def prepare(s):
    """Make every operation short, with all its states: slots and ticks of two clock cycles, all quadrants."""
    await s.load("X", [2, -3, 0, 1])
    await s.load("D", [1, -255, 2])
    await s.set("PULSE", 2 | 2 << 16)
    await s.set("BL", 1)
    await s.set("TRANSFER_BL", 1)
    await s.set("SOURCE", Source.COUNT)
    await s.set("READ", 2 | 2 << 16)
    await s.set("PAIR0_TRANSFER_EVERY", 1)
    s.beats = [(2, [9]), (1, [-9]), (2, [0]), (1, [3])]


#: Name: opcode and tile. The UPDATE of A goes on with a TRANSFER.
OPERATIONS = {
    "update": (Opcode.UPDATE, 4),
    "update and transfer": (Opcode.UPDATE, A0),
    "symmetrize": (Opcode.SYMMETRIZE, 4),
    "forward": (Opcode.FORWARD, A0),
    "backward": (Opcode.BACKWARD, A0),
    "transfer": (Opcode.TRANSFER, A0),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_stop_in_every_clock_cycle(tiny, name):
    """Stopped in cycle n, an operation has done exactly what its cycles 0 ... n - 1 do, and all pins are low from n + 1 on."""
    opcode, tile = OPERATIONS[name]
    whole = None

    async def undisturbed(s):
        nonlocal whole
        await prepare(s)
        whole = await s.operate(opcode, tile)
        assert await s.get("STATUS") == 0

    tiny.run(undisturbed)
    finishes = [whole.cycles - 1]
    if name == "update and transfer":
        finishes.insert(0, 4 + 4 * 4 - 1)

    async def stopped(s, n):
        await prepare(s)
        before = await s.get("SEED_X"), await s.get("SEED_D")
        s.stop_at = n
        trace = await s.operate(opcode, tile)
        assert trace.pins[: n + 1] == whole.pins[: n + 1]
        assert not any(any(pins) for pins in trace.pins[n + 1 :])
        assert trace.cycles == n + 1
        assert await s.get("CYCLES") == max(n, 0)
        loads = [cycle - 1 for cycle, pins in enumerate(whole.pins) if pins.slot and cycle - 1 < n]
        assert await s.get("SLOTS") == len(loads)
        fired = sum(sum(lines.bit_count() for lines in whole.pins[load + 1][:4]) for load in loads)
        assert await s.get("FIRED") == fired
        done = sum(finish < n for finish in finishes)
        assert await s.get("OPERATIONS") == done
        assert await s.get("PAIR0_TRANSFER_ROW") == 0 and await s.get("PAIR0_UPDATES") == 0
        assert await s.get("STATUS") == STOPPED_STATUS
        assert await s.get("ERROR") == ErrorCode.STOPPED
        assert await s.get("INTERRUPT_STATUS") == Interrupt.FAULT
        assert (await s.get("SEED_X"), await s.get("SEED_D")) == before

    for n in range(-1, whole.cycles):
        tiny.run(partial(stopped, n=n))


def test_stop_keeps_the_pulse_budget_and_the_masks_of_what_was_done(tiny):
    """The masks are drawn in cycle 1, and the budget goes down in LOAD cycles, which a stop in the next cycle does not undo."""

    async def scenario(s):
        await s.load("X", [1, 1, 1, 1])
        await s.load("D", [1, 1, 1])
        await s.set("PULSE_BUDGET", 200)
        seeds = [await s.get("SEED_X")]
        budgets = []
        for n in (1, 2, 3, 4):
            s.stop_at = n
            await s.operate(Opcode.UPDATE)
            await s.set("CONTROL", Control.CLEAR_FAULT)
            seeds.append(await s.get("SEED_X"))
            budgets.append(await s.get("PULSE_BUDGET"))
        assert seeds[1] == seeds[0]
        assert len(set(seeds[1:])) == 4
        assert budgets == [200, 200, 200, 199]

    tiny.run(scenario)


def test_fault_stays_until_it_is_cleared_with_the_stop_released(tiny):
    """A latched fault refuses commands; CLEAR_FAULT needs a low estop and leaves ERROR as it is."""

    async def scenario(s):
        s.set_estop(1)
        await s.step()
        await s.step()
        assert await s.get("STATUS") == STOPPED_STATUS | 4
        await s.set("CONTROL", Control.CLEAR_FAULT)
        assert await s.get("STATUS") == STOPPED_STATUS | 4
        s.set_estop(0)
        assert await s.get("STATUS") == STOPPED_STATUS
        await s.set("INTERRUPT_STATUS", sum(Interrupt))
        await s.operate(Opcode.SYMMETRIZE)
        assert await s.get("ERROR") == ErrorCode.FAULTED
        assert await s.get("INTERRUPT_STATUS") == Interrupt.ERROR
        await s.set("CONTROL", Control.CLEAR_FAULT)
        assert await s.get("STATUS") == 0
        assert await s.get("ERROR") == ErrorCode.FAULTED
        await s.operate(Opcode.SYMMETRIZE)
        assert await s.get("INTERRUPT_STATUS") == Interrupt.DONE

    tiny.run(scenario)


def test_stop_over_the_bus(tiny):
    """CONTROL.STOP ends an operation; alone it is taken while busy, with another bit it is not; idle it latches the fault too."""

    async def scenario(s):
        await s.set("PULSE", 200 | 1 << 16)
        for _ in range(2):
            await s.set("COMMAND", Opcode.SYMMETRIZE)
            for _ in range(20):
                await s.step()
            assert await s.write("CONTROL", Control.STOP | Control.CLEAR_FAULT) is Response.SLVERR
            assert await s.get("STATUS") == 1
            await s.set("CONTROL", Control.STOP)
            assert await s.get("STATUS") == STOPPED_STATUS
            assert await s.get("OPERATIONS") == 0
            await s.set("CONTROL", Control.CLEAR_FAULT)
        await s.set("CONTROL", Control.STOP | Control.CLEAR_FAULT)
        assert await s.get("STATUS") == STOPPED_STATUS

    tiny.run(scenario)


@pytest.mark.parametrize("opcode", [Opcode.FORWARD, Opcode.BACKWARD, Opcode.TRANSFER])
@pytest.mark.parametrize("beats", [0, 1, 2])
def test_adc_watchdog(tiny, opcode, beats):
    """The clock cycle ADC_TIMEOUT after the sample or the last beat is the operation's last, and it is counted."""
    timeout = 7

    async def scenario(s):
        await s.set("READ", 2 | 2 << 16)
        await s.set("ADC_TIMEOUT", timeout)
        s.beats = [(timeout, [5])] * beats
        trace = await s.operate(opcode, A0)
        last = 2 + 4 + timeout * (beats + 1)
        assert trace.cycles == last + 1
        assert await s.get("CYCLES") == last + 1
        assert any(trace.pins[last]) and not any(any(pins) for pins in trace.pins[last + 1 :])
        assert await s.get("STATUS") == 2 | ErrorCode.ADC_TIMEOUT << 8
        assert await s.get("ERROR") == ErrorCode.ADC_TIMEOUT
        assert await s.get("INTERRUPT_STATUS") == Interrupt.FAULT
        assert await s.get("OPERATIONS") == 0
        assert await s.result(beats) == [5] * beats

    tiny.run(scenario)


def test_operation_after_every_stop_is_as_if_nothing_had_been(tiny):
    """Whatever a stop leaves inside, the next operation's pins are those of a fresh controller with the same codes and seeds."""
    expected = None

    async def fresh(s):
        nonlocal expected
        await prepare(s)
        await s.set("SOURCE", Source.LFSR)
        expected = (await s.operate(Opcode.UPDATE)).pins

    tiny.run(fresh)

    async def after(s, opcode, n):
        await prepare(s)
        await s.set("SOURCE", Source.LFSR)
        seeds = await s.get("SEED_X"), await s.get("SEED_D")
        s.stop_at = n
        await s.operate(opcode, A0)
        await s.set("CONTROL", Control.CLEAR_FAULT)
        await s.set("SEED_X", seeds[0])
        await s.set("SEED_D", seeds[1])
        await s.load("D", [1, -255, 2])
        pins = (await s.operate(Opcode.UPDATE)).pins
        assert pins == expected

    for opcode, cycles in ((Opcode.TRANSFER, 23), (Opcode.SYMMETRIZE, 12), (Opcode.BACKWARD, 16)):
        for n in range(0, cycles, 2):
            tiny.run(partial(after, opcode=opcode, n=n))


@pytest.mark.parametrize("name", OPERATIONS)
def test_reset_in_the_middle(tiny, name):
    """Reset in cycle n idles all pins, gives all registers their reset values and clears X and D; Y is what n cycles made it."""
    opcode, tile = OPERATIONS[name]

    async def scenario(s, n):
        s.beats = [(1, [5]), (1, [-6]), (1, [7]), (1, [8])]
        await s.operate(Opcode.BACKWARD)
        await prepare(s)
        await s.set("SEED_X", 99)
        await s.set("COMMAND", opcode | tile << 8)
        for _ in range(n):
            await s.step()
        assert not any(await s.reset())
        s.beats = []
        for register in s.map:
            if register.access is not Access.WO:
                assert await s.get(register.name) == register.reset, register.name
        beats = {"forward": (8, 9, 11), "backward": (8, 9, 11, 12), "transfer": (8, 9, 11)}.get(name, ())
        expected = [5, -6, 7, 8]
        for entry, (beat, code) in enumerate(zip(beats, (9, -9, 0, 3), strict=False)):
            expected[entry] = code if beat < n else expected[entry]
        assert await s.result(4) == expected
        # Neither X nor D holds a code any more.
        assert (await s.operate(Opcode.UPDATE)).cycles == 4

    for n in (0, 1, 2, 4, 7, 8, 9, 11, 12, 14, 15):
        tiny.run(partial(scenario, n=n))


def test_stop_together_with_a_command(tiny):
    """A stop in the clock cycle in which COMMAND is taken latches the fault; CHECK follows and refuses with FAULTED."""

    async def scenario(s):
        s.stop_at = -2
        trace = await s.operate(Opcode.SYMMETRIZE)
        assert trace.cycles == -1
        assert not any(any(pins) for pins in trace.pins)
        assert await s.get("STATUS") == STOPPED_STATUS
        assert await s.get("ERROR") == ErrorCode.FAULTED
        assert await s.get("INTERRUPT_STATUS") == Interrupt.FAULT | Interrupt.ERROR
        assert await s.get("CYCLES") == 0

    tiny.run(scenario)


@pytest.mark.parametrize("event", [{"done": 1}, {"check": 1, "refusal": 3}, {"stop": 1}, {"timeout": 1}])
def test_event_goes_before_the_write_that_clears_it(simulate, event):
    """INTERRUPT_STATUS's bits are cleared one by one, and an event in the same clock cycle stays."""
    status = Status()
    bit = {"done": Interrupt.DONE, "check": Interrupt.ERROR}.get(next(iter(event)), Interrupt.FAULT)

    async def testbench(ctx):
        for name, value in event.items():
            ctx.set(getattr(status, name), value)
        ctx.set(status.clear_interrupts, 7)
        await ctx.tick()
        for name in event:
            ctx.set(getattr(status, name), 0)
        assert ctx.get(status.interrupts) == bit
        assert ctx.get(status.irq) == 0
        ctx.set(status.enable, bit)
        assert ctx.get(status.irq) == 1
        ctx.set(status.clear_interrupts, 7 & ~bit)
        await ctx.tick()
        assert ctx.get(status.interrupts) == bit
        ctx.set(status.clear_interrupts, bit)
        await ctx.tick()
        assert ctx.get(status.interrupts) == 0

    simulate(status, testbench)
