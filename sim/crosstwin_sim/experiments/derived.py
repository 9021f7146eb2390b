"""Settings for devices that none were tuned for: a rule that carries settings from one device over to another.

Settings that were tuned on a reference device, ``s1``, are kept where a device behaves alike, in units of what sets its scale.

*Range.* A network sees scale x conductance only. With the half range b of the cells (the smaller of both mean bounds) the scale
is multiplied with b_ref / b, and rates, initial weights and the ranges of reads follow, so that each is the same part of the
range, or of what the network sees (Gokmen and Vlasov 2016, and Rasch et al. 2024, 10.1038/s41467-024-51221-z, who give rates in
parts of range and step).

*Steps.* A pulse moves a cell by dw where it works: at its symmetry point, which is where SHD holds A, or at 0. The host counts
pulses with that step. Small ones need more slots for the same rate, so BL grows to what the controller has.

*Noise.* Pulses up and down, of size dw and with noise s_p from pulse to pulse (c2c dw in most rules), move a cell at random. Its
asymmetry pulls it back by dw / b of the way. Its variance settles at b (dw^2 + s_p^2) / (2 dw), to which write noise s_w adds
s_w^2. In parts of b this is

    noise = sqrt((s_w / b)^2 + (dw^2 + s_p^2) / (2 b dw)).

Where it is more than the reference's, the scale is multiplied with f = noise_ref / noise. Noise in what the network sees then
stays as it is, and weights fill their range. Rates and transfer rates are divided by f, so that a step of scale x conductance
stays the same. The decay of the rates is divided by f too, so that the weights come to rest. The transfer rates r of the layers
come closer to their geometric mean m, as m^(1 - f) r^f: that was found by trial, on the noisy presets. BL and gains follow.

*Symmetry points.* SHD needs those of A to be at its reference (Gokmen and Haensch 2020, 10.3389/fnins.2020.00103). Where they
are off by more than a tenth of the half range, root mean square over cells, A is zero-shifted; that needs cells that have one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from crosstwin_model.config import ControllerConfig
from crosstwin_model.devices import DEVICES, Device
from crosstwin_model.devices.base import UP, CellDraws
from crosstwin_sim.network import Algorithm
from crosstwin_sim.scaling import GAINS, Converters, Floats

from .settings import Settings

Cells = npt.NDArray[np.float32]

#: The device that settings are carried over from.
REFERENCE = DEVICES["s1"]
#: The ADC range that its read gains were tuned with.
_REFERENCE_RANGE = 12.0
#: Cells that a device's mean behaviour is taken over.
_CELLS = 4096
#: Part of the half range beyond which scattered symmetry points ask for zero-shift, and of the cells that may have none.
_SCATTERED, _WITHOUT = 0.1, 0.005
#: Pulses after which a pair that is still not near its refresh is taken as it is.
_LONGEST = 20_000
#: Least full scale of a transfer, so that rounding it to a whole number changes the rate by 3 % at most.
_LEAST_FULL_SCALE = 16
#: Devices of that many states the rule was measured on, about (``benchmarks/bench_presets.py``).
MEASURED_STATES = (14, 10_000)


@dataclass(frozen=True)
class Traits:
    """What the rule takes from a device.

    Parameters
    ----------
    half_range : float
        Half of the range that weights of both signs have, in conductance: the smaller mean bound.
    step : float
        Mean step of a pulse where cells work, in conductance.
    noise : float
        Standard deviation of a cell that is pulsed up and down at random, in parts of the half range.
    off_centre : float
        Root mean square over cells of the symmetry points, in parts of the half range; 0 where they are at the reference, and
        for pairs.
    shiftable : bool
        Whether A can be zero-shifted: cells have symmetry points.
    """

    half_range: float
    step: float
    noise: float
    off_centre: float
    shiftable: bool

    @property
    def states(self) -> float:
        """Steps in the whole range."""
        return 2.0 * self.half_range / self.step


@dataclass(frozen=True)
class Derived:
    """Settings by the rule, whether A is to be zero-shifted, and the traits that they follow from."""

    settings: Settings
    zero_shift: bool
    traits: Traits


def traits(device: Device) -> Traits:
    """Return what the rule takes from a device."""
    draws = CellDraws(1, 0, _CELLS)
    planes = device.cell_planes(draws)
    half_range = device.w_max if device.one_sided else min(device.w_max, -device.w_min)
    points = np.zeros(_CELLS) if device.one_sided else device.symmetry_point(planes)
    found = points[np.isfinite(points)]
    shiftable = not device.one_sided and found.size >= (1.0 - _WITHOUT) * _CELLS
    fixed = device.one_sided or device.at_symmetry_point
    off_centre = 0.0 if fixed or not found.size else _rounded(float(np.sqrt(np.mean(found * found))) / half_range)
    if device.one_sided:
        step, jitter = _travel(device, planes)
    else:
        step, jitter = _steps(device, planes, points if shiftable else np.zeros(_CELLS))
    # A cell may rest where steps are next to nothing; the host plans with no less than a thousandth of the nominal step.
    step = _rounded(min(max(step, 1e-3 * device.dw_min), 1.0))
    written = device.write_noise * device.dw_min
    noise = _rounded(math.sqrt(written * written + (step * step + jitter * jitter) * half_range / (2.0 * step)) / half_range)
    return Traits(half_range, step, noise, off_centre, shiftable)


def derive(
    tuned: Settings, device: Device, algorithm: Algorithm, controller: ControllerConfig, converters: Converters
) -> Derived:
    """Return settings for a device by the rule of this module.

    Parameters
    ----------
    tuned : Settings
        Those that were tuned on :data:`REFERENCE`, with the default converters.
    device : Device
        Any device; for the reference and the default converters the tuned settings come back.
    algorithm : Algorithm
        What they are for.
    controller : ControllerConfig
        Gives the largest BL and full scale, and the ADC's codes.
    converters : Converters
        Of the array.
    """
    reference, mine = traits(REFERENCE), traits(device)
    quiet = min(1.0, reference.noise / mine.noise)
    widened = mine.half_range / reference.half_range
    scale, decay = quiet / widened, tuned.decay / quiet
    forward = [_gain(gain, converters, 1.0 / scale) for gain in tuned.forward_gains]
    backward = [_gain(gain, converters, widened) for gain in tuned.backward_gains]
    transfer = [_gain(gain, converters, widened / quiet) for gain in tuned.transfer_gains]
    rates = tuple(rate / scale for rate in tuned.rates)
    settings = replace(
        tuned,
        rates=rates,
        decay=decay,
        scales=tuple(each * scale for each in tuned.scales),
        initial=tuple(each * widened for each in tuned.initial),
        forward_gains=tuple(max(gain, 0) for gain in forward),
        backward_gains=tuple(max(gain, 0) for gain in backward),
        bl_max=_slots(max(rates) / mine.step, tuned.bl_max, controller),
        # A read that needs more than the ADC's whole range is repeated with smaller inputs.
        bound_steps=min(tuned.bound_steps + max(0, -min(forward + backward)), 15),
        step=None if device == REFERENCE else mine.step,
    )
    if algorithm is Algorithm.SHD:
        mean = math.prod(tuned.transfer_rates) ** (1.0 / len(tuned.transfer_rates))
        wanted = [_rounded(mean ** (1.0 - quiet) * rate**quiet / quiet) for rate in tuned.transfer_rates]
        settings = _with_transfers(settings, wanted, transfer, controller, converters)
    shift = algorithm is Algorithm.SHD and mine.shiftable and mine.off_centre > _SCATTERED
    return Derived(settings, shift, mine)


def _with_transfers(
    settings: Settings, wanted: list[float], gains: list[int], controller: ControllerConfig, converters: Converters
) -> Settings:
    """Return settings with transfers of a rate that the controller's full scales and BL can give.

    A transfer gives BL / F coincidences an ADC code, F its full scale. The gain is lowered where F would be too large: a code is
    then worth more. What is left is cut to what can be given.
    """
    step = REFERENCE.dw_min if settings.step is None else settings.step
    unit = converters.input_full_scale / 63 * converters.adc_range / controller.adc_max
    floor = 1.0 / controller.full_scale_max
    chosen, rates, slots = [], [], settings.transfer_bl
    for rate, gain in zip(wanted, (min(max(gain, 0), GAINS - 1) for gain in gains), strict=True):
        last = rate / (1.0 + settings.decay)
        while gain and last * unit / 2**gain / step < 1.01 * floor:
            gain -= 1
        count = unit / 2**gain / step
        rate = max(rate, 1.02 * floor / count * (1.0 + settings.decay))
        slots = max(slots, _slots(rate * count * controller.adc_max, settings.transfer_bl, controller))
        chosen.append(gain)
        rates.append(min(rate, controller.bl_max / _LEAST_FULL_SCALE / count))
    return replace(settings, transfer_rates=tuple(rates), transfer_gains=tuple(chosen), transfer_bl=slots)


def _gain(tuned: int, converters: Converters, factor: float) -> int:
    """Return the largest gain with a range of ``factor`` times the tuned one's; below 0 where the ADC has no such range."""
    wanted = _REFERENCE_RANGE / 2**tuned * factor
    # The reference itself must come out as it is, whatever the rounding.
    return min(math.floor(math.log2(converters.adc_range / wanted) + 1e-9), GAINS - 1)


def _slots(pulses: float, least: int, controller: ControllerConfig) -> int:
    """Return the smallest power of two of slots for that many pulses, from the tuned BL on, that the controller has."""
    slots = min(least, controller.bl_max)
    while slots < pulses and 2 * slots <= controller.bl_max:
        slots *= 2
    return slots


def _rounded(value: float) -> float:
    """Return four digits of a number, so that all machines get the same one, in whatever order they add."""
    return float(f"{value:.4g}")


def _jitter(device: Device, planes: Cells, at: Floats) -> Floats:
    """Return the standard deviation of an up pulse's change from pulse to pulse, of each cell."""
    cells, w, shape = np.arange(_CELLS), at.astype(np.float32), device.cell_shape()[UP]
    moved, still = (device.pulse_step(w, planes[UP], cells, np.float32(noise), shape) for noise in (device.c2c, 0.0))
    return np.abs(np.asarray(moved, np.float64) - np.asarray(still, np.float64))


def _steps(device: Device, planes: Cells, points: Floats) -> tuple[float, float]:
    """Return the mean size of a step up or down at the symmetry points, at 0 where there is none, and its noise."""
    at = np.where(np.isfinite(points), points, 0.0)
    sizes = 0.5 * (np.abs(device.mean_step(at, planes, True)) + np.abs(device.mean_step(at, planes, False)))
    return float(np.mean(sizes)), float(np.mean(_jitter(device, planes, at)))


def _travel(device: Device, planes: Cells) -> tuple[float, float]:
    """Return the mean step of a pair's conductances on their way from a reset to their refresh, and its noise.

    Steps become smaller and smaller on that way; their mean is the way over its pulses.
    """
    at = np.full(_CELLS, device.reset)
    pulses, noise = np.zeros(_CELLS), np.zeros(_CELLS)
    last = device.refresh_above * planes[UP, 1].astype(np.float64)
    for _ in range(_LONGEST):
        moving = at < last
        if not moving.any():
            break
        pulses += moving
        noise += moving * _jitter(device, planes, at)
        at = np.where(moving, at + np.maximum(device.mean_step(at, planes, True), 0.0), at)
    pulses = np.maximum(pulses, 1.0)
    return float(np.mean((at - device.reset) / pulses)), float(np.mean(noise / pulses))
