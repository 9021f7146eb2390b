"""Train one 16 x 16 crossbar to follow a linear map, by SGD and by SHD, on a back end of your choice.

Usage: python examples/first_crossbar.py [model|rtl]
"""

import sys

import numpy as np

from crosstwin_model.config import PRESETS
from crosstwin_model.devices import load_device
from crosstwin_model.plant import Plant, PlantConfig
from crosstwin_model.registers import TileKind
from crosstwin_sim.backends import BACKENDS, default_backend, open_backend
from crosstwin_sim.crossbar import Crossbar, PulseSettings, ReadSettings

STEPS = 4000
RATES = {"sgd": 0.02, "shd": 0.05}


def train(backend_name: str, algorithm: str) -> tuple[float, float, str]:
    """Return the weights' root mean square error, the share of the target they reach, and the SHA-256 of all conductances."""
    device = load_device("s1")  # soft bounds: the step shrinks towards the bound it goes to, so the response is asymmetric
    plant = Plant(PRESETS["small"], PlantConfig(device=device, seed=1))
    backend = open_backend(backend_name, PRESETS["small"], plant)
    layer = Crossbar(backend, pulses=PulseSettings(step=device.dw_min), reads=ReadSettings(forward_gain=2, transfer_gain=4))
    if algorithm == "shd":
        layer.set_transfer(every=1, rate=0.05)  # after every update of A the controller adds 0.05 of one row of A to C, by itself
    rng = np.random.default_rng(1)
    target = rng.uniform(-0.3, 0.3, (16, 16))
    for _ in range(STEPS):
        x = rng.uniform(-1, 1, 16)
        error = (
            x @ target + rng.normal(0, 0.3, 16) - layer.forward(x)
        )  # the targets are noisy, as gradients of single samples are
        layer.update(x, error, rate=RATES[algorithm], kind=TileKind.A if algorithm == "shd" else TileKind.C)
    weights = plant.weights(layer.tile(TileKind.C))
    residual = float(np.sqrt(np.mean((weights - target) ** 2)))
    share = float((weights * target).sum() / (target**2).sum())
    digest = plant.digest()
    backend.close()
    return residual, share, digest


if __name__ == "__main__":
    name = sys.argv[1] if len(sys.argv) > 1 else default_backend()
    if name not in BACKENDS:
        sys.exit(f"there is no back end {name!r}; allowed are {', '.join(BACKENDS)}")
    for algorithm in ("sgd", "shd"):
        residual, share, digest = train(name, algorithm)
        print(f"{algorithm} on {name}: {share:.0%} of the target, rms error {residual:.3f}, conductances {digest[:16]}")
