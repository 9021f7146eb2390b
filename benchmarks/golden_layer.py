"""A square layer on the golden model, driven at three levels, for the benches of its speed.

- ``cells``: pulse words, made beforehand, applied to the cells (:meth:`crosstwin_model.plant.Plant.update`), or one read of them.
- ``direct``: from the float vectors on (:class:`crosstwin_sim.direct.DirectCrossbar`): scaling, codes, the slots in which each
  line fires, all quadrants applied; of a read, the scaling, the codes, the read, and the floats that its codes mean. This is what
  the peer's tile does in its ``update`` and ``forward``.
- ``host``: the whole host program, with the registers and the clock cycles of the controller.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from peer.vectors import RING, pair

from crosstwin_model.coincidence import coincidences
from crosstwin_model.config import ControllerConfig, Source
from crosstwin_model.devices.soft_bounds import SoftBounds
from crosstwin_model.engine import Generators, Words
from crosstwin_model.plant import Plant, PlantConfig
from crosstwin_model.registers import SEED_RESET
from crosstwin_sim.crossbar import Crossbar, PulseSettings
from crosstwin_sim.direct import DirectCrossbar
from crosstwin_sim.model_backend import ModelBackend
from crosstwin_sim.scaling import Floats, plan_update, to_codes, vector

#: The device of the comparison, on both sides: bounds +-.6, every spread .3, no difference of up and down.
DEVICE = SoftBounds("bench", 0.001, dw_min_spread=0.3, c2c=0.3, w_max=0.6, w_min=-0.6, w_max_spread=0.3, w_min_spread=0.3)
#: The same in the peer's words.
PEER_DEVICE: dict[str, Any] = {
    "dw_min": 0.001,
    "dw_min_dtod": 0.3,
    "dw_min_std": 0.3,
    "up_down_dtod": 0.0,
    "w_max": 0.6,
    "w_min": -0.6,
    "w_max_dtod": 0.3,
    "w_min_dtod": 0.3,
    "mult_noise": True,
}
RATE = 0.01
BL = 31
SEED = 1
#: Largest code of an input, 7 bits with its sign, and the largest of the 9-bit ADC.
WINDOW = 63
ADC_RANGE = 12.0


#: Lines that the windows of a controller's bus have room for.
LARGEST_CONTROLLER = 2048


class AnySize(ControllerConfig):
    """The size of an array beyond what a controller's bus takes: the plant and the pulse engine have no such limit."""

    def __post_init__(self) -> None:
        """Allow every size."""


class Trains(NamedTuple):
    """An update's pulse trains: the sign of each line, int8[lines], and the slots in which it fires, uint64[1, lines, words]."""

    x_signs: NDArray[np.int8]
    d_signs: NDArray[np.int8]
    row_words: Words
    column_words: Words


class GoldenLayer:
    """One tile pair of ``lines`` x ``lines`` cells and its ring of vectors.

    Parameters
    ----------
    lines : int
        Rows, and columns; beyond 2048 there is no level ``host``.
    kind : str
        Kind of vectors, see :func:`peer.vectors.pair`.
    threads : int
        Threads of the plant.
    """

    def __init__(self, lines: int, kind: str, threads: int = 1) -> None:
        config = (ControllerConfig if lines <= LARGEST_CONTROLLER else AnySize)("bench", lines, lines, adc_lanes=16)
        self.plant = Plant(config, PlantConfig(device=DEVICE, seed=SEED, adc_range=ADC_RANGE, initial=0.3), threads)
        pulses = PulseSettings(DEVICE.dw_min, bl_max=BL)
        self.direct = DirectCrossbar(self.plant, pulses=pulses)
        if lines <= LARGEST_CONTROLLER:
            self._backend = ModelBackend(config, self.plant)
            self.crossbar = Crossbar(self._backend, pulses=pulses)
        self._config = config
        self._lines = lines
        self._generators = Generators(config, SEED_RESET)
        x, d = pair(kind, lines, SEED)
        self._ring = list(zip(x, d, strict=True))
        self._next = 0
        x_ring, d_ring = ([(side,) for side in sides] for sides in (x, d))
        x_reads, d_reads = (
            [(0, False, forward, to_codes(v, float(np.abs(v).max()), WINDOW).astype(np.int32), 0, lines) for v in side]
            for forward, side in ((True, x), (False, d))
        )
        self._actions: dict[str, tuple[Callable[..., object], list[tuple[Any, ...]]]] = {
            "cells forward": (self.plant.read, x_reads),
            "cells backward": (self.plant.read, d_reads),
            "direct update": (self.direct.update, [(x, d, RATE) for x, d in self._ring]),
            "direct forward": (self.direct.forward, x_ring),
            "direct backward": (self.direct.backward, d_ring),
        }
        if lines <= LARGEST_CONTROLLER:
            self._actions["host update"] = (self.crossbar.update, [(x, d, RATE) for x, d in self._ring])
            self._actions["host forward"] = (self.crossbar.forward, x_ring)
            self._actions["host backward"] = (self.crossbar.backward, d_ring)

    def run(self, action: str, count: int, clock: Callable[[], float] = time.process_time) -> float:
        """Do an action, ``LEVEL update``, ``LEVEL forward`` or ``LEVEL backward``, that many times; return the seconds it took.

        Every time takes the next vectors of the ring. ``clock`` is by default this process's processor time.
        """
        if action == "cells update" and action not in self._actions:
            self._actions[action] = (self.plant.update, [(0, *self.trains(x, d)) for x, d in self._ring])
        act, vectors = self._actions[action]
        order = [vectors[index % RING] for index in range(self._next, self._next + count)]
        self._next += count
        start = clock()
        for arguments in order:
            act(*arguments)
        return clock() - start

    def rewind(self) -> None:
        """Begin again with the first vectors of the ring."""
        self._next = 0

    def trains(self, x: Floats, d: Floats) -> Trains:
        """Return the pulse trains of an update."""
        (x, x_peak), (d, d_peak) = vector("x", x, self._lines), vector("d", d, self._lines)
        plan = plan_update(RATE * x_peak * d_peak / DEVICE.dw_min, WINDOW, 1, BL, self._config.full_scale_max)
        codes = (to_codes(x, x_peak, plan.x_top), to_codes(d, d_peak, plan.d_top))
        self._generators.draw_masks()
        scales = (plan.x_full_scale, plan.d_full_scale)
        x_signs, d_signs, rows, columns = self._generators.trains(Source.HAMMERSLEY, plan.bl, plan.bl, codes, scales)
        return Trains(x_signs, d_signs, rows[None], columns[None])

    def coincidences(self) -> float:
        """Return the mean number of pulses of a cell in an update, over four turns of the ring."""
        made = [self.trains(x, d) for x, d in 4 * self._ring]
        return float(sum(coincidences(trains.row_words[0], trains.column_words[0]).mean() for trains in made)) / len(made)
