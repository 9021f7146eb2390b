"""The back ends in process: the golden model and the Verilated RTL keep the same promises."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from crosstwin_model.bus import BusError
from crosstwin_model.config import PRESETS, Source
from crosstwin_model.plant import Plant, PlantConfig
from crosstwin_model.registers import IDENTITY, Control, ErrorCode, Opcode, TileKind, register_map
from crosstwin_sim.model_backend import ModelBackend
from crosstwin_sim.rtl import RtlBackend

CONFIG = PRESETS["tiny"]
MAP = register_map(CONFIG)
UNITY = 1 << CONFIG.code_bits

AnyBackend = ModelBackend | RtlBackend


def new_plant() -> Plant:
    return Plant(CONFIG, PlantConfig(seed=5, initial=0.3, adc_range=1.0, adc_stall=3))


@pytest.fixture(params=[ModelBackend, RtlBackend], ids=["model", "rtl"])
def backend(request: pytest.FixtureRequest) -> Iterator[AnyBackend]:
    made = request.param(CONFIG, new_plant())
    yield made
    made.close()


def set_register(backend: AnyBackend, **values: int) -> None:
    for name, value in values.items():
        backend.write(MAP[name].offset, value)


def write_codes(backend: AnyBackend, name: str, codes: list[int]) -> None:
    window = MAP.window(name)
    padded = np.zeros(2 * window.words, "<i2")
    padded[: len(codes)] = codes
    backend.write_block(window.offset, padded.view("<u4"))


def command(backend: AnyBackend, opcode: Opcode, tile: int) -> int:
    set_register(backend, COMMAND=opcode | tile << 8)
    backend.wait()
    return backend.read(MAP["ERROR"].offset)


def test_registers_read_back(backend: AnyBackend) -> None:
    assert backend.read(MAP["ID"].offset) == IDENTITY
    backend.write_block(MAP["PULSE"].offset, np.array([3 | 2 << 16, 17, 9], np.uint32))
    assert backend.read_block(MAP["PULSE"].offset, 3).tolist() == [3 | 2 << 16, 17, 9]


def test_reset_restores_registers_and_keeps_the_array(backend: AnyBackend) -> None:
    before = backend.plant.digest()
    set_register(backend, BL=5)
    backend.reset()
    assert backend.read(MAP["BL"].offset) == MAP["BL"].reset
    assert backend.plant.digest() == before


@pytest.mark.parametrize(
    ("access", "sentence"),
    [
        (lambda b: b.write(MAP["ID"].offset, 1), r"write of 0x00000001 to address 0x0000 \(ID\)"),
        (lambda b: b.write(0x2C, 0), r"write of 0x00000000 to address 0x002c \(where nothing is mapped\)"),
        (lambda b: b.read(MAP["COMMAND"].offset), r"read of address 0x0014 \(COMMAND\)"),
        (lambda b: b.write_block(0x1000, np.array([0, UNITY], np.uint32)), r"window X"),
        (lambda b: b.read_block(0x2000, 2), r"read of address 0x2000 \(window D\)"),
    ],
)
def test_slverr_raises(backend: AnyBackend, access, sentence: str) -> None:
    with pytest.raises(BusError, match=f"{sentence}.* was answered with SLVERR"):
        access(backend)
    assert backend.read(MAP["ID"].offset) == IDENTITY


def test_count_source_gives_every_cell_exactly_its_coincidences(backend: AnyBackend) -> None:
    x, d = [3, -2, 0, 7], [4, -1, 9]
    set_register(backend, SOURCE=Source.COUNT, BL=6, X_FULL_SCALE=UNITY, D_FULL_SCALE=UNITY)
    write_codes(backend, "X", x)
    write_codes(backend, "D", d)
    assert command(backend, Opcode.UPDATE, TileKind.A) == ErrorCode.OK
    expected = np.minimum(np.minimum.outer(np.abs(x), np.abs(d)), 6)
    pulses = backend.plant.state()["pulses"]
    assert np.array_equal(pulses[TileKind.A], expected)
    assert pulses.sum() == expected.sum()
    moved = np.sign(backend.plant.conductance(TileKind.A) - new_plant().conductance(TileKind.A))
    assert np.array_equal(moved, np.sign(np.outer(x, d)))
    assert backend.read(MAP["SLOTS"].offset) == 4 * 6


def test_symmetrize_of_more_slots_than_the_log_holds(backend: AnyBackend) -> None:
    set_register(backend, SYMMETRIZE_PAIRS=2500)
    assert command(backend, Opcode.SYMMETRIZE, TileKind.C) == ErrorCode.OK
    assert (backend.plant.state()["pulses"][TileKind.C] == 5000).all()


@pytest.mark.parametrize("forward", [True, False])
def test_reads_give_the_plant_s_codes(backend: AnyBackend, forward: bool) -> None:
    codes = [100, -40, 0, 255] if forward else [-255, 17, 90]
    write_codes(backend, "X" if forward else "D", codes)
    set_register(backend, READ=60 | 2 << 16, READ_GAIN=1)
    assert command(backend, Opcode.FORWARD if forward else Opcode.BACKWARD, TileKind.C) == ErrorCode.OK
    charge = np.clip(codes, -60, 60).astype(np.int32) * np.int32(2)
    sensed = CONFIG.columns if forward else CONFIG.rows
    expected = new_plant().read(TileKind.C, True, forward, charge, 1, sensed)
    found = backend.read_block(MAP.window("Y").offset, 2).view("<i2")[:sensed]
    assert found.tolist() == expected.tolist()
    assert len(set(found.tolist())) > 1


def test_transfer_reads_the_array_as_the_update_before_it_left_it(backend: AnyBackend) -> None:
    twin = ModelBackend(CONFIG, new_plant())
    for side in (backend, twin):
        set_register(side, PAIR0_TRANSFER_EVERY=1, BL=32, X_FULL_SCALE=200, D_FULL_SCALE=200, TRANSFER_FULL_SCALE=20)
        write_codes(side, "X", [200, 150, -100, 30])
        write_codes(side, "D", [-90, 200, 120])
        assert command(side, Opcode.UPDATE, TileKind.A) == ErrorCode.OK
    assert backend.plant.digest() == twin.plant.digest() != new_plant().digest()
    assert backend.read(MAP["CYCLES"].offset) == twin.read(MAP["CYCLES"].offset)


@pytest.mark.parametrize("cycle", [-1, 0, 3, 4, 9, 1000])
def test_stop_in_a_clock_cycle(backend: AnyBackend, cycle: int) -> None:
    set_register(backend, SYMMETRIZE_PAIRS=4)
    backend.stop_in(cycle)
    assert command(backend, Opcode.SYMMETRIZE, TileKind.A) == ErrorCode.STOPPED
    length = 4 + 8 * 2
    assert backend.read(MAP["CYCLES"].offset) == min(max(cycle, 0), length)
    assert (backend.plant.state()["pulses"][TileKind.A] == min(max((cycle - 3 + 1) // 2, 0), 8)).all()
    set_register(backend, CONTROL=Control.CLEAR_FAULT)
    assert command(backend, Opcode.SYMMETRIZE, TileKind.A) == ErrorCode.OK


def test_no_command_runs_while_the_estop_pin_is_high(backend: AnyBackend) -> None:
    backend.set_estop(True)
    assert command(backend, Opcode.SYMMETRIZE, TileKind.A) == ErrorCode.STOPPED
    assert backend.plant.state()["pulses"].sum() == 0
    backend.set_estop(False)
    set_register(backend, CONTROL=Control.CLEAR_FAULT)
    assert command(backend, Opcode.SYMMETRIZE, TileKind.A) == ErrorCode.OK
