"""The golden model's registers: what every bus access does, by the section *Bus* of docs/controller.md."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from .config import ControllerConfig
from .engine import Generators, extremes
from .numbers import whole_array
from .registers import (
    ADDRESS_BITS,
    SEED_RESET,
    UNLIMITED,
    Access,
    Control,
    ErrorCode,
    Interrupt,
    Register,
    Response,
    Window,
    register_map,
)

_COUNTERS = ("CYCLES", "SLOTS", "FIRED", "OPERATIONS")


class RegisterFile:
    """Registers, vector windows, counters, interrupt and fault of one controller.

    Attributes
    ----------
    values : dict of str to int
        Values of the registers that are plain storage, by name.
    x, d : int16 arrays, shapes (rows,) and (columns,)
        Codes of the lines.
    y : int16 array, shape (max(rows, columns),)
        Results of the last read.
    counters : dict of str to int
        CYCLES, SLOTS, FIRED and OPERATIONS, modulo 2**64.
    fault : ErrorCode
        What latched the fault, OK if none is latched.
    """

    def __init__(self, config: ControllerConfig) -> None:
        self.config = config
        self.map = register_map(config)
        self._at: dict[int, Register | Window | None] = {
            address: self.map.at(address) for address in range(0, 1 << ADDRESS_BITS, 4)
        }
        self.y = np.zeros(2 * self.map.window("Y").words, np.int16)
        self.reset()

    def reset(self) -> None:
        """Take the reset values; Y keeps its content."""
        self.values = {register.name: register.reset for register in self.map}
        self.x = np.zeros(2 * self.map.window("X").words, np.int16)
        self.d = np.zeros(2 * self.map.window("D").words, np.int16)
        self.generators = Generators(self.config, SEED_RESET)
        self.counters = dict.fromkeys(_COUNTERS, 0)
        self.fault = ErrorCode.OK
        self.estop = False

    def write(self, address: int, value: int, strobe: int) -> Response:
        """Write a word with byte strobes; SLVERR changes nothing. Writing COMMAND only stores it."""
        target = self._at[address & ((1 << ADDRESS_BITS) - 4)]
        if target is None or target.access is Access.RO:
            return Response.SLVERR
        if isinstance(target, Window):
            return self._write_window(target, (address - target.offset) // 4 * 2, value, strobe)
        if strobe != 0xF or value & ~target.mask:
            return Response.SLVERR
        name = target.name
        if name == "SEED_X" or name == "SEED_D":
            if value == 0:
                return Response.SLVERR
            self.generators.seed(int(name == "SEED_D"), value)
        elif target.access is Access.W1C:
            self.values[name] &= ~value
        elif name == "CONTROL":
            self._control(value)
        else:
            self.values[name] = value
        return Response.OKAY

    def read(self, address: int) -> tuple[Response, int]:
        """Return a word; (SLVERR, 0) where nothing can be read."""
        target = self._at[address & ((1 << ADDRESS_BITS) - 4)]
        if target is None or target.access is Access.WO:
            return Response.SLVERR, 0
        if isinstance(target, Window):
            entry = (address - target.offset) // 4 * 2
            low, high = self.y[entry : entry + 2].tolist()
            return Response.OKAY, low & 0xFFFF | (high & 0xFFFF) << 16
        name = target.name
        if name in self.counters:
            value = self.counters[name]
            self.values[f"{name}_HIGH"] = value >> 32
            return Response.OKAY, value & 0xFFFF_FFFF
        if name == "SEED_X" or name == "SEED_D":
            return Response.OKAY, self.generators.states[int(name == "SEED_D")]
        if name == "STATUS":
            return Response.OKAY, int(self.fault != 0) << 1 | int(self.estop) << 2 | self.fault << 8
        return Response.OKAY, self.values[name]

    def write_block(self, address: int, words: npt.ArrayLike) -> Response:
        """Write successive words of 32 bits with all strobes; the first one refused ends the block."""
        words = whole_array("words", words, None, np.uint32).reshape(-1)
        target = self._at[address & ((1 << ADDRESS_BITS) - 4)]
        if isinstance(target, Window) and target.access is Access.WO:
            entry = (address - target.offset) // 2
            codes = words.astype("<u4", copy=False).view("<i2")
            line_codes = self.x if target.name == "X" else self.d
            limit = self.config.code_max
            # The last word of an odd window has a half that is no entry; only 0 may be written there.
            room = target.entries - entry
            if codes.size == room + 1 and codes[room] == 0:
                codes = codes[:room]
            if codes.size <= room:
                low, high = extremes(codes)
                if -limit <= low and high <= limit:
                    line_codes[entry : entry + codes.size] = codes
                    return Response.OKAY
        for index, word in enumerate(words.tolist()):
            response = self.write(address + 4 * index, word, 0xF)
            if response is not Response.OKAY:
                return response
        return Response.OKAY

    def read_block(self, address: int, count: int) -> tuple[Response, NDArray[np.uint32]]:
        """Return successive words up to the first that cannot be read, with that one's response."""
        target = self._at[address & ((1 << ADDRESS_BITS) - 4)]
        if isinstance(target, Window) and target.access is not Access.WO:
            entry = (address - target.offset) // 4 * 2
            if entry + 2 * count <= self.y.size:
                return Response.OKAY, self.y[entry : entry + 2 * count].astype("<i2").view(np.uint32)
        words = np.zeros(count, np.uint32)
        for index in range(count):
            response, words[index] = self.read(address + 4 * index)
            if response is not Response.OKAY:
                return response, words[:index]
        return Response.OKAY, words

    def refuse(self, code: ErrorCode) -> None:
        """Answer a command with an error code."""
        self.values["ERROR"] = int(code)
        self.values["INTERRUPT_STATUS"] |= Interrupt.ERROR

    def accept(self) -> None:
        """Answer a command with OK."""
        self.values["ERROR"] = 0

    @property
    def irq(self) -> bool:
        """The level of the interrupt pin."""
        return bool(self.values["INTERRUPT_STATUS"] & self.values["INTERRUPT_ENABLE"])

    def done(self) -> None:
        """Raise the interrupt of an operation that ended."""
        self.values["INTERRUPT_STATUS"] |= Interrupt.DONE

    def latch_fault(self, code: ErrorCode) -> None:
        """Latch a fault, unless one is latched already."""
        if self.fault is ErrorCode.OK:
            self.fault = code
            self.values["ERROR"] = int(code)
            self.values["INTERRUPT_STATUS"] |= Interrupt.FAULT

    def count(self, name: str, amount: int) -> None:
        """Add to a counter."""
        self.counters[name] = self.counters[name] + amount & (1 << 64) - 1

    def spend(self, slots: int) -> None:
        """Count slots, and take them from the pulse budget."""
        self.count("SLOTS", slots)
        if self.values["PULSE_BUDGET"] != UNLIMITED:
            self.values["PULSE_BUDGET"] -= slots

    def _control(self, value: int) -> None:
        # A stop acts one clock cycle after the clears that are written with it.
        if value & Control.CLEAR_FAULT and not self.estop:
            self.fault = ErrorCode.OK
        if value & Control.CLEAR_COUNTERS:
            self.counters = dict.fromkeys(_COUNTERS, 0)
        if value & Control.STOP:
            self.latch_fault(ErrorCode.STOPPED)

    def _write_window(self, window: Window, entry: int, value: int, strobe: int) -> Response:
        if strobe != 0xF:
            return Response.SLVERR
        halves = []
        for half in (0, 1):
            code = (value >> (16 * half) & 0xFFFF ^ 0x8000) - 0x8000
            inside = entry + half < window.entries
            if abs(code) > (self.config.code_max if inside else 0):
                return Response.SLVERR
            if inside:
                halves.append((entry + half, code))
        codes = self.x if window.name == "X" else self.d
        for line, code in halves:
            codes[line] = code
        return Response.OKAY
