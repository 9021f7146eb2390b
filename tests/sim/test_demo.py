"""The demonstration: it compares bit for bit, and says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from crosstwin_sim import demo
from crosstwin_sim.demo import JOBS, Outcome
from crosstwin_sim.network import Algorithm
from crosstwin_sim.rtl.build import build_folder


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A build folder that has the compiled RTL, so that nobody's figure is overwritten and nothing is built twice."""
    shared = build_folder().absolute() / "rtl"
    shared.mkdir(parents=True, exist_ok=True)
    (tmp_path / "rtl").symlink_to(shared)
    monkeypatch.setenv("CROSSTWIN_BUILD", str(tmp_path))
    return tmp_path


def outcomes() -> list[Outcome]:
    """What the jobs could have found, RTL and golden model alike."""
    state = demo.make_run(Algorithm.SHD, 2).make_plant().state()
    on_crossbar = Outcome([0.8, 0.9], 1.0, 1234, state, "0" * 64)
    return [on_crossbar, on_crossbar, on_crossbar, Outcome([0.9, 0.95], 1.0)]


def test_one_epoch_runs_through_everything(own_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main(epochs=1) == 0
    text = capsys.readouterr().out
    assert "all 16,640 conductances are identical to the last bit, and so are the clock cycles" in text
    assert all(job.label in text for job in JOBS)
    assert (own_folder / "demo" / "demo.png").read_bytes().startswith(b"\x89PNG")


def test_a_single_wrong_bit_is_found(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = outcomes()
    state = {key: value.copy() for key, value in (found[1].state or {}).items()}
    state["conductance"].view(np.uint32)[5, 64, 31] ^= 1
    found[1] = replace(found[1], state=state)
    monkeypatch.setattr(demo, "run_jobs", lambda epochs: found)
    assert demo.main(epochs=2) == 1
    assert "RTL and golden model DIFFER: 1 of 16,640 conductances, the same number of clock cycles." in capsys.readouterr().out


def test_another_number_of_clock_cycles_is_found(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = outcomes()
    found[0] = replace(found[0], clock_cycles=1235)
    monkeypatch.setattr(demo, "run_jobs", lambda epochs: found)
    assert demo.main(epochs=2) == 1
