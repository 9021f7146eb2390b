"""Launches benches by name, and reads back what they found."""

from __future__ import annotations

import json
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cocotb_tools.runner import Runner
from filelock import FileLock

from crosstwin_hdl.verilog import TOP
from crosstwin_model.config import load_config

from ..errors import CrosstwinError
from ..rtl.ports import COMMAND_LATENCY
from ..wave_view import write_wave_view
from . import SIMULATORS, benches
from .build import TIMESCALE, build, cosim_folder
from .simulators import RUNNERS

#: Seconds after which a bench that shows no sign of life is ended.
_PATIENCE = 600


@dataclass(frozen=True)
class Outcome:
    """What one bench found.

    Attributes
    ----------
    tests : dict of str to str or None
        Every test that ran, with its failure's text; None where it passed.
    result : dict
        What the bench measured; empty where it measures nothing.
    log : Path
        The simulator's output.
    waves : Path or None
        The wave file, where one was asked for.
    """

    tests: dict[str, str | None]
    result: dict[str, Any]
    log: Path
    waves: Path | None

    @property
    def passed(self) -> bool:
        """Whether all tests passed."""
        return not any(self.tests.values())


def run_bench(
    name: str,
    *,
    simulator: str = "verilator",
    config: str = "tiny",
    seed: int = 1,
    operations: int = 100,
    waves: bool = False,
    report: Callable[[str], None] = lambda step: None,
    progress: Callable[[int], None] = lambda done: None,
) -> Outcome:
    """Build what is missing and run one bench.

    Parameters
    ----------
    name : str
        One of :func:`crosstwin_sim.cosim.benches`.
    simulator : str
        One of :data:`crosstwin_sim.cosim.SIMULATORS`.
    config : str
        Preset or TOML file.
    seed : int
        Seed of the stimulus, 0 or more.
    operations : int
        Length of the benches that run as long as they are told.
    waves : bool
        Whether to write every signal to a file; this halves the speed.
    report : callable
        Told the steps of a build.
    progress : callable
        Told the number of operations done.

    Raises
    ------
    CrosstwinError
        If there is no such bench or simulator, a tool is missing, the build fails, or the simulator ends before the bench does.
    ConfigurationError
        If the configuration is wrong.
    """
    if name not in benches():
        raise CrosstwinError(f"there is no bench {name!r}; allowed are {', '.join(benches())}")
    if simulator not in SIMULATORS:
        raise CrosstwinError(f"there is no simulator {simulator!r}; allowed are {', '.join(SIMULATORS)}")
    parts = load_config(config)
    runner = RUNNERS[simulator]()
    runner.log.setLevel("CRITICAL")
    runner.on_tick = lambda: None  # type: ignore[attr-defined]
    built = build(runner, simulator, parts, waves, report)
    folder = cosim_folder() / "runs" / f"{name}-{parts.name}-{simulator}-{seed}-{operations}"
    folder.mkdir(parents=True, exist_ok=True)
    files = {key: folder / key for key in ("result", "progress", "results.xml", "log")}
    parameters = {
        "config": config if Path(config).suffix != ".toml" else str(Path(config).resolve()),
        "seed": seed,
        "operations": operations,
        "command_latency": COMMAND_LATENCY,
        "result": str(files["result"]),
        "progress": str(files["progress"]),
    }
    runner.on_tick = _Watch(files["log"], files["progress"], progress)  # type: ignore[attr-defined]
    wave_file = folder / ("waves.vcd" if simulator == "verilator" else "waves.fst") if waves else None
    with FileLock(folder / "lock"):  # the same run twice at once takes turns
        for path in files.values():
            path.unlink(missing_ok=True)
        _simulate(runner, name, built, folder, files, parameters, wave_file)
        if not files["results.xml"].exists():
            raise CrosstwinError(f"{simulator} ended before the bench {name} did; {files['log']} says why")
        tests = _read_results(files["results.xml"])
        result = json.loads(files["result"].read_text()) if files["result"].exists() else {}
    if wave_file is not None and wave_file.exists():
        write_wave_view(wave_file, parts, TOP)
    return Outcome(tests, result, files["log"], wave_file)


def _simulate(
    runner: Runner, name: str, built: Path, folder: Path, files: dict[str, Path], parameters: dict[str, Any], waves: Path | None
) -> None:
    verilator = TOP in {path.name for path in built.iterdir()}
    options: dict[str, Any] = {}
    if waves is not None:
        options = {"test_args": ["--trace-file", str(waves)]} if verilator else {"plusargs": [f"+dumpfile_path={waves}"]}
    try:
        runner.test(
            test_module=f"crosstwin_tb.test_{name}",
            hdl_toplevel=TOP,
            hdl_toplevel_lang="verilog",
            build_dir=built,
            test_dir=folder,
            results_xml=str(files["results.xml"]),
            seed=parameters["seed"],
            extra_env={
                "CROSSTWIN_BENCH": json.dumps(parameters),
                "COCOTB_ANSI_OUTPUT": "0",
                "COCOTB_REWRITE_ASSERTION_FILES": "test_*.py",  # by default cocotb rewrites numpy and numba too, for seconds
            },
            timescale=TIMESCALE,
            waves=waves is not None,
            log_file=files["log"],
            **options,
        )
    except (RuntimeError, SystemExit):
        # The runner's ways to say that a test failed, or the simulator; the results, or their absence, say which.
        return


class _Watch:
    """Passes on the progress of a bench, and ends it when it shows no sign of life."""

    def __init__(self, log: Path, progress: Path, on_progress: Callable[[int], None]) -> None:
        self._files = (log, progress)
        self._progress, self._on_progress = progress, on_progress
        self._seen: tuple[float, ...] = ()
        self._since = time.monotonic()

    def __call__(self) -> None:
        seen = tuple(path.stat().st_mtime for path in self._files if path.exists())
        if seen != self._seen:
            self._seen, self._since = seen, time.monotonic()
            text = self._progress.read_text() if self._progress.exists() else ""
            if text.isdigit():
                self._on_progress(int(text))
        elif time.monotonic() - self._since > _PATIENCE:
            raise CrosstwinError(
                f"the bench has shown no sign of life for {_PATIENCE} s and was ended; {self._files[0]} says how far it was"
            )


def _read_results(path: Path) -> dict[str, str | None]:
    tests: dict[str, str | None] = {}
    for case in ElementTree.parse(path).iter("testcase"):
        if case.find("skipped") is not None:
            continue
        failures = [case.find(kind) for kind in ("failure", "error")]
        found = next((failure for failure in failures if failure is not None), None)
        tests[str(case.get("name"))] = None if found is None else found.get("message") or (found.text or "failed").strip()
    return tests
