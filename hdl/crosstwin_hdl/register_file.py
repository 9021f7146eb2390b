"""The registers, built from the register map's data: decoding, access rules, storage and the read multiplexer."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from crosstwin_model.config import ControllerConfig
from crosstwin_model.registers import Access, Control, Register, register_map

from .axi_lite import access_signature
from .logic import any_of, exceeds, is_among, look_up
from .windows import WindowDecoder

#: Counters in the order of their addresses; each has a second register with its high half.
COUNTERS = ("CYCLES", "SLOTS", "FIRED", "OPERATIONS")
#: Low bits of a word's number that tell the registers apart; the others are 0 for all of them.
NUMBER_BITS = 7
#: Numbers of the words of registers that are kept in the memory of settings begin here.
FIRST_SETTING = 0x10


def register_layout(register: Register) -> data.StructLayout:
    """Return a register's fields without the gaps between them, under the map's names."""
    return data.StructLayout({field.name: field.width for field in register.fields})


def is_constant(register: Register) -> bool:
    """Whether a register's value is fixed when the controller is built."""
    return register.name in ("ID", "VERSION", "SIZE", "CAPABILITY", "LIMITS")


def is_counter(register: Register) -> bool:
    """Whether a register is one half of a counter."""
    return register.name.removesuffix("_HIGH") in COUNTERS


def is_stored(register: Register) -> bool:
    """Whether the register file itself holds a register: the bus writes it, and nothing else changes it."""
    changed_by_hardware = ("SEED_X", "SEED_D", "PULSE_BUDGET")
    per_pair = register.name.endswith(("_TRANSFER_ROW", "_UPDATES"))
    return register.access is Access.RW and register.name not in changed_by_hardware and not per_pair


def number_of(register: Register) -> int:
    """Return the number of a register's word."""
    return register.offset >> 2


class RegisterFile(wiring.Component):
    """Judge every access, hold the settings, and hand the other registers' writes to the blocks that own them.

    A write is judged in the clock cycle after its request, with BUSY as it is in that cycle, and acts at that cycle's end. A read
    takes its value in the clock cycle after its request.

    A setting is kept twice: in flip-flops, which the blocks use, and in a memory, of which the bus reads. The memory's content
    counts from the first write after a reset on; before it the reset value is read.

    Parameters
    ----------
    config : ControllerConfig

    Attributes
    ----------
    access : In(access_signature())
    busy : In(1)
        An operation is under way.
    write_data : Out(32)
        What is being written, in the cycle of a ``*_write`` and in the one before.
    window_x, window_d : Out(1), window_index : Out(10)
        A legal write of a word of X or D, and its number within the window.
    y_word : Out, y_data : In(32)
        Word of Y whose content ``y_data`` shows one clock cycle later.
    counter_request : Out(1), counter_number : Out(3)
        In the coming clock cycle a register may be read, and this half of a counter, if it is one: twice the counter's place in
        COUNTERS, and 1 more for its _HIGH register. The number stays for that clock cycle.
    counter_request_low : Out(1)
        In the coming clock cycle a counter's low half is read.
    counter : In(32), counter_is_0 : In(1)
        One clock cycle after the request: what is read of a counter, or that it is 0.

    For every register NAME of the map that the file stores: ``name`` : Out(layout), its fields. For every other register that can
    be read and is no constant or counter: ``name`` : In(layout). For every one that can be written: ``name_write`` : Out(1), a
    strobe.
    """

    #: Clock cycles from a request to the one in which a write acts, or a read takes its value.
    latency = 1

    def __init__(self, *, config: ControllerConfig) -> None:
        self._pairs = config.pairs
        self._map = register_map(config)
        self._writable = [register for register in self._map if register.access is not Access.RO]
        self._readable = [register for register in self._map if register.access is not Access.WO]
        self._settings = [register for register in self._map if is_stored(register) and number_of(register) >= FIRST_SETTING]
        self.windows = WindowDecoder(config=config)
        self._setting_write = Signal()
        members: dict[str, wiring.Member] = {
            "access": In(access_signature()),
            "busy": In(1),
            "write_data": Out(32),
            "window_x": Out(1),
            "window_d": Out(1),
            "window_index": Out(10),
            "y_word": Out(10),
            "y_data": In(32),
            "counter_request": Out(1),
            "counter_number": Out(3),
            "counter_request_low": Out(1),
            "counter": In(32),
            "counter_is_0": In(1),
        }
        for register in self._map:
            name = register.name.lower()
            if is_stored(register):
                members[name] = Out(register_layout(register), init={field.name: field.reset for field in register.fields})
            elif register.access is not Access.WO and not is_constant(register) and not is_counter(register):
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
        access, windows, writable = self.access, self.windows, self._writable
        word, value = access.write_word, access.write_data
        m.d.comb += [
            self.write_data.eq(value),
            self.window_index.eq(word),
            windows.word.eq(word),
            windows.data.eq(value),
        ]
        number = word[:NUMBER_BITS]
        numbers = [number_of(register) for register in writable]
        whole = Signal()
        mapped = Signal()
        # Each part of the rule for the value has a flip-flop of its own: it is the longest way of a write.
        breaks = Signal(5)
        unlocked = Signal()
        at_any_time = [number_of(register) for register in writable if register.while_busy and register.name != "CONTROL"]
        seeds = [number_of(self._map[name]) for name in ("SEED_X", "SEED_D")]
        control = is_among(number, [number_of(self._map["CONTROL"])], numbers)
        m.d.sync += [
            whole.eq(access.write_request & access.write_strobes.all()),
            mapped.eq(~word[NUMBER_BITS:].any() & _is_mapped(number, numbers)),
            *(breaks[i].eq(self._breaks_a_mask(number, value, range(8 * i, 8 * i + 8))) for i in range(4)),
            breaks[4].eq(is_among(number, seeds, numbers) & ~(value[:16].any() | value[16:].any())),
            unlocked.eq(is_among(number, at_any_time, numbers) | (control & (value == Control.STOP))),
        ]
        to_register = Signal()
        to_window = Signal()
        to_setting = Signal()
        settings = [number_of(register) for register in self._settings]
        m.d.sync += to_setting.eq(is_among(number, settings, numbers))
        m.d.comb += self._setting_write.eq(to_register & to_setting)
        m.d.comb += [
            to_register.eq(whole & mapped & ~breaks.any() & (~self.busy | unlocked)),
            to_window.eq(whole & ~self.busy),
            self.window_x.eq(to_window & windows.is_x),
            self.window_d.eq(to_window & windows.is_d),
            access.write_error.eq(~(to_register | self.window_x | self.window_d)),
        ]
        # Four words at a time are told apart a clock cycle before, so that one look-up table makes each strobe.
        blocks = {block: Signal(name=f"write_block_{block}") for block in sorted({n >> 2 for n in numbers})}
        m.d.sync += [chosen.eq(is_among(number[2:], [block], blocks)) for block, chosen in blocks.items()]
        for register in writable:
            block = number_of(register) >> 2
            here = is_among(number[:2], [number_of(register) & 3], [n & 3 for n in numbers if n >> 2 == block])
            strobe = getattr(self, f"{register.name.lower()}_write")
            m.d.comb += strobe.eq(to_register & blocks[block] & here)
            if is_stored(register):
                own = getattr(self, register.name.lower())
                with m.If(strobe):
                    m.d.sync += [own[field.name].eq(value[field.lsb :]) for field in register.fields]

    def _breaks_a_mask(self, number: Value, value: Value, part: range) -> Value:
        """Return whether some bits of a value are outside of the fields of a register that can be written."""
        numbers = [number_of(register) for register in self._writable]
        bits_of: dict[tuple[int, ...], list[Value]] = {}
        for i in part:
            without = tuple(number_of(register) for register in self._writable if not register.mask >> i & 1)
            bits_of.setdefault(without, []).append(value[i])
        return any_of(is_among(number, without, numbers) & any_of(bits) for without, bits in bits_of.items() if without)

    def _elaborate_read(self, m: Module) -> None:
        access, readable = self.access, self._readable
        word = access.read_word
        number = word[:NUMBER_BITS]
        numbers = [number_of(register) for register in readable]

        y = self._map.window("Y")
        y_base = y.offset >> 2
        of_y = Signal()
        legal = Signal()
        read_y = Signal()
        m.d.comb += [self.y_word.eq(word), of_y.eq(word[-1])]
        m.d.sync += [
            read_y.eq(of_y),
            legal.eq(
                Mux(
                    of_y,
                    (word[10:] == y_base >> 10) & ~exceeds(word[:10], y.words - 1),
                    ~word[NUMBER_BITS:].any() & _is_mapped(number, numbers),
                )
            ),
        ]

        def chosen(name: str, registers: list[Register]) -> Signal:
            """Return whether one of these registers was addressed in the clock cycle before, if a register was."""
            signal = Signal(name=f"read_{name.lower()}")
            m.d.sync += signal.eq(~of_y & is_among(number, [number_of(register) for register in registers], numbers))
            return signal

        read_counter = chosen("counter", [register for register in readable if is_counter(register)])
        values = [Mux(read_y, self.y_data, 0), Mux(read_counter & ~self.counter_is_0, self.counter, 0)]
        for register in readable:
            if not is_constant(register) and not is_counter(register) and register not in self._settings:
                values.append(Mux(chosen(register.name, [register]), self._value(register), 0))
        constants = [register for register in readable if is_constant(register)]
        values.append(_gated(chosen("constants", constants), _constant(number, constants)))
        kept, written = self._elaborate_settings(m)
        read_settings = chosen("settings", self._settings)
        values.append(Mux(read_settings & written, kept, 0))
        values.append(_gated(read_settings & ~written, _constant(number, self._settings)))
        m.d.comb += [access.read_error.eq(~legal), access.read_data.eq(any_of(values))]

        m.d.comb += [
            self.counter_request.eq(access.read_request),
            self.counter_request_low.eq(access.read_request & (word[3:] == number_of(self._map[COUNTERS[0]]) >> 3) & ~word[0]),
            self.counter_number.eq(number),
        ]

    def _elaborate_settings(self, m: Module) -> tuple[Value, Value]:
        """Return what the memory keeps of the setting that is read, and whether it has been written since the last reset."""
        settings: Memory = Memory(shape=32, depth=16 if self._pairs == 1 else 32, init=[])
        m.submodules.settings = settings
        write = settings.write_port()
        read = settings.read_port(transparent_for=(write,))
        written = {register.name: Signal(name=f"written_{register.name.lower()}") for register in self._settings}
        for register in self._settings:
            with m.If(getattr(self, f"{register.name.lower()}_write")):
                m.d.sync += written[register.name].eq(1)
        m.d.comb += [
            write.addr.eq(self._row(self.access.write_word)),
            write.data.eq(self.access.write_data),
            write.en.eq(self._setting_write),
            read.addr.eq(self._row(self.access.read_word)),
        ]
        number = self.access.read_word[:NUMBER_BITS]
        counts = Signal()
        before = look_up(number, {number_of(register): written[register.name] for register in self._settings})
        m.d.sync += counts.eq(before | (write.en & (write.addr == read.addr)))
        return read.data, counts

    def _row(self, word: Value) -> Value:
        """Return the memory's row of a setting: no two share one."""
        of_pair = word[6]
        if self._pairs == 1:
            return Cat(word[0], word[1:4] | of_pair.replicate(3))
        return Cat(word[0], Mux(of_pair, word[3:5], word[1:3]), word[3] & ~of_pair, of_pair)

    def _value(self, register: Register) -> Value:
        """Return the 32 bits that a read of a register gives."""
        parts: list[Value] = []
        position = 0
        for field in sorted(register.fields, key=lambda field: field.lsb):
            parts += [Const(0, field.lsb - position), getattr(self, register.name.lower())[field.name]]
            position = field.lsb + field.width
        return Cat(*parts, Const(0, 32 - position))


def _is_mapped(number: Value, numbers: list[int]) -> Value:
    return is_among(number, numbers, range(1 << NUMBER_BITS))


def _constant(number: Value, registers: list[Register]) -> Value:
    """Return the reset value of the register with that number, which is one of these."""
    numbers = [number_of(register) for register in registers]
    return Cat(
        is_among(number, [number_of(register) for register in registers if register.reset >> i & 1], numbers) for i in range(32)
    )


def _gated(enable: Value, value: Value) -> Value:
    return value & enable.replicate(len(value))
