"""The controller in a LiteX system on chip: an AXI4-Lite region, an interrupt, and its pins to the array.

`python examples/litex_soc.py OUT_FOLDER` writes a package of the preset `tiny` and the Verilog of a small system around it, with
a UART bridge as the bus's manager. docs/litex.md explains it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from litex.build.generic_platform import Pins, Subsignal
from litex.build.lattice import LatticePlatform
from litex.gen import LiteXModule
from litex.soc.integration.builder import Builder
from litex.soc.integration.soc import SoCRegion
from litex.soc.integration.soc_core import SoCMini
from litex.soc.interconnect import axi
from migen import ClockDomain, ClockSignal, Instance, Module, ResetSignal, Signal

from crosstwin_model.config import PRESETS, ControllerConfig
from crosstwin_sim.package.contents import write_package

#: Where the system has the controller, and the bytes of addresses that the controller decodes.
BASE, SIZE = 0x3000_0000, 0x4000


class Crosstwin(LiteXModule):
    """The controller's Verilog as a LiteX module.

    Parameters
    ----------
    platform : GenericPlatform
        Takes the Verilog file.
    package : Path
        Folder that `crosstwin verilog --package` wrote.
    pads : Record
        The pins to the array, by the names of the controller's ports.

    Attributes
    ----------
    bus : AXILiteInterface
        For ``soc.bus.add_slave``.
    ev : Module
        Holds ``irq``, the level that ``soc.irq.add`` joins to the processor. The causes are in the controller's own registers
        INTERRUPT_STATUS and INTERRUPT_ENABLE, so LiteX makes no CSR for them.
    """

    OUTPUTS = ("row_pos", "row_neg", "column_pos", "column_neg", "read_level", "sense_rows", "sense_columns", "tile")
    OUTPUTS += ("differential", "gain", "adc_sample", "adc_ready", "slot", "quadrant", "busy", "fault")
    INPUTS = ("adc_valid", "adc_data", "estop")

    def __init__(self, platform: object, package: Path, pads: object) -> None:
        self.bus = bus = axi.AXILiteInterface(data_width=32, address_width=32)
        self.ev = Module()
        self.ev.irq = Signal()
        address_bits = SIZE.bit_length() - 1
        self.specials += Instance(
            "crosstwin",
            i_clk=ClockSignal("sys"),
            i_rst=ResetSignal("sys"),
            i_s_axi_awaddr=bus.aw.addr[:address_bits],
            i_s_axi_awprot=bus.aw.prot,
            i_s_axi_awvalid=bus.aw.valid,
            o_s_axi_awready=bus.aw.ready,
            i_s_axi_wdata=bus.w.data,
            i_s_axi_wstrb=bus.w.strb,
            i_s_axi_wvalid=bus.w.valid,
            o_s_axi_wready=bus.w.ready,
            o_s_axi_bresp=bus.b.resp,
            o_s_axi_bvalid=bus.b.valid,
            i_s_axi_bready=bus.b.ready,
            i_s_axi_araddr=bus.ar.addr[:address_bits],
            i_s_axi_arprot=bus.ar.prot,
            i_s_axi_arvalid=bus.ar.valid,
            o_s_axi_arready=bus.ar.ready,
            o_s_axi_rdata=bus.r.data,
            o_s_axi_rresp=bus.r.resp,
            o_s_axi_rvalid=bus.r.valid,
            i_s_axi_rready=bus.r.ready,
            o_irq=self.ev.irq,
            **{f"o_{name}": getattr(pads, name) for name in self.OUTPUTS},
            **{f"i_{name}": getattr(pads, name) for name in self.INPUTS},
        )
        platform.add_source(str(package / "crosstwin.v"))


def array_pins(config: ControllerConfig) -> tuple:
    """Return LiteX's description of the pins to the array; a board names real pins in place of the counts."""
    widths = {"row_pos": config.rows, "row_neg": config.rows, "column_pos": config.columns, "column_neg": config.columns}
    widths |= {"tile": 4, "gain": 4, "quadrant": 2, "adc_data": config.adc_lanes * config.adc_bits}
    names = (*Crosstwin.OUTPUTS, *Crosstwin.INPUTS)
    return ("crosstwin", 0, *(Subsignal(name, Pins(widths.get(name, 1))) for name in names))


class Clock(LiteXModule):
    """The clock domain ``sys`` from two pins."""

    def __init__(self, platform: LatticePlatform) -> None:
        self.cd_sys = ClockDomain()
        self.comb += [self.cd_sys.clk.eq(platform.request("sys_clk")), self.cd_sys.rst.eq(platform.request("sys_rst"))]


class System(SoCMini):
    """A clock, a bus whose manager is a UART bridge, and the controller at BASE."""

    def __init__(self, platform: LatticePlatform, package: Path) -> None:
        SoCMini.__init__(self, platform, clk_freq=50e6)
        self.crg = Clock(platform)
        self.add_uartbone(baudrate=1_000_000)
        self.crosstwin = Crosstwin(platform, package, platform.request("crosstwin"))
        self.bus.add_slave("crosstwin", self.crosstwin.bus, SoCRegion(origin=BASE, size=SIZE, cached=False))
        if self.irq.enabled:  # that is, where there is a processor
            self.irq.add("crosstwin")


def build(folder: Path, config: ControllerConfig) -> Path:
    """Write the package and the system's Verilog into a folder, and return the system's file."""
    folder.mkdir(parents=True, exist_ok=True)
    write_package(config, folder / "package")
    pins = [
        ("sys_clk", 0, Pins(1)),
        ("sys_rst", 0, Pins(1)),
        ("serial", 0, Subsignal("tx", Pins(1)), Subsignal("rx", Pins(1))),
        array_pins(config),
    ]
    system = System(LatticePlatform("LFE5U-25F-6BG381C", pins, toolchain="trellis"), folder / "package")
    builder = Builder(system, output_dir=str(folder), compile_software=False, compile_gateware=False)
    builder.build(build_name="system")
    return folder / "gateware" / "system.v"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("litex_soc.py takes one argument: the folder to write to, for instance build/litex")
    print(build(Path(sys.argv[1]), PRESETS["tiny"]))
