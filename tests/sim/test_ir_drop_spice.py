"""The nodal solver against ngspice, on a small array written out as a netlist."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from crosstwin_model import nodal
from crosstwin_model.line_resistance import GRID, LineResistance
from crosstwin_model.nodal import Floats, Lines

ROWS, COLUMNS = 6, 5


def netlist(cells: Floats, rows: Lines, columns: Lines, volts: Floats, output: Path) -> str:
    """Return the array as resistors, row sources at their first nodes and 0 V sources at the columns' last ones."""
    text = ["crossbar with wire resistance"]
    count = 0

    def resistor(a: str, b: str, ohms: float) -> None:
        nonlocal count
        count += 1
        text.append(f"R{count} {a} {b} {float(ohms)!r}")

    for i in range(ROWS):
        for j in range(COLUMNS):
            resistor(f"u{i}_{j}", f"v{i}_{j}", 1.0 / cells[i, j])
            if j:
                resistor(f"u{i}_{j - 1}", f"u{i}_{j}", rows.ohms)
            if i:
                resistor(f"v{i - 1}_{j}", f"v{i}_{j}", columns.ohms)
    for i in range(ROWS):
        if rows.first[i]:
            text.append(f"VR{i} d{i} 0 DC {float(volts[i])!r}")
            resistor(f"d{i}", f"u{i}_0", 1.0 / rows.first[i])
    for j in range(COLUMNS):
        if columns.last[j]:
            text.append(f"VC{j} s{j} 0 DC 0")
            resistor(f"v{ROWS - 1}_{j}", f"s{j}", 1.0 / columns.last[j])
    names = [f"v({line}{i}_{j})" for line in "uv" for i in range(ROWS) for j in range(COLUMNS)]
    control = ["set numdgt=15", "set filetype=ascii", "op", f"write {output.name} " + " ".join(names)]
    return "\n".join([*text, ".control", *control, ".endc", ".end", ""])


def spice(folder: Path, cells: Floats, rows: Lines, columns: Lines, volts: Floats) -> tuple[Floats, Floats]:
    """Return ngspice's voltages of the nodes of the rows and of the columns."""
    ngspice = shutil.which("ngspice")
    if ngspice is None:
        pytest.skip("ngspice is not installed ('apt-get install ngspice')")
    output = folder / "nodes.raw"
    circuit = folder / "crossbar.cir"
    circuit.write_text(netlist(cells, rows, columns, volts, output))
    run = subprocess.run([ngspice, "-b", circuit.name], cwd=folder, capture_output=True, text=True, timeout=600, check=False)
    assert output.exists(), run.stdout + run.stderr
    head, _, tail = output.read_text().partition("Values:")
    names = re.findall(r"^\s*\d+\s+v\((\w+)\)\s+voltage", head, re.MULTILINE)
    numbers = re.findall(r"^\s*(?:\d+\s+)?([-+0-9.eE]+)\s*$", tail, re.MULTILINE)
    volt = {name: float(number) for name, number in zip(names, numbers, strict=True)}
    found = np.array([[[volt[f"{line}{i}_{j}"] for j in range(COLUMNS)] for i in range(ROWS)] for line in "uv"])
    return found[0], found[1]


def near(found: Floats, expected: Floats) -> None:
    """Hold arrays equal within 1e-9 of the largest expected number."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9 * np.abs(expected).max())


def test_all_lines_driven_or_sensed(tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    cells = rng.uniform(1e-5, 1e-3, (ROWS, COLUMNS))
    rows = Lines(12.0, np.full(ROWS, 1.0 / 40.0), np.zeros(ROWS))
    columns = Lines(7.0, np.zeros(COLUMNS), np.full(COLUMNS, 1.0 / 25.0))
    volts = rng.uniform(-1.0, 1.0, ROWS)
    u, v = spice(tmp_path, cells, rows, columns, volts)
    found = nodal.solve(cells, rows, columns, volts[None], np.zeros((1, COLUMNS)))
    near(found.rows[0], u)
    near(found.columns[0], v)


def test_floating_lines(tmp_path: Path) -> None:
    """One row driven and one column sensed; whatever else flows takes sneak paths."""
    cells = np.random.default_rng(12).uniform(1e-5, 1e-3, (ROWS, COLUMNS))
    rows, columns = Lines(12.0, np.zeros(ROWS), np.zeros(ROWS)), Lines(7.0, np.zeros(COLUMNS), np.zeros(COLUMNS))
    rows.first[2] = 0.1
    columns.last[3] = 0.2
    volts = np.ones(ROWS)
    u, v = spice(tmp_path, cells, rows, columns, volts)
    found = nodal.solve(cells, rows, columns, volts[None], np.zeros((1, COLUMNS)))
    near(found.rows[0], u)
    near(found.columns[0], v)


@pytest.mark.parametrize("unselected", ["grounded", "floating"])
def test_the_sums_of_a_read(tmp_path: Path, unselected: str) -> None:
    rng = np.random.default_rng(13)
    lines = LineResistance(20.0, 30.0, driver_ohms=100.0, sense_ohms=50.0, unselected=unselected)
    w = rng.uniform(-1.0, 1.0, (ROWS, COLUMNS)).astype(np.float32)
    charge = np.array([63, 0, -20, 5, 0, -63], np.int32)
    joined = charge != 0 if unselected == "floating" else np.ones(ROWS, np.bool_)
    rows = Lines(20.0, np.where(joined, 1.0 / 120.0, 0.0), np.zeros(ROWS))
    columns = Lines(30.0, np.zeros(COLUMNS), np.full(COLUMNS, 1.0 / 80.0))
    _, v = spice(tmp_path, lines.conductances(w), rows, columns, charge.astype(np.float64))
    expected = (v[-1] / 80.0 - lines.siemens_at_zero * charge.sum()) / lines.siemens_per_weight
    np.testing.assert_allclose(lines.read_sums(w, charge, True), expected, rtol=0, atol=1.0 / GRID)
