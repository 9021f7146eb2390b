"""The top of a bitstream: the board design on a board's own pins."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from amaranth.hdl import Cat, ClockDomain, Const, Module, Signal, Value
from amaranth.lib import io, wiring
from amaranth.lib.wiring import Out

from crosstwin_model.config import ControllerConfig

from .board import BoardDesign
from .logic import any_of
from .pll import SeriesSevenPll

#: Clock cycles of reset after power-up: iCE40's block RAM reads 0 for its first microseconds.
RESET_CYCLES = 1023


class BoardTop(wiring.Component):
    """Board design, pins, LEDs and button.

    It has no ports; it asks the platform for the oscillator and the resources ``uart`` 0, ``led``, ``button`` 0 (emergency stop)
    and, where there is no emulated array, ``array`` 0.

    Parameters
    ----------
    config : ControllerConfig
    divisor : int
        Clock cycles of a bit on the serial line.
    clock_hz : int
        Frequency of the clock, for the heartbeat.
    array : callable or None
        As in :class:`BoardDesign`.
    pins : mapping
        Members of the array's side that the board brings out, and how many of their low bits; empty with an emulated array.
        Besides them ``array`` has ``clk``, the clock. Inputs that are not brought out are 0.
    lights : sequence of int
        Which ``led`` shows the heartbeat, BUSY and FAULT; one that is named twice shows either.
    quiet : sequence of str
        Resources that are outputs to be held low.
    pll : component or None
        Makes the clock from the oscillator's (:class:`~crosstwin_hdl.pll.SeriesSevenPll`); None where they are the same.
    """

    def __init__(
        self,
        config: ControllerConfig,
        *,
        divisor: int,
        clock_hz: int,
        array: Callable[[ControllerConfig], wiring.Component] | None,
        pins: Mapping[str, int],
        lights: Sequence[int],
        quiet: Sequence[str],
        pll: SeriesSevenPll | None = None,
    ) -> None:
        self._design = BoardDesign(config, divisor=divisor, array=array)
        self._clock_hz = clock_hz
        self._pins = pins
        self._lights = lights
        self._quiet = quiet
        self._pll = pll
        super().__init__({})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        self._make_clock(m, platform)
        m.submodules.design = design = self._design
        uart = platform.request("uart", 0, dir="-")
        button = platform.request("button", 0, dir="-")
        m.d.comb += [design.rx.eq(_input(m, "uart_rx", uart.rx)), design.estop.eq(_input(m, "button", button))]
        _drive(m, "uart_tx", uart.tx, design.tx)
        heartbeat = Signal(range(self._clock_hz))
        m.d.sync += heartbeat.eq(heartbeat + 1)
        with m.If(heartbeat == self._clock_hz - 1):
            m.d.sync += heartbeat.eq(0)
        states = (heartbeat < self._clock_hz // 8, design.busy, design.fault)
        for number in sorted(set(self._lights)):
            shown = any_of(state for light, state in zip(self._lights, states, strict=True) if light == number)
            _drive(m, f"led_{number}", platform.request("led", number, dir="-"), shown)
        for name in self._quiet:
            _drive(m, name, platform.request(name, 0, dir="-"), Const(0))
        if self._pins:
            self._join_array(m, platform)
        return m

    def _make_clock(self, m: Module, platform: Any) -> None:
        """Make the clock domain: the clock, and a reset until it runs and block RAM can be used for certain."""
        m.domains.start = start = ClockDomain(reset_less=True, local=True)
        m.domains.sync = sync = ClockDomain()
        oscillator = _input(m, "oscillator", platform.request(platform.default_clk, 0, dir="-"))
        clock, runs = oscillator, Const(1)
        if self._pll is not None:
            m.submodules.pll = self._pll
            m.d.comb += self._pll.oscillator.eq(oscillator)
            clock, runs = self._pll.clock, self._pll.locked
        started = Signal(range(RESET_CYCLES + 1))
        with m.If(runs & (started != RESET_CYCLES)):
            m.d.start += started.eq(started + 1)
        m.d.comb += [start.clk.eq(clock), sync.clk.eq(clock)]
        m.d.start += sync.rst.eq(started != RESET_CYCLES)

    def _join_array(self, m: Module, platform: Any) -> None:
        """Join the design's array side to the connector."""
        array = platform.request("array", 0, dir="-")
        m.submodules.clock = clock = io.DDRBuffer(io.Direction.Output, array.clk)
        m.d.comb += clock.o.eq(Cat(1, 0))
        for name, width in self._pins.items():
            if self._design.signature.members[name].flow is Out:
                _drive(m, name, getattr(array, name), getattr(self._design, name)[:width])
            else:
                m.d.comb += getattr(self._design, name).eq(_input(m, name, getattr(array, name)))


def _input(m: Module, name: str, port: io.PortLike) -> Value:
    """Return the level of a port behind its buffer, the submodule ``pin_`` and its name."""
    m.submodules[f"pin_{name}"] = buffer = io.Buffer(io.Direction.Input, port)
    return buffer.i


def _drive(m: Module, name: str, port: io.PortLike, value: Value) -> None:
    """Drive a port through its buffer, the submodule ``pin_`` and its name."""
    m.submodules[f"pin_{name}"] = buffer = io.Buffer(io.Direction.Output, port)
    m.d.comb += buffer.o.eq(value)
