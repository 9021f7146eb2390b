"""The registers, built from the register map's data: decoding, access rules, storage and the read multiplexer."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from crosstwin_model.config import ControllerConfig
from crosstwin_model.registers import Access, Control, Register, register_map

from .axi_lite import access_signature
from .logic import any_of
from .windows import WindowDecoder

#: Counters in the order of their addresses; each has a second register with its high half.
COUNTERS = ("CYCLES", "SLOTS", "FIRED", "OPERATIONS")


def register_layout(register: Register) -> data.StructLayout:
    """Return a register's fields without the gaps between them, under the map's names."""
    return data.StructLayout({field.name: field.width for field in register.fields})


def is_constant(register: Register) -> bool:
    """Whether a register's value is fixed when the controller is built."""
    return register.name in ("ID", "VERSION", "SIZE", "CAPABILITY", "LIMITS")


def is_stored(register: Register) -> bool:
    """Whether the register file itself holds a register: the bus writes it, and nothing else changes it."""
    changed_by_hardware = ("SEED_X", "SEED_D", "PULSE_BUDGET")
    per_pair = register.name.endswith(("_TRANSFER_ROW", "_UPDATES"))
    return register.access is Access.RW and register.name not in changed_by_hardware and not per_pair


class RegisterFile(wiring.Component):
    """Judge every access, hold the settings, and hand the other registers' writes to the blocks that own them.

    A write is judged in the clock cycle after its request, with BUSY as it is in that cycle, and acts at that cycle's end. A read
    takes its value in the clock cycle after its request.

    Parameters
    ----------
    config : ControllerConfig

    Attributes
    ----------
    access : In(access_signature())
    busy : In(1)
        An operation is under way.
    write_data : Out(32)
        What is being written, in the cycle of a ``*_write``.
    window_x, window_d : Out(1), window_index : Out(10)
        A legal write of a word of X or D, and its number within the window.
    y_word : Out, y_data : In(32)
        Word of Y whose content ``y_data`` shows one clock cycle later.
    counter_read : Out(4)
        CYCLES, SLOTS, FIRED, OPERATIONS are being read.

    For every register NAME of the map that the file stores: ``name`` : Out(layout), its fields. For every other register that can
    be read and is no constant: ``name`` : In(layout). For every other one that can be written: ``name_write`` : Out(1), a strobe.
    """

    #: Clock cycles from a request to the one in which a write acts, or a read takes its value.
    latency = 1

    def __init__(self, *, config: ControllerConfig) -> None:
        self._map = register_map(config)
        self.windows = WindowDecoder(config=config)
        members: dict[str, wiring.Member] = {
            "access": In(access_signature()),
            "busy": In(1),
            "write_data": Out(32),
            "window_x": Out(1),
            "window_d": Out(1),
            "window_index": Out(10),
            "y_word": Out(10),
            "y_data": In(32),
            "counter_read": Out(len(COUNTERS)),
        }
        for register in self._map:
            name = register.name.lower()
            if is_stored(register):
                members[name] = Out(register_layout(register), init={field.name: field.reset for field in register.fields})
                continue
            if register.access is not Access.WO and not is_constant(register):
                members[name] = In(register_layout(register))
            if register.access is not Access.RO:
                members[f"{name}_write"] = Out(1)
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.windows = self.windows
        self._elaborate_write(m)
        self._elaborate_read(m)
        return m

    def _elaborate_write(self, m: Module) -> None:
        access, windows = self.access, self.windows
        word, value = access.write_word, access.write_data
        m.d.comb += [
            windows.word.eq(word),
            windows.data.eq(value),
            windows.strobes.eq(access.write_strobes),
        ]
        m.d.sync += [self.write_data.eq(value), self.window_index.eq(word)]

        writable = [register for register in self._map if register.access is not Access.RO]
        chosen = {register.name: Signal(name=f"chosen_{register.name.lower()}") for register in writable}
        fits = {}
        for mask in {register.mask: None for register in writable}:
            fits[mask] = Signal(name=f"fits_{mask:08x}")
            m.d.comb += fits[mask].eq(~(value & Const(~mask & 0xFFFF_FFFF, 32)).any())
        legal = Signal()
        taken_while_busy = Signal()
        here = {register.name: word == register.offset >> 2 for register in writable}
        m.d.sync += [
            *(chosen[register.name].eq(here[register.name]) for register in writable),
            legal.eq(access.write_strobes.all() & any_of(here[r.name] & fits[r.mask] & _extra_rule(r, value) for r in writable)),
            taken_while_busy.eq(any_of(here[r.name] & _busy_rule(r, value) for r in writable if r.while_busy)),
        ]

        judged = Signal()
        to_register = Signal()
        to_window = Signal()
        m.d.sync += judged.eq(access.write_request)
        m.d.comb += [
            to_register.eq(judged & legal & (~self.busy | taken_while_busy)),
            to_window.eq(judged & (windows.is_x | windows.is_d) & ~self.busy),
            access.write_error.eq(~to_register & ~to_window),
            self.window_x.eq(to_window & windows.is_x),
            self.window_d.eq(to_window & windows.is_d),
        ]
        for register in writable:
            name = register.name.lower()
            if is_stored(register):
                with m.If(to_register & chosen[register.name]):
                    m.d.sync += [getattr(self, name)[field.name].eq(self.write_data[field.lsb :]) for field in register.fields]
            else:
                m.d.comb += getattr(self, f"{name}_write").eq(to_register & chosen[register.name])

    def _elaborate_read(self, m: Module) -> None:
        access = self.access
        word = access.read_word
        readable = [register for register in self._map if register.access is not Access.WO]
        chosen = {register.name: Signal(name=f"read_{register.name.lower()}") for register in readable}
        m.d.sync += [chosen[register.name].eq(word == register.offset >> 2) for register in readable]

        y = self._map.window("Y")
        y_base = y.offset >> 2
        read_y = Signal()
        m.d.comb += self.y_word.eq(word)
        m.d.sync += read_y.eq((word[10:] == y_base >> 10) & (word[:10] < y.words))

        done = Signal()
        m.d.sync += done.eq(access.read_request)
        values = [Mux(chosen[register.name], self._value(register), 0) for register in readable]
        m.d.comb += [
            access.read_error.eq(~(any_of(chosen.values()) | read_y)),
            access.read_data.eq(any_of([*values, Mux(read_y, self.y_data, 0)])),
        ]
        m.d.comb += [self.counter_read[i].eq(done & chosen[name]) for i, name in enumerate(COUNTERS)]

    def _value(self, register: Register) -> Value:
        """Return the 32 bits that a read of a register gives."""
        if is_constant(register):
            return Const(register.reset, 32)
        parts: list[Value] = []
        position = 0
        for field in sorted(register.fields, key=lambda field: field.lsb):
            parts += [Const(0, field.lsb - position), getattr(self, register.name.lower())[field.name]]
            position = field.lsb + field.width
        return Cat(*parts, Const(0, 32 - position))


def _extra_rule(register: Register, value: Value) -> Value:
    """Return whether a value obeys the rule that a register has besides its mask."""
    return value.any() if register.name in ("SEED_X", "SEED_D") else Const(1, 1)


def _busy_rule(register: Register, value: Value) -> Value:
    """Return whether a write is taken during an operation, for a register that takes some."""
    return value == Control.STOP if register.name == "CONTROL" else Const(1, 1)
