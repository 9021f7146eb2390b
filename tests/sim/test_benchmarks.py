"""What the benches rest on: equal work on both sides, sound standard errors, and sentences where the peer is not there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from crosstwin_sim.errors import CrosstwinError

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Import modules of the benches by name, and forget them afterwards."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(FOLDER)

    def load(name: str) -> ModuleType:
        return import_module(name)

    yield load
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(FOLDER)):
            del sys.modules[name]


@pytest.mark.parametrize("kind", ["dense", "typical", "sparse"])
def test_a_layer_gives_the_pulses_that_its_rate_asks_for(bench, kind):
    """The comparison with the peer is of equal work: rate x d / dw_min pulses a cell, but for the rounding of codes."""
    golden, vectors = bench("golden_layer"), bench("peer.vectors")
    x, d = vectors.pair(kind, 64, golden.SEED)
    expected = golden.RATE / golden.DEVICE.dw_min * np.mean(np.abs(x).mean(axis=1) * np.abs(d).mean(axis=1))
    assert golden.GoldenLayer(64, kind).coincidences() == pytest.approx(expected, rel=0.08)


def test_levels_of_a_layer_give_the_same_pulses_on_average(bench):
    """What is timed as pulse trains is what the host program does: as many pulses reach the cells in a turn of the ring."""
    golden = bench("golden_layer")
    counts = []
    for level in ("cells", "direct", "host"):
        layer = golden.GoldenLayer(32, "dense")
        layer.run(f"{level} update", 64)
        counts.append(int(layer.plant.state()["pulses"].sum()))
    assert counts[1] == pytest.approx(counts[0], rel=0.03)
    assert counts[2] == pytest.approx(counts[0], rel=0.03)


def test_a_round_is_always_of_the_same_vectors(bench):
    """Two threads and one are compared on equal work, round after round."""
    golden, threads = bench("golden_layer"), bench("bench_threads")
    layer = golden.GoldenLayer(32, "typical")
    seen = []
    _, vectors = layer._actions["direct forward"]
    layer._actions["direct forward"] = (lambda x: seen.append(x.tobytes()), vectors)
    for _ in range(2):
        threads.waked(layer, "direct forward", 7)
    assert seen[2:9] == seen[-7:] == [x.tobytes() for (x,) in vectors[:7]]


def stopwatch(*readings: float) -> SimpleNamespace:
    """A clock that shows these times, one after the other."""
    return SimpleNamespace(perf_counter=iter(readings).__next__)


def test_cores_are_how_often_the_time_of_two_threads_fits_into_that_of_one(bench, monkeypatch):
    cores = bench("cores")
    monkeypatch.setattr(cores, "time", stopwatch(0.0, 2.0, 5.0))
    assert cores.cores() == 1.5


def test_plain_reading_is_by_one_thread_or_two_and_its_second_time_counts(bench, monkeypatch):
    cores = bench("cores")
    plain = cores.Reading(1 << 16)
    for threads in (1, 2):
        plain._words[:] = np.random.default_rng(threads).integers(0, 1 << 30, plain._words.size, np.int32)
        monkeypatch.setattr(cores, "time", stopwatch(0.0, 5.0, 6.0, 8.0))
        assert plain.seconds(threads) == 2.0
        assert plain._job[16] ^ plain._job[32] == np.bitwise_xor.reduce(plain._words)


def test_rounds_with_two_cores_count_and_if_they_are_few_those_nearest_to_it(bench):
    counted = bench("bench_threads").counted
    had = np.concatenate([np.linspace(1.0, 1.8, 30), [1.9, 1.95, 2.1]])
    rounds = np.random.default_rng(1).permutation(np.column_stack([had, had, had]))
    assert sorted(counted(rounds)[:, 2]) == sorted(had)[-15:]
    many = np.concatenate([rounds, np.full((20, 3), 1.93)])
    assert sorted(counted(many)[:, 2]) == sorted([1.9, 1.95, 2.1, *[1.93] * 20])


def test_standard_errors_are_those_of_repeated_samples(bench):
    """Of groups that share a part of their noise, the standard error is larger than that of as many independent cells."""
    statistics = bench("bench_statistics")
    rng = np.random.default_rng(1)
    draws = [(rng.normal(size=(64, 1)) + rng.normal(size=(64, 16))).reshape(-1) for _ in range(300)]
    samples = [statistics.sample(draw, 64) for draw in draws]
    for value, error in (("mean", "mean_error"), ("spread", "spread_error")):
        found = np.std([getattr(sample, value) for sample in samples])
        assert np.mean([getattr(sample, error) for sample in samples]) == pytest.approx(found, rel=0.2)
    assert statistics.sample(draws[0], 1024).mean_error < samples[0].mean_error / 2


def test_a_peer_that_is_not_there_is_a_sentence(bench, tmp_path):
    client = bench("peer.client")
    with pytest.raises(CrosstwinError, match=r"cannot be run: No such file or directory; 'make bench PEER=aihwkit' builds"):
        client.Peer(tmp_path / "python")


def test_a_peer_that_does_not_start_is_a_sentence(bench):
    client = bench("peer.client")  # this project's own environment holds no peer
    with pytest.raises(CrosstwinError, match=r"the peer ended with exit code 1 while it was asked for 'about'"):
        client.Peer(Path(sys.executable))
