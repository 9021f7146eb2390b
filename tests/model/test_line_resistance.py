"""Line resistance: the nodal solver against other solvers, what it does to reads and pulses, and the same bits always."""

from __future__ import annotations

import hashlib
import logging
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosstwin_model import nodal
from crosstwin_model.config import ConfigurationError
from crosstwin_model.line_resistance import GRID, LineResistance
from crosstwin_model.nodal import Lines, Voltages

Floats = npt.NDArray[np.float64]


def dense(cells: Floats, rows: Lines, columns: Lines, row_volts: Floats, column_volts: Floats) -> Voltages:
    """Solve Kirchhoff's current law at all nodes as one full matrix."""
    height, width = cells.shape
    u = np.arange(cells.size).reshape(height, width)
    v = u + cells.size
    matrix = np.zeros((2 * cells.size, 2 * cells.size))
    currents = np.zeros((2 * cells.size, len(row_volts)))

    def join(a: Any, b: Any, siemens: Any) -> None:
        np.add.at(matrix, (a, a), siemens)
        np.add.at(matrix, (b, b), siemens)
        np.add.at(matrix, (a, b), -siemens)
        np.add.at(matrix, (b, a), -siemens)

    join(u, v, cells)
    join(u[:, 1:], u[:, :-1], 1.0 / rows.ohms)
    join(v[1:], v[:-1], 1.0 / columns.ohms)
    for nodes, siemens, volts in (
        (u[:, 0], rows.first, row_volts),
        (u[:, -1], rows.last, row_volts),
        (v[0], columns.first, column_volts),
        (v[-1], columns.last, column_volts),
    ):
        np.add.at(matrix, (nodes, nodes), siemens)
        np.add.at(currents, nodes, (siemens * volts).T)
    found = np.linalg.solve(matrix, currents).T
    return Voltages(found[:, : cells.size].reshape(-1, height, width), found[:, cells.size :].reshape(-1, height, width))


def near(found: Floats, expected: Floats, tolerance: float = 1e-9) -> None:
    """Hold arrays equal within a part of the largest expected number."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * np.abs(expected).max())


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (6, 1), (5, 9), (24, 17), (64, 64)])
@pytest.mark.parametrize(("row_ohms", "column_ohms"), [(0.35, 0.35), (20.0, 1e-3), (300.0, 900.0)])
def test_badcrossbar_finds_the_same_voltages_and_currents(shape: tuple[int, int], row_ohms: float, column_ohms: float) -> None:
    with warnings.catch_warnings(record=True):  # its drawings want cairo, which its solver does without
        badcrossbar = pytest.importorskip("badcrossbar")
    logging.getLogger("badcrossbar").setLevel(logging.ERROR)
    rng = np.random.default_rng(5)
    height, width = shape
    cells = rng.uniform(1e-6, 1e-4, shape)
    volts = rng.uniform(-1.0, 1.0, (3, height))
    expected = badcrossbar.compute(volts.T, 1.0 / cells, r_i_word_line=row_ohms, r_i_bit_line=column_ohms)
    rows = Lines(row_ohms, np.full(height, 1.0 / row_ohms), np.zeros(height))
    columns = Lines(column_ohms, np.zeros(width), np.full(width, 1.0 / column_ohms))
    found = nodal.solve(cells, rows, columns, volts, np.zeros((3, width)))
    near(found.rows, np.moveaxis(expected.voltages.word_line, 2, 0))
    near(found.columns[:, -1] / column_ohms, expected.currents.output)


@given(
    height=st.integers(1, 7),
    width=st.integers(1, 7),
    row_ohms=st.sampled_from([1e-3, 0.35, 50.0, 1e4]),
    column_ohms=st.sampled_from([1e-3, 0.35, 50.0, 1e4]),
    seed=st.integers(0, 1000),
)
def test_a_full_matrix_gives_the_same_with_any_ends_open(
    height: int, width: int, row_ohms: float, column_ohms: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    cells = rng.uniform(1e-6, 1e-4, (height, width))

    def ends(lines: int) -> Floats:
        open_or_not: Floats = rng.choice([0.0, 1.0], lines) * rng.uniform(1e-3, 1.0, lines)
        return open_or_not

    rows = Lines(row_ohms, ends(height), ends(height))
    columns = Lines(column_ohms, ends(width), ends(width))
    columns.last[0] = 0.5
    volts = rng.uniform(-1.0, 1.0, (2, height)), rng.uniform(-1.0, 1.0, (2, width))
    found, expected = nodal.solve(cells, rows, columns, *volts), dense(cells, rows, columns, *volts)
    near(found.rows, expected.rows, 1e-8)
    near(found.columns, expected.columns, 1e-8)


def test_one_row_and_one_column_joined_and_all_others_floating() -> None:
    rng = np.random.default_rng(3)
    cells = rng.uniform(1e-6, 1e-4, (12, 10))
    rows, columns = Lines(2.0, np.zeros(12), np.zeros(12)), Lines(3.0, np.zeros(10), np.zeros(10))
    rows.first[4] = 0.5
    columns.last[7] = 0.25
    volts = np.ones((1, 12)), np.zeros((1, 10))
    found, expected = nodal.solve(cells, rows, columns, *volts), dense(cells, rows, columns, *volts)
    near(found.columns, expected.columns)
    near(found.rows, expected.rows)
    assert found.columns[0, -1, 7] * 0.25 > 3.0 * cells[4, 7], "the sneak paths carry more than the cell"


def expected_sums(lines: LineResistance, w: Any, charge: Any, forward: bool) -> Floats:
    """Return the sums of a read by the full matrix."""
    height, width = w.shape
    held = np.ones(charge.size) if lines.unselected == "grounded" else (charge != 0).astype(float)
    ends = (lines.driver_ohms, lines.sense_ohms) if forward else (lines.sense_ohms, lines.driver_ohms)
    ones = (held, np.ones(width)) if forward else (np.ones(height), held)
    first = ones[0] / (ends[0] + lines.row_ohms)
    last = ones[1] / (ends[1] + lines.column_ohms)
    rows = Lines(lines.row_ohms, first, first * lines.both_ends)
    columns = Lines(lines.column_ohms, last * lines.both_ends, last)
    row_volts, column_volts = (charge, np.zeros(width)) if forward else (np.zeros(height), charge)
    cells = lines.siemens_at_zero + lines.siemens_per_weight * w.astype(np.float64)
    found = dense(cells, rows, columns, row_volts[None], column_volts[None])
    if forward:
        current = columns.first * found.columns[0, 0] + columns.last * found.columns[0, -1]
    else:
        current = rows.first * found.rows[0, :, 0] + rows.last * found.rows[0, :, -1]
    sums: Floats = (current - lines.siemens_at_zero * charge.sum()) / lines.siemens_per_weight
    return sums


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize("unselected", ["grounded", "floating"])
@pytest.mark.parametrize("both_ends", [False, True])
def test_a_read_collects_what_a_full_matrix_says(forward: bool, unselected: str, both_ends: bool) -> None:
    rng = np.random.default_rng(7)
    lines = LineResistance(20.0, 30.0, driver_ohms=100.0, sense_ohms=50.0, both_ends=both_ends, unselected=unselected)
    w = rng.uniform(-1.0, 1.0, (11, 8)).astype(np.float32)
    charge = rng.integers(-63, 64, 11 if forward else 8).astype(np.int32)
    charge[::3] = 0
    found = lines.read_sums(w, charge, forward)
    np.testing.assert_allclose(found, expected_sums(lines, w, charge, forward), rtol=0, atol=1.0 / GRID)
    assert (found * GRID == np.rint(found * GRID)).all()


def test_floating_lines_change_a_read() -> None:
    w = np.random.default_rng(1).uniform(-1.0, 1.0, (16, 16)).astype(np.float32)
    charge = np.zeros(16, np.int32)
    charge[3] = 60
    grounded, floating = (
        LineResistance(50.0, 50.0, unselected=how).read_sums(w, charge, True) for how in ("grounded", "floating")
    )
    assert np.abs(grounded - floating).max() > 0.01
    assert (floating > grounded).all(), "grounded lines take current away, floating ones pass it on"


def test_without_resistance_a_read_is_the_ideal_sum() -> None:
    rng = np.random.default_rng(2)
    lines = LineResistance(1e-6, 1e-6)
    w = rng.uniform(-2.0, 2.0, (64, 48)).astype(np.float32)
    x, d = (rng.integers(-63, 64, size).astype(np.int32) for size in w.shape)
    np.testing.assert_allclose(lines.read_sums(w, x, True), x @ w.astype(np.float64), rtol=0, atol=1e-4)
    np.testing.assert_allclose(lines.read_sums(w, d, False), w.astype(np.float64) @ d, rtol=0, atol=1e-4)


def test_one_network_in_both_directions() -> None:
    rng = np.random.default_rng(4)
    lines = LineResistance(5.0, 9.0, driver_ohms=70.0, sense_ohms=70.0)
    w = rng.uniform(-1.0, 1.0, (9, 6)).astype(np.float32)
    forward = lines.read_sums(w, 1000 * np.eye(9, dtype=np.int32), True)
    backward = lines.read_sums(w, 1000 * np.eye(6, dtype=np.int32), False)
    np.testing.assert_allclose(forward, backward.T, rtol=0, atol=2.0 / GRID)


@pytest.mark.parametrize("unselected", ["grounded", "floating"])
def test_the_same_bits_alone_among_others_and_on_two_threads(unselected: str) -> None:
    rng = np.random.default_rng(6)
    lines = LineResistance(2.0, 1.0, unselected=unselected)
    w = rng.uniform(-1.0, 1.0, (37, 50)).astype(np.float32)
    charges = (rng.integers(-63, 64, (12, 37)) * rng.integers(0, 2, (12, 37))).astype(np.int32)
    together = lines.read_sums(w, charges, True)
    alone = np.array([lines.read_sums(w, charge, True) for charge in charges])
    with ThreadPoolExecutor(2) as pool:
        threads = np.array(list(pool.map(lambda charge: lines.read_sums(w, charge, True), charges)))
    assert together.tobytes() == alone.tobytes() == threads.tobytes()


def test_the_same_bits_on_every_machine() -> None:
    """Weights and charges of whole numbers, and the digests that they gave where this test was written."""
    cell = np.arange(40 * 30)
    w = ((cell * 2654435761 % 2048).reshape(40, 30) / 1024.0 - 1.0).astype(np.float32)
    charge = (cell[:40] * 40503 % 127 - 63).astype(np.int32)
    lines = LineResistance(1.5, 2.5, driver_ohms=10.0)
    sums = lines.read_sums(w, charge, True).astype("<f8").tobytes()
    factors = lines.pulse_factors(40, 30).astype("<f4").tobytes()
    assert hashlib.sha256(sums).hexdigest()[:16] == "c0704b58b6cf816f"
    assert hashlib.sha256(factors).hexdigest()[:16] == "1b05d8bab31c1a86"


def test_no_read_without_charge() -> None:
    w = np.zeros((4, 3), np.float32)
    for unselected in ("grounded", "floating"):
        assert not LineResistance(unselected=unselected).read_sums(w, np.zeros(4, np.int32), True).any()


@pytest.mark.parametrize("ohms", [0.35, 2.0])
def test_pulse_voltages_against_full_solves_of_random_slots(ohms: float) -> None:
    """The nominal slot is within 6 % (rms) and 20 % (worst cell) of the mean drop, in slots with a tenth of the lines firing."""
    lines, size, rng = LineResistance(ohms, ohms), 64, np.random.default_rng(0)
    nominal = lines.pulse_voltages(size, size)
    end = np.full(size, 1.0 / ohms)
    wires = Lines(ohms, end, np.zeros(size)), Lines(ohms, np.zeros(size), end)
    errors, drops = [], []
    for _ in range(40):
        cells = lines.conductances(rng.uniform(-1.0, 1.0, (size, size)).astype(np.float32))
        row, column = rng.random((2, size)) < 0.1
        found = nodal.solve(cells, *wires, 0.5 * row[None], -0.5 * column[None])
        seen = (found.rows - found.columns)[0][np.outer(row, column)]
        errors.append(seen - nominal[np.outer(row, column)])
        drops.append(1.0 - seen)
    error, drop = np.concatenate(errors), np.concatenate(drops).mean()
    assert np.sqrt(np.mean(error**2)) < 0.06 * drop
    assert np.abs(error).max() < 0.2 * drop


def test_pulse_factors_are_powers_of_the_voltages() -> None:
    lines = LineResistance(3.0, 5.0, pulse_exponent=4)
    voltages, factors = lines.pulse_voltages(20, 12), lines.pulse_factors(20, 12)
    assert factors.dtype == np.float32 and factors.shape == (20, 12)
    np.testing.assert_allclose(factors, voltages**4, rtol=1e-7)
    assert (np.diff(voltages, axis=1) < 0).all(), "voltage falls along a row, away from its driver"
    assert (np.diff(voltages, axis=0) > 0).all(), "and rises along a column towards its driver"
    assert (LineResistance(pulse_exponent=0).pulse_factors(3, 4) == 1.0).all()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"row_ohms": 0.0}, "row_ohms is 0.0; allowed are numbers from 1e-06 to 1e+06"),
        ({"column_ohms": float("nan")}, "column_ohms is nan; allowed are numbers from 1e-06 to 1e+06"),
        ({"driver_ohms": -1}, "driver_ohms is -1; allowed are numbers from 0 to 1e+06"),
        ({"sense_ohms": "5"}, "sense_ohms is '5'; allowed are numbers from 0 to 1e+06"),
        ({"siemens_at_zero": 0.0}, "siemens_at_zero is 0.0; allowed are numbers from 1e-12 to 1"),
        ({"firing": 1.5}, "firing is 1.5; allowed are numbers from 0 to 1"),
        ({"pulse_exponent": 2.5}, "pulse_exponent is 2.5; allowed are whole numbers from 0 to 32"),
        ({"both_ends": 1}, "both_ends is 1; allowed are true and false"),
        ({"unselected": "open"}, "unselected is 'open'; allowed are grounded and floating"),
    ],
)
def test_bad_values_are_refused(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        LineResistance(**change)
    assert str(caught.value) == sentence


def test_bad_reads_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = LineResistance(siemens_at_zero=4e-6, siemens_per_weight=2e-6)
    w = np.zeros((4, 3), np.float32)
    charge = np.ones(4, np.int32)
    with pytest.raises(ConfigurationError, match=r"a cell of weight -2 conducts 0 S; allowed are weights above -2 \(minus"):
        lines.read_sums(w - 2.0, charge, True)
    with pytest.raises(ValueError, match=r"w\[0, 0\] is nan; allowed are finite numbers"):
        lines.read_sums(w * np.float32("nan"), charge, True)
    with pytest.raises(ConfigurationError, match=r"charge has the shape \[4\]; allowed is \[3\] or \[reads, 3\]"):
        lines.read_sums(w, charge, False)
    monkeypatch.setattr(nodal, "ITERATIONS", 1)
    with pytest.raises(
        ConfigurationError, match=r"of 4 x 3 cells of up to 4e-06 S .* did not settle within 1 iterations; allowed are"
    ):
        LineResistance(1e4, 1e4, siemens_at_zero=4e-6).read_sums(w, charge, True)


def test_crossbars_without_a_solution_are_refused() -> None:
    nothing, driven = Lines(1.0, np.zeros(2), np.zeros(2)), Lines(1.0, np.ones(2), np.zeros(2))
    with pytest.raises(ConfigurationError, match="a cell conducts 0 S; allowed are conductances above 0"):
        nodal.solve(np.zeros((2, 2)), driven, nothing, np.ones((1, 2)), np.ones((1, 2)))
    with pytest.raises(ConfigurationError, match="all ends of all lines are open; allowed are crossbars with at least one end"):
        nodal.solve(np.ones((2, 2)), nothing, nothing, np.ones((1, 2)), np.ones((1, 2)))
