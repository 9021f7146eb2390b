"""Time and size of the conversion to Verilog against the size of the tile: the file should grow with the lines, not the cells."""

from __future__ import annotations

from common import Row, report, seconds

from crosstwin_hdl.verilog import to_verilog
from crosstwin_model.config import ControllerConfig

SIZES = (32, 64, 128, 256)


def main() -> None:
    """Measure, print and write build/bench/verilog.json; bytes of an added line are compared with those of the first step."""
    rows: list[Row] = []
    sizes: list[int] = []
    first_step = 0.0
    for lines in SIZES:
        text = ""

        def convert(lines: int = lines) -> None:
            nonlocal text
            text = to_verilog(ControllerConfig(f"lines{lines}", lines, lines, adc_lanes=16))

        duration = seconds(convert)
        rows.append(Row(f"{lines} x {lines}: conversion", duration, "s"))
        rows.append(Row(f"{lines} x {lines}: Verilog", len(text) / 1000, "kB"))
        if sizes:
            added = (len(text) - sizes[-1]) / lines  # every size has twice the lines of the one before, so it adds that many
            first_step = first_step or added
            rows.append(Row(f"{lines} x {lines}: an added line", added, "bytes", first_step, added / first_step))
        sizes.append(len(text))
    report("verilog", rows)


if __name__ == "__main__":
    main()
