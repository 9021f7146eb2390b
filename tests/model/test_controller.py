"""Operations of the golden controller against the clock cycle formulas and rules of docs/controller.md."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosstwin_model.config import PRESETS
from crosstwin_model.controller import GoldenController
from crosstwin_model.lfsr import PER_LINE, line_seeds
from crosstwin_model.observe import IDLE, Pins, PulsePhase
from crosstwin_model.registers import ErrorCode, Opcode, Response

#: Beat delays of the array below.
DELAY = 3


class Recorder:
    """An array that only writes down what reaches it; every ADC code is its line's number - 1."""

    def __init__(self) -> None:
        self.pulses: list[tuple[int, bool, list[list[int]]]] = []
        self.slots: list[tuple[int, list[bool]]] = []
        self.reads: list[tuple[int, bool, bool, list[int], int, int]] = []

    def update(self, tile, x_signs, d_signs, row_words, column_words) -> None:
        for x, d in ((1, 1), (-1, -1), (1, -1), (-1, 1)):
            rows, columns = row_words[-1 if d < 0 else 0], column_words[-1 if x < 0 else 0]
            fired = rows * (x_signs == x)[:, None], columns * (d_signs == d)[:, None]
            counts = np.bitwise_count(fired[0][:, None, :] & fired[1][None, :, :]).sum(axis=-1, dtype=np.int64)
            if fired[0].any() and fired[1].any():
                self.pulses.append((tile, x == d, counts.tolist()))

    def pulse_slots(self, tile, up, row_masks, column_masks) -> None:
        assert row_masks.tolist() == [[0xF]] * len(up) and column_masks.tolist() == [[0x7]] * len(up)
        self.slots.append((tile, up.tolist()))

    def read(self, tile, differential, forward, charge, gain, count):
        self.reads.append((tile, differential, forward, charge.tolist(), gain, count))
        return np.arange(count, dtype=np.int32) - 1

    def delays(self, beats):
        return np.full(beats, DELAY, np.int32)


class Twin:
    """A tiny controller on a recorder, with registers by name."""

    def __init__(self) -> None:
        self.array = Recorder()
        self.golden = GoldenController(PRESETS["tiny"], self.array)
        self.golden.phases = []
        for name, value in (("READ", 7 | 2 << 16), ("READ_GAIN", 1 | 3 << 8), ("SOURCE", 3), ("BL", 5), ("TRANSFER_BL", 4)):
            self.set(name, value)

    def set(self, name: str, value: int) -> None:
        assert self.golden.write(self.golden.registers.map[name].offset, value) is Response.OKAY

    def get(self, name: str) -> int:
        return self.golden.read(self.golden.registers.map[name].offset)[1]

    def codes(self, x: list[int], d: list[int]) -> None:
        for window, codes in ((0x1000, x), (0x2000, [*d, 0])):
            assert self.golden.write_block(window, np.array(codes, "<i2").view("<u4")) is Response.OKAY

    def run(self, opcode: int, tile: int = 0, flags: int = 0) -> ErrorCode:
        assert self.golden.write(0x14, opcode | tile << 8 | flags << 12) is Response.OKAY
        return ErrorCode(self.get("ERROR"))

    def counters(self) -> list[int]:
        return [self.get(name) for name in ("CYCLES", "SLOTS", "FIRED", "OPERATIONS")]


@pytest.fixture
def twin() -> Twin:
    return Twin()


def test_update_runs_the_quadrants_in_order_and_skips_the_empty(twin: Twin) -> None:
    twin.set("PULSE", 2 | 3 << 16)
    twin.codes([3, -2, 0, 9], [1, 0, -4])
    assert twin.run(Opcode.UPDATE, 5) is ErrorCode.OK
    zeros = [0, 0, 0]
    assert twin.array.pulses == [
        (5, True, [[1, 0, 0], zeros, zeros, [1, 0, 0]]),
        (5, True, [zeros, [0, 0, 2], zeros, zeros]),
        (5, False, [[0, 0, 3], zeros, zeros, [0, 0, 4]]),
        (5, False, [zeros, [1, 0, 0], zeros, zeros]),
    ]
    # x fires 3 + 5 and 2 (9 is cut at BL), each in two quadrants; d fires 1 and 4, each in two.
    assert twin.counters() == [4 + 20 * 5, 20, 2 * (3 + 5 + 2) + 2 * (1 + 4), 1]
    twin.array.pulses.clear()
    twin.codes([3, 1, 0, 9], [1, 0, 4])
    twin.run(Opcode.UPDATE, 5)
    assert [pulse[1] for pulse in twin.array.pulses] == [True]
    twin.codes([0, 0, 0, 0], [1, 0, 4])
    cycles = twin.get("CYCLES")
    assert twin.run(Opcode.UPDATE, 5) is ErrorCode.OK
    assert twin.get("CYCLES") - cycles == 4


@pytest.mark.parametrize(("opcode", "lines", "tile"), [(Opcode.FORWARD, 3, 4), (Opcode.BACKWARD, 4, 1)])
def test_reads_cut_codes_to_the_window_and_take_their_time(twin: Twin, opcode: Opcode, lines: int, tile: int) -> None:
    twin.codes([3, -9, 0, 7], [100, -1, 0])
    assert twin.run(opcode, tile) is ErrorCode.OK
    charge = [6, -14, 0, 14] if opcode is Opcode.FORWARD else [14, -2, 0]
    assert twin.array.reads == [(tile, True, opcode is Opcode.FORWARD, charge, 1, lines)]
    assert twin.counters() == [7 * 2 + lines * DELAY + 4, 0, 0, 1]
    assert [twin.golden.read(0x3000)[1], twin.golden.read(0x3004)[1] & 0xFFFF] == [0x0000_FFFF, 1]
    twin.run(opcode, tile, 1)
    assert twin.array.reads[-1][1] is False


def test_active_lines_limit_the_conversions(twin: Twin) -> None:
    twin.set("PAIR1_ACTIVE", 2 | 1 << 16)
    twin.run(Opcode.FORWARD, 4)
    twin.run(Opcode.BACKWARD, 4)
    assert [read[-1] for read in twin.array.reads] == [1, 2]
    assert twin.get("CYCLES") == 2 * (7 * 2 + 4) + 3 * DELAY


def test_transfer_reads_a_row_of_a_and_pulses_the_same_row_of_c(twin: Twin) -> None:
    twin.codes([9, 9, 9, 9], [9, 9, 9])
    twin.set("PAIR0_TRANSFER_ROW", 3)
    assert twin.run(Opcode.TRANSFER, 1) is ErrorCode.OK
    assert twin.array.reads == [(1, True, True, [0, 0, 0, 14], 3, 3)]
    zeros = [0, 0, 0]
    assert twin.array.pulses == [(0, True, [zeros, zeros, zeros, [0, 0, 1]]), (0, False, [zeros, zeros, zeros, [1, 0, 0]])]
    assert twin.counters() == [7 * 2 + 3 * DELAY + 7 + 8 * 2, 8, 4 + 1 + 4 + 1, 1]
    assert twin.get("PAIR0_TRANSFER_ROW") == 0
    assert twin.golden.registers.d.tolist() == [-1, 0, 1, 0]


def test_transfer_with_lines_of_their_own(twin: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    """With lfsr_per_line the row fires in every slot, a column where its code exceeds its LFSR; each slot advances all LFSRs."""
    bl, codes, seeds = 16, np.array([-200, 90, 255], np.int32), (0x1234_5678, 0x0765_4321)
    monkeypatch.setattr(twin.array, "read", lambda *arguments: codes)
    for name, value in (("SOURCE", 2), ("TRANSFER_BL", bl), ("TRANSFER_FULL_SCALE", 256), ("SEED_X", seeds[0])):
        twin.set(name, value)
    twin.set("SEED_D", seeds[1])
    shared = twin.get("SEED_X"), twin.get("SEED_D")
    numbers = []
    for side, lines in ((0, 4), (1, 3)):
        states = line_seeds(side, lines, seeds[side]).tolist()
        numbers.append([[PER_LINE[side].shift(state, 8 * slot) & 0xFF for slot in range(5 * bl)] for state in states])

    def fire(codes: list[int], numbers: list[list[int]], sign: int, slot: int) -> int:
        return sum((code * sign > numbers[line][slot]) << line for line, code in enumerate(codes))

    for first, row in ((0, 1), (2 * bl, 2)):
        assert twin.run(Opcode.TRANSFER, 1) is ErrorCode.OK
        (phase,) = (phase for phase in twin.golden.phases or [] if isinstance(phase, PulsePhase))
        assert phase.quadrants == (0,) * bl + (2,) * bl
        assert phase.rows == (row,) * 2 * bl
        assert phase.columns == tuple(fire(codes.tolist(), numbers[1], 1 - 2 * (k >= bl), first + k) for k in range(2 * bl))
    assert (twin.get("SEED_X"), twin.get("SEED_D")) == shared
    x = [100, 200, 30, 255]
    twin.codes(x, codes.tolist())
    twin.set("BL", bl)
    twin.run(Opcode.UPDATE, 0)
    (phase,) = (phase for phase in twin.golden.phases or [] if isinstance(phase, PulsePhase))
    assert phase.rows[:bl] == tuple(fire(x, numbers[0], 1, 4 * bl + k) for k in range(bl))


def test_every_t_updates_of_a_a_row_is_transferred(twin: Twin) -> None:
    twin.set("PAIR0_TRANSFER_EVERY", 3)
    twin.set("PAIR0_ACTIVE", 2 | 3 << 16)
    for _ in range(9):
        twin.codes([1, 1, 1, 1], [1, 1, 1])
        assert twin.run(Opcode.UPDATE, 1) is ErrorCode.OK
    assert twin.run(Opcode.UPDATE, 0) is ErrorCode.OK
    assert [read[3].index(14) for read in twin.array.reads] == [0, 1, 0]
    assert [twin.get("PAIR0_UPDATES"), twin.get("PAIR0_TRANSFER_ROW"), twin.get("OPERATIONS")] == [0, 1, 13]


def test_symmetrize_alternates_on_all_cells(twin: Twin) -> None:
    twin.set("SYMMETRIZE_PAIRS", 3)
    state = twin.golden.registers.generators.states
    assert twin.run(Opcode.SYMMETRIZE, 2) is ErrorCode.OK
    assert twin.array.slots == [(2, [True, False] * 3)]
    assert twin.counters() == [4 + 6 * 2, 6, 6 * 7, 1]
    assert twin.golden.registers.generators.states == state


REFUSALS = [
    ("opcode 0", {}, (0, 0, 0), ErrorCode.BAD_OPCODE),
    ("opcode 6", {}, (6, 15, 0), ErrorCode.BAD_OPCODE),
    ("single-ended update", {}, (3, 0, 1), ErrorCode.BAD_OPCODE),
    ("tile 8", {"PULSE": 0}, (3, 8, 0), ErrorCode.BAD_TILE),
    ("transfer on C", {}, (4, 0, 0), ErrorCode.BAD_TILE),
    ("differential read of a reference", {}, (1, 2, 0), ErrorCode.BAD_TILE),
    ("width 0", {"PULSE": 1 << 16, "BL": 0}, (3, 0, 0), ErrorCode.BAD_PULSE),
    ("gap 0", {"PULSE": 1, "SYMMETRIZE_PAIRS": 0}, (5, 0, 0), ErrorCode.BAD_PULSE),
    ("BL 0", {"BL": 0, "X_FULL_SCALE": 0}, (3, 0, 0), ErrorCode.BAD_BL),
    ("BL 129", {"BL": 129}, (3, 0, 0), ErrorCode.BAD_BL),
    ("TRANSFER_BL 0", {"TRANSFER_BL": 0}, (4, 1, 0), ErrorCode.BAD_BL),
    ("autonomous TRANSFER_BL 0", {"TRANSFER_BL": 0, "PAIR0_TRANSFER_EVERY": 9}, (3, 1, 0), ErrorCode.BAD_BL),
    ("x full scale 0", {"X_FULL_SCALE": 0, "READ": 0}, (3, 0, 0), ErrorCode.BAD_FULL_SCALE),
    ("d full scale 0", {"D_FULL_SCALE": 0}, (3, 0, 0), ErrorCode.BAD_FULL_SCALE),
    ("full scale with lfsr_per_line", {"SOURCE": 2, "D_FULL_SCALE": 255}, (3, 0, 0), ErrorCode.BAD_FULL_SCALE),
    ("transfer full scale 0", {"TRANSFER_FULL_SCALE": 0, "READ": 0}, (4, 1, 0), ErrorCode.BAD_FULL_SCALE),
    ("0 pairs", {"SYMMETRIZE_PAIRS": 0}, (5, 0, 0), ErrorCode.BAD_COUNT),
    ("window 0", {"READ": 1 << 16, "PAIR0_ACTIVE": 0}, (1, 0, 0), ErrorCode.BAD_READ),
    ("tick 0", {"READ": 1}, (2, 0, 0), ErrorCode.BAD_READ),
    ("timeout 0", {"ADC_TIMEOUT": 0}, (4, 1, 0), ErrorCode.BAD_READ),
    ("no active row", {"PAIR0_ACTIVE": 3 << 16}, (1, 0, 0), ErrorCode.BAD_ACTIVE),
    ("four active columns", {"PAIR0_ACTIVE": 4 | 4 << 16}, (2, 0, 0), ErrorCode.BAD_ACTIVE),
    ("row behind the active", {"PAIR0_TRANSFER_ROW": 4, "PULSE_BUDGET": 0}, (4, 1, 0), ErrorCode.BAD_ACTIVE),
    ("budget of UPDATE", {"PULSE_BUDGET": 19}, (3, 0, 0), ErrorCode.PULSE_BUDGET),
    ("budget of UPDATE and TRANSFER", {"PULSE_BUDGET": 27, "PAIR0_TRANSFER_EVERY": 9}, (3, 1, 0), ErrorCode.PULSE_BUDGET),
    ("budget of TRANSFER", {"PULSE_BUDGET": 7}, (4, 1, 0), ErrorCode.PULSE_BUDGET),
    ("budget of SYMMETRIZE", {"PULSE_BUDGET": 1}, (5, 0, 0), ErrorCode.PULSE_BUDGET),
]


@pytest.mark.parametrize(("name", "values", "command", "code"), REFUSALS, ids=[row[0] for row in REFUSALS])
def test_refused_commands_say_why_and_do_nothing(
    twin: Twin, name: str, values: dict[str, int], command: tuple[int, int, int], code: ErrorCode
) -> None:
    for register, value in values.items():
        twin.set(register, value)
    assert twin.run(*command) is code
    assert twin.get("INTERRUPT_STATUS") == 2
    assert twin.counters() == [0, 0, 0, 0] and twin.golden.phases == []
    assert not twin.array.pulses and not twin.array.slots and not twin.array.reads


def test_a_source_that_is_not_built_in_is_refused() -> None:
    golden = GoldenController(PRESETS["digits"], Recorder())
    golden.write(0x4C, 2)
    golden.write(0x14, 3)
    assert golden.read(0x1C)[1] == ErrorCode.BAD_SOURCE


def test_the_budget_counts_down_to_a_refusal(twin: Twin) -> None:
    twin.set("PULSE_BUDGET", 29)
    twin.codes([1, 0, 0, 0], [1, 0, -1])
    assert [twin.run(Opcode.UPDATE) for _ in range(2)] == [ErrorCode.OK, ErrorCode.PULSE_BUDGET]
    assert twin.get("PULSE_BUDGET") == 19


def test_the_watchdog_ends_a_read_and_latches_a_fault(twin: Twin) -> None:
    twin.set("ADC_TIMEOUT", DELAY - 1)
    assert twin.run(Opcode.TRANSFER, 1) is ErrorCode.ADC_TIMEOUT
    assert twin.counters() == [2 + 14 + DELAY - 1 + 1, 0, 0, 0]
    assert twin.get("PAIR0_TRANSFER_ROW") == 0 and not twin.array.pulses
    assert twin.run(Opcode.FORWARD) is ErrorCode.FAULTED
    assert twin.get("STATUS") == 2 | ErrorCode.ADC_TIMEOUT << 8
    twin.set("CONTROL", 2)
    twin.set("ADC_TIMEOUT", DELAY)
    assert twin.run(Opcode.FORWARD) is ErrorCode.OK


def test_a_command_under_the_stop_pin_is_dropped_and_not_refused(twin: Twin) -> None:
    twin.golden.set_estop(True)
    twin.set("CONTROL", 2)
    assert twin.run(Opcode.UPDATE, 1) == ErrorCode.STOPPED
    assert twin.get("STATUS") == 0b110 | ErrorCode.STOPPED << 8
    assert twin.get("INTERRUPT_STATUS") == 4
    twin.golden.set_estop(False)
    assert twin.run(Opcode.UPDATE, 1) == ErrorCode.FAULTED


def test_the_pins_busy_fault_and_irq_follow_commands_and_faults(twin: Twin) -> None:
    twin.set("INTERRUPT_ENABLE", 7)
    busy, fault, interrupt = Pins(busy=1), Pins(fault=1, irq=1), Pins(irq=1)

    def run(opcode: int, tile: int = 0, stop: int | None = None) -> list[tuple[int, Pins]]:
        if stop is not None:
            twin.golden.stop_in(stop)
        twin.run(opcode, tile)
        changes = twin.golden.waveform()
        twin.set("INTERRUPT_STATUS", 7)
        return [change for change in changes if change[1].idle]

    assert run(0) == [(-1, busy), (0, interrupt)]
    update = [(-1, busy), (4, interrupt)]
    assert [change for change in run(Opcode.UPDATE) if not change[1].tile] == update
    assert run(Opcode.UPDATE, stop=9) == [*update, (10, fault)]
    latched = Pins(fault=1)
    assert run(Opcode.UPDATE) == [(-1, latched._replace(busy=1)), (0, fault)]
    twin.set("CONTROL", 2)
    assert run(Opcode.UPDATE, stop=-1) == [(-1, busy), (0, fault)]
    twin.set("CONTROL", 2)
    twin.set("ADC_TIMEOUT", DELAY - 1)
    assert run(Opcode.FORWARD) == [(-1, busy), (3 + 14 + DELAY - 1, fault)]
    twin.set("CONTROL", 2)
    twin.set("INTERRUPT_ENABLE", 0)
    assert run(Opcode.FORWARD) == [(-1, busy), (3 + 14 + DELAY - 1, latched)]


def test_adc_ready_is_high_while_codes_are_taken(twin: Twin) -> None:
    for opcode, tile in ((Opcode.FORWARD, 0), (Opcode.BACKWARD, 0), (Opcode.TRANSFER, 1)):
        twin.run(opcode, tile)
        changes = twin.golden.waveform()
        (first,) = (cycle for cycle, pins in changes if pins.adc_ready)
        beats = 4 if opcode is Opcode.BACKWARD else 3
        assert first == 3 + 14
        assert next(cycle for cycle, pins in changes if cycle > first and not pins.adc_ready) == first + beats * DELAY


@settings(max_examples=150)
@given(opcode=st.sampled_from([1, 2, 3, 4, 5]), stop=st.integers(-1, 130), source=st.integers(0, 3))
def test_a_stop_in_any_cycle_leaves_a_prefix_of_the_operation(opcode: int, stop: int, source: int) -> None:
    whole, cut = Twin(), Twin()
    for twin in (whole, cut):
        twin.set("SOURCE", source)
        twin.set("PULSE", 2 | 2 << 16)
        twin.set("PAIR0_TRANSFER_EVERY", 1)
        twin.codes([200, -100, 50, 255], [255, -90, 30])
    cut.golden.stop_in(stop)
    whole.run(opcode, 1)
    assert cut.run(opcode, 1) is ErrorCode.STOPPED
    cycles = whole.get("CYCLES")
    assert cut.get("CYCLES") == min(max(stop, 0), cycles)
    full, part = whole.golden.waveform(), cut.golden.waveform()
    if stop >= cycles:
        assert part == [*full, (stop + 1, full[-1][1]._replace(fault=1))] and cut.counters() == whole.counters()
        assert cut.get("INTERRUPT_STATUS") == 5
    else:
        kept = [change for change in full if change[0] <= stop]
        assert part == [*kept, (stop + 1, Pins(fault=1))]
        slots = [pins for _, pins in part if pins.slot]
        assert cut.get("SLOTS") == len(slots)
        lines = (pins.row_pos | pins.row_neg | (pins.column_pos | pins.column_neg) << 4 for pins in slots)
        assert cut.get("FIRED") == sum(line.bit_count() for line in lines)
        assert cut.get("INTERRUPT_STATUS") == 4


@pytest.mark.parametrize("opcode", list(Opcode))
def test_the_waveform_ends_idle_and_shows_every_slot(twin: Twin, opcode: Opcode) -> None:
    twin.set("PULSE", 3 | 2 << 16)
    twin.codes([3, -2, 0, 9], [1, 0, -4])
    twin.run(opcode, 1)
    changes = twin.golden.waveform()
    assert changes[0] == (-1, Pins(busy=1)) and changes[-1] == (twin.get("CYCLES"), IDLE)
    assert all(pins.busy for _, pins in changes[:-1])
    assert sum(pins.slot for _, pins in changes) == twin.get("SLOTS")
    assert sum(pins.adc_sample for _, pins in changes) == len(twin.array.reads)
    for _, pins in changes:
        assert not pins.row_pos & pins.row_neg and not pins.column_pos & pins.column_neg
