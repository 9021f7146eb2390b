"""Generated documents are what their sources say today."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from xml.etree import ElementTree

import pytest
from systemrdl import RDLCompiler
from systemrdl.node import FieldNode, RegNode

from crosstwin_model.config import PRESETS, ControllerConfig
from crosstwin_model.registers import ERROR_TEXT, Access, Window, register_map
from crosstwin_sim.register_docs import write_html, write_ipxact, write_systemrdl
from crosstwin_sim.register_page import markdown

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


#: IP-XACT's words for what software may do, by a register's access.
IPXACT_ACCESS = {Access.RO: "read-only", Access.RW: "read-write", Access.WO: "write-only", Access.W1C: "read-write"}


@EVERY_PRESET
def test_systemrdl_file_compiles_to_the_same_map_of_whole_words(config: ControllerConfig, tmp_path: Path) -> None:
    path = tmp_path / "map.rdl"
    write_systemrdl(config, str(path))
    compiler = RDLCompiler()
    compiler.compile_file(str(path))
    found = {}
    for node in compiler.elaborate().top.children():
        assert isinstance(node, RegNode)
        fields = []
        for field in node.fields():
            assert isinstance(field, FieldNode)
            access = (field.is_sw_readable, field.is_sw_writable, field.get_property("onwrite") is not None)
            fields.append((field.inst_name, field.lsb, field.width, field.get_property("reset") or 0, access))
        widths = (node.get_property("regwidth"), node.get_property("accesswidth"))
        array = (node.array_dimensions, node.array_stride) if node.is_array else None
        found[node.inst_name] = (node.raw_absolute_address, widths, array, fields)
    registers = register_map(config)
    expected = {
        place.name: (
            place.offset,
            (32, 32),
            ([place.words], 4) if isinstance(place, Window) else None,
            [
                (
                    field.name,
                    field.lsb,
                    field.width,
                    0 if place.access is Access.WO else field.reset,
                    (place.access is not Access.WO, place.access is not Access.RO, place.access is Access.W1C),
                )
                for field in place.fields
            ],
        )
        for place in (*registers, *registers.windows)
    }
    assert found == expected


@EVERY_PRESET
def test_ipxact_file_has_the_same_map_of_whole_words(config: ControllerConfig, tmp_path: Path) -> None:
    path = tmp_path / "map.xml"
    write_ipxact(config, str(path))
    namespace = {"i": "http://www.accellera.org/XMLSchema/IPXACT/1685-2014"}
    block = ElementTree.parse(path).getroot().find("i:memoryMaps/i:memoryMap/i:addressBlock", namespace)
    assert block is not None

    def number(element: ElementTree.Element, name: str) -> int:
        return int(element.findtext(f"i:{name}", "1", namespace).replace("'h", "0x"), 0)

    assert number(block, "width") == 32
    found = {
        register.findtext("i:name", "", namespace): (
            number(register, "addressOffset"),
            number(register, "size"),
            number(register, "dim"),
            [
                (
                    field.findtext("i:name", "", namespace),
                    number(field, "bitOffset"),
                    number(field, "bitWidth"),
                    field.findtext("i:access", "", namespace),
                )
                for field in register.findall("i:field", namespace)
            ],
        )
        for register in block.findall("i:register", namespace)
    }
    registers = register_map(config)
    assert found == {
        place.name: (
            place.offset,
            32,
            place.words if isinstance(place, Window) else 1,
            [(field.name, field.lsb, field.width, IPXACT_ACCESS[place.access]) for field in place.fields],
        )
        for place in (*registers, *registers.windows)
    }


def test_html_names_every_register(tmp_path: Path) -> None:
    write_html(PRESETS["small"], str(tmp_path / "html"))
    pages = "".join(path.read_text() for path in (tmp_path / "html").rglob("*.js*"))
    for entry in (*register_map(PRESETS["small"]), *register_map(PRESETS["small"]).windows):
        assert f'"{entry.name}"' in pages


@pytest.mark.parametrize("root", TABLES["ROOTS"])
def test_module_table_lists_every_module_with_its_purpose(root: str) -> None:
    assert (REPOSITORY / root / "README.md").read_text() == TABLES["readme"](root), "'make docs' brings it up to date"


def test_links_between_documents_lead_somewhere() -> None:
    for document in (*REPOSITORY.glob("*.md"), *REPOSITORY.glob("*/*.md")):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document} links to {target}, which is not there"
