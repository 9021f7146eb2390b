"""The most clock cycles that an operation can take with the settings it was started with."""

from __future__ import annotations

from collections.abc import Mapping

from .config import ControllerConfig

#: Registers that decide about the length of an operation; none of them can be written while one is under way.
LENGTH_REGISTERS = ("PULSE", "BL", "TRANSFER_BL", "SYMMETRIZE_PAIRS", "READ", "ADC_TIMEOUT")
#: Clock cycles of an operation outside its slots, its window and its conversions: docs/controller.md gives 7 for TRANSFER and 4
#: for UPDATE; the rest is for CHECK and the bus.
_MARGIN = 100


def operation_limit(config: ControllerConfig, settings: Mapping[str, int]) -> int:
    """Return the clock cycles after which any operation has ended, by the lengths that docs/controller.md gives.

    Parameters
    ----------
    config : ControllerConfig
        The controller.
    settings : mapping of str to int
        The values of :data:`LENGTH_REGISTERS`.
    """
    slot = (settings["PULSE"] & 0xFFFF) + (settings["PULSE"] >> 16)
    slots = max(4 * settings["BL"] + 2 * settings["TRANSFER_BL"], 2 * settings["SYMMETRIZE_PAIRS"])
    window = (settings["READ"] & 0xFFFF) * (settings["READ"] >> 16)
    beats = -(-max(config.rows, config.columns) // config.adc_lanes)
    return slots * slot + window + beats * settings["ADC_TIMEOUT"] + _MARGIN
