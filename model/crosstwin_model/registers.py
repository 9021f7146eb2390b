"""The register map as data: the one place from which gateware, golden model, host program, documents and tests come.

Addresses are byte addresses; registers are 32 bits wide and written whole. Vector windows hold signed 16-bit codes, two to a
word, entry k at byte 2 k of the window.
"""

from __future__ import annotations

from enum import IntEnum

from .config import ControllerConfig, Source
from .register_types import (
    ADDRESS_BITS,
    ERROR_TEXT,
    IDENTITY,
    SEED_BITS,
    SEED_RESET,
    UNLIMITED,
    VERSION,
    Access,
    Control,
    ErrorCode,
    Field,
    Interrupt,
    Opcode,
    Register,
    RegisterMap,
    Response,
    TileKind,
    Window,
)

__all__ = [
    "ADDRESS_BITS",
    "ERROR_TEXT",
    "IDENTITY",
    "SEED_BITS",
    "SEED_RESET",
    "UNLIMITED",
    "VERSION",
    "Access",
    "Control",
    "ErrorCode",
    "Field",
    "Interrupt",
    "Opcode",
    "Register",
    "RegisterMap",
    "Response",
    "TileKind",
    "Window",
    "register_map",
]


def _whole(reset: int, doc: str, width: int = 32) -> tuple[Field, ...]:
    return (Field("VALUE", 0, width, reset, doc),)


def _flags(enum: type[IntEnum], docs: tuple[str, ...]) -> tuple[Field, ...]:
    return tuple(Field(bit.name, int(bit).bit_length() - 1, 1, 0, doc) for bit, doc in zip(enum, docs, strict=True))


def _identity(config: ControllerConfig) -> tuple[Register, ...]:
    sources = sum(1 << source for source in Source if config.has_source(source))
    return (
        Register("ID", 0x000, Access.RO, "Identity.", _whole(IDENTITY, "The letters XTWN.")),
        Register(
            "VERSION", 0x004, Access.RO, "Version of the register map.", _whole(VERSION, "Major, minor, patch, a byte each.")
        ),
        Register(
            "SIZE",
            0x008,
            Access.RO,
            "Lines of every tile.",
            (
                Field("ROWS", 0, 16, config.rows, "Rows, which take x."),
                Field("COLUMNS", 16, 16, config.columns, "Columns, which take d."),
            ),
        ),
        Register(
            "CAPABILITY",
            0x00C,
            Access.RO,
            "What is built in.",
            (
                Field("PAIRS", 0, 4, config.pairs, "Tile pairs."),
                Field("CODE_BITS", 4, 4, config.code_bits, "Bits of a code's magnitude."),
                Field("ADC_BITS", 8, 5, config.adc_bits, "Bits of a signed ADC code."),
                Field("ADC_LANES", 13, 5, config.adc_lanes, "ADC codes in one beat."),
                Field("SOURCES", 18, 4, sources, "One bit a random source, in the order of SOURCE's values."),
                Field("FIRED_COUNTER", 22, 1, int(config.fired_counter), "The counter of fired lines is there."),
            ),
        ),
        Register(
            "LIMITS",
            0x010,
            Access.RO,
            "Largest values.",
            (
                Field("BL_MAX", 0, 16, config.bl_max, "Largest BL and TRANSFER_BL."),
                Field("FULL_SCALE_MAX", 16, 16, config.full_scale_max, "Largest value of a full-scale register."),
            ),
        ),
    )


def _operation() -> tuple[Register, ...]:
    causes = ("An operation ended.", "A command was refused.", "A fault was latched.")
    return (
        Register(
            "COMMAND",
            0x014,
            Access.WO,
            "Starts an operation.",
            (
                Field("OPCODE", 0, 4, 0, "1 FORWARD, 2 BACKWARD, 3 UPDATE, 4 TRANSFER, 5 SYMMETRIZE."),
                Field("TILE", 8, 4, 0, "4 x pair + kind; kinds: 0 C, 1 A, 2 reference of C, 3 reference of A."),
                Field("SINGLE_ENDED", 12, 1, 0, "Read the tile alone, without subtracting its reference."),
            ),
        ),
        Register(
            "STATUS",
            0x018,
            Access.RO,
            "State of the controller.",
            (
                Field("BUSY", 0, 1, 0, "An operation is under way."),
                Field("FAULT", 1, 1, 0, "A fault is latched; commands are refused until it is cleared."),
                Field("ESTOP", 2, 1, 0, "Level of the emergency stop pin."),
                Field("FAULT_CODE", 8, 4, 0, "The error code that latched the fault."),
            ),
        ),
        Register(
            "ERROR",
            0x01C,
            Access.RO,
            "Why the last command was refused, or what latched the last fault.",
            _whole(0, "0 if the last command was accepted and nothing has latched a fault since.", 4),
        ),
        Register(
            "INTERRUPT_STATUS",
            0x020,
            Access.W1C,
            "What has happened since it was cleared.",
            _flags(Interrupt, causes),
            while_busy=True,
        ),
        Register(
            "INTERRUPT_ENABLE",
            0x024,
            Access.RW,
            "Which of these raise the interrupt.",
            _flags(Interrupt, causes),
            while_busy=True,
        ),
        Register(
            "CONTROL",
            0x028,
            Access.WO,
            "Acts at once. During an operation only STOP alone is taken.",
            _flags(
                Control,
                (
                    "Ends the operation, idles the drivers and latches the fault STOPPED.",
                    "Clears the fault, unless the emergency stop pin is high.",
                    "Sets all counters to 0.",
                ),
            ),
            while_busy=True,
        ),
    )


def _settings(config: ControllerConfig) -> tuple[Register, ...]:
    scale = config.code_bits + 4
    unity = 1 << config.code_bits
    bl = min(32, config.bl_max)
    return (
        Register(
            "PULSE",
            0x040,
            Access.RW,
            "Timing of a slot.",
            (
                Field("WIDTH", 0, 16, 1, "Clock cycles a line is driven, at least 1."),
                Field("GAP", 16, 16, 1, "Idle clock cycles after it, at least 1."),
            ),
        ),
        Register("BL", 0x044, Access.RW, "Slots of one quadrant of UPDATE.", _whole(bl, "1 to BL_MAX.", 8)),
        Register("TRANSFER_BL", 0x048, Access.RW, "Slots of one quadrant of TRANSFER.", _whole(bl, "1 to BL_MAX.", 8)),
        Register(
            "SOURCE",
            0x04C,
            Access.RW,
            "Random source.",
            _whole(
                min(source for source in Source if config.has_source(source)),
                "0 hammersley, 1 lfsr, 2 lfsr_per_line, 3 count.",
                2,
            ),
        ),
        Register(
            "X_FULL_SCALE", 0x050, Access.RW, "Row code that fires in every slot of UPDATE.", _whole(unity, "At least 1.", scale)
        ),
        Register(
            "D_FULL_SCALE",
            0x054,
            Access.RW,
            "Column code that fires in every slot of UPDATE.",
            _whole(unity, "At least 1.", scale),
        ),
        Register(
            "TRANSFER_FULL_SCALE",
            0x058,
            Access.RW,
            "ADC code that fires in every slot of TRANSFER.",
            _whole(unity, "At least 1.", scale),
        ),
        Register(
            "SEED_X",
            0x05C,
            Access.RW,
            "State of the row side's LFSR; writing it also seeds the row lines' own. Writing 0 answers SLVERR.",
            _whole(SEED_RESET[0], "Never 0.", SEED_BITS[0]),
        ),
        Register(
            "SEED_D",
            0x060,
            Access.RW,
            "State of the column side's LFSR; writing it also seeds the column lines' own. Writing 0 answers SLVERR.",
            _whole(SEED_RESET[1], "Never 0.", SEED_BITS[1]),
        ),
        Register(
            "READ",
            0x064,
            Access.RW,
            "Timing of a read.",
            (
                Field(
                    "WINDOW", 0, config.code_bits, config.code_max, "Ticks of the window, at least 1; larger codes are cut to it."
                ),
                Field("TICK", 16, 8, 1, "Clock cycles of a tick, at least 1."),
            ),
        ),
        Register(
            "READ_GAIN",
            0x068,
            Access.RW,
            "Analog gain before the ADC, as a power of two.",
            (
                Field("READ", 0, 4, 0, "Gain of FORWARD and BACKWARD."),
                Field("TRANSFER", 8, 4, 0, "Gain of TRANSFER's read."),
            ),
        ),
        Register(
            "ADC_TIMEOUT",
            0x06C,
            Access.RW,
            "Watchdog of the ADC.",
            _whole(1024, "Clock cycles to wait for a beat, at least 1.", 16),
        ),
        Register(
            "SYMMETRIZE_PAIRS",
            0x070,
            Access.RW,
            "Length of SYMMETRIZE.",
            _whole(1, "Pairs of one up and one down slot, at least 1.", 16),
        ),
        Register(
            "PULSE_BUDGET",
            0x074,
            Access.RW,
            "Slots that may still be driven; each slot takes one away.",
            _whole(UNLIMITED, "0xFFFFFFFF is no limit, and is not counted down."),
        ),
    )


def _counters() -> tuple[Register, ...]:
    result = []
    for index, (name, doc) in enumerate(
        (
            ("CYCLES", "Clock cycles of accepted operations"),
            ("SLOTS", "Slots driven"),
            ("FIRED", "Lines fired, over all slots (0 if CAPABILITY.FIRED_COUNTER is 0)"),
            ("OPERATIONS", "Operations that ended"),
        )
    ):
        low = f"Low half. Reading it also holds the high half for {name}_HIGH."
        result.append(Register(name, 0x080 + 8 * index, Access.RO, f"{doc}.", _whole(0, low)))
        result.append(
            Register(
                f"{name}_HIGH",
                0x084 + 8 * index,
                Access.RO,
                f"{doc}, high half.",
                _whole(0, f"As it was when {name} was last read."),
            )
        )
    return tuple(result)


def _pair(config: ControllerConfig, pair: int) -> tuple[Register, ...]:
    base = 0x100 + 0x20 * pair
    return (
        Register(
            f"PAIR{pair}_TRANSFER_EVERY",
            base,
            Access.RW,
            f"Autonomous transfer of pair {pair}.",
            _whole(0, "Updates of A between two transfers; 0 is never.", 16),
        ),
        Register(
            f"PAIR{pair}_ACTIVE",
            base + 4,
            Access.RW,
            f"The part of pair {pair} that is in use.",
            (
                Field("ROWS", 0, 16, config.rows, "Rows that a read converts and that transfers go round."),
                Field("COLUMNS", 16, 16, config.columns, "Columns that a read converts."),
            ),
        ),
        Register(
            f"PAIR{pair}_TRANSFER_ROW",
            base + 8,
            Access.RW,
            f"Next row that pair {pair} transfers.",
            _whole(0, "Below ACTIVE.ROWS.", 16),
        ),
        Register(
            f"PAIR{pair}_UPDATES",
            base + 12,
            Access.RW,
            f"Updates of A since pair {pair}'s last autonomous transfer.",
            _whole(0, "The transfer comes with the update that would make it TRANSFER_EVERY; it is then 0 again.", 16),
        ),
    )


def register_map(config: ControllerConfig) -> RegisterMap:
    """Return the registers and windows of a configuration."""
    registers = [*_identity(config), *_operation(), *_settings(config), *_counters()]
    for pair in range(config.pairs):
        registers += _pair(config, pair)
    windows = (
        Window("X", 0x1000, Access.WO, config.rows, "Codes of the rows: the layer's input."),
        Window("D", 0x2000, Access.WO, config.columns, "Codes of the columns: the layer's error. TRANSFER overwrites them."),
        Window("Y", 0x3000, Access.RO, max(config.rows, config.columns), "Result of the last read, in ADC codes."),
    )
    return RegisterMap(tuple(registers), windows)
