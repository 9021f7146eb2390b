"""The tutorial: its table of rules is whole, and its first program prints what it says."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from crosstwin_model.devices import RULES, Device

REPOSITORY = Path(__file__).parents[2]
TEXT = (REPOSITORY / "docs" / "tutorial.md").read_text()


@pytest.mark.parametrize("rule", sorted(RULES))
def test_every_rule_is_listed_with_its_keys(rule: str) -> None:
    (row,) = (line for line in TEXT.splitlines() if line.startswith(f"| `{rule}` |"))
    shared = {field.name for field in dataclasses.fields(Device)}
    for field in dataclasses.fields(RULES[rule]):
        if field.init and field.name not in shared:
            assert f"`{field.name}`" in row or (field.name.endswith("_spread") and "`_spread`" in row), field.name


def test_the_first_program_prints_what_the_tutorial_shows() -> None:
    command = [sys.executable, str(REPOSITORY / "examples" / "first_crossbar.py"), "model"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(lines) == 2
    for line in lines:
        assert line in TEXT
        assert line.replace(" on model:", " on rtl:") in TEXT
