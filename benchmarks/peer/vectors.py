"""Vectors that both sides of a comparison are driven with; needs numpy alone, as the peer's process imports it too."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: How many vectors are made beforehand; a run goes round them.
RING = 64


def pair(kind: str, lines: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return inputs x and errors d, float64[RING, lines] each.

    Parameters
    ----------
    kind : str
        ``dense``: both uniform in [-1, 1]. ``typical``: x = 0.5 relu(N), d = 0.01 N^3 with N standard normal, as activations
        behind a rectifier and the errors of a trained network are. ``sparse``: as dense, but on 16 random lines only, the
        rest 0.
    lines : int
        Length of a vector.
    seed : int
        Seed of the numbers.
    """
    rng = np.random.default_rng([seed, lines])
    shape = (RING, lines)
    if kind == "typical":
        return 0.5 * np.maximum(rng.standard_normal(shape), 0.0), 0.01 * rng.standard_normal(shape) ** 3
    x, d = rng.uniform(-1.0, 1.0, shape), rng.uniform(-1.0, 1.0, shape)
    if kind == "sparse":
        for values in (x, d):
            values[np.argsort(rng.random(shape), axis=1) >= 16] = 0.0
    return x, d
