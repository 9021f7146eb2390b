"""The words of the register map: constants, enumerations of field values, and what a register, a field and a window are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, IntEnum
from functools import cached_property
from typing import ClassVar

#: Identity register's value, the letters ``XTWN``.
IDENTITY = 0x5854574E
#: Version of the register map: major, minor, patch in one byte each.
VERSION = 0x00_01_00_00
#: Width of a byte address.
ADDRESS_BITS = 14
#: PULSE_BUDGET's value that means no limit.
UNLIMITED = 0xFFFF_FFFF
#: Bits of the shared LFSRs of the row side and of the column side; these are also the widths of SEED_X and SEED_D.
SEED_BITS = (31, 29)
#: Values of SEED_X and SEED_D after reset.
SEED_RESET = (0x2545F491, 0x1B873593)


class Access(Enum):
    """What a register's bus accesses do."""

    RO = "read only"
    RW = "read, write"
    WO = "write only"
    W1C = "read, write 1 to clear"


class Response(IntEnum):
    """AXI4-Lite's responses that the controller gives."""

    OKAY = 0
    SLVERR = 2


class Opcode(IntEnum):
    """Operations, the values of COMMAND.OPCODE."""

    FORWARD = 1
    BACKWARD = 2
    UPDATE = 3
    TRANSFER = 4
    SYMMETRIZE = 5


class TileKind(IntEnum):
    """The four arrays of a tile pair; tile number = 4 * pair + kind."""

    C = 0
    A = 1
    C_REF = 2
    A_REF = 3


class Control(IntEnum):
    """Bits of CONTROL."""

    STOP = 1
    CLEAR_FAULT = 2
    CLEAR_COUNTERS = 4


class Interrupt(IntEnum):
    """Bits of INTERRUPT_STATUS and INTERRUPT_ENABLE."""

    DONE = 1
    ERROR = 2
    FAULT = 4


class ErrorCode(IntEnum):
    """Why a command was refused, or what latched the fault."""

    OK = 0
    FAULTED = 1
    BAD_OPCODE = 2
    BAD_TILE = 3
    BAD_PULSE = 4
    BAD_BL = 5
    BAD_SOURCE = 6
    BAD_FULL_SCALE = 7
    BAD_COUNT = 8
    BAD_READ = 9
    BAD_ACTIVE = 10
    PULSE_BUDGET = 11
    STOPPED = 12
    ADC_TIMEOUT = 13


#: A sentence for every error code, for documents and for the host program's messages.
ERROR_TEXT: dict[ErrorCode, str] = {
    ErrorCode.OK: "The last command was accepted.",
    ErrorCode.FAULTED: "A fault is latched; clear it with CONTROL.CLEAR_FAULT.",
    ErrorCode.BAD_OPCODE: "The opcode is unknown, or SINGLE_ENDED is set on an operation that does not read.",
    ErrorCode.BAD_TILE: "The tile does not exist, or is of a kind this operation cannot use.",
    ErrorCode.BAD_PULSE: "PULSE.WIDTH and PULSE.GAP must both be at least 1.",
    ErrorCode.BAD_BL: "BL or TRANSFER_BL is 0 or more than LIMITS.BL_MAX.",
    ErrorCode.BAD_SOURCE: "The random source in SOURCE is not built in.",
    ErrorCode.BAD_FULL_SCALE: "A full scale is 0, or is not 2**code_bits with the source lfsr_per_line.",
    ErrorCode.BAD_COUNT: "SYMMETRIZE_PAIRS is 0.",
    ErrorCode.BAD_READ: "READ.WINDOW, READ.TICK or ADC_TIMEOUT is 0.",
    ErrorCode.BAD_ACTIVE: "ACTIVE is 0 or larger than the tile, or TRANSFER_ROW is not an active row.",
    ErrorCode.PULSE_BUDGET: "The operation could need more slots than PULSE_BUDGET has left.",
    ErrorCode.STOPPED: "The emergency stop, or CONTROL.STOP, ended the operation.",
    ErrorCode.ADC_TIMEOUT: "The ADC gave no code for ADC_TIMEOUT clock cycles.",
}


@dataclass(frozen=True)
class Field:
    """Bits of a register: name, position of the lowest bit, width, value after reset, and one sentence."""

    name: str
    lsb: int
    width: int
    reset: int
    doc: str

    @property
    def mask(self) -> int:
        """The field's bits within the register."""
        return ((1 << self.width) - 1) << self.lsb


@dataclass(frozen=True)
class Register:
    """One 32-bit register.

    ``while_busy`` says whether a write is taken during an operation; where it is not, such a write answers SLVERR.
    """

    name: str
    offset: int
    access: Access
    doc: str
    fields: tuple[Field, ...]
    while_busy: bool = False

    @cached_property
    def mask(self) -> int:
        """All bits that belong to a field; a write with another bit set answers SLVERR."""
        return sum(field.mask for field in self.fields)

    @property
    def reset(self) -> int:
        """Value after reset."""
        return sum(field.reset << field.lsb for field in self.fields)

    def field(self, name: str) -> Field:
        """Return the field of that name (KeyError if there is none)."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(f"{self.name} has no field {name}")


@dataclass(frozen=True)
class Window:
    """A vector of signed 16-bit codes in the address space, two to a 32-bit word, which is read and written whole."""

    name: str
    offset: int
    access: Access
    entries: int
    doc: str

    #: The two halves of every word.
    fields: ClassVar[tuple[Field, ...]] = (
        Field("EVEN", 0, 16, 0, "Code 2 k, in word k of the vector."),
        Field("ODD", 16, 16, 0, "Code 2 k + 1; 0 where the vector has ended."),
    )

    @property
    def words(self) -> int:
        """Number of 32-bit words that hold the entries."""
        return (self.entries + 1) // 2


@dataclass(frozen=True)
class RegisterMap:
    """All registers and windows of one configuration, in the order of their addresses."""

    registers: tuple[Register, ...]
    windows: tuple[Window, ...]

    def __iter__(self) -> Iterator[Register]:
        return iter(self.registers)

    def __getitem__(self, name: str) -> Register:
        for register in self.registers:
            if register.name == name:
                return register
        raise KeyError(f"there is no register {name}")

    def window(self, name: str) -> Window:
        """Return the window of that name (KeyError if there is none)."""
        for window in self.windows:
            if window.name == name:
                return window
        raise KeyError(f"there is no window {name}")

    def at(self, address: int) -> Register | Window | None:
        """Return what lies at a byte address, or None where nothing is mapped."""
        word = address & ~3
        for register in self.registers:
            if register.offset == word:
                return register
        for window in self.windows:
            if window.offset <= word < window.offset + 4 * window.words:
                return window
        return None
