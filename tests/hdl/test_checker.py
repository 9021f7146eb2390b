"""CHECK: every rule for every operation it is of, and their order."""

from __future__ import annotations

from itertools import combinations

import pytest
from amaranth.hdl import Value

from crosstwin_hdl.checker import Checker
from crosstwin_model.config import ControllerConfig
from crosstwin_model.registers import UNLIMITED, ErrorCode, Opcode, register_map

#: Three pairs, so that there are tile numbers without a tile; no ``lfsr``.
CONFIG = ControllerConfig("c", rows=4, columns=3, pairs=3, bl_max=20, sources=("hammersley", "lfsr_per_line", "count"))
MAP = register_map(CONFIG)
C1, A1, C_REF1, A_REF1 = 4, 5, 6, 7
PER_LINE = 2

LEGAL = {
    "opcode": Opcode.UPDATE,
    "tile": C1,
    "single_ended": 0,
    "fault": 0,
    "pulse.WIDTH": 1,
    "pulse.GAP": 1,
    "bl": 5,
    "transfer_bl": 5,
    "source": 0,
    "x_full_scale": 256,
    "d_full_scale": 256,
    "transfer_full_scale": 256,
    "read.WINDOW": 9,
    "read.TICK": 1,
    "adc_timeout": 9,
    "symmetrize_pairs": 3,
    "pulse_budget": UNLIMITED,
    "pair1_transfer_every": 0,
    "pair1_active.ROWS": 4,
    "pair1_active.COLUMNS": 3,
    "pair1_transfer_row": 3,
}
FORWARD = {"opcode": Opcode.FORWARD}
BACKWARD = {"opcode": Opcode.BACKWARD}
TRANSFER = {"opcode": Opcode.TRANSFER, "tile": A1}
SYMMETRIZE = {"opcode": Opcode.SYMMETRIZE}
UPDATE_A = {"tile": A1}
BOTH = {"tile": A1, "pair1_transfer_every": 7}


async def refusal(ctx, checker, **settings):
    """Return the code that a command gets with these settings, which are written one after another."""
    values = {}
    for name, value in (LEGAL | settings).items():
        register, _, part = name.partition(".")
        if register in ("opcode", "tile", "single_ended"):
            ctx.set(getattr(checker, f"coming_{register}"), int(value))
        elif register == "fault":
            ctx.set(checker.fault, value)
        else:
            lsb = MAP[register.upper()].field(part).lsb if part else 0
            values[register] = values.get(register, 0) | value << lsb
    for register, value in values.items():
        ctx.set(checker.write_data, value)
        strobe = f"{register}_write"
        for name, number in ((register, value), (strobe, 1)):
            if name in checker.signature.members:
                ctx.set(Value.cast(getattr(checker, name)), number)
        await ctx.tick()
        if strobe in checker.signature.members:
            ctx.set(getattr(checker, strobe), 0)
    await ctx.tick().repeat(2)
    ctx.set(checker.take, 1)
    await ctx.tick()
    ctx.set(checker.take, 0)
    code = ErrorCode(ctx.get(checker.refusal))
    assert ctx.get(checker.refused) == (code is not ErrorCode.OK)
    return code


#: Settings that break exactly one rule, for the operations they are added to, and the rule.
BROKEN = [
    *(({"opcode": opcode}, ErrorCode.BAD_OPCODE) for opcode in (0, 6, 15)),
    *((op | {"single_ended": 1}, ErrorCode.BAD_OPCODE) for op in ({}, TRANSFER, SYMMETRIZE)),
    *((op | {"tile": 12}, ErrorCode.BAD_TILE) for op in ({}, FORWARD, BACKWARD, SYMMETRIZE)),
    ({"opcode": Opcode.FORWARD, "tile": 13, "single_ended": 1}, ErrorCode.BAD_TILE),
    *(({"opcode": Opcode.TRANSFER, "tile": tile}, ErrorCode.BAD_TILE) for tile in (C1, C_REF1, A_REF1, 13)),
    *((op | {"tile": tile}, ErrorCode.BAD_TILE) for op in (FORWARD, BACKWARD) for tile in (C_REF1, A_REF1)),
    *((op | {name: 0}, ErrorCode.BAD_PULSE) for op in ({}, TRANSFER, SYMMETRIZE) for name in ("pulse.WIDTH", "pulse.GAP")),
    *((op | {"bl": bl}, ErrorCode.BAD_BL) for op in ({}, BOTH) for bl in (0, 21, 255)),
    *((op | {"transfer_bl": bl}, ErrorCode.BAD_BL) for op in (TRANSFER, BOTH) for bl in (0, 21)),
    *((op | {"source": 1}, ErrorCode.BAD_SOURCE) for op in ({}, TRANSFER)),
    *((op | {name: 0}, ErrorCode.BAD_FULL_SCALE) for op in ({}, BOTH) for name in ("x_full_scale", "d_full_scale")),
    *((op | {"transfer_full_scale": 0}, ErrorCode.BAD_FULL_SCALE) for op in (TRANSFER, BOTH)),
    *(({"source": PER_LINE, name: 255}, ErrorCode.BAD_FULL_SCALE) for name in ("x_full_scale", "d_full_scale")),
    *((op | {"source": PER_LINE, "transfer_full_scale": 257}, ErrorCode.BAD_FULL_SCALE) for op in (TRANSFER, BOTH)),
    (SYMMETRIZE | {"symmetrize_pairs": 0}, ErrorCode.BAD_COUNT),
    *(
        (op | {name: 0}, ErrorCode.BAD_READ)
        for op in (FORWARD, BACKWARD, TRANSFER, BOTH)
        for name in ("read.WINDOW", "read.TICK", "adc_timeout")
    ),
    *(
        (op | {name: value}, ErrorCode.BAD_ACTIVE)
        for op in (FORWARD, BACKWARD, TRANSFER, BOTH)
        for name, value in (("pair1_active.ROWS", 5), ("pair1_active.COLUMNS", 0), ("pair1_active.COLUMNS", 4))
    ),
    *((op | {"pair1_active.ROWS": 0}, ErrorCode.BAD_ACTIVE) for op in (FORWARD, BACKWARD)),
    *((op | {"pair1_transfer_row": row}, ErrorCode.BAD_ACTIVE) for op in (TRANSFER, BOTH) for row in (4, 8, 0x100, 0x8000)),
    ({"pulse_budget": 19}, ErrorCode.PULSE_BUDGET),
    (UPDATE_A | {"pulse_budget": 19}, ErrorCode.PULSE_BUDGET),
    (TRANSFER | {"pulse_budget": 9}, ErrorCode.PULSE_BUDGET),
    (BOTH | {"pulse_budget": 29}, ErrorCode.PULSE_BUDGET),
    (SYMMETRIZE | {"pulse_budget": 5}, ErrorCode.PULSE_BUDGET),
    (SYMMETRIZE | {"symmetrize_pairs": 0xFFFF, "pulse_budget": 0x1FFFD}, ErrorCode.PULSE_BUDGET),
    *((op | {"fault": 1}, ErrorCode.FAULTED) for op in ({}, FORWARD, BACKWARD, TRANSFER, SYMMETRIZE)),
]
#: Settings that look odd but keep all rules of that operation.
KEPT = [
    {},
    FORWARD,
    BACKWARD,
    TRANSFER,
    SYMMETRIZE,
    UPDATE_A,
    BOTH,
    {"tile": A_REF1},
    SYMMETRIZE | {"tile": C_REF1},
    FORWARD | {"tile": C_REF1, "single_ended": 1},
    FORWARD | {"pulse.WIDTH": 0, "bl": 0, "source": 1, "pulse_budget": 0, "x_full_scale": 0, "pair1_transfer_row": 9},
    {"read.WINDOW": 0, "adc_timeout": 0, "transfer_bl": 0, "pair1_active.ROWS": 0, "symmetrize_pairs": 0},
    UPDATE_A | {"read.WINDOW": 0, "transfer_full_scale": 0, "pair1_transfer_row": 9},
    {"tile": C1, "pair1_transfer_every": 7, "read.WINDOW": 0, "transfer_bl": 0},
    TRANSFER | {"bl": 0, "x_full_scale": 0, "d_full_scale": 0},
    SYMMETRIZE | {"source": 1, "bl": 0, "transfer_bl": 0, "x_full_scale": 0},
    {"bl": 20, "x_full_scale": 1, "d_full_scale": 4095},
    {"source": PER_LINE, "transfer_full_scale": 1},
    TRANSFER | {"source": PER_LINE, "x_full_scale": 1},
    {"pulse_budget": 20},
    TRANSFER | {"pulse_budget": 10},
    BOTH | {"pulse_budget": 30},
    SYMMETRIZE | {"pulse_budget": 6},
    {"pair1_transfer_row": 3, "pair1_active.ROWS": 1},
]


def test_every_rule(simulate):
    """A command that breaks one rule gets that rule's code, one that breaks none is accepted."""
    checker = Checker(config=CONFIG)

    async def testbench(ctx):
        for settings in KEPT:
            assert await refusal(ctx, checker, **settings) is ErrorCode.OK, settings
        for settings, code in BROKEN:
            assert await refusal(ctx, checker, **settings) is code, settings

    simulate(checker, testbench)


@pytest.mark.parametrize(
    "operation", [FORWARD, BACKWARD, TRANSFER, SYMMETRIZE, BOTH], ids=["forward", "backward", "transfer", "symmetrize", "update"]
)
def test_first_broken_rule_counts(simulate, operation):
    """Of two broken rules the one with the smaller number is reported, for all pairs that an operation can break at once."""
    checker = Checker(config=CONFIG)
    pulses = operation not in (FORWARD, BACKWARD)
    reads = operation != SYMMETRIZE
    update = operation == BOTH
    breaks = {ErrorCode.FAULTED: {"fault": 1}, ErrorCode.BAD_OPCODE: {"single_ended": 1}, ErrorCode.BAD_TILE: {"tile": 13}}
    if not pulses:
        breaks[ErrorCode.BAD_OPCODE] = {"opcode": 9}
        breaks[ErrorCode.BAD_TILE] = {"tile": A_REF1}
    if pulses:
        breaks[ErrorCode.BAD_PULSE] = {"pulse.GAP": 0}
        breaks[ErrorCode.PULSE_BUDGET] = {"pulse_budget": 1}
    if operation in (TRANSFER, BOTH):
        breaks[ErrorCode.BAD_BL] = {"bl": 21} if update else {"transfer_bl": 21}
        breaks[ErrorCode.BAD_SOURCE] = {"source": 1}
        breaks[ErrorCode.BAD_FULL_SCALE] = {"d_full_scale": 0} if update else {"transfer_full_scale": 0}
    if operation == SYMMETRIZE:
        breaks[ErrorCode.BAD_COUNT] = {"symmetrize_pairs": 0}
        del breaks[ErrorCode.PULSE_BUDGET]
    if reads:
        breaks[ErrorCode.BAD_READ] = {"read.TICK": 0}
        breaks[ErrorCode.BAD_ACTIVE] = {"pair1_active.COLUMNS": 9}

    async def testbench(ctx):
        for one, other in combinations(sorted(breaks), 2):
            assert await refusal(ctx, checker, **operation | breaks[other] | breaks[one]) is one, (one, other)

    simulate(checker, testbench)
