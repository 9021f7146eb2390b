"""Generated documents are what their sources say today."""

from __future__ import annotations

import re
import runpy
import subprocess
from pathlib import Path

import pytest
from systemrdl import RDLCompiler
from systemrdl.node import FieldNode, MemNode, RegNode

from crosstwin_model.config import PRESETS, ControllerConfig
from crosstwin_model.registers import ERROR_TEXT, register_map
from crosstwin_sim.register_docs import markdown, write_c_header, write_html, write_ipxact, write_systemrdl

REPOSITORY = Path(__file__).parents[2]
EVERY_PRESET = pytest.mark.parametrize("config", PRESETS.values(), ids=PRESETS)
TABLES = runpy.run_path(str(REPOSITORY / "docs" / "module_tables.py"))


def test_registers_page_is_current() -> None:
    assert (REPOSITORY / "docs" / "registers.md").read_text() == markdown(PRESETS["digits"]), "'make docs' brings it up to date"


@EVERY_PRESET
def test_registers_page_has_every_register_field_window_and_error_code(config: ControllerConfig) -> None:
    page = markdown(config)
    sections = dict(re.findall(r"^### (\w+)\n\n(.*?)(?=^##|\Z)", page, flags=re.DOTALL | re.MULTILINE))
    for register in register_map(config):
        assert f"Address 0x{register.offset:04X}. {register.doc}" in sections[register.name]
        assert all(f"| {field.name} |" in sections[register.name] for field in register.fields)
    for window in register_map(config).windows:
        assert f"{window.entries} signed 16-bit codes" in sections[window.name]
    assert all(f"| {code.value} | {code.name} |" in page for code in ERROR_TEXT)


@EVERY_PRESET
def test_systemrdl_file_compiles_to_the_same_map(config: ControllerConfig, tmp_path: Path) -> None:
    path = tmp_path / "map.rdl"
    write_systemrdl(config, str(path))
    compiler = RDLCompiler()
    compiler.compile_file(str(path))
    found = {}
    for node in compiler.elaborate().top.children():
        if isinstance(node, RegNode):
            fields = [
                (f.inst_name, f.lsb, f.width, f.get_property("reset") or 0) for f in node.fields() if isinstance(f, FieldNode)
            ]
            found[node.inst_name] = (node.absolute_address, fields)
        elif isinstance(node, MemNode):
            found[node.inst_name] = (node.absolute_address, node.get_property("mementries"))
    registers = register_map(config)
    expected: dict[str, tuple[int, object]] = {
        register.name: (register.offset, [(field.name, field.lsb, field.width, field.reset) for field in register.fields])
        for register in registers
    }
    expected |= {window.name: (window.offset, window.entries) for window in registers.windows}
    assert found == expected


def test_c_header_compiles_and_has_the_addresses(tmp_path: Path) -> None:
    header, program = tmp_path / "crosstwin.h", tmp_path / "check.c"
    write_c_header(PRESETS["digits"], str(header))
    checks = "".join(
        f'_Static_assert(offsetof(crosstwin_digits_t, {entry.name}) == {entry.offset}, "{entry.name}");\n'
        for entry in (*register_map(PRESETS["digits"]), *register_map(PRESETS["digits"]).windows)
    )
    program.write_text(f'#include <stddef.h>\n#include "crosstwin.h"\n{checks}')
    done = subprocess.run(["cc", "-fsyntax-only", str(program)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_ipxact_and_html_name_every_register(tmp_path: Path) -> None:
    write_ipxact(PRESETS["small"], str(tmp_path / "map.xml"))
    write_html(PRESETS["small"], str(tmp_path / "html"))
    component = (tmp_path / "map.xml").read_text()
    pages = "".join(path.read_text() for path in (tmp_path / "html").rglob("*.js*"))
    for entry in (*register_map(PRESETS["small"]), *register_map(PRESETS["small"]).windows):
        assert f"<ipxact:name>{entry.name}</ipxact:name>" in component
        assert f'"{entry.name}"' in pages


@pytest.mark.parametrize("root", TABLES["ROOTS"])
def test_module_table_lists_every_module_with_its_purpose(root: str) -> None:
    assert (REPOSITORY / root / "README.md").read_text() == TABLES["readme"](root), "'make docs' brings it up to date"


def test_links_between_documents_lead_somewhere() -> None:
    for document in (*REPOSITORY.glob("*.md"), *REPOSITORY.glob("*/*.md")):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document} links to {target}, which is not there"
