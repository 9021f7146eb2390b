"""The emulated array under the host program: the golden model and the RTL train it to the same bits in the same clock cycles."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from crosstwin_model.config import PRESETS
from crosstwin_model.emulated import EmulatedPlant
from crosstwin_model.emulated_config import EmulatedConfig
from crosstwin_model.plant import Plant
from crosstwin_model.registers import TileKind
from crosstwin_sim.backend import Backend
from crosstwin_sim.cli.main import run
from crosstwin_sim.crossbar import Crossbar, PulseSettings, ReadSettings
from crosstwin_sim.driver import Counters, Driver
from crosstwin_sim.model_backend import ModelBackend
from crosstwin_sim.rtl import RtlBackend

CONFIG = PRESETS["tiny"]
ARRAY = EmulatedConfig(adc_range=1.0, adc_noise=0.01)


def learn(backend: Backend, steps: int) -> tuple[float, Counters]:
    """Learn a matrix by stochastic Hamiltonian descent after a zero-shift; return the rms error and the counters."""
    Driver.of(backend).give_time(ARRAY)
    crossbar = Crossbar(backend, 1, pulses=PulseSettings(ARRAY.dw_min), reads=ReadSettings())
    crossbar.zero_shift(100)
    crossbar.set_transfer(2, 0.2)
    rng = np.random.default_rng(1)
    target = rng.uniform(-0.25, 0.25, (CONFIG.rows, CONFIG.columns))
    for _ in range(steps):
        x = rng.uniform(-1, 1, CONFIG.rows)
        crossbar.update(x, x @ target - crossbar.forward(x), 0.4, TileKind.A)
    return float(np.std(crossbar.weights() - target)), crossbar.counters()


def new_plant() -> Plant:
    return cast(Plant, EmulatedPlant(CONFIG, ARRAY))


def test_the_rtl_trains_to_the_same_bits_in_the_same_clock_cycles() -> None:
    golden = ModelBackend(CONFIG, new_plant())
    rtl = RtlBackend(CONFIG, new_plant())
    error, counters = learn(golden, 300)
    assert error < 0.07  # of .14 at first; one cell's bound is nearer than its target
    assert learn(rtl, 300) == (error, counters)
    assert rtl.plant.digest() == golden.plant.digest()
    rtl.close()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--device", "s2"), "--array has devices and converters of its own"),
        (("--trace", "x.h5"), "leave --trace out"),
    ],
)
def test_options_of_the_analog_array_are_refused(
    options: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["train", "digits", "--array", "emulated", *options]) == 2
    assert sentence in " ".join(capsys.readouterr().err.split())
