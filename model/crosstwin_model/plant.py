"""The plant: everything analog that a controller drives, namely tiles, line drivers and converters.

The same plant is driven by the golden model's operations and by the pins of the real RTL; it gives the same bits for the same
pulses and reads, however they are grouped, and on any number of threads.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from crosstwin_model.ageing import Ageing
from crosstwin_model.coincidence import Words
from crosstwin_model.config import ControllerConfig
from crosstwin_model.crew import ASLEEP, REFUSED, crew
from crosstwin_model.devices.cells import CellDraws
from crosstwin_model.grid import GRID, LIMIT, from_grid, to_grid
from crosstwin_model.half_select import HalfSelects
from crosstwin_model.memory import addresses, aligned_zeros
from crosstwin_model.noise import NORMAL
from crosstwin_model.numbers import real_array, whole_number
from crosstwin_model.plant_config import PlantConfig
from crosstwin_model.plant_reads import Reads
from crosstwin_model.pulse_jobs import apply
from crosstwin_model.pulse_kernels import pulse_part
from crosstwin_model.records import Layout
from crosstwin_model.slots import direction_runs, line_words
from crosstwin_model.tile import Tile
from crosstwin_model.trains import are_plain, group_trains, slot_trains, update_trains

__all__ = ["Plant", "PlantConfig"]

#: Coincidences from which on threads share an update.
_SHARED_HITS = 1024


class Plant:
    """Tiles, drivers and converters beside one controller.

    Tiles are numbered 4 x pair + kind (0 C, 1 A, 2 reference of C, 3 reference of A) and are all of the same kind of device.
    Methods convert arrays of any real type, memory layout and byte order whose numbers the type that they state can hold.

    Parameters
    ----------
    controller : ControllerConfig
        Gives rows, columns, pairs and the width of ADC codes.
    config : PlantConfig
        The analog side.
    threads : int
        Threads that share the rows of large updates and reads; the result is the same for any number. 1 to 64.

    Attributes
    ----------
    crew : Crew or None
        The helpers of its updates and reads, if there are several threads.
    reads : Reads
        Its converters.

    Raises
    ------
    ValueError
        If the number of threads is not as said.
    ConfigurationError
        If the device stands at its symmetry point and a cell that is not stuck has none.
    """

    def __init__(self, controller: ControllerConfig, config: PlantConfig, threads: int = 1) -> None:
        threads = whole_number("threads", threads, 1, 64)
        self.controller = controller
        self.config = config
        self._threads = threads
        self.crew = crew(threads) if threads > 1 else None
        device = config.device
        rows, columns = controller.rows, controller.columns
        cells = (controller.tiles, rows, columns)
        self._w = aligned_zeros(math.prod(cells), np.int32).reshape(cells)  # in multiples of 1 / GRID
        planes = device.cell_planes(CellDraws(config.seed, 0, 1)).shape[1]
        derive = type(device).derive
        layout = Layout(device, planes - (derive is not None))
        factors = None if config.lines is None else config.lines.pulse_factors(rows, columns)
        self._tiles = [Tile(number, config.seed, device, self._w[number], layout, factors) for number in range(controller.tiles)]
        self.reads = Reads(controller, config, self._tiles, self.crew)
        self._part = pulse_part(device.pulse_step, derive, layout.state, layout.words, planes)
        self._shape = device.cell_shape()
        self._scales = np.array([device.c2c, device.write_noise * device.dw_min], np.float32)
        self._table = NORMAL.copy()
        self._lines = (rows, columns)
        self._plus = (np.ones(rows, np.int8), np.ones(columns, np.int8), np.full(columns, -1, np.int8))
        self._half_selects = (
            None if config.half_select is None else HalfSelects(device, layout, config.half_select, self._w.shape)
        )
        self._ageing = Ageing(device, self._tiles)
        for tile in self._tiles:
            self._begin(tile)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle it by what it is made of, as its plans hold addresses of its own arrays."""
        return _restored, (self.controller, self.config, self._threads, self.state())

    @property
    def ages(self) -> bool:
        """Whether conductances change with time, so that :meth:`elapse` does something."""
        return self._ageing.ages

    def _begin(self, tile: Tile) -> None:
        """Give a tile its first conductances."""
        device, reference = self.config.device, bool(tile.number & 2)
        partner = self._tiles[tile.number & ~2]
        values = partner.symmetry_points() if device.at_symmetry_point else None
        if reference and device.reference_spread:
            values = tile.reference_errors() + (0.0 if values is None else values)
        if not reference and self.config.initial:
            values = self.config.initial * tile.uniform() + (0.0 if values is None else values)
        if values is not None:
            tile.set(values)
        elif device.stuck:
            tile.set(np.zeros(tile.flat_w.size))

    def pulse(self, tile: int, up: bool, row_words: npt.ArrayLike, column_words: npt.ArrayLike) -> None:
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
            If the tile does not exist, or an array has another shape or numbers that are no words.
        """
        self._pulse(self.tile(tile), bool(up), *group_trains(self._lines, row_words, column_words))

    def update(
        self, tile: int, x_signs: npt.ArrayLike, d_signs: npt.ArrayLike, row_words: npt.ArrayLike, column_words: npt.ArrayLike
    ) -> None:
        """Apply the quadrants of an update at once: cell (i, j) goes up where the signs of its lines are equal, else down.

        It is the same as one :meth:`pulse` for each of the four quadrants, in which only the lines of its signs fire.

        Parameters
        ----------
        tile : int
            Number of the tile.
        x_signs, d_signs : int8[rows], int8[columns]
            1, -1, or 0 for a line that does not fire.
        row_words : uint64[1 or 2, rows, words]
            Slots in which each row fires, where there are two in the quadrants of d > 0 and of d < 0.
        column_words : uint64[1 or 2, columns, words]
            Slots in which each column fires, where there are two in the quadrants of x > 0 and of x < 0.

        Raises
        ------
        ValueError
            If the tile does not exist, or an array has another shape or numbers than these.
        """
        cells = self.tile(tile)
        if self._half_selects is None:
            self._run(cells, x_signs, d_signs, row_words, column_words)
            return
        of_x, of_d, rows, columns = update_trains(self._lines, x_signs, d_signs, row_words, column_words)
        for x, d in ((1, 1), (-1, -1), (1, -1), (-1, 1)):
            if (of_x == x).any() and (of_d == d).any():
                group = (
                    rows[-1 if d < 0 else 0] * (of_x == x)[:, None],
                    columns[-1 if x < 0 else 0] * (of_d == d)[:, None],
                )
                self._pulse(cells, x == d, *group)

    def pulse_slots(self, tile: int, up: npt.ArrayLike, row_masks: npt.ArrayLike, column_masks: npt.ArrayLike) -> None:
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
            If the tile does not exist, an array has another shape or numbers than these, or a line fires that does not exist.
        """
        cells = self.tile(tile)
        rows, columns = self._lines
        directions, of_rows, of_columns = slot_trains(self._lines, up, row_masks, column_masks)
        for first, last in direction_runs(directions):
            self._pulse(
                cells,
                bool(directions[first]),
                line_words(of_rows, first, last, rows),
                line_words(of_columns, first, last, columns),
            )

    def _pulse(self, tile: Tile, up: bool, row_words: Words, column_words: Words) -> None:
        if self._half_selects is not None:
            self._half_selects.add(tile, row_words, column_words)
            if self._half_selects.disturbs:
                self._half_selects.pulse(tile, up, self._shape, self._table, self._scales, row_words, column_words)
                return
        plus, d_plus, d_minus = self._plus
        self._run(tile, plus, d_plus if up else d_minus, row_words[None], column_words[None])

    def pulse_plan(self, cells: Tile) -> npt.NDArray[np.int64]:
        """Return a tile's plan of :mod:`crosstwin_model.pulse_jobs`.

        It is for compiled functions that pulse it without :meth:`update`, and set its ``touched``; half-selects are no part.
        """
        if cells.plan is None:
            cells.fixed = (
                cells.w, *cells.records(), cells.layout.places, self._shape, self._table, cells.pulse_keys, self._scales
            )  # fmt: skip
            board = 0 if self.crew is None else self.crew.board
            cells.plan = np.array([*addresses(*cells.fixed), *cells.w.shape, self._part.address, board, _SHARED_HITS], np.int64)
        return cells.plan

    def _run(
        self, tile: Tile, x_signs: npt.ArrayLike, d_signs: npt.ArrayLike, row_words: npt.ArrayLike, column_words: npt.ArrayLike
    ) -> None:
        trains = (x_signs, d_signs, row_words, column_words)
        if not are_plain(*trains):
            trains = update_trains(self._lines, *trains)
        plan = self.pulse_plan(tile)
        found = apply(plan, *trains, False)
        if found == REFUSED:
            update_trains(self._lines, *trains)  # says why
        tile.touched = True
        if found == ASLEEP:
            assert self.crew is not None
            self.crew.wake()
            apply(plan, *trains, True)

    def read(
        self, tile: int, differential: bool, forward: bool, charge: npt.ArrayLike, gain: int, count: int
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
        charge : whole numbers [rows or columns]
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
        return self.reads.read(self.tile(tile), bool(differential), bool(forward), charge, gain, count)

    def delays(self, beats: int) -> npt.NDArray[np.int32]:
        """Return, for the read last made, the clock cycles from the sample or the beat before to each of its beats.

        Returns
        -------
        int32[beats], each at least 1
        """
        return self.reads.delays(beats)

    def elapse(self, pair: int, updates: int = 1) -> None:
        """Let the time of that many updates pass on the tiles of a pair: decay, drift and the refresh of one-sided pairs.

        Between two calls the array does not age; the host program calls it after every update.
        """
        first = 4 * whole_number("pair", pair, 0, self.controller.pairs - 1)
        self._ageing.elapse(range(first, first + 4), updates)

    def conductance(self, tile: int) -> npt.NDArray[np.float32]:
        """Return a copy of a tile's conductances, float32[rows, columns]."""
        return from_grid(self.tile(tile).w)

    def weights(self, tile: int) -> npt.NDArray[np.float64]:
        """Return the weights of a C or A tile, its conductances minus its reference's, float64[rows, columns], exactly."""
        if tile & 2:
            raise ValueError(f"tile {tile} is a reference; allowed are tiles of kind 0 and 1")
        weights: npt.NDArray[np.float64] = (self.tile(tile).w.astype(np.int64) - self._w[tile + 2]) / GRID
        return weights

    def half_selects(self, tile: int) -> npt.NDArray[np.uint32]:
        """Return how often each cell was half-selected (one of its two lines fired), uint32[rows, columns].

        Raises
        ------
        ValueError
            If the tile does not exist, or half-selects are not counted.
        """
        self.tile(tile)
        if self._half_selects is None:
            raise ValueError("half-selects are not counted; a PlantConfig with half_select=0.0 or more counts them")
        counts: npt.NDArray[np.uint32] = self._half_selects.counts[tile].copy()
        return counts

    def set_conductance(self, tile: int, values: npt.ArrayLike) -> None:
        """Set a tile's conductances at once, which no hardware can do; they are cut to each cell's bounds.

        Raises
        ------
        ValueError
            If the values are not finite real numbers [rows, columns].
        """
        self.tile(tile).set(real_array("values", values, self._lines).reshape(-1))

    def resting_points(self, tile: int) -> npt.NDArray[np.float64]:
        """Return the conductances at which alternating pulses bring the cells to rest from where they stand now.

        Returns
        -------
        float64[rows, columns]
            A cell's symmetry point, a stuck cell's own conductance, NaN where the pulses drive a cell to a bound or leave it
            anywhere.
        """
        return self.tile(tile).resting_points().reshape(self._w.shape[1:])

    def bounds(self, tile: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return the lowest and the highest conductance of every cell, float32[rows, columns] each."""
        low, high = self.tile(tile).bounds()
        return low.reshape(self._w.shape[1:]).copy(), high.reshape(self._w.shape[1:]).copy()

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return all that changes, for a checkpoint: conductances, pulse counters, the number of reads and what else there is."""
        cells = self._w.shape
        state: dict[str, npt.NDArray[Any]] = {
            "conductance": from_grid(self._w),
            "pulses": np.array([tile.pulses() for tile in self._tiles]).reshape(cells),
            "reads": np.array(self.reads.number, np.uint32),
            "touched": np.array([tile.touched for tile in self._tiles]),
        }
        if self._tiles[0].layout.states:
            state["states"] = np.array([tile.states() for tile in self._tiles])
        if self._half_selects is not None:
            state["half_selects"] = self._half_selects.counts.copy()
        if self._ageing.ages:
            state["updates"] = self._ageing.updates.copy()
        return state

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
            found = np.asarray(state[key])
            if found.shape != like.shape or found.dtype != like.dtype:
                raise ValueError(
                    f"the state's {key} is {found.dtype}{list(found.shape)}; "
                    f"allowed in this plant is {like.dtype}{list(like.shape)}"
                )
        conductance = state["conductance"]
        within = np.abs(conductance) < LIMIT
        grid = to_grid(np.where(within, conductance, np.float32(0.0)))
        if not (within & (from_grid(grid) == conductance)).all():
            raise ValueError(f"the state's conductance holds other numbers than multiples of 2**-27 within +-{LIMIT:g}")
        states = np.asarray(state.get("states", np.zeros((len(self._tiles), self._tiles[0].flat_w.size, 0), np.float32)))
        if not np.isfinite(states).all():
            raise ValueError("the state's states hold a NaN or an infinity; allowed are finite numbers")
        self._w[...] = grid
        self.reads.number = int(state["reads"])
        for tile in self._tiles:
            number = tile.number
            tile.restore(state["pulses"][number].reshape(-1), states[number], bool(state["touched"][number]))
        if self._half_selects is not None:
            self._half_selects.counts[...] = state["half_selects"]
        if self._ageing.ages:
            self._ageing.updates[...] = state["updates"]

    def digest(self) -> str:
        """Return the SHA-256, in hexadecimal, of all conductances: tile by tile, row by row, float32, lowest byte first."""
        return hashlib.sha256(from_grid(self._w).astype("<f4").data).hexdigest()

    def tile(self, tile: int) -> Tile:
        """Return a tile by its number (ValueError with a sentence where there is none)."""
        return self._tiles[whole_number("tile", tile, 0, len(self._tiles) - 1)]


def _restored(controller: ControllerConfig, config: PlantConfig, threads: int, state: Mapping[str, npt.NDArray[Any]]) -> Plant:
    plant = Plant(controller, config, threads)
    plant.restore(state)
    return plant
