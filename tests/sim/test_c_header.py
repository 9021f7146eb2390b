"""The C header: clean in every language, and every access that it offers is one whole word at the register's address."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from crosstwin_model.config import PRESETS, ControllerConfig, Source
from crosstwin_model.registers import ADDRESS_BITS, IDENTITY, VERSION, Access, ErrorCode, Opcode, TileKind, register_map
from crosstwin_sim.c_header import c_header, write_c_header

from .c_driver import TARGETS, Compiler, c_driver, c_functions

DOCUMENTS = Path(__file__).parents[2] / "docs"
#: Every preset, and the sizes at which a vector is one code, ends within a word, and fills its whole range of addresses.
CONFIGS = {
    **PRESETS,
    "one-line": ControllerConfig("one-line", rows=1, columns=1),
    "most": ControllerConfig("most", rows=2048, columns=2047, pairs=4, code_bits=4, bl_max=16, adc_bits=16),
}
EVERY_CONFIG = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
EVERY_TARGET = pytest.mark.parametrize("target", TARGETS)
#: Every configuration on the processors that split accesses most readily, and one of them on every other.
EVERYWHERE = pytest.mark.parametrize(
    ("config", "target"),
    [
        pytest.param(config, target, id=f"{config.name}-{target}")
        for target in TARGETS
        for config in CONFIGS.values()
        if target in ("rv32imac", "cortex-m0") or config.name == "digits"
    ],
)
#: Instructions that load or store less than a word.
NARROW = re.compile(r"^\s+(sb|sh|lbu?|lhu?|c\.[sl][bh]u?|strb?h?|ldrs?[bh])(?<!str)\s", re.MULTILINE)


@pytest.fixture(scope="module")
def compiler(tmp_path_factory: pytest.TempPathFactory) -> Compiler:
    return Compiler(tmp_path_factory.mktemp("compiler"))


def driver_program(compiler: Compiler, config: ControllerConfig, *changes: tuple[str, str]) -> str:
    """Return a program that uses everything of a configuration's header, in which texts may be replaced."""
    return compiler.include(config, *changes) + c_driver(config)


@pytest.mark.parametrize("language", ["c99", "c11", "c17", "c23", "c++98", "c++11", "c++17", "c++20"])
def test_header_compiles_without_a_warning_in_every_language(language: str, compiler: Compiler) -> None:
    assert compiler.warnings(driver_program(compiler, CONFIGS["digits"]), "x86_64", language) == ""


@EVERY_CONFIG
def test_header_compiles_without_a_warning_for_every_configuration(config: ControllerConfig, compiler: Compiler) -> None:
    assert compiler.warnings(driver_program(compiler, config), "cortex-m0", "c99") == ""


@EVERY_TARGET
def test_header_compiles_without_a_warning_for_every_target(target: str, compiler: Compiler) -> None:
    assert compiler.warnings(driver_program(compiler, CONFIGS["digits"]), target, "c99") == ""


@pytest.mark.parametrize(("command", "suffix", "language"), [("cc", ".c", "c99"), ("cc", ".c", "c11"), ("c++", ".cpp", "c++11")])
def test_header_compiles_with_the_compiler_of_this_machine(command: str, suffix: str, language: str, compiler: Compiler) -> None:
    source = compiler.folder / f"machine{suffix}"
    source.write_text(driver_program(compiler, CONFIGS["digits"]))
    flags = (f"-std={language}", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror", "-fsyntax-only")
    done = subprocess.run([command, *flags, str(source)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@EVERY_CONFIG
def test_constants_are_those_of_the_register_map(config: ControllerConfig, compiler: Compiler) -> None:
    registers = register_map(config)
    expected = {
        "ROWS": config.rows,
        "COLUMNS": config.columns,
        "PAIRS": config.pairs,
        "CODE_MAX": config.code_max,
        "ADC_MAX": config.adc_max,
        "BL_MAX": config.bl_max,
        "FULL_SCALE_MAX": config.full_scale_max,
        "SPAN": 1 << ADDRESS_BITS,
        "ID_RESET": IDENTITY,
        "VERSION_RESET": VERSION,
    }
    for register in registers:
        expected[f"{register.name}_OFFSET"] = register.offset
        if register.access is not Access.WO:
            expected[f"{register.name}_RESET"] = register.reset
        for field in register.fields:
            expected[f"{register.name}_{field.name}_MASK"] = field.mask
            expected[f"{register.name}_{field.name}_SHIFT"] = field.lsb
    for window in registers.windows:
        expected |= {f"{window.name}_OFFSET": window.offset, f"{window.name}_WORDS": window.words}
        expected |= {f"{window.name}_CODES": window.entries}
    for infix, values in {"OPCODE": Opcode, "TILE_KIND": TileKind, "SOURCE": Source, "ERROR_CODE": ErrorCode}.items():
        expected |= {f"{infix}_{value.name}": value.value for value in values}
    prefix = f"CROSSTWIN_{config.identifier.upper()}_"
    header = c_header(config)
    defined = re.findall(rf"^(?:#define |    ){prefix}(\w+)(?: +[0-9]| = )", header, re.MULTILINE)
    assert sorted(defined) == sorted(expected)
    checks = [f'_Static_assert({prefix}{name} == {value}U, "{name}");' for name, value in expected.items()]
    assert compiler.warnings(compiler.include(config) + "\n".join((*checks, "")), "x86_64", "c11") == ""


def test_headers_of_several_configurations_go_into_one_program(compiler: Compiler) -> None:
    both = [compiler.include(CONFIGS[name]) for name in ("digits", "one-line", "digits")]
    assert compiler.warnings("".join(both), "x86_64", "c99") == ""


def test_a_wrong_layout_does_not_compile(compiler: Compiler) -> None:
    moved = driver_program(compiler, CONFIGS["tiny"], ("reserved_002c[5]", "reserved_002c[6]"))
    assert "PULSE_is_at_its_offset" in compiler.warnings(moved, "x86_64", "c99")


@pytest.mark.parametrize("language", ["c99", "c++17"])
def test_an_access_that_the_controller_refuses_does_not_compile(language: str, compiler: Compiler) -> None:
    taken = ("dev->BL = value;", "value = dev->ID;", "value = dev->Y[0];", "crosstwin_digits_write(&dev->X[0], value);")
    refused = (
        "dev->ID = 1;",
        "dev->STATUS |= 1;",
        "dev->Y[0] = 1;",
        "dev->COMMAND = 1;",
        "dev->COMMAND |= 1;",
        "value = dev->COMMAND;",
        "value = dev->X[0];",
        "dev->X[0] = 1;",
        "dev->X.mem[0] = (uint16_t)value;",
        "dev->D.mem[0] = (uint16_t)value;",
        "dev->reserved_002c[0] = 1;",
        "crosstwin_digits_write(&dev->BL, 1);",
        "crosstwin_digits_write(&dev->ID, 1);",
        "*dev = *other;",
    )
    bus = "volatile crosstwin_digits_t *"
    start = (f"void use({bus}dev, {bus}other, uint32_t value);", f"void use({bus}dev, {bus}other, uint32_t value) {{")
    lines = [*start, "(void)dev; (void)other; (void)value;", *taken]
    text = compiler.include(CONFIGS["digits"]) + "\n".join((*lines, *refused, "}", ""))
    said = compiler.warnings(text, "x86_64", language, "-ferror-limit=0")
    wrong = {int(number) for number in re.findall(r"^\S+?driver\.\w+:(\d+):\d+: error:", said, re.MULTILINE)}
    assert [text.splitlines()[number - 1] for number in sorted(wrong)] == list(refused)


def test_statements_of_the_documents_compile(compiler: Compiler) -> None:
    """What drivers.md and litex.md tell an author to write, beside the example, which test_c_driver.py runs."""
    statements = re.findall(r"`([^`\n]*dev\b[^`\n]*;)`", (DOCUMENTS / "drivers.md").read_text())
    litex = re.search(r"^```c\n(.*?)^```", (DOCUMENTS / "litex.md").read_text(), re.DOTALL | re.MULTILINE)
    assert litex is not None and len(statements) >= 8
    bus = "volatile crosstwin_digits_t *dev"
    start = (
        f"void use({bus}, int16_t *codes, uint32_t word, uint32_t id, uint32_t k, int16_t c0, int16_t c1);",
        f"void use({bus}, int16_t *codes, uint32_t word, uint32_t id, uint32_t k, int16_t c0, int16_t c1) {{",
        *statements,
        "(void)id; (void)word; }",
        "void place(void);",
        "#define CROSSTWIN_BASE 0x30000000UL",
        f"void place(void) {{ {litex[1]} }}",
    )
    text = compiler.include(CONFIGS["digits"]) + compiler.include(CONFIGS["tiny"]) + "\n".join((*start, ""))
    assert compiler.warnings(text, "rv32imac", "c99") == ""


@dataclass(frozen=True)
class Accesses:
    """The volatile accesses of a program, by its LLVM IR: (instruction, type, alignment)."""

    found: list[tuple[str, str, str]]

    @classmethod
    def of(cls, ir: str) -> Accesses:
        pattern = r"(load|store|atomicrmw|cmpxchg|call void @llvm\.mem\w+)[^\n]*?\bvolatile (\w+)[^\n]*?align (\d+)"
        return cls(re.findall(pattern, ir))

    @property
    def wrong(self) -> set[tuple[str, str, str]]:
        """Those that are not of one aligned word."""
        return set(self.found) - {("load", "i32", "4"), ("store", "i32", "4")}


@EVERYWHERE
def test_every_volatile_access_is_one_aligned_word(config: ControllerConfig, target: str, compiler: Compiler) -> None:
    ir = compiler.assembly(driver_program(compiler, config), target, "-emit-llvm")
    accesses = Accesses.of(ir)
    assert accesses.wrong == set()
    assert len(accesses.found) == len(re.findall(r"= (?:load|cmpxchg)[^\n]* volatile |store volatile ", ir))
    assert len(accesses.found) >= len(c_functions(config))


@EVERYWHERE
def test_no_instruction_of_a_register_access_is_narrow(config: ControllerConfig, target: str, compiler: Compiler) -> None:
    """Vectors of codes lie in memory as 16-bit codes: their functions may be narrow on that side, and have their own check."""
    for function, body in functions(compiler.assembly(driver_program(compiler, config), target)).items():
        narrow = set(NARROW.findall(body))
        if function.startswith("write_"):
            narrow = {name for name in narrow if name.startswith("s")}
        elif function.startswith("read_"):
            narrow = {name for name in narrow if name.startswith("l")}
        assert narrow == set(), function


def functions(assembly: str) -> dict[str, str]:
    """Return the instructions of every function, by name."""
    parts = re.split(r"^(\w+):", assembly, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("target", ["rv32imac", "cortex-m0"])
def test_a_packed_structure_would_be_found_by_both_checks(target: str, compiler: Compiler) -> None:
    structures = ("struct crosstwin_digits {", "struct crosstwin_digits_write_only {")
    packed = [(before, before.replace("struct", "struct __attribute__((packed))")) for before in structures]
    text = driver_program(compiler, CONFIGS["digits"], *packed)
    assert ("store", "i32", "1") in Accesses.of(compiler.assembly(text, target, "-emit-llvm")).wrong
    assert NARROW.search(functions(compiler.assembly(text, target))["set_BL"])


def test_written_file_is_the_header(tmp_path: Path) -> None:
    write_c_header(CONFIGS["tiny"], str(tmp_path / "crosstwin.h"))
    assert (tmp_path / "crosstwin.h").read_text() == c_header(CONFIGS["tiny"])
