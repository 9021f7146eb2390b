"""The four counters and the count of fired lines."""

from functools import reduce
from operator import add

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
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

    An event is counted one clock cycle later. Flip-flops count the lowest ``PLACES`` bits; the rest is in a memory with one adder
    for all. For a low half the memory has two rows: what it is now, and what it will be when its flip-flops overflow, which only
    tells which row counts. The other row is then made anew, and a carry into the high half added, when the bus leaves the memory
    alone. A cleared number is read from a row that is never written.

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
    request : In(1)
        The bus may read in the coming clock cycle; never in two clock cycles running.
    number : In(3)
        What it may read, in that clock cycle too: 2 i is the low half of counter i, in the order of COUNTERS, and 2 i + 1 the
        high half that is held of it.
    request_low : In(1)
        With ``request``: it is a low half that will be read, and its high half is to be held.
    value : Out(32), is_0 : Out(1)
        One clock cycle after ``request``: the number as it is in that clock cycle; with ``is_0`` it is 0 in place of ``value``.
    places : tuple of Signal
        Lowest bits of the counters.
    memory : Memory
        Row 4 b + i of 32 bits: low half of counter i, without the bits of ``places``, now (b = ``second[i]``) or next; row 8 + i:
        high half, without ``carried[i]``; row 12 + i: held high half.
    second, stale, full, carried, blank, high_blank, held_blank, held : Signal(4)
        For every counter: the row of b = 1 is now; the next row is still to be made; it is an overflow; the high half is one
        more; low, high and held half are 0, whatever their rows hold; the held half is the high half.
    """

    def __init__(self, *, config: ControllerConfig) -> None:
        self._config = config
        lines = config.rows + config.columns
        # A row has to be made in the time of 32 clock cycles, one of which finds the overflow and one writes the row. The bus can
        # keep the memory busy in every second one, which leaves 15; each of 8 things to do has its turn; and the held halves take
        # 7 at most, 4 of first reads and 3 after the other counters' carries. Lines fire in every second clock cycle at most.
        bits = lines.bit_length() + 4 if config.fired_counter else 5
        self.places = tuple(Signal(bits, name=f"places_{name.lower()}") for name in COUNTERS)
        self.memory: Memory = Memory(shape=32, depth=32 if config.fired_counter else 16, init=[])
        #: A row that is never written, and so 0: without a counter of fired lines, the first of its own.
        self._empty = 16 if config.fired_counter else COUNTERS.index("FIRED")
        self._built = [i for i, name in enumerate(COUNTERS) if name != "FIRED" or config.fired_counter]
        every = (1 << len(COUNTERS)) - 1
        self.second, self.full, self.carried, self.held = (Signal(4, name=name) for name in ("second", "full", "carried", "held"))
        self.stale, self.blank, self.high_blank, self.held_blank = (
            Signal(4, init=every, name=name) for name in ("stale", "blank", "high_blank", "held_blank")
        )
        super().__init__(
            {
                "cycle": In(1),
                "slot": In(1),
                "operation": In(1),
                "slot_shown": In(1),
                "driven": In(lines),
                "clear": In(1),
                "request": In(1),
                "number": In(3),
                "request_low": In(1),
                "value": Out(32),
                "is_0": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.memory = self.memory
        self._port = self.memory.write_port()
        self._data = self.memory.read_port(transparent_for=(self._port,))
        self._making, self._carrying = Signal(4, name="making"), Signal(4, name="carrying")
        # One later than ``clear``, as the steps are: what is counted in that clock cycle is lost.
        self._clear = Signal()
        m.d.sync += self._clear.eq(self.clear)
        self._overflows = self._elaborate_places(m)
        hold = self._elaborate_memory(m)
        self._elaborate_marks(m, hold)
        asked = Array(self.places)[self.number[1:]]
        m.d.comb += self.value.eq(self._data.data | Mux(self.number[0], 0, asked))
        return m

    def _elaborate_places(self, m: Module) -> Signal:
        """Count the lowest bits; return which of them overflow."""
        steps: dict[str, Value] = {}
        for name, event in (("CYCLES", self.cycle), ("SLOTS", self.slot), ("OPERATIONS", self.operation)):
            steps[name] = step = Signal(name=f"step_{name.lower()}")
            m.d.sync += step.eq(event)
        if self._config.fired_counter:
            m.submodules.fired = fired = FiredLines(lines=len(self.driven))
            m.d.comb += [fired.driven.eq(self.driven), fired.slot.eq(self.slot_shown), fired.clear.eq(self.clear)]
            steps["FIRED"] = fired.count
        overflows = Signal(4)
        for i in self._built:
            places, more = self.places[i], steps[COUNTERS[i]]
            total = places + more
            m.d.sync += places.eq(total)
            if len(more) == 1:
                # A flip-flop tells sooner than a chain of carries.
                at_end = Signal(name=f"at_end_{i}")
                m.d.sync += at_end.eq(total[: len(places)].all() & ~self._clear)
                m.d.comb += overflows[i].eq(at_end & more)
            else:
                m.d.comb += overflows[i].eq(total[len(places)])
        with m.If(self._clear):
            m.d.sync += [places.eq(0) for places in self.places]
        return overflows

    def _elaborate_memory(self, m: Module) -> Signal:
        """Choose the row to be read, and write what becomes of it one clock cycle later; return whether a high half is held."""
        data, port = self._data, self._port
        asked, asked_high = self.number[1:], self.number[0]
        carries = self._overflows & self.full
        low_read = Signal()
        not_held = Signal()
        hold = Signal()
        m.d.sync += [low_read.eq(self.request_low), not_held.eq((~self.held | carries).bit_select(asked, 1) | self._clear)]
        m.d.comb += hold.eq(low_read & (not_held | self._clear))

        # What the bus asks for, as it will be: an overflow in this clock cycle counts.
        coming = (self.second ^ self._overflows).bit_select(asked, 1)
        coming_blank = Mux(asked_high, self.held_blank, self.blank & ~self._overflows).bit_select(asked, 1)
        wanted = self._row(asked, coming | asked_high, asked_high, coming_blank)

        # Otherwise a high half is held, or it is the turn of a next row or a carry; both rows are made ready before it is known.
        turn = Signal(3)
        counter, high = turn[1:], turn[0]
        second = self.second.bit_select(counter, 1)
        blank = Mux(high, self.high_blank, self.blank).bit_select(counter, 1) | self._clear
        needed = Mux(high, self.carried, self.stale).bit_select(counter, 1)
        held_row = self._row(asked, Const(0, 1), Const(1, 1), self.high_blank.bit_select(asked, 1) | self._clear)
        turn_row = self._row(counter, second & ~high, high, blank)
        free = ~self.request & ~hold
        m.d.comb += data.addr.eq(Mux(self.request, wanted, Mux(hold, held_row, turn_row)))
        adds_place = Signal()
        adds_one = Signal()
        # In the clock cycle of a clear every row is read as 0 and 0 is carried, so that what is made of it is right.
        m.d.sync += [
            turn.eq(turn + free),
            port.addr.eq(Mux(hold, Cat(asked, Const(3, 2)), Cat(counter, ~high & ~second, high))),
            port.en.eq(hold | (free & needed)),
            adds_place.eq(~hold & ~high),
            adds_one.eq(Mux(hold, self.carried.bit_select(asked, 1), high & needed) & ~self._clear),
            *(self._making[i].eq(free & ~high & needed & (counter == i)) for i in self._built),
            *(self._carrying[i].eq(free & high & needed & (counter == i)) for i in self._built),
        ]
        total = Signal(33)
        zeros = Const(0, len(self.places[0]) - 1)
        m.d.comb += [total.eq(data.data + Cat(adds_one, zeros, adds_place)), port.data.eq(total)]
        for i in self._built:
            with m.If(self._making[i]):
                m.d.sync += self.full[i].eq(total[32])
        return hold

    def _elaborate_marks(self, m: Module, hold: Signal) -> None:
        """Keep what is known of the rows; a later line of these counts more."""
        overflows = self._overflows
        carries = overflows & self.full
        clear = self._clear.replicate(4)
        asked = Cat(hold & (self.number[1:] == i) for i in range(len(COUNTERS)))
        cleared = Signal()
        m.d.comb += self.is_0.eq((self._clear | cleared) & ~self.number[0])
        m.d.sync += [
            cleared.eq(self._clear),
            self.second.eq(self.second ^ overflows),
            self.stale.eq((self.stale & ~self._making) | overflows | clear),
            self.blank.eq((self.blank & ~overflows) | clear),
            self.carried.eq(((self.carried & ~self._carrying) | carries) & ~clear),
            self.high_blank.eq((self.high_blank & ~self._carrying) | clear),
            self.held_blank.eq(self.held_blank & ~asked),
            self.held.eq((self.held | asked) & ~carries & ~clear),
        ]

    def _row(self, counter: Value, odd: Value, high: Value, blank: Value) -> Value:
        """Return the row of one of a counter's four numbers, or one that is always 0."""
        return Mux(blank, self._empty, Cat(counter, odd, high))


def _sum(values: list[Value]) -> Value:
    """Return the sum by a balanced tree."""
    while len(values) > 2:
        values = [reduce(add, values[i : i + 2]) for i in range(0, len(values), 2)]
    return reduce(add, values)
