"""Every cocotb bench, on both simulators."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from crosstwin_sim.checking import run_check
from crosstwin_sim.cosim import benches
from crosstwin_sim.cosim.launch import run_bench

#: Operations of the benches that run as long as they are told.
OPERATIONS = {"verilator": 300, "icarus": 60}
#: A controller with one random source, more lanes than lines and odd widths everywhere.
ODD = """[controller]
rows = 3
columns = 5
code_bits = 5
adc_bits = 6
adc_lanes = 8
bl_max = 12
sources = ["count"]
fired_counter = false
"""


@pytest.fixture(params=["verilator", "icarus"])
def simulator(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if name == "icarus" and shutil.which("iverilog") is None:
        pytest.skip("Icarus Verilog is not installed ('apt-get install iverilog')")
    return name


def passes(name: str, simulator: str, config: str, operations: int) -> None:
    outcome = run_bench(name, simulator=simulator, config=config, operations=operations)
    assert outcome.tests
    assert outcome.passed, {test: failure for test, failure in outcome.tests.items() if failure}


@pytest.mark.parametrize("name", benches())
def test_bench(name: str, simulator: str) -> None:
    passes(name, simulator, "tiny", OPERATIONS[simulator])


@pytest.mark.parametrize("name", ["guards", "operations", "random", "registers"])
def test_bench_on_an_odd_configuration(name: str, tmp_path: Path) -> None:
    if shutil.which("iverilog") is None:
        pytest.skip("Icarus Verilog is not installed ('apt-get install iverilog')")
    file = tmp_path / "odd.toml"
    file.write_text(ODD)
    passes(name, "icarus", str(file), OPERATIONS["icarus"])


def test_the_same_seed_gives_the_same_conductances_in_process_and_under_a_bench(simulator: str) -> None:
    ours, theirs = (run_check("tiny", backend, OPERATIONS[simulator], seed=1) for backend in ("rtl", simulator))
    assert ours.mismatch is None and theirs.mismatch is None
    assert ours.conductance_sha256 == theirs.conductance_sha256
    assert (ours.compared, ours.outcomes) == (theirs.compared, theirs.outcomes)


def test_the_readable_verilog_with_its_hierarchy_does_the_same_and_shows_waves(simulator: str) -> None:
    config = {"verilator": "tiny", "icarus": "small"}[simulator]
    outcome = run_bench("random", simulator=simulator, config=config, operations=20, waves=True)
    assert outcome.passed, outcome.tests
    assert outcome.waves is not None and outcome.waves.stat().st_size > 10_000
    view = outcome.waves.with_suffix(".gtkw").read_text()
    assert str(outcome.waves) in view and "crosstwin.sequencer.in_scan0\n" in view
