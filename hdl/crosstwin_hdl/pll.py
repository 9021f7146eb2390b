"""A slower clock than the oscillator's, from the PLL of a 7-series FPGA."""

from amaranth.hdl import Instance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

#: Frequency at which the PLL's own oscillator runs, in its range of 800 to 1600 MHz for every speed grade.
VCO_MHZ = 800


class SeriesSevenPll(wiring.Component):
    """Divide an oscillator's clock, on AMD's (Xilinx's) 7 series.

    Parameters
    ----------
    input_mhz, output_mhz : int
        Frequencies of the oscillator and of the clock; both must divide 800 (ValueError).

    Attributes
    ----------
    oscillator : In(1), clock : Out(1)
        The clock is on a global network.
    locked : Out(1)
        The clock runs as it should.
    """

    def __init__(self, *, input_mhz: int, output_mhz: int) -> None:
        for name, value in (("input_mhz", input_mhz), ("output_mhz", output_mhz)):
            if value < 1 or VCO_MHZ % value:
                raise ValueError(f"{name} is {value}; allowed are whole numbers that divide {VCO_MHZ}")
        self._multiply, self._divide, self._period = VCO_MHZ // input_mhz, VCO_MHZ // output_mhz, 1000.0 / input_mhz
        super().__init__({"oscillator": In(1), "clock": Out(1), "locked": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        feedback, slow = Signal(), Signal()
        m.submodules.pll = Instance(
            "PLLE2_BASE",
            p_CLKIN1_PERIOD=self._period,
            p_CLKFBOUT_MULT=self._multiply,
            p_CLKOUT0_DIVIDE=self._divide,
            i_CLKIN1=self.oscillator,
            i_CLKFBIN=feedback,
            i_RST=0,
            i_PWRDWN=0,
            o_CLKFBOUT=feedback,
            o_CLKOUT0=slow,
            o_LOCKED=self.locked,
        )
        m.submodules.buffer = Instance("BUFG", i_I=slow, o_O=self.clock)
        return m
