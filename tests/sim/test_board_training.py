"""A board trains digits by itself: the program `train digits`, and on its line the whole board with its array, Verilated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crosstwin_model.config import PRESETS
from crosstwin_model.emulated_config import EmulatedConfig
from crosstwin_model.registers import TileKind
from crosstwin_sim.backend import Backend
from crosstwin_sim.board import SimulatedBoard, served
from crosstwin_sim.cli import learning, train_digits
from crosstwin_sim.cli.main import run
from crosstwin_sim.crossbar import Crossbar, PulseSettings, ReadSettings
from crosstwin_sim.experiments.digits import SHAPES, load_split
from crosstwin_sim.experiments.images import Split
from crosstwin_sim.experiments.training import Result, train
from crosstwin_sim.scaling import Converters

#: Samples learned from and tried. What takes time on a simulated board is its serial line, above all while the initial weights
#: are programmed; so each row gets one correction after one read here.
LEARNED, TRIED = 20, 10
ARRAY = EmulatedConfig()


@pytest.mark.usefixtures("patient")
def test_a_board_learns_digits_as_the_golden_model_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Same accuracy, reads and clock cycles, and the same outputs of all tiles at the end, which only the same weights give."""
    outputs: list[list[list[float]]] = []

    def few(seed: int) -> Split:
        split = load_split(seed)
        return Split(split.train_x[:LEARNED], split.train_y[:LEARNED], split.test_x[:TRIED], split.test_y[:TRIED])

    def trained(run: Any, backend: Backend, *arguments: Any, **named: Any) -> Result:
        result = train(run, backend, *arguments, **named)
        outputs.append(weights(backend))
        return result

    monkeypatch.setattr(train_digits, "load_split", few)
    monkeypatch.setattr(learning, "train", trained)
    monkeypatch.setattr("crosstwin_sim.programming._REPEATS", 1)
    monkeypatch.setattr("crosstwin_sim.programming._ROUNDS", 1)
    documents = [tmp_path / "board.json", tmp_path / "model.json"]
    command = ["train", "digits", "--array", "emulated", "--epochs", "1", "--seed", "2"]
    with served(SimulatedBoard(PRESETS["digits"], ARRAY)) as port:
        assert run([*command, "--backend", "serial", "--port", port, "--json", str(documents[0])]) == 0
    model = ["--backend", "model", "--checkpoint", str(tmp_path / "model.npz")]
    assert run([*command, *model, "--json", str(documents[1])]) == 0
    on_board, on_model = (json.loads(document.read_text()) for document in documents)
    for key in ("accuracy", "reads", "clock_cycles", "config"):
        assert on_board[key] == on_model[key], key
    assert outputs[0] == outputs[1]


def weights(backend: Backend) -> list[list[float]]:
    """Return what both layers' C and A give for inputs of both signs on all lines."""
    converters = Converters(ARRAY.input_full_scale, ARRAY.adc_range)
    rng = np.random.default_rng(1)
    found = []
    for pair, (rows, columns) in enumerate(SHAPES):
        crossbar = Crossbar(
            backend, pair, rows, columns, pulses=PulseSettings(ARRAY.dw_min), reads=ReadSettings(), converters=converters
        )
        for kind in (TileKind.C, TileKind.A):
            found += [crossbar.read_vector(rng.uniform(-1, 1, rows), True, kind, 3)[0].tolist() for _ in range(4)]
    return found
