"""A compiled design as seen from Python: its C functions, the memory both sides share, and its errors."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from crosstwin_model.check import ControllerFailure
from crosstwin_model.config import ControllerConfig

from ..errors import CrosstwinError

#: What the shim answers where a call could not be carried out; the numbers are those of ``Halt`` in pins.hpp.
HALTS = {
    -1: "a line was driven + and - at once",
    -2: "half-selected lines changed without being idle between",
    -3: "lines were half-selected without the trigger pin slot",
    -4: "lines were driven otherwise than the pin quadrant says",
    -5: "adc_sample was raised while a line was driven, or with not exactly one side sensed",
    -7: "the bus gave no answer for 1000 clock cycles",
    -8: "the replay read other data, or took other clock cycles, than the run that it repeats",
}
#: ``Halt`` of a wait that reached its limit, and of a callback that raised.
BUSY, CALLBACK_RAISED = 1, -6
#: Events that the callback is told, as in simulator.hpp.
SLOTS_FULL, RECORDS_FULL, SAMPLED = 0, 1, 2

_SLOTS = 4096
_RECORDS = 4096


class PinError(ControllerFailure, CrosstwinError):
    """The RTL did on its pins, or on its bus, what the controller must never do; the text says what, and in which clock cycle."""


class Shared(ctypes.Structure):
    """Memory that shim and back end share; see simulator.hpp."""

    _fields_ = (
        ("clock", ctypes.c_uint64),
        ("command", ctypes.c_uint64),
        ("data", ctypes.c_uint32),
        ("count", ctypes.c_uint32),
        ("slots", ctypes.c_uint32),
        ("slots_capacity", ctypes.c_uint32),
        ("slots_tile", ctypes.c_int32),
        ("tile", ctypes.c_int32),
        ("differential", ctypes.c_int32),
        ("forward", ctypes.c_int32),
        ("gain", ctypes.c_int32),
        ("recording", ctypes.c_int32),
        ("record_count", ctypes.c_uint32),
        ("records_capacity", ctypes.c_uint32),
        *((name, ctypes.c_void_p) for name in ("slot_up", "slot_rows", "slot_columns", "records")),
        *((name, ctypes.c_void_p) for name in ("charge", "codes", "delays", "block")),
    )


#: C functions by name: type of the result, types of the arguments.
Functions = dict[str, tuple[Any, tuple[Any, ...]]]

_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
_HANDLE, _WORD, _WHOLE = ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int


class Simulation:
    """One simulated design with the array's pins.

    Parameters
    ----------
    path : Path
        The compiled library.
    prefix : str
        What its C functions' names begin with.
    functions : Functions
        Those that it has beside ``create`` and ``destroy``.
    config : ControllerConfig
        The configuration it was built for.
    event : callable
        Called with an event's number: SLOTS_FULL and RECORDS_FULL must empty the log or the records; SAMPLED must fill ``codes``
        and ``delays`` and return the number of beats.

    Attributes
    ----------
    shared : Shared
        Counts and values that both sides use.
    slot_up : bool array, shape (capacity,)
    slot_rows, slot_columns : uint64 arrays, shapes (capacity, words)
        The slots logged: line k is bit k % 64 of word k // 64.
    records : uint64 array, shape (capacity, 2 + words)
        Recorded pins: clock cycle, control pins, line pins.
    charge : int32 array, shape (max(rows, columns),)
        Signed clock cycles that each driven line was at read level.
    codes : int32 array, shape (beats * lanes,); delays : int32 array, shape (beats,)
        The converters' answer.
    block : uint32 array
        Words of a block access.
    """

    def __init__(
        self, path: Path, prefix: str, functions: Functions, config: ControllerConfig, event: Callable[[int], int]
    ) -> None:
        self._library = ctypes.CDLL(str(path.resolve()))
        self._prefix = prefix
        self._declare({"create": (_HANDLE, (ctypes.POINTER(Shared), _CALLBACK)), "destroy": (None, (_HANDLE,)), **functions})
        row_words, column_words = (config.rows + 63) // 64, (config.columns + 63) // 64
        lines = max(config.rows, config.columns)
        beats = -(-lines // config.adc_lanes)
        self.slot_up = np.zeros(_SLOTS, np.bool_)
        self.slot_rows = np.zeros((_SLOTS, row_words), np.uint64)
        self.slot_columns = np.zeros((_SLOTS, column_words), np.uint64)
        self.records = np.zeros((_RECORDS, 2 + 2 * (row_words + column_words)), np.uint64)
        self.charge = np.zeros(lines, np.int32)
        self.codes = np.zeros(beats * config.adc_lanes, np.int32)
        self.delays = np.zeros(beats, np.int32)
        self.block = np.zeros(max(64, (lines + 1) // 2), np.uint32)
        self.shared = Shared(slots_capacity=_SLOTS, records_capacity=_RECORDS)
        for name in ("slot_up", "slot_rows", "slot_columns", "records", "charge", "codes", "delays", "block"):
            setattr(self.shared, name, getattr(self, name).ctypes.data)
        self._raised: BaseException | None = None
        self._event = event
        self._callback = _CALLBACK(self._call_back)
        self._handle = self._function("create")(ctypes.byref(self.shared), self._callback)

    def check(self, result: int) -> None:
        """Raise what a negative result stands for.

        Raises
        ------
        PinError
            If the RTL misbehaved; otherwise whatever the callback raised.
        """
        if result == CALLBACK_RAISED:
            assert self._raised is not None
            raise self._raised
        if result < 0:
            raise PinError(f"clock cycle {self.shared.clock}: {HALTS[result]}")

    def close(self) -> None:
        """Give the simulation back; closes a wave file."""
        if self._handle is not None:
            self._function("destroy")(self._handle)
            self._handle = None

    def _declare(self, functions: Functions) -> None:
        for name, (result, arguments) in functions.items():
            function = self._function(name)
            function.restype, function.argtypes = result, arguments

    def _function(self, name: str) -> Any:
        return getattr(self._library, f"{self._prefix}_{name}")

    def _call_back(self, event: int) -> int:
        try:
            return self._event(event)
        except BaseException as error:  # an exception cannot cross the C frames; check() raises it on the other side
            self._raised = error
            return -1

    def _bound(self, name: str) -> Callable[..., int]:
        function = self._function(name)
        handle = self._handle

        def call(*arguments: Any) -> int:
            result: int = function(handle, *arguments)
            return result

        return call


class Library(Simulation):
    """One simulated controller.

    Parameters
    ----------
    path : Path
        What :func:`crosstwin_sim.rtl.build.build` returned.
    config : ControllerConfig
        The configuration it was built for.
    event : callable
        As for :class:`Simulation`.
    """

    def __init__(self, path: Path, config: ControllerConfig, event: Callable[[int], int]) -> None:
        functions: Functions = {
            "reset": (_WHOLE, (_HANDLE,)),
            "write": (_WHOLE, (_HANDLE, _WORD, _WORD, _WORD)),
            "read": (_WHOLE, (_HANDLE, _WORD)),
            "write_block": (_WHOLE, (_HANDLE, _WORD, _WORD)),
            "read_block": (_WHOLE, (_HANDLE, _WORD, _WORD)),
            "wait": (_WHOLE, (_HANDLE, _WORD)),
            "estop": (_WHOLE, (_HANDLE, _WHOLE)),
            "stop_in": (None, (_HANDLE, ctypes.c_int64)),
            "start_tape": (None, (_HANDLE,)),
            "stop_tape": (None, (_HANDLE,)),
            "replay": (_WHOLE, (_HANDLE,)),
        }
        super().__init__(path, "crosstwin", functions, config, event)
        self.read = self._bound("read")
        self.write = self._bound("write")
        self.read_block = self._bound("read_block")
        self.write_block = self._bound("write_block")
        self.wait = self._bound("wait")
        self.reset = self._bound("reset")
        self.estop = self._bound("estop")
        self.stop_in = self._bound("stop_in")
        self.start_tape = self._bound("start_tape")
        self.stop_tape = self._bound("stop_tape")
        self.replay = self._bound("replay")

    def trace(self, path: Path) -> None:
        """Write waves from now on; the library must have been built with ``trace=True``."""
        self._declare({"trace": (None, (_HANDLE, ctypes.c_char_p))})
        self._function("trace")(self._handle, str(path).encode())
