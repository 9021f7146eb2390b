"""The sums of a read are exact in every way of adding them, up to the largest conductances and units."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosstwin_model import read_jobs, read_sums
from crosstwin_model.config import ConfigurationError, ControllerConfig
from crosstwin_model.crew import Crew
from crosstwin_model.devices.soft_bounds import SoftBounds
from crosstwin_model.jit import njit
from crosstwin_model.plant import Plant, PlantConfig

Way = Callable[[Any, Any, Any], None]


@njit
def add_sums(w: Any, forward: bool, units: Any, sums: Any, part: int, board: int = 0, number: int = 0) -> None:
    read_jobs.add_sums(board, part, w, forward, units, sums, np.uint32(number))


WAYS: dict[bool, list[Way]] = {True: [read_sums.forward_floats], False: [read_sums.backward_floats]}
for forward, ways in WAYS.items():
    ways.append(lambda w, units, sums, forward=forward: add_sums(w, forward, units, sums, read_sums.sum_part.address))


@settings(deadline=None, max_examples=80)
@given(
    st.integers(1, 70),
    st.integers(1, 70),
    st.integers(1, 1023),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_sums_are_exact(rows: int, columns: int, unit: int, forward: bool, extreme: bool, sparse: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    low, high = -(2**31), 2**31 - 1
    cells = rng.choice([low, high], (rows, columns)) if extreme else rng.integers(low, high, (rows, columns), endpoint=True)
    driven = rows if forward else columns
    units = np.full(driven, unit) if extreme else rng.integers(-unit, unit, driven, endpoint=True)
    units *= rng.random(driven) < (0.3 if sparse else 1.0)
    expected = units @ cells if forward else cells @ units
    for way in WAYS[forward]:
        sums = np.zeros(expected.size)
        way(cells.astype(np.int32), units.astype(np.float64), sums)
        assert np.array_equal(sums, expected)
    whole = np.zeros(expected.size, np.int64)
    read_sums.add_whole(cells.astype(np.int32), forward, units.astype(np.float64), whole)
    assert np.array_equal(whole, expected)


@pytest.mark.parametrize("forward", [True, False])
def test_large_reads_are_shared_by_threads_to_the_same_bits(forward: bool) -> None:
    config, rng = ControllerConfig("test", rows=500, columns=432), np.random.default_rng(3)
    charge = rng.integers(-63, 64, 500 if forward else 432).astype(np.int32)
    found = []
    for threads in (1, 2, 3):
        plant = Plant(config, PlantConfig(device=SoftBounds("wide", 0.001), seed=3, adc_noise=0.06, initial=0.5), threads)
        plant.set_conductance(2, np.random.default_rng(4).normal(0, 0.1, (500, 432)))
        before = 0 if plant.crew is None else plant.crew.jobs
        codes = [plant.read(0, differential, forward, charge, 0, 300) for differential in (False, True)]
        assert plant.crew is None or plant.crew.jobs == before + 3
        found.append(np.concatenate(codes))
    assert found[0].any() and all(np.array_equal(found[0], other) for other in found[1:])


@pytest.mark.parametrize("forward", [True, False])
def test_threads_that_take_further_parts_do_not_overflow(forward: bool) -> None:
    """What a thread has summed goes on into its next part: at +-63 the instruction's sums are full after 1040 lines."""
    rng = np.random.default_rng(5)
    cells = rng.integers(-(2**31), -(2**31) + 1000, (4608, 64) if forward else (64, 4608), dtype=np.int32)
    units = np.full(4608, 63.0)
    expected = 63 * cells.sum(0 if forward else 1, dtype=np.int64)
    helpers = Crew(1)
    try:
        for _ in range(50):
            helpers.wake()
            sums = np.zeros(64)
            add_sums(cells, forward, units, sums, read_sums.sum_part.address, helpers.board)
            assert np.array_equal(sums, expected)
        assert helpers.jobs == 50
    finally:
        helpers.stop()


@pytest.mark.parametrize("threads", [1, 2, 3, 17])
def test_threads_take_their_parts_of_large_tiles_there_and_back(threads: int) -> None:
    job = np.zeros(read_jobs.JOB, np.int64)
    job[read_jobs.ROWS], job[read_jobs.PARTS] = 2100, read_jobs.parts_of(2100 * 2048, threads)
    own, left = divmod(int(job[read_jobs.PARTS]), threads)
    assert left == 0 and own >= 2 and (threads > 3 or own >= 5)
    there = [read_jobs.rows_of(job, part) for part in range(threads * own)]
    assert [row for first, end in there for row in range(first, end)] == list(range(2100))
    job[read_jobs.REVERSED] = own
    back = [read_jobs.rows_of(job, part) for part in range(threads * own)]
    assert back == [there[part] for thread in range(threads) for part in reversed(range(thread * own, (thread + 1) * own))]


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize("shape", [(2100, 2048), (3, 1 << 21), (2**21 + 5, 3)])
@pytest.mark.parametrize("threads", [1, 3, 17])
def test_tiles_beyond_the_caches_are_read_there_and_back(forward: bool, shape: tuple[int, int], threads: int) -> None:
    """Of 4 million cells and more there are many parts, taken by turns from the first and from the last."""
    rng = np.random.default_rng(6)
    cells = rng.integers(-(2**31), 2**31 - 1, shape, dtype=np.int32, endpoint=True)
    units = rng.integers(-7, 8, shape[0 if forward else 1])
    expected = units @ cells if forward else cells @ units
    helpers = Crew(threads - 1)
    try:
        for number in range(4):
            helpers.wake()
            sums = np.zeros(expected.size)
            add_sums(cells, forward, units.astype(np.float64), sums, read_sums.sum_part.address, helpers.board, number)
            assert np.array_equal(sums, expected)
    finally:
        helpers.stop()


def test_many_lines_do_not_overflow() -> None:
    rng = np.random.default_rng(1)
    cells = np.full((40, 4096), -(2**31), np.int32)
    units = np.full(4096, 63.0)
    expected = -(2.0**31) * 63 * 4096
    for forward in (True, False):
        w = np.ascontiguousarray(cells.T) if forward else cells
        sums = np.zeros(40)
        add_sums(w, forward, units, sums, read_sums.sum_part.address)
        assert sums.tolist() == [expected] * 40
    units[rng.integers(4096)] = 2.0**20  # beyond what the instruction takes
    sums = np.zeros(40)
    add_sums(cells, False, units, sums, read_sums.sum_part.address)
    assert sums.tolist() == [-(2.0**31) * (63 * 4095 + 2**20)] * 40


def test_conductances_that_have_no_whole_number_are_refused() -> None:
    with pytest.raises(
        ConfigurationError, match=r"write_noise is 900.0 steps of 0.01; allowed is what keeps conductances within \+-16"
    ):
        SoftBounds("test", 0.01, write_noise=900.0)
    plant = Plant(ControllerConfig("test", rows=4, columns=4), PlantConfig())
    for value in (16.0, np.nan, 2.0**-28):
        state = plant.state()
        state["conductance"][0, 1, 2] = value
        with pytest.raises(ValueError, match=r"holds other numbers than multiples of 2\*\*-27 within \+-16"):
            plant.restore(state)
