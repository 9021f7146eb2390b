"""What an emulated array is made of: one frozen object for the block in fabric and for its numpy twin.

docs/emulated_array.md has the formulas that the numbers derived here enter. Only additions, multiplications, divisions and
comparisons of floats are used on the way to an integer, so that every machine derives the same ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from pathlib import Path

from crosstwin_model.config import ConfigurationError, ControllerConfig, read_table

#: Bits of the fraction in a slope, and in the factor of a pulse's noise.
SLOPE_FRACTION, NOISE_FRACTION = 16, 8
#: Bits of the fraction in the factor of the ADC's noise.
ADC_NOISE_FRACTION = 16
#: Bits of the operands of the first two multiplications of a pulse that are not signs.
OPERAND_BITS = 17
#: Mean and standard deviation of the sum of four random bytes, which stands for a normal number.
BYTES_MEAN, BYTES_DEVIATION = 510, math.sqrt(65535 / 3)
#: Largest number of clock cycles that a read can integrate.
CHARGE_MAX = 255
#: Bits of a cell's number, which its noise depends on.
CELL_BITS = 16
#: Clock cycles between a slot's capture and the next one that can be taken, beside one for every address of the tile.
SLOT_OVERHEAD = 16
#: Clock cycles from the sample to the first beat of a read, beside one for every address that is read.
READ_OVERHEAD = 24
#: Standard deviations that the codes of a spread parameter cover at least.
_COVERED = 5.0

_RANGES = {
    "dw_min": (1e-4, 0.25),
    "dw_min_spread": (0.0, 0.5),
    "up_down": (-0.5, 0.5),
    "up_down_spread": (0.0, 0.5),
    "c2c": (0.0, 1.0),
    "w_max": (0.05, 1.5),
    "w_min": (-1.5, -0.05),
    "w_max_spread": (0.0, 0.5),
    "w_min_spread": (0.0, 0.5),
    "adc_range": (0.01, 1000.0),
    "adc_noise": (0.0, 1000.0),
}
_WHOLE = {
    "weight_bits": (10, 17),
    "step_bits": (3, 9),
    "bound_bits": (3, 9),
    "input_full_scale": (1, CHARGE_MAX),
    "seed": (0, 0xFFFFFFFF),
}


@dataclass(frozen=True)
class Levels:
    """Values of a parameter that differs from cell to cell: ``base + (code << shift)``, code 0 ... ``2**bits - 1``."""

    base: int
    shift: int
    bits: int

    @property
    def largest(self) -> int:
        """The value of the largest code."""
        return self.value((1 << self.bits) - 1)

    def value(self, code: int) -> int:
        """Return a code's value."""
        return self.base + (code << self.shift)

    def code(self, value: float) -> int:
        """Return the code whose value is nearest."""
        return min(max(math.floor((value - self.base) / (1 << self.shift) + 0.5), 0), (1 << self.bits) - 1)


@dataclass(frozen=True)
class AdcScale:
    """How a sum becomes a code: ``value * factor + (noise * noise_factor << fraction - 16)``, rounded at ``fraction`` bits.

    ``value`` is ``(sum << gain) >> shift``, cut to 18 bits, and ``noise`` the sum of four bytes less its mean.
    """

    shift: int
    factor: int
    noise_factor: int
    fraction: int


@dataclass(frozen=True)
class EmulatedConfig:
    """An array of soft-bounds cells in fixed point.

    Parameters
    ----------
    lanes : int
        Columns that are worked on side by side: 1, 2, 4 or 8. Two multipliers and two memories each; the cells of a tile with as
        many columns as a multiple of it behave the same for any.
    weight_bits : int
        Bits of a cell's state, 10 to 17; its unit is 2**-(weight_bits - 2), its range -2 to 2.
    step_bits, bound_bits : int
        Bits of the codes of each cell's two slopes and two bounds, 3 to 9. The default, 5 and 4, fills an 18-bit memory.
    dw_min : float
        Mean step of a pulse at conductance 0, .0001 to .25.
    dw_min_spread, up_down, up_down_spread : float
        The step up is dw_min (g + r) and the step down dw_min (g - r), with g = 1 + dw_min_spread xi and r = up_down / 2 +
        up_down_spread xi'. Spreads 0 to .5, up_down -.5 to .5.
    c2c : float
        Standard deviation of a pulse's step over its mean, from pulse to pulse; 0 to 1.
    w_max, w_min, w_max_spread, w_min_spread : float
        Mean bounds, .05 to 1.5 and -1.5 to -.05, and the relative standard deviation of each over the cells, 0 to .5.
    adc_range : float
        Full scale of the ADC, in weights times full-scale inputs at gain 0; .01 to 1000.
    adc_noise : float
        Standard deviation of its noise in the same unit, behind the gain; 0 to adc_range.
    input_full_scale : int
        Charge, in clock cycles at read level, that counts as input 1; 1 to 255.
    seed : int
        Of all spread and noise, 0 to 2**32 - 1.

    Raises
    ------
    ConfigurationError
        If a value is out of its range, or the values together need more bits than the arithmetic has.
    """

    lanes: int = 4
    weight_bits: int = 17
    step_bits: int = 5
    bound_bits: int = 4
    dw_min: float = 0.02
    dw_min_spread: float = 0.3
    up_down: float = 0.0
    up_down_spread: float = 0.0
    c2c: float = 0.3
    w_max: float = 0.6
    w_min: float = -0.6
    w_max_spread: float = 0.3
    w_min_spread: float = 0.3
    adc_range: float = 12.0
    adc_noise: float = 0.06
    input_full_scale: int = 63
    seed: int = 1

    def __post_init__(self) -> None:
        if type(self.lanes) is not int or self.lanes not in (1, 2, 4, 8):
            raise ConfigurationError(f"lanes is {self.lanes!r}; allowed are 1, 2, 4 and 8")
        for key, (least, most) in _WHOLE.items():
            value = getattr(self, key)
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                raise ConfigurationError(f"{key} is {value!r}; allowed are whole numbers from {least} to {most}")
        for key, (low, high) in _RANGES.items():
            value = getattr(self, key)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
                raise ConfigurationError(f"{key} is {value!r}; allowed are numbers from {low:g} to {high:g}")
        if self.adc_noise > self.adc_range:
            raise ConfigurationError(f"adc_noise is {self.adc_noise}; allowed is up to adc_range, {self.adc_range}")
        limit = 1 << (self.weight_bits - 1)
        if max(self.high.largest, self.low.largest) >= limit:
            raise ConfigurationError(
                f"w_max is {self.w_max} and w_min {self.w_min} with spreads {self.w_max_spread} and {self.w_min_spread} "
                f"and codes of {self.bound_bits} bits; allowed are bounds whose codes stay within +-2"
            )
        if self.largest_slope >= 1 << SLOPE_FRACTION:
            raise ConfigurationError(
                f"dw_min is {self.dw_min} for bounds of {self.w_max} and {self.w_min}; "
                "allowed are steps well below the bounds, also with their spreads"
            )

    @property
    def unit(self) -> float:
        """The conductance that 1 of a state stands for."""
        return 1.0 / (1 << (self.weight_bits - 2))

    @property
    def high(self) -> Levels:
        """The upper bounds, in units."""
        return self._levels(self.w_max / self.unit, self.w_max_spread, self.bound_bits)

    @property
    def low(self) -> Levels:
        """The lower bounds, in units, less their sign."""
        return self._levels(-self.w_min / self.unit, self.w_min_spread, self.bound_bits)

    @property
    def slope_up(self) -> Levels:
        """Mean step up over the distance to the upper bound, in multiples of 2**-16."""
        return self._slope(self.dw_min * (1.0 + self.up_down / 2.0) / self.w_max, self.w_max_spread)

    @property
    def slope_down(self) -> Levels:
        """Mean step down over the distance to the lower bound, in multiples of 2**-16."""
        return self._slope(self.dw_min * (1.0 - self.up_down / 2.0) / -self.w_min, self.w_min_spread)

    @property
    def largest_slope(self) -> int:
        """The largest slope that a cell can have."""
        return max(self.slope_up.largest, self.slope_down.largest)

    @property
    def step_shift(self) -> int:
        """Bits that the product of distance and slope loses, so that the rest fits the next multiplication."""
        distance = self.high.largest + self.low.largest
        return max((distance * self.largest_slope).bit_length() - OPERAND_BITS, 0)

    @property
    def noise_factor(self) -> int:
        """What the sum of four bytes less its mean is multiplied with, in multiples of 2**-16."""
        return round(self.c2c * (1 << (2 * NOISE_FRACTION)) / BYTES_DEVIATION)

    def adc_scale(self, adc_max: int) -> AdcScale:
        """Return the conversion of sums of charge times state, in units, to codes of that largest size."""
        full = self.adc_range * self.input_full_scale / self.unit
        shift = max(math.frexp(full)[1] - OPERAND_BITS, 0)
        ratio = adc_max * (1 << shift) / full
        fraction = max(OPERAND_BITS - math.frexp(ratio)[1], ADC_NOISE_FRACTION)
        noise = self.adc_noise * adc_max / self.adc_range / BYTES_DEVIATION
        return AdcScale(shift, round(ratio * 2.0**fraction), round(noise * 2.0**ADC_NOISE_FRACTION), fraction)

    def groups(self, controller: ControllerConfig) -> int:
        """Return the addresses of a row: its columns are worked on that many times ``lanes``."""
        return -(-controller.columns // self.lanes)

    def addresses(self, controller: ControllerConfig) -> int:
        """Return the addresses of a tile."""
        return controller.rows * self.groups(controller)

    def require_fit(self, controller: ControllerConfig) -> None:
        """Refuse a controller with more cells than the noise tells apart.

        Raises
        ------
        ConfigurationError
            If there are too many.
        """
        cells = controller.tiles * self.addresses(controller) * self.lanes
        if cells > 1 << CELL_BITS:
            raise ConfigurationError(
                f"the emulated array would have {cells} cells (columns rounded up to a multiple of {self.lanes}); "
                f"allowed are up to {1 << CELL_BITS}"
            )

    def minimum_slot(self, controller: ControllerConfig) -> int:
        """Return the clock cycles that WIDTH + GAP must have at least, so that no slot comes before the last is worked off."""
        return self.addresses(controller) + SLOT_OVERHEAD

    def read_latency(self, controller: ControllerConfig, forward: bool, differential: bool) -> int:
        """Return the clock cycles from the sample to a read's first beat; every further beat takes one more."""
        passes = 2 if differential else 1
        if forward:
            return self.groups(controller) * passes * max(controller.rows, self.lanes) + self.lanes + READ_OVERHEAD
        return self.addresses(controller) * passes + 1 + READ_OVERHEAD

    def _levels(self, mean: float, spread: float, bits: int) -> Levels:
        """Spread ``2**bits`` values around a mean, none below a sixteenth of it."""
        covered = _COVERED * spread * mean
        shift = 0
        while 1 << (bits + shift) < covered:
            shift += 1
        base = round(mean) - (1 << (bits + shift - 1))
        return Levels(max(base, round(mean / 16.0), 1), shift, bits)

    def _slope(self, mean: float, bound_spread: float) -> Levels:
        squares = self.dw_min_spread**2 + self.up_down_spread**2 + bound_spread**2
        return self._levels(mean * (1 << SLOPE_FRACTION), math.sqrt(squares), self.step_bits)


def load_emulated(source: str | Path) -> EmulatedConfig:
    """Read a TOML file with one table ``[emulated]``, the fields of :class:`EmulatedConfig`; ``emulated`` gives the defaults.

    Raises
    ------
    ConfigurationError
        If the file cannot be read or is not TOML, or a key or a value is wrong.
    """
    if str(source) == "emulated":
        return EmulatedConfig()
    path = Path(source)
    if path.suffix != ".toml":
        raise ConfigurationError(f"there is no array {str(source)!r}; allowed are emulated or a .toml file")
    table = read_table(path, "emulated")
    known = {field.name for field in fields(EmulatedConfig)}
    for key in table:
        if key not in known:
            raise ConfigurationError(f"{path}: [emulated] has the key {key!r}; allowed are {', '.join(sorted(known))}")
    try:
        return EmulatedConfig(**table)  # type: ignore[arg-type]  # checked by the class itself
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from None
