"""The plant: everything analog that a controller drives, namely tiles, line drivers and converters.

The same plant is driven by the golden model's operations and by the pins of the real RTL; it gives the same bits for the same
pulses and reads, however they are grouped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from crosstwin_model import kernels
from crosstwin_model.coincidence import Words, words_for
from crosstwin_model.config import ControllerConfig
from crosstwin_model.devices.base import DOWN, UP, CellDraws
from crosstwin_model.noise import NORMAL, Purpose, draw_bits, stream
from crosstwin_model.plant_config import PlantConfig

__all__ = ["Plant", "PlantConfig"]


class _Tile:
    """State, parameters and keys of one crosspoint array; its arrays are views of the plant's."""

    def __init__(self, number: int, controller: ControllerConfig, config: PlantConfig, w: Any, pulses: Any) -> None:
        self.w = w
        self.pulses = pulses
        self.flat_w = w.reshape(-1)
        self.flat_pulses = pulses.reshape(-1)
        cells = controller.rows * controller.columns
        self.planes = config.device.planes(CellDraws(config.seed, number, cells))
        self.directions = (self.planes[DOWN], self.planes[UP])
        self.pulse_keys = stream(config.seed, Purpose.PULSE, number)
        self.adc_keys = stream(config.seed, Purpose.ADC, number)
        self.dac_keys = stream(config.seed, Purpose.DAC, number)
        if config.initial and number & 2 == 0:
            keys = stream(config.seed, Purpose.INITIAL, number)
            uniform = (draw_bits(keys, np.arange(cells), 0).astype(np.float64) + 0.5) / 2.0**31 - 1.0
            self.set(config.initial * uniform)

    def set(self, values: npt.NDArray[np.float64]) -> None:
        """Take conductances [cells], cut to the bounds."""
        np.clip(values.astype(np.float32), self.planes[UP, 0], self.planes[UP, 1], out=self.flat_w)


class Plant:
    """Tiles, drivers and converters beside one controller.

    Tiles are numbered 4 x pair + kind (0 C, 1 A, 2 reference of C, 3 reference of A) and are all of the same kind of device.

    Parameters
    ----------
    controller : ControllerConfig
        Gives rows, columns, pairs and the width of ADC codes.
    config : PlantConfig
        The analog side.
    """

    def __init__(self, controller: ControllerConfig, config: PlantConfig) -> None:
        self.controller = controller
        self.config = config
        shape = (controller.tiles, controller.rows, controller.columns)
        self._w = np.zeros(shape, np.float32)
        self._pulses = np.zeros(shape, np.uint32)
        self._nothing = np.zeros(shape[1:], np.float32)
        self._tiles = [
            _Tile(number, controller, config, self._w[number], self._pulses[number]) for number in range(controller.tiles)
        ]
        self._reads = 0
        self._stall_keys = stream(config.seed, Purpose.STALL)
        self._kernels = kernels.kernels(config.device)
        self._shape = config.device.shape()
        self._shapes = (self._shape[DOWN], self._shape[UP])
        self._c2c = np.float32(config.device.c2c)
        self._table = NORMAL.copy()
        self._scale = controller.adc_max / (config.adc_range * config.input_full_scale * kernels.GRID * kernels.CHARGE_GRID)
        self._adc_noise = config.adc_noise * controller.adc_max / config.adc_range
        self._mask_words = (words_for(controller.rows), words_for(controller.columns))

    def pulse(self, tile: int, up: bool, row_words: Words, column_words: Words) -> None:
        """Apply one group of slots, all in one direction: popcount(row_words[i] & column_words[j]) pulses on cell (i, j).

        Parameters
        ----------
        tile : int
            Number of the tile.
        up : bool
            Whether conductances go up.
        row_words, column_words : uint64[rows, words], uint64[columns, words]
            Bit k % 64 of word k // 64 of a line: it fires in slot k.

        Raises
        ------
        ValueError
            If the tile does not exist or an array has another shape or type.
        """
        cells = self._tile(tile)
        words = row_words.shape[-1]
        row_words = _words("row_words", row_words, (self.controller.rows, words))
        column_words = _words("column_words", column_words, (self.controller.columns, words))
        self._kernels.pulse(
            cells.flat_w,
            cells.flat_pulses,
            cells.directions[bool(up)],
            self._shapes[bool(up)],
            self._table,
            cells.pulse_keys,
            self._c2c,
            row_words,
            column_words,
        )

    def pulse_slots(self, tile: int, up: npt.NDArray[np.bool_], row_masks: Words, column_masks: Words) -> None:
        """Apply slots in order, each in its own direction; the same bits as :meth:`pulse` for the same pulses.

        Parameters
        ----------
        tile : int
            Number of the tile.
        up : bool[slots]
            Whether the slot's pulses go up.
        row_masks, column_masks : uint64[slots, ceil(rows / 64)], uint64[slots, ceil(columns / 64)]
            Bit i % 64 of word i // 64 of a slot: line i fires in it.

        Raises
        ------
        ValueError
            If the tile does not exist, an array has another shape or type, or a line fires that does not exist.
        """
        cells = self._tile(tile)
        directions = np.ascontiguousarray(up, dtype=np.bool_)
        if not directions.flags.writeable:
            directions = directions.copy()
        row_masks = _words("row_masks", row_masks, (directions.size, self._mask_words[0]))
        column_masks = _words("column_masks", column_masks, (directions.size, self._mask_words[1]))
        if not self._kernels.pulse_slots(
            cells.flat_w,
            cells.flat_pulses,
            cells.planes,
            self._shape,
            self._table,
            cells.pulse_keys,
            self._c2c,
            directions,
            row_masks,
            column_masks,
            self.controller.rows,
            self.controller.columns,
        ):
            raise ValueError(
                f"a mask fires a line that does not exist; allowed are rows below {self.controller.rows} "
                f"and columns below {self.controller.columns}"
            )

    def read(
        self, tile: int, differential: bool, forward: bool, charge: npt.NDArray[np.int32], gain: int, count: int
    ) -> npt.NDArray[np.int32]:
        """Make one read: sample all sensed lines and convert the first ``count`` of them.

        Parameters
        ----------
        tile : int
            Number of the tile.
        differential : bool
            Whether its reference tile, ``tile + 2``, is subtracted.
        forward : bool
            Rows are driven and columns sensed; else the other way round.
        charge : int32[rows or columns]
            Clock cycles at which each driven line was at read level, positive minus negative; at most 65535 in size.
        gain : int
            Analog gain before the ADC, as a power of two, 0 to 15.
        count : int
            How many sensed lines are converted, 1 to all.

        Returns
        -------
        int32[count]
            ADC codes, within +-adc_max.

        Raises
        ------
        ValueError
            If an argument is not as said.
        """
        cells = self._tile(tile)
        if differential and tile & 2:
            raise ValueError(f"tile {tile} is a reference; allowed in a differential read are tiles of kind 0 and 1")
        driven, sensed = (self._w.shape[1], self._w.shape[2]) if forward else (self._w.shape[2], self._w.shape[1])
        if charge.shape != (driven,) or charge.dtype != np.int32:
            raise ValueError(f"charge is {charge.dtype}{list(charge.shape)}; allowed is int32[{driven}]")
        if not (charge.flags.c_contiguous and charge.flags.writeable):
            charge = charge.copy()
        if not 1 <= count <= sensed:
            raise ValueError(f"count is {count}; allowed are whole numbers from 1 to {sensed}")
        if not 0 <= gain <= 15:
            raise ValueError(f"gain is {gain}; allowed are whole numbers from 0 to 15")
        codes = np.empty(count, np.int32)
        if not kernels.read(
            cells.w,
            self._w[tile + 2] if differential else self._nothing,
            bool(forward),
            charge,
            self._table,
            cells.dac_keys,
            float(self.config.dac_noise),
            cells.adc_keys,
            self._adc_noise,
            self._scale * (1 << gain),
            float(self.controller.adc_max),
            self._reads,
            codes,
        ):
            largest = charge[np.abs(charge.astype(np.int64)).argmax()]
            raise ValueError(f"charge holds {largest}; allowed are whole numbers within +-{kernels.CHARGE_MAX}")
        self._reads = (self._reads + 1) & 0xFFFFFFFF
        return codes

    def delays(self, beats: int) -> npt.NDArray[np.int32]:
        """Return, for the read last made, the clock cycles from the sample or the beat before to each of its beats.

        Returns
        -------
        int32[beats], each at least 1
        """
        delays = np.full(beats, self.config.adc_interval, np.int32)
        delays[:1] = self.config.adc_latency
        if self.config.adc_stall:
            number = (self._reads - 1) & 0xFFFFFFFF
            delays += (draw_bits(self._stall_keys, np.arange(beats), number) % np.uint32(self.config.adc_stall + 1)).astype(
                np.int32
            )
        return delays

    def conductance(self, tile: int) -> npt.NDArray[np.float32]:
        """Return a copy of a tile's conductances, float32[rows, columns]."""
        return self._tile(tile).w.copy()  # type: ignore[no-any-return]

    def weights(self, tile: int) -> npt.NDArray[np.float64]:
        """Return the weights of a C or A tile, its conductances minus its reference's, float64[rows, columns], exactly."""
        if tile & 2:
            raise ValueError(f"tile {tile} is a reference; allowed are tiles of kind 0 and 1")
        weights: npt.NDArray[np.float64] = self._tile(tile).w.astype(np.float64) - self._w[tile + 2]
        return weights

    def set_conductance(self, tile: int, values: npt.ArrayLike) -> None:
        """Set a tile's conductances at once, which no hardware can do; they are cut to each cell's bounds.

        Raises
        ------
        ValueError
            If the values are not [rows, columns] of finite numbers.
        """
        array = np.asarray(values, np.float64)
        if array.shape != self._w.shape[1:]:
            raise ValueError(f"values have the shape {list(array.shape)}; allowed is {list(self._w.shape[1:])}")
        if not np.isfinite(array).all():
            raise ValueError("values hold a number that is not finite; allowed are finite numbers")
        self._tile(tile).set(array.reshape(-1))

    def bounds(self, tile: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return the lowest and the highest conductance of every cell, float32[rows, columns] each."""
        planes = self._tile(tile).planes.reshape(2, -1, *self._w.shape[1:])
        return planes[UP, 0].copy(), planes[UP, 1].copy()

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return all that changes, for a checkpoint: conductances, pulse counters and the number of reads."""
        return {"conductance": self._w.copy(), "pulses": self._pulses.copy(), "reads": np.array(self._reads, np.uint32)}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take over what :meth:`state` returned on a plant of the same configuration.

        Raises
        ------
        ValueError
            If an array is missing or has another shape or type; nothing is changed then.
        """
        for key, like in self.state().items():
            if key not in state:
                raise ValueError(f"the state lacks {key!r}; allowed are states of a plant of the same size")
            found = state[key]
            if found.shape != like.shape or found.dtype != like.dtype:
                raise ValueError(
                    f"the state's {key} is {found.dtype}{list(found.shape)}; "
                    f"allowed in this plant is {like.dtype}{list(like.shape)}"
                )
        self._w[...] = state["conductance"]
        self._pulses[...] = state["pulses"]
        self._reads = int(state["reads"])

    def digest(self) -> str:
        """Return the SHA-256, in hexadecimal, of all conductances: tile by tile, row by row, float32, lowest byte first."""
        return hashlib.sha256(self._w.astype("<f4").tobytes()).hexdigest()

    def _tile(self, tile: int) -> _Tile:
        if not 0 <= tile < len(self._tiles):
            raise ValueError(f"there is no tile {tile}; allowed are whole numbers from 0 to {len(self._tiles) - 1}")
        return self._tiles[tile]


def _words(name: str, words: Words, shape: tuple[int, int]) -> Words:
    if words.shape != shape or words.dtype != np.uint64:
        raise ValueError(f"{name} is {words.dtype}{list(words.shape)}; allowed is uint64{list(shape)}")
    if words.flags.c_contiguous and words.flags.writeable:
        return words
    return words.copy()
