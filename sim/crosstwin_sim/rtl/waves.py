"""Recorded pins of the RTL in the form in which the golden model shows its own."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from crosstwin_model.config import ControllerConfig
from crosstwin_model.observe import Pins


def decode(config: ControllerConfig, records: Iterable[NDArray[np.uint64]], origin: int) -> list[tuple[int, Pins]]:
    """Return the changes from the command's CHECK on, in which ``busy`` rises, as (clock cycle - origin, pins).

    Parameters
    ----------
    config : ControllerConfig
        Gives the number of lines.
    records : uint64 arrays, shape (changes, 2 + words)
        What the shim recorded: clock cycle, control pins as packed by ``control`` in pins.hpp, then row_pos, row_neg, column_pos,
        column_neg in words of 64 lines.
    origin : int
        The operation's cycle 0, the one after CHECK.
    """
    row_words, column_words = (config.rows + 63) // 64, (config.columns + 63) // 64
    edges = np.cumsum([2, row_words, row_words, column_words, column_words]).tolist()
    changes: list[tuple[int, Pins]] = []
    for part in records:
        for entry in part[part[:, 0] >= origin - 1].tolist():
            row_pos, row_neg, column_pos, column_neg = (_whole(entry[start:end]) for start, end in pairwise(edges))
            control = entry[1]
            pins = Pins(
                row_pos=row_pos,
                row_neg=row_neg,
                column_pos=column_pos,
                column_neg=column_neg,
                read_level=control & 1,
                sense_rows=control >> 1 & 1,
                sense_columns=control >> 2 & 1,
                tile=control >> 8 & 15,
                differential=control >> 3 & 1,
                gain=control >> 12 & 15,
                adc_sample=control >> 4 & 1,
                adc_ready=control >> 16 & 1,
                slot=control >> 5 & 1,
                quadrant=control >> 6 & 3,
                busy=control >> 17 & 1,
                fault=control >> 18 & 1,
                irq=control >> 19 & 1,
            )
            changes.append((entry[0] - origin, pins))
    return changes


def _whole(words: list[int]) -> int:
    return sum(word << 64 * index for index, word in enumerate(words))
