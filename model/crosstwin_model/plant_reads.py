"""The plant's reads: checks, converters, and the choice between ideal lines and lines with resistance."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from crosstwin_model import read_kernels
from crosstwin_model.config import ControllerConfig
from crosstwin_model.crew import ASLEEP, REFUSED, Crew
from crosstwin_model.grid import from_grid
from crosstwin_model.memory import addresses
from crosstwin_model.noise import NORMAL, Purpose, draw_bits, stream
from crosstwin_model.numbers import is_plain, whole_array, whole_number
from crosstwin_model.plant_config import PlantConfig
from crosstwin_model.read_sums import sum_part
from crosstwin_model.tile import Tile

Charge = npt.NDArray[np.int32]
Codes = npt.NDArray[np.int32]

_INT32 = np.dtype(np.int32)

#: Reads are counted modulo 2^32.
WRAP = 0xFFFFFFFF


class Reads:
    """Converters of one plant, and the number of reads so far, which their noise depends on.

    Parameters
    ----------
    controller : ControllerConfig
        Gives the number of lines and the width of ADC codes.
    config : PlantConfig
        Gives converters and lines.
    tiles : list of Tile
        All of the plant's.
    crew : Crew or None
        Helpers that share large reads.
    """

    def __init__(self, controller: ControllerConfig, config: PlantConfig, tiles: list[Tile], crew: Crew | None = None) -> None:
        self._number = np.zeros(1, np.uint32)
        self._config, self._tiles, self._crew = config, tiles, crew
        self._lines = (controller.columns, controller.rows)
        self._nothing = np.zeros((0, 0), np.int32)
        self._stall_keys = stream(config.seed, Purpose.STALL)
        self._table = NORMAL.copy()
        self._parameters = config.read_parameters(controller.adc_max)
        self._converters = config.converter_errors(controller.rows, controller.columns, controller.adc_max)
        self._plans: dict[tuple[int, bool, bool, int], npt.NDArray[np.int64]] = {}

    @property
    def number(self) -> int:
        """Reads so far, modulo 2^32."""
        return int(self._number[0])

    @number.setter
    def number(self, number: int) -> None:
        self._number[0] = number

    def read(self, cells: Tile, differential: bool, forward: bool, charge: npt.ArrayLike, gain: int, count: int) -> Codes:
        """Make the read of :meth:`crosstwin_model.plant.Plant.read`."""
        if differential and cells.number & 2:
            raise ValueError(f"tile {cells.number} is a reference; allowed in a differential read are tiles of kind 0 and 1")
        count = whole_number("count", count, 1, self._lines[not forward])
        gain = whole_number("gain", gain, 0, 15)
        codes = np.empty(count, np.int32)
        if self._config.lines is not None:
            self._read_lines(cells, differential, forward, self._checked(charge, forward), gain, codes)
        else:
            plan = self.plan(cells, differential and self._tiles[cells.number | 2].touched, forward, gain)
            plain = charge if is_plain(charge, _INT32, 1) else self._checked(charge, forward)
            found = read_kernels.read(plan, plain, codes, False)
            if found == REFUSED:
                self._checked(charge, forward)  # says why
            elif found == ASLEEP:
                assert self._crew is not None
                self._crew.wake()
                read_kernels.read(plan, plain, codes, True)
        return codes

    def plan(self, cells: Tile, subtracted: bool, forward: bool, gain: int) -> npt.NDArray[np.int64]:
        """Return what :func:`crosstwin_model.read_kernels.read` takes of a tile and its converters, int64[PLAN].

        It is the :func:`crosstwin_model.memory.addresses` of the cells, of those of the reference if they are ``subtracted``
        (which changes nothing where they are all 0), of the errors of the driven and of the sensed lines, the table of the noise,
        the tile's keys, the parameters and the number of reads; then the numbers that the kernel's module names.
        """
        key = (cells.number, subtracted, forward, gain)
        if key not in self._plans:
            reference = self._tiles[cells.number | 2].w if subtracted else self._nothing
            arrays = (cells.w, reference, *self._converters[forward], self._table, cells.converter_keys, self._parameters[gain])
            board = 0 if self._crew is None else self._crew.board
            numbers = (*addresses(*arrays, self._number), *cells.w.shape, forward, board, sum_part.address)
            self._plans[key] = np.array(numbers, np.int64)
        return self._plans[key]

    def delays(self, beats: int) -> npt.NDArray[np.int32]:
        """Return the delays of :meth:`crosstwin_model.plant.Plant.delays`."""
        config = self._config
        delays = np.full(beats, config.adc_interval, np.int32)
        delays[:1] = config.adc_latency
        if config.adc_stall:
            stalls = draw_bits(self._stall_keys, np.arange(beats), (self.number - 1) & WRAP)
            delays += (stalls % np.uint32(config.adc_stall + 1)).astype(np.int32)
        return delays

    def _checked(self, charge: npt.ArrayLike, forward: bool) -> Charge:
        """Return a read's charges as an array that kernels take."""
        most = read_kernels.CHARGE_MAX
        return whole_array("charge", charge, (self._lines[forward],), np.int32, -most, most)

    def _read_lines(self, cells: Tile, differential: bool, forward: bool, charge: Charge, gain: int, codes: Codes) -> None:
        """Fill the codes of a read through lines with resistance."""
        lines, keys, parameters = self._config.lines, cells.converter_keys, self._parameters[gain]
        assert lines is not None
        dac, adc = self._converters[forward]
        units = np.empty(charge.size)
        read_kernels.drive(charge, dac, self._table, keys, parameters, self.number, units)
        sums = lines.read_sums(from_grid(cells.w), units.astype(np.int64), forward)
        if differential:
            sums = sums - lines.read_sums(from_grid(self._tiles[cells.number | 2].w), units.astype(np.int64), forward)
        read_kernels.convert(sums, adc, self._table, keys, parameters, self.number, codes)
        self._number += np.uint32(1)
