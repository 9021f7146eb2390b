"""What the analog side is made of: one frozen object, given to :class:`crosstwin_model.plant.Plant`."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from crosstwin_model.config import ConfigurationError
from crosstwin_model.devices import DEVICES, Device


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
    adc_latency : int
        Clock cycles from the sample to the first beat, 1 to 65535.
    adc_interval : int
        Clock cycles from a beat to the next, 1 to 65535.
    adc_stall : int
        Up to that many clock cycles more before a beat, drawn for each; 0 to 65535.
    initial : float
        Conductances of C and A tiles are at first spread uniformly over +-initial, then cut to the cells' bounds; at least 0.
        Those of reference tiles are 0.

    Raises
    ------
    ConfigurationError
        If a value is out of its range.
    """

    device: Device = field(default_factory=lambda: DEVICES["s1"])
    seed: int = 1
    adc_range: float = 12.0
    adc_noise: float = 0.06
    dac_noise: float = 0.0
    input_full_scale: int = 63
    adc_latency: int = 4
    adc_interval: int = 1
    adc_stall: int = 0
    initial: float = 0.0

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
        for key, low, high in (("adc_range", 1e-6, 1e6), ("adc_noise", 0.0, 1e6), ("dac_noise", 0.0, 1e3), ("initial", 0.0, 8.0)):
            value = getattr(self, key)
            if (
                isinstance(value, bool)
                or not isinstance(value, (int, float))
                or not math.isfinite(value)
                or not low <= value <= high
            ):
                raise ConfigurationError(f"{key} is {value!r}; allowed are numbers from {low:g} to {high:g}")
