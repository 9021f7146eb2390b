"""Amaranth platforms of the boards: those of amaranth-boards, and one that it lacks."""

from __future__ import annotations

from amaranth.build import Attrs, Clock, Connector, Pins, Platform, Resource
from amaranth.vendor import GowinPlatform
from amaranth_boards.arty_a7 import ArtyA7_35Platform
from amaranth_boards.icebreaker import ICEBreakerPlatform
from amaranth_boards.resources import ButtonResources, LEDResources, UARTResource
from amaranth_boards.ulx3s import ULX3S_25F_Platform, ULX3S_85F_Platform


class TangNano20kPlatform(GowinPlatform):
    """Sipeed's Tang Nano 20K."""

    part = "GW2AR-LV18QN88C8/I7"
    family = "GW2AR-18C"
    default_clk = "clk27"  # type: ignore[assignment]  # the stubs have only the property
    resources = (  # type: ignore[assignment]
        Resource("clk27", 0, Pins("4", dir="i"), Clock(27e6), Attrs(IO_TYPE="LVCMOS33")),
        *ButtonResources(pins="88 87", attrs=Attrs(IO_TYPE="LVCMOS33", PULL_MODE="DOWN")),
        *LEDResources(pins="15 16 17 18 19 20", invert=True, attrs=Attrs(IO_TYPE="LVCMOS33")),
        UARTResource(0, rx="70", tx="69", attrs=Attrs(IO_TYPE="LVCMOS33", PULL_MODE="UP")),
    )
    connectors = (  # type: ignore[assignment]
        Connector("j", 5, "- - - 76 80 42 41 56 54 51 48 55 49 86 79 - - 72 71 53 52"),
        Connector("j", 6, "- 73 74 75 85 77 15 16 27 28 25 26 29 30 31 17 20 19 18 - -"),
    )


#: The platform of every board, by the board's name.
PLATFORMS: dict[str, type[Platform]] = {
    "ulx3s-25f": ULX3S_25F_Platform,
    "ulx3s-85f": ULX3S_85F_Platform,
    "icebreaker": ICEBreakerPlatform,
    "tangnano20k": TangNano20kPlatform,
    "arty-a7-35": ArtyA7_35Platform,
}
