"""`crosstwin train text`: train a character LSTM on a text."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from crosstwin_sim.backend import Backend
from crosstwin_sim.experiments.corpus import ALPHABET, as_text, load_corpus
from crosstwin_sim.experiments.derived import REFERENCE
from crosstwin_sim.experiments.text import (
    TextRun,
    TextTrainer,
    corpus_sha256,
    text_controller,
    text_settings,
    train_float,
    windows,
)
from crosstwin_sim.figures import BITS
from crosstwin_sim.lstm import write_text
from crosstwin_sim.network import Algorithm

from .learning import Task, carry_out
from .train_options import Wanted, run_options

#: Characters that a trained network writes.
_WRITTEN = 200


@click.command("text")
@run_options(epochs=6)
@click.option(
    "--text",
    "text_path",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A text in UTF-8.  [default: the King James Bible]",
)
@click.option("--characters", type=click.IntRange(1000, 10_000_000), default=20_000, show_default=True, help="Learned, by epoch.")
@click.option("--hidden", type=click.IntRange(1, 256), default=64, show_default=True, help="Hidden units of a layer.")
@click.option("--layers", type=click.IntRange(1, 3), default=1, show_default=True, help="LSTM layers.")
def command(text_path: Path | None, characters: int, hidden: int, layers: int, **options: Any) -> None:
    """Train an LSTM to foretell a text's next character, and a float reference beside it.

    \b
    Examples:
      crosstwin train text --backend model
      crosstwin train text --backend model --layers 2 --characters 100000
      crosstwin train text --backend model --text LICENSE --characters 5000 --algorithm sgd --json sgd.json
      crosstwin train text --backend model --hidden 16 --epochs 2 --plot text.png
      crosstwin train text --backend model --hidden 16 --epochs 2 --plot text.png --resume

    The score is the bits that a character of further text costs, a tenth of what is learned; 2 to its power is the perplexity.
    Ctrl-C keeps the last finished epoch; the same command with --resume goes on from it. The settings were tuned
    for s1; a rule carries them over to other devices (docs/learning.md), and the options from --rate on change them.
    """
    wanted = Wanted.of(options)
    corpus, device = load_corpus(text_path, characters, characters // 10), wanted.load_device()
    choice = wanted.choose(
        device,
        lambda twin, algorithm: text_settings(algorithm, layers) if twin == REFERENCE else None,
        lambda algorithm: text_settings(algorithm, layers),
        text_controller(hidden, layers),
    )
    text = corpus_sha256(corpus)
    run = TextRun(
        wanted.chosen,
        device,
        choice.zero_shift,
        wanted.epochs,
        wanted.seed,
        choice.settings,
        hidden,
        layers,
        text,
        plant=wanted.load_plant(),
        array=wanted.load_array(),
    )
    reference = replace(run, settings=text_settings(Algorithm.SHD, layers))

    def sample(backend: Backend) -> str:
        trainer = TextTrainer(backend, run, corpus)
        rng = np.random.default_rng([wanted.seed, 4])
        return f"\nIt writes: {as_text(write_text(trainer.network, ALPHABET.index('t'), _WRITTEN, rng))}"

    ticks = windows(characters)
    carry_out(
        wanted,
        Task(
            f"Text on {layers} x {hidden} LSTM units",
            run,
            choice,
            corpus,
            ticks,
            lambda tick: train_float(reference, corpus, tick),
            ticks,
            BITS,
            sample,
        ),
    )
