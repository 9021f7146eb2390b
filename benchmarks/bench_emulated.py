"""What the emulated array takes of an ECP5-25, speed grade 6, by itself: placed and routed with its pins cut off."""

from __future__ import annotations

from common import Row, report, show

from crosstwin_hdl.emulated import EmulatedArray
from crosstwin_hdl.verilog import TOP, component_to_verilog
from crosstwin_model.config import PRESETS, ControllerConfig
from crosstwin_model.emulated_config import EmulatedConfig
from crosstwin_sim.fpga.toolchain import ATTEMPTS, implement

DEVICE, TARGET_MHZ = "ecp5-25", 80.0
CASES = (
    (ControllerConfig("lines16", 16, 16, adc_lanes=2), EmulatedConfig()),
    (ControllerConfig("lines32", 32, 32, adc_lanes=4), EmulatedConfig()),
    (PRESETS["digits"], EmulatedConfig()),
)


def main() -> None:
    """Measure, print and write build/bench/emulated.json."""
    rows: list[Row] = []
    for config, array in CASES:
        text = component_to_verilog(EmulatedArray(config, array))
        found = implement(text, top=TOP, device=DEVICE, target_mhz=TARGET_MHZ, attempts=ATTEMPTS[:1])
        name = f"{config.rows} x {config.columns}, {config.pairs} pair(s)"
        measured = [
            Row(f"{name}: clock", found.fmax_mhz, "MHz"),
            *(
                Row(f"{name}: {part}", used, "places", there, used / there)
                for part, used, there in (
                    ("LUT4", found.lut4, found.lut4_available),
                    ("FF", found.ff, found.ff_available),
                    ("block RAM", found.bram, found.bram_available),
                    ("multipliers", found.dsp, found.dsp_available),
                )
            ),
            Row(f"{name}: shortest slot", array.minimum_slot(config), "clock cycles"),
            Row(f"{name}: forward read to its first beat", array.read_latency(config, True, True), "clock cycles"),
        ]
        show(measured)
        rows += measured
    report("emulated", rows, shown=True)


if __name__ == "__main__":
    main()
