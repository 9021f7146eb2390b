"""Builds the simulated controller for the benches, cached by what it is made from."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from pathlib import Path

from cocotb_tools.runner import Runner
from filelock import FileLock

from crosstwin_hdl.verilog import TOP, to_verilog
from crosstwin_model.config import ControllerConfig

from ..errors import CrosstwinError
from ..fingerprint import fingerprint
from ..rtl.build import build_folder
from .simulators import open_ports

#: Simulators' time: benches count in steps of a nanosecond.
TIMESCALE = ("1ns", "1ns")
_FLAGS = {
    "verilator": (
        *("-O3", "--x-assign", "fast", "--x-initial", "fast", "--no-assert", "--output-split", "0"),
        *("-Wno-fatal", "-Wno-WIDTH", "-Wno-CASEINCOMPLETE", "-Wno-lint"),
    ),
    "icarus": (),
}


def cosim_folder() -> Path:
    """Return the folder for everything that co-simulation builds and writes.

    Raises
    ------
    CrosstwinError
        If it cannot be made or written.
    """
    folder = (build_folder() / "cosim").resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".writable").touch()
    except OSError as error:
        raise CrosstwinError(
            f"the build folder {folder} cannot be written ({error.strerror}); set CROSSTWIN_BUILD to a folder that can"
        ) from None
    return folder


def build(runner: Runner, simulator: str, config: ControllerConfig, waves: bool, report: Callable[[str], None]) -> Path:
    """Build the simulated controller if it is not there.

    Two processes that ask for the same one build it once: the second waits.

    Parameters
    ----------
    runner : Runner
        A new runner of the simulator.
    simulator : str
        Its name.
    config : ControllerConfig
        What to build.
    waves : bool
        Whether it can write waves; the design then keeps its hierarchy and names.
    report : callable
        Told the steps that take long.

    Returns
    -------
    Path
        The folder of the build.

    Raises
    ------
    CrosstwinError
        If the folder cannot be written, or a step fails.
    """
    root = cosim_folder()
    versions = [importlib.metadata.version(name) for name in ("amaranth", "cocotb", "verilator")]
    mark = fingerprint(config, (versions, TIMESCALE, _FLAGS[simulator]))
    key = f"{config.name}-{simulator}-{mark}{'-waves' if waves else ''}"
    folder, done = root / key, root / key / "done"
    with FileLock(root / f"{key}.lock"):
        if not done.exists():
            folder.mkdir(exist_ok=True)
            report("writing Verilog")
            verilog = to_verilog(config, flatten=not waves)
            sources = [folder / "controller.v"]
            sources[0].write_text(verilog)
            if simulator == "verilator":
                sources.insert(0, folder / "ports.vlt")
                sources[0].write_text(open_ports(verilog))
            report(f"building for {simulator}")
            log = folder / "build.log"
            try:
                runner.build(
                    sources=sources,
                    hdl_toplevel=TOP,
                    build_dir=folder,
                    build_args=_FLAGS[simulator],
                    timescale=TIMESCALE,
                    waves=waves,
                    always=True,
                    log_file=log,
                )
            except RuntimeError as error:
                raise CrosstwinError(f"the build for {simulator} failed ({error}); {log} says why") from None
            done.touch()
    return folder
