"""Error of the coincidence rate of a 64 x 64 tile, 8-bit codes, by random source and BL, against independent Bernoulli lines.

A cell whose row fires with probability p and whose column fires with q should meet BL p q times in BL slots. The error is the
root mean square over cells and updates of coincidences / BL - p q.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from common import Row, report

from crosstwin_model.coincidence import coincidences
from crosstwin_model.config import SOURCE_NAMES, ControllerConfig, Source
from crosstwin_model.engine import Codes, Generators, Words
from crosstwin_model.registers import SEED_RESET

LINES = 64
UPDATES = 400
SEED = 1


def bernoulli(rng: np.random.Generator, codes: Codes, bl: int) -> Words:
    """Return words of lines that fire in each slot independently with probability code / 256."""
    slots = rng.random((codes.size, bl)) < codes[:, None] / 256
    padded = np.zeros((codes.size, -(-bl // 64) * 64), np.uint8)
    padded[:, :bl] = slots
    return np.packbits(padded, axis=1, bitorder="little").view(np.uint64)


def error(words: Callable[[Codes, Codes], tuple[Words, Words]], bl: int) -> float:
    """Return the root mean square error of the words of rows and columns over random codes."""
    rng = np.random.default_rng(SEED)
    squares = []
    for _ in range(UPDATES):
        x, d = (rng.integers(0, 256, LINES).astype(np.int16) for _ in range(2))
        rate = coincidences(*words(x, d)) / bl
        squares.append(np.mean((rate - np.outer(x / 256, d / 256)) ** 2))
    return float(np.sqrt(np.mean(squares)))


def drawn(generators: Generators, source: Source, bl: int, codes: tuple[Codes, Codes]) -> tuple[Words, Words]:
    """Return the words of both sides with new masks, where the source has any."""
    if source is Source.HAMMERSLEY:
        generators.draw_masks()
    return generators.trains(source, bl, bl, codes, (256, 256))[2:]


def main() -> None:
    """Measure, print and write build/bench/coincidence.json."""
    config = ControllerConfig("coincidence", LINES, LINES, sources=SOURCE_NAMES)
    rows = []
    for bl in (32, 128):
        rng = np.random.default_rng(SEED + 1)
        reference = error(lambda x, d, rng=rng, bl=bl: (bernoulli(rng, x, bl), bernoulli(rng, d, bl)), bl)
        rows.append(Row(f"Bernoulli, BL {bl}", reference, "rms"))
        for source in (Source.HAMMERSLEY, Source.LFSR, Source.LFSR_PER_LINE):
            draw = partial(drawn, Generators(config, SEED_RESET), source, bl)
            value = error(lambda x, d, draw=draw: draw((x, d)), bl)
            rows.append(Row(f"{source.label}, BL {bl}", value, "rms", reference, value / reference))
    report("coincidence", rows)


if __name__ == "__main__":
    main()
