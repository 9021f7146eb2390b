"""The bus: every register's reset value, access mode, mask and strobes, the windows, and what is not mapped."""

from __future__ import annotations

from crosstwin_model.registers import ADDRESS_BITS, Access, Response
from crosstwin_model.stimulus import Read, Write

from .environment import STALLS, Environment, bench

#: Registers whose writes do more than store.
_ACTING = ("COMMAND", "CONTROL", "INTERRUPT_STATUS", "SEED_X", "SEED_D")


def _probes(env: Environment) -> list[int]:
    """Return the address of every register, of both ends of every window, and of what lies between and behind them."""
    windows = [env.map.window(name) for name in ("X", "D", "Y")]
    edges = [offset for window in windows for offset in (window.offset - 4, window.offset, window.offset + 4 * window.words)]
    return sorted({*range(0, 0x200, 4), *edges, (1 << ADDRESS_BITS) - 4})


@bench
def reset_values(env: Environment) -> None:
    """After reset every address reads as the register map says, and Y reads 0 after power-up."""
    for register in env.map:
        expected = (Response.SLVERR, 0) if register.access is Access.WO else (Response.OKAY, register.reset)
        assert env.device.read(register.offset) == expected, register.name
    window = env.map.window("Y")
    for index in range(window.words):
        assert env.device.read(window.offset + 4 * index) == (Response.OKAY, 0)
    env.apply(*(Read(address) for address in _probes(env)))


@bench
def write_and_read_back(env: Environment) -> None:
    """Every readable and writable register holds all its bits, both ways."""
    for register in env.map:
        if register.access is not Access.RW or register.name in _ACTING:
            continue
        for value in (register.mask, 0, 0xAAAA_AAAA & register.mask, 0x5555_5555 & register.mask):
            assert env.device.write(register.offset, value) is Response.OKAY
            assert env.device.read(register.offset) == (Response.OKAY, value), register.name


@bench
def refused_writes_change_nothing(env: Environment) -> None:
    """Missing strobes, bits outside the fields, read-only and unmapped addresses answer SLVERR, and nothing moves."""
    before = {address: env.device.read(address) for address in _probes(env)}
    for register in env.map:
        if register.access is Access.RO:
            env.apply(Write(register.offset, 0), Write(register.offset, register.mask))
            continue
        env.apply(*(Write(register.offset, register.mask, strobe) for strobe in range(15)))
        outside = ~register.mask & 0xFFFF_FFFF
        bits = [1 << bit for bit in range(32) if outside >> bit & 1]
        env.apply(*(Write(register.offset, bit) for bit in bits[:2] + bits[-1:]))
    mapped = {register.offset for register in env.map}
    env.apply(*(Write(address, 1) for address in _probes(env) if address not in mapped and env.map.at(address) is None))
    y = env.map.window("Y")
    env.apply(*(Write(y.offset + 4 * index, 1) for index in range(y.words)))
    env.apply(Write(env.address("SEED_X"), 0), Write(env.address("SEED_D"), 0))
    assert {address: env.device.read(address) for address in before} == before


@bench
def windows_take_whole_words(env: Environment) -> None:
    """A word of a window is taken whole, with both codes in range and before the end, or refused; X and D cannot be read."""
    limit = env.config.code_max
    for name in ("X", "D"):
        window = env.map.window(name)
        for address in (window.offset, window.offset + 4 * (window.words - 1)):
            for code in (limit, -limit, limit + 1, -limit - 1, 0x7FFF, -0x8000, 0):
                word = code & 0xFFFF
                env.apply(*(Write(address, word | word << 16, strobe) for strobe in range(16)))
                env.apply(*(Write(address, word << shift, 0xF) for shift in (0, 16)))
            env.apply(Read(address))
    env.set(PULSE=1 | 1 << 16, BL=4)
    for name in ("X", "D"):
        env.random_codes(name)
    env.run(3, 0)


@bench
def write_one_to_clear(env: Environment) -> None:
    """A 1 written to INTERRUPT_STATUS clears its bit alone; a seed reads back as it was written."""
    env.run(0, 0)
    env.run(5, 0)
    env.set(CONTROL=1)
    status = env.address("INTERRUPT_STATUS")
    assert env.device.read(status)[1] == 7
    for bit, left in ((2, 5), (0, 5), (1, 4), (4, 0)):
        env.apply(Write(status, bit), Read(status))
        assert env.device.read(status)[1] == left
    env.set(SEED_X=0x1234567, SEED_D=0x7654321, CONTROL=2)
    env.apply(Read(env.address("SEED_X")), Read(env.address("SEED_D")), Read(env.address("STATUS")))


@bench
def stalled_channels(env: Environment) -> None:
    """With random pauses on all five channels the same accesses have the same answers."""
    env.bus.stall(env.parameters.seed, STALLS)
    registers = list(env.map)
    for _ in range(300):
        register = registers[env.rng.integers(len(registers))]
        if register.name == "COMMAND" or env.rng.random() < 0.5:
            env.apply(Read(register.offset))
        else:
            value = int(env.rng.integers(1 << 32)) & (register.mask if env.rng.random() < 0.8 else 0xFFFF_FFFF)
            env.apply(Write(register.offset, value, 0xF if env.rng.random() < 0.9 else int(env.rng.integers(16))))
