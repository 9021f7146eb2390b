"""The emulated array in whole numbers: the twin of the block in fabric, used in place of a plant."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from crosstwin_model import emulated_kernels
from crosstwin_model.coincidence import Words
from crosstwin_model.config import ControllerConfig
from crosstwin_model.emulated_cells import GOLDEN, Stream, cell_codes, stream_key
from crosstwin_model.emulated_config import CHARGE_MAX, NOISE_FRACTION, SLOPE_FRACTION, EmulatedConfig
from crosstwin_model.numbers import real_array, whole_array, whole_number
from crosstwin_model.slots import direction_runs, line_words
from crosstwin_model.trains import Signs, group_trains, slot_trains, update_trains

__all__ = ["EmulatedConfig", "EmulatedPlant"]

_MASK = 0xFFFFFFFF


class EmulatedPlant:
    """An array of soft-bounds cells in fixed point, with the methods of :class:`crosstwin_model.plant.Plant`.

    Tiles are numbered 4 x pair + kind (0 C, 1 A, 2 reference of C, 3 reference of A). All cells begin at 0.

    Parameters
    ----------
    controller : ControllerConfig
        Gives rows, columns, pairs and the width of ADC codes.
    config : EmulatedConfig
        The array.

    Raises
    ------
    ConfigurationError
        If the array is too large.
    """

    #: Whether conductances change with time.
    ages = False

    def __init__(self, controller: ControllerConfig, config: EmulatedConfig) -> None:
        self.controller = controller
        self.config = config
        shape = (controller.tiles, controller.rows, controller.columns)
        codes = np.array(cell_codes(config, controller), np.int32).reshape(*shape, 4)
        self._cells = np.empty_like(codes)
        for k, (levels, sign) in enumerate(
            ((config.slope_up, 1), (config.slope_down, 1), (config.high, 1), (config.low, -1)),
        ):
            self._cells[..., k] = sign * (levels.base + (codes[..., k] << levels.shift))
        self._state = np.zeros(shape, np.int32)
        self._nothing = np.zeros((0, 0), np.int32)
        self._slots = self._reads = 0
        self._keys = tuple(stream_key(config.seed, stream) for stream in (Stream.PULSE, Stream.ADC))
        shift = SLOPE_FRACTION - config.step_shift + NOISE_FRACTION
        self._factors = np.array([config.step_shift, shift, config.noise_factor], np.int64)
        scale = config.adc_scale(controller.adc_max)
        self._scale = np.array([scale.shift, scale.factor, scale.noise_factor, scale.fraction, controller.adc_max], np.int64)
        self._stride = config.groups(controller) * config.lanes
        self._lines = (controller.rows, controller.columns)
        self._plus = (np.ones(shape[1], np.int8), np.ones(shape[2], np.int8), np.full(shape[2], -1, np.int8))
        self._latency = config.read_latency(controller, True, False)

    def pulse(self, tile: int, up: bool, row_words: npt.ArrayLike, column_words: npt.ArrayLike) -> None:
        """Apply one group of slots, all in one direction: popcount(row_words[i] & column_words[j]) pulses on cell (i, j).

        Parameters, here and in :meth:`update` and :meth:`pulse_slots`, are those of :class:`crosstwin_model.plant.Plant`.
        """
        rows, columns = group_trains(self._lines, row_words, column_words)
        x, d_plus, d_minus = self._plus
        self._run(tile, x, d_plus if up else d_minus, rows[None], columns[None])

    def update(
        self, tile: int, x_signs: npt.ArrayLike, d_signs: npt.ArrayLike, row_words: npt.ArrayLike, column_words: npt.ArrayLike
    ) -> None:
        """Apply the quadrants of an update at once: cell (i, j) goes up where the signs of its lines are equal, else down."""
        self._run(tile, *update_trains(self._lines, x_signs, d_signs, row_words, column_words))

    def pulse_slots(self, tile: int, up: npt.ArrayLike, row_masks: npt.ArrayLike, column_masks: npt.ArrayLike) -> None:
        """Apply slots in order, each in its own direction; the same bits as :meth:`pulse` for the same pulses."""
        self._tile(tile)
        directions, *masks = slot_trains(self._lines, up, row_masks, column_masks)
        for first, last in direction_runs(directions):
            words = (line_words(side, first, last, lines) for side, lines in zip(masks, self._lines, strict=True))
            self.pulse(tile, bool(directions[first]), *words)

    def read(
        self, tile: int, differential: bool, forward: bool, charge: npt.ArrayLike, gain: int, count: int
    ) -> npt.NDArray[np.int32]:
        """Make one read: sample all sensed lines and convert the first ``count`` of them.

        Parameters and result are those of :meth:`crosstwin_model.plant.Plant.read`, but charges are at most 255 in size.
        """
        state = self._tile(tile)
        if differential and tile & 2:
            raise ValueError(f"tile {tile} is a reference; allowed in a differential read are tiles of kind 0 and 1")
        driven, sensed = state.shape if forward else state.shape[::-1]
        charges = whole_array("charge", charge, (driven,), np.int32)
        count = whole_number("count", count, 1, sensed)
        gain = whole_number("gain", gain, 0, 15)
        if max(charges.max(), -charges.min()) > CHARGE_MAX:
            largest = charges[np.abs(charges.astype(np.int64)).argmax()]
            raise ValueError(
                f"charge holds {largest}; the emulated array allows whole numbers within +-{CHARGE_MAX}: "
                "a shorter read window or tick"
            )
        codes = np.empty(count, np.int32)
        reference = self._state[tile | 2] if differential else self._nothing
        key = np.uint32((self._keys[1] + self._reads * GOLDEN) & _MASK)
        emulated_kernels.read(state, reference, bool(forward), charges, gain, self._scale, key, codes)
        self._reads = (self._reads + 1) & _MASK
        self._latency = self.config.read_latency(self.controller, bool(forward), bool(differential))
        return codes

    def delays(self, beats: int) -> npt.NDArray[np.int32]:
        """Return, for the read last made, the clock cycles from the sample or the beat before to each of its beats."""
        delays = np.ones(beats, np.int32)
        delays[:1] = self._latency
        return delays

    def elapse(self, pair: int, updates: int = 1) -> None:
        """Do nothing: emulated cells do not age."""

    def conductance(self, tile: int) -> npt.NDArray[np.float32]:
        """Return a tile's conductances, float32[rows, columns], exactly."""
        return self._floats(self._tile(tile))

    def weights(self, tile: int) -> npt.NDArray[np.float64]:
        """Return the weights of a C or A tile, its conductances minus its reference's, float64[rows, columns], exactly."""
        if tile & 2:
            raise ValueError(f"tile {tile} is a reference; allowed are tiles of kind 0 and 1")
        weights: npt.NDArray[np.float64] = (self._tile(tile) - self._state[tile + 2]) * self.config.unit
        return weights

    def set_conductance(self, tile: int, values: npt.ArrayLike) -> None:
        """Set a tile's conductances at once, rounded to units and cut to each cell's bounds.

        Raises
        ------
        ValueError
            If the values are not finite real numbers [rows, columns].
        """
        state = self._tile(tile)
        array = real_array("values", values, self._lines)
        cells = self._cells[tile]
        state[...] = np.clip(np.rint(array / self.config.unit), cells[..., 3], cells[..., 2])

    def bounds(self, tile: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return the lowest and the highest conductance of every cell, float32[rows, columns] each."""
        self._tile(tile)
        return self._floats(self._cells[tile, ..., 3]), self._floats(self._cells[tile, ..., 2])

    def resting_points(self, tile: int) -> npt.NDArray[np.float64]:
        """Return the conductances at which alternating pulses bring the cells to rest, float64[rows, columns]."""
        self._tile(tile)
        up, down, high, low = np.moveaxis(self._cells[tile].astype(np.float64), -1, 0)
        points: npt.NDArray[np.float64] = (up * high + down * low) / (up + down) * self.config.unit
        return points

    def slopes(self, tile: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return each cell's mean step over the distance to the bound, up and down, float64[rows, columns] each."""
        self._tile(tile)
        up, down = (self._cells[tile, ..., k] / float(1 << SLOPE_FRACTION) for k in (0, 1))
        return up, down

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return all that changes: states in units, and the numbers of slots and of reads so far."""
        return {
            "state": self._state.copy(),
            "slots": np.array(self._slots, np.uint32),
            "reads": np.array(self._reads, np.uint32),
        }

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take over what :meth:`state` returned on an array of the same configuration.

        Raises
        ------
        ValueError
            If an array is missing or has another shape or type; nothing is changed then.
        """
        for key, like in self.state().items():
            if key not in state:
                raise ValueError(f"the state lacks {key!r}; allowed are states of an emulated array of the same size")
            found = np.asarray(state[key])
            if found.shape != like.shape or found.dtype != like.dtype:
                raise ValueError(
                    f"the state's {key} is {found.dtype}{list(found.shape)}; "
                    f"allowed in this array is {like.dtype}{list(like.shape)}"
                )
        self._state[...] = state["state"]
        self._slots, self._reads = int(state["slots"]), int(state["reads"])

    def digest(self) -> str:
        """Return the SHA-256, in hexadecimal, of all conductances: tile by tile, row by row, float32, lowest byte first."""
        return hashlib.sha256(np.ascontiguousarray(self._floats(self._state), "<f4").data).hexdigest()

    def _run(self, tile: int, x_signs: Signs, d_signs: Signs, row_words: Words, column_words: Words) -> None:
        state = self._tile(tile)
        key = np.uint32((self._keys[0] + self._slots * GOLDEN) & _MASK)
        first = tile * state.shape[0] * self._stride
        slots = emulated_kernels.pulse(
            state, self._cells[tile], first, self._stride, key, self._factors, x_signs, d_signs, row_words, column_words
        )
        self._slots = (self._slots + int(slots)) & _MASK

    def _floats(self, state: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
        floats: npt.NDArray[np.float32] = state.astype(np.float32) * np.float32(self.config.unit)
        return floats

    def _tile(self, tile: int) -> npt.NDArray[np.int32]:
        state: npt.NDArray[np.int32] = self._state[whole_number("tile", tile, 0, self.controller.tiles - 1)]
        return state
