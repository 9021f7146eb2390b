"""The four counters and the count of fired lines."""

from functools import reduce
from operator import add

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crosstwin_model.config import ControllerConfig

from .register_file import COUNTERS

#: Lines that are added up in the population count's first clock cycle.
FIRED_GROUP = 16


class FiredLines(wiring.Component):
    """Count the lines that a slot's pins drive, in two clock cycles.

    Parameters
    ----------
    lines : int
        Rows and columns.

    Attributes
    ----------
    driven : In(lines)
        Lines that are driven.
    slot : In(1)
        Take them.
    clear : In(1)
        Forget what is under way.
    count : Out
        Lines of the slot two clock cycles ago, or 0.
    """

    #: Clock cycles from ``slot`` to ``count``.
    latency = 2

    def __init__(self, *, lines: int) -> None:
        super().__init__({"driven": In(lines), "slot": In(1), "clear": In(1), "count": Out(lines.bit_length())})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        starts = range(0, len(self.driven), FIRED_GROUP)
        groups = [Signal(FIRED_GROUP.bit_length(), name=f"group_{i}") for i in range(len(starts))]
        with m.If(self.slot & ~self.clear):
            m.d.sync += [group.eq(_sum(list(self.driven[i : i + FIRED_GROUP]))) for group, i in zip(groups, starts, strict=True)]
        with m.Else():
            m.d.sync += [group.eq(0) for group in groups]
        m.d.sync += self.count.eq(_sum(list(groups)))
        with m.If(self.clear):
            m.d.sync += self.count.eq(0)
        return m


class Counters(wiring.Component):
    """Hold CYCLES, SLOTS, FIRED and OPERATIONS, 64 bits each, and the high halves that go with the last reads.

    An event is counted one clock cycle later, so that no path goes on into the chains of carries.

    Parameters
    ----------
    config : ControllerConfig

    Attributes
    ----------
    cycle, slot, operation : In(1)
        One more of these.
    slot_shown, driven : In(1), In(rows + columns)
        The pins show a slot's first clock cycle, and which lines are driven.
    clear : In(1)
        Set all counters to 0; the high halves stay as they were read.
    read : In(4)
        The counters that are being read: their high halves are held.
    low, high : Out(32) x 4
        Low halves, and held high halves, in the order of COUNTERS.
    totals : dict of str to Signal(64)
        The counters themselves, so that tests need not wait for 2**32 clock cycles.
    """

    def __init__(self, *, config: ControllerConfig) -> None:
        self._config = config
        self.totals = {name: Signal(64, name=name.lower()) for name in COUNTERS}
        super().__init__(
            {
                "cycle": In(1),
                "slot": In(1),
                "operation": In(1),
                "slot_shown": In(1),
                "driven": In(config.rows + config.columns),
                "clear": In(1),
                "read": In(len(COUNTERS)),
                "low": Out(32).array(len(COUNTERS)),
                "high": Out(32).array(len(COUNTERS)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        steps: dict[str, Value] = {}
        for name, event in (("CYCLES", self.cycle), ("SLOTS", self.slot), ("OPERATIONS", self.operation)):
            steps[name] = step = Signal(name=f"step_{name.lower()}")
            m.d.sync += step.eq(event & ~self.clear)
        if self._config.fired_counter:
            m.submodules.fired = fired = FiredLines(lines=len(self.driven))
            m.d.comb += [fired.driven.eq(self.driven), fired.slot.eq(self.slot_shown), fired.clear.eq(self.clear)]
            steps["FIRED"] = fired.count
        for i, name in enumerate(COUNTERS):
            if name not in steps:
                continue
            counter = self.totals[name]
            m.d.sync += counter.eq(counter + steps[name])
            with m.If(self.clear):
                m.d.sync += counter.eq(0)
            m.d.comb += self.low[i].eq(counter)
            with m.If(self.read[i]):
                m.d.sync += self.high[i].eq(counter[32:])
        return m


def _sum(values: list[Value]) -> Value:
    """Return the sum by a balanced tree."""
    while len(values) > 2:
        values = [reduce(add, values[i : i + 2]) for i in range(0, len(values), 2)]
    return reduce(add, values)
