"""The digits experiment: 8 x 8 images of digits, a 64-32-10 network on two tile pairs, trained sample by sample."""

from __future__ import annotations

from crosstwin_model.config import PRESETS, ControllerConfig
from crosstwin_sim.network import Network

from .images import Classifier, ImageTrainer, Split, load_split, train_reference
from .settings import FLOAT_RATES, Settings
from .training import Tick, float_layers
from .training import final_score as final_accuracy

__all__ = ["CONFIG", "SHAPES", "DigitsTrainer", "Split", "final_accuracy", "load_split", "train_float"]

#: Rows and columns of both layers: 64 inputs, 32 hidden units, 10 classes, with biases.
SHAPES = ((65, 32), (33, 10))
#: Controller that the network is trained on; a larger one where settings need another random source.
CONFIG: ControllerConfig = PRESETS["digits"]


class DigitsTrainer(ImageTrainer):
    """The fully connected network on crossbars."""

    def make_network(self) -> Classifier:
        """Return the network that the layers are of."""
        return Network(self.layers, self.run.settings.skip_below)


def train_float(settings: Settings, split: Split, epochs: int, seed: int, tick: Tick) -> list[float]:
    """Train the float reference with the same initial weights, order of samples, skipping and decay; return the accuracies."""
    layers = float_layers(SHAPES, settings, FLOAT_RATES, seed)
    return train_reference(Network(layers, settings.skip_below), layers, settings, split, epochs, seed, tick)
