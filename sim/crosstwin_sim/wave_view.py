"""A save file for GTKWave beside a file of waves: the controller's pins and states in groups, ready to look at."""

from __future__ import annotations

from pathlib import Path

from crosstwin_model.config import ControllerConfig
from crosstwin_model.registers import ADDRESS_BITS

#: States of the sequencer, in the order in which an operation passes them.
_STATES = ("check", "connect", "drive", "sample", "convert", "plan", "load", "scan0", "scan1", "hold", "gap", "release", "finish")


def write_wave_view(waves: Path, config: ControllerConfig, scope: str, *, states: bool = True) -> Path:
    """Write the save file, named like the waves with the suffix ``.gtkw``, and return its path.

    Parameters
    ----------
    waves : Path
        The file of waves.
    config : ControllerConfig
        Gives the widths of the pins.
    scope : str
        Where in the waves the controller is, for instance ``crosstwin``.
    states : bool
        Whether the waves have the sequencer's states, which a netlist has not.
    """
    from vcd.gtkw import GTKWSave  # of the extra `rtl`, without which there are no waves

    path = waves.with_suffix(".gtkw")
    with path.open("w", encoding="utf-8") as file:
        view = GTKWSave(file)
        view.dumpfile(str(waves))
        for title, signals in _groups(config, states).items():
            with view.group(title):
                for name, width in signals.items():
                    view.trace(f"{scope}.{name}" + (f"[{width - 1}:0]" if width > 1 else ""))
    return path


def _groups(config: ControllerConfig, states: bool) -> dict[str, dict[str, int]]:
    """Return names and widths of the signals of each group."""
    groups = {
        "Clock": dict.fromkeys(("clk", "rst", "estop"), 1),
        "Operation": {**dict.fromkeys(("busy", "fault", "irq", "slot"), 1), "tile": 4, "quadrant": 2},
        "Lines": {
            **dict.fromkeys(("row_pos", "row_neg"), config.rows),
            **dict.fromkeys(("column_pos", "column_neg"), config.columns),
        },
        "Reads": {
            **dict.fromkeys(("read_level", "sense_rows", "sense_columns", "differential"), 1),
            "gain": 4,
            **dict.fromkeys(("adc_sample", "adc_ready", "adc_valid"), 1),
            "adc_data": config.adc_lanes * config.adc_bits,
        },
        "Bus": {
            f"s_axi_{name}": width
            for name, width in (
                ("awvalid", 1), ("awready", 1), ("awaddr", ADDRESS_BITS),
                ("wvalid", 1), ("wready", 1), ("wdata", 32), ("wstrb", 4),
                ("bvalid", 1), ("bready", 1), ("bresp", 2),
                ("arvalid", 1), ("arready", 1), ("araddr", ADDRESS_BITS),
                ("rvalid", 1), ("rready", 1), ("rdata", 32), ("rresp", 2),
            )
        },
    }  # fmt: skip
    if states:
        groups["States"] = {f"sequencer.in_{state}": 1 for state in _STATES}
    return groups
