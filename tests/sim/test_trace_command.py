"""`crosstwin trace`: what it shows, replays and exports, and what it says to bad input."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from pathlib import Path

import h5py
import numpy as np
import pytest

from crosstwin_model.coincidence import coincidences
from crosstwin_model.config import PRESETS, ControllerConfig
from crosstwin_model.plant import Plant, PlantConfig
from crosstwin_model.registers import TileKind
from crosstwin_sim.cli.main import run
from crosstwin_sim.crossbar import Crossbar, PulseSettings
from crosstwin_sim.model_backend import ModelBackend
from crosstwin_sim.trace import Recorder, Trace

CONFIG = PRESETS["tiny"]
SHAPE = (CONFIG.rows, CONFIG.columns)


class Counted(Plant):
    """A plant that counts the pulses on every cell, [tile, down or up, row, column], apart from any trace."""

    def __init__(self, controller: ControllerConfig, config: PlantConfig) -> None:
        super().__init__(controller, config)
        self.counts = np.zeros((controller.tiles, 2, *SHAPE), np.int64)

    def pulse(self, tile, up, row_words, column_words):
        self.counts[tile, int(up)] += coincidences(row_words, column_words)
        super().pulse(tile, up, row_words, column_words)

    def update(self, tile, x_signs, d_signs, row_words, column_words):
        for i, x in enumerate(x_signs):
            for j, d in enumerate(d_signs):
                fires = row_words[-1 if d < 0 else 0][i] & column_words[-1 if x < 0 else 0][j]
                self.counts[tile, int(x == d), i, j] += int(np.bitwise_count(fires).sum()) if x and d else 0
        super().update(tile, x_signs, d_signs, row_words, column_words)

    def pulse_slots(self, tile, up, row_masks, column_masks):
        for slot, goes_up in enumerate(up):
            rows, columns = (
                [int(masks[slot, 0]) >> line & 1 for line in range(lines)]
                for masks, lines in ((row_masks, SHAPE[0]), (column_masks, SHAPE[1]))
            )
            self.counts[tile, int(goes_up)] += np.outer(rows, columns)
        super().pulse_slots(tile, up, row_masks, column_masks)


def record(path: Path, watch: bool = True) -> Counted:
    plant = Counted(CONFIG, PlantConfig(seed=5, initial=0.3, adc_range=1.0))
    with Recorder(path, plant) as recorder:
        backend = ModelBackend(CONFIG, recorder.plant)
        layer = Crossbar(recorder.watch(backend) if watch else backend, pulses=PulseSettings(step=0.02))
        layer.driver.set("PULSE", 30 | 20 << 16)
        rng = np.random.default_rng(3)
        layer.symmetrize(3)
        for _ in range(20):
            x, d = rng.standard_normal(CONFIG.rows), rng.standard_normal(CONFIG.columns)
            layer.forward(x)
            layer.update(x, d, rate=0.2, kind=TileKind.A)
    return plant


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Counted]:
    path = tmp_path_factory.mktemp("trace") / "run.h5"
    return path, record(path)


def test_show_counts_pulses_and_reads(recorded: tuple[Path, Counted], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, plant = recorded
    assert run(["trace", "show", str(path), "--json", str(tmp_path / "a.json"), "--limit", "5"]) == 0
    document = json.loads((tmp_path / "a.json").read_text())
    assert document["controller"]["name"] == "tiny" and document["plant"]["seed"] == 5 and document["cut"] is None
    totals = document["totals"]
    assert totals["commands"] == {"SYMMETRIZE": 1, "FORWARD": 20, "UPDATE": 20}
    assert totals["reads"] == [{"tile": 0, "forward": True, "reads": 20}]
    for item in totals["pulses"]:
        counts = plant.counts[item["tile"], int(item["up"])]
        assert item["pulses"] == counts.sum() > 0
        assert (item["per_cell_min"], item["per_cell_max"]) == (counts.min(), counts.max())
        assert item["per_cell_mean"] == pytest.approx(counts.mean())
    assert sum(item["pulses"] for item in totals["pulses"]) == plant.counts.sum()
    assert len(document["listed"]) == 5
    assert [entry["kind"] for entry in document["listed"][:2]] == ["COMMAND", "SLOTS"]
    text = capsys.readouterr().out
    assert "4 x 3" in text and "SYMMETRIZE, slots of 30 + 20 clock cycles" in text and "6 slots, 36 pulses up, 36 down" in text


def test_show_lists_a_range_of_a_tile(recorded: tuple[Path, Counted], tmp_path: Path) -> None:
    arguments = ["trace", "show", str(recorded[0]), "--json", str(tmp_path / "a.json"), "--tile", "0", "--range", "4:9"]
    assert run(arguments) == 0
    listed = json.loads((tmp_path / "a.json").read_text())["listed"]
    assert listed
    assert all(4 <= entry["operation"] < 9 and entry["tile"] == 0 for entry in listed)


def test_show_follows_one_cell(recorded: tuple[Path, Counted], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, plant = recorded
    assert run(["trace", "show", str(path), "--tile", "1", "--cells", "2,1", "--json", str(tmp_path / "a.json")]) == 0
    history = json.loads((tmp_path / "a.json").read_text())["cell"]["history"]
    assert sum(step["up"] for step in history) == plant.counts[1, 1, 2, 1]
    assert sum(step["down"] for step in history) == plant.counts[1, 0, 2, 1]
    assert history[-1]["pulses"] == plant.counts[1, :, 2, 1].sum()
    assert np.float32(history[-1]["conductance"]) == plant.conductance(1)[2, 1]
    assert "cell 2,1 of tile 1" in capsys.readouterr().out


def test_show_draws(recorded: tuple[Path, Counted], tmp_path: Path) -> None:
    path = recorded[0]
    assert run(["trace", "show", str(path), "--plot", str(tmp_path / "a.svg")]) == 0
    assert "<svg" in (tmp_path / "a.svg").read_text()
    assert run(["trace", "show", str(path), "--plot", str(tmp_path / "b.png"), "--operation", "1"]) == 0
    assert (tmp_path / "b.png").read_bytes().startswith(b"\x89PNG")


def test_replay_agrees_and_saves(recorded: tuple[Path, Counted], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, plant = recorded
    for name in ("a.npz", "a.h5"):
        assert run(["trace", "replay", str(path), "--save", str(tmp_path / name), "--config", "tiny"]) == 0
        assert "Everything agrees" in (text := capsys.readouterr().out)
        assert plant.digest() in text
    expected = plant.state()
    with np.load(tmp_path / "a.npz") as arrays, h5py.File(tmp_path / "a.h5") as file:
        assert set(arrays) == set(file) == set(expected)
        for key, value in expected.items():
            np.testing.assert_array_equal(arrays[key], value)
            np.testing.assert_array_equal(file[key][()], value)


def test_a_difference_is_shown_and_exit_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant = Plant(CONFIG, PlantConfig(seed=5))
    with Recorder(tmp_path / "a.h5", plant):
        plant.set_conductance(0, np.full(SHAPE, 0.5))  # behind the recorder's back
    assert run(["trace", "replay", str(tmp_path / "a.h5"), "--json", str(tmp_path / "a.json")]) == 1
    assert "Difference after 1 operations" in capsys.readouterr().out
    assert json.loads((tmp_path / "a.json").read_text())["difference"].startswith("operation 0, DIGEST")
    assert run(["trace", "replay", str(tmp_path / "a.h5"), "--until", "0"]) == 0
    assert "Nothing to compare" in capsys.readouterr().out


def play_lines(path: Path) -> tuple[np.ndarray, list[float]]:
    """Play the table of lines as an instrument does, and return the pulses that the cells see, and the slots' times."""
    levels: dict[tuple[float, int], dict[str, float]] = defaultdict(dict)
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            levels[float(row["time_s"]), int(row["tile"])][row["line"]] = float(row["level"])
    seen = np.zeros((CONFIG.tiles, 2, *SHAPE), np.int64)
    for (_, tile), volts in levels.items():
        across = np.subtract.outer([volts[f"row{i}"] for i in range(SHAPE[0])], [volts[f"column{j}"] for j in range(SHAPE[1])])
        seen[tile, 1] += across == 1.0
        seen[tile, 0] += across == -1.0
    return seen, [time for time, _ in levels]


def play_slots(path: Path) -> np.ndarray:
    """Play the compact table, and return the pulses that the cells see."""
    seen = np.zeros((CONFIG.tiles, 2, *SHAPE), np.int64)
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            for i in map(int, row["rows"].split()):
                for j in map(int, row["columns"].split()):
                    seen[int(row["tile"]), int(row["direction"] == "up"), i, j] += 1
    return seen


def test_an_instrument_that_plays_the_tables_gives_the_recorded_pulses(recorded: tuple[Path, Counted], tmp_path: Path) -> None:
    path, plant = recorded
    assert run(["trace", "export", str(path), "--csv", str(tmp_path / "lines.csv"), "--clock", "10e6"]) == 0
    assert run(["trace", "export", str(path), "--csv", str(tmp_path / "slots.csv"), "--compact"]) == 0
    seen, times = play_lines(tmp_path / "lines.csv")
    np.testing.assert_array_equal(seen, plant.counts)
    np.testing.assert_array_equal(play_slots(tmp_path / "slots.csv"), plant.counts)
    np.testing.assert_allclose(np.diff(times), 50 / 10e6)
    with open(tmp_path / "lines.csv", newline="") as file:
        assert {float(row["width_s"]) for row in csv.DictReader(file)} == {30 / 10e6}


def test_a_folder_gets_all_tables(recorded: tuple[Path, Counted], tmp_path: Path) -> None:
    path, plant = recorded
    folder = tmp_path / "tables"
    assert run(["trace", "export", str(path), "--csv", str(folder), "--compact", "--width", "1e-6", "--gap", "0"]) == 0
    assert sorted(file.name for file in folder.iterdir()) == ["initial_conductances.csv", "pulses.csv", "reads.csv"]
    np.testing.assert_array_equal(play_slots(folder / "pulses.csv"), plant.counts)
    with open(folder / "reads.csv", newline="") as file:
        reads = list(csv.DictReader(file))
    assert len(reads) == 20
    assert len(reads[0]["charges"].split()) == CONFIG.rows and len(reads[0]["codes"].split()) == CONFIG.columns
    with open(folder / "initial_conductances.csv", newline="") as file:
        cells = list(csv.DictReader(file))
    first = Plant(CONFIG, plant.config)
    assert len(cells) == CONFIG.tiles * SHAPE[0] * SHAPE[1]
    for cell in cells:
        value = first.conductance(int(cell["tile"]))[int(cell["row"]), int(cell["column"])]
        assert np.float32(cell["conductance"]) == value


def test_a_training_run_is_recorded_and_gone_on_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace, result = tmp_path / "run.h5", tmp_path / "run.json"
    common = ["train", "digits", "--backend", "model", "--device", "s2", "--checkpoint", str(tmp_path / "run.npz")]
    assert run([*common, "--epochs", "1", "--trace", str(trace), "--json", str(result)]) == 0
    assert run([*common, "--epochs", "1", "--trace", str(trace), "--resume"]) == 0
    capsys.readouterr()
    assert run(["trace", "replay", str(trace)]) == 0
    text = capsys.readouterr().out
    assert "Everything agrees" in text and "2 digests" in text
    assert json.loads(result.read_text())["conductance_sha256"] in text


def bad(tmp_path: Path) -> dict[str, Path]:
    """Return two traces, of which one has no commands, and files that are none."""
    names = ("good.h5", "silent.h5", "text.h5", "empty.h5", "other.h5", "newer.h5", "begun.h5")
    files = {name: tmp_path / name for name in names}
    record(files["good.h5"])
    record(files["silent.h5"], watch=False)
    files["text.h5"].write_text("no trace")
    files["empty.h5"].touch()
    with h5py.File(files["other.h5"], "w") as file:
        file["data"] = 1
    files["newer.h5"].write_bytes(files["good.h5"].read_bytes())
    with h5py.File(files["newer.h5"], "r+") as file:
        file.attrs["format_version"] = 99
    files["begun.h5"].write_bytes(files["good.h5"].read_bytes()[:3000])
    return files


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show", "none.h5"], "there is no trace none.h5"),
        (["show", "."], ". is a folder; a trace is a file"),
        (["show", "text.h5"], "text.h5 is not a trace: it is no HDF5 file"),
        (["show", "empty.h5"], "empty.h5 is not a trace: it is no HDF5 file"),
        (["show", "other.h5"], "other.h5 is an HDF5 file, but not a trace of Crosstwin"),
        (["replay", "newer.h5"], "newer.h5 has version 99 of the format, recorded by Crosstwin"),
        (["replay", "begun.h5"], "the trace begun.h5 is cut off before its first whole part: 3000 of "),
        (
            ["replay", "good.h5", "--config", "small"],
            "of another configuration: controller.rows is 4, not 16; controller.columns is 3, not 16;",
        ),
        (["replay", "good.h5", "--save", "a.txt"], "--save is 'a.txt'; allowed are files that end in .npz or .h5"),
        (["replay", "good.h5", "--save", "no/such/a.npz"], "no/such/a.npz cannot be written"),
        (["show", "good.h5", "--tile", "8"], "good.h5 has no tile 8; allowed are 0 to 7"),
        (["show", "good.h5", "--cells", "4,0"], "good.h5 has no cell 4,0; allowed are rows 0 to 3 and columns 0 to 2"),
        (["show", "good.h5", "--cells", "4"], "'4' is no cell; allowed is ROW,COLUMN"),
        (["show", "good.h5", "--range", "5"], "'5' is no range; allowed is FIRST:LAST"),
        (["show", "good.h5", "--range", "5:5"], "'5:5' holds no operation"),
        (["show", "good.h5", "--range", "900:"], "good.h5 has no operation 900: its last one is 82"),
        (["export", "good.h5", "--csv", "a.csv", "--range", "900:"], "good.h5 has no operation 900: its last one is 82"),
        (["show", "good.h5", "--plot", "a.bmp"], "allowed are files that end in .png, .svg or .pdf"),
        (["show", "good.h5", "--plot", "a.png", "--operation", "0"], "good.h5 has no operation 0 that pulses"),
        (["show", "good.h5", "--operation", "0"], "--operation is for --plot"),
        (["export", "silent.h5", "--csv", "a.csv"], "give both, --width and --gap"),
        (["export", "good.h5", "--csv", "no/such/a.csv"], "no/such/a.csv cannot be written"),
        (["export", "good.h5", "--csv", "text.h5/tables"], "text.h5/tables cannot be written: Not a directory"),
        (["export", "good.h5", "--csv", "a.csv", "--width", "0"], "--width"),
    ],
)
def test_bad_input_is_one_sentence(
    arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = bad(tmp_path)
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    assert run(["trace", *arguments]) == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(files)


def test_a_trace_that_was_cut_off_is_shown_replayed_and_exported_as_far_as_it_goes(
    recorded: tuple[Path, Counted], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cut.h5"
    plant = Plant(CONFIG, PlantConfig(seed=5, initial=0.3))
    recorder = Recorder(path, plant)
    backend = recorder.watch(ModelBackend(CONFIG, recorder.plant))
    layer = Crossbar(backend, pulses=PulseSettings(step=0.02))
    for _ in range(3):
        layer.symmetrize(3)
        recorder.flush()
    content = path.read_bytes()
    recorder.close()
    path.write_bytes(content)
    table = str(tmp_path / "a.csv")
    for arguments in (
        ["show"],
        ["replay"],
        ["replay", "--until", "1"],
        ["export", "--csv", table, "--compact", "--range", "0:1"],
        ["export", "--csv", table, "--compact"],
    ):
        assert run(["trace", arguments[0], str(path), *arguments[1:]]) == 0
        error = capsys.readouterr().err
        assert f"the trace {path} is cut off (its recording was not ended): its first 6 operations are whole" in error
    assert play_slots(tmp_path / "a.csv")[1].sum() == 2 * 9 * SHAPE[0] * SHAPE[1]


def test_a_controller_of_another_name_is_no_other_configuration(
    recorded: tuple[Path, Counted], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for columns, code in ((CONFIG.columns, 0), (CONFIG.columns + 1, 2)):
        source = tmp_path / "mine.toml"
        source.write_text(f"[controller]\nrows = {CONFIG.rows}\ncolumns = {columns}\npairs = {CONFIG.pairs}\n")
        with open(source, "a") as file:
            for name in ("code_bits", "adc_bits", "adc_lanes", "bl_max"):
                file.write(f"{name} = {getattr(CONFIG, name)}\n")
            file.write(f"sources = {json.dumps(CONFIG.sources)}\nfired_counter = {json.dumps(CONFIG.fired_counter)}\n")
        assert run(["trace", "replay", str(recorded[0]), "--config", str(source)]) == code
    error = capsys.readouterr().err
    assert error.endswith("is of another configuration: controller.columns is 3, not 4\n")


def test_ctrl_c_stops_a_replay_with_one_sentence(
    recorded: tuple[Path, Counted], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Plant, "update", interrupted)
    assert run(["trace", "replay", str(recorded[0]), "--save", str(tmp_path / "a.npz")]) == 130
    captured = capsys.readouterr()
    assert (captured.out, captured.err.strip()) == ("", "Stopped.")
    assert list(tmp_path.iterdir()) == []


def test_recording_to_a_place_that_cannot_be_written_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "digits", "--backend", "model", "--trace", "/no/such/folder/run.h5"]) == 2
    assert capsys.readouterr().err.endswith("/no/such/folder/run.h5 cannot be written: there is no folder /no/such/folder\n")
    assert run(["train", "digits", "--algorithm", "float", "--trace", "run.h5"]) == 2
    assert "--algorithm float uses no crossbar; leave --trace out." in capsys.readouterr().err


def test_the_trace_of_a_plant_is_of_its_configuration(recorded: tuple[Path, Counted]) -> None:
    with Trace(recorded[0]) as trace:
        assert trace.controller == CONFIG
        assert trace.plant == recorded[1].config
