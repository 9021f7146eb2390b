"""Commands that must be refused: every rule of CHECK, alone, and against every rule that comes after it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from crosstwin_model.config import Source
from crosstwin_model.registers import UNLIMITED, ErrorCode, Opcode, TileKind

from .environment import Environment, bench

Settings = Mapping[str, int]


class Broken(NamedTuple):
    """A setting that breaks a rule, and the operations on tile A that object to it."""

    code: ErrorCode
    settings: Settings
    opcodes: frozenset[Opcode]


_READ = frozenset({Opcode.FORWARD, Opcode.BACKWARD})
_UPDATE = frozenset({Opcode.UPDATE})
_TRANSFER = frozenset({Opcode.TRANSFER})
_SYMMETRIZE = frozenset({Opcode.SYMMETRIZE})


def _good(env: Environment) -> Settings:
    unity = 1 << env.config.code_bits
    return {
        "PULSE": 1 | 1 << 16,
        "BL": 2,
        "TRANSFER_BL": 2,
        "SOURCE": env.map["SOURCE"].reset,
        "X_FULL_SCALE": unity,
        "D_FULL_SCALE": unity,
        "TRANSFER_FULL_SCALE": unity,
        "SYMMETRIZE_PAIRS": 2,
        "READ": 3 | 1 << 16,
        "ADC_TIMEOUT": 64,
        "PAIR0_ACTIVE": env.config.rows | env.config.columns << 16,
        "PAIR0_TRANSFER_ROW": 0,
        "PULSE_BUDGET": UNLIMITED,
    }


def _rules(env: Environment) -> list[Broken]:
    """Return ways to break each rule from the fourth on, in the order in which CHECK looks."""
    config = env.config
    rows, columns, full, unity = config.rows, config.columns, config.rows | config.columns << 16, 1 << config.code_bits
    pulses = _UPDATE | _TRANSFER
    rules = [
        *(Broken(ErrorCode.BAD_PULSE, {"PULSE": value}, pulses | _SYMMETRIZE) for value in (0, 1, 1 << 16)),
        *(Broken(ErrorCode.BAD_BL, {"BL": value}, _UPDATE) for value in (0, config.bl_max + 1, 255)),
        *(Broken(ErrorCode.BAD_BL, {"TRANSFER_BL": value}, _TRANSFER) for value in (0, config.bl_max + 1, 255)),
        *(Broken(ErrorCode.BAD_SOURCE, {"SOURCE": source}, pulses) for source in Source if not config.has_source(source)),
        Broken(ErrorCode.BAD_FULL_SCALE, {"X_FULL_SCALE": 0}, _UPDATE),
        Broken(ErrorCode.BAD_FULL_SCALE, {"D_FULL_SCALE": 0}, _UPDATE),
        Broken(ErrorCode.BAD_FULL_SCALE, {"TRANSFER_FULL_SCALE": 0}, _TRANSFER),
        Broken(ErrorCode.BAD_COUNT, {"SYMMETRIZE_PAIRS": 0}, _SYMMETRIZE),
        *(Broken(ErrorCode.BAD_READ, {"READ": value}, _READ | _TRANSFER) for value in (0, 3, 1 << 16)),
        Broken(ErrorCode.BAD_READ, {"ADC_TIMEOUT": 0}, _READ | _TRANSFER),
        *(
            Broken(ErrorCode.BAD_ACTIVE, {"PAIR0_ACTIVE": value}, _READ | _TRANSFER)
            for value in (0, rows, columns << 16, full + 1, full + (1 << 16), 0xFFFF_FFFF)
        ),
        Broken(ErrorCode.BAD_ACTIVE, {"PAIR0_TRANSFER_ROW": rows}, _TRANSFER),
        Broken(ErrorCode.PULSE_BUDGET, {"PULSE_BUDGET": 7}, _UPDATE),
        Broken(ErrorCode.PULSE_BUDGET, {"PULSE_BUDGET": 3}, pulses | _SYMMETRIZE),
    ]
    if config.has_source(Source.LFSR_PER_LINE):
        source = {"SOURCE": int(Source.LFSR_PER_LINE)}
        rules += [
            Broken(ErrorCode.BAD_FULL_SCALE, source | {"X_FULL_SCALE": unity - 1}, _UPDATE),
            Broken(ErrorCode.BAD_FULL_SCALE, source | {"D_FULL_SCALE": unity + 1}, _UPDATE),
            Broken(ErrorCode.BAD_FULL_SCALE, source | {"TRANSFER_FULL_SCALE": 1}, _TRANSFER),
        ]
    return rules


@bench
def opcodes_and_tiles(env: Environment) -> None:
    """Unknown opcodes, tiles that do not exist, and tiles of a kind that an operation cannot use are refused; all others run."""
    env.set(**_good(env))
    for opcode in range(16):
        for tile in (*range(env.config.tiles + 1), 15) if 1 <= opcode <= 5 else (0, 15):
            for single_ended in (False, True):
                code = env.run(opcode, tile, single_ended=single_ended)
                reads = opcode in (Opcode.FORWARD, Opcode.BACKWARD)
                reference = reads and tile % 4 >= TileKind.C_REF and not single_ended
                if not 1 <= opcode <= 5 or (single_ended and not reads):
                    expected = ErrorCode.BAD_OPCODE
                elif tile >= env.config.tiles or reference or (opcode == Opcode.TRANSFER and tile % 4 != TileKind.A):
                    expected = ErrorCode.BAD_TILE
                else:
                    expected = ErrorCode.OK
                assert code is expected


@bench
def every_rule(env: Environment) -> None:
    """Each broken rule has its own error code, concerns its own operations, and a refused command changes nothing else."""
    good = _good(env)
    env.set(**good)
    for rule in _rules(env):
        for opcode in Opcode:
            env.set(**rule.settings)
            expected = rule.code if opcode in rule.opcodes else ErrorCode.OK
            assert env.run(opcode, TileKind.A) is expected, rule
        env.set(**{name: good[name] for name in rule.settings})


@bench
def order_of_the_rules(env: Environment) -> None:
    """Where two rules are broken at once, the earlier one answers."""
    good = _good(env)
    env.set(**good)
    rules = list({(rule.code, rule.opcodes): rule for rule in _rules(env)}.values())
    for index, first in enumerate(rules):
        for second in rules[index + 1 :]:
            both = first.opcodes & second.opcodes
            if first.settings.keys() & second.settings.keys() or not both:
                continue
            env.set(**first.settings, **second.settings)
            assert env.run(min(both), TileKind.A) is min(first.code, second.code), (first, second)
            env.set(**{name: good[name] for name in (*first.settings, *second.settings)})


@bench
def fault_comes_first(env: Environment) -> None:
    """While a fault is latched every command is refused, even one that is wrong otherwise; after a clear they run."""
    env.set(**_good(env), CONTROL=1)
    for opcode in (0, *Opcode):
        assert env.run(opcode, 15) is ErrorCode.FAULTED
    env.set(CONTROL=2)
    assert env.run(Opcode.UPDATE, TileKind.A) is ErrorCode.OK


@bench
def autonomous_update_is_checked_for_both(env: Environment) -> None:
    """An UPDATE that a transfer may follow obeys the rules of both, whether or not the transfer is due now."""
    good = _good(env)
    env.set(**good, PAIR0_TRANSFER_EVERY=3)
    env.set(PULSE_BUDGET=12)
    assert env.run(Opcode.UPDATE, TileKind.A) is ErrorCode.OK
    env.set(PULSE_BUDGET=11)
    assert env.run(Opcode.UPDATE, TileKind.A) is ErrorCode.PULSE_BUDGET
    assert env.run(Opcode.UPDATE, TileKind.C) is ErrorCode.OK
    env.set(PULSE_BUDGET=UNLIMITED)
    for rule in _rules(env):
        if rule.opcodes & (_UPDATE | _TRANSFER) and rule.code is not ErrorCode.PULSE_BUDGET:
            env.set(**rule.settings)
            assert env.run(Opcode.UPDATE, TileKind.A) is rule.code, rule
            env.set(**{name: good[name] for name in rule.settings})


@bench
def pulse_budget_counts_down(env: Environment) -> None:
    """The budget loses one a slot, lets an operation begin that it can surely pay for, and is never counted when unlimited."""
    env.set(**_good(env))
    env.set(BL=3)
    env.random_codes("X")
    env.random_codes("D")
    budget = 60
    env.set(PULSE_BUDGET=budget, CONTROL=4)
    while env.run(Opcode.UPDATE, TileKind.C) is ErrorCode.OK:
        assert env.value("PULSE_BUDGET") == budget - env.value("SLOTS")
    assert env.value("PULSE_BUDGET") < 12
    env.set(PULSE_BUDGET=4)
    assert env.run(Opcode.SYMMETRIZE, TileKind.C) is ErrorCode.OK
    assert env.value("PULSE_BUDGET") == 0
    assert env.run(Opcode.SYMMETRIZE, TileKind.C) is ErrorCode.PULSE_BUDGET
    assert env.run(Opcode.FORWARD, TileKind.C) is ErrorCode.OK
    env.set(PULSE_BUDGET=UNLIMITED)
    assert env.run(Opcode.SYMMETRIZE, TileKind.C) is ErrorCode.OK
    assert env.value("PULSE_BUDGET") == UNLIMITED


@bench
def adc_watchdog(env: Environment) -> None:
    """A beat in time is taken, at the latest in the last clock cycle allowed; one too late latches ADC_TIMEOUT."""
    env.set(**_good(env))
    seen = set()
    for timeout in (*range(1, 12), 0xFFFF):
        env.set(ADC_TIMEOUT=timeout)
        for opcode in (Opcode.FORWARD, Opcode.BACKWARD, Opcode.TRANSFER):
            code = env.run(opcode, TileKind.A)
            assert code in (ErrorCode.OK, ErrorCode.ADC_TIMEOUT)
            seen.add(code)
            env.set(CONTROL=2)
    assert len(seen) == 2
