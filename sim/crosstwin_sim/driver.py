"""Registers, windows and commands by name, with what is already in the controller kept on the host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from weakref import WeakKeyDictionary, proxy

import numpy as np
from numpy.typing import NDArray

from crosstwin_model.bus import BusError
from crosstwin_model.emulated_config import EmulatedConfig
from crosstwin_model.registers import ERROR_TEXT, Control, ErrorCode, Opcode, register_map

from .backend import Backend
from .errors import CrosstwinError


class ControllerError(CrosstwinError, RuntimeError):
    """A command that the controller refused, or an operation that a fault ended.

    Attributes
    ----------
    code : ErrorCode
        The controller's reason.
    """

    def __init__(self, operation: str, code: ErrorCode) -> None:
        super().__init__(f"{operation} ended with {code.name}: {ERROR_TEXT[code]}")
        self.code = code


@dataclass(frozen=True)
class Counters:
    """The controller's counters since they were last cleared: clock cycles, slots, fired lines, operations."""

    cycles: int
    slots: int
    fired: int
    operations: int


#: Settings that only the host writes, beside those of the pairs.
_SETTINGS = frozenset(
    (
        "PULSE",
        "BL",
        "TRANSFER_BL",
        "SOURCE",
        "X_FULL_SCALE",
        "D_FULL_SCALE",
        "TRANSFER_FULL_SCALE",
        "READ",
        "READ_GAIN",
        "SYMMETRIZE_PAIRS",
    )
)


class Driver:
    """What several :class:`crosstwin_sim.crossbar.Crossbar` share: the settings and vectors that one controller holds.

    Settings and vectors that the controller holds already are not written again. Whoever writes to the back end directly, or
    resets it, must call :meth:`forget`.

    Attributes
    ----------
    backend : Backend
        The controller.
    config : ControllerConfig
        Its configuration.
    """

    _shared: ClassVar[WeakKeyDictionary[Backend, Driver]] = WeakKeyDictionary()

    def __init__(self, backend: Backend) -> None:
        self.backend: Backend = proxy(backend)  # the table of drivers must not keep a back end alive
        self.config = backend.config
        self._map = register_map(backend.config)
        self._address = {register.name: register.offset for register in self._map}
        self._windows = {name: self._map.window(name) for name in ("X", "D", "Y")}
        self._settings: dict[str, int] = {}
        self._codes: dict[str, bytes] = {}
        self._padded = {name: np.zeros(2 * window.words, np.int16) for name, window in self._windows.items()}
        pairs = range(backend.config.pairs)
        self._cached = _SETTINGS | {f"PAIR{pair}_{name}" for pair in pairs for name in ("ACTIVE", "TRANSFER_EVERY")}

    @classmethod
    def of(cls, backend: Backend) -> Driver:
        """Return the one driver of a back end; it lives as long as the back end."""
        if backend not in cls._shared:
            cls._shared[backend] = cls(backend)
        return cls._shared[backend]

    def forget(self) -> None:
        """Take nothing for granted about what the controller holds."""
        self._settings.clear()
        self._codes.clear()

    def read(self, name: str) -> int:
        """Return a register's value."""
        return self.backend.read(self._address[name])

    def set(self, name: str, value: int) -> None:
        """Write a register, unless it is a setting that has this value already."""
        if self._settings.get(name) == value:
            return
        self.backend.write(self._address[name], value)
        if name in self._cached:
            self._settings[name] = value

    def set_fields(self, name: str, **values: int) -> None:
        """Write a register of several fields; fields that are not given become 0."""
        register = self._map[name]
        self.set(name, sum(value << register.field(field).lsb for field, value in values.items()))

    def give_time(self, array: EmulatedConfig) -> None:
        """Set PULSE and ADC_TIMEOUT to what an emulated array needs: its shortest slot, and twice its longest read."""
        self.set_fields("PULSE", WIDTH=1, GAP=array.minimum_slot(self.config) - 1)
        self.set("ADC_TIMEOUT", 2 * max(array.read_latency(self.config, forward, True) for forward in (True, False)))

    def write_codes(self, name: str, codes: NDArray[np.int16]) -> None:
        """Fill window X or D with codes from its first entry on and 0 behind them."""
        padded = self._padded[name]
        padded[: codes.size] = codes
        padded[codes.size :] = 0
        key = padded.tobytes()
        if self._codes.get(name) != key:
            self._codes.pop(name, None)
            self.backend.write_block(self._windows[name].offset, padded.view("<u4"))
            self._codes[name] = key

    def read_codes(self, count: int) -> NDArray[np.int16]:
        """Return the first entries of Y."""
        return self.backend.read_block(self._windows["Y"].offset, (count + 1) // 2).view("<i2")[:count]

    def run(self, opcode: Opcode, tile: int, changes_d: bool = False) -> None:
        """Run an operation to its end; ``changes_d`` tells that window D is then not what it was.

        Raises
        ------
        ControllerError
            If the command was refused or a fault ended it.
        """
        try:
            self.backend.write(self._address["COMMAND"], opcode | tile << 8)
            self.backend.wait()
        except BusError:
            self.forget()  # a setting that was put off may be what was refused
            raise
        if changes_d:
            self._codes.pop("D", None)
        code = self.backend.read(self._address["ERROR"])
        if code:
            raise ControllerError(f"{opcode.name} on tile {tile}", ErrorCode(code))

    def clear_fault(self) -> None:
        """Clear a latched fault, so that commands are taken again."""
        self.backend.write(self._address["CONTROL"], Control.CLEAR_FAULT)

    def seed(self, x: int, d: int) -> None:
        """Set both random generators; neither value may be 0."""
        self.backend.write(self._address["SEED_X"], x)
        self.backend.write(self._address["SEED_D"], d)

    def counters(self) -> Counters:
        """Return the 64-bit counters."""

        def wide(name: str) -> int:
            low = self.read(name)
            return low | self.read(f"{name}_HIGH") << 32

        return Counters(wide("CYCLES"), wide("SLOTS"), wide("FIRED"), wide("OPERATIONS"))

    def clear_counters(self) -> None:
        """Set all counters to 0."""
        self.backend.write(self._address["CONTROL"], Control.CLEAR_COUNTERS)
