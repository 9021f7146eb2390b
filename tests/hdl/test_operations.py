"""Operations on the whole controller: what the pins show in which clock cycle, and how many clock cycles it takes.

The codes and sources are chosen such that what has to happen can be written down by hand.
"""

from __future__ import annotations

from itertools import groupby

import pytest

from crosstwin_model.registers import ErrorCode, Interrupt, Opcode, Response, Source

ROWS, COLUMNS = 4, 3
C0, A0, C_REF0, A1 = 0, 1, 2, 5


def mask(flags):
    """Return lines as one number, line k in bit k."""
    return sum(1 << k for k, flag in enumerate(flags) if flag)


def slots(trace):
    """Return (clock cycle, quadrant, row_pos, row_neg, column_pos, column_neg) of every slot."""
    return [(cycle, p.quadrant, p.row_pos, p.row_neg, p.column_pos, p.column_neg) for cycle, p in enumerate(trace.pins) if p.slot]


def spells(trace, name):
    """Return (first clock cycle, number of clock cycles, value) of every spell in which a pin is not 0."""
    result, cycle = [], 0
    for value, group in groupby(getattr(pins, name) for pins in trace.pins):
        length = len(list(group))
        if value:
            result.append((cycle, length, value))
        cycle += length
    return result


def counted(codes, sign, slot, scale=256):
    """Return the lines that fire in a slot of the source ``count``: in its quadrant a code fires in the first slots."""
    threshold = min((slot * scale + scale // 2) >> 8, 255) + 1
    return mask(code * sign > 0 and abs(code) >= threshold for code in codes)


@pytest.mark.parametrize(("width", "gap", "bl"), [(1, 1, 3), (2, 1, 2), (1, 3, 1), (3, 2, 2)])
def test_update_runs_its_four_quadrants(tiny, width, gap, bl):
    """Every slot is shown for WIDTH clock cycles from the one after its LOAD on; N = 4 + S L."""
    x, d = [2, -3, 0, 1], [1, -255, 2]

    async def scenario(s):
        await s.load("X", x)
        await s.load("D", d)
        await s.set("PULSE", width | gap << 16)
        await s.set("BL", bl)
        await s.set("SOURCE", Source.COUNT)
        trace = await s.operate(Opcode.UPDATE, tile=A1)
        length = width + gap
        assert trace.cycles == 4 + 4 * bl * length
        expected = []
        for quadrant, (sign_x, sign_d) in enumerate(((1, 1), (-1, -1), (1, -1), (-1, 1))):
            for k in range(bl):
                rows, columns = counted(x, sign_x, k), counted(d, sign_d, k)
                drive = (rows, 0, 0, columns) if quadrant < 2 else (0, rows, columns, 0)
                expected.append((4 + (quadrant * bl + k) * length, quadrant, *drive))
        assert slots(trace) == expected
        for cycle, *_ in expected:
            shown = [pins._replace(slot=0) for pins in trace.pins[cycle : cycle + length]]
            assert shown[:width] == [trace.pins[cycle]._replace(slot=0)] * width
            assert all(pins[:4] == (0, 0, 0, 0) and pins.quadrant == 0 for pins in shown[width:])
        assert spells(trace, "tile") == [(1, trace.cycles - 1, A1)]
        assert await s.get("SLOTS") == 4 * bl
        fired = sum(sum(lines.bit_count() for lines in drive) for _, _, *drive in expected)
        assert await s.get("FIRED") == fired
        assert await s.get("CYCLES") == trace.cycles
        assert await s.get("OPERATIONS") == 1

    tiny.run(scenario)


@pytest.mark.parametrize(
    ("x", "d", "quadrants"),
    [
        ([1, 0, 0, 2], [0, 3, 0], [0]),
        ([1, 0, 0, 2], [0, -3, 0], [2]),
        ([0, -1, 0, 0], [4, 0, 0], [3]),
        ([0, -1, 0, 0], [0, 0, -4], [1]),
        ([1, -1, 0, 0], [0, 0, 4], [0, 3]),
        ([0, 0, 0, 0], [1, -1, 0], []),
        ([1, -1, 0, 0], [0, 0, 0], []),
    ],
)
def test_update_skips_empty_quadrants(tiny, x, d, quadrants):
    """A quadrant without a line that may fire on one side takes no time."""

    async def scenario(s):
        await s.load("X", x)
        await s.load("D", d)
        await s.set("BL", 2)
        trace = await s.operate(Opcode.UPDATE)
        assert trace.cycles == 4 + 2 * len(quadrants) * 2
        assert [slot[1] for slot in slots(trace)] == [quadrant for quadrant in quadrants for _ in range(2)]

    tiny.run(scenario)


def test_hammersley_fires_every_code_its_share(tiny):
    """With BL = 2^R / 2 every code c fires in c / F of the slots, give or take one; the masks change from update to update."""
    x, d = [255, 128, 64, 3], [200, 0, 1]

    async def scenario(s):
        await s.load("X", x)
        await s.load("D", d)
        await s.set("BL", 128)
        before = await s.get("SEED_X"), await s.get("SEED_D")
        traces = [await s.operate(Opcode.UPDATE) for _ in range(2)]
        for trace in traces:
            for line, code in enumerate(x):
                assert abs(sum(slot[2] >> line & 1 for slot in slots(trace)) - code / 2) <= 1
            for line, code in enumerate(d):
                assert abs(sum(slot[5] >> line & 1 for slot in slots(trace)) - code / 2) <= 1
        assert slots(traces[0]) != slots(traces[1])
        assert before != (await s.get("SEED_X"), await s.get("SEED_D"))

    tiny.run(scenario)


def test_symmetrize_pulses_all_lines_up_and_down(tiny):
    """All lines fire in every slot, up and down in turn, whatever the codes; the LFSRs stay."""

    async def scenario(s):
        await s.load("X", [0, -5, 7, 0])
        await s.set("SYMMETRIZE_PAIRS", 3)
        seed = await s.get("SEED_X")
        trace = await s.operate(Opcode.SYMMETRIZE, tile=C_REF0)
        assert trace.cycles == 4 + 2 * 3 * 2
        up, down = (0, 0xF, 0, 0, 0x7), (2, 0, 0xF, 0x7, 0)
        assert [slot[1:] for slot in slots(trace)] == [up, down] * 3
        assert await s.get("SEED_X") == seed
        assert await s.get("FIRED") == 6 * (ROWS + COLUMNS)

    tiny.run(scenario)


@pytest.mark.parametrize("single_ended", [0, 1])
@pytest.mark.parametrize("opcode", [Opcode.FORWARD, Opcode.BACKWARD])
def test_read_drives_codes_for_their_magnitude(tiny, opcode, single_ended):
    """A code is shown for min(|c|, W) K clock cycles from cycle 2 on; N = W K + sum d_b + 4."""
    window, tick = 5, 3
    forward = opcode == Opcode.FORWARD
    codes = [3, -255, 0, 1] if forward else [-2, 5, 0]
    delays = [1, 4, 2] if forward else [2, 1, 1, 3]
    values = [-256, 255, 7, -1][: len(delays)]

    async def scenario(s):
        await s.load("X" if forward else "D", codes)
        await s.load("D" if forward else "X", [9] * 3)
        await s.set("READ", window | tick << 16)
        await s.set("READ_GAIN", 0x9 | 0x5 << 8)
        s.beats = [(delay, [value]) for delay, value in zip(delays, values, strict=True)]
        trace = await s.operate(opcode, tile=A1, single_ended=single_ended)
        last_beat = 2 + window * tick + sum(delays)
        assert trace.cycles == last_beat + 2
        driven, other = ("row", "column") if forward else ("column", "row")
        for line, code in enumerate(codes):
            sign = "pos" if code > 0 else "neg"
            length = min(abs(code), window) * tick
            found = [cycle for cycle, pins in enumerate(trace.pins) if getattr(pins, f"{driven}_{sign}") >> line & 1]
            assert found == list(range(2, 2 + length))
        assert not spells(trace, f"{other}_pos") and not spells(trace, f"{other}_neg")
        assert spells(trace, "adc_sample") == [(2 + window * tick, 1, 1)]
        assert spells(trace, "adc_ready") == [(3 + window * tick, last_beat - 2 - window * tick, 1)]
        held = [(1, last_beat + 1)]
        for name, value in (("read_level", 1), ("tile", A1), ("gain", 9), ("differential", 1 - single_ended)):
            assert spells(trace, name) == [(*held[0], value)] * bool(value)
        sensed, unsensed = ("sense_columns", "sense_rows") if forward else ("sense_rows", "sense_columns")
        assert spells(trace, sensed) == [(*held[0], 1)] and not spells(trace, unsensed)
        assert await s.result(len(values)) == values

    tiny.run(scenario)


def test_read_leaves_inactive_entries_of_y(tiny):
    """Only the pair's active lines are converted; the entries behind them keep their value."""

    async def scenario(s):
        s.beats = [(1, [k]) for k in (10, 11, 12, 13)]
        await s.operate(Opcode.BACKWARD, tile=4)
        await s.set("PAIR1_ACTIVE", 2 | 1 << 16)
        s.beats = [(1, [k]) for k in (-1, -2)]
        await s.operate(Opcode.BACKWARD, tile=4)
        assert await s.result(4) == [-1, -2, 12, 13]
        s.beats = [(1, [-3])]
        await s.operate(Opcode.FORWARD, tile=4)
        assert await s.result(4) == [-3, -2, 12, 13]

    tiny.run(scenario)


def test_transfer_reads_one_row_and_pulses_it(tiny):
    """The chosen row of A alone is read, then fires in every slot on C while the columns follow the ADC's codes."""
    window, tick, bl = 2, 2, 2
    codes = [-256, 1, 0]

    async def scenario(s):
        await s.load("X", [-9, -9, -9, -9])
        await s.load("D", [77, 77, 77])
        await s.set("READ", window | tick << 16)
        await s.set("READ_GAIN", 0x1 | 0x5 << 8)
        await s.set("TRANSFER_BL", bl)
        await s.set("TRANSFER_FULL_SCALE", 256)
        await s.set("SOURCE", Source.COUNT)
        await s.set("PAIR1_TRANSFER_ROW", 2)
        s.beats = [(2, [code]) for code in codes]
        trace = await s.operate(Opcode.TRANSFER, tile=A1)
        beat = 2 + window * tick + 2 * len(codes)
        scan = beat + 1
        assert trace.cycles == scan + 4 + 2 * bl * 2 == window * tick + 6 + 7 + 2 * bl * 2
        assert spells(trace, "row_pos")[0] == (2, window * tick, 0b100)
        assert spells(trace, "tile") == [(1, beat, A1), (scan + 1, trace.cycles - scan - 1, 4)]
        for name, value in (("read_level", 1), ("differential", 1), ("sense_columns", 1), ("gain", 5)):
            assert spells(trace, name) == [(1, beat, value)]
        assert [slot[1:] for slot in slots(trace)] == [
            (0, 0b100, 0, 0, 0b010),
            (0, 0b100, 0, 0, 0),
            (2, 0, 0b100, 0b001, 0),
            (2, 0, 0b100, 0b001, 0),
        ]
        assert await s.result(3) == codes
        assert await s.get("PAIR1_TRANSFER_ROW") == 3
        # D now holds the codes, cut to what a code can hold.
        s.beats = [(1, [0])] * 4
        await s.set("READ", 255 | 1 << 16)
        trace = await s.operate(Opcode.BACKWARD, tile=4)
        assert spells(trace, "column_neg") == [(2, 255, 0b001)] and spells(trace, "column_pos") == [(2, 1, 0b010)]

    tiny.run(scenario)


def line_numbers(line, side, seed, count):
    """Return the numbers u of a line's own LFSR in successive slots after a write of its side's seed (0 rows, 1 columns)."""
    z = (2 * line + side + 1) * 0x9E3779B9 & 0xFFFF_FFFF
    z = (z ^ z >> 16) * 0x85EBCA6B & 0xFFFF_FFFF
    z = (z ^ z >> 13) * 0xC2B2AE35 & 0xFFFF_FFFF
    z ^= z >> 16
    bits, taps = ((17, (17, 14)), (19, (19, 18, 17, 14)))[side]
    state = ((z ^ seed) | 1 << (bits - 1)) % (1 << bits)
    numbers = []
    for _ in range(count):
        numbers.append(state & 0xFF)
        for _ in range(8):
            state = (state << 1 | sum(state >> (tap - 1) & 1 for tap in taps) & 1) % (1 << bits)
    return numbers


def test_transfer_with_lines_of_their_own(tiny):
    """With lfsr_per_line the row fires in every slot, a column where its code exceeds its LFSR; each slot advances all LFSRs."""
    bl, codes, seeds = 16, [-200, 90, 255], (0x1234_5678, 0x0765_4321)
    rows, columns = ([line_numbers(k, side, seeds[side], 5 * bl) for k in range(n)] for side, n in ((0, ROWS), (1, COLUMNS)))

    def fire(codes, numbers, sign, slot):
        return mask(code * sign > numbers[k][slot] for k, code in enumerate(codes))

    async def scenario(s):
        for name, value in (("SEED_X", seeds[0]), ("SEED_D", seeds[1]), ("SOURCE", Source.LFSR_PER_LINE), ("READ", 1 | 1 << 16)):
            await s.set(name, value)
        await s.set("TRANSFER_BL", bl)
        await s.set("TRANSFER_FULL_SCALE", 256)
        await s.set("PAIR1_TRANSFER_ROW", 1)
        shared = await s.get("SEED_X"), await s.get("SEED_D")
        for first, row in ((0, 0b0010), (2 * bl, 0b0100)):
            s.beats = [(1, [code]) for code in codes]
            trace = await s.operate(Opcode.TRANSFER, tile=A1)
            assert [slot[1:] for slot in slots(trace)] == [
                *((0, row, 0, 0, fire(codes, columns, 1, first + k)) for k in range(bl)),
                *((2, 0, row, fire(codes, columns, -1, first + bl + k), 0) for k in range(bl)),
            ]
        assert (await s.get("SEED_X"), await s.get("SEED_D")) == shared
        x = [100, 200, 30, 255]
        await s.load("X", x)
        await s.set("BL", bl)
        trace = await s.operate(Opcode.UPDATE, tile=4)  # D still holds the codes of the transfer
        assert [slot[2] for slot in slots(trace)[:bl]] == [fire(x, rows, 1, 4 * bl + k) for k in range(bl)]

    tiny.run(scenario)


def test_transfer_goes_round_the_active_rows(tiny):
    """TRANSFER_ROW goes from the last active row back to 0; columns that are not active are not pulsed."""

    async def scenario(s):
        await s.set("READ", 1 | 1 << 16)
        await s.set("TRANSFER_BL", 1)
        await s.set("PAIR0_ACTIVE", 2 | 2 << 16)
        await s.load("D", [1, 1, 1])
        rows = []
        for _ in range(3):
            s.beats = [(1, [255]), (1, [255])]
            trace = await s.operate(Opcode.TRANSFER, tile=A0)
            assert [slot[5] for slot in slots(trace)] == [0b011]
            rows.append(await s.get("PAIR0_TRANSFER_ROW"))
        assert rows == [1, 0, 1]

    tiny.run(scenario)


def test_every_third_update_of_a_transfers(tiny):
    """UPDATES counts updates of A; the one that reaches TRANSFER_EVERY goes on with the TRANSFER, without a pause."""

    async def scenario(s):
        await s.load("X", [1, 0, 0, 0])
        await s.load("D", [1, 0, 0])
        await s.set("BL", 1)
        await s.set("TRANSFER_BL", 1)
        await s.set("READ", 1 | 1 << 16)
        await s.set("PAIR1_TRANSFER_EVERY", 3)
        seen = []
        for _ in range(4):
            await s.load("D", [1, 0, 0])
            s.beats = [(1, [5]), (1, [0]), (1, [0])]
            trace = await s.operate(Opcode.UPDATE, tile=A1)
            seen.append((trace.cycles, await s.get("PAIR1_UPDATES"), await s.get("PAIR1_TRANSFER_ROW")))
        update, transfer = 4 + 2, 1 + 3 + 7 + 2
        assert seen == [(update, 1, 0), (update, 2, 0), (update + transfer, 0, 1), (update, 1, 1)]
        assert await s.get("OPERATIONS") == 5
        assert await s.get("PAIR0_UPDATES") == 0
        # An update of C does not count.
        assert (await s.operate(Opcode.UPDATE, tile=4)).cycles == update
        assert await s.get("PAIR1_UPDATES") == 1

    tiny.run(scenario)


def test_lines_of_their_own_fire_always_at_full_scale_never_at_zero(tiny):
    """With lfsr_per_line the codes 0 never fire, and two lines with the same code fire in different slots."""

    async def scenario(s):
        await s.load("X", [128, 128, 0, 1])
        await s.load("D", [128, 128, 0])
        await s.set("SOURCE", Source.LFSR_PER_LINE)
        await s.set("BL", 64)
        trace = await s.operate(Opcode.UPDATE)
        rows = [slot[2] for slot in slots(trace)]
        columns = [slot[5] for slot in slots(trace)]
        assert not any(lines & 0b100 for lines in (*rows, *columns))
        for sides in (rows, columns):
            first, second = ([lines >> k & 1 for lines in sides] for k in (0, 1))
            assert first != second and 16 <= sum(first) <= 48 and 16 <= sum(second) <= 48

    tiny.run(scenario)


def test_refusal_changes_nothing_but_the_error(tiny):
    """A refused command ends in CHECK: no pin moves, no counter counts."""

    async def scenario(s):
        await s.set("BL", 0)
        trace = await s.operate(Opcode.UPDATE)
        assert trace.cycles == 0
        assert not any(any(pins) for pins in trace.pins)
        assert await s.get("ERROR") == ErrorCode.BAD_BL
        assert await s.get("INTERRUPT_STATUS") == Interrupt.ERROR
        assert [await s.get(name) for name in ("CYCLES", "SLOTS", "OPERATIONS")] == [0, 0, 0]
        assert await s.get("STATUS") == 0
        await s.set("BL", 1)
        await s.operate(Opcode.UPDATE)
        assert await s.get("ERROR") == ErrorCode.OK
        assert await s.get("INTERRUPT_STATUS") == Interrupt.DONE

    tiny.run(scenario)


def test_budget_goes_down_with_every_slot(tiny):
    """PULSE_BUDGET counts LOAD cycles; the operation that could need more is refused; the largest value is no limit."""

    async def scenario(s):
        await s.load("X", [1, 0, 0, 0])
        await s.load("D", [1, 0, 0])
        await s.set("BL", 2)
        await s.operate(Opcode.UPDATE)
        assert await s.get("PULSE_BUDGET") == 0xFFFF_FFFF
        await s.set("PULSE_BUDGET", 9)
        await s.operate(Opcode.UPDATE)
        assert await s.get("PULSE_BUDGET") == 7
        await s.operate(Opcode.UPDATE)
        assert await s.get("ERROR") == ErrorCode.PULSE_BUDGET
        assert await s.get("PULSE_BUDGET") == 7

    tiny.run(scenario)


@pytest.mark.parametrize(
    "refused",
    [
        Opcode.TRANSFER,
        Opcode.TRANSFER | A1 << 8,
        Opcode.UPDATE | 8 << 8,
        Opcode.SYMMETRIZE | 8 << 8,
        Opcode.FORWARD | C_REF0 << 8,
        0,
    ],
)
@pytest.mark.parametrize("x", [[-1, 5, 0, 0], [0, 0, 0, 0]])
def test_a_refused_command_leaves_nothing_for_the_next(tiny, refused, x):
    """Not even if the bus brings the next command two clock cycles later."""

    async def scenario(s):
        await s.load("X", x)
        await s.load("D", [1, 0, -2])
        await s.set("BL", 2)
        await s.set("SOURCE", Source.COUNT)
        await s.set("PAIR1_TRANSFER_ROW", ROWS)
        assert await s.write_all([("COMMAND", refused), ("COMMAND", Opcode.UPDATE)]) == [Response.OKAY] * 2
        while await s.get("STATUS") & 1:
            assert s.cycle < 1000, "the operation does not end"
        quadrants = 4 if any(x) else 0
        assert await s.get("CYCLES") == 4 + quadrants * 2 * 2
        assert await s.get("SLOTS") == quadrants * 2
        assert await s.get("OPERATIONS") == 1

    tiny.run(scenario)
