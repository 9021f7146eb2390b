"""What goes on a board: controller, host link and, where no analog array is there, an emulated one."""

from collections.abc import Callable

from amaranth.hdl import Module, ResetInserter, Signal
from amaranth.lib import wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from crosstwin_model.config import ControllerConfig

from .controller import Controller
from .link.bridge import UartBridge
from .logic import any_of

#: Members of the controller that are not pins to the array.
_LIGHTS = ("irq", "busy", "fault")
_INSIDE = ("s_axi", "estop", *_LIGHTS)


class BoardDesign(wiring.Component):
    """A controller that a host drives over a serial line.

    Parameters
    ----------
    config : ControllerConfig
    divisor : int
        Clock cycles of a bit on the serial line, 4 to 65535.
    array : callable or None
        Makes the component that stands in for the analog array, an
        :class:`~crosstwin_hdl.emulated.EmulatedArray`: its members are the controller's pins to the array, flipped, and
        ``fault``, which acts like the emergency stop. None brings the pins out.

    Attributes
    ----------
    bridge : UartBridge
    rx : In(1), tx : Out(1)
        The serial line, high when idle.
    estop : In(1)
        Emergency stop, high; it need not be synchronous.
    irq, busy, fault : Out(1)
        The controller's.

    Without an emulated array also the controller's pins to the array. What comes in there must be synchronous to the clock.
    """

    def __init__(
        self, config: ControllerConfig, *, divisor: int, array: Callable[[ControllerConfig], wiring.Component] | None = None
    ) -> None:
        self.bridge = UartBridge(divisor=divisor)
        self._controller = Controller(config=config)
        self._array = None if array is None else array(config)
        members = self._controller.signature.members
        self._pins = {name: member for name, member in members.items() if name not in _INSIDE}
        outside = self._pins if array is None else {}
        super().__init__({"rx": In(1, init=1), "tx": Out(1, init=1), "estop": In(1), **dict.fromkeys(_LIGHTS, Out(1)), **outside})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bridge, controller = self.bridge, self._controller
        m.submodules.bridge = bridge
        m.submodules.controller = ResetInserter(bridge.reset)(controller)
        stop = Signal()
        m.submodules.estop = FFSynchronizer(self.estop, stop)
        # A memory has no reset: that an operation ends in this clock cycle keeps a beat out of Y.
        stops = [stop, bridge.reset, *(() if self._array is None else (self._array.fault,))]
        m.d.comb += controller.estop.eq(any_of(stops))
        wiring.connect(m, bridge.axi, controller.s_axi)
        m.d.comb += [bridge.rx.eq(self.rx), self.tx.eq(bridge.tx)]
        m.d.comb += [getattr(self, name).eq(getattr(controller, name)) for name in _LIGHTS]
        if self._array is not None:
            m.submodules.array = ResetInserter(bridge.renew)(self._array)
        outside = self if self._array is None else self._array
        for name, member in self._pins.items():
            source, sink = (controller, outside) if member.flow is Out else (outside, controller)
            m.d.comb += getattr(sink, name).eq(getattr(source, name))
        return m
