"""The convolutional experiment: 8 x 8 images of digits, two convolutional stages and a layer of outputs on three tile pairs.

3 x 3 patches to 8 filters at 6 x 6 places, the largest of every 2 x 2; then 2 x 2 patches to 16 filters at 2 x 2 places; then 64
features to 10 classes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from crosstwin_model.config import ControllerConfig
from crosstwin_sim.backend import Backend
from crosstwin_sim.convolution import ConvolutionalNetwork, Shape
from crosstwin_sim.network import Algorithm

from .images import Classifier, ImageTrainer, Split, train_reference
from .settings import Settings
from .training import BaseRun, Shapes, Tick, Trainer, float_layers, with_source

STAGES = (Shape(1, 8, 3, 8, 2), Shape(8, 3, 2, 16))
#: Rows and columns of every layer.
SHAPES = (*(stage.weights for stage in STAGES), (16 * 2 * 2 + 1, 10))
#: The controller: the presets' lines fit no three pairs.
CONFIG = ControllerConfig("conv", rows=65, columns=16, pairs=3, adc_lanes=8)

#: The float reference takes scales, initial weights, skipping and decay from the device's SHD settings, and these rates.
FLOAT_RATES = (0.02, 0.02, 0.02)

_SHARED = Settings(
    rates=(0.1, 0.2, 0.2),
    transfer_rates=(0.05, 0.05, 0.05),
    transfer_every=(10, 4, 2),
    scales=(2.0, 2.0, 2.0),
    initial=(0.3, 0.15, 0.12),
    forward_gains=(2, 2, 2),
    backward_gains=(2, 2, 2),
    transfer_gains=(5, 5, 5),
    bound_steps=3,
)

#: Found with ``benchmarks/tune_learning.py`` on validation samples with ``s1``.
SETTINGS = {
    Algorithm.SHD: _SHARED,
    Algorithm.SGD: replace(_SHARED, rates=(0.005, 0.01, 0.01), source="lfsr_per_line"),
}


@dataclass(frozen=True)
class ConvRun(BaseRun):
    """Digits on the convolutional network."""

    @property
    def name(self) -> str:
        return "conv"

    @property
    def shapes(self) -> Shapes:
        return SHAPES

    @property
    def controller(self) -> ControllerConfig:
        return with_source(CONFIG, self.settings.source)

    def trainer(self, backend: Backend, data: Any) -> Trainer:
        return ConvTrainer(backend, self, data)


class ConvTrainer(ImageTrainer):
    """The convolutional network on crossbars."""

    def make_network(self) -> Classifier:
        """Return the network that the layers are of."""
        return ConvolutionalNetwork(STAGES, self.layers, self.run.settings.skip_below)


def train_float(settings: Settings, split: Split, epochs: int, seed: int, tick: Tick) -> list[float]:
    """Train the float reference with the same initial weights, order of samples, skipping and decay; return the accuracies."""
    layers = float_layers(SHAPES, settings, FLOAT_RATES, seed)
    network = ConvolutionalNetwork(STAGES, layers, settings.skip_below)
    return train_reference(network, layers, settings, split, epochs, seed, tick)
