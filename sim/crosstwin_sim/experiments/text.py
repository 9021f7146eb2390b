"""The text experiment: an LSTM that learns to foretell the next character, each of its matrices on a tile pair."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from crosstwin_model.config import ControllerConfig
from crosstwin_sim.backend import Backend
from crosstwin_sim.lstm import CharacterNetwork, evaluate, lstm_shapes
from crosstwin_sim.network import Algorithm

from .corpus import ALPHABET, Corpus
from .settings import Settings
from .training import BaseRun, Shapes, Tick, Trainer, decay_factor, float_layers, with_source

#: Characters over which errors go back in time, and after which the updates are made.
WINDOW = 16
#: Learning rates of the float reference, which takes scales, initial weights and decay from the device's SHD settings.
FLOAT_RATE = 0.1


def text_controller(hidden: int, layers: int) -> ControllerConfig:
    """Return the smallest controller that has lines and tile pairs for an LSTM of that size."""
    shapes = lstm_shapes(len(ALPHABET), hidden, layers)
    rows, columns = (max(shape[side] for shape in shapes) for side in (0, 1))
    return ControllerConfig("text", rows=rows, columns=columns, pairs=len(shapes), adc_lanes=16)


def text_settings(algorithm: Algorithm, layers: int) -> Settings:
    """Return the settings of a network of that many LSTM layers, found on validation text with ``s1``."""
    shd = algorithm is Algorithm.SHD

    def each(gates: float, outputs: float) -> tuple[float, ...]:
        return (*[gates] * layers, outputs)

    def all_of(value: int) -> tuple[int, ...]:
        return (value,) * (layers + 1)

    return Settings(
        rates=each(0.5, 0.3) if shd else each(0.03, 0.03),
        transfer_rates=each(0.1, 0.1),
        transfer_every=all_of(1),
        decay=2.0,
        scales=each(3.0, 2.0),
        initial=each(0.1, 0.1),
        forward_gains=all_of(1),
        backward_gains=all_of(2),
        transfer_gains=all_of(5),
        source="hammersley" if shd else "lfsr_per_line",
        bound_steps=4,
    )


@dataclass(frozen=True)
class TextRun(BaseRun):
    """A text on an LSTM.

    Parameters
    ----------
    hidden, layers : int
        Hidden units a layer, and LSTM layers, 1 to 3.
    text_sha256 : str
        Of the text's numbers, so that a checkpoint of another text is not gone on with.
    """

    hidden: int
    layers: int
    text_sha256: str

    @property
    def name(self) -> str:
        return f"text-{self.layers}x{self.hidden}"

    @property
    def shapes(self) -> Shapes:
        return lstm_shapes(len(ALPHABET), self.hidden, self.layers)

    @property
    def controller(self) -> ControllerConfig:
        return with_source(text_controller(self.hidden, self.layers), self.settings.source)

    def trainer(self, backend: Backend, data: Any) -> Trainer:
        return TextTrainer(backend, self, data)

    def document(self) -> dict[str, Any]:
        """Return all of it as JSON knows it."""
        return {**super().document(), "text_sha256": self.text_sha256, "window": WINDOW}


class TextTrainer(Trainer):
    """The LSTM on crossbars; its score is the mean bits of a character of the test text, which is better the lower it is."""

    def __init__(self, backend: Backend, run: TextRun, corpus: Corpus) -> None:
        super().__init__(backend, run)
        self.corpus = corpus
        self.network = CharacterNetwork(self.layers, len(ALPHABET), run.hidden)

    def run_epoch(self, epoch: int, tick: Tick) -> float:
        """Train one epoch, counted from 0, and return the bits of a character of the test text."""
        self.prepare_epoch(epoch)
        learn_text(self.network, self.corpus, tick)
        return evaluate(self.network, self.corpus.test)


def corpus_sha256(corpus: Corpus) -> str:
    """Return the SHA-256 of both texts' numbers."""
    return hashlib.sha256(b"|".join(part.astype(np.uint8).tobytes() for part in (corpus.train, corpus.test))).hexdigest()


def windows(characters: int) -> int:
    """Return the number of windows, and so of ticks, that an epoch has."""
    return -(-(characters - 1) // WINDOW)


def learn_text(network: CharacterNetwork, corpus: Corpus, tick: Tick) -> None:
    """Learn the training text once, window by window, from a fresh state."""
    network.reset()
    bounds = [*range(0, len(corpus.train) - 1, WINDOW), len(corpus.train) - 1]
    for start, end in pairwise(bounds):
        network.learn(corpus.train[start : end + 1])
        tick()


def train_float(run: TextRun, corpus: Corpus, tick: Tick) -> list[float]:
    """Train the float reference with the same initial weights and decay; return the bits of a character by epoch."""
    layers = float_layers(run.shapes, run.settings, [FLOAT_RATE] * len(run.shapes), run.seed)
    network = CharacterNetwork(layers, len(ALPHABET), run.hidden)
    bits = []
    for epoch in range(run.epochs):
        for layer in layers:
            layer.rate = FLOAT_RATE * decay_factor(run.settings, epoch, run.epochs)
        learn_text(network, corpus, tick)
        bits.append(evaluate(network, corpus.test))
    return bits
