"""docs/boards.md tells the pins that the constraints have."""

import runpy
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_tables_are_up_to_date() -> None:
    document = runpy.run_path(str(DOCS / "board_tables.py"))["document"]
    assert (DOCS / "boards.md").read_text() == document(), "run python docs/board_tables.py"
