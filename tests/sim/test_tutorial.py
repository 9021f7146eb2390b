"""The tutorial: its table of rules is whole. Its commands are run by test_commands.py."""

from __future__ import annotations

import dataclasses
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
