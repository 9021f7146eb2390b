"""The register map in the formats that tools read: a SystemRDL model made from the register data, and PeakRDL's exporters.

This module needs the optional packages of ``crosstwin[docs]``.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from peakrdl_html import HTMLExporter
from peakrdl_ipxact import IPXACTExporter, Standard
from peakrdl_systemrdl import SystemRDLExporter
from systemrdl import RDLCompiler
from systemrdl.component import Addrmap, Field, Reg
from systemrdl.importer import RDLImporter
from systemrdl.node import AddrmapNode
from systemrdl.rdltypes import AccessType, OnWriteType
from systemrdl.source_ref import FileSourceRef

from crosstwin_model import registers as data
from crosstwin_model.config import ControllerConfig
from crosstwin_model.registers import Access, register_map

from .errors import CrosstwinError
from .files import whole_folder, write_bytes
from .register_page import summary, window_text

_SOFTWARE = {Access.RO: AccessType.r, Access.RW: AccessType.rw, Access.WO: AccessType.w, Access.W1C: AccessType.rw}


class _RegisterImporter(RDLImporter):
    """Builds the SystemRDL components of one register map."""

    def __init__(self, compiler: RDLCompiler) -> None:
        super().__init__(compiler)
        self.default_src_ref = FileSourceRef(str(data.__file__))

    def build(self, config: ControllerConfig) -> str:
        """Register the address map with the compiler and return its type's name."""
        registers = register_map(config)
        top = self.create_addrmap_definition(f"crosstwin_{config.identifier}")
        self.assign_property(top, "name", f"Crosstwin controller, configuration {config.name}")
        self.assign_property(top, "desc", summary(config))
        for register in registers:
            self._add_register(top, register)
        for window in registers.windows:
            self._add_window(top, window)
        self.register_root_component(top)
        assert top.type_name is not None
        return top.type_name

    def _definition(self) -> Reg:
        """Return a register that is accessed as a whole 32-bit word only."""
        definition = self.create_reg_definition()
        self.assign_property(definition, "regwidth", 32)
        self.assign_property(definition, "accesswidth", 32)
        return definition

    def _add_register(self, top: Addrmap, register: data.Register) -> None:
        instance = self.instantiate_reg(self._definition(), register.name, register.offset)
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

    def _add_window(self, top: Addrmap, window: data.Window) -> None:
        instance = self.instantiate_reg(self._definition(), window.name, window.offset, [window.words], 4)
        self.assign_property(instance, "name", window.doc)
        self.assign_property(instance, "desc", window_text(window))
        for field in window.fields:
            half = self.instantiate_field(self.create_field_definition(), field.name, field.lsb, field.width)
            self.assign_property(half, "name", field.doc)
            self.assign_property(half, "sw", _SOFTWARE[window.access])
            self.assign_property(half, "hw", AccessType.w if window.access is Access.RO else AccessType.r)
            self.add_child(instance, half)
        self.add_child(top, instance)


def address_map(config: ControllerConfig) -> AddrmapNode:
    """Return the register map of a configuration as an elaborated SystemRDL address map, for any PeakRDL exporter.

    Parameters
    ----------
    config : ControllerConfig
        Whose registers.
    """
    compiler = RDLCompiler()
    name = _RegisterImporter(compiler).build(config)
    return compiler.elaborate(name, inst_name="crosstwin").top


def _exported(name: str, export: Callable[[str], None]) -> bytes:
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            export(str(path))
            return path.read_bytes()
    except OSError as error:
        raise CrosstwinError(f"the temporary folder {tempfile.gettempdir()} cannot be written: {error.strerror}") from None


def write_systemrdl(config: ControllerConfig, path: str) -> None:
    """Write the map as one SystemRDL 2.0 file."""
    write_bytes(path, _exported("map.rdl", lambda part: SystemRDLExporter().export(address_map(config), part)))


def write_ipxact(config: ControllerConfig, path: str) -> None:
    """Write the map as an IP-XACT component (IEEE 1685-2014)."""
    exporter = IPXACTExporter(vendor="crosstwin", library="crosstwin")
    write_bytes(path, _exported("map.xml", lambda part: exporter.export(address_map(config), part)))


def ipxact_2009(config: ControllerConfig) -> bytes:
    """Return the map as an IP-XACT component of the older standard (IEEE 1685-2009), the one that Vivado reads."""
    exporter = IPXACTExporter(vendor="crosstwin", library="crosstwin", standard=Standard.IEEE_1685_2009)
    return _exported("map.xml", lambda part: exporter.export(address_map(config), part))


def write_html(config: ControllerConfig, path: str) -> None:
    """Write browsable pages into a folder, which is made if need be.

    Raises
    ------
    CrosstwinError
        If the path is empty or names a file.
    """
    if not Path(path).exists() and Path(path).suffix.lower() == ".html":
        raise CrosstwinError(f"{path!r} cannot be written: html needs a folder")
    with whole_folder(path, "html") as folder:
        HTMLExporter().export(address_map(config), str(folder))


#: What can be written, by the name that the command line uses.
WRITERS: dict[str, Callable[[ControllerConfig, str], None]] = {
    "html": write_html,
    "systemrdl": write_systemrdl,
    "ipxact": write_ipxact,
}
