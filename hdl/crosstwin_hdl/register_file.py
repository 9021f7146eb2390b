"""The registers, built from the register map's data: decoding, access rules, storage and the read multiplexer."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from crosstwin_model.config import ControllerConfig
from crosstwin_model.registers import Access, Control, Register, register_map

from .axi_lite import access_signature
from .logic import any_of, exceeds
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
    write_data : Out(32), coming_data : Out(32)
        What is being written, in the cycle of a ``*_write``, and in the one before.
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
            "coming_data": Out(32),
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
            self.coming_data.eq(value),
            windows.word.eq(word),
            windows.data.eq(value),
        ]
        m.d.sync += [self.write_data.eq(value), self.window_index.eq(word)]

        writable = [register for register in self._map if register.access is not Access.RO]
        chosen = {register.name: Signal(name=f"chosen_{register.name.lower()}") for register in writable}
        whole = Signal()
        m.d.sync += [
            *(chosen[register.name].eq(word == register.offset >> 2) for register in writable),
            whole.eq(access.write_strobes.all()),
        ]
        fits: dict[str, Signal] = {}
        for register in writable:
            rule = _rule(register)
            if rule not in fits:
                fits[rule] = Signal(name=f"fits_{rule}")
                m.d.sync += fits[rule].eq(_obeys(register, value))
        stop_alone = Signal()
        m.d.sync += stop_alone.eq(value == Control.STOP)

        judged = Signal()
        taken = Signal()
        to_window = Signal()
        m.d.sync += judged.eq(access.write_request)
        writes = {}
        for register in writable:
            allowed: Value = ~self.busy
            if register.while_busy:
                allowed = ~self.busy | stop_alone if register.name == "CONTROL" else Const(1, 1)
            writes[register.name] = Signal(name=f"write_{register.name.lower()}")
            m.d.comb += writes[register.name].eq(judged & whole & allowed & chosen[register.name] & fits[_rule(register)])
        m.d.comb += [
            taken.eq(any_of(writes.values())),
            to_window.eq(judged & (windows.is_x | windows.is_d) & whole & ~self.busy),
            access.write_error.eq(~taken & ~to_window),
            self.window_x.eq(judged & windows.is_x & whole & ~self.busy),
            self.window_d.eq(judged & windows.is_d & whole & ~self.busy),
        ]
        for register in writable:
            name = register.name.lower()
            if is_stored(register):
                with m.If(writes[register.name]):
                    m.d.sync += [getattr(self, name)[field.name].eq(self.write_data[field.lsb :]) for field in register.fields]
            else:
                m.d.comb += getattr(self, f"{name}_write").eq(writes[register.name])

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
        m.d.sync += read_y.eq((word[10:] == y_base >> 10) & ~exceeds(word[:10], y.words - 1))

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


def _rule(register: Register) -> str:
    """Return a name for what a value must obey to be written: registers of the same rule share the flip-flop that tells."""
    return f"{register.mask:08x}" + ("_not_0" if register.name in ("SEED_X", "SEED_D") else "")


def _obeys(register: Register, value: Value) -> Value:
    """Return whether a value has no bit outside of a register's fields, and is not 0 where that is forbidden."""
    inside = ~(value & Const(~register.mask & 0xFFFF_FFFF, 32)).any()
    return inside & value.any() if register.name in ("SEED_X", "SEED_D") else inside
