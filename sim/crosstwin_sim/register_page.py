"""The register map as one Markdown page, and the sentences that other register documents share with it."""

from __future__ import annotations

from collections.abc import Iterator

from crosstwin_model.config import ControllerConfig
from crosstwin_model.registers import ERROR_TEXT, Access, Field, Register, Window, register_map

from .files import write_text

_INTRODUCTION = """\
# Registers of the configuration `{name}`

{summary}

Made by `crosstwin registers --config {name} -o registers.md` from the register data in `model/crosstwin_model/registers.py`. The
bus is AXI4-Lite with 32-bit data. A register or a word of a vector is written whole, in one 32-bit access. An access that is
refused answers SLVERR and changes nothing: "Bus" in docs/controller.md says when. docs/drivers.md is for authors of drivers.
Other configurations differ in sizes, in the registers of each tile pair, and in the reset values that follow from them.

Access: `r` read, `w` write, `rw` both, `woclr` writing 1 clears the bit. X, D and Y are vectors of signed 16-bit codes, two to a
32-bit word.
"""

_ERRORS = """\
## Error codes

ERROR and STATUS.FAULT_CODE hold one of these.

| code | name | meaning |
|---|---|---|
"""

_ACCESS = {Access.RO: "r", Access.RW: "rw", Access.WO: "w", Access.W1C: "rw, woclr"}


def summary(config: ControllerConfig) -> str:
    """Return a sentence with the size and the parts of a configuration."""
    return (
        f"{config.rows} rows x {config.columns} columns, {config.pairs} tile pair(s), codes of {config.code_bits} bits, "
        f"ADC codes of {config.adc_bits} bits on {config.adc_lanes} lane(s), BL up to {config.bl_max}, "
        f"random sources {', '.join(config.sources)}."
    )


def window_text(window: Window) -> str:
    """Return a sentence about how a vector lies in its words."""
    return f"{window.entries} signed 16-bit codes, two to a 32-bit word, the first in the low half; {window.access.value}."


def markdown(config: ControllerConfig) -> str:
    """Return the page docs/registers.md for a configuration."""
    registers = register_map(config)
    places = (*registers, *registers.windows)
    rows = "".join(f"| 0x{place.offset:04X} | {place.name} | {place.doc} |\n" for place in places)
    overview = f"## Overview\n\n| Offset | Name | Meaning |\n| --- | --- | --- |\n{rows}"
    errors = "".join(f"| {code.value} | {code.name} | {text.replace('**', '^')} |\n" for code, text in ERROR_TEXT.items())
    introduction = _INTRODUCTION.format(name=config.name, summary=summary(config))
    return "\n".join((introduction, overview, *("\n".join(_section(place)) for place in places), _ERRORS + errors))


def write_markdown(config: ControllerConfig, path: str) -> None:
    """Write the page as one Markdown file."""
    write_text(path, markdown(config))


def _section(place: Register | Window) -> Iterator[str]:
    """Yield the lines about one register or vector."""
    yield f"### {place.name}\n\nAddress 0x{place.offset:04X}. {place.doc}\n"
    if isinstance(place, Window):
        yield f"{window_text(place)}\n"
    elif place.while_busy:
        yield "Writes are taken during an operation too.\n"
    yield "| Bits | Name | Access | Reset | Meaning |\n| --- | --- | --- | --- | --- |"
    for field in place.fields:
        bits = f"{field.lsb + field.width - 1}:{field.lsb}" if field.width > 1 else str(field.lsb)
        yield f"| {bits} | {field.name} | {_ACCESS[place.access]} | {_reset(place, field)} | {field.doc} |"
    yield ""


def _reset(place: Register | Window, field: Field) -> str:
    """Return a field's value after reset, where there is one that can be read."""
    return "—" if isinstance(place, Window) or place.access is Access.WO else f"0x{field.reset:X}"
