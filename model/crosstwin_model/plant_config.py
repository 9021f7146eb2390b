"""What the analog side is made of: one frozen object, given to :class:`crosstwin_model.plant.Plant`."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt

from crosstwin_model.config import ConfigurationError, read_table
from crosstwin_model.devices import DEVICES, Device
from crosstwin_model.effects import require_written
from crosstwin_model.grid import GRID
from crosstwin_model.line_resistance import LineResistance
from crosstwin_model.noise import Purpose, draw_normal, stream
from crosstwin_model.read_kernels import CHARGE_GRID

_RANGES = {
    "adc_range": (1e-6, 1e6),
    "adc_noise": (0.0, 1e6),
    "adc_offset": (0.0, 1e6),
    "adc_gain_error": (0.0, 0.25),
    "dac_noise": (0.0, 1e3),
    "dac_offset": (0.0, 1e3),
    "dac_gain_error": (0.0, 0.25),
    "initial": (0.0, 8.0),
    "half_select": (0.0, 1.0),
}

#: Factors and offsets of lines, float64[2, lines]; none at all where converters are ideal.
Errors = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PlantConfig:
    """What the analog side is made of.

    Parameters
    ----------
    device : Device
        The crosspoint device of all tiles.
    seed : int
        Seed of all spread and noise, 0 to 2**32 - 1.
    adc_range : float
        Full scale of the ADC, in weights times full-scale inputs at gain 0: a sum of that size gives the largest code. Above 0.
    adc_noise : float
        Standard deviation of the converter's noise in the same unit. It is added after the gain stage, and so is
        adc_noise / 2**gain referred to the input. At least 0.
    dac_noise : float
        Standard deviation of each driven line's charge, in clock cycles, drawn once a read; the charge is then rounded to
        multiples of 2**-8. Lines that are not driven have none. 0 to 1000.
    input_full_scale : int
        Charge, in clock cycles at read level, that counts as input 1; 1 to 65535.
    adc_offset, adc_gain_error : float
        Standard deviations, over the sensed lines of each side, of the converter's offset, in the unit of adc_range after the
        gain stage, and of the relative error of its gain; both stay as they are. 0 to 1e6, and 0 to 0.25.
    dac_offset, dac_gain_error : float
        The same of the driven lines' charge: an offset, in clock cycles, that a line has whenever it is driven, and a relative
        error. 0 to 1e3, and 0 to 0.25.
    adc_latency : int
        Clock cycles from the sample to the first beat, 1 to 65535.
    adc_interval : int
        Clock cycles from a beat to the next, 1 to 65535.
    adc_stall : int
        Up to that many clock cycles more before a beat, drawn for each; 0 to 65535.
    initial : float
        Conductances of C and A tiles are at first spread uniformly over +-initial, then cut to the cells' bounds; at least 0.
        Those of reference tiles are 0. With a device that stands at its symmetry point, all of this is from there.
    lines : LineResistance or None
        Resistance of the array's wires; None is ideal.
    half_select : float or None
        Step of a cell of which one line fires, as a part of a full step, 0 to 1: half-selects are counted, and with more than 0
        they move the cell. None does not count them.

    Raises
    ------
    ConfigurationError
        If a value is out of its range.
    """

    device: Device = field(default_factory=lambda: DEVICES["s1"])
    seed: int = 1
    adc_range: float = 12.0
    adc_noise: float = 0.06
    adc_offset: float = 0.0
    adc_gain_error: float = 0.0
    dac_noise: float = 0.0
    dac_offset: float = 0.0
    dac_gain_error: float = 0.0
    input_full_scale: int = 63
    adc_latency: int = 4
    adc_interval: int = 1
    adc_stall: int = 0
    initial: float = 0.0
    lines: LineResistance | None = None
    half_select: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.device, Device):
            raise ConfigurationError(f"device is {self.device!r}; allowed are devices, as load_device returns them")
        for key, least, most in (
            ("seed", 0, 0xFFFFFFFF),
            ("input_full_scale", 1, 65535),
            ("adc_latency", 1, 65535),
            ("adc_interval", 1, 65535),
            ("adc_stall", 0, 65535),
        ):
            value = getattr(self, key)
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                raise ConfigurationError(f"{key} is {value!r}; allowed are whole numbers from {least} to {most}")
        self._require_lines()
        for key, (low, high) in _RANGES.items():
            value = getattr(self, key)
            if key == "half_select" and value is None:
                continue
            if (
                isinstance(value, bool)
                or not isinstance(value, (int, float))
                or not math.isfinite(value)
                or not low <= value <= high
            ):
                raise ConfigurationError(f"{key} is {value!r}; allowed are numbers from {low:g} to {high:g}")

    def _require_lines(self) -> None:
        """Refuse lines in which a cell at the device's mean lower bound would not conduct; others are refused by a read."""
        if self.lines is not None:
            if not isinstance(self.lines, LineResistance):
                raise ConfigurationError(f"lines is {self.lines!r}; allowed are None and LineResistance")
            lowest = -self.device.w_max if self.device.one_sided else self.device.w_min
            self.lines.conductances(np.array([lowest], np.float32))

    def read_parameters(self, adc_max: int) -> list[npt.NDArray[np.float64]]:
        """Return what the kernels of a read must know, for each gain, as :func:`crosstwin_model.reference.read` says."""
        ideal = self.dac_noise == self.dac_offset == self.dac_gain_error == 0.0
        unit = 1.0 if ideal else CHARGE_GRID
        largest = 2.0 * self.device.largest_conductance
        scale = adc_max / (self.adc_range * self.input_full_scale * unit)
        noise = self.adc_noise * adc_max / self.adc_range
        return [
            np.array([self.dac_noise, noise, scale * (1 << gain), adc_max, unit, 2.0**53 / (largest * GRID)])
            for gain in range(16)
        ]

    def converter_errors(self, rows: int, columns: int, adc_max: int) -> tuple[tuple[Errors, Errors], tuple[Errors, Errors]]:
        """Return the errors of the converters, of backward and of forward reads, those of the driven and of the sensed lines.

        Offsets are in multiples of 2**-8 clock cycles (driven) and in codes (sensed).
        """
        keys = stream(self.seed, Purpose.CONVERTER)
        sides = (np.arange(rows), rows + np.arange(columns))

        def errors(lines: npt.NDArray[np.int64], gain: float, offset: float, unit: float, first: int) -> Errors:
            if gain == 0.0 and offset == 0.0:
                return np.zeros((2, 0))
            draws = [draw_normal(keys, lines, first + k).astype(np.float64) for k in range(2)]
            return np.array([1.0 + gain * draws[0], offset * unit * draws[1]])

        driven = [errors(lines, self.dac_gain_error, self.dac_offset, CHARGE_GRID, 0) for lines in sides]
        sensed = [errors(lines, self.adc_gain_error, self.adc_offset, adc_max / self.adc_range, 2) for lines in sides]
        return (driven[1], sensed[0]), (driven[0], sensed[1])


def load_plant(path: str | Path) -> PlantConfig:
    """Read a TOML file with one table ``[plant]``: the fields of :class:`PlantConfig` but device and seed, and ``[plant.lines]``.

    Raises
    ------
    ConfigurationError
        If the file cannot be read or is not TOML, or a key or a value is wrong.
    """
    table = read_table(Path(path), "plant")
    lines = table.pop("lines", None)
    _known(path, "plant", table, {field.name for field in fields(PlantConfig)} - {"device", "seed", "lines"})
    if lines is not None and not isinstance(lines, dict):
        raise ConfigurationError(f"{path}: lines is {lines!r}; allowed is a table [plant.lines]")
    _known(path, "plant.lines", lines or {}, {field.name for field in fields(LineResistance)})
    try:
        wires = None
        if lines is not None:
            wires = LineResistance(**lines)
            require_written(wires, lines)
        return PlantConfig(**table, lines=wires)  # type: ignore[arg-type]
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from None


def _known(path: str | Path, name: str, table: dict[str, object], allowed: set[str]) -> None:
    for key in table:
        if key not in allowed:
            raise ConfigurationError(f"{path}: [{name}] has the key {key!r}; allowed are {', '.join(sorted(allowed))}")
