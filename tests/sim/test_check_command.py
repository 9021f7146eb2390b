"""`crosstwin check`: what it prints, writes and answers when the RTL agrees and when it does not."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from crosstwin_hdl.verilog import to_verilog
from crosstwin_model.registers import Response, register_map
from crosstwin_sim.cli.main import run
from crosstwin_sim.rtl.backend import RtlBackend
from crosstwin_sim.rtl.build import build
from crosstwin_sim.rtl.device import RtlDevice
from crosstwin_sim.rtl.library import BUSY, PinError

from .wrapped import hanging


def test_agreement_is_exit_code_0_and_a_json_file_says_what_was_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "check.json"
    assert run(["check", "--config", "tiny", "--ops", "200", "--seed", "3", "--json", str(file)]) == 0
    document = json.loads(file.read_text())
    assert (document["operations"], document["mismatches"], document["mismatch"]) == (200, 0, None)
    assert (document["config"], document["backend"], document["seed"]) == ("tiny", "rtl", 3)
    assert min(document["compared"].values()) > 0
    assert sum(document["outcomes"].values()) == 200
    assert len(document["conductance_sha256"]) == 64
    assert document["conductance_sha256"] in capsys.readouterr().out


def test_a_mismatch_is_exit_code_1_with_the_command_that_replays_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    right = RtlDevice.read_all
    calls = 0

    def wrong(device: RtlDevice, addresses: list[int]) -> list[tuple[Response, int]]:
        nonlocal calls
        calls += 1
        words = right(device, addresses)
        return words if calls < 5 else [(response, value ^ 1) for response, value in words]

    monkeypatch.setattr(RtlDevice, "read_all", wrong)
    file = tmp_path / "check.json"
    assert run(["check", "--config", "tiny", "--ops", "50", "--json", str(file)]) == 1
    document = json.loads(file.read_text())
    assert (document["operations"], document["mismatches"]) == (5, 1)
    assert document["mismatch"].startswith("operation 4, Command(")
    text = capsys.readouterr().out
    assert "ID is (<Response.OKAY: 0>, 1481922383) on the controller" in text
    assert "crosstwin check --config tiny --backend rtl --ops 5 --seed 1 --waves" in text


def test_misconduct_on_the_pins_is_a_mismatch(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def shorted(device: RtlDevice, value: int, stop: int | None = None) -> None:
        raise PinError("clock cycle 8: a line was driven + and - at once")

    monkeypatch.setattr(RtlDevice, "command", shorted)
    assert run(["check", "--config", "tiny", "--ops", "50"]) == 1
    assert "clock cycle 8: a line was driven + and - at once" in capsys.readouterr().out


@pytest.mark.parametrize("options", [["--backend", "rtl"], ["--backend", "netlist", "--family", "ecp5"]], ids=["rtl", "netlist"])
def test_a_hang_is_exit_code_1_with_the_command_that_replays_it(
    options: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """BUSY never falls, while the clock runs on: the check ends by itself. The RTL's library stands in for the netlist's."""
    original = RtlBackend.__init__

    def hanging(backend: RtlBackend, *arguments: Any, **options: Any) -> None:
        original(backend, *arguments, **options)

        def wait(limit: int) -> int:
            backend.read(register_map(backend.config)["STATUS"].offset)
            assert backend.clock < 20_000, "the wait has no bound"
            return BUSY

        monkeypatch.setattr(backend._library, "wait", wait)

    monkeypatch.setattr(RtlBackend, "__init__", hanging)
    monkeypatch.setattr("crosstwin_sim.rtl.backend.build", lambda config, **options: build(config))
    assert run(["check", "--config", "tiny", "--ops", "20", *options]) == 1
    text = capsys.readouterr().out
    assert re.search(r"operation 0, Command\(.*\) \(FORWARD on tile 5\): BUSY is still high \d+ clock cycles after COMMAND", text)
    assert f"crosstwin check --config tiny {' '.join(options)} --ops 1 --seed 1 --waves" in text


def test_a_hang_in_a_bench_is_exit_code_1_with_the_command_that_replays_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The bench has a controller whose BUSY never falls; it ends by its clock cycles."""
    if shutil.which("iverilog") is None:
        pytest.skip("Icarus Verilog is not installed ('apt-get install iverilog')")
    monkeypatch.setenv("CROSSTWIN_BUILD", str(tmp_path))
    monkeypatch.setattr("crosstwin_sim.cosim.build.to_verilog", lambda config, **options: hanging(to_verilog(config, **options)))
    assert run(["check", "--config", "tiny", "--backend", "icarus", "--ops", "20"]) == 1
    text = capsys.readouterr().out
    found = re.search(r"operation 0, Command\(.*\) \(FORWARD on tile 5\): no end (\d+) clock cycles after COMMAND", text)
    assert found is not None and int(found[1]) < 40_000
    assert "crosstwin check --config tiny --backend icarus --ops 1 --seed 1 --waves" in text


def test_waves_are_written_where_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CROSSTWIN_BUILD", str(tmp_path))
    assert run(["check", "--config", "tiny", "--ops", "3", "--waves"]) == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("Waves are in "))
    waves, view = (Path(path) for path in re.findall(r"/\S+?\.(?:vcd|gtkw)", line))
    text = waves.read_text()
    assert text.startswith("$version Generated by Verilated")
    shown = [name for name in view.read_text().splitlines() if name.startswith("controller.")]
    assert len(shown) > 40 and set(shown) <= _signals_of(text)


def _signals_of(waves: str) -> set[str]:
    """Return the names of all signals of a VCD file, as GTKWave has them."""
    found, scopes = set(), list[str]()
    for words in map(str.split, waves.partition("$enddefinitions")[0].splitlines()):
        if words[:1] == ["$scope"]:
            scopes.append(words[2])
        elif words[:1] == ["$upscope"]:
            scopes.pop()
        elif words[:1] == ["$var"]:
            found.add(".".join((*scopes, "".join(words[4:-1]))))
    return found


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--config", "tinny"], "there is no configuration 'tinny'; allowed are tiny,"),
        (["--ops", "0"], "0 is not in the range x>=1"),
        (["--backend", "vcs"], "'vcs' is not one of 'rtl', 'netlist', 'verilator', 'icarus'"),
        (["--seed", "-1"], "-1 is not in the range 0<=x<=4294967295"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", *arguments]) == 2
    captured = capsys.readouterr()
    assert sentence in captured.err
    assert captured.err.count("\n") == 1


def test_a_file_that_cannot_be_written_is_refused_before_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "nowhere" / "check.json"
    assert run(["check", "--config", "tiny", "--ops", "50", "--json", str(file)]) == 2
    output = capsys.readouterr()
    assert f"{file} cannot be written: there is no folder {file.parent}" in output.err.replace("\n", "")
    assert "Everything agrees" not in output.out
