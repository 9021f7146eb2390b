"""A driver in C that uses everything of the C header, and the compiler that builds it for several processors."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import ziglang

from crosstwin_model.config import ControllerConfig
from crosstwin_model.registers import Access, Register, Window, register_map
from crosstwin_sim.c_header import c_header

ZIG = Path(ziglang.__path__[0]) / "zig"
WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wsign-conversion", "-Wshadow", "-Werror")


@dataclass(frozen=True)
class Target:
    """A processor: clang's triple, and the processor's name."""

    triple: str
    cpu: str


#: Processors on which a driver may run. Compilers for the first three split accesses that may not be aligned.
TARGETS = {
    "cortex-m0": Target("thumb-freestanding-eabi", "cortex_m0"),
    "rv32imac": Target("riscv32-freestanding-none", "generic_rv32+m+a+c"),
    "rv64-strict": Target("riscv64-freestanding-none", "generic_rv64+m+a+c"),
    "cortex-m4": Target("thumb-freestanding-eabi", "cortex_m4"),
    "cortex-a53": Target("aarch64-freestanding-none", "cortex_a53"),
    "x86_64": Target("x86_64-freestanding-none", "x86_64"),
}


class Compiler:
    """Clang of the package ziglang, with its cache in the folder that it works in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._environment = {
            **os.environ,
            "ZIG_GLOBAL_CACHE_DIR": str(folder / "zig"),
            "ZIG_LOCAL_CACHE_DIR": str(folder / "zig"),
        }

    def include(self, config: ControllerConfig, *changes: tuple[str, str]) -> str:
        """Write the header of a configuration, with texts in it replaced, and return the line that includes it."""
        header = c_header(config)
        for before, after in changes:
            assert before in header
            header = header.replace(before, after)
        (self.folder / f"{config.identifier}.h").write_text(header)
        return f'#include "{config.identifier}.h"\n'

    def _run(self, text: str, target: str, name: str, *arguments: str) -> tuple[Path, str]:
        suffix = "cpp" if "++" in " ".join(arguments) else "c"
        source, result = self.folder / f"driver.{suffix}", self.folder / name
        source.write_text(text)
        result.unlink(missing_ok=True)
        chosen = TARGETS[target]
        command = [str(ZIG), "c++" if suffix == "cpp" else "cc", "-target", chosen.triple]
        command += [f"-mcpu={chosen.cpu}", "-O2", "-g0", *arguments, "-o", str(result), str(source)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=self._environment)
        return result, done.stderr

    def warnings(self, text: str, target: str, language: str, *flags: str) -> str:
        """Return what the compiler says about a program, with all warnings as errors."""
        result, said = self._run(text, target, "driver.o", f"-std={language}", *WARNINGS, *flags, "-c")
        assert result.exists() or "error:" in said, said
        return said

    def assembly(self, text: str, target: str, *flags: str) -> str:
        """Return a program's assembly, or with `-emit-llvm` its intermediate representation."""
        result, said = self._run(text, target, "driver.s", "-S", *flags)
        assert result.exists(), said
        return result.read_text()

    def executable(self, text: str, target: str, entry: str) -> bytes:
        """Return a program linked without any library, as ELF."""
        result, said = self._run(text, target, "driver.elf", "-nostdlib", "-static", f"-Wl,-e,{entry}")
        assert result.exists(), said
        return result.read_bytes()


@dataclass(frozen=True)
class Function:
    """A function of the driver.

    Attributes
    ----------
    kind : str
        get or set (a register or a field), put or take (a word of a vector), write or read (a whole vector).
    part : str
        The field, or for take the half of the word; empty for a whole register.
    result : str
        C type of the result.
    parameters : tuple of (type, name)
        What follows the controller's address.
    body : str
        Its statement.
    """

    kind: str
    place: Register | Window
    part: str
    result: str
    parameters: tuple[tuple[str, str], ...]
    body: str

    @property
    def name(self) -> str:
        """Its name in C, for instance ``get_STATUS_BUSY``."""
        return "_".join(part for part in (self.kind, self.place.name, self.part) if part)


def c_functions(config: ControllerConfig) -> list[Function]:
    """Return functions that write and read every register, every field, every word of a vector, and whole vectors."""
    registers = register_map(config)
    name = f"crosstwin_{config.identifier}"
    return [
        *(function for register in registers for function in _register(name, register)),
        *(function for window in registers.windows for function in _vector(name, window)),
    ]


def c_driver(config: ControllerConfig) -> str:
    """Return the functions as C."""
    lines = []
    for function in c_functions(config):
        parameters = (_bus(config), *(" ".join(parameter) for parameter in function.parameters))
        signature = f"{function.result} {function.name}({', '.join(parameters)})"
        lines += [f"{signature};", f"{signature} {{ {function.body} }}", ""]
    return "\n".join(lines)


def c_call(config: ControllerConfig) -> str:
    """Return the function `call`, which calls one of the functions by its number, with arguments and codes from memory."""
    cases = []
    for number, function in enumerate(c_functions(config)):
        passed = ["dev"]
        for index, (kind, name) in enumerate(function.parameters):
            passed.append("codes" if name == "codes" else f"({kind})arguments[{index}]")
        called = f"{function.name}({', '.join(passed)})"
        cases.append(f"case {number}: " + (f"{called}; break;" if function.result == "void" else f"return (uint32_t){called};"))
    signature = f"uint32_t call({_bus(config)}, uint32_t which, const uint32_t *arguments, int16_t *codes)"
    return "\n".join((f"{signature} {{ switch (which) {{", *cases, "} return 0; }", ""))


def _bus(config: ControllerConfig) -> str:
    """Return the first parameter: its members are volatile, so the structure need not be."""
    return f"crosstwin_{config.identifier}_t *dev"


def _register(name: str, register: Register) -> Iterator[Function]:
    prefix = name.upper()
    place = f"dev->{register.name}"
    store = f"{name}_write(&{place}, {{}});" if register.access is Access.WO else f"{place} = {{}};"
    value = (("uint32_t", "value"),)
    for field in (None, *register.fields):
        part = field.name if field else ""
        macro = f"{register.name}_{part}"
        if register.access is not Access.WO:
            body = f"return {prefix}_FIELD_GET({macro}, {place});" if field else f"return {place};"
            yield Function("get", register, part, "uint32_t", (), body)
        if register.access is not Access.RO:
            stored = f"{prefix}_FIELD_PREP({macro}, value)" if field else "value"
            yield Function("set", register, part, "void", value, store.format(stored))


def _vector(name: str, window: Window) -> Iterator[Function]:
    word, k = f"dev->{window.name}[k]", ("uint32_t", "k")
    if window.access is Access.WO:
        codes = (k, ("int16_t", "even"), ("int16_t", "odd"))
        yield Function("put", window, "", "void", codes, f"{name}_write(&{word}, {name}_pack_codes(even, odd));")
        whole = (("const int16_t *", "codes"),)
        yield Function("write", window, "", "void", whole, f"{name}_write_{window.name}(dev, codes);")
    else:
        for half in ("even", "odd"):
            yield Function("take", window, half, "int16_t", (k,), f"return {name}_{half}_code({word});")
        yield Function("read", window, "", "void", (("int16_t *", "codes"),), f"{name}_read_{window.name}(dev, codes);")
