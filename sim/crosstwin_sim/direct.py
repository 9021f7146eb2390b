"""A crossbar without its controller: from floats to conductances, or to the outputs of a read, in one compiled call."""

from __future__ import annotations

from typing import NoReturn

import numpy as np
import numpy.typing as npt

from crosstwin_model.config import Source
from crosstwin_model.crew import ASLEEP, REFUSED
from crosstwin_model.numbers import float_array, positive, whole_number
from crosstwin_model.plant import Plant
from crosstwin_model.registers import SEED_BITS, SEED_RESET, TileKind

from .crossbar import PulseSettings, ReadSettings
from .direct_kernels import NOTHING, read, update
from .scaling import Converters, Floats, adc_step, vector

_READS = ReadSettings()


class DirectCrossbar:
    """Tile C of one pair of the golden model's plant, less its reference, driven without the controller.

    :meth:`update`, :meth:`forward` and :meth:`backward` give the bits that those of :class:`crosstwin_sim.crossbar.Crossbar` give
    on the back end ``model``, from the same seeds and the same plant, in one compiled call each. What only a controller has is
    left out: registers, clock cycles, counters, waveforms, transfers and the emergency stop.

    Parameters
    ----------
    plant : Plant
        The array; its threads share large updates and reads.
    pair : int
        Tile pair.
    pulses : PulseSettings
        How updates are pulsed; the source is ``hammersley``.
    reads : ReadSettings
        How reads are taken; there is no bound management.
    seeds : pair of int
        States of the shared LFSRs of rows and of columns, as SEED_X and SEED_D set them; not 0.

    Raises
    ------
    ValueError
        If the plant counts half-selects or has lines with resistance, or a setting is not as said; the sentence says what is
        allowed.
    """

    def __init__(
        self,
        plant: Plant,
        pair: int = 0,
        *,
        pulses: PulseSettings,
        reads: ReadSettings = _READS,
        seeds: tuple[int, int] = SEED_RESET,
    ) -> None:
        config = plant.controller
        if plant.config.half_select is not None or plant.config.lines is not None:
            raise ValueError(
                "the plant has half-selects or lines with resistance, which a DirectCrossbar leaves out; a Crossbar drives it"
            )
        if pulses.source is not Source.HAMMERSLEY:
            raise ValueError(f"the source is {pulses.source.label}; a DirectCrossbar has hammersley")
        bl_max = config.bl_max if pulses.bl_max is None else pulses.bl_max
        for name, value, low, high in (
            ("pair", pair, 0, config.pairs - 1),
            ("bl_max", bl_max, 1, config.bl_max),
            ("bl_min", pulses.bl_min, 1, bl_max),
            ("window", reads.window, 1, config.code_max),
            ("forward_gain", reads.forward_gain, 0, 15),
            ("backward_gain", reads.backward_gain, 0, 15),
            ("bound_steps", reads.bound_steps, 0, 0),
        ):
            whole_number(name, value, low, high)
        for name, seed, bits in zip(("x", "d"), seeds, SEED_BITS, strict=True):
            whole_number(f"the seed of {name}", seed, 1, (1 << bits) - 1)
        self.plant, self.pulses, self.reads = plant, pulses, reads
        self._pair = pair
        self._rows, self._columns = config.rows, config.columns
        self._tile, self._reference = plant.tile(4 * pair + TileKind.C), plant.tile(4 * pair + TileKind.C_REF)
        self._ages = plant.ages
        settings = (reads.window, pulses.bl_min, bl_max, config.full_scale_max, config.code_bits)
        step = _bits(positive("step", pulses.step))
        self._update_plan = np.array([*plant.pulse_plan(self._tile), *seeds, *settings, step], np.int64)
        converters = Converters(plant.config.input_full_scale, plant.config.adc_range)
        self._plans = [[self._read_plan(forward, touched, converters) for touched in (False, True)] for forward in (False, True)]

    def _read_plan(self, forward: bool, touched: bool, converters: Converters) -> npt.NDArray[np.int64]:
        """Return the plan of a read, with the reference if that has ever been changed."""
        plant, window = self.plant, self.reads.window
        gain = self.reads.forward_gain if forward else self.reads.backward_gain
        step = converters.input_full_scale / window * adc_step(converters, plant.controller.adc_max, gain)
        return np.array([*plant.reads.plan(self._tile, touched, forward, gain), window, _bits(step)], np.int64)

    def forward(self, x: npt.ArrayLike) -> Floats:
        """Return x W: float64[columns] outputs of real numbers [rows]."""
        return self._read(x, True, np.empty(self._columns))

    def backward(self, d: npt.ArrayLike) -> Floats:
        """Return W d: float64[rows] outputs of real numbers [columns]."""
        return self._read(d, False, np.empty(self._rows))

    def update(self, x: npt.ArrayLike, d: npt.ArrayLike, rate: float) -> None:
        """Add rate * x d^T on average, all cells at once, with pulses; the time of one update passes on devices that age.

        Raises
        ------
        ValueError
            If a vector has another length or its numbers are not finite real ones, or the rate is not above 0.
        """
        rate = positive("rate", rate)
        vectors = float_array("x", x, (self._rows,)), float_array("d", d, (self._columns,))
        found = update(self._update_plan, *vectors, rate, False)
        if found == NOTHING:
            return
        if found == REFUSED:
            vector("x", x, self._rows), vector("d", d, self._columns)  # one of them says why
        elif found == ASLEEP:
            assert self.plant.crew is not None
            self.plant.crew.wake()
            update(self._update_plan, *vectors, rate, True)
        self._tile.touched = True
        if self._ages:
            self.plant.elapse(self._pair)

    def __reduce__(self) -> NoReturn:
        """Refuse to be copied or pickled."""
        raise TypeError("a DirectCrossbar holds addresses of its plant's arrays; make another one for a copy of the plant")

    def _read(self, values: npt.ArrayLike, forward: bool, outputs: Floats) -> Floats:
        plan = self._plans[forward][self._reference.touched]
        name, length = ("x", self._rows) if forward else ("d", self._columns)
        array = float_array(name, values, (length,))
        found = read(plan, array, outputs, False)
        if found == REFUSED:
            vector(name, array, length)  # says why
        elif found == ASLEEP:
            assert self.plant.crew is not None
            self.plant.crew.wake()
            read(plan, array, outputs, True)
        return outputs


def _bits(value: float) -> int:
    """Return the bits of a float64 as a whole number of 64 bits."""
    return int(np.float64(value).view(np.int64))
