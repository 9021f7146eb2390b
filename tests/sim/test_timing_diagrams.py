"""The documents' timing diagrams are those that the RTL draws today."""

from pathlib import Path

from crosstwin_sim.timing_diagrams import draw_all

IMAGES = Path(__file__).parents[2] / "docs" / "images"


def test_committed_diagrams_are_current(tmp_path: Path) -> None:
    for file in draw_all(tmp_path):
        assert file.read_text() == (IMAGES / file.name).read_text(), f"{file.name} is old; 'make docs' draws it anew"
