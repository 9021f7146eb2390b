"""The IP-XACT component of a package (IEEE 1685-2009, which Vivado reads): ports, bus interfaces, registers, files."""

from __future__ import annotations

from importlib.metadata import version
from xml.etree import ElementTree

from crosstwin_hdl.verilog import TOP
from crosstwin_model.config import ControllerConfig
from crosstwin_model.registers import ADDRESS_BITS

from .ports import Port

_NAMESPACE = "http://www.spiritconsortium.org/XMLSchema/SPIRIT/1685-2009"
_XILINX = "http://www.xilinx.com"
#: Vivado offers an IP only for the families that it names.
_FAMILIES = (
    "artix7",
    "kintex7",
    "virtex7",
    "spartan7",
    "zynq",
    "kintexu",
    "virtexu",
    "artixuplus",
    "kintexuplus",
    "zynquplus",
    "versal",
)
#: Bus interfaces beside the bus itself: name, kind, logical name and port, and what the interface says about itself.
_SIGNALS = (
    ("clk", "clock", "CLK", {"ASSOCIATED_BUSIF": "s_axi", "ASSOCIATED_RESET": "rst"}),
    ("rst", "reset", "RST", {"POLARITY": "ACTIVE_HIGH"}),
    ("irq", "interrupt", "INTERRUPT", {"SENSITIVITY": "LEVEL_HIGH"}),
)
_VIEWS = (
    ("xilinx_anylanguagesynthesis", "Synthesis", ":vivado.xilinx.com:synthesis"),
    ("xilinx_anylanguagebehavioralsimulation", "Simulation", ":vivado.xilinx.com:simulation"),
)


def component(config: ControllerConfig, ports: tuple[Port, ...], registers: bytes, verilog: str) -> bytes:
    """Return the component: PeakRDL's registers with everything else that describes the controller added.

    Parameters
    ----------
    config : ControllerConfig
        What the package holds.
    ports : tuple of Port
        The controller's ports.
    registers : bytes
        PeakRDL's IP-XACT of the register map, IEEE 1685-2009.
    verilog : str
        Name of the controller's Verilog in the package.
    """
    ElementTree.register_namespace("spirit", _NAMESPACE)
    ElementTree.register_namespace("xilinx", _XILINX)
    root = ElementTree.fromstring(registers)
    _replace(root, "name", f"{TOP}_{config.identifier}")
    _replace(root, "version", version("crosstwin"))
    memory_maps = root.find(_tag("memoryMaps"))
    assert memory_maps is not None
    memory_map = memory_maps[0]
    _replace(memory_map, "name", "s_axi")
    block = memory_map.find(_tag("addressBlock"))
    assert block is not None
    _replace(block, "name", "registers")
    _replace(block, "range", str(1 << ADDRESS_BITS))  # what the bus decodes; the registers may end earlier
    width = block.find(_tag("width"))
    assert width is not None
    block.insert(list(block).index(width) + 1, _leaf("usage", "register"))
    place = list(root).index(memory_maps)
    root.insert(place, _interfaces(ports))
    root.insert(place + 2, _model(ports))
    root.insert(place + 3, _file_sets(verilog))
    root.insert(place + 4, _leaf("description", f"Controller of analog resistive crossbars, {config.rows} x {config.columns}"))
    parameters = ElementTree.SubElement(root, _tag("parameters"))
    _parameter(parameters, "Component_Name", f"{TOP}_{config.identifier}_0")
    root.append(_vivado(f"Crosstwin controller, {config.rows} x {config.columns}"))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"


def _tag(name: str) -> str:
    return f"{{{_NAMESPACE}}}{name}"


def _leaf(name: str, text: str) -> ElementTree.Element:
    element = ElementTree.Element(_tag(name))
    element.text = text
    return element


def _add(
    parent: ElementTree.Element, name: str, text: str | None = None, attributes: dict[str, str] | None = None
) -> ElementTree.Element:
    element = ElementTree.SubElement(parent, _tag(name), {_tag(key): value for key, value in (attributes or {}).items()})
    element.text = text
    return element


def _replace(parent: ElementTree.Element, name: str, text: str) -> None:
    element = parent.find(_tag(name))
    assert element is not None
    element.text = text


def _parameter(parent: ElementTree.Element, name: str, value: str) -> None:
    parameter = _add(parent, "parameter")
    _add(parameter, "name", name)
    _add(parameter, "value", value)


def _interface(parent: ElementTree.Element, name: str, library: str, kind: str) -> ElementTree.Element:
    """Add a bus interface of one of Vivado's kinds, up to its abstraction."""
    interface = _add(parent, "busInterface")
    _add(interface, "name", name)
    for element, suffix in (("busType", ""), ("abstractionType", "_rtl")):
        reference = {"vendor": "xilinx.com", "library": library, "name": f"{kind}{suffix}", "version": "1.0"}
        _add(interface, element, attributes=reference)
    return interface


def _map_ports(interface: ElementTree.Element, names: dict[str, str]) -> None:
    maps = _add(interface, "portMaps")
    for logical, physical in names.items():
        port_map = _add(maps, "portMap")
        _add(_add(port_map, "logicalPort"), "name", logical)
        _add(_add(port_map, "physicalPort"), "name", physical)


def _interfaces(ports: tuple[Port, ...]) -> ElementTree.Element:
    interfaces = ElementTree.Element(_tag("busInterfaces"))
    bus = _interface(interfaces, "s_axi", "interface", "aximm")
    _add(_add(bus, "slave"), "memoryMapRef", attributes={"memoryMapRef": "s_axi"})
    _map_ports(bus, {port.name.removeprefix("s_axi_").upper(): port.name for port in ports if port.name.startswith("s_axi_")})
    _parameter(_add(bus, "parameters"), "PROTOCOL", "AXI4LITE")
    for name, kind, logical, said in _SIGNALS:
        signal = _interface(interfaces, name, "signal", kind)
        _add(signal, "master" if name == "irq" else "slave")
        _map_ports(signal, {logical: name})
        parameters = _add(signal, "parameters")
        for key, value in said.items():
            _parameter(parameters, key, value)
    return interfaces


def _model(ports: tuple[Port, ...]) -> ElementTree.Element:
    model = ElementTree.Element(_tag("model"))
    views = _add(model, "views")
    for name, shown, environment in _VIEWS:
        view = _add(views, "view")
        _add(view, "name", name)
        _add(view, "displayName", shown)
        _add(view, "envIdentifier", environment)
        _add(view, "language", "verilog")
        _add(view, "modelName", TOP)
        _add(_add(view, "fileSetRef"), "localName", "rtl")
    listed = _add(model, "ports")
    for port in ports:
        element = _add(listed, "port")
        _add(element, "name", port.name)
        _add(element, "description", port.meaning)
        wire = _add(element, "wire")
        _add(wire, "direction", port.direction.removesuffix("put"))
        if port.width > 1:
            vector = _add(wire, "vector")
            _add(vector, "left", str(port.width - 1))
            _add(vector, "right", "0")
        if port.direction == "input" and port.name not in ("clk", "rst"):
            _add(_add(wire, "driver"), "defaultValue", "0")
    return model


def _vivado(name: str) -> ElementTree.Element:
    """Return what Vivado's IP catalog wants to know beyond the standard."""
    extensions = ElementTree.Element(_tag("vendorExtensions"))
    core = ElementTree.SubElement(extensions, f"{{{_XILINX}}}coreExtensions")
    families = ElementTree.SubElement(core, f"{{{_XILINX}}}supportedFamilies")
    for family in _FAMILIES:
        ElementTree.SubElement(families, f"{{{_XILINX}}}family", {f"{{{_XILINX}}}lifeCycle": "Production"}).text = family
    taxonomies = ElementTree.SubElement(core, f"{{{_XILINX}}}taxonomies")
    ElementTree.SubElement(taxonomies, f"{{{_XILINX}}}taxonomy").text = "/UserIP"
    ElementTree.SubElement(core, f"{{{_XILINX}}}displayName").text = name
    ElementTree.SubElement(core, f"{{{_XILINX}}}coreRevision").text = "1"
    return extensions


def _file_sets(verilog: str) -> ElementTree.Element:
    sets = ElementTree.Element(_tag("fileSets"))
    file_set = _add(sets, "fileSet")
    _add(file_set, "name", "rtl")
    file = _add(file_set, "file")
    _add(file, "name", verilog)
    _add(file, "fileType", "verilogSource")
    return sets
