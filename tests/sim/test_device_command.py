"""`crosstwin device`: what it lists, shows, draws and writes, and one sentence for every bad input."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from crosstwin_model.devices import DEVICES, load_device
from crosstwin_sim.cli.main import run
from crosstwin_sim.devices.device_file import device_toml
from crosstwin_sim.devices.fit_data import read_measurement
from crosstwin_sim.devices.response import default_pulses, measure_steps, respond

EXAMPLES = Path(__file__).parents[2] / "examples"


def _rows(count: int, direction: str, start: int = 1, value: float = 1.0) -> str:
    return "".join(f"{start + i},{direction},{value + 0.01 * i}\n" for i in range(count))


HEAD = "pulse,direction,conductance\n"
GOOD = HEAD + "0,,0.9\n" + _rows(12, "up") + "".join(f"{13 + i},down,{1.1 - 0.01 * i}\n" for i in range(12))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "data.csv is empty; it must begin with a line that names the columns pulse, direction, conductance"),
        ("# nothing\n\n", "data.csv is empty;"),
        (HEAD, "data.csv holds no rows below its first line;"),
        (
            "pulse,conductance\n1,2\n",
            "data.csv lacks the column 'direction'; its first line names pulse, conductance; needed are",
        ),
        ("a,b\n1,2\n", "data.csv lacks the column 'pulse' and the column 'direction' and the column 'conductance'"),
        (GOOD + "25,up\n", "data.csv, line 27: 2 columns; needed are the 3 of the first line"),
        (
            GOOD + "25,up,1,2\n",
            "data.csv, line 27: 4 columns; the first line names 3; numbers with decimal commas need semicolons",
        ),
        (GOOD + "25,up,high\n", "data.csv, line 27: conductance is 'high'; allowed are numbers, and for a lost reading nan"),
        (GOOD + "25,sideways,1\n", "data.csv, line 27: direction is 'sideways'; allowed are up, down, +1, -1"),
        (GOOD + "25,,1\n", "data.csv, line 27: the row has no direction; only the first row of a train may have none"),
        (GOOD + "25.5,up,1\n", "data.csv, line 27: pulse is '25.5'; allowed are whole numbers"),
        (GOOD + "inf,up,1\n", "data.csv, line 27: pulse is 'inf'; allowed are whole numbers"),
        (GOOD + "1e9,up,1\n", "pulses since the row before; allowed are 100000"),
        (HEAD + _rows(30, "up"), "data.csv: the device has no down pulses; a fit needs pulses in both directions"),
        (HEAD + _rows(30, "-1"), "data.csv: the device has no up pulses; a fit needs pulses in both directions"),
        (HEAD + _rows(8, "up") + _rows(8, "down", 9), "data.csv: the device shows 7 steps up and 7 down; needed are 10 of each"),
        ("device," + HEAD + "x,1,up,1\n", "data.csv: device 'x' shows 0 steps up and 0 down; needed are 10 of each"),
        (
            HEAD + "".join(f"{i},{'up' if i < 20 else 'down'},3\n" for i in range(40)),
            "data.csv: the values of the device are all 3; a fit needs some that change",
        ),
        (
            HEAD.replace("conductance", "weight") + _rows(12, "up", value=7.0) + _rows(12, "down", 1, 7.0),
            "data.csv: a weight is 7.11 in weights; allowed are weights within +-6",
        ),
    ],
)
def test_bad_data_is_one_sentence_and_nothing_is_written(
    text: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data.csv").write_text(text)
    assert run(["device", "fit", "data.csv", "-o", "out.toml", "--plot", "out.png"]) == 2
    captured = capsys.readouterr()
    assert sentence in captured.err and captured.err.count("\n") == 1 and captured.out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["data.csv"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["fit", "none.csv"], "none.csv cannot be read: No such file or directory"),
        (["fit", "binary.csv"], "binary.csv is not a CSV file: it is not text in UTF-8, UTF-16 or Windows-1252"),
        (["fit", "good.csv", "--model", "spline"], "there is no model 'spline'; allowed are constant_step,"),
        (["fit", "good.csv", "-o", "no/folder/x.toml"], "no/folder/x.toml cannot be written: there is no folder no/folder"),
        (["fit", "good.csv", "-o", "x.txt"], "the device x.txt cannot be written: allowed are files that end in .toml"),
        (["fit", "good.csv", "--plot", "x.txt"], "the figure x.txt cannot be drawn: allowed are files that end in .png"),
        (["show", "nothing"], "there is no device 'nothing'; allowed are "),
        (["show", "s1", "-o", "no/folder/x.toml"], "no/folder/x.toml cannot be written: there is no folder no/folder"),
        (["show", "s1", "-o", "x.txt"], "the device x.txt cannot be written: allowed are files that end in .toml"),
        (["plot", "s1", "--pulses", "0"], "Invalid value for '--pulses'"),
        (["plot", "s1", "-o", "no/folder/x.png"], "no/folder/x.png cannot be written: there is no folder no/folder"),
        (["plot", "s1", "-o", "x.doc"], "the figure x.doc cannot be drawn"),
    ],
)
def test_bad_arguments_are_one_sentence(
    arguments: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("good.csv").write_text(GOOD)
    Path("binary.csv").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00")
    assert run(["device", *arguments]) == 2
    captured = capsys.readouterr()
    assert sentence in captured.err and captured.err.count("\n") == 1 and captured.out == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["binary.csv", "good.csv"]


def test_a_poor_fit_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "noise.csv"
    values = np.random.default_rng(0).normal(size=61)
    path.write_text(HEAD + "".join(f"{i},{'up' if i < 31 else 'down'},{value}\n" for i, value in enumerate(values)))
    assert run(["device", "fit", str(path), "--model", "soft_bounds"]) == 0
    assert "The fit explains little of these data (R2 -0.0" in capsys.readouterr().err


def test_data_are_scaled_and_trains_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    one = "\n".join(f"{i},{'+1' if i <= 10 else '-1'},{100 + 10 * (10 - abs(i - 10))},x" for i in range(21))
    path.write_text(f"# measured on a Monday\npulse, Direction ,CONDUCTANCE,note\n{one}\n{one}\n")
    found = read_measurement(path)
    assert (found.middle, found.unit) == (150.0, 50.0)
    (device,) = found.devices
    assert (device.weights.min(), device.weights.max()) == (-1.0, 1.0)
    assert np.flatnonzero(device.pulses == 0).tolist() == [0, 21]
    assert device.up[:21].tolist() == 11 * [1] + 10 * [0]


def test_the_example_is_fitted_drawn_and_written_for_other_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output, figure, report = tmp_path / "mine.toml", tmp_path / "fit.svg", tmp_path / "fit.json"
    arguments = [str(EXAMPLES / "pulse_trains.csv"), "--model", "soft_bounds", "-o", str(output)]
    assert run(["device", "fit", *arguments, "--plot", str(figure), "--json", str(report)]) == 0
    assert "conductance = 4.32" in capsys.readouterr().out
    assert figure.read_text().startswith("<?xml")
    device = load_device(output)
    assert device.name == "mine"
    (found,) = json.loads(report.read_text())["fits"]
    assert found["device"]["dw_min"] == device.dw_min
    for estimate in found["estimates"]:
        assert getattr(device, estimate["name"]) == estimate["value"]
        assert estimate["low"] <= estimate["value"] <= estimate["high"]
    assert "SHA-256" in output.read_text().splitlines()[0]
    assert run(["device", "show", str(output)]) == 0
    assert "soft_bounds" in capsys.readouterr().out


def test_the_example_is_what_its_script_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import pulse_trains

    pulse_trains.main(str(tmp_path / "made.csv"))
    assert (tmp_path / "made.csv").read_bytes() == (EXAMPLES / "pulse_trains.csv").read_bytes()


def test_the_ramps_are_what_their_script_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import ramps

    ramps.main(str(tmp_path / "made.csv"))
    assert (tmp_path / "made.csv").read_bytes() == (EXAMPLES / "ramps.csv").read_bytes()


def test_methods_that_disagree_are_both_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output, report = tmp_path / "mine.toml", tmp_path / "fit.json"
    arguments = [str(EXAMPLES / "ramps.csv"), "--model", "soft_bounds", "-o", str(output), "--json", str(report)]
    assert run(["device", "fit", *arguments]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "by likelihood" in printed and "by trajectory" in printed
    assert re.search(r"The methods disagree: the curve by trajectory has R2 0\.9\d+, that by likelihood 0\.6\d+\.", printed)
    assert "The methods disagree" in " ".join(output.read_text().split())
    (found,) = json.loads(report.read_text())["fits"]
    assert (found["method"], found["other"]["method"]) == ("trajectory", "likelihood")
    assert load_device(output).dw_min == found["device"]["dw_min"]


def test_what_is_left_out_is_printed_and_kept_in_the_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, output, report = tmp_path / "data.csv", tmp_path / "mine.toml", tmp_path / "fit.json"
    data.write_text(GOOD.replace("5,up,1.04", "5,up,9.91E37"))
    assert run(["device", "fit", str(data), "--model", "constant_step", "-o", str(output), "--json", str(report)]) == 0
    sentence = "1 of 25 readings of the device left out as lost: line 7 (9.91E37: overflow)."
    assert sentence in capsys.readouterr().err
    assert sentence in " ".join(output.read_text().replace("#", "").split())
    assert sentence in json.loads(report.read_text())["notes"][0]


@pytest.mark.parametrize("name", DEVICES)
def test_a_device_file_gives_the_device_back(name: str, tmp_path: Path) -> None:
    path = tmp_path / "another_name.toml"
    path.write_text(device_toml(DEVICES[name], ["a comment"]))
    assert load_device(path) == DEVICES[name]


def test_list_names_every_preset(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["device", "list", "--json", str(tmp_path / "all.json")]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in DEVICES)
    listed = {device["name"]: device for device in json.loads((tmp_path / "all.json").read_text())}
    assert listed.keys() == DEVICES.keys()
    assert listed["s1"]["states"] == pytest.approx(60.0)


@pytest.mark.parametrize("name", DEVICES)
def test_every_preset_is_shown_and_written(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written, report = tmp_path / "mine.toml", tmp_path / "show.json"
    assert run(["device", "show", name, "-o", str(written), "--json", str(report)]) == 0
    text = capsys.readouterr().out
    assert f'name = "{name}"' in text and f"Wrote {written}" in text
    shown, device = json.loads(report.read_text()), load_device(written)
    assert 0.0 <= shown["asymmetry"] <= 1.0
    assert device == DEVICES[name]
    assert device.source == DEVICES[name].source == shown["source"] != ""
    assert device.source.split(",")[0] in " ".join(text.split())


def test_all_that_a_device_has_is_shown_by_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    device = replace(
        DEVICES["capacitor"],
        up_down=0.02,
        up_down_spread=0.0,
        write_noise=3.0,
        drift_spread=0.01,
        diffusion=1e-4,
        diffusion_spread=0.25,
        stuck=0.1,
        stuck_range=0.3,
        at_symmetry_point=True,
        reference_spread=0.05,
    )
    (tmp_path / "mine.toml").write_text(device_toml(device))
    assert run(["device", "show", str(tmp_path / "mine.toml")]) == 0
    rows = dict(re.findall(r"^│ ([a-z][a-z -]*?) +│ (.*?) *│$", capsys.readouterr().out, re.MULTILINE))
    for name, start in {
        "rule": "linear_step: + s_up (1 + c2c xi) - g_up s_up w / w_max",
        "up - down": "0.02 (",
        "noise": "0.3 from pulse to pulse, added to a step",
        "write noise": "3 dw_min",
        "lifetime": "1e+06 updates, spread 30 %",
        "drift": "exponent 0, spread 0.01",
        "diffusion": "0.0001 an update, spread 25 %",
        "stuck cells": "10 %, within +-0.3",
        "reference": "at the symmetry point, spread 0.05",
    }.items():
        assert rows[name].startswith(start), (name, rows)


def test_a_device_without_a_stable_symmetry_point_is_shown_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("repels.toml").write_text('[device]\nrule = "linear_step"\ndw_min = 0.01\ngamma_up = -0.5\ngamma_down = -0.5\n')
    assert run(["device", "show", "repels.toml", "--json", "x.json"]) == 0
    assert "no cell has a stable one" in capsys.readouterr().out
    shown = json.loads(Path("x.json").read_text())
    assert shown["symmetry_point"] is None and shown["cells_with_symmetry_point"] == 0
    assert run(["device", "plot", "repels.toml", "-o", "x.svg"]) == 0


@pytest.mark.parametrize("name", ["s3", "symmetric", "reram_es", "pcm", "capacitor", "reram_om_array"])
def test_a_preset_of_each_kind_is_drawn(name: str, tmp_path: Path) -> None:
    assert run(["device", "plot", name, "--pulses", "40", "-o", str(tmp_path / "x.png")]) == 0
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


def test_alternating_pulses_drive_cells_to_their_symmetry_points() -> None:
    response = respond(DEVICES["s3"], 300, seed=2)
    assert response.up.pulses[[0, -1]].tolist() == [0, 300]
    assert response.down.pulses[[0, -1]].tolist() == [300, 600]
    assert response.alternating.pulses[[0, -1]].tolist() == [600, 1200]
    far = response.alternating.conductance[0] - response.symmetry_points
    near = response.alternating.conductance[-1] - response.symmetry_points
    assert np.sqrt(np.mean(near**2)) < 0.1 * np.sqrt(np.mean(far**2))


def test_a_pulse_takes_the_time_of_an_update() -> None:
    device = replace(DEVICES["symmetric"], c2c=0.0, lifetime=20.0, w_max=8.0, w_min=-8.0, w_max_spread=0.0, w_min_spread=0.0)
    up = respond(device, 300).up.conductance.mean(axis=1, dtype=float)
    assert up[-1] == pytest.approx(20 * device.dw_min, rel=0.05)  # where a step and the decay of an update are the same
    pcm = DEVICES["pcm"].without_noise()
    refreshed, worn = (
        np.ptp(respond(pair, 300).alternating.conductance[-20:], axis=0).mean()
        for pair in (pcm, replace(pcm, refresh_above=1.0, reset=0.0, reset_spread=0.0))
    )
    assert worn < 1e-6 < 0.01 < refreshed  # both sides of a worn pair stand at w_max, where pulses do nothing


def test_steps_are_the_rules_own() -> None:
    device = DEVICES["s2"]
    steps = measure_steps(device, seed=1)
    middle = steps.w.size // 2
    assert steps.w[middle] == pytest.approx(0.0)
    assert np.nanmean(steps.up[middle]) == pytest.approx(device.dw_min, rel=0.05)
    assert np.nanmean(steps.down[middle]) == pytest.approx(-device.dw_min, rel=0.05)
    assert steps.asymmetry > 0.3
    assert measure_steps(DEVICES["symmetric"], seed=1).asymmetry < 0.05


def test_the_default_number_of_pulses_is_the_number_of_states() -> None:
    assert default_pulses(DEVICES["s1"]) == 60
    assert default_pulses(DEVICES["idealized"]) == 10_000
