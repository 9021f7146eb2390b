"""Training digits: it learns, it repeats, it goes on where it was, on every back end to the same bits."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from crosstwin_model.config import ControllerConfig
from crosstwin_model.crew import crew
from crosstwin_model.devices import load_device
from crosstwin_model.plant import Plant, PlantConfig
from crosstwin_sim.backends import open_backend
from crosstwin_sim.crossbar import Crossbar, PulseSettings
from crosstwin_sim.errors import CrosstwinError
from crosstwin_sim.experiments.checkpoint import load_checkpoint
from crosstwin_sim.experiments.digits import Split, load_split, train_float
from crosstwin_sim.experiments.picture import record_update
from crosstwin_sim.experiments.run import Result, Run, train
from crosstwin_sim.experiments.settings import digits_settings
from crosstwin_sim.layers import FloatLayer, softmax_descent
from crosstwin_sim.model_backend import ModelBackend
from crosstwin_sim.network import Algorithm, Network


def few(train_samples: int, test_samples: int) -> Split:
    """A part of the digits, so that an epoch takes a fraction of a second."""
    split = load_split(1)
    return Split(
        split.train_x[:train_samples], split.train_y[:train_samples], split.test_x[:test_samples], split.test_y[:test_samples]
    )


def make(
    algorithm: Algorithm = Algorithm.SHD, device: str = "s1", epochs: int = 3, zero_shift: bool = False, seed: int = 1
) -> Run:
    return Run(algorithm, load_device(device), zero_shift, epochs, seed, digits_settings(device, algorithm))


def perform(
    run: Run, split: Split, path: Path, backend_name: str = "model", resume: bool = False, samples: float = np.inf
) -> tuple[Result, Plant]:
    """Train on a fresh array; Ctrl-C comes after that many samples."""
    plant = run.make_plant()
    backend = open_backend(backend_name, run.controller, plant)
    done = 0

    def tick() -> None:
        nonlocal done
        done += 1
        if done > samples:
            raise KeyboardInterrupt

    try:
        result = train(run, backend, plant, split, tick=tick, epoch_done=lambda count, accuracy: None, path=path, resume=resume)
    finally:
        backend.close()
    return result, plant


@pytest.mark.parametrize("flips", range(3))
def test_a_checkpoint_with_flipped_bits_is_read_or_refused(flips: int, tmp_path: Path) -> None:
    run, path = make(epochs=1), tmp_path / "run.npz"
    perform(run, few(10, 5), path)
    content, rng = path.read_bytes(), np.random.default_rng(flips)
    for place in rng.integers(0, len(content), 60).tolist():
        damaged = bytearray(content)
        damaged[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        try:
            load_checkpoint(path, run.document())
        except CrosstwinError as error:
            assert str(path) in str(error)


def test_a_checkpoint_whose_array_has_a_broken_head_is_refused(tmp_path: Path) -> None:
    path, array = tmp_path / "run.npz", io.BytesIO()
    np.save(array, np.array("head"))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("head.npy", array.getvalue().replace(b"'shape': ()", b"'shape': \"("))
    with pytest.raises(CrosstwinError, match=r"run\.npz is not a checkpoint of a training run"):
        load_checkpoint(path, make().document())


def test_shd_learns_on_asymmetric_devices_and_sgd_less(tmp_path: Path) -> None:
    split = few(700, 200)
    shd, _ = perform(make(epochs=4), split, tmp_path / "shd.npz")
    sgd, _ = perform(make(Algorithm.SGD, epochs=4), split, tmp_path / "sgd.npz")
    assert np.mean(shd.accuracy[-2:]) > 0.88
    assert np.mean(shd.accuracy[-2:]) > np.mean(sgd.accuracy[-2:]) + 0.05


def test_sgd_learns_on_symmetric_devices(tmp_path: Path) -> None:
    result, _ = perform(make(Algorithm.SGD, "symmetric", epochs=4), few(700, 200), tmp_path / "sgd.npz")
    assert np.mean(result.accuracy[-2:]) > 0.85


def test_the_same_seed_gives_the_same_bits_and_another_does_not(tmp_path: Path) -> None:
    split = few(60, 20)
    digests = [perform(make(epochs=1, seed=seed), split, tmp_path / "run.npz")[0].conductance_sha256 for seed in (1, 1, 2)]
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize(("algorithm", "zero_shift"), [(Algorithm.SHD, False), (Algorithm.SHD, True), (Algorithm.SGD, False)])
def test_an_interrupted_run_goes_on_to_the_same_bits(algorithm: Algorithm, zero_shift: bool, tmp_path: Path) -> None:
    run, split = make(algorithm, epochs=3, zero_shift=zero_shift), few(70, 10)
    whole, whole_plant = perform(run, split, tmp_path / "whole.npz")
    with pytest.raises(KeyboardInterrupt):
        perform(run, split, tmp_path / "part.npz", samples=115)
    assert len(load_checkpoint(tmp_path / "part.npz", run.document()).accuracy) == 1
    resumed, resumed_plant = perform(run, split, tmp_path / "part.npz", resume=True)
    assert resumed.conductance_sha256 == whole.conductance_sha256
    assert resumed.accuracy == whole.accuracy
    assert resumed.clock_cycles == whole.clock_cycles
    for key, value in whole_plant.state().items():
        assert np.array_equal(value, resumed_plant.state()[key])


def test_a_run_interrupted_in_its_first_epoch_goes_on_too(tmp_path: Path) -> None:
    run, split = make(epochs=1), few(40, 10)
    with pytest.raises(KeyboardInterrupt):
        perform(run, split, tmp_path / "run.npz", samples=5)
    resumed, _ = perform(run, split, tmp_path / "run.npz", resume=True)
    assert resumed.conductance_sha256 == perform(run, split, tmp_path / "whole.npz")[0].conductance_sha256


def test_rtl_and_golden_model_give_the_same_bits_and_clock_cycles(tmp_path: Path) -> None:
    run, split = make(epochs=2), few(60, 10)
    model, _ = perform(run, split, tmp_path / "model.npz")
    rtl, _ = perform(run, split, tmp_path / "rtl.npz", "rtl")
    assert rtl.conductance_sha256 == model.conductance_sha256
    assert (rtl.accuracy, rtl.clock_cycles) == (model.accuracy, model.clock_cycles)
    with pytest.raises(KeyboardInterrupt):
        perform(run, split, tmp_path / "part.npz", "rtl", samples=90)
    assert perform(run, split, tmp_path / "part.npz", resume=True)[0].conductance_sha256 == model.conductance_sha256


def test_large_updates_are_shared_by_threads_to_the_same_bits() -> None:
    """No experiment has updates that large: a layer of 512 x 512 whose lines nearly all fire has."""
    config = ControllerConfig("large", rows=512, columns=512)
    before = crew(2).jobs
    digests = []
    for threads in (1, 2):
        plant = Plant(config, PlantConfig(seed=3), threads)
        layer = Crossbar(ModelBackend(config, plant), pulses=PulseSettings(step=0.02))
        rng = np.random.default_rng(1)
        for _ in range(3):
            layer.update(rng.uniform(-1, 1, 512), rng.uniform(-1, 1, 512), rate=0.3)
        digests.append(plant.digest())
        assert crew(2).jobs == before + 3 * (threads - 1)
    assert digests[0] == digests[1]


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    split = few(20, 5)
    perform(make(epochs=1), split, tmp_path / "run.npz")
    with pytest.raises(CrosstwinError, match=r"run\.npz is of a run whose seed is 1, not 2; name another file with --checkpoint"):
        perform(make(epochs=1, seed=2), split, tmp_path / "run.npz", resume=True)


def test_a_missing_or_broken_checkpoint_is_refused(tmp_path: Path) -> None:
    document = make().document()
    with pytest.raises(CrosstwinError, match=r"there is no checkpoint .* to resume from; run once without --resume"):
        load_checkpoint(tmp_path / "none.npz", document)
    for content in (b"", b"PK\x03\x04 cut off", b"text"):
        (tmp_path / "broken.npz").write_bytes(content)
        with pytest.raises(CrosstwinError, match=r"broken\.npz is not a checkpoint of a training run"):
            load_checkpoint(tmp_path / "broken.npz", document)


def test_a_checkpoint_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CrosstwinError, match=r"the folder .*file cannot be made"):
        perform(make(epochs=1), few(5, 5), tmp_path / "file" / "run.npz")


def test_test_samples_take_no_part_in_training_or_validation() -> None:
    split = load_split(3)
    validation = split.validation()
    assert len(split.train_y) == 1437
    assert len(split.test_y) == 360
    assert np.array_equal(np.vstack([validation.train_x, validation.test_x]), split.train_x)
    assert not {image.tobytes() for image in validation.test_x[:100]} & {image.tobytes() for image in split.test_x}


def test_the_float_network_descends_its_loss() -> None:
    rng = np.random.default_rng(6)
    weights = [rng.normal(size=(4, 5)), rng.normal(size=(6, 3))]
    x, label, rate, scales = rng.normal(size=3), 2, 1e-6, (1.5, 0.7)

    def loss(matrices: list[np.ndarray]) -> float:
        hidden = np.tanh(np.append(x, 1.0) @ matrices[0] * scales[0])
        output = np.append(hidden, 1.0) @ matrices[1] * scales[1]
        return float(np.log(np.exp(output - output[label]).sum()))

    layers = [FloatLayer(matrix.copy(), scale, rate) for matrix, scale in zip(weights, scales, strict=True)]
    Network(layers).learn(x, label)
    for layer, scale in enumerate(scales):
        step = (layers[layer].weights - weights[layer]) / rate
        for cell in [(0, 0), (2, 1), (3, 2)]:
            nudged = [matrix.copy() for matrix in weights]
            nudged[layer][cell] += 1e-6
            # A layer's rate includes its scale, so the step lacks it.
            assert step[cell] * scale == pytest.approx(-(loss(nudged) - loss(weights)) / 1e-6, abs=1e-4)


def test_softmax_descent_is_one_hot_less_probabilities() -> None:
    descent = softmax_descent(np.log(np.array([1.0, 2.0, 5.0])), 1)
    assert descent == pytest.approx([-0.125, 0.75, -0.625])


def test_the_float_reference_learns() -> None:
    accuracy = train_float(digits_settings("s1", Algorithm.SHD), few(700, 200), 6, 1, lambda: None)
    assert accuracy[-1] > 0.88


def test_the_recorded_update_is_one_of_the_network(tmp_path: Path) -> None:
    run, split = make(epochs=1), few(30, 5)
    _, plant = perform(run, split, tmp_path / "run.npz")
    before = plant.digest()
    phase = record_update(run, plant, split)
    assert phase is not None
    assert phase.tile == 1
    assert set(phase.quadrants) <= {0, 2}
    assert any(phase.rows)
    assert plant.digest() == before


def test_settings_change_the_run(tmp_path: Path) -> None:
    run, split = make(epochs=1), few(20, 5)
    other = replace(run, settings=replace(run.settings, transfer_every=(1, 1)))
    digests = {perform(item, split, tmp_path / "run.npz")[0].conductance_sha256 for item in (run, other)}
    assert len(digests) == 2
