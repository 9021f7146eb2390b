"""Stochastic Hamiltonian descent without the host: updates of A that the controller follows by transfers to C."""

from __future__ import annotations

from crosstwin_model.registers import ErrorCode, Opcode, TileKind

from .environment import Environment, bench


def _prepare(env: Environment, pair: int, every: int, active_rows: int) -> None:
    env.set(
        **{f"PAIR{pair}_TRANSFER_EVERY": every, f"PAIR{pair}_ACTIVE": active_rows | env.config.columns << 16},
        **{f"PAIR{pair}_UPDATES": 0, f"PAIR{pair}_TRANSFER_ROW": 0},
        BL=4,
        TRANSFER_BL=3,
        READ=7 | 1 << 16,
        READ_GAIN=4 << 8,
        TRANSFER_FULL_SCALE=64,
    )


def _update(env: Environment, tile: int) -> int:
    """Run an update of a tile with new codes; return the operations that it was."""
    env.random_codes("X")
    env.random_codes("D")
    before = env.value("OPERATIONS")
    assert env.run(Opcode.UPDATE, tile) is ErrorCode.OK
    return env.value("OPERATIONS") - before


@bench
def transfer_every_so_many_updates(env: Environment) -> None:
    """With TRANSFER_EVERY of 1, 2 and 3 every first, second and third update of A goes on with a transfer; the rows go round."""
    rows = min(env.config.rows, 4)
    for every in (1, 2, 3):
        _prepare(env, 0, every, rows)
        for step in range(1, every * (rows + 1) + 1):
            assert _update(env, TileKind.A) == (2 if step % every == 0 else 1)
            assert env.value("PAIR0_UPDATES") == step % every
            assert env.value("PAIR0_TRANSFER_ROW") == step // every % rows


@bench
def updates_of_other_tiles_do_not_count(env: Environment) -> None:
    """Updates of C and of references transfer nothing."""
    _prepare(env, 0, 1, 2)
    for tile in (TileKind.C, TileKind.C_REF, TileKind.A_REF):
        assert _update(env, tile) == 1
    assert env.value("PAIR0_UPDATES") == 0


@bench
def pairs_count_by_themselves(env: Environment) -> None:
    """Every pair has its own interval, counter and row."""
    pairs = env.config.pairs
    for pair in range(pairs):
        _prepare(env, pair, pair + 1, env.config.rows)
    for _ in range(3):
        for pair in range(pairs):
            _update(env, 4 * pair + TileKind.A)
    for pair in range(pairs):
        assert env.value(f"PAIR{pair}_TRANSFER_ROW") == 3 // (pair + 1) % env.config.rows
        assert env.value(f"PAIR{pair}_UPDATES") == 3 % (pair + 1)


@bench
def overdue_counter(env: Environment) -> None:
    """A counter set beyond the interval transfers at the next update; so does one at its largest value."""
    for updates in (5, 0xFFFF):
        _prepare(env, 0, 2, 2)
        env.set(PAIR0_UPDATES=updates)
        assert _update(env, TileKind.A) == 2
        assert env.value("PAIR0_UPDATES") == 0


@bench
def timeout_in_the_transfer(env: Environment) -> None:
    """A converter that fails in the transfer ends it; the update has counted, the row has not moved."""
    _prepare(env, 0, 1, 2)
    env.set(ADC_TIMEOUT=1)
    assert env.run(Opcode.UPDATE, TileKind.A) is ErrorCode.ADC_TIMEOUT
    assert env.value("PAIR0_TRANSFER_ROW") == 0
