"""The convolutional and the text experiment: they learn, repeat, go on where they were, and RTL and golden model agree."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crosstwin_model.config import PRESETS, ControllerConfig
from crosstwin_model.devices import load_device
from crosstwin_sim.backend import Backend
from crosstwin_sim.backends import open_backend
from crosstwin_sim.convolution import ConvolutionalNetwork, Shape
from crosstwin_sim.experiments import conv, text
from crosstwin_sim.experiments.conv import SETTINGS, ConvRun
from crosstwin_sim.experiments.corpus import load_corpus
from crosstwin_sim.experiments.images import Classifier, ImageTrainer, Split, load_split
from crosstwin_sim.experiments.text import TextRun, corpus_sha256, text_settings
from crosstwin_sim.experiments.training import BaseRun, Result, Shapes, Trainer, train
from crosstwin_sim.network import Algorithm

S1 = load_device("s1")
#: 3 x 3 patches at 6 x 6 places to 4 filters, pooled to 2 x 2 places; then 16 features to 10 classes.
SMALL = (Shape(1, 8, 3, 4, 3),)


def few(train_samples: int, test_samples: int) -> Split:
    split = load_split(1)
    return Split(
        split.train_x[:train_samples], split.train_y[:train_samples], split.test_x[:test_samples], split.test_y[:test_samples]
    )


def perform(run: BaseRun, data: Any, path: Path, backend: str = "model", resume: bool = False, ticks: float = np.inf) -> Result:
    """Train on a fresh array; Ctrl-C comes after that many ticks."""
    plant = run.make_plant()
    opened = open_backend(backend, run.controller, plant)
    done = 0

    def tick() -> None:
        nonlocal done
        done += 1
        if done > ticks:
            raise KeyboardInterrupt

    try:
        return train(run, opened, plant, data, tick=tick, epoch_done=lambda count, score: None, path=path, resume=resume)
    finally:
        opened.close()


def conv_run(algorithm: Algorithm = Algorithm.SHD, epochs: int = 2) -> ConvRun:
    return ConvRun(algorithm, S1, False, epochs, 1, SETTINGS[algorithm])


def text_run(corpus: text.Corpus, epochs: int = 2, layers: int = 1, algorithm: Algorithm = Algorithm.SHD) -> TextRun:
    return TextRun(algorithm, S1, False, epochs, 1, text_settings(algorithm, layers), 12, layers, corpus_sha256(corpus))


@dataclass(frozen=True)
class SmallRun(BaseRun):
    """A convolutional network that fits the preset of the fully connected one, whose RTL is built for other tests anyway."""

    @property
    def name(self) -> str:
        return "small"

    @property
    def shapes(self) -> Shapes:
        return (*(shape.weights for shape in SMALL), (17, 10))

    @property
    def controller(self) -> ControllerConfig:
        return PRESETS["digits"]

    def trainer(self, backend: Backend, data: Any) -> Trainer:
        return SmallTrainer(backend, self, data)


class SmallTrainer(ImageTrainer):
    """It, on crossbars."""

    def make_network(self) -> Classifier:
        return ConvolutionalNetwork(SMALL, self.layers)


def test_the_convolutional_network_learns(tmp_path: Path) -> None:
    result = perform(conv_run(), few(250, 60), tmp_path / "run.npz")
    assert result.accuracy[-1] > 0.35


def test_the_lstm_learns(tmp_path: Path) -> None:
    corpus = load_corpus(None, 2000, 300)
    result = perform(text_run(corpus), corpus, tmp_path / "run.npz")
    # An alphabet of 32 characters costs 5 bits each, their frequencies alone 4.1.
    assert result.accuracy[-1] < 3.8


@pytest.mark.parametrize("kind", ["conv", "text"])
def test_an_interrupted_run_goes_on_to_the_same_bits(kind: str, tmp_path: Path) -> None:
    corpus = load_corpus(None, 400, 40)
    run: BaseRun = conv_run() if kind == "conv" else text_run(corpus, layers=2)
    data = few(20, 5) if kind == "conv" else corpus
    whole = perform(run, data, tmp_path / "whole.npz")
    with pytest.raises(KeyboardInterrupt):
        perform(run, data, tmp_path / "part.npz", ticks=30)
    resumed = perform(run, data, tmp_path / "part.npz", resume=True)
    assert resumed.conductance_sha256 == whole.conductance_sha256
    assert (resumed.accuracy, resumed.clock_cycles, resumed.reads) == (whole.accuracy, whole.clock_cycles, whole.reads)


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_rtl_and_golden_model_give_the_same_bits_on_a_convolutional_network(algorithm: Algorithm, tmp_path: Path) -> None:
    settings = replace(
        SETTINGS[Algorithm.SHD],
        rates=(0.2, 0.2),
        transfer_rates=(0.1, 0.1),
        transfer_every=(3, 2),
        scales=(2.0, 2.0),
        initial=(0.5, 0.3),
        forward_gains=(5, 4),
        backward_gains=(4, 4),
        transfer_gains=(5, 5),
    )
    split = few(8, 4)
    run = SmallRun(algorithm, S1, False, 2, 1, settings)
    model, rtl = (perform(run, split, tmp_path / f"{name}.npz", name) for name in ("model", "rtl"))
    assert rtl.conductance_sha256 == model.conductance_sha256
    assert (rtl.accuracy, rtl.clock_cycles, rtl.reads) == (model.accuracy, model.clock_cycles, model.reads)
    assert sum(repeated for _, repeated, _ in model.reads) > 0


def test_the_float_references_learn() -> None:
    assert conv.train_float(SETTINGS[Algorithm.SHD], few(400, 100), 3, 1, lambda: None)[-1] > 0.6
    corpus = load_corpus(None, 3000, 300)
    bits = text.train_float(text_run(corpus, epochs=3), corpus, lambda: None)
    assert bits[-1] < bits[0] < 4.1


def test_a_text_s_checkpoint_is_not_gone_on_with_on_another_text(tmp_path: Path) -> None:
    one, other = load_corpus(None, 200, 20), load_corpus(None, 210, 20)
    perform(text_run(one, epochs=1), one, tmp_path / "run.npz")
    with pytest.raises(Exception, match=r"run\.npz is of a run whose text_sha256 is"):
        perform(text_run(other, epochs=1), other, tmp_path / "run.npz", resume=True)
