"""The HDF5 file of a trace under way: it grows by whole parts, each compressed beforehand into chunks of its own."""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from crosstwin_model.config import ControllerConfig
from crosstwin_model.plant import PlantConfig

from .format import FORMAT, PART, STREAMS, VERSION, Stream, encode, head_crc

State = Mapping[str, NDArray[Any]]

#: Level of the compression: the quickest.
_LEVEL = 1

#: Room on the disk for what HDF5 adds to a part's data.
_SLACK = 1 << 18


@dataclass(frozen=True)
class SealedPart:
    """A part that is complete.

    Parameters
    ----------
    pieces : dict of list of bytes
        What it adds to every stream.
    starts, ends : dict of int
        Where it begins and ends in each.
    states : list of states
        States that it adds.
    count, kept : int
        Operations and states in the trace, its own included.
    seconds : float
        When it was complete, since the recording began.
    """

    pieces: dict[str, list[bytes]]
    starts: dict[str, int]
    ends: dict[str, int]
    states: list[State]
    count: int
    kept: int
    seconds: float


@dataclass(frozen=True)
class Packed:
    """A part and the compressed chunks of every stream, with the CRC-32 of all that it adds."""

    part: SealedPart
    chunks: dict[str, list[bytes]]
    crc: int

    @property
    def size(self) -> int:
        """Bytes that it takes in the file, at most, less what HDF5 adds."""
        states = sum(np.asarray(value).nbytes for state in self.part.states for value in state.values())
        return states + sum(len(chunk) for chunks in self.chunks.values() for chunk in chunks)


def pack_part(part: SealedPart) -> Packed:
    """Compress a part; nothing in it may change any more, and no HDF5 is touched."""
    crc = 0
    chunks = {}
    for stream in STREAMS:
        content = b"".join(part.pieces[stream.name])
        crc = zlib.crc32(content, crc)
        length = stream.chunk * stream.dtype.itemsize
        chunks[stream.name] = [_pack_chunk(content[place : place + length], stream) for place in range(0, len(content), length)]
    for key in sorted(part.states[0]) if part.states else ():
        for state in part.states:
            crc = zlib.crc32(np.asarray(state[key]).tobytes(), crc)
    return Packed(part, chunks, crc)


def _pack_chunk(content: bytes, stream: Stream) -> bytes:
    """Return a chunk as HDF5's filters shuffle and deflate leave it; what is missing at its end is 0."""
    size = stream.dtype.itemsize
    whole = np.zeros(stream.chunk * size, np.uint8)
    whole[: len(content)] = np.frombuffer(content, np.uint8)
    return zlib.compress(np.ascontiguousarray(whole.reshape(-1, size).T).data, _LEVEL)


class GrowingFile:
    """An HDF5 file with all datasets that it will ever have, as a file that others may read while it grows must.

    Parameters
    ----------
    path : Path
        The file; one that is there is replaced.
    controller, plant : ControllerConfig, PlantConfig
        What is recorded.
    state : mapping of arrays
        What the states of the plant are like.

    Raises
    ------
    OSError
        If the file cannot be made; none is left then.
    """

    def __init__(self, path: Path, controller: ControllerConfig, plant: PlantConfig, state: State) -> None:
        self._file = h5py.File(path, "w", libver="latest")
        try:
            self._reserve(0)
            self._lay_out(controller, plant, state)
        except BaseException:
            self._file.close()
            path.unlink()
            raise

    def _lay_out(self, controller: ControllerConfig, plant: PlantConfig, state: State) -> None:
        """Write the head, and make all datasets."""
        file = self._file
        file.attrs["format"] = FORMAT
        file.attrs["format_version"] = VERSION
        file.attrs["created"] = datetime.now(UTC).isoformat(timespec="seconds")
        file.attrs["crosstwin_version"] = version("crosstwin")
        file.attrs["numpy_version"] = np.__version__
        file.attrs["controller"] = encode(controller)
        file.attrs["plant"] = encode(plant)
        file.attrs["head_crc"] = head_crc(dict(file.attrs))
        packed: dict[str, Any] = {"compression": "gzip", "compression_opts": _LEVEL, "shuffle": True}
        self._streams = {
            stream.name: file.create_dataset(stream.name, (0,), stream.dtype, chunks=(stream.chunk,), maxshape=(None,), **packed)
            for stream in STREAMS
        }
        for stream in STREAMS:
            self._streams[stream.name].attrs["description"] = stream.description
        group = file.create_group("states")
        group.attrs["description"] = "states of the plant: the initial one, then one for every RESTORE"
        self._states = {}
        for key, value in state.items():
            chunks = (1, *(1,) * max(value.ndim - 2, 0), *value.shape[-2:])
            shape = (None, *value.shape)
            self._states[key] = group.create_dataset(key, (0, *value.shape), value.dtype, chunks=chunks, maxshape=shape, **packed)
        self._parts = file.create_dataset("parts", (0,), PART, chunks=(32,), maxshape=(None,))
        self._parts.attrs["description"] = "ends of all streams after every part"
        file.flush()
        file.swmr_mode = True

    def write(self, packed: Packed) -> None:
        """Write a part and give it to the operating system.

        Raises
        ------
        OSError
            If the disk is full; the file then is as it was.
        """
        self._reserve(packed.size)
        part = packed.part
        for stream in STREAMS:
            dataset, start = self._streams[stream.name], part.starts[stream.name]
            if packed.chunks[stream.name]:
                dataset.resize((part.ends[stream.name],))
            for number, chunk in enumerate(packed.chunks[stream.name]):
                dataset.id.write_direct_chunk((start + number * stream.chunk,), chunk)
        for key, dataset in self._states.items():
            for state in part.states:
                _append(dataset, state[key])
        # The row of ``parts`` goes last: a part that it does not name yet is not there.
        self._file.flush()
        ends = (part.ends[stream.name] for stream in STREAMS)
        _append(self._parts, np.array((*ends, part.count, part.kept, part.seconds, packed.crc), PART))
        self._file.flush()
        self._trim()

    def close(self) -> None:
        """Close the file."""
        self._trim()
        self._file.close()

    def _reserve(self, size: int) -> None:
        """Make sure that the disk has room for so much more, before HDF5 begins to write it.

        HDF5 can neither go on with nor close a file after a write that failed.
        """
        os.posix_fallocate(self._file.id.get_vfd_handle(), self._file.id.get_filesize(), size + _SLACK)

    def _trim(self) -> None:
        """Give back the room that was not needed."""
        os.ftruncate(self._file.id.get_vfd_handle(), self._file.id.get_filesize())


def _append(dataset: h5py.Dataset, value: Any) -> None:
    end = len(dataset)
    dataset.resize(end + 1, axis=0)
    dataset[end] = value


def sentence(path: Path, error: OSError) -> str:
    """Return what to say of a trace that cannot be written."""
    # HDF5 wraps the system's error in a message of its own.
    number = re.search(r"errno = (\d+)", str(error))
    words = os.strerror(int(number[1])) if number else error.strerror or str(error)
    return f"the trace {path} cannot be written: {words}"
