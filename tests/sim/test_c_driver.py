"""Compiled drivers on emulated processors: every access that the C header offers, taken by the golden model."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from crosstwin_model.config import PRESETS, ControllerConfig
from crosstwin_model.controller import GoldenController
from crosstwin_model.plant import Plant
from crosstwin_model.plant_config import PlantConfig
from crosstwin_model.registers import Access as RegisterAccess
from crosstwin_model.registers import Control, Opcode, Register, Response, Window, register_map

from .c_driver import Compiler, Function, c_call, c_driver, c_functions
from .processor import MACHINES, Access, Processor

DOCUMENT = Path(__file__).parents[2] / "docs" / "drivers.md"
#: Every preset, and the sizes at which a vector is one code, ends within a word, and fills its whole range of addresses.
CONFIGS = {
    **PRESETS,
    "one-line": ControllerConfig("one-line", rows=1, columns=1),
    "most": ControllerConfig("most", rows=2048, columns=2047, pairs=4, code_bits=4, bl_max=16, adc_bits=16),
}
#: Every configuration on the processors that split accesses most readily, and one of them on every other.
EVERYWHERE = pytest.mark.parametrize(
    ("config", "machine"),
    [
        pytest.param(config, machine, id=f"{config.name}-{machine}")
        for machine in MACHINES
        for config in CONFIGS.values()
        if machine in ("rv32imac", "cortex-m0") or config.name == "digits"
    ],
)
EVERY_MACHINE = pytest.mark.parametrize("machine", MACHINES)


@pytest.fixture(scope="module")
def compiler(tmp_path_factory: pytest.TempPathFactory) -> Compiler:
    return Compiler(tmp_path_factory.mktemp("compiler"))


def word(even: int, odd: int) -> int:
    return even & 0xFFFF | (odd & 0xFFFF) << 16


@EVERYWHERE
def test_every_access_is_one_word_at_its_address_that_the_controller_takes(
    config: ControllerConfig, machine: str, compiler: Compiler
) -> None:
    program = compiler.include(config) + c_driver(config) + c_call(config)
    controller = GoldenController(config, Plant(PRESETS["tiny"], PlantConfig()))  # stopped, so that nothing reaches the array
    processor = Processor(machine, compiler.executable(program, machine, "call"), controller)
    random = np.random.default_rng(1)
    stop = register_map(config)["CONTROL"].offset
    for number, function in enumerate(c_functions(config)):
        assert controller.write(stop, Control.STOP) is Response.OKAY
        if isinstance(function.place, Window):
            vector_access(processor, controller, number, function, random)
        else:
            register_access(processor, controller, number, function, int(random.integers(1 << 31, 1 << 32)))


def register_access(processor: Processor, controller: GoldenController, number: int, function: Function, value: int) -> None:
    """Call a function that reads a register or a field, or writes it; a field takes only the bits that fit."""
    register = function.place
    assert isinstance(register, Register)
    field = register.field(function.part) if function.part else None
    mask, lsb = (field.mask, field.lsb) if field else (register.mask, 0)
    held = controller.read(register.offset)[1]
    result = processor.call(number, value if field else value & mask)
    if function.kind == "set":
        assert processor.accesses == [Access("write", register.offset, 4, value << lsb & mask, Response.OKAY)]
    else:
        assert processor.accesses == [Access("read", register.offset, 4, held, Response.OKAY)]
        assert result == (held & mask) >> lsb


def vector_access(
    processor: Processor, controller: GoldenController, number: int, function: Function, random: np.random.Generator
) -> None:
    """Call a function for the words of a vector one by one, or once for all of it."""
    window = function.place
    assert isinstance(window, Window)
    writes = window.access is RegisterAccess.WO
    limit = controller.config.code_max if writes else 0x7FFF
    codes = random.integers(-limit, limit + 1, 2 * window.words).astype(np.int16)
    codes[0] = -limit if writes else -0x8000
    codes[window.entries :] = 0
    if not writes:
        controller.registers.y[:] = codes
    pairs = codes.reshape(-1, 2).tolist()
    kind = "write" if writes else "read"
    expected = [Access(kind, window.offset + 4 * k, 4, word(even, odd), Response.OKAY) for k, (even, odd) in enumerate(pairs)]
    if function.kind in ("put", "take"):
        step = -(-window.words // 128)  # every word of all presets, and of larger vectors a sample with both ends
        for k in (*range(0, window.words - 1, step), window.words - 1):
            even, odd = pairs[k]
            result = processor.call(number, k, even, odd)
            assert processor.accesses == expected[k : k + 1]
            assert writes or result == {"even": even, "odd": odd}[function.part] & 0xFFFF_FFFF
    else:
        behind = [123, 123]
        processor.codes = np.append(codes[: window.entries] if writes else np.zeros(window.entries, np.int16), behind)
        processor.call(number)
        assert processor.accesses == expected
        assert processor.codes[: window.entries + 2].tolist() == codes[: window.entries].tolist() + behind


@pytest.mark.parametrize("machine", ["rv32imac", "cortex-m0"])
def test_a_packed_structure_would_be_refused(machine: str, compiler: Compiler) -> None:
    """The structure of PeakRDL's header: the controller answers SLVERR to four writes of a byte each."""
    config = CONFIGS["digits"]
    packed = ("struct crosstwin_digits {", "struct __attribute__((packed)) crosstwin_digits {")
    program = compiler.include(config, packed) + c_driver(config) + c_call(config)
    controller = GoldenController(config, Plant(config, PlantConfig()))
    processor = Processor(machine, compiler.executable(program, machine, "call"), controller)
    names = [function.name for function in c_functions(config)]
    processor.call(names.index("set_BL"), 16)
    assert [(access.size, access.response) for access in processor.accesses] == [(1, Response.SLVERR)] * 4


@EVERY_MACHINE
def test_example_of_the_document_reads_what_the_golden_model_reads(machine: str, compiler: Compiler) -> None:
    config = CONFIGS["digits"]
    compiler.include(config)
    example = re.search(r"^```c\n(.*?)^```", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)
    assert example is not None
    call = "uint32_t call(crosstwin_digits_t *dev, uint32_t which, const int16_t *input, int16_t *output)"
    program = (
        example[1].replace('"crosstwin.h"', '"digits.h"')
        + f"{call} {{ (void)which; return read_forward(dev, input, output); }}\n"
    )
    codes = np.random.default_rng(3).integers(-config.code_max, config.code_max + 1, config.rows).astype(np.int16)
    plants = [Plant(config, PlantConfig(seed=5, initial=0.3, adc_range=1.0)) for _ in range(2)]
    controller = GoldenController(config, plants[0])
    processor = Processor(machine, compiler.executable(program, machine, "call"), controller)
    assert processor.call(0, *(word(*pair) for pair in np.append(codes, 0).reshape(-1, 2).tolist())) == 0
    assert {(access.size, access.response) for access in processor.accesses} == {(4, Response.OKAY)}
    golden = GoldenController(config, plants[1])
    registers = register_map(config)
    golden.write_block(registers.window("X").offset, np.append(codes, 0).astype("<i2").view("<u4"))
    golden.write(registers["READ"].offset, config.code_max | 1 << 16)
    golden.write(registers["COMMAND"].offset, Opcode.FORWARD)
    expected = golden.registers.y[: config.columns]
    assert np.any(expected)
    assert processor.codes[: config.columns].tolist() == expected.tolist()
