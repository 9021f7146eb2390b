"""docs/devices.md names every rule, field and preset, and its table is that of the presets."""

import runpy
from dataclasses import fields
from pathlib import Path

from crosstwin_model.devices import DEVICES, RULES

DOCS = Path(__file__).parents[2] / "docs"


def test_the_table_of_presets_is_current() -> None:
    document = runpy.run_path(str(DOCS / "device_tables.py"))["document"]
    assert (DOCS / "devices.md").read_text() == document(), "run python docs/device_tables.py"


def test_every_rule_field_and_source_is_written_down() -> None:
    text = (DOCS / "devices.md").read_text()
    for rule, kind in RULES.items():
        assert f"| `{rule}` |" in text
        for field in fields(kind):
            assert field.name == "name" or f"`{field.name}" in text or f"`{field.name.removesuffix('_spread')}" in text, (
                field.name
            )
    sources = text[text.index("Where they are from") :]
    for name in DEVICES:
        assert f"`{name}`" in sources
