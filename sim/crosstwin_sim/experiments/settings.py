"""Settings of a training run, and those of the digits experiment that were tuned, one set a device and algorithm.

Those of digits were searched for in a float simulation of the same training, and compared with their neighbours on the real
path by ``benchmarks/tune_digits.py``, always on validation samples, a fifth of the training samples. A split's own test samples
took no part in that; but the tuning's seeds split the same 1797 digits, so its samples include test samples of the reported
seeds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from crosstwin_model.config import SOURCE_NAMES
from crosstwin_model.devices import DEVICES, Device
from crosstwin_sim.errors import CrosstwinError
from crosstwin_sim.network import Algorithm


@dataclass(frozen=True)
class Settings:
    """How one device is trained by one algorithm; tuples have one entry a layer.

    Parameters
    ----------
    rates : tuple of float
        Learning rates of the pulsed updates (:class:`crosstwin_sim.network.Layer`).
    transfer_rates : tuple of float
        What a transfer adds to C per unit of A; SHD only.
    transfer_every : tuple of int
        Updates of A between two transfers; SHD only.
    decay : float
        In epoch e of E the rates of C (SGD's rates, SHD's transfer rates) are divided by 1 + decay e / (E - 1).
    skip_below : float
        A sample is learned from only where its largest output error is at least that.
    scales : tuple of float
        Factors behind the crossbars' outputs.
    initial : tuple of float
        Weights begin uniformly within +- that.
    forward_gains, backward_gains, transfer_gains : tuple of int
        Analog gains before the ADC, as powers of two: its range is +-12 / 2**gain.
    transfer_bl : int
        Largest BL of a transfer.
    bl_min, bl_max : int
        Range of an update's BL.
    source : str
        Random source of updates and transfers.
    bound_steps : int
        Repeats of a read that saturates, at most (bound management), 0 to 15.
    step : float or None
        Conductance step that the host plans a pulse with; None takes the device's dw_min.

    Raises
    ------
    CrosstwinError
        If a value is out of its range; what the controller must allow too, :class:`crosstwin_sim.crossbar.Crossbar` checks.
    """

    rates: tuple[float, ...]
    transfer_rates: tuple[float, ...] = (0.0, 0.0)
    transfer_every: tuple[int, ...] = (2, 2)
    decay: float = 2.0
    skip_below: float = 0.1
    scales: tuple[float, ...] = (2.0, 2.0)
    initial: tuple[float, ...] = (0.12, 0.3)
    forward_gains: tuple[int, ...] = (3, 1)
    backward_gains: tuple[int, ...] = (3, 3)
    transfer_gains: tuple[int, ...] = (5, 5)
    transfer_bl: int = 8
    bl_min: int = 1
    bl_max: int = 32
    source: str = "hammersley"
    bound_steps: int = 0
    step: float | None = None

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            for entry in value if isinstance(value, tuple) else (value,):
                _require(one.name, entry)
        if self.bl_min > self.bl_max:
            raise CrosstwinError(f"bl_min is {self.bl_min}; allowed are 1 to bl_max, {self.bl_max}")


#: Fields that may be 0; the other numbers are above it. SGD has transfer rates of 0, and does not use them.
_FROM_0 = frozenset(("transfer_rates", "decay", "skip_below", "bound_steps", "forward_gains", "backward_gains", "transfer_gains"))
#: Largest values of the fields that have one.
_AT_MOST = {
    "transfer_every": 0xFFFF,
    "skip_below": 1,
    "forward_gains": 15,
    "backward_gains": 15,
    "transfer_gains": 15,
    "transfer_bl": 128,
    "bl_min": 128,
    "bl_max": 128,
    "bound_steps": 15,
    "step": 1,
}


def _require(name: str, value: float | str | None) -> None:
    """Refuse a value of a field that is out of its range."""
    if isinstance(value, str):
        if value not in SOURCE_NAMES or value == "count":
            raise CrosstwinError(f"{name} is {value!r}; allowed are hammersley, lfsr and lfsr_per_line")
        return
    if value is None:
        return
    most = _AT_MOST.get(name)
    low = value >= 0 if name in _FROM_0 else value > 0
    if not (math.isfinite(value) and low and (most is None or value <= most)):
        least = "0 or more" if name in _FROM_0 else "above 0"
        raise CrosstwinError(f"{name} is {value}; allowed are numbers {least}{'' if most is None else f', at most {most}'}")


#: The float reference takes scales, initial weights, skipping and decay from the device's SHD settings, and these rates.
FLOAT_RATES = (0.05, 0.05)

SETTINGS: dict[str, dict[Algorithm, Settings]] = {
    "s1": {
        Algorithm.SHD: Settings(rates=(0.1, 0.1), transfer_rates=(0.32, 0.05)),
        Algorithm.SGD: Settings(rates=(0.014, 0.014), scales=(1.0, 2.0), skip_below=0.3, source="lfsr_per_line"),
    },
    "s2": {
        Algorithm.SHD: Settings(rates=(0.15, 0.15), transfer_rates=(0.32, 0.1)),
        Algorithm.SGD: Settings(rates=(0.07, 0.035), scales=(1.0, 1.0), skip_below=0.0, bl_min=8, source="lfsr_per_line"),
    },
    "s3": {
        Algorithm.SHD: Settings(rates=(0.1, 0.1), transfer_rates=(0.32, 0.1)),
        Algorithm.SGD: Settings(rates=(0.036, 0.036), source="lfsr_per_line"),
    },
    "symmetric": {
        Algorithm.SHD: Settings(rates=(0.16, 0.32), transfer_rates=(0.4, 0.05), transfer_every=(3, 3)),
        Algorithm.SGD: Settings(rates=(0.054, 0.054), skip_below=0.2, source="lfsr_per_line"),
    },
}


def tuned_settings(device: Device, algorithm: Algorithm) -> Settings | None:
    """Return the settings that were searched for on a preset, or None for a device that has none of its own.

    A device is known by what it is: a file that calls other devices ``s1`` gets none.
    """
    if device.name not in SETTINGS or DEVICES.get(device.name) != device:
        return None
    return SETTINGS[device.name][algorithm]


def digits_settings(device: str, algorithm: Algorithm) -> Settings:
    """Return the tuned settings of the preset of that name."""
    return SETTINGS[device][algorithm]
