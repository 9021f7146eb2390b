"""A logical weight matrix on a tile pair of the controller, in floats."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crosstwin_model.config import ConfigurationError, Source
from crosstwin_model.engine import largest_size
from crosstwin_model.numbers import positive, whole_array, whole_number
from crosstwin_model.registers import Opcode, TileKind

from .backend import Backend
from .driver import Counters, Driver
from .programming import Residual, read_row, settle
from .scaling import (
    GAINS,
    Converters,
    Floats,
    adc_step,
    plan_transfer,
    plan_transfer_per_line,
    plan_update,
    plan_update_per_line,
    to_codes,
    vector,
)

#: States of A that zero-shifting takes the mean of, with this part of all pulses between one and the next.
_STATES, _BETWEEN = 8, 20
#: Part of the cells that may be without a symmetry point where a tile is zero-shifted, as the tails of a spread leave some.
_WITHOUT = 0.05


@dataclass(frozen=True)
class PulseSettings:
    """How updates and transfers are pulsed.

    Parameters
    ----------
    step : float
        The devices' nominal conductance step at one pulse (dw_min).
    source : Source
        Random source of the updates.
    bl_min, bl_max : int or None
        Range of BL; None takes the controller's largest.
    transfer_bl : int
        Slots a quadrant of a transfer, at most; low rates take fewer.
    """

    step: float
    source: Source = Source.HAMMERSLEY
    bl_min: int = 1
    bl_max: int | None = None
    transfer_bl: int = 8


@dataclass(frozen=True)
class ReadSettings:
    """How reads are taken; gains are powers of two before the ADC, 0 to 15.

    Parameters
    ----------
    window : int
        Largest code of a read, and its length in ticks: 63 is a signed input of 7 bits.
    forward_gain, backward_gain, transfer_gain : int
        Gains of FORWARD, BACKWARD and of TRANSFER's read.
    bound_steps : int
        Bound management: how often at most a forward or backward read is repeated while an ADC code stands at the end of its
        range, each time at half the gain or, from gain 0 on, with half the inputs. 0 to 15; 0 takes what the first read gives.
    """

    window: int = 63
    forward_gain: int = 0
    backward_gain: int = 0
    transfer_gain: int = 0
    bound_steps: int = 0


@dataclass
class ReadCounts:
    """Vectors read forward or backward, reads repeated for them by bound management, and how many stayed saturated."""

    vectors: int = 0
    repeated: int = 0
    saturated: int = 0


class Crossbar:
    """One matrix of ``rows`` x ``columns`` weights: the conductances of tile C less its reference's, with A beside it for SHD.

    Several crossbars may share a back end; each has its own pair. Methods take real numbers of any type, memory layout and byte
    order, and lists of them: finite and within +-1e290. Anything else raises ValueError and changes nothing.

    Parameters
    ----------
    backend : Backend
        The controller.
    pair : int
        Tile pair.
    rows, columns : int or None
        Active part of the tiles; None takes all.
    pulses : PulseSettings
        How updates are pulsed.
    reads : ReadSettings
        How reads are taken.
    converters : Converters or None
        The array's converters; None asks the back end's plant for them, and takes the defaults where there is none.

    Attributes
    ----------
    read_counts : ReadCounts
        Of :meth:`forward` and :meth:`backward`.

    Raises
    ------
    ValueError
        If a size or a setting does not fit the controller; the sentence says what is allowed.
    """

    def __init__(
        self,
        backend: Backend,
        pair: int = 0,
        rows: int | None = None,
        columns: int | None = None,
        *,
        pulses: PulseSettings,
        reads: ReadSettings = ReadSettings(),
        converters: Converters | None = None,
    ) -> None:
        config = backend.config
        self.backend = backend
        self.driver = Driver.of(backend)
        self.pair = pair
        self.rows = config.rows if rows is None else rows
        self.columns = config.columns if columns is None else columns
        self.pulses = pulses
        self.reads = reads
        if converters is None:
            plant = backend.plant
            converters = Converters() if plant is None else Converters(plant.config.input_full_scale, plant.config.adc_range)
        self.converters = converters
        self._bl_max = config.bl_max if pulses.bl_max is None else pulses.bl_max
        for name, value, low, high in (
            ("pair", pair, 0, config.pairs - 1),
            ("rows", self.rows, 1, config.rows),
            ("columns", self.columns, 1, config.columns),
            ("bl_max", self._bl_max, 1, config.bl_max),
            ("bl_min", pulses.bl_min, 1, self._bl_max),
            ("transfer_bl", pulses.transfer_bl, 1, config.bl_max),
            ("window", reads.window, 1, config.code_max),
            ("forward_gain", reads.forward_gain, 0, 15),
            ("backward_gain", reads.backward_gain, 0, 15),
            ("transfer_gain", reads.transfer_gain, 0, 15),
            ("bound_steps", reads.bound_steps, 0, 15),
        ):
            whole_number(name, value, low, high)
        if pulses.source is Source.COUNT:
            raise ValueError("the source is count, which is not random; allowed are hammersley, lfsr and lfsr_per_line")
        if not config.has_source(pulses.source):
            raise ValueError(f"the source is {pulses.source.label}; the controller has {', '.join(config.sources)}")
        self._step = positive("step", pulses.step)
        self._per_line = pulses.source is Source.LFSR_PER_LINE
        self.read_counts = ReadCounts()
        self._every = 0
        self._ages = backend.plant is not None and backend.plant.ages
        self._transfer_plan: tuple[int, int] | None = None
        self._input_step = converters.input_full_scale / reads.window
        self._output_steps = [self._input_step * adc_step(converters, config.adc_max, gain) for gain in range(GAINS)]
        self.driver.set_fields(f"PAIR{pair}_ACTIVE", ROWS=self.rows, COLUMNS=self.columns)
        self.set_transfer_every(0)

    def tile(self, kind: TileKind) -> int:
        """Return the number of one of the pair's tiles."""
        return 4 * self.pair + kind

    def forward(self, x: npt.ArrayLike) -> Floats:
        """Return x W: float64[columns] outputs of real numbers [rows]."""
        return self._read_bounded(x, True, self.reads.forward_gain)

    def backward(self, d: npt.ArrayLike) -> Floats:
        """Return W d: float64[rows] outputs of real numbers [columns]."""
        return self._read_bounded(d, False, self.reads.backward_gain)

    def _read_bounded(self, values: npt.ArrayLike, forward: bool, gain: int) -> Floats:
        """Read C, again and again with twice the range while that saturates, as often as bound management may."""
        outputs, saturated = self.read_vector(values, forward, TileKind.C, gain)
        counts, halvings = self.read_counts, 0
        counts.vectors += 1
        if saturated:
            for _ in range(self.reads.bound_steps):
                if gain:
                    gain -= 1
                else:
                    halvings += 1
                if not self.reads.window >> halvings:
                    break
                counts.repeated += 1
                outputs, saturated = self.read_vector(values, forward, TileKind.C, gain, halvings)
                if not saturated:
                    break
            counts.saturated += saturated
        return outputs

    def read_vector(
        self, values: npt.ArrayLike, forward: bool, kind: TileKind, gain: int, halvings: int = 0
    ) -> tuple[Floats, bool]:
        """Read a tile against its reference with a vector on its rows (forward) or its columns.

        The vector's largest magnitude always takes the window's largest code (noise management), halved ``halvings`` times.

        Returns
        -------
        outputs : float64[sensed]
            One output per sensed line.
        saturated : bool
            Whether an ADC code stood at the end of its range.
        """
        name, length, sensed = ("x", self.rows, self.columns) if forward else ("d", self.columns, self.rows)
        array, largest = vector(name, values, length)
        if largest == 0.0:
            return np.zeros(sensed), False
        driver, adc_max = self.driver, self.driver.config.adc_max
        window = self.reads.window
        top = window >> halvings
        driver.write_codes(name.upper(), to_codes(array, largest, top))
        self._set_read(gain)
        driver.run(Opcode.FORWARD if forward else Opcode.BACKWARD, self.tile(kind))
        codes = driver.read_codes(sensed)
        outputs = codes.astype(np.float64) * (largest * self._output_steps[gain] * (window / top))
        return outputs, largest_size(codes) >= adc_max

    def update(self, x: npt.ArrayLike, d: npt.ArrayLike, rate: float, kind: TileKind = TileKind.C) -> None:
        """Add rate * x d^T on average to a tile, all cells at once, with pulses.

        Callers that descend pass the negative gradient. An update of A may be followed by the controller's autonomous transfer.
        On a simulated array of devices that age, the time of one update passes on the pair.

        Raises
        ------
        ValueError
            If a vector has another length or its numbers are not finite real ones, or the rate is not above 0.
        """
        rate = positive("rate", rate)
        (x, x_peak), (d, d_peak) = vector("x", x, self.rows), vector("d", d, self.columns)
        if x_peak == 0.0 or d_peak == 0.0:
            return
        driver, config = self.driver, self.driver.config
        count = rate * x_peak * d_peak / self._step
        if count == 0.0:
            return
        if self._per_line:
            plan = plan_update_per_line(count, config.code_max, self.pulses.bl_min, self._bl_max)
        else:
            plan = plan_update(count, self.reads.window, self.pulses.bl_min, self._bl_max, config.full_scale_max)
        driver.write_codes("X", to_codes(x, x_peak, plan.x_top))
        driver.write_codes("D", to_codes(d, d_peak, plan.d_top))
        driver.set("SOURCE", self.pulses.source)
        driver.set("BL", plan.bl)
        driver.set("X_FULL_SCALE", plan.x_full_scale)
        driver.set("D_FULL_SCALE", plan.d_full_scale)
        if kind is TileKind.A and self._every:
            self._prepare_transfer()
        driver.run(Opcode.UPDATE, self.tile(kind), changes_d=kind is TileKind.A and self._every > 0)
        if self._ages:
            plant = self.backend.plant
            assert plant is not None
            plant.elapse(self.pair)

    def pulse_row(self, row: int, counts: npt.ArrayLike, kind: TileKind) -> None:
        """Give every cell of a row exactly its number of pulses, up for positive counts and down for negative ones.

        Parameters
        ----------
        row : int
        counts : whole numbers [columns]
            One beyond the controller's largest BL is cut to it.
        kind : TileKind
            The tile; transfers must be off if it is A.
        """
        row = whole_number("row", row, 0, self.rows - 1)
        counts = whole_array("counts", counts, (self.columns,), np.int64)
        driver = self.driver
        largest = min(int(np.abs(counts).max()), driver.config.bl_max)
        if largest == 0:
            return
        unity = 1 << driver.config.code_bits
        top = driver.config.code_max
        x = np.zeros(self.rows, np.int16)
        x[row] = top
        driver.write_codes("X", x)
        driver.write_codes("D", np.clip(counts, -top, top).astype(np.int16))
        driver.set("SOURCE", Source.COUNT)
        driver.set("BL", largest)
        driver.set("X_FULL_SCALE", unity)
        driver.set("D_FULL_SCALE", unity)
        driver.run(Opcode.UPDATE, self.tile(kind))

    def set_transfer(self, every: int, rate: float) -> None:
        """Have C follow A: one row of rate * (A - its reference) is added to C at a transfer, the next row at the next.

        Parameters
        ----------
        every : int
            The controller transfers by itself after so many updates of A; 0 leaves transfers to :meth:`transfer`.
        rate : float
            Added to C per unit of A.
        """
        rate = positive("rate", rate)
        every = whole_number("every", every, 0, 0xFFFF)
        code = self._output_steps[self.reads.transfer_gain]
        count = rate * code / self._step
        config, bl = self.driver.config, self.pulses.transfer_bl
        if self._per_line:
            self._transfer_plan = plan_transfer_per_line(count, bl, config.code_max)
        else:
            self._transfer_plan = plan_transfer(count, bl, config.full_scale_max)
        self.set_transfer_every(every)

    def set_transfer_every(self, every: int) -> None:
        """Set the number of updates of A between two autonomous transfers; 0 stops them."""
        self._every = every
        self.driver.set(f"PAIR{self.pair}_TRANSFER_EVERY", every)

    @contextmanager
    def transfers_off(self) -> Iterator[None]:
        """Keep the controller from transferring by itself for a while."""
        every = self._every
        self.set_transfer_every(0)
        try:
            yield
        finally:
            self.set_transfer_every(every)

    def transfer(self) -> None:
        """Transfer the next row of A to C (:meth:`set_transfer` gives the rate)."""
        self.driver.set("SOURCE", self.pulses.source)
        self._prepare_transfer()
        self.driver.run(Opcode.TRANSFER, self.tile(TileKind.A), changes_d=True)

    def symmetrize(self, pairs: int, kind: TileKind = TileKind.A) -> None:
        """Give all cells of a tile alternating up and down pulses, that many pairs: 1 or more."""
        if pairs < 1:
            raise ValueError(f"pairs is {pairs}; allowed are whole numbers from 1 on")
        while pairs:
            burst = min(pairs, 0xFFFF)
            self.driver.set("SYMMETRIZE_PAIRS", burst)
            self.driver.run(Opcode.SYMMETRIZE, self.tile(kind))
            pairs -= burst

    def require_symmetry_points(self) -> None:
        """Refuse to zero-shift A where alternating pulses do not bring its cells to rest between their bounds.

        One cell in a hundred may be without a symmetry point; its reference follows it to the bound. Nothing is known of the
        cells of a board.

        Raises
        ------
        ConfigurationError
            If more have none.
        """
        plant = self.backend.plant
        if plant is None:
            return
        points = plant.resting_points(self.tile(TileKind.A))[: self.rows, : self.columns]
        missing = int(np.isnan(points).sum())
        if missing > _WITHOUT * points.size:
            raise ConfigurationError(
                f"cannot zero-shift tile {self.tile(TileKind.A)}: {missing} of its {points.size} cells have no stable symmetry "
                f"point, so that alternating pulses drive them to a bound or leave them anywhere; allowed is 1 cell in 20"
            )

    def zero_shift(self, pairs: int = 500, tolerance: float | None = None) -> Residual:
        """Drive A to its symmetry point with alternating pulses, then program A's reference to it.

        A cell does not rest at its symmetry point: noise moves it around, and after a down pulse it is half a step below. So the
        reference gets the mean of eight states, with more pulses between them, and half a step more.

        Parameters
        ----------
        pairs : int
            Up and down pulses that every cell of A gets; exp(-2 pairs step / bound) of the way remains.
        tolerance : float or None
            See :meth:`program`.

        Returns
        -------
        Residual
            Of the reference and what it should be.

        Raises
        ------
        ConfigurationError
            If too many cells have no symmetry point: see :meth:`require_symmetry_points`.
        """
        self.require_symmetry_points()
        self.symmetrize(pairs, TileKind.A)
        total = np.zeros((self.rows, self.columns))
        for _ in range(_STATES):
            self.symmetrize(max(1, pairs // _BETWEEN), TileKind.A)
            state = self.weights(TileKind.A)
            total += state
        return settle(self, TileKind.A, TileKind.A_REF, state - total / _STATES - 0.5 * self.pulses.step, tolerance)

    def program(self, weights: npt.ArrayLike, tolerance: float | None = None, kind: TileKind = TileKind.C) -> Residual:
        """Bring a tile, read against its reference, to weights by reads and counted pulses, row by row.

        Parameters
        ----------
        weights : real numbers [rows, columns]
        tolerance : float or None
            A cell within it is left alone; None takes three quarters of a pulse's step, or twice the standard error of a read
            where that is more.
        kind : TileKind
            C or A.

        Returns
        -------
        Residual
            What a last read found; cells that cannot reach their weight are in it.
        """
        return settle(self, kind, kind, weights, tolerance)

    def weights(self, kind: TileKind = TileKind.C, repeats: int = 4) -> Floats:
        """Return the weights of C or A, ``rows`` x ``columns``, as one-hot reads find them, each averaged over ``repeats``."""
        return np.array([read_row(self, row, kind, repeats) for row in range(self.rows)])

    def counters(self) -> Counters:
        """Return the controller's counters (of all its pairs together)."""
        return self.driver.counters()

    def _set_read(self, gain: int) -> None:
        self.driver.set("READ", self.reads.window | 1 << 16)
        self.driver.set("READ_GAIN", gain | self.reads.transfer_gain << 8)

    def _prepare_transfer(self) -> None:
        if self._transfer_plan is None:
            raise ValueError("there is no transfer rate; set_transfer gives one")
        bl, full_scale = self._transfer_plan
        self.driver.set("TRANSFER_BL", bl)
        self.driver.set("TRANSFER_FULL_SCALE", full_scale)
        self._set_read(self.reads.forward_gain)
