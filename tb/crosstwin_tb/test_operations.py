"""Every operation on every tile it may use, with every random source: pins, results and clock cycles are the golden model's."""

from __future__ import annotations

from crosstwin_model.config import Source
from crosstwin_model.registers import ErrorCode, Opcode, TileKind

from .environment import STALLS, Environment, bench

_TIMINGS = ((1, 1), (3, 2), (1, 4))


def _settings(env: Environment) -> None:
    env.set(PULSE=2 | 1 << 16, BL=5, TRANSFER_BL=4, READ=11 | 2 << 16, READ_GAIN=2 | 3 << 8, ADC_TIMEOUT=64)
    env.random_codes("X")
    env.random_codes("D")


@bench
def read_every_tile(env: Environment) -> None:
    """FORWARD and BACKWARD on every tile, differential and single-ended, with codes beyond the window."""
    _settings(env)
    for tile in range(env.config.tiles):
        for opcode in (Opcode.FORWARD, Opcode.BACKWARD):
            assert env.run(opcode, tile, single_ended=True) is ErrorCode.OK
            reference = tile % 4 >= TileKind.C_REF
            assert env.run(opcode, tile) is (ErrorCode.BAD_TILE if reference else ErrorCode.OK)


@bench
def read_every_window(env: Environment) -> None:
    """Windows from one tick to the longest, ticks of several clock cycles, every gain, and codes of every size."""
    _settings(env)
    limit = env.config.code_max
    for window, tick in ((1, 1), (1, 3), (2, 1), (limit, 1), (limit - 1, 2), (5, 255)):
        env.set(READ=window | tick << 16)
        env.fill("X", [(0, 1, -1, window, -window, limit, -limit)[k % 7] for k in range(env.config.rows)])
        assert env.run(Opcode.FORWARD, TileKind.C) is ErrorCode.OK
        env.fill("D", [(-1, limit, 0)[k % 3] for k in range(env.config.columns)])
        assert env.run(Opcode.BACKWARD, TileKind.A) is ErrorCode.OK
    for gain in range(16):
        env.set(READ=3 | 1 << 16, READ_GAIN=gain)
        assert env.run(Opcode.FORWARD, TileKind.C) is ErrorCode.OK


@bench
def read_active_part(env: Environment) -> None:
    """A read converts the pair's active lines, to the last beat of the last lane, and leaves the rest of Y alone."""
    _settings(env)
    for pair in range(env.config.pairs):
        for rows, columns in (
            (1, 1),
            (env.config.rows, 1),
            (1, env.config.columns),
            (env.config.rows - 1, env.config.columns - 1),
        ):
            env.set(**{f"PAIR{pair}_ACTIVE": rows | columns << 16})
            assert env.run(Opcode.FORWARD, 4 * pair) is ErrorCode.OK
            assert env.run(Opcode.BACKWARD, 4 * pair) is ErrorCode.OK


@bench
def update_every_source(env: Environment) -> None:
    """UPDATE with every random source that is built in, full scales below and above the codes, BL from 1 to its largest."""
    config = env.config
    unity = 1 << config.code_bits
    for source in (source for source in Source if config.has_source(source)):
        env.set(SOURCE=source, SEED_X=int(env.rng.integers(1, 1 << 31)), SEED_D=int(env.rng.integers(1, 1 << 29)))
        for bl in sorted({min(bl, config.bl_max) for bl in (1, 2, 7, 32, 128)}):
            scales = (unity, unity) if source is Source.LFSR_PER_LINE else (int(env.rng.integers(1, 2 * unity)), unity // 2)
            width, gap = _TIMINGS[bl % 3]
            env.set(BL=bl, X_FULL_SCALE=scales[0], D_FULL_SCALE=scales[1], PULSE=width | gap << 16)
            env.random_codes("X")
            env.random_codes("D")
            assert env.run(Opcode.UPDATE, int(env.rng.integers(config.tiles))) is ErrorCode.OK


@bench
def update_every_set_of_quadrants(env: Environment) -> None:
    """Quadrants in which a side has no line to fire are skipped, down to none at all."""
    config = env.config
    env.set(BL=3)
    for x_signs in ((), (1,), (-1,), (1, -1)):
        for d_signs in ((), (1,), (-1,), (1, -1)):
            env.fill("X", [sign * (9 + k) for k, sign in enumerate(x_signs)])
            env.fill("D", [0] * (config.columns - len(d_signs)) + [sign * (11 + k) for k, sign in enumerate(d_signs)])
            before = env.value("SLOTS")
            assert env.run(Opcode.UPDATE, TileKind.A) is ErrorCode.OK
            assert env.value("SLOTS") - before == 3 * len(x_signs) * len(d_signs)


@bench
def update_takes_slots_and_four_cycles(env: Environment) -> None:
    """N = 4 + S L, whatever the width, the gap and the tile."""
    env.random_codes("X")
    env.random_codes("D")
    for tile in (0, env.config.tiles - 1):
        for width, gap in (*_TIMINGS, (9, 1), (1, 9)):
            env.set(BL=6, PULSE=width | gap << 16, CONTROL=4)
            assert env.run(Opcode.UPDATE, tile) is ErrorCode.OK
            assert env.value("CYCLES") == 4 + env.value("SLOTS") * (width + gap)


@bench
def transfer_every_row(env: Environment) -> None:
    """TRANSFER goes round the active rows of its pair and no others, with every random source."""
    config = env.config
    _settings(env)
    for pair in range(config.pairs):
        active = config.rows - pair
        env.set(**{f"PAIR{pair}_ACTIVE": active | config.columns << 16})
        for step in range(active + 1):
            source = [source for source in Source if config.has_source(source)][step % len(config.sources)]
            env.set(SOURCE=source)
            assert env.value(f"PAIR{pair}_TRANSFER_ROW") == step % active
            assert env.run(Opcode.TRANSFER, 4 * pair + TileKind.A) is ErrorCode.OK


@bench
def transfer_scales(env: Environment) -> None:
    """TRANSFER with full scales from 1 to the largest, every gain, and ADC codes beyond the range of a code."""
    _settings(env)
    for gain, scale in ((0, 1), (3, 16), (8, 1 << env.config.code_bits), (15, env.config.full_scale_max)):
        scale = 1 << env.config.code_bits if Source(env.value("SOURCE")) is Source.LFSR_PER_LINE else scale
        env.set(READ_GAIN=gain << 8, TRANSFER_FULL_SCALE=scale)
        for bl in (1, env.config.bl_max):
            env.set(TRANSFER_BL=bl)
            assert env.run(Opcode.TRANSFER, TileKind.A) is ErrorCode.OK


@bench
def symmetrize_every_tile(env: Environment) -> None:
    """SYMMETRIZE pulses all cells up and down in turn, and draws nothing from the random sources."""
    seeds = env.value("SEED_X"), env.value("SEED_D")
    for tile in range(env.config.tiles):
        env.set(SYMMETRIZE_PAIRS=1 + tile, PULSE=(1 + tile % 3) | (1 + tile % 2) << 16)
        assert env.run(Opcode.SYMMETRIZE, tile) is ErrorCode.OK
    assert (env.value("SEED_X"), env.value("SEED_D")) == seeds


@bench
def stalled_bus(env: Environment) -> None:
    """Pauses on the bus change nothing that an operation does."""
    env.bus.stall(env.parameters.seed, STALLS)
    _settings(env)
    for opcode, tile in (
        (Opcode.UPDATE, 1),
        (Opcode.FORWARD, 0),
        (Opcode.BACKWARD, 0),
        (Opcode.TRANSFER, 1),
        (Opcode.SYMMETRIZE, 2),
    ):
        assert env.run(opcode, tile) is ErrorCode.OK
