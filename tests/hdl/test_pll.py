"""The PLL's settings."""

import pytest

from crosstwin_hdl.pll import SeriesSevenPll


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"input_mhz": 100, "output_mhz": 30}, "output_mhz is 30; allowed are whole numbers that divide 800"),
        ({"input_mhz": 0, "output_mhz": 50}, "input_mhz is 0; allowed are whole numbers that divide 800"),
    ],
)
def test_other_frequencies_are_refused(settings: dict[str, int], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        SeriesSevenPll(**settings)
