"""`crosstwin board`: what a board is, its self-test, and what is refused; the board is the Verilated one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from crosstwin_model.config import PRESETS
from crosstwin_model.emulated import EmulatedPlant
from crosstwin_model.emulated_config import EmulatedConfig
from crosstwin_model.plant import Plant, PlantConfig
from crosstwin_model.registers import register_map
from crosstwin_sim.board import SimulatedBoard, served
from crosstwin_sim.cli.main import run
from crosstwin_sim.link import open_board
from crosstwin_sim.link.selftest import Outcome, array_traffic, compare, digital_traffic
from crosstwin_sim.model_backend import ModelBackend

pytestmark = pytest.mark.usefixtures("patient")

CONFIG = PRESETS["tiny"]
#: As in test_host_link.py, so that one build serves both.
ARRAY = EmulatedConfig(lanes=1, adc_range=1.0, adc_noise=0.01)


@pytest.fixture(scope="module")
def port() -> Iterator[str]:
    """Return the port of a board with an emulated array."""
    with served(SimulatedBoard(CONFIG, ARRAY)) as name:
        yield name


def write_array(folder: Path, array: EmulatedConfig) -> str:
    path = folder / "array.toml"
    path.write_text("[emulated]\n" + "".join(f"{key} = {value}\n" for key, value in asdict(array).items()))
    return str(path)


def test_info_tells_what_a_board_is_and_changes_nothing(port: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    backend = open_board(port)
    backend.write(register_map(CONFIG)["BL"].offset, 7)
    backend.close()
    document = tmp_path / "board.json"
    assert run(["board", "info", "--port", port, "--json", str(document)]) == 0
    assert f"{port} is a Crosstwin controller of 4 x 3 lines and 8 tiles." in capsys.readouterr().out
    found = json.loads(document.read_text())
    expected = asdict(CONFIG) | {"sources": list(CONFIG.sources)}
    del expected["name"]
    assert (found["controller"], found["baud"]) == (expected, 1_000_000)
    backend = open_board(port, renew=False)
    assert backend.read(register_map(CONFIG)["BL"].offset) == 7
    backend.close()


def test_a_board_passes_its_test(port: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = tmp_path / "test.json"
    command = ["board", "test", "--port", port, "--array", write_array(tmp_path, ARRAY), "--json", str(document)]
    assert run(command) == 0
    assert capsys.readouterr().out.startswith("Everything agrees: ")
    found = json.loads(document.read_text())
    twin = ModelBackend(CONFIG, EmulatedPlant(CONFIG, ARRAY))  # type: ignore[arg-type]  # it is a plant
    expected = list(array_traffic(ARRAY)(twin))
    assert (found["compared"], found["difference"]) == (len(expected), None)
    assert found["clock_cycles"] == dict(expected)["the register CYCLES"] > 10_000
    assert found["array"] == asdict(ARRAY)


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (replace(ARRAY, seed=2), "entry 0 of the forward read of C (pair 0, hammersley, vector 0) is"),
        (replace(ARRAY, c2c=0.25), "of the forward read of C (pair 0, hammersley"),
        (replace(ARRAY, lanes=8), "on the way to"),
    ],
)
def test_a_bitstream_of_another_array_is_found(
    array: EmulatedConfig, sentence: str, port: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["board", "test", "--port", port, "--array", write_array(tmp_path, array)]) == 1
    said = capsys.readouterr().out
    assert said.startswith("The board differs: ") and sentence in said and said.count("\n") == 1
    assert said.endswith("; check that the bitstream has this emulated array.\n")


def test_an_analog_array_is_left_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    plant = Plant(CONFIG, PlantConfig(seed=5, initial=0.3))
    before = plant.digest()
    board = SimulatedBoard(CONFIG, plant)
    with served(board) as port:
        assert run(["board", "test", "--port", port]) == 0
        assert board.plant is not None and board.plant.digest() == before
    assert capsys.readouterr().out.startswith("Everything agrees, with no line of the array driven: ")


def test_a_controller_that_counts_wrongly_is_found() -> None:
    class Wrong(ModelBackend):
        def read(self, address: int) -> int:
            return super().read(address) + (address == register_map(CONFIG)["OPERATIONS"].offset)

    plant = Plant(CONFIG, PlantConfig())
    found = compare(Wrong(CONFIG, plant), ModelBackend(CONFIG, plant), digital_traffic, lambda done, total: None)
    assert isinstance(found, Outcome) and found.difference is not None
    assert found.difference.startswith("entry 4 of an update of no line (hammersley) is ")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["info", "--port", "/dev/none"], "there is no serial port /dev/none"),
        (["info", "--port", "/dev/null", "--baud", "300"], "--baud is 300; allowed are 9600 to 12500000"),
        (["test", "--port", "/dev/none", "--array", "emulate"], "there is no array 'emulate'; allowed are emulated or a .toml"),
        (["test", "--port", "/dev/null", "--json", "/nowhere/x.json"], "/nowhere/x.json cannot be written"),
        (["simulate", "--array", "emulated", "--device", "s2"], "--array has devices, converters and a seed of its own; leave"),
        (["simulate", "--array", "emulated", "--seed", "1"], "leave --device, --plant and --seed out"),
        (["simulate", "--array", "emulated", "--plant", "x.toml"], "leave --device, --plant and --seed out"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["board", *arguments]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and sentence in said


def test_help_points_to_training_and_the_documents(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["board", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "train digits --backend serial --port" in said and "docs/boards.md" in said
