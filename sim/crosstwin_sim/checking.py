"""The random check on any back end: the golden model against the RTL or its netlist in process, or the RTL in a cocotb bench."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from crosstwin_model.check import Check, checking_plant
from crosstwin_model.config import load_config
from crosstwin_model.plant import Plant

from .cosim import SIMULATORS
from .errors import CrosstwinError
from .extras import require
from .rtl import RtlBackend
from .rtl.build import build_folder
from .rtl.device import RtlDevice
from .rtl.netlist import FAMILIES
from .wave_view import write_wave_view

#: Where the controller may run: its RTL in process, the netlist that synthesis makes of it in process, its RTL in a bench.
BACKENDS = ("rtl", "netlist", *SIMULATORS)


@dataclass(frozen=True)
class Report:
    """What a check found.

    Attributes
    ----------
    operations : int
        Operations that ran.
    compared : dict of str to int
        How often each thing was compared.
    outcomes : dict of str to int
        How often each operation ended with each error code.
    mismatch : str or None
        The first difference.
    conductance_sha256 : str
        Digest of the golden model's conductances at the end.
    seconds : float
        Duration, builds not included.
    waves : Path or None
        The wave file, where one was asked for.
    """

    operations: int
    compared: dict[str, int]
    outcomes: dict[str, int]
    mismatch: str | None
    conductance_sha256: str
    seconds: float
    waves: Path | None


def run_check(
    config: str,
    backend: str,
    operations: int,
    seed: int,
    *,
    family: str | None = None,
    waves: bool = False,
    report: Callable[[str], None] = lambda step: None,
    progress: Callable[[int], None] = lambda done: None,
) -> Report:
    """Run random operations on the golden model and on the RTL, and compare everything after each.

    Parameters
    ----------
    config : str
        Preset or TOML file.
    backend : str
        One of :data:`BACKENDS`.
    operations : int
        How many, 1 or more.
    seed : int
        Same seed, same traffic, whatever the back end.
    family : str or None
        The FPGA family of the netlist, a key of :data:`crosstwin_sim.rtl.netlist.FAMILIES`; None with any other back end.
    waves : bool
        Whether to write every signal to a file.
    report : callable
        Told the steps of a build.
    progress : callable
        Told the number of operations done.

    Raises
    ------
    CrosstwinError
        If a tool is missing, a build fails or its folder cannot be written.
    ConfigurationError
        If the configuration is wrong.
    """
    if (backend == "netlist") != (family is not None):
        raise CrosstwinError(
            f"the back end is {backend} and the family {family}; allowed is a family ({', '.join(FAMILIES)}) with netlist only"
        )
    if backend in ("rtl", "netlist"):
        return _run_in_process(config, family, operations, seed, waves, report, progress)
    require("rtl")
    from .cosim.launch import run_bench

    outcome = run_bench(
        "random",
        simulator=backend,
        config=config,
        seed=seed,
        operations=operations,
        waves=waves,
        report=report,
        progress=progress,
    )
    found = outcome.result
    if not found:
        raise CrosstwinError(
            f"the bench ended without a result ({'; '.join(filter(None, outcome.tests.values()))}); see {outcome.log}"
        )
    return Report(
        found["operations"],
        found["compared"],
        found["outcomes"],
        found["mismatch"],
        found["conductance_sha256"],
        found["seconds"],
        outcome.waves,
    )


def _run_in_process(
    config: str,
    family: str | None,
    operations: int,
    seed: int,
    waves: bool,
    report: Callable[[str], None],
    progress: Callable[[int], None],
) -> Report:
    parts = load_config(config)
    wave_file = None
    if waves:
        wave_file = (build_folder() / "check" / f"{parts.name}-{family or 'rtl'}-{seed}-{operations}.vcd").resolve()
        wave_file.parent.mkdir(parents=True, exist_ok=True)
    backend = RtlBackend(parts, Plant(parts, checking_plant(seed)), family=family, waves=wave_file, report=report)
    try:
        start = time.monotonic()
        result = Check(parts, RtlDevice(backend), seed).run(operations, progress)
        seconds = time.monotonic() - start
    finally:
        backend.close()
    if wave_file is not None:
        write_wave_view(wave_file, parts, "controller.crosstwin", states=family is None)
    return Report(
        result.operations,
        result.compared,
        result.outcomes,
        None if result.mismatch is None else str(result.mismatch),
        result.conductance_sha256,
        seconds,
        wave_file,
    )
