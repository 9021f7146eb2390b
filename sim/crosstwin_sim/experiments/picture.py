"""A trained network, for the eye."""

from __future__ import annotations

from pathlib import Path

from crosstwin_model.observe import PulsePhase
from crosstwin_model.plant import Plant
from crosstwin_model.registers import TileKind
from crosstwin_sim.figures import Curve, Map, Raster, draw_run
from crosstwin_sim.model_backend import ModelBackend

from .digits import CONFIG, DigitsTrainer, Split
from .run import Run

#: Samples that are tried.
_SAMPLES = 200


def record_update(run: Run, plant: Plant, split: Split) -> PulsePhase | None:
    """Train a copy of a network on further samples, and return the longest update of its first layer.

    Returns
    -------
    PulsePhase or None
        None if no sample was learned from.
    """
    copy = run.make_plant()
    copy.restore(plant.state())
    backend = ModelBackend(run.controller, copy)
    trainer = DigitsTrainer(backend, run, split)
    trainer.prepare_epoch(run.epochs - 1)
    longest: PulsePhase | None = None
    for image, label in zip(split.train_x[:_SAMPLES], split.train_y[:_SAMPLES].tolist(), strict=True):
        backend.controller.phases = []
        trainer.network.learn(image, label)
        for phase in backend.controller.phases[:1]:
            if isinstance(phase, PulsePhase) and (longest is None or len(phase.quadrants) > len(longest.quadrants)):
                longest = phase
    return longest


def draw_network(path: str | Path, title: str, curves: list[Curve], run: Run, plant: Plant, split: Split) -> None:
    """Draw accuracies, the first layer's tiles and one of its updates.

    Raises
    ------
    CrosstwinError
        If the file cannot be written.
    """
    maps = [
        Map("C of layer 1: the weights", plant.weights(TileKind.C)),
        Map("A of layer 1 less its reference", plant.weights(TileKind.A)),
    ]
    phase = record_update(run, plant, split)
    raster = None if phase is None else Raster("Pulses of one update of layer 1", phase, CONFIG.rows, CONFIG.columns)
    draw_run(path, title, curves, maps, raster)
