"""`crosstwin train conv` and `train text`: files, resuming, and what they say to bad input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crosstwin_sim.cli.main import run

TEXT = ["train", "text", "--backend", "model", "--hidden", "4", "--characters", "1000"]


def test_a_text_run_writes_its_files_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole, part = tmp_path / "whole.npz", tmp_path / "part.npz"
    names = [str(tmp_path / name) for name in ("a.json", "a.svg", "b.json")]
    assert run([*TEXT, "--epochs", "2", "--checkpoint", str(whole), "--json", names[0], "--plot", names[1]]) == 0
    document = json.loads(Path(names[0]).read_text())
    assert len(document["bits_per_character"]) == len(document["float_bits_per_character"]) == 2
    assert document["final_bits_per_character"] == sum(document["bits_per_character"]) / 2
    assert document["reads"][0]["vectors"] > 4000
    assert document["config"]["shapes"] == [[37, 16], [5, 32]]
    assert "<svg" in Path(names[1]).read_text()
    text = capsys.readouterr().out
    assert f"{document['final_bits_per_character']:.3f} bits a character" in text
    assert document["conductance_sha256"] in text
    assert len(text.split("It writes: ")[1].strip("\n")) == 200
    whole.rename(part)
    assert run([*TEXT, "--epochs", "2", "--checkpoint", str(part), "--resume", "--json", names[2]]) == 0
    assert json.loads(Path(names[2]).read_text())["conductance_sha256"] == document["conductance_sha256"]


def test_float_runs_need_no_crossbar(tmp_path: Path) -> None:
    for words, key in ((["conv"], "accuracy"), (["text", "--hidden", "4", "--characters", "1000"], "bits_per_character")):
        path = tmp_path / f"{words[0]}.json"
        assert run(["train", *words, "--algorithm", "float", "--epochs", "1", "--json", str(path)]) == 0
        document = json.loads(path.read_text())
        assert document[key] == document[f"float_{key}"]


def test_a_text_of_one_s_own_is_learned(tmp_path: Path) -> None:
    text = tmp_path / "own.txt"
    text.write_text("the rain in spain stays mainly in the plain. " * 30)
    path = tmp_path / "own.json"
    assert run([*TEXT, "--text", str(text), "--epochs", "1", "--json", str(path), "--checkpoint", str(tmp_path / "a.npz")]) == 0
    assert json.loads(path.read_text())["config"]["text_sha256"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["conv", "--algorithm", "sgd", "--zero-shift"], ["--zero-shift", "shd"]),
        (["conv", "--algorithm", "float", "--resume"], ["--resume", "float"]),
        (["conv", "--device", "s9"], ["'s9'", "s1"]),
        (["conv", "--plot", "a.bmp"], ["a.bmp", ".png", ".svg", ".pdf"]),
        (["conv", "--json", "/no/such/folder/a.json"], ["/no/such/folder"]),
        (["text", "--text", "/no/such.txt"], ["/no/such.txt", "cannot be read"]),
        (["text", "--hidden", "0"], ["--hidden", "0"]),
        (["text", "--layers", "4"], ["--layers", "4"]),
        (["text", "--characters", "9000000"], ["9900000 are needed", "--characters"]),
    ],
)
def test_bad_input_is_one_sentence(arguments: list[str], words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert all(word in captured.err for word in words), captured.err


@pytest.mark.parametrize("name", ["conv", "text"])
def test_help_has_examples(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", name, "--help"]) == 0
    assert f"crosstwin train {name}" in capsys.readouterr().out.split("Examples:")[1]
