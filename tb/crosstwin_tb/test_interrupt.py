"""BUSY, what may be written while it is high, and the interrupt."""

from __future__ import annotations

from crosstwin_model.registers import Access, Control, ErrorCode, Interrupt, Opcode, Response, TileKind
from crosstwin_model.stimulus import Command

from .environment import Environment, bench, command

_LONG = command(Opcode.SYMMETRIZE, TileKind.A)


def _prepare(env: Environment) -> None:
    env.set(SYMMETRIZE_PAIRS=200, PULSE=9 | 9 << 16)


@bench
def writes_while_busy(env: Environment) -> None:
    """Registers and windows answer SLVERR and keep their content while an operation runs; only the three may be written."""
    _prepare(env)
    origin = env.device.start(_LONG)
    for register in env.map:
        if register.access is not Access.RO and not register.while_busy:
            assert env.device.write(register.offset, register.reset) is Response.SLVERR, register.name
    for name in ("X", "D"):
        assert env.device.write(env.map.window(name).offset, 1) is Response.SLVERR
        assert env.device.write(env.map.window(name).offset, 0, 0) is Response.SLVERR
    for value in range(8):
        if value != Control.STOP:
            assert env.device.write(env.address("CONTROL"), value) is Response.SLVERR
    assert env.device.write(env.address("INTERRUPT_STATUS"), 7) is Response.OKAY
    assert env.device.write(env.address("INTERRUPT_ENABLE"), 5) is Response.OKAY
    assert env.value("STATUS") & 1
    assert env.value("INTERRUPT_ENABLE") == 5
    changes = env.device.finish(origin)
    env.check.golden.write(env.address("INTERRUPT_STATUS"), 7)
    env.check.golden.write(env.address("INTERRUPT_ENABLE"), 5)
    env.compare(Command(_LONG), changes)


@bench
def reads_while_busy(env: Environment) -> None:
    """Every register can be read while an operation runs; BUSY is high, and the counters move."""
    _prepare(env)
    origin = env.device.start(_LONG)
    for register in env.map:
        response, _ = env.device.read(register.offset)
        assert response is (Response.SLVERR if register.access is Access.WO else Response.OKAY)
    counts = [(env.value("CYCLES"), env.value("SLOTS"), env.value("FIRED")) for _ in range(2)]
    assert env.value("STATUS") & 1
    assert all(later > earlier for earlier, later in zip(*counts, strict=True))
    env.compare(Command(_LONG), env.device.finish(origin))


@bench
def busy_from_command_to_end(env: Environment) -> None:
    """The first read after COMMAND's answer finds BUSY high; the next command is taken as soon as it is low."""
    _prepare(env)
    for _ in range(2):
        origin = env.device.start(_LONG)
        assert env.value("STATUS") & 1
        changes = env.device.finish(origin)
        assert not env.value("STATUS") & 1
        env.compare(Command(_LONG), changes)


@bench
def interrupt_at_the_end(env: Environment) -> None:
    """irq rises in the clock cycle after FINISH, and falls when its cause is cleared."""
    env.set(INTERRUPT_ENABLE=Interrupt.DONE, SYMMETRIZE_PAIRS=3, PULSE=2 | 2 << 16, CONTROL=Control.CLEAR_COUNTERS)
    origin = env.device.start(_LONG)
    changes = env.device.finish(origin)
    env.compare(Command(_LONG), changes)
    assert env.device.interrupts[-1] == (origin + env.value("CYCLES"), 1)
    env.set(INTERRUPT_STATUS=Interrupt.DONE)
    assert env.device.interrupts[-1][1] == 0


@bench
def every_cause_and_enable(env: Environment) -> None:
    """irq is high exactly while a cause that is enabled is set, for all causes and enables."""
    env.set(SYMMETRIZE_PAIRS=1)
    causes = {
        Interrupt.DONE: lambda: env.run(Opcode.SYMMETRIZE, 0),
        Interrupt.ERROR: lambda: env.run(0, 0),
        Interrupt.FAULT: lambda: env.set(CONTROL=Control.STOP),
    }
    for cause, provoke in causes.items():
        env.set(INTERRUPT_ENABLE=0)
        provoke()
        assert env.value("INTERRUPT_STATUS") == cause
        for enable in range(8):
            env.set(INTERRUPT_ENABLE=enable)
            env.device.wait(2)
            assert env.device.interrupts[-1][1] == bool(enable & cause)
        env.set(INTERRUPT_STATUS=7, CONTROL=Control.CLEAR_FAULT)
        env.device.wait(2)
        assert env.device.interrupts[-1][1] == 0


@bench
def refusal_raises_error_only(env: Environment) -> None:
    """A refused command sets ERROR and no other bit, and BUSY falls at once."""
    assert env.run(0, 0) is ErrorCode.BAD_OPCODE
    assert env.value("INTERRUPT_STATUS") == Interrupt.ERROR
    assert not env.value("STATUS") & 1
