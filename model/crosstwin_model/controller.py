"""The golden model of the controller: every operation of docs/controller.md, exact in bits and clock cycles."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from .checks import check
from .config import ControllerConfig
from .observe import Phase, Pins, Status, waveform
from .pulsing import pulse_row, pulse_update, symmetrize
from .reading import read_row, read_vector
from .register_file import RegisterFile
from .registers import ErrorCode, Opcode, Response, TileKind
from .run import NEVER, Array, Ended, Run

__all__ = ["Array", "GoldenController"]


class GoldenController:
    """The controller as its registers and its effects on the array.

    Operations run to their end within the write of COMMAND, so BUSY is never seen.

    Parameters
    ----------
    config : ControllerConfig
        What is built in.
    array : Array
        The crosspoint array behind the pins.

    Attributes
    ----------
    registers : RegisterFile
        All state but the array's.
    phases : list of Phase or None
        Set it to a list to have what the last command shows on the pins to the array recorded there, and ``status`` recorded, too
        (both are cleared at every command).
    status : list of (int, Status)
        What the last command shows on ``busy``, ``fault`` and ``irq``: clock cycle from its cycle 0, levels from then on.
    ended : int or None
        The clock cycle of the last command in which a stop ended it, counted from its cycle 0 (-1 in CHECK); None if none did.
    """

    def __init__(self, config: ControllerConfig, array: Array) -> None:
        self.config = config
        self.array = array
        self.registers = RegisterFile(config)
        self.phases: list[Phase] | None = None
        self.status: list[tuple[int, Status]] = []
        self.ended: int | None = None
        self._stop = NEVER
        self._command_address = self.registers.map["COMMAND"].offset

    def reset(self) -> None:
        """Reset the controller; the array keeps its state."""
        self.registers.reset()
        self._stop = NEVER

    def read(self, address: int) -> tuple[Response, int]:
        """Read a word at a byte address: (response, data)."""
        return self.registers.read(address)

    def write(self, address: int, value: int, strobe: int = 0xF) -> Response:
        """Write a word at a byte address; a write of COMMAND runs the operation."""
        response = self.registers.write(address, value, strobe)
        if response is Response.OKAY and address & ~3 == self._command_address:
            self._command(value)
        return response

    def write_block(self, address: int, words: npt.ArrayLike) -> Response:
        """Write successive words of a vector window; ends at the first that is refused."""
        return self.registers.write_block(address, words)

    def read_block(self, address: int, count: int) -> tuple[Response, NDArray[np.uint32]]:
        """Read successive words; ends at the first that is refused, with its response."""
        return self.registers.read_block(address, count)

    def set_estop(self, level: bool) -> None:
        """Set the level of the emergency stop pin while no operation is under way."""
        self.registers.estop = level
        if level:
            self.registers.latch_fault(ErrorCode.STOPPED)

    def stop_in(self, cycle: int) -> None:
        """Have the emergency stop pin pulsed in a clock cycle of the next command: -1 is CHECK, 0 the cycle after it."""
        self._stop = cycle

    def waveform(self) -> list[tuple[int, Pins]]:
        """Return what the last command shows on the pins, as :func:`crosstwin_model.observe.waveform` gives it.

        ``phases`` must have been a list before the command.
        """
        return waveform(self.phases or [], self.status, self.ended)

    def _show(self, cycle: int, busy: int) -> None:
        """Record the levels of the pins ``busy``, ``fault`` and ``irq`` from a clock cycle on, if that is asked for."""
        if self.phases is not None:
            registers = self.registers
            self.status.append((cycle, Status(busy, int(registers.fault is not ErrorCode.OK), int(registers.irq))))

    def _command(self, command: int) -> None:
        registers = self.registers
        stop = -1 if registers.estop else self._stop
        self._stop = NEVER
        self.ended = None
        if self.phases is not None:
            self.phases.clear()
            self.status.clear()
        self._show(-1, busy=1)
        if stop < 0:
            self.ended = stop
            registers.latch_fault(ErrorCode.STOPPED)
            self._show(0, busy=0)
            return
        faulted = registers.fault is not ErrorCode.OK
        code = ErrorCode.FAULTED if faulted else check(self.config, registers.values, command)
        if code is not ErrorCode.OK:
            registers.refuse(code)
            self._show(0, busy=0)
        else:
            registers.accept()
            run = Run(self.config, registers, self.array, self.phases, stop)
            try:
                _execute(run, Opcode(command & 15), command >> 8 & 15, not command >> 12 & 1)
                registers.done()
                self._show(run.start, busy=0)
            except Ended as end:
                registers.count("CYCLES", end.cycles - run.start)
                registers.latch_fault(end.code)
                if end.code is ErrorCode.STOPPED:
                    self.ended = end.cycles
                self._show(end.cycles + (end.code is ErrorCode.STOPPED), busy=0)
        if stop < NEVER:  # a stop that comes after the operation still latches the fault
            registers.latch_fault(ErrorCode.STOPPED)
            self._show(stop + 1, busy=0)


def _execute(run: Run, opcode: Opcode, tile: int, differential: bool) -> None:
    if opcode is Opcode.SYMMETRIZE:
        symmetrize(run, tile)
    elif opcode is Opcode.UPDATE:
        pulse_update(run, tile)
        if _transfer_is_due(run, tile):
            _transfer(run, tile)
    elif opcode is Opcode.TRANSFER:
        _transfer(run, tile)
    else:
        read_vector(run, tile, opcode is Opcode.FORWARD, differential)


def _transfer_is_due(run: Run, tile: int) -> bool:
    """Count an update of an A towards its pair's autonomous transfer."""
    values = run.registers.values
    pair, kind = divmod(tile, 4)
    every = values[f"PAIR{pair}_TRANSFER_EVERY"]
    if kind != TileKind.A or every == 0:
        return False
    updates = values[f"PAIR{pair}_UPDATES"] + 1
    values[f"PAIR{pair}_UPDATES"] = 0 if updates >= every else updates
    return updates >= every


def _transfer(run: Run, tile: int) -> None:
    values = run.registers.values
    pointer = f"PAIR{tile // 4}_TRANSFER_ROW"
    row = values[pointer]
    read_row(run, tile, row)
    pulse_row(run, tile - TileKind.A + TileKind.C, row)
    values[pointer] = (row + 1) % (values[f"PAIR{tile // 4}_ACTIVE"] & 0xFFFF)
