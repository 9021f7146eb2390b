"""Whether a command may run: the section *CHECK* of docs/controller.md, rule by rule in its order."""

from __future__ import annotations

from collections.abc import Mapping

from .config import ControllerConfig, Source
from .registers import UNLIMITED, ErrorCode, Opcode, TileKind


def check(config: ControllerConfig, values: Mapping[str, int], command: int) -> ErrorCode:
    """Return OK or the first rule that a command breaks (all but FAULTED).

    Parameters
    ----------
    values : mapping of str to int
        The settings' registers by name.
    command : int
        The word written to COMMAND.
    """
    opcode, tile, single_ended = command & 15, command >> 8 & 15, command >> 12 & 1
    if opcode not in Opcode._value2member_map_ or (single_ended and opcode > Opcode.BACKWARD):
        return ErrorCode.BAD_OPCODE
    pair, kind = divmod(tile, 4)
    reads = opcode <= Opcode.BACKWARD
    if tile >= config.tiles or (opcode == Opcode.TRANSFER and kind != TileKind.A):
        return ErrorCode.BAD_TILE
    if reads and kind >= TileKind.C_REF and not single_ended:
        return ErrorCode.BAD_TILE
    update = opcode == Opcode.UPDATE
    transfer = opcode == Opcode.TRANSFER or (update and kind == TileKind.A and values[f"PAIR{pair}_TRANSFER_EVERY"] > 0)
    if not reads:
        code = _check_pulses(config, values, update, transfer)
        if code is not ErrorCode.OK:
            return code
    if opcode == Opcode.SYMMETRIZE and values["SYMMETRIZE_PAIRS"] == 0:
        return ErrorCode.BAD_COUNT
    if reads or transfer:
        code = _check_read(config, values, pair, transfer)
        if code is not ErrorCode.OK:
            return code
    need = 4 * values["BL"] * update + 2 * values["TRANSFER_BL"] * transfer
    need += 2 * values["SYMMETRIZE_PAIRS"] * (opcode == Opcode.SYMMETRIZE)
    if values["PULSE_BUDGET"] != UNLIMITED and need > values["PULSE_BUDGET"]:
        return ErrorCode.PULSE_BUDGET
    return ErrorCode.OK


def _check_pulses(config: ControllerConfig, values: Mapping[str, int], update: bool, transfer: bool) -> ErrorCode:
    pulse = values["PULSE"]
    if pulse & 0xFFFF == 0 or pulse >> 16 == 0:
        return ErrorCode.BAD_PULSE
    lengths = [values["BL"]] * update + [values["TRANSFER_BL"]] * transfer
    if any(not 1 <= length <= config.bl_max for length in lengths):
        return ErrorCode.BAD_BL
    if not lengths:
        return ErrorCode.OK
    source = Source(values["SOURCE"])
    if not config.has_source(source):
        return ErrorCode.BAD_SOURCE
    scales = [values["X_FULL_SCALE"], values["D_FULL_SCALE"]] * update + [values["TRANSFER_FULL_SCALE"]] * transfer
    unity = 1 << config.code_bits
    if 0 in scales or (source is Source.LFSR_PER_LINE and any(scale != unity for scale in scales)):
        return ErrorCode.BAD_FULL_SCALE
    return ErrorCode.OK


def _check_read(config: ControllerConfig, values: Mapping[str, int], pair: int, transfer: bool) -> ErrorCode:
    read = values["READ"]
    if read & 0xFFFF == 0 or read >> 16 == 0 or values["ADC_TIMEOUT"] == 0:
        return ErrorCode.BAD_READ
    active = values[f"PAIR{pair}_ACTIVE"]
    rows, columns = active & 0xFFFF, active >> 16
    if not (1 <= rows <= config.rows and 1 <= columns <= config.columns):
        return ErrorCode.BAD_ACTIVE
    if transfer and values[f"PAIR{pair}_TRANSFER_ROW"] >= rows:
        return ErrorCode.BAD_ACTIVE
    return ErrorCode.OK
