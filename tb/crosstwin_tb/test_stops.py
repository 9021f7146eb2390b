"""The emergency stop, by pin and by CONTROL.STOP, in the middle of every operation."""

from __future__ import annotations

from collections.abc import Iterator

from crosstwin_model.registers import Control, ErrorCode, Opcode, TileKind
from crosstwin_model.stimulus import Command, Read

from .environment import Environment, bench, command

#: Clock cycles of a long operation that are tried.
_SAMPLES = 25


def settings(env: Environment) -> None:
    """Make operations that are short and use everything: two clock cycles a slot's width, all quadrants, several beats."""
    env.set(PULSE=2 | 1 << 16, BL=2, TRANSFER_BL=2, READ=3 | 1 << 16, READ_GAIN=5 | 6 << 8, ADC_TIMEOUT=64, SYMMETRIZE_PAIRS=2)
    env.random_codes("X")
    env.random_codes("D")


def commands() -> Iterator[tuple[Opcode, int]]:
    """Yield every operation with its tile; UPDATE on A goes on with a transfer."""
    yield from (
        (Opcode.UPDATE, TileKind.C),
        (Opcode.UPDATE, TileKind.A),
        (Opcode.SYMMETRIZE, TileKind.A_REF),
        (Opcode.FORWARD, TileKind.C),
        (Opcode.BACKWARD, TileKind.A),
        (Opcode.TRANSFER, TileKind.A),
    )


def length(env: Environment, opcode: Opcode, tile: int) -> int:
    """Run an operation to its end and return its clock cycles."""
    before = env.value("CYCLES")
    assert env.run(opcode, tile) is ErrorCode.OK
    return env.value("CYCLES") - before


@bench
def by_pin_in_every_clock_cycle(env: Environment) -> None:
    """From CHECK to the clock cycle after the end, every operation stops in the very clock cycle."""
    settings(env)
    for opcode, tile in commands():
        env.set(PAIR0_TRANSFER_EVERY=int(opcode is Opcode.UPDATE))
        for cycle in range(-1, length(env, opcode, tile) + 3):
            assert env.run(opcode, tile, stop=cycle) is ErrorCode.STOPPED
            env.set(CONTROL=Control.CLEAR_FAULT)


@bench
def by_pin_in_long_operations(env: Environment) -> None:
    """The same in clock cycles at random of operations at random, with every random source."""
    settings(env)
    env.set(PULSE=1 | 2 << 16, BL=min(33, env.config.bl_max), READ=40 | 2 << 16, PAIR0_TRANSFER_EVERY=2)
    for opcode, tile in commands():
        cycles = length(env, opcode, tile)
        for _ in range(_SAMPLES):
            env.set(SOURCE=int(env.rng.choice([0, 1, 2, 3])) if len(env.config.sources) == 4 else env.map["SOURCE"].reset)
            assert env.run(opcode, tile, stop=int(env.rng.integers(cycles))) is ErrorCode.STOPPED
            env.set(CONTROL=Control.CLEAR_FAULT)


@bench
def by_register(env: Environment) -> None:
    """CONTROL.STOP acts like the pin, one clock cycle after the bus has taken it."""
    settings(env)
    for opcode, tile in commands():
        env.set(PAIR0_TRANSFER_EVERY=int(opcode is Opcode.UPDATE))
        stops = set()
        for delay in range(0, length(env, opcode, tile) + 3, 2):
            word = command(opcode, tile)
            stop, changes = env.device.command_and_stop_write(word, delay)
            env.compare(Command(word, stop), changes)
            assert ErrorCode(env.value("ERROR")) is ErrorCode.STOPPED
            stops.add(stop)
            env.set(CONTROL=Control.CLEAR_FAULT)
        assert len(stops) > 2


@bench
def held_pin(env: Environment) -> None:
    """While the pin is high every command is dropped and no clear takes; STATUS shows its level."""
    settings(env)
    status = Read(env.address("STATUS"))
    for level, code in ((True, ErrorCode.STOPPED), (False, ErrorCode.FAULTED)):
        env.device.set_estop(level)
        env.check.golden.set_estop(level)
        env.apply(status)
        for opcode, tile in commands():
            assert env.run(opcode, tile) is code
        env.set(CONTROL=Control.CLEAR_FAULT)
        env.apply(status)
    assert env.run(Opcode.UPDATE, TileKind.C) is ErrorCode.OK


@bench
def first_fault_stays(env: Environment) -> None:
    """A stop after a time-out leaves the time-out latched; a stop with a clear in one write stays."""
    settings(env)
    env.set(ADC_TIMEOUT=1)
    assert env.run(Opcode.FORWARD, TileKind.C) is ErrorCode.ADC_TIMEOUT
    env.set(CONTROL=Control.STOP)
    assert env.value("STATUS") >> 8 & 15 == ErrorCode.ADC_TIMEOUT
    env.set(CONTROL=Control.CLEAR_FAULT | Control.STOP)
    assert env.run(Opcode.UPDATE, TileKind.C) is ErrorCode.FAULTED
    assert env.value("STATUS") >> 8 & 15 == ErrorCode.STOPPED
