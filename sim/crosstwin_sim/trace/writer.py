"""Writes a trace as it grows, part by part, so that whatever ends the recording leaves all whole parts readable."""

from __future__ import annotations

import os
import re
import time
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from crosstwin_model.config import ControllerConfig
from crosstwin_model.plant import PlantConfig
from crosstwin_sim.errors import CrosstwinError

from .format import FORMAT, PART, RECORD, STREAMS, VERSION, Kind, encode, part_start
from .reader import Trace

State = Mapping[str, NDArray[Any]]

#: A part is written when its operations take so many bytes, or so many seconds after the last.
PART_BYTES, PART_SECONDS = 4 << 20, 5.0

#: Partly filled chunks of all streams stay in memory between two parts.
_CACHE = 16 << 20

#: Room for what HDF5 adds to a part's data.
_SLACK = 1 << 18


class Writer:
    """The file of a trace under way.

    Parameters
    ----------
    path : str or Path
        The file; one that is there is replaced.
    controller, plant : ControllerConfig, PlantConfig
        What is recorded.
    state : mapping of arrays
        The plant's state at the beginning, from its ``state``; states added later have the same arrays.

    Raises
    ------
    CrosstwinError
        If the file cannot be written, now or later.
    """

    def __init__(self, path: str | Path, controller: ControllerConfig, plant: PlantConfig, state: State) -> None:
        self.path = Path(path)
        self._tails = {stream.name: bytearray() for stream in STREAMS}
        self._items = {stream.name: stream.dtype.itemsize for stream in STREAMS}
        self._starts = dict.fromkeys(self._tails, 0)
        self._states: list[State] = []
        self._count = self._kept = self._pending = 0
        self._began = self._written = time.monotonic()
        try:
            self._file: _File | None = _File(self.path, controller, plant, state)
        except OSError as error:
            raise _unwritable(self.path, error) from None
        self.add_state(state)
        self.flush()

    def operation(
        self,
        kind: Kind,
        tile: int = 0,
        *,
        up: bool = False,
        forward: bool = False,
        differential: bool = False,
        gain: int = 0,
        opcode: int = 0,
        width: int = 0,
        gap: int = 0,
        size: int = 0,
        data: int = 0,
        codes: int = 0,
    ) -> None:
        """Add an operation; its data must have been added before. The fields are those of docs/trace.md."""
        tail = self._tails["operations"]
        tail += RECORD.pack(kind, tile, up, forward, differential, gain, opcode, width, gap, size, data, codes)
        self._pending += RECORD.size
        if self._pending > PART_BYTES or time.monotonic() - self._written > PART_SECONDS:
            self.flush()

    def add(self, stream: str, content: bytes) -> int:
        """Add elements to a stream and return the number of the first."""
        tail = self._tails[stream]
        first = self._starts[stream] + len(tail) // self._items[stream]
        tail += content
        self._pending += len(content)
        return first

    def add_state(self, state: State) -> int:
        """Add a state of the plant and return its number."""
        self._states.append(state)
        return self._kept + len(self._states) - 1

    def flush(self) -> None:
        """Write what is in memory as one part, and give it to the operating system."""
        if self._file is None or not (self._pending or self._states):
            return
        try:
            states = sum(np.asarray(value).nbytes for state in self._states for value in state.values())
            self._file.reserve(self._pending + states)
        except OSError as error:
            self._end()
            raise _unwritable(self.path, error) from None
        self._write_part(self._file)
        self._file.trim()

    def close(self) -> None:
        """Write what is in memory and close the file; nothing can be added afterwards."""
        self.flush()
        self._end()

    @classmethod
    def go_on(cls, path: str | Path, controller: ControllerConfig, plant: PlantConfig, state: State) -> Writer:
        """Go on with a trace of the same configurations: its whole parts, then a RESTORE of the state.

        Raises
        ------
        CrosstwinError
            If the file cannot be read or written, is no trace, or is of another configuration; it is then as it was.
        """
        final = Path(os.path.realpath(path))
        part = final.with_name(f".{final.name}.{os.getpid()}.part")
        try:
            with Trace(path) as old:
                old.require(controller, plant)
                writer = cls(part, controller, plant, {key: value[0] for key, value in old.states.items()})
                writer._copy(old)
            os.replace(part, final)
        except OSError as error:
            raise _unwritable(Path(path), error) from None
        finally:
            part.unlink(missing_ok=True)
        writer.path = Path(path)
        writer.operation(Kind.RESTORE, size=writer.add_state(state))
        writer.flush()
        return writer

    def _end(self) -> None:
        if self._file is not None:
            self._file.trim()
            self._file.file.close()
            self._file = None

    def _copy(self, old: Trace) -> None:
        parts = old.parts()
        next(parts)  # the initial state alone
        for part in parts:
            for name, content in part.content().items():
                self.add(name, content)
            self._states += part.states
            self._pending += len(part.operations)
            self.flush()

    def _write_part(self, file: _File) -> None:
        crc = 0
        ends = []
        for stream in STREAMS:
            tail = self._tails[stream.name]
            crc = zlib.crc32(tail, crc)
            values = np.frombuffer(tail, stream.dtype)
            _write(file.streams[stream.name], self._starts[stream.name], values)
            ends.append(self._starts[stream.name] + len(values))
        for state in self._states:
            for key, dataset in file.states.items():
                _write(dataset, len(dataset), np.asarray(state[key])[None])
        for key in file.states:
            for state in self._states:
                crc = zlib.crc32(np.asarray(state[key]).tobytes(), crc)
        # The row of ``parts`` goes last: a part that it does not name yet is not there.
        file.file.flush()
        self._count += len(self._tails["operations"]) // RECORD.size
        self._kept += len(self._states)
        self._written = time.monotonic()
        row = (*ends, self._count, self._kept, self._written - self._began, crc)
        _write(file.parts, len(file.parts), np.array([row], PART))
        file.file.flush()
        for stream, end in zip(STREAMS, ends, strict=True):
            self._starts[stream.name] = part_start(stream, end)
            self._tails[stream.name] = bytearray()
        self._states = []
        self._pending = 0


class _File:
    """An HDF5 file with all datasets that it will ever have, as a file that others may read while it grows must."""

    def __init__(self, path: Path, controller: ControllerConfig, plant: PlantConfig, state: State) -> None:
        self.file = file = h5py.File(path, "w", libver="latest", rdcc_nbytes=_CACHE)
        self.reserve(0)
        file.attrs["format"] = FORMAT
        file.attrs["format_version"] = VERSION
        file.attrs["created"] = datetime.now(UTC).isoformat(timespec="seconds")
        file.attrs["crosstwin_version"] = version("crosstwin")
        file.attrs["numpy_version"] = np.__version__
        file.attrs["controller"] = encode(controller)
        file.attrs["plant"] = encode(plant)
        packed: dict[str, Any] = {"compression": 1, "shuffle": True}
        self.streams = {
            stream.name: file.create_dataset(stream.name, (0,), stream.dtype, chunks=(stream.chunk,), maxshape=(None,), **packed)
            for stream in STREAMS
        }
        for stream in STREAMS:
            self.streams[stream.name].attrs["description"] = stream.description
        group = file.create_group("states")
        group.attrs["description"] = "states of the plant: the initial one, then one for every RESTORE"
        self.states = {}
        for key, value in state.items():
            chunks = (1, *(1,) * max(value.ndim - 2, 0), *value.shape[-2:])
            shape = (None, *value.shape)
            self.states[key] = group.create_dataset(key, (0, *value.shape), value.dtype, chunks=chunks, maxshape=shape, **packed)
        self.parts = file.create_dataset("parts", (0,), PART, chunks=(32,), maxshape=(None,))
        self.parts.attrs["description"] = "ends of all streams after every part"
        file.flush()
        file.swmr_mode = True

    def reserve(self, size: int) -> None:
        """Make sure that the disk has room for a part of that size, before HDF5 begins to write it.

        HDF5 can neither go on with nor close a file after a write that failed.

        Raises
        ------
        OSError
            If the disk is full.
        """
        os.posix_fallocate(self.file.id.get_vfd_handle(), self.file.id.get_filesize(), size + _SLACK)

    def trim(self) -> None:
        """Give back the room that was not needed."""
        os.ftruncate(self.file.id.get_vfd_handle(), self.file.id.get_filesize())


def _write(dataset: h5py.Dataset, start: int, values: NDArray[Any]) -> None:
    if len(values):
        dataset.resize(start + len(values), axis=0)
        dataset[start:] = values


def _unwritable(path: Path, error: OSError) -> CrosstwinError:
    # HDF5 wraps the system's error in a message of its own.
    number = re.search(r"errno = (\d+)", str(error))
    words = os.strerror(int(number[1])) if number else error.strerror or str(error)
    return CrosstwinError(f"the trace {path} cannot be written: {words}")
