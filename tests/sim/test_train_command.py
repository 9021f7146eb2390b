"""`crosstwin train digits`: files, resuming after Ctrl-C, and what it says to bad input."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from crosstwin_sim.cli.main import run

MODEL = ["train", "digits", "--backend", "model"]


def sentence(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> str:
    """Return what a command that must fail says."""
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err


def test_a_run_writes_its_json_figure_and_checkpoint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = {key: str(tmp_path / name) for key, name in (("--json", "a.json"), ("--plot", "a.svg"), ("--checkpoint", "a.npz"))}
    assert run([*MODEL, "--epochs", "1", "--seed", "4", *(word for pair in names.items() for word in pair)]) == 0
    document = json.loads(Path(names["--json"]).read_text())
    assert len(document["accuracy"]) == len(document["float_accuracy"]) == 1
    assert document["accuracy"][0] > 0.5
    assert len(document["conductance_sha256"]) == 64
    assert document["clock_cycles"] > 100_000
    assert document["seconds"] > 0
    assert document["seed"] == 4
    assert document["config"]["controller"]["rows"] == 65
    assert document["config"]["device"]["name"] == "s1"
    assert "<svg" in Path(names["--plot"]).read_text()
    text = capsys.readouterr().out
    assert document["conductance_sha256"] in text
    assert f"{100 * document['final_accuracy']:.2f} %" in text


def test_ctrl_c_leaves_a_checkpoint_that_resume_goes_on_from(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    arguments = ["--device", "s2", "--epochs", "2", "--checkpoint", str(path)]
    command = [sys.executable, "-c", "from crosstwin_sim.cli import main; main()", *MODEL, *arguments]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, "COLUMNS": "200"})
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("epoch   1"):
            break
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    rest = process.stderr.read()
    assert process.wait() == 130
    assert "of 2 epochs; add --resume to go on from it." in rest
    assert rest.endswith("Stopped.\n")
    for name, extra in (("part", ["--resume"]), ("whole", ["--checkpoint", str(tmp_path / "other.npz")])):
        assert run([*MODEL, *arguments, *extra, "--json", str(tmp_path / f"{name}.json")]) == 0
    part, whole = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("part", "whole"))
    assert part["conductance_sha256"] == whole["conductance_sha256"]
    assert part["accuracy"] == whole["accuracy"]


def test_the_float_algorithm_needs_no_crossbar(tmp_path: Path) -> None:
    path = tmp_path / "float.json"
    assert run(["train", "digits", "--algorithm", "float", "--epochs", "2", "--json", str(path)]) == 0
    document = json.loads(path.read_text())
    assert document["accuracy"] == document["float_accuracy"]


def test_a_device_file_is_trained_on(tmp_path: Path) -> None:
    device = tmp_path / "mine.toml"
    device.write_text('[device]\nrule = "soft_bounds"\ndw_min = 0.03\nw_max = 0.8\nw_min = -0.8\n')
    checkpoint = ["--checkpoint", str(tmp_path / "run.npz")]
    assert run([*MODEL, "--epochs", "1", "--device", str(device), "--json", str(tmp_path / "a.json"), *checkpoint]) == 0
    assert json.loads((tmp_path / "a.json").read_text())["config"]["device"]["dw_min"] == 0.03


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--device", "s9"], ["'s9'", "s1", "s2"]),
        (["--device", "none.toml"], ["none.toml"]),
        (["--algorithm", "sgd", "--zero-shift"], ["--zero-shift", "shd"]),
        (["--algorithm", "float", "--resume"], ["--resume", "float"]),
        (["--algorithm", "adam"], ["adam", "sgd", "shd", "float"]),
        (["--epochs", "0"], ["--epochs", "0"]),
        (["--seed", "-1"], ["--seed", "-1"]),
        (["--json", "/no/such/folder/a.json"], ["/no/such/folder"]),
        (["--plot", "a.bmp"], ["a.bmp", ".png", ".svg", ".pdf"]),
        (["--resume", "--checkpoint", "none.npz"], ["none.npz", "without --resume"]),
    ],
)
def test_bad_input_is_one_sentence(arguments: list[str], words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    if "--resume" in arguments and "--checkpoint" in arguments:
        assert run([*MODEL, *arguments]) == 2
        text = capsys.readouterr().err.splitlines()[-1]
    else:
        text = sentence(capsys, [*MODEL, *arguments])
    assert all(word in text for word in words), text
