"""The register map as documents: a SystemRDL model made from the register data, and PeakRDL's exporters.

This module needs the optional packages of ``crosstwin[docs]``.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from peakrdl_cheader.exporter import CHeaderExporter
from peakrdl_html import HTMLExporter
from peakrdl_ipxact import IPXACTExporter, Standard
from peakrdl_markdown import MarkdownExporter
from peakrdl_systemrdl import SystemRDLExporter
from systemrdl import RDLCompiler
from systemrdl.component import Addrmap, Field, Mem
from systemrdl.importer import RDLImporter
from systemrdl.node import AddrmapNode
from systemrdl.rdltypes import AccessType, OnWriteType
from systemrdl.source_ref import FileSourceRef

from crosstwin_model import registers as data
from crosstwin_model.config import ControllerConfig
from crosstwin_model.registers import ERROR_TEXT, Access, register_map

from .errors import CrosstwinError
from .files import write_bytes, write_text

_SOFTWARE = {Access.RO: AccessType.r, Access.RW: AccessType.rw, Access.WO: AccessType.w, Access.W1C: AccessType.rw}


class _RegisterImporter(RDLImporter):
    """Builds the SystemRDL components of one register map."""

    def __init__(self, compiler: RDLCompiler) -> None:
        super().__init__(compiler)
        self.default_src_ref = FileSourceRef(str(data.__file__))

    def build(self, config: ControllerConfig, *, memories: bool) -> str:
        """Register the address map with the compiler and return its type's name."""
        registers = register_map(config)
        top = self.create_addrmap_definition(f"crosstwin_{re.sub('[^A-Za-z0-9_]', '_', config.name)}")
        self.assign_property(top, "name", f"Crosstwin controller, configuration {config.name}")
        self.assign_property(top, "desc", _summary(config))
        for register in registers:
            self._add_register(top, register)
        for window in registers.windows:
            if memories:
                self._add_memory(top, window)
            else:
                self._add_register_array(top, window)
        self.register_root_component(top)
        assert top.type_name is not None
        return top.type_name

    def _add_register(self, top: Addrmap, register: data.Register) -> None:
        definition = self.create_reg_definition()
        self.assign_property(definition, "regwidth", 32)
        instance = self.instantiate_reg(definition, register.name, register.offset)
        self.assign_property(instance, "name", register.doc)
        if register.while_busy:
            self.assign_property(instance, "desc", "Writes are taken during an operation too.")
        for field in register.fields:
            self.add_child(instance, self._field(register, field))
        self.add_child(top, instance)

    def _field(self, register: data.Register, field: data.Field) -> Field:
        instance = self.instantiate_field(self.create_field_definition(), field.name, field.lsb, field.width)
        self.assign_property(instance, "name", field.doc)
        self.assign_property(instance, "sw", _SOFTWARE[register.access])
        self.assign_property(instance, "hw", AccessType.w if register.access is Access.RO else AccessType.r)
        if register.access is Access.W1C:
            self.assign_property(instance, "onwrite", OnWriteType.woclr)
        if register.access is not Access.WO:
            self.assign_property(instance, "reset", int(field.reset))
        return instance

    def _add_memory(self, top: Addrmap, window: data.Window) -> None:
        definition: Mem = self.create_mem_definition()
        instance = self.instantiate_mem(definition, window.name, window.offset)
        self.assign_property(instance, "memwidth", 16)
        self.assign_property(instance, "mementries", window.entries)
        self.assign_property(instance, "sw", _SOFTWARE[window.access])
        self.assign_property(instance, "name", window.doc)
        self.assign_property(instance, "desc", _window_text(window))
        self.add_child(top, instance)

    def _add_register_array(self, top: Addrmap, window: data.Window) -> None:
        definition = self.create_reg_definition()
        instance = self.instantiate_reg(definition, window.name, window.offset, [window.words], 4)
        self.assign_property(instance, "name", window.doc)
        self.assign_property(instance, "desc", _window_text(window))
        for name, lsb in (("EVEN", 0), ("ODD", 16)):
            field = self.instantiate_field(self.create_field_definition(), name, lsb, 16)
            self.assign_property(field, "sw", _SOFTWARE[window.access])
            self.assign_property(field, "hw", AccessType.w if window.access is Access.RO else AccessType.r)
            self.add_child(instance, field)
        self.add_child(top, instance)


def _window_text(window: data.Window) -> str:
    return f"{window.entries} signed 16-bit codes, two to a 32-bit word, the first in the low half; {window.access.value}."


def _summary(config: ControllerConfig) -> str:
    return (
        f"{config.rows} rows x {config.columns} columns, {config.pairs} tile pair(s), codes of {config.code_bits} bits, "
        f"ADC codes of {config.adc_bits} bits on {config.adc_lanes} lane(s), BL up to {config.bl_max}, "
        f"random sources {', '.join(config.sources)}."
    )


def address_map(config: ControllerConfig, *, memories: bool = True) -> AddrmapNode:
    """Return the register map of a configuration as an elaborated SystemRDL address map, for any PeakRDL exporter.

    Parameters
    ----------
    config : ControllerConfig
        Whose registers.
    memories : bool
        Whether the vector windows are memories of 16-bit words; otherwise they are arrays of 32-bit registers.
    """
    compiler = RDLCompiler()
    name = _RegisterImporter(compiler).build(config, memories=memories)
    return compiler.elaborate(name, inst_name="crosstwin").top


#: The exporter's names for columns, and what they hold here.
_HEADS = {"Identifier": "Name", "Name": "Meaning"}

_INTRODUCTION = """\
# Registers of the configuration `{name}`

{summary}

Made by `crosstwin registers --config {name}` from the register data in `model/crosstwin_model/registers.py`. The bus is AXI4-Lite
with 32-bit data; an access that is refused answers SLVERR and changes nothing: [controller.md](controller.md#bus) says when.
Other configurations differ in sizes, in the registers of each tile pair, and in the reset values that follow from them.

Access: `r` read, `w` write, `rw` both, `woclr` writing 1 clears the bit. X, D and Y are windows of signed 16-bit codes, two to a
word.
"""

_ERRORS = """\
## Error codes

ERROR and STATUS.FAULT_CODE hold one of these.

| code | name | meaning |
|---|---|---|
"""


def markdown(config: ControllerConfig) -> str:
    """Return the page docs/registers.md for a configuration."""
    body = _exported("page.md", lambda path: MarkdownExporter().export(address_map(config), path)).decode()
    body = re.sub(
        r"^## crosstwin address map\n.*?(?=^\|)", "## Overview\n\n", body[body.index("##") :], flags=re.DOTALL | re.MULTILINE
    )
    body = body.replace("No supported members.\n\n", "").replace("<p>", "").replace("</p>", "")
    body = re.sub(r"^\|.*\|$", _table_row, body, flags=re.MULTILINE)
    documented = {entry.name: entry.doc for entry in (*register_map(config), *register_map(config).windows)}
    body = re.sub(
        r"^#+ (\w+) (?:register|memory)\n\n- Absolute Address: 0x(\w+)\n(?:- .*\n)*",
        lambda match: f"### {match[1]}\n\nAddress 0x{match[2]:0>4}. {documented[match[1]]}\n",
        body,
        flags=re.MULTILINE,
    )
    errors = "".join(f"| {code.value} | {code.name} | {text.replace('**', '^')} |\n" for code, text in ERROR_TEXT.items())
    introduction = _INTRODUCTION.format(name=config.name, summary=_summary(config))
    return re.sub(r"\n{3,}", "\n\n", f"{introduction}\n{body.strip()}\n\n{_ERRORS}{errors}")


def _table_row(match: re.Match[str]) -> str:
    """Take the padding out of a table's row: a change of one cell is then a change of one line."""
    cells = [cell.strip() for cell in match[0].strip("|").split("|")]
    return "| " + " | ".join("---" if set(cell) == {"-"} else _HEADS.get(cell, cell) for cell in cells) + " |"


def _exported(name: str, export: Callable[[str], None]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        export(str(path))
        return path.read_bytes()


def write_markdown(config: ControllerConfig, path: str) -> None:
    """Write the page as one Markdown file."""
    write_text(path, markdown(config))


def write_systemrdl(config: ControllerConfig, path: str) -> None:
    """Write the map as one SystemRDL 2.0 file."""
    write_bytes(path, _exported("map.rdl", lambda part: SystemRDLExporter().export(address_map(config), part)))


def write_c_header(config: ControllerConfig, path: str) -> None:
    """Write a C header with the registers' addresses, masks and structures."""
    write_bytes(path, _exported("crosstwin.h", lambda part: CHeaderExporter().export(address_map(config), part)))


def write_ipxact(config: ControllerConfig, path: str) -> None:
    """Write the map as an IP-XACT component (IEEE 1685-2014), which has no memories beside registers."""
    exporter = IPXACTExporter(vendor="crosstwin", library="crosstwin")
    write_bytes(path, _exported("map.xml", lambda part: exporter.export(address_map(config, memories=False), part)))


def ipxact_2009(config: ControllerConfig) -> bytes:
    """Return the map as an IP-XACT component of the older standard (IEEE 1685-2009), the one that Vivado reads."""
    exporter = IPXACTExporter(vendor="crosstwin", library="crosstwin", standard=Standard.IEEE_1685_2009)
    return _exported("map.xml", lambda part: exporter.export(address_map(config, memories=False), part))


def write_html(config: ControllerConfig, path: str) -> None:
    """Write browsable pages into a folder, which is made if need be.

    Raises
    ------
    CrosstwinError
        If the path is empty or names a file.
    """
    if not path or not (Path(path).is_dir() or (not Path(path).exists() and Path(path).suffix.lower() != ".html")):
        raise CrosstwinError(f"{path!r} cannot be written: html needs a folder")
    HTMLExporter().export(address_map(config), path)


#: What can be written, by the name that the command line uses.
WRITERS: dict[str, Callable[[ControllerConfig, str], None]] = {
    "markdown": write_markdown,
    "html": write_html,
    "systemrdl": write_systemrdl,
    "c": write_c_header,
    "ipxact": write_ipxact,
}
