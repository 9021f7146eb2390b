"""What a board is: its configuration, from the registers that say it, and whether a run fits it."""

from __future__ import annotations

from collections.abc import Sequence

from crosstwin_model.config import ConfigurationError, ControllerConfig, Source
from crosstwin_model.registers import IDENTITY, VERSION, Register, register_map

from ..errors import CrosstwinError

#: The registers that say it, at the beginning of the map and in its order.
REGISTERS = ("ID", "VERSION", "SIZE", "CAPABILITY", "LIMITS")


def identify(words: Sequence[int], where: str) -> ControllerConfig:
    """Return a board's configuration.

    Parameters
    ----------
    words : sequence of int
        What :data:`REGISTERS` hold.
    where : str
        The board, for messages.

    Raises
    ------
    CrosstwinError
        If that is no controller, or one of another version.
    """
    identity, version, size, capability, limits = words
    if identity != IDENTITY:
        raise CrosstwinError(f"{where} is no Crosstwin controller: its register ID reads {identity:#010x}, not {IDENTITY:#010x}")
    if version >> 16 != VERSION >> 16:
        raise CrosstwinError(
            f"{where} has version {version_text(version)} of the register map, and this program {version_text(VERSION)}; "
            "program the board with a bitstream of this version"
        )
    map_ = register_map(ControllerConfig("any", 1, 1))
    of_size, parts, of_limits = (
        _fields(map_[name], word) for name, word in zip(REGISTERS[2:], (size, capability, limits), strict=True)
    )
    sources = tuple(source.label for source in Source if parts["SOURCES"] >> source & 1)
    try:
        return ControllerConfig(
            "board",
            of_size["ROWS"],
            of_size["COLUMNS"],
            parts["PAIRS"],
            parts["CODE_BITS"],
            parts["ADC_BITS"],
            parts["ADC_LANES"],
            of_limits["BL_MAX"],
            sources,
            bool(parts["FIRED_COUNTER"]),
        )
    except ConfigurationError as error:
        raise CrosstwinError(f"{where} describes itself wrongly: {error}") from None


def require_fit(board: ControllerConfig, wanted: ControllerConfig, where: str) -> None:
    """Refuse a board on which a run for another configuration cannot give that run's results.

    Lines, pairs and BL may be more than wanted, and ADC lanes others: they do not change what an operation does.

    Raises
    ------
    CrosstwinError
        If it does not fit; the sentence names the first thing that does not.
    """
    for key in ("rows", "columns", "pairs", "bl_max"):
        has, needs = getattr(board, key), getattr(wanted, key)
        if has < needs:
            raise CrosstwinError(f"{where} has {key} {has}, and this run needs {needs} or more: {_remedy(wanted)}")
    for key in ("code_bits", "adc_bits"):
        has, needs = getattr(board, key), getattr(wanted, key)
        if has != needs:
            raise CrosstwinError(f"{where} has {key} {has}, and this run needs {needs}: {_remedy(wanted)}")
    for source in wanted.sources:
        if source not in board.sources:
            raise CrosstwinError(f"{where} lacks the random source {source}, which this run needs: {_remedy(wanted)}")


def _remedy(wanted: ControllerConfig) -> str:
    return f"program it with a bitstream of the configuration {wanted.name}"


def _fields(register: Register, word: int) -> dict[str, int]:
    return {field.name: (word & field.mask) >> field.lsb for field in register.fields}


def version_text(word: int) -> str:
    """Return what the register VERSION holds as people write it."""
    return f"{word >> 16 & 0xFF}.{word >> 8 & 0xFF}.{word & 0xFF}"
