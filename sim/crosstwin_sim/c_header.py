"""The C header of a register map: a structure without packing, addresses, fields and enumerations.

The controller refuses every access that is not one whole 32-bit word. Each member of the structure is therefore an aligned word,
and a vector is an array of words. PeakRDL-cheader packs its structures, so compilers for some processors split their stores into
bytes, and it declares vectors as half-words.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

from crosstwin_model.config import ControllerConfig, Source
from crosstwin_model.registers import (
    ADDRESS_BITS,
    ERROR_TEXT,
    Access,
    ErrorCode,
    Opcode,
    RegisterMap,
    TileKind,
    Window,
    register_map,
)

from .files import write_text

#: Type of a member by its access. A write-only place has a type of its own: neither `=` nor a read compiles.
_MEMBER = {
    Access.RO: "const volatile uint32_t",
    Access.RW: "volatile uint32_t",
    Access.W1C: "volatile uint32_t",
    Access.WO: "{name}_write_only_t",
}
#: Enumerations of field values, by the infix of their constants.
_ENUMERATIONS: dict[str, type[IntEnum]] = {
    "OPCODE": Opcode,
    "TILE_KIND": TileKind,
    "SOURCE": Source,
    "ERROR_CODE": ErrorCode,
}

_TOP = """\
/* Registers of the Crosstwin controller, configuration {config}, for C99 and later and for C++.
 * Written by `crosstwin registers --format c`. SPDX-License-Identifier: Apache-2.0
 *
 * The controller takes whole 32-bit words only. It answers SLVERR to narrower accesses, to writes of read-only registers, and to
 * reads of write-only registers. `{name}_t *dev` points to the controller's base address:
 *
 *   dev->BL = 16;
 *       Writes a register.
 *   {name}_write(&dev->COMMAND, word);
 *       Writes a write-only register, or one word of a write-only vector.
 *   {name}_write_X(dev, codes);
 *       Writes a whole vector of signed codes.
 *
 * Map the controller as uncached device memory. Do not call memcpy() or memset() on it: they choose the width of their accesses.
 */
#ifndef {prefix}_H
#define {prefix}_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {{
#endif
"""

_FIELDS = """\
/* Fields. {prefix}_FIELD_PREP(PULSE_WIDTH, 4) is the value 4 in its place in PULSE, and
 * {prefix}_FIELD_GET(STATUS_BUSY, word) is the value of BUSY in a word of STATUS. FIELD_PREP drops the bits of a value that
 * is too wide for its field.
 */
#define {prefix}_FIELD_PREP(field, value) \\
    (((uint32_t)(value) << {prefix}_##field##_SHIFT) & {prefix}_##field##_MASK)
#define {prefix}_FIELD_GET(field, word) \\
    (((uint32_t)(word) & {prefix}_##field##_MASK) >> {prefix}_##field##_SHIFT)
"""

_WRITE_ONLY = """\
/* A word that can only be written, by {name}_write(). */
typedef struct {name}_write_only {{
    volatile uint32_t write_only;
}} {name}_write_only_t;
"""

_FUNCTIONS = """\
/* Writes a write-only register, or one word of a write-only vector. */
static inline void {name}_write(volatile {name}_write_only_t *place, uint32_t word)
{{
    place->write_only = word;
}}

/* Returns the word that holds two codes, code 2 k in the low half (EVEN) and code 2 k + 1 in the high half (ODD). */
static inline uint32_t {name}_pack_codes(int16_t even, int16_t odd)
{{
    return (uint32_t)(uint16_t)even | (uint32_t)(uint16_t)odd << 16;
}}

/* Returns the code in the low half of a word. */
static inline int16_t {name}_even_code(uint32_t word)
{{
    return (int16_t)((int32_t)((word & 0xFFFFU) ^ 0x8000U) - 0x8000);
}}

/* Returns the code in the high half of a word. */
static inline int16_t {name}_odd_code(uint32_t word)
{{
    return {name}_even_code(word >> 16);
}}
"""


def c_header(config: ControllerConfig) -> str:
    """Return the C header of a configuration's registers; all its names begin with ``crosstwin_`` and the configuration's name.

    It compiles without warnings as C99 and later, and as C++.

    Parameters
    ----------
    config : ControllerConfig
        Whose registers.
    """
    name = f"crosstwin_{config.identifier}"
    prefix = name.upper()
    registers = register_map(config)
    parts = (
        _TOP.format(name=name, prefix=prefix, config=config.name),
        "\n".join(_constants(prefix, config)),
        "\n".join(_offsets(prefix, registers)),
        _FIELDS.format(prefix=prefix) + "\n".join(_fields(prefix, registers)),
        "\n".join(_enumerations(name, prefix)),
        _WRITE_ONLY.format(name=name),
        "\n".join(_structure(name, registers)),
        "\n".join(_checks(name, prefix, registers)),
        _FUNCTIONS.format(name=name),
        *("\n".join(_vector(name, prefix, window)) for window in registers.windows),
        "#ifdef __cplusplus\n}\n#endif\n",
        f"#endif /* {prefix}_H */\n",
    )
    return "\n".join(part if part.endswith("\n") else f"{part}\n" for part in parts)


def write_c_header(config: ControllerConfig, path: str) -> None:
    """Write the header as one file."""
    write_text(path, c_header(config))


def _define(name: str, value: str, doc: str = "") -> str:
    return f"#define {name:<56} {value:<12} {_comment(doc)}".rstrip()


def _comment(text: str) -> str:
    return f"/* {text} */" if text else ""


def _constants(prefix: str, config: ControllerConfig) -> Iterator[str]:
    yield "/* Sizes and largest values. */"
    for name, value, doc in (
        ("ROWS", config.rows, "Lines that take x."),
        ("COLUMNS", config.columns, "Lines that take d."),
        ("PAIRS", config.pairs, "Tile pairs."),
        ("CODE_MAX", config.code_max, "Largest magnitude of a code in X and D; others answer SLVERR."),
        ("ADC_MAX", config.adc_max, "Largest magnitude of a code in Y."),
        ("BL_MAX", config.bl_max, "Largest BL and TRANSFER_BL."),
        ("FULL_SCALE_MAX", config.full_scale_max, "Largest value of a full-scale register."),
    ):
        yield _define(f"{prefix}_{name}", str(value), doc)
    yield _define(f"{prefix}_SPAN", f"0x{1 << ADDRESS_BITS:X}U", "Bytes of addresses that the controller decodes.")


def _offsets(prefix: str, registers: RegisterMap) -> Iterator[str]:
    yield "/* Byte offsets from the base address, and reset values of all registers that can be read. */"
    for register in registers:
        yield _define(f"{prefix}_{register.name}_OFFSET", f"0x{register.offset:04X}U")
        if register.access is not Access.WO:
            yield _define(f"{prefix}_{register.name}_RESET", f"0x{register.reset:08X}U")
    yield ""
    yield "/* Vectors of signed 16-bit codes: byte offset, number of 32-bit words, number of codes. */"
    for window in registers.windows:
        yield _define(f"{prefix}_{window.name}_OFFSET", f"0x{window.offset:04X}U")
        yield _define(f"{prefix}_{window.name}_WORDS", str(window.words))
        yield _define(f"{prefix}_{window.name}_CODES", str(window.entries))


def _fields(prefix: str, registers: RegisterMap) -> Iterator[str]:
    for register in registers:
        for field in register.fields:
            name = f"{prefix}_{register.name}_{field.name}"
            yield _define(f"{name}_MASK", f"0x{field.mask:08X}U", field.doc)
            yield _define(f"{name}_SHIFT", str(field.lsb))


def _enumerations(name: str, prefix: str) -> Iterator[str]:
    yield "/* Values of COMMAND.OPCODE, of SOURCE, and of ERROR and STATUS.FAULT_CODE. COMMAND.TILE is 4 x pair + tile kind. */"
    for infix, enumeration in _ENUMERATIONS.items():
        yield f"enum {name}_{infix.lower()} {{"
        last = len(enumeration) - 1
        for index, member in enumerate(enumeration):
            constant = f"{prefix}_{infix}_{member.name} = {member.value}{',' if index < last else ''}"
            yield f"    {constant:<56} {_comment(ERROR_TEXT[member] if isinstance(member, ErrorCode) else '')}".rstrip()
        yield "};"


def _structure(name: str, registers: RegisterMap) -> Iterator[str]:
    """Yield the structure: a word a register, an array a vector, and arrays of constant words where nothing is mapped."""
    yield "/* All registers and vectors. Every member is one 32-bit word, or an array of them. */"
    yield f"typedef struct {name} {{"
    end = 0
    for place in (*registers, *registers.windows):
        if place.offset > end:
            yield f"    const uint32_t reserved_{end:04x}[{(place.offset - end) // 4}];"
        words = place.words if isinstance(place, Window) else 1
        length = f"[{words}]" if isinstance(place, Window) else ""
        member = f"{_MEMBER[place.access].format(name=name)} {place.name}{length};"
        yield f"    {member:<56} {_comment(f'{place.access.value.capitalize()}. {place.doc}')}"
        end = place.offset + 4 * words
    yield f"}} {name}_t;"


def _checks(name: str, prefix: str, registers: RegisterMap) -> Iterator[str]:
    """Yield checks of the offsets, as array types since C99 has no _Static_assert."""
    yield "/* Compile-time checks of the layout: an array of negative size is refused. */"
    for place in (*registers, *registers.windows):
        condition = f"offsetof({name}_t, {place.name}) == {prefix}_{place.name}_OFFSET"
        yield f"typedef char {name}_{place.name}_is_at_its_offset[({condition}) ? 1 : -1];"
    last = registers.windows[-1]
    condition = f"sizeof({name}_t) == {prefix}_{last.name}_OFFSET + 4U * {prefix}_{last.name}_WORDS"
    yield f"typedef char {name}_t_ends_with_{last.name}[({condition}) ? 1 : -1];"


def _vector(name: str, prefix: str, window: Window) -> Iterator[str]:
    """Yield the function that writes or reads a whole vector, word by word."""
    write = window.access is Access.WO
    constant, verb = ("const ", "write") if write else ("", "read")
    whole = window.entries // 2
    padded = " The half of the last word that holds no code is written 0." if write and window.entries % 2 else ""
    yield f"/* {verb.capitalize()}s all {window.entries} codes of {window.name}.{padded} */"
    yield f"static inline void {name}_{verb}_{window.name}("
    yield f"    volatile {name}_t *dev, {constant}int16_t codes[{prefix}_{window.name}_CODES])"
    yield "{"
    if whole:
        yield "    size_t k;"
        yield f"    for (k = 0; k < {whole}; k++) {{"
        if write:
            yield f"        {name}_write(&dev->{window.name}[k], {name}_pack_codes(codes[2 * k], codes[2 * k + 1]));"
        else:
            yield f"        const uint32_t word = dev->{window.name}[k];"
            yield f"        codes[2 * k] = {name}_even_code(word);"
            yield f"        codes[2 * k + 1] = {name}_odd_code(word);"
        yield "    }"
    if window.entries % 2:
        if write:
            yield f"    {name}_write(&dev->{window.name}[{whole}], {name}_pack_codes(codes[{2 * whole}], 0));"
        else:
            yield f"    codes[{2 * whole}] = {name}_even_code(dev->{window.name}[{whole}]);"
    yield "}"
