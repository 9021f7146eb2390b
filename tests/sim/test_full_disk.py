"""A disk that is full ends a command in one sentence, and leaves nothing that is written in part."""

from __future__ import annotations

import resource
import shutil
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from crosstwin_model.config import ControllerConfig
from crosstwin_model.plant import Plant, PlantConfig
from crosstwin_sim.cli.main import run
from crosstwin_sim.crossbar import Crossbar, PulseSettings
from crosstwin_sim.experiments.digits import load_split
from crosstwin_sim.experiments.images import Split
from crosstwin_sim.model_backend import ModelBackend
from crosstwin_sim.package import ports
from crosstwin_sim.trace import Recorder

CONFIG = ControllerConfig("four", rows=4, columns=4)
EXAMPLE = Path(__file__).parents[2] / "examples" / "pulse_trains.csv"
TRAIN = ["train", "digits", "--backend", "model", "--epochs", "1"]
FLOAT = ["train", "digits", "--algorithm", "float", "--epochs", "1"]


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Let no file grow beyond a size; writing more is an OSError, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@cache
def verilog(config: ControllerConfig) -> str:
    return described(config)


described = ports.described_verilog


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a trace and a package's folder, in which commands run, with few digits to learn."""

    def load(seed: int) -> Split:
        split = load_split(seed)
        return Split(split.train_x[:20], split.train_y[:20], split.test_x[:10], split.test_y[:10])

    monkeypatch.setattr("crosstwin_sim.cli.train_digits.load_split", load)
    # Yosys, which writes the Verilog, would need large files of its own.
    monkeypatch.setattr(ports, "described_verilog", verilog)
    monkeypatch.setattr("crosstwin_sim.package.contents.described_verilog", verilog)
    monkeypatch.setenv("CROSSTWIN_BUILD", str(tmp_path / "build"))
    monkeypatch.chdir(tmp_path)
    with Recorder("old.h5", Plant(CONFIG, PlantConfig(seed=1))) as recorder:
        backend = recorder.watch(ModelBackend(CONFIG, recorder.plant))
        layer = Crossbar(backend, pulses=PulseSettings(step=0.02))
        layer.symmetrize(100)
        layer.forward(np.full(4, 0.5))
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "crosstwin.v").write_text("old")
    return tmp_path


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("size", "arguments", "named"),
    [
        (1000, [*TRAIN, "--trace", "run.h5", "--checkpoint", "run.npz"], "the trace run.h5"),
        (266_000, [*TRAIN, "--trace", "run.h5", "--checkpoint", "run.npz"], "the trace run.h5"),
        (1000, [*TRAIN, "--checkpoint", "run.npz"], "run.npz"),
        (100, [*FLOAT, "--json", "run.json"], "run.json"),
        (1000, [*FLOAT, "--plot", "run.png"], "run.png"),
        (10_000, ["verilog", "--config", "tiny", "-o", "tiny.v"], "tiny.v"),
        (10_000, ["verilog", "--config", "tiny", "--package", "there"], "there/crosstwin.v"),
        (10_000, ["verilog", "--config", "tiny", "--package", "new/package"], "new/package/crosstwin.v"),
        (500_000, ["verilog", "--config", "tiny", "--package", "there"], "there/registers"),
        (1000, ["registers", "-o", "map.md"], "map.md cannot be written"),
        (1000, ["registers", "--format", "html", "-o", "new/map"], "new/map"),
        (1000, ["registers", "--format", "c", "-o", "map.h"], "map.h cannot be written"),
        (100, ["device", "list", "--json", "devices.json"], "devices.json"),
        (100, ["device", "show", "s1", "-o", "mine.toml"], "mine.toml"),
        (1000, ["device", "plot", "s1", "--pulses", "5", "-o", "s1.svg"], "s1.svg"),
        (1000, ["trace", "export", "old.h5", "--csv", "pulses.csv"], "pulses.csv"),
        (300, ["trace", "export", "old.h5", "--csv", "there", "--range", "2:4"], "there/initial_conductances.csv"),
        (100, ["trace", "show", "old.h5", "--json", "show.json"], "show.json"),
        (100, ["trace", "replay", "old.h5", "--save", "end.h5"], "end.h5"),
        (100, ["trace", "replay", "old.h5", "--save", "end.npz"], "end.npz"),
    ],
    ids=lambda value: "-".join(value).replace("/", ".") if isinstance(value, list) else str(value).replace("/", "."),
)
def test_nothing_is_left_and_one_sentence_says_so(
    size: int,
    arguments: list[str],
    named: str,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    first = folder / "build" / "first"
    shutil.copytree(folder, first)
    with chdir(first):  # once with room, so that kernels and fonts are in their caches
        assert run(arguments) == 0
    before = content(folder)
    # wasmtime's cache of the compiled Yosys never recovers from a write that fails: every later conversion would compile anew.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    with room_for(size):
        assert run(arguments) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(f"crosstwin: {named}") and said.endswith(" cannot be written: File too large"), said
    assert content(folder) == before
    assert sorted(path.name for path in folder.iterdir()) == ["build", "old.h5", "there"]
