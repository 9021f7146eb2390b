"""Files of pulse trains: every form gives the same data, lost readings are named, and nothing is guessed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from crosstwin_sim.devices.fit_data import DeviceData, Measurement, read_measurement
from crosstwin_sim.errors import CrosstwinError

PULSES = 30
_RISE = 1.0 - np.exp(-np.arange(PULSES + 1) / 10.0)
UP = 3.0 + 30.0 * _RISE
DOWN = UP[-1] - 30.0 * _RISE


def _trains(values: np.ndarray | None = None, head: str = "pulse,direction,conductance", join: str = ",") -> str:
    """One ramp up, and one down that begins a new train, with seven digits."""
    values = np.concatenate([UP, DOWN]) if values is None else values
    rows = [
        join.join([str(i), way, f"{value:.7g}"])
        for (i, way), value in zip([(i, way) for way in ("up", "down") for i in range(PULSES + 1)], values, strict=True)
    ]
    return "\n".join([head.replace(",", join), *rows]) + "\n"


def _wide(head: str = "pulse,LTP,LTD") -> str:
    rows = [f"{i},{up:.7g},{down:.7g}" for i, (up, down) in enumerate(zip(UP, DOWN, strict=True))]
    return "\n".join([head, *rows]) + "\n"


def _pandas() -> str:
    rows = _trains().splitlines()
    ways = {"up": "1.0", "down": "-1.0"}
    cells = [row.split(",") for row in rows[1:]]
    lines = [f"{i},{p},{'' if p == '0' else ways[way]},{value}" for i, (p, way, value) in enumerate(cells)]
    return "\n".join([",pulse,direction,conductance", *lines]) + "\n"


def _per_ramp() -> str:
    """Two columns for each cycle, the second one cycle shorter than the first."""
    rows = [f"{i},{u:.7g},{d:.7g},{u:.7g},{d if i < 20 else ''}" for i, (u, d) in enumerate(zip(UP, DOWN, strict=True))]
    return "\n".join(["pulse,LTP1 (uS),LTD1 (uS),LTP2 (uS),LTD2 (uS)", *rows]) + "\n"


FORMS: dict[str, Callable[[], bytes]] = {
    "tab": lambda: _trains(join="\t").encode(),
    "semicolon": lambda: _trains(join=";").encode(),
    "blanks": lambda: _trains(join="   ").encode(),
    "decimal comma": lambda: _trains(join=";").replace(".", ",").encode(),
    "decimal comma, tabs": lambda: _trains(join="\t").replace(".", ",").encode(),
    "unit in brackets": lambda: _trains(head="pulse,direction,conductance (uS)").encode(),
    "unit in square brackets": lambda: _trains(head="Pulse number,Polarity,G [S]").encode(),
    "unit, blanks": lambda: _trains(head="pulse,direction,conductance (uS)", join=" ").encode(),
    "unit after a slash": lambda: _trains(head="pulse,direction,G/nS").encode(),
    "micro sign of Windows": lambda: _trains(head="pulse;direction;G (\u00b5S)").replace(",", ";").encode("cp1252"),
    "resistance": lambda: _trains(1e3 / np.concatenate([UP, DOWN]), head="pulse,direction,R (kOhm)").encode(),
    "resistance, Omega": lambda: _trains(1e9 / np.concatenate([UP, DOWN]), head="pulse,direction,resistance (\u03a9)").encode(),
    "LTP and LTD": lambda: _wide().encode(),
    "potentiation and depression": lambda: _wide("pulse,G potentiation (uS),G depression (uS)").encode(),
    "no pulse column": lambda: "\n".join(row.split(",", 1)[1] for row in _wide().splitlines()).encode(),
    "pandas": lambda: _pandas().encode(),
    "NumPy": lambda: ("# " + _wide("pulse LTP LTD").replace(",", " ")).encode(),
    "Excel": lambda: ("sep=;\n" + _trains(join=";").replace(".", ",")).replace("\n", "\r\n").encode("utf-8-sig"),
    "Excel, Unicode text": lambda: _trains(join="\t").replace("\n", "\r\n").encode("utf-16"),
    "old Mac": lambda: _trains().replace("\n", "\r").encode(),
    "LTP and LTD as directions": lambda: _trains().replace("up", "LTP").replace("down", "LTD").encode(),
}


def _read(tmp_path: Path, content: bytes | str) -> Measurement:
    path = tmp_path / "data.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_measurement(path)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_data(form: str, tmp_path: Path) -> None:
    (expected,) = _read(tmp_path, _trains()).devices
    found = _read(tmp_path, FORMS[form]())
    (device,) = found.devices
    np.testing.assert_allclose(device.weights, expected.weights, rtol=0, atol=3e-6)
    assert device.pulses.tolist() == expected.pulses.tolist()
    assert device.up[device.pulses > 0].tolist() == expected.up[expected.pulses > 0].tolist()
    assert [note for note in found.notes if "no column pulse" not in note] == []


def test_units_scale_conductances_to_siemens(tmp_path: Path) -> None:
    found = _read(tmp_path, FORMS["unit in brackets"]())
    assert found.siemens and found.middle == pytest.approx(1e-6 * (UP.min() + UP.max()) / 2, rel=1e-6)
    assert not _read(tmp_path, _trains()).siemens


def test_columns_of_several_ramps_are_trains_of_one_device(tmp_path: Path) -> None:
    (device,) = _read(tmp_path, _per_ramp()).devices
    assert np.flatnonzero(device.pulses == 0).tolist() == [0, 31, 62, 93]
    assert device.weights.size == 3 * 31 + 20


def _with(row: int, text: str, base: str | None = None) -> str:
    """The file with another value in a row, counted from 0 below the header."""
    lines = (_continued() if base is None else base).splitlines()
    lines[row + 1] = ",".join([*lines[row + 1].split(",")[:2], text])
    return "\n".join(lines) + "\n"


def _continued(noise: float = 0.0) -> str:
    """One train: up, and then down from where that ended."""
    values = np.concatenate([UP, DOWN[1:]]) + noise * np.random.default_rng(1).standard_normal(2 * PULSES + 1)
    ways = ["up"] * (PULSES + 1) + ["down"] * PULSES
    rows = [f"{i},{way},{value:.7g}" for i, (way, value) in enumerate(zip(ways, values, strict=True))]
    return "\n".join(["pulse,direction,conductance", *rows]) + "\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("9.91E37", "overflow"),
        ("+9.9e+37", "overflow"),
        ("-9.9E37", "overflow"),
        ("199.999E+99", "overflow"),
        ("OVLD", "overflow"),
        ("inf", "overflow"),
        ("", "no number"),
        ("NaN", "no number"),
        ("0", "0 among values far from 0"),
        ("0.00E+00", "0 among values far from 0"),
        ("570", "glitch"),
        ("-40", "glitch"),
    ],
)
@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_a_lost_reading_is_left_out_and_its_line_named(text: str, reason: str, noise: float, tmp_path: Path) -> None:
    found = _read(tmp_path, _with(15, text, _continued(noise)))
    assert [note.split(": ", 1)[1] for note in found.notes] == [
        f"1 of 61 readings of the device left out as lost: line 17 ({text or 'empty'}: {reason})."
    ]
    (device,) = found.devices
    assert device.weights.size == 60 and device.pulses[15] == 2 and np.abs(device.weights).max() == pytest.approx(1.0)


@pytest.mark.parametrize("row", [0, 29, 30, 31, 60])
def test_an_overflow_is_left_out_wherever_it_stands(row: int, tmp_path: Path) -> None:
    found = _read(tmp_path, _with(row, "9.91E37"))
    (device,) = found.devices
    assert device.weights.size == 60 and f"line {row + 2} " in found.notes[0]
    # Pulses of both directions between two readings are no step: a train begins after them.
    assert np.flatnonzero(device.pulses == 0).tolist() == ([0, 30] if row == 30 else [0])


def test_two_glitches_in_a_row_and_two_near_each_other_are_found(tmp_path: Path) -> None:
    text = _with(10, "300", _with(12, "250", _with(20, "400", _with(21, "410"))))
    assert [text for text in _read(tmp_path, text).notes[0].split() if text.isdigit()] == ["4", "61", "12", "14", "22", "23"]


@pytest.mark.parametrize("noise", [0.0, 0.3, 1.0])
def test_real_steps_are_kept(noise: float, tmp_path: Path) -> None:
    """A step that stays, the turning point, alternating pulses, a start at 0, and the noise of reads."""
    values = np.concatenate([UP, DOWN[1:]])
    values[12:31] += 40.0
    values[31:] += 40.0 * np.exp(-np.arange(30) / 5.0)
    values = (values - values.min()) / np.ptp(values)
    values += noise * 0.02 * np.random.default_rng(2).standard_normal(values.size)
    ways = ["up"] * 31 + ["down"] * 30
    rows = [f"{i},{way},{value:.7g}" for i, (way, value) in enumerate(zip(ways, values, strict=True))]
    rows += [f"{61 + i},{'up' if i % 2 else 'down'},{values[-1] + 0.02 * (i % 2):.7g}" for i in range(20)]
    found = _read(tmp_path, "\n".join(["pulse,direction,conductance", *rows]))
    assert found.notes == () and found.rows == 81


def test_nothing_is_left_out_of_simulated_trains_with_noise() -> None:
    found = read_measurement(Path(__file__).parents[2] / "examples" / "pulse_trains.csv")
    assert found.notes == () and found.rows == 964


def test_a_departure_that_may_be_a_step_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        CrosstwinError, match=r"line 32: the value 900 departs from those around it by .* remove the line, or write"
    ):
        _read(tmp_path, _with(30, "900"))
    with pytest.raises(CrosstwinError, match=r"line 62: the value -900 departs"):
        _read(tmp_path, _with(60, "-900"))


def test_too_many_lost_readings_are_refused(tmp_path: Path) -> None:
    text = _continued()
    for row in range(5, 12):
        text = _with(row, "nan", text)
    with pytest.raises(
        CrosstwinError, match=r"7 of 61 readings of the device are lost: line 7 \(nan: no number\), .* up to a tenth"
    ):
        _read(tmp_path, text)


@pytest.mark.parametrize("noise", [0.0, 0.2])
def test_a_jump_between_ramps_is_said_and_begins_a_train(noise: float, tmp_path: Path) -> None:
    lines = _continued(noise).splitlines()
    lines[32:] = [",".join([*line.split(",")[:2], str(float(line.split(",")[2]) - 15.0)]) for line in lines[32:]]
    found = _read(tmp_path, "\n".join(lines))
    (device,) = found.devices
    assert np.flatnonzero(device.pulses == 0).tolist() == [0, 31]
    assert "line 33: the value jumps by -1" in found.notes[0] and "no step is fitted" in found.notes[0]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "pulse,direction,conductance,pulse,direction,conductance\n",
            "2 columns hold the pulse: 'pulse' (column 1), 'pulse' (column 4); allowed is one",
        ),
        ("pulse,direction,G (uS),conductance\n", "2 columns hold the conductance: 'G (uS)' (column 3), 'conductance' (column 4)"),
        ("pulse,direction,G1,G2\n", "2 columns hold the conductance: 'G1' (column 3), 'G2' (column 4)"),
        ("pulse,LTP,LTD,LTP\n", "2 columns hold the conductance: 'LTP' (column 2), 'LTP' (column 4)"),
        ("pulse,direction,G (uA)\n", "the unit of the column 'G (uA)' is unknown; allowed are S, mS, uS, nS, pS and a.u."),
        ("pulse,direction,R (uS)\n", "the unit of the column 'R (uS)' is unknown; allowed are Ohm, kOhm, MOhm, GOhm and a.u."),
        ("pulse,LTP (uS),LTD\n", "some columns of values have a unit and others none: 'LTP (uS)' (column 2), 'LTD' (column 3)"),
        (
            "pulse,direction,conductance\n1,up,0,5\n",
            "line 2: 4 columns; the first line names 3; numbers with decimal commas need",
        ),
        ('pulse,direction,conductance\n1,up,"0,5"\n', "has a comma in the number '0,5' in line 2, and commas between columns"),
        (
            "pulse;direction;conductance\n1;up;0,5\n2;up;0.6\n",
            "a comma in the number '0,5' in line 2 and a point in '0.6' in line 3",
        ),
        ("pulse;direction;conductance\n1,000;up;0.5\n", "line 2: pulse is '1,000', with a comma that may part thousands"),
        ("PK\x03\x04", "is an Excel workbook; save it as CSV"),
    ],
)
def test_what_is_ambiguous_is_refused_with_its_place(text: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(CrosstwinError) as refused:
        _read(tmp_path, text)
    assert sentence in str(refused.value)


def test_a_quantity_that_is_left_aside_is_named(tmp_path: Path) -> None:
    rows = [row + ",5" for row in _trains(head="pulse,direction,conductance").splitlines()]
    rows[0] = rows[0].replace(",5", ",R (Ohm)")
    assert (
        "the column 'R (Ohm)' is left aside; the values are those of 'conductance'" in _read(tmp_path, "\n".join(rows)).notes[0]
    )


@pytest.mark.parametrize("kind", ["<f4", ">f8", "<i4", ">i2", "?", "<u1"])
def test_arrays_of_any_real_type_are_taken(kind: str) -> None:
    values = np.array([0, 1, 0, 1])
    device = DeviceData("", values.astype(kind), values.astype(kind), values.astype(kind))
    plain = DeviceData("", [0, 1, 0, 1], [0, 1, 0, 1], [0, 1, 0, 1])  # type: ignore[arg-type]
    for one in (device, plain):
        assert (one.weights.dtype, one.up.dtype, one.pulses.dtype) == (np.float64, np.int64, np.int64)
        assert one.weights.tolist() == one.up.tolist() == one.pulses.tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize(
    ("weights", "up", "pulses", "sentence"),
    [
        ([0, np.nan], [0, 1], [0, 1], "weights of device 'x' is nan; allowed are finite numbers"),
        ([0, 1j], [0, 1], [0, 1], "weights of device 'x' has the type complex128; allowed are real numbers"),
        (["a", "b"], [0, 1], [0, 1], "weights of device 'x' has the type <U1"),
        ([[0], [1]], [0, 1], [0, 1], "the shape (2, 1); allowed are finite numbers, in one row"),
        ([[0], [1, 2]], [0, 1], [0, 1], "weights of device 'x' is no array of numbers"),
        ([0, 1], [0, 1, 1], [0, 1], "up of device 'x' has the shape (3,); that of weights is (2,)"),
        ([0, 1], [0, 2], [0, 1], "up of device 'x' is 2; allowed are 0 and 1"),
        ([0, 1], [0, 1], [0, 0.5], "pulses of device 'x' is 0.5; allowed are 0 to 100000"),
        ([0, 1], [0, 1], [1, 1], "pulses of device 'x' begins with 1; allowed is 0"),
    ],
)
def test_other_arrays_are_refused_in_one_sentence(weights: object, up: object, pulses: object, sentence: str) -> None:
    with pytest.raises(CrosstwinError) as refused:
        DeviceData("x", weights, up, pulses)  # type: ignore[arg-type]
    assert sentence in str(refused.value)
