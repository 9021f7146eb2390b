"""Writes a trace as it grows, part by part, so that whatever ends the recording leaves all whole parts readable."""

from __future__ import annotations

import os
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

from .format import FORMAT, OPERATION, PART, RECORD, STREAMS, VERSION, Kind, encode
from .reader import Trace

State = Mapping[str, NDArray[Any]]

#: A part is written when its operations take so many bytes, or so many seconds after the last.
PART_BYTES, PART_SECONDS = 4 << 20, 5.0

#: Partly filled chunks of all streams stay in memory between two parts.
_CACHE = 16 << 20


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
        self._ends = dict.fromkeys(self._tails, 0)
        self._states: list[State] = []
        self._kept = self._pending = 0
        self._began = self._written = time.monotonic()
        self._file: h5py.File | None = None
        try:
            self._file = _create(self.path, controller, plant, state)
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
        first = self._ends[stream] + len(tail) // self._items[stream]
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
            self._write_part(self._file)
        except (OSError, RuntimeError) as error:
            self._abandon()
            raise _unwritable(self.path, error) from None

    def close(self) -> None:
        """Write what is in memory and close the file; nothing can be added afterwards."""
        self.flush()
        if self._file is not None:
            try:
                self._file.close()
            except (OSError, RuntimeError) as error:
                raise _unwritable(self.path, error) from None
            finally:
                self._file = None

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

    def _copy(self, old: Trace) -> None:
        for part in old.parts():
            for name, content in part.content().items():
                self.add(name, content)
            self._states += part.states[1:] if part.first_state == 0 and not part.first else part.states
            self._pending += len(part.operations)
            self.flush()

    def _write_part(self, file: h5py.File) -> None:
        crc = 0
        for name, tail in self._tails.items():
            crc = zlib.crc32(tail, crc)
            _append(file[name], np.frombuffer(tail, OPERATION if name == "operations" else file[name].dtype))
        for key, dataset in file["states"].items():
            for state in self._states:
                value = np.ascontiguousarray(state[key])
                crc = zlib.crc32(value.data if value.ndim else value.tobytes(), crc)
                _append(dataset, value[None])
        # The row of ``parts`` goes last: a part that it does not name yet is not there.
        file.flush()
        for name, tail in self._tails.items():
            self._ends[name] += len(tail) // self._items[name]
            self._tails[name] = bytearray()
        self._kept += len(self._states)
        self._states = []
        self._pending = 0
        self._written = time.monotonic()
        ends = tuple(self._ends[stream.name] for stream in STREAMS)
        _append(file["parts"], np.array([(*ends, self._kept, self._written - self._began, crc)], PART))
        file.flush()

    def _abandon(self) -> None:
        """Give the file up after an error, as far as its own closing allows."""
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except (OSError, RuntimeError):
                # The disk is still full. What was flushed is there, and that is all that can be kept.
                return


def _create(path: Path, controller: ControllerConfig, plant: PlantConfig, state: State) -> h5py.File:
    """Make a file with all datasets that it will ever have, as a file that others may read while it grows must."""
    file = h5py.File(path, "w", libver="latest", rdcc_nbytes=_CACHE)
    file.attrs["format"] = FORMAT
    file.attrs["format_version"] = VERSION
    file.attrs["created"] = datetime.now(UTC).isoformat(timespec="seconds")
    file.attrs["crosstwin_version"] = version("crosstwin")
    file.attrs["numpy_version"] = np.__version__
    file.attrs["controller"] = encode(controller)
    file.attrs["plant"] = encode(plant)
    for stream in STREAMS:
        dataset = file.create_dataset(
            stream.name, (0,), stream.dtype, chunks=(stream.chunk,), maxshape=(None,), compression=1, shuffle=True
        )
        dataset.attrs["description"] = stream.description
    states = file.create_group("states")
    states.attrs["description"] = "states of the plant: the initial one, then one for every RESTORE"
    for key, value in state.items():
        chunks = (1, *(1,) * max(value.ndim - 2, 0), *value.shape[-2:])
        states.create_dataset(
            key, (0, *value.shape), value.dtype, chunks=chunks, maxshape=(None, *value.shape), compression=1, shuffle=True
        )
    parts = file.create_dataset("parts", (0,), PART, chunks=(256,), maxshape=(None,))
    parts.attrs["description"] = "ends of all streams after every part"
    file.flush()
    file.swmr_mode = True
    return file


def _append(dataset: h5py.Dataset, values: NDArray[Any]) -> None:
    if len(values):
        end = len(dataset)
        dataset.resize(end + len(values), axis=0)
        dataset[end:] = values


def _unwritable(path: Path, error: Exception) -> CrosstwinError:
    reason = getattr(error, "errno", None)
    # HDF5 wraps the system's message in its own, without the error number.
    words = os.strerror(reason) if reason else next((part for part in str(error).split("'") if part[:1].isupper()), str(error))
    return CrosstwinError(f"the trace {path} cannot be written: {words}")
