"""The reset in the middle of every operation: everything as after power-up, but the array and Y."""

from __future__ import annotations

from crosstwin_model.registers import ErrorCode, Opcode
from crosstwin_model.stimulus import Command

from .environment import Environment, bench, command
from .test_stops import commands, length, settings


def _reset_in(env: Environment, opcode: Opcode, tile: int, cycle: int) -> None:
    """Reset in a clock cycle of an operation: the array has seen what it has seen of one that is stopped there."""
    word = command(opcode, tile)
    changes = env.device.command_and_reset(word, cycle)
    env.compare(Command(word, cycle), changes, reset=True)


@bench
def while_idle(env: Environment) -> None:
    """A reset brings back every register's reset value."""
    settings(env)
    env.set(CONTROL=1)
    env.device.reset()
    env.check.golden.reset()
    assert env.run(Opcode.UPDATE, 0) is ErrorCode.OK
    assert env.value("SLOTS") == 0


@bench
def in_every_clock_cycle(env: Environment) -> None:
    """From CHECK on, every operation ends in the very clock cycle, and the next one runs as after power-up."""
    for opcode, tile in commands():
        settings(env)
        env.set(PAIR0_TRANSFER_EVERY=int(opcode is Opcode.UPDATE))
        for cycle in range(-1, length(env, opcode, tile)):
            settings(env)
            env.set(PAIR0_TRANSFER_EVERY=int(opcode is Opcode.UPDATE))
            _reset_in(env, opcode, tile, cycle)
        settings(env)
        assert env.run(opcode, tile) is ErrorCode.OK
