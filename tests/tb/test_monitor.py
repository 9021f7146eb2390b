"""The pin monitor objects to everything that drivers must never do."""

from __future__ import annotations

import pytest

from crosstwin_model.observe import IDLE, Pins
from crosstwin_tb.monitor import PinError, check

JOINED = Pins(tile=1)
UP = Pins(tile=1, row_pos=0b101, column_neg=0b10, slot=1)
READ = Pins(tile=1, read_level=1, sense_columns=1, gain=3)


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (IDLE, JOINED),
        (JOINED, UP),
        (UP, UP._replace(slot=0)),
        (UP, JOINED),
        (UP, IDLE),
        (JOINED, Pins(tile=1, row_neg=1, column_pos=1, slot=1, quadrant=2)),
        (READ, READ._replace(row_pos=1, row_neg=2)),
        (READ._replace(row_pos=1, row_neg=2), READ._replace(row_pos=1)),
        (READ._replace(row_pos=1), READ._replace(adc_sample=1)),
        (READ, IDLE),
    ],
)
def test_legal_changes_pass(before: Pins, now: Pins) -> None:
    check(0, before, now)


@pytest.mark.parametrize(
    ("before", "now", "what"),
    [
        (READ, READ._replace(row_pos=3, row_neg=2), "row lines 0x2 are driven"),
        (JOINED, UP._replace(column_pos=2, column_neg=2), "column lines 0x2 are driven"),
        (UP, Pins(tile=1, row_neg=0b100, column_pos=1, slot=1, quadrant=2), "row lines 0x4 change sign"),
        (Pins(column_pos=1, quadrant=2), Pins(column_neg=1, slot=1), "column lines 0x1 change sign"),
        (UP, UP._replace(tile=2), "joined otherwise"),
        (UP, JOINED._replace(tile=2), "joined otherwise"),
        (READ, READ._replace(gain=2, row_pos=1), "joined otherwise"),
        (READ._replace(row_pos=1), JOINED, "joined otherwise"),
        (IDLE, READ._replace(sense_rows=1), "sensed at once"),
        (READ, READ._replace(column_pos=1), "sensed side"),
        (READ, READ._replace(row_pos=1, adc_sample=1), "a sample"),
        (IDLE, Pins(adc_sample=1), "a sample"),
        (JOINED, UP._replace(slot=0), "without the trigger"),
        (JOINED, UP._replace(quadrant=2), "quadrant 2"),
        (JOINED, Pins(tile=1, row_neg=1, column_pos=1, slot=1), "quadrant 0"),
    ],
)
def test_illegal_changes_are_named(before: Pins, now: Pins, what: str) -> None:
    with pytest.raises(PinError, match=f"clock cycle 7: .*{what}"):
        check(7, before, now)
