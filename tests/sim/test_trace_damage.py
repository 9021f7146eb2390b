"""Damaged traces: whatever bit of a file is turned over, a command says so in a sentence, or shows what is whole."""

from __future__ import annotations

import random
from pathlib import Path

import h5py
import numpy as np
import pytest

from crosstwin_model.config import PRESETS
from crosstwin_model.plant import Plant, PlantConfig
from crosstwin_sim.cli.main import run
from crosstwin_sim.crossbar import Crossbar, PulseSettings
from crosstwin_sim.model_backend import ModelBackend
from crosstwin_sim.trace import Recorder

CONFIG = PRESETS["tiny"]
FLIPS, SEED = 60, 11


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A trace of several parts."""
    path = tmp_path_factory.mktemp("trace") / "run.h5"
    plant = Plant(CONFIG, PlantConfig(seed=5, initial=0.3, adc_range=1.0))
    with Recorder(path, plant) as recorder:
        layer = Crossbar(ModelBackend(CONFIG, recorder.plant), pulses=PulseSettings(step=0.02))
        for _ in range(4):
            layer.symmetrize(2)
            layer.forward(np.ones(CONFIG.rows))
            recorder.flush()
    return path.read_bytes()


def test_no_flipped_bit_ends_in_a_traceback(content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = random.Random(SEED)
    path, table = tmp_path / "run.h5", tmp_path / "a.csv"
    codes = []
    for number in range(FLIPS):
        # Every other flip is among the first kilobytes, where the attributes and the descriptions of all datasets are.
        place, bit = rng.randrange(6000 if number % 2 else len(content)), rng.randrange(8)
        damaged = bytearray(content)
        damaged[place] ^= 1 << bit
        path.write_bytes(damaged)
        for arguments in (["show", str(path)], ["replay", str(path)], ["export", str(path), "--csv", str(table), "--compact"]):
            code = run(["trace", *arguments])
            error = capsys.readouterr().err
            assert code in (0, 2), (place, bit, arguments, error)
            assert error.count("\n") == 1 or code == 0, (place, bit, arguments, error)
            codes.append(code)
    assert {0, 2} == set(codes)


@pytest.mark.parametrize("end", ["operations", "count", "states"])
def test_a_part_whose_ends_are_damaged_ends_the_trace_before_it(
    end: str, content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The bytes of the table of parts have no checksum in the file."""
    path = tmp_path / "run.h5"
    path.write_bytes(content)
    with h5py.File(path, "r+") as file:
        row = file["parts"][2]
        row[end] += 1 << 40
        file["parts"][2] = row
        first = int(file["parts"][1]["count"])
    assert run(["trace", "replay", str(path)]) == 0
    assert f"(a part of it is damaged): its first {first} operations are whole" in capsys.readouterr().err


def test_a_configuration_that_is_damaged_is_not_taken_for_another(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.h5"
    assert content.count(b'"rows": 4,') == 1
    path.write_bytes(content.replace(b'"rows": 4,', b'"rows": 5,'))
    assert run(["trace", "replay", str(path)]) == 2
    assert capsys.readouterr().err == f"crosstwin: the trace {path} is damaged: its head does not agree with its checksum\n"
