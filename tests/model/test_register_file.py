"""Bus rules of docs/controller.md, on the golden model's registers."""

import numpy as np
import pytest

from crosstwin_model.config import PRESETS
from crosstwin_model.register_file import RegisterFile
from crosstwin_model.registers import Access, ErrorCode, Response

OKAY, SLVERR = Response.OKAY, Response.SLVERR


@pytest.fixture
def registers() -> RegisterFile:
    return RegisterFile(PRESETS["tiny"])


def _state(registers: RegisterFile) -> object:
    return (
        dict(registers.values),
        registers.x.tolist(),
        registers.d.tolist(),
        list(registers.generators.states),
        [lines.tolist() for lines in registers.generators.lines],
        dict(registers.counters),
        registers.fault,
    )


def test_reset_values_can_be_read(registers: RegisterFile) -> None:
    for register in registers.map:
        expected = (SLVERR, 0) if register.access is Access.WO else (OKAY, register.reset)
        assert registers.read(register.offset) == expected, register.name


def test_refused_writes_change_nothing(registers: RegisterFile) -> None:
    before = _state(registers)
    for register in registers.map:
        assert registers.write(register.offset, 0, 0x7) is SLVERR, register.name
        if register.mask != 0xFFFF_FFFF:
            assert registers.write(register.offset, ~register.mask & 0xFFFF_FFFF, 0xF) is SLVERR, register.name
        if register.access is Access.RO:
            assert registers.write(register.offset, 0, 0xF) is SLVERR, register.name
    for name in ("SEED_X", "SEED_D"):
        assert registers.write(registers.map[name].offset, 0, 0xF) is SLVERR
    for address in (0x02C, 0x0FC, 0x140, 0x1008, 0x2008, 0x3000, 0x3FFC):
        assert registers.write(address, 0, 0xF) is SLVERR, hex(address)
    for value, strobe in ((0x0100, 0xF), (0xFF00, 0xF), (0x0100_0000, 0xC), (1, 0x1), (1, 0x7), (1 << 16, 0xE)):
        assert registers.write(0x1000, value, strobe) is SLVERR, (hex(value), strobe)
    assert registers.write(0x2004, 1 << 16, 0xF) is SLVERR  # the padding half behind the third column
    assert _state(registers) == before


def test_every_field_of_every_writable_register_holds_what_is_written(registers: RegisterFile) -> None:
    for register in registers.map:
        if register.access is Access.RW:
            for value in (register.mask, 0x5555_5555 & register.mask):
                assert registers.write(register.offset, value, 0xF) is OKAY
                assert registers.read(register.offset) == (OKAY, value), register.name


def test_window_words_are_written_whole(registers: RegisterFile) -> None:
    assert registers.write(0x1000, 0xFF01_00FF, 0xF) is OKAY
    assert registers.x.tolist() == [255, -255, 0, 0]
    for strobe in range(15):
        assert registers.write(0x1000, 0x0007_0008, strobe) is SLVERR
    assert registers.x.tolist() == [255, -255, 0, 0]


def test_blocks_are_the_same_as_words(registers: RegisterFile) -> None:
    words = np.array([1, -2, 3, -4], "<i2").view("<u4")
    assert registers.write_block(0x1000, words) is OKAY
    assert registers.x.tolist() == [1, -2, 3, -4]
    assert registers.write_block(0x1004, words) is SLVERR  # the second word is behind the window, the first is written
    assert registers.x.tolist() == [1, -2, 1, -2]
    assert registers.write_block(0x2000, np.array([256], np.uint32)) is SLVERR


def test_the_half_behind_an_odd_window_takes_only_0(registers: RegisterFile) -> None:
    assert registers.config.columns == 3
    assert registers.write_block(0x2000, np.array([1, 2, 3, 0], "<i2").view("<u4")) is OKAY
    assert registers.d[:3].tolist() == [1, 2, 3]
    assert registers.write_block(0x2000, np.array([4, 5, 6, 7], "<i2").view("<u4")) is SLVERR
    assert registers.d[:3].tolist() == [4, 5, 3]  # the words before the refused one are written


def test_blocks_are_read_as_words_are(registers: RegisterFile) -> None:
    registers.y[:] = [1, -2, 3, -4]
    response, words = registers.read_block(0x3000, 2)
    assert (response, words.view("<i2").tolist()) == (OKAY, [1, -2, 3, -4])
    response, words = registers.read_block(0x3000, 3)
    assert (response, words.size) == (SLVERR, 2)


def test_interrupts_are_cleared_by_ones(registers: RegisterFile) -> None:
    registers.done()
    registers.refuse(ErrorCode.BAD_BL)
    assert registers.read(0x020) == (OKAY, 3)
    assert registers.write(0x020, 1, 0xF) is OKAY
    assert registers.read(0x020) == (OKAY, 2)


def test_high_halves_are_those_of_the_last_low_read(registers: RegisterFile) -> None:
    registers.count("CYCLES", (5 << 32) + 7)
    assert registers.read(0x084) == (OKAY, 0)
    assert registers.read(0x080) == (OKAY, 7)
    registers.count("CYCLES", 1 << 32)
    assert registers.read(0x084) == (OKAY, 5)


@pytest.mark.parametrize("name", ["CYCLES", "SLOTS", "FIRED", "OPERATIONS"])
def test_a_read_of_a_counter_s_low_half_alone_holds_its_high_half(registers: RegisterFile, name: str) -> None:
    """docs/controller.md: a read of the counter copies its high half; no other read does, that of the copy included."""
    low, high = registers.map[name].offset, registers.map[f"{name}_HIGH"].offset
    registers.count(name, (5 << 32) + 7)
    for address in range(0, 1 << 14, 4):
        if address != low:
            registers.read(address)
            assert registers.values[f"{name}_HIGH"] == 0, hex(address)
    assert registers.read(low) == (OKAY, 7)
    registers.count(name, 1 << 32)
    assert [registers.read(high) for _ in range(2)] == [(OKAY, 5)] * 2
    assert registers.read_block(low, 2)[1].tolist() == [7, 6]


def test_control_stops_clears_and_keeps_the_first_fault(registers: RegisterFile) -> None:
    assert registers.write(0x028, 1, 0xF) is OKAY
    assert registers.fault is ErrorCode.STOPPED
    registers.latch_fault(ErrorCode.ADC_TIMEOUT)
    assert registers.read(0x018) == (OKAY, 1 << 1 | ErrorCode.STOPPED << 8)
    registers.estop = True
    registers.write(0x028, 2, 0xF)
    assert registers.fault is ErrorCode.STOPPED
    registers.estop = False
    registers.count("SLOTS", 3)
    registers.write(0x028, 6, 0xF)
    assert registers.fault is ErrorCode.OK and registers.counters["SLOTS"] == 0
    registers.write(0x028, 3, 0xF)
    assert registers.fault is ErrorCode.STOPPED, "a stop acts after the clear that comes with it"


def test_seeds_are_the_state_of_the_generators(registers: RegisterFile) -> None:
    registers.write(0x05C, 77, 0xF)
    assert registers.read(0x05C) == (OKAY, 77)
    registers.generators.draw_masks()
    assert registers.read(0x05C)[1] not in (0, 77)


def test_reset_keeps_only_the_results(registers: RegisterFile) -> None:
    registers.y[:] = 5
    registers.write(0x1000, 1, 0xF)
    registers.write(0x044, 9, 0xF)
    registers.latch_fault(ErrorCode.STOPPED)
    registers.reset()
    assert _state(registers) == _state(RegisterFile(PRESETS["tiny"]))
    assert registers.read(0x3000) == (OKAY, 0x0005_0005)
