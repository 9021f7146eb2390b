"""Fits: known devices are found again from noisy pulse trains, and intervals hold the truth as often as they say."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from scipy import stats

from crosstwin_model.config import ControllerConfig
from crosstwin_model.devices import RULES, Device
from crosstwin_model.plant import Plant
from crosstwin_model.plant_config import PlantConfig
from crosstwin_sim.cli import device_fit
from crosstwin_sim.cli.main import run
from crosstwin_sim.devices import likelihood
from crosstwin_sim.devices.fit_data import DeviceData, Measurement, read_measurement
from crosstwin_sim.devices.fit_parameters import Parameters
from crosstwin_sim.devices.fit_population import Estimate
from crosstwin_sim.devices.fitting import Fit, fit_rules
from crosstwin_sim.devices.likelihood import mean_planes, predict
from crosstwin_sim.devices.maximum import maximise
from crosstwin_sim.errors import CrosstwinError


def _trains(
    device: Device, cells: int, pulses: int, seed: int, read_noise: float = 0.0, every: int = 1
) -> tuple[DeviceData, ...]:
    """Pulse cells of the plant up and down, twice, and read them after every few pulses."""
    plant = Plant(ControllerConfig("fit", 1, cells), PlantConfig(device=device, seed=seed))
    noise = np.random.default_rng(seed)
    row, columns = (np.full((lines, 1), (1 << every) - 1, np.uint64) for lines in (1, cells))
    values, up, count = [plant.conductance(0)[0].astype(np.float64)], [0], [0]
    for direction in 2 * ((pulses // every) * [1] + (pulses // every) * [0]):
        plant.pulse(0, bool(direction), row, columns)
        values.append(plant.conductance(0)[0].astype(np.float64))
        up.append(direction)
        count.append(every)
    table = np.array(values) + read_noise * noise.standard_normal((len(values), cells))
    return tuple(DeviceData(f"d{i}", table[:, i].copy(), np.array(up), np.array(count)) for i in range(cells))


def _fit(device: Device, data: tuple[DeviceData, ...]) -> Fit:
    return fit_rules(Measurement("made.csv", "", data, 0.0, 1.0), [device.rule], "made")[0]


def _holds(estimate: Estimate, truth: float, widen: float = 1.0) -> bool:
    assert estimate.low is not None and estimate.high is not None
    half = 0.5 * widen * (estimate.high - estimate.low)
    return abs(truth - 0.5 * (estimate.high + estimate.low)) <= half


SOFT = RULES["soft_bounds"]("soft", 0.03, c2c=0.3, up_down=0.2, w_max=0.6, w_min=-0.5)
DEVICES = {
    "soft_bounds": SOFT,
    "linear_step": RULES["linear_step"]("linear", 0.02, c2c=0.3, w_max=0.7, w_min=-0.6, gamma_up=0.5, gamma_down=0.3),  # type: ignore[call-arg]
    "constant_step": RULES["constant_step"]("constant", 0.02, c2c=0.4, up_down=-0.3, w_max=0.5, w_min=-0.4),
    "power_step": RULES["power_step"]("power", 0.04, c2c=0.3, w_max=0.6, w_min=-0.6, gamma_up=1.5, gamma_down=0.8),  # type: ignore[call-arg]
}


@pytest.mark.parametrize(
    ("rule", "read_noise"),
    [("constant_step", 0.0), ("soft_bounds", 0.0), ("soft_bounds", 0.01), ("linear_step", 0.01), ("power_step", 0.01)],
)
def test_a_known_device_is_found_again(rule: str, read_noise: float) -> None:
    device = DEVICES[rule]
    found = _fit(device, _trains(device, 1, 120, seed=5, read_noise=read_noise))
    assert found.device.rule == rule
    assert found.r2 > 0.97
    for estimate in found.estimates:
        if estimate.name == "write_noise":
            assert abs(estimate.value * found.device.dw_min - read_noise) < 0.002
        else:
            # Twice the half width is some four standard errors, so that none of these fails by bad luck.
            assert _holds(estimate, getattr(device, estimate.name), widen=2.0), estimate


def test_an_exponential_device_is_found_again() -> None:
    """Its parameters stand in for each other, but the steps that they give are those of the device."""
    device = RULES["exponential_step"](  # type: ignore[call-arg]
        "exponential", 0.02, c2c=0.3, a=-0.5, b=-0.5, gamma_up=5.0, gamma_down=5.0, amplitude_up=-1.2, amplitude_down=-0.08
    )
    found = _fit(device, _trains(device, 1, 200, seed=3))
    assert found.r2 > 0.99
    free = np.linspace(-0.5, 0.5, 11)
    for up in (True, False):
        truth, fitted = np.array(
            [[float(one.mean_step(np.array([w]), mean_planes(one), up)[0]) for w in free] for one in (device, found.cells[0])]
        )
        assert np.abs(fitted - truth).max() < 0.15 * np.abs(truth).mean()


def test_the_best_rule_is_the_one_that_made_the_data() -> None:
    data = _trains(SOFT, 1, 100, seed=2, read_noise=0.003)
    fits = fit_rules(Measurement("made.csv", "", data, 0.0, 1.0), ["constant_step", "linear_step", "soft_bounds"], "made")
    assert fits[0].device.rule == "soft_bounds"
    assert [fit.aic for fit in fits] == sorted(fit.aic for fit in fits)


@pytest.mark.parametrize("additive", [False, True])
def test_additive_noise_is_told_from_noise_that_multiplies(additive: bool) -> None:
    device = replace(SOFT, additive=additive)
    found = _fit(device, _trains(device, 1, 150, seed=7))
    assert found.device.additive is additive
    assert {estimate.name: _holds(estimate, 0.3, widen=2.0) for estimate in found.estimates if estimate.name == "c2c"} == {
        "c2c": True
    }


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    data = _trains(SOFT, 30, 50, seed=9, read_noise=0.005)
    names = ("dw_min", "up_down", "w_max", "w_min", "c2c")
    held = dict.fromkeys(names, 0)
    for one in data:
        estimates = {estimate.name: estimate for estimate in _fit(SOFT, (one,)).estimates}
        for name in names:
            held[name] += _holds(estimates[name], getattr(SOFT, name))
    # With 95 % intervals, fewer than 24 of 30 are held with a probability of 1e-3, and fewer than 129 of 150 with one of 1e-5.
    assert stats.binom.cdf(23, 30, 0.95) < 1e-3 and stats.binom.cdf(128, 150, 0.95) < 1e-5
    assert all(count >= 24 for count in held.values()), held
    assert 129 <= sum(held.values()) < 150, held


def test_spreads_between_devices_are_found() -> None:
    device = replace(SOFT, dw_min_spread=0.3, up_down_spread=0.1, w_max_spread=0.2, w_min_spread=0.2)
    found = _fit(device, _trains(device, 12, 40, seed=4))
    for estimate in found.estimates:
        if estimate.name.endswith("_spread") or estimate.name in ("dw_min", "w_max", "w_min", "c2c"):
            assert _holds(estimate, getattr(device, estimate.name), widen=2.0), estimate


def test_values_may_be_read_after_several_pulses() -> None:
    found = _fit(SOFT, _trains(SOFT, 1, 120, seed=6, every=4))
    estimates = {estimate.name: estimate for estimate in found.estimates}
    assert all(_holds(estimates[name], getattr(SOFT, name), widen=2.0) for name in ("dw_min", "w_max", "w_min", "c2c"))


def test_what_the_data_do_not_show_is_said() -> None:
    """Cells of constant step that never come near their bounds."""
    device = replace(DEVICES["constant_step"], up_down=0.0)
    found = _fit(device, _trains(device, 1, 12, seed=1))
    assert {"w_max", "w_min"} <= set(found.undetermined)


def test_the_likelihood_is_highest_at_the_device_that_made_the_data() -> None:
    (data,) = _trains(SOFT, 1, 300, seed=8)
    best = predict(SOFT, 1e-5, data).log_likelihood.sum()
    for change in ({"dw_min": 0.033}, {"w_max": 0.61}, {"c2c": 0.35}, {"up_down": 0.1}):
        assert predict(replace(SOFT, **change), 1e-5, data).log_likelihood.sum() < best - 3.0


def _abrupt(noise: float, kept: float, seed: int, pulses: int = 90, first: float = 0.8) -> DeviceData:
    """A ramp up and one down of which the first pulse does most, with read noise in mean steps, correlated by ``kept``."""
    part = np.arange(pulses + 1) / pulses
    rise = first * (1.0 - np.exp(-part / 0.003)) + (1.0 - first) * part
    values = np.concatenate((rise, 1.0 - rise[1:]))
    own = np.random.default_rng(seed).standard_normal(values.size)
    for i in range(1, own.size):
        own[i] = kept * own[i - 1] + np.sqrt(1.0 - kept**2) * own[i]
    values = values + noise * np.abs(np.diff(values)).mean() * own
    weights = 2.0 * (values - values.min()) / np.ptp(values) - 1.0
    return DeviceData("", weights, np.repeat((0, 1, 0), (1, pulses, pulses)), np.repeat((0, 1), (1, 2 * pulses)))


@pytest.mark.parametrize(("noise", "kept"), [(2.0, 0.0), (1.0, 0.9)])
def test_the_trajectory_is_taken_where_the_curve_of_the_likelihood_is_poor(noise: float, kept: float) -> None:
    measurement = Measurement("made.csv", "", (_abrupt(noise, kept, 1),), 0.0, 1.0)
    (best,) = fit_rules(measurement, ["soft_bounds"], "made")
    assert best.method == "trajectory" and best.r2 > 0.97 and best.disagrees
    assert best.other is not None and best.other.method == "likelihood" and best.other.r2 < 0.7


def test_least_squares_never_end_further_away_than_the_likelihood() -> None:
    """From its usual start alone, the search over an exponential rule's curve ends at a worse one."""
    data = read_measurement(Path(__file__).parents[2] / "examples" / "ramps.csv")
    (likely,) = fit_rules(data, ["exponential_step"], "made", method="likelihood")
    assert likely.other is not None and likely.other.r2 >= likely.r2 - 1e-6 and likely.r2 > 0.999


def test_the_search_for_the_likelihood_does_not_end_at_a_worse_maximum() -> None:
    """The usual start alone ends at a likelihood that is lower by hundreds."""
    parameters = Parameters(RULES["soft_bounds"], {}, data := (_abrupt(1.0, 0.9, 1),))
    usual = maximise(parameters, data)
    found = fit_rules(Measurement("made.csv", "", data, 0.0, 1.0), ["soft_bounds"], "made", method="likelihood")[0]
    assert found.log_likelihood > usual.log_likelihood + 100.0


@pytest.mark.parametrize("rule", DEVICES)
def test_the_trajectory_finds_a_known_device_again(rule: str) -> None:
    data = _trains(DEVICES[rule], 1, 120, seed=6, read_noise=0.01)
    found = fit_rules(Measurement("made.csv", "", data, 0.0, 1.0), [rule], "made", method="trajectory")[0]
    assert found.method == "trajectory" and found.r2 > 0.99 and not found.disagrees
    named = {estimate.name: estimate.value for estimate in found.estimates}
    assert named["w_max"] == pytest.approx(DEVICES[rule].w_max, rel=0.05)
    assert named["w_min"] == pytest.approx(DEVICES[rule].w_min, rel=0.05)
    assert named["dw_min"] == pytest.approx(DEVICES[rule].dw_min, rel=0.2)
    assert named["write_noise"] * found.device.dw_min == pytest.approx(0.01, rel=0.3)


def test_the_likelihood_is_taken_where_the_rule_is_the_devices_own() -> None:
    """Noise of pulses carries the values away from the curve, which is no reason to bend it."""
    for data in _trains(replace(SOFT, c2c=3.0), 2, 90, seed=3, read_noise=0.01):
        assert _fit(SOFT, (data,)).method == "likelihood"


@pytest.mark.parametrize("method", ["likelihood", "trajectory"])
def test_a_parameter_at_its_limit_is_said_to_be_there(method: str) -> None:
    """Steps that grow towards the end of a ramp: soft bounds can only take their bounds as far away as they may."""
    rise = (np.arange(61) / 60.0) ** 1.3
    weights = 2.0 * np.concatenate((rise, 1.0 - rise[1:])) - 1.0 + 0.003 * np.random.default_rng(1).standard_normal(121)
    data = DeviceData("", weights, np.repeat((0, 1, 0), (1, 60, 60)), np.repeat((0, 1), (1, 120)))
    found = fit_rules(Measurement("made.csv", "", (data,), 0.0, 1.0), ["soft_bounds"], "made", method=method)[0]
    limits = {estimate.name: estimate.value for estimate in found.estimates if estimate.at_limit}
    assert limits["w_max"] == pytest.approx(8.0, rel=0.02)
    assert not limits.keys() & set(found.undetermined)


def test_an_unknown_method_is_refused_with_the_ones_there_are() -> None:
    measurement = Measurement("made.csv", "", (_abrupt(1.0, 0.0, 1),), 0.0, 1.0)
    with pytest.raises(CrosstwinError, match="there is no method 'guess'; allowed are likelihood, trajectory, auto"):
        fit_rules(measurement, ["soft_bounds"], "made", method="guess")


def test_an_unknown_model_is_refused_with_the_ones_there_are() -> None:
    data = _trains(SOFT, 1, 20, seed=1)
    with pytest.raises(CrosstwinError, match=r"there is no model 'spline'; allowed are constant_step, exponential_step, "):
        fit_rules(Measurement("made.csv", "", data, 0.0, 1.0), ["spline"], "made")


def test_the_filters_of_all_rules_have_names_of_their_own() -> None:
    """Two closures of one name, from two processes' caches, could get each other's code."""
    filters = {likelihood._build(rule.change, rule.step) for rule in RULES.values()}
    assert len({each.py_func.__qualname__ for each in filters}) == len(filters) == len({rule.step for rule in RULES.values()})


def test_the_table_of_rules_fits_into_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(device_fit, "stdout", Console(file=out, width=80, highlight=False))
    found = _fit(DEVICES["constant_step"], _trains(DEVICES["constant_step"], 1, 20, seed=1))
    wide = [replace(found, device=replace(RULES[rule]("made", 0.02), name=rule), aic=-1234567.8) for rule in RULES]
    device_fit._print(tuple(wide))
    assert all(f" {rule} " in out.getvalue() for rule in RULES)
    assert "\u2026" not in out.getvalue()


def test_ctrl_c_stops_a_fit_with_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("crosstwin_sim.devices.fitting.maximise", interrupted)
    data = Path(__file__).parents[2] / "examples" / "pulse_trains.csv"
    assert run(["device", "fit", str(data), "-o", str(tmp_path / "mine.toml")]) == 130
    captured = capsys.readouterr()
    assert (captured.out, captured.err.strip()) == ("", "Stopped.")
    assert list(tmp_path.iterdir()) == []
