"""Clock cycles of every operation beyond its slots, its read window and its conversions, by tile size.

Counted by the register CYCLES of the golden model, which `crosstwin check` holds equal to the RTL's.
"""

from __future__ import annotations

import numpy as np
from common import Row, report

from crosstwin_model.config import PRESETS, ControllerConfig
from crosstwin_model.controller import GoldenController
from crosstwin_model.plant import Plant, PlantConfig
from crosstwin_model.registers import Opcode

ALLOWED = 8


class CountingPlant(Plant):
    """A plant that adds up the clock cycles its ADC takes."""

    conversion = 0

    def delays(self, beats: int) -> np.ndarray:
        """Return the plant's delays, and count them."""
        delays = super().delays(beats)
        self.conversion += int(delays.sum())
        return delays


def overhead(config: ControllerConfig, opcode: Opcode) -> int:
    """Return CYCLES - slots x slot length - window - conversions of one operation with all lines in use."""
    plant = CountingPlant(config, PlantConfig(initial=0.3))
    golden = GoldenController(config, plant)
    registers = golden.registers.map
    golden.write(registers["PULSE"].offset, 2 | 1 << 16)
    golden.write(registers["READ"].offset, 63 | 1 << 16)
    for window in ("X", "D"):
        place = registers.window(window)
        codes = np.zeros(2 * place.words, "<i2")
        codes[: place.entries] = np.where(np.arange(place.entries) % 2, 60, -60)
        golden.write_block(place.offset, codes.view("<u4"))
    golden.write(registers["COMMAND"].offset, opcode | 1 << 8)
    window_cycles = 63 if opcode in (Opcode.FORWARD, Opcode.BACKWARD, Opcode.TRANSFER) else 0
    counters = golden.registers.counters
    return counters["CYCLES"] - 3 * counters["SLOTS"] - window_cycles - plant.conversion


def main() -> None:
    """Count, print and write build/bench/overhead.json."""
    rows = []
    for name, config in PRESETS.items():
        for opcode in Opcode:
            value = overhead(config, opcode)
            rows.append(
                Row(f"{name}, {config.rows} x {config.columns}: {opcode.name}", value, "cycles", ALLOWED, value / ALLOWED)
            )
    report("overhead", rows)


if __name__ == "__main__":
    main()
