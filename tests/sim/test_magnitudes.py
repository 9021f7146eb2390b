"""Vectors of the smallest and the largest magnitudes, and updates that are too large for their pulses."""

import numpy as np
import pytest

from crosstwin_model.config import ControllerConfig
from crosstwin_model.devices import DEVICES
from crosstwin_model.plant import Plant, PlantConfig
from crosstwin_sim.crossbar import Crossbar, PulseSettings
from crosstwin_sim.direct import DirectCrossbar
from crosstwin_sim.model_backend import ModelBackend


@pytest.mark.parametrize("size", [5e-324, 1e-310, 1e-300, 1e-30, 1e30, 1e290])
def test_magnitudes_from_end_to_end(size: float) -> None:
    config = ControllerConfig("test", rows=4, columns=4)
    settings = PlantConfig(device=DEVICES["s1"], adc_noise=0.0, initial=0.5)
    pulses = PulseSettings(step=0.01)
    unit = np.array([1.0, -1.0, 0.0, 1.0])
    plants = [Plant(config, settings) for _ in range(3)]
    small, direct, plain = (
        Crossbar(ModelBackend(config, plants[0]), pulses=pulses),
        DirectCrossbar(plants[1], pulses=pulses),
        Crossbar(ModelBackend(config, plants[2]), pulses=pulses),
    )
    expected = plain.forward(unit)
    for crossbar in (small, direct):
        outputs = crossbar.forward(size * unit)
        assert np.isfinite(outputs).all()
        assert np.allclose(outputs, size * expected, rtol=1e-9, atol=5e-324 * 10)
        crossbar.update(size * unit, unit, 0.1 / max(size, 1e-290))
    assert plants[0].digest() == plants[1].digest()


def test_outputs_never_overflow() -> None:
    config = ControllerConfig("test", rows=4, columns=4)
    for crossbar in (
        Crossbar(ModelBackend(config, Plant(config, PlantConfig())), pulses=PulseSettings(step=0.01)),
        DirectCrossbar(Plant(config, PlantConfig()), pulses=PulseSettings(step=0.01)),
    ):
        with pytest.raises(ValueError, match=r"x\[0\] is 1e\+308; allowed are finite numbers within \+-1e\+290"):
            crossbar.forward(np.full(4, 1e308))
        # Rate and vectors are finite, their product is not: the update saturates, as for any rate that is too large.
        crossbar.update(np.full(4, 1e290), np.ones(4), 1e300)
        crossbar.update(np.full(4, 1e290), np.zeros(4), 1e300)
