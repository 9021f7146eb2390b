"""Reads a trace part by part, up to the last whole one."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from crosstwin_model.coincidence import Words, transpose, unpack, words_for
from crosstwin_model.config import ControllerConfig
from crosstwin_model.plant import PlantConfig
from crosstwin_sim.differences import differences
from crosstwin_sim.errors import CrosstwinError

from .format import (
    FORMAT,
    OPERATION,
    PART,
    QUADRANTS,
    STREAMS,
    VERSION,
    Kind,
    decode_controller,
    decode_plant,
    encode,
    head_crc,
    part_start,
)
from .recover import open_whole

#: What a damaged file makes h5py and numpy raise, wherever it is read.
_DAMAGED = (OSError, RuntimeError, ValueError, KeyError, IndexError, TypeError, OverflowError, MemoryError)
_DAMAGE = "a part of it is damaged"


@dataclass(frozen=True)
class Slots:
    """Slots in which at least one line fires: bool[slots] up, uint64[slots, words] masks of the rows and of the columns."""

    up: NDArray[np.bool_]
    rows: Words
    columns: Words


@dataclass(frozen=True)
class Part:
    """A run of whole operations with their data.

    Parameters
    ----------
    controller : ControllerConfig
        Gives the sizes of all data.
    first : int
        Number of the part's first operation in the trace.
    streams : dict of arrays
        What the part adds to every stream of :data:`crosstwin_sim.trace.format.STREAMS`.
    starts : dict of int
        Number of the first element of each in its stream.
    states : list of states
        States that the part adds, and the number of the first in ``first_state``.
    """

    controller: ControllerConfig
    first: int
    streams: dict[str, NDArray[Any]]
    starts: dict[str, int]
    states: list[dict[str, NDArray[Any]]]
    first_state: int

    @property
    def operations(self) -> NDArray[Any]:
        """The operations' records."""
        return self.streams["operations"]

    def pulse_words(self, operation: Any) -> tuple[Words, Words]:
        """Return the line-major words of a PULSE, uint64[rows, size] and uint64[columns, size]."""
        size, rows = int(operation["size"]), self.controller.rows
        words = self._take("words", operation["data"], (rows + self.controller.columns) * size).reshape(-1, size)
        return words[:rows], words[rows:]

    def update(self, operation: Any) -> tuple[NDArray[np.int8], NDArray[np.int8], Words, Words]:
        """Return the arguments of :meth:`crosstwin_model.plant.Plant.update`: signs of x and d, words of rows and columns."""
        sides, size = int(operation["gain"]), int(operation["size"])
        rows, lines = self.controller.rows, self.controller.rows + self.controller.columns
        signs = -(-lines // 8)
        words = self._take("words", operation["data"], signs + sides * lines * size)
        codes, rest = words[:signs].view(np.int8), words[signs:]
        row_words = rest[: sides * rows * size].reshape(sides, rows, size)
        return codes[:rows].copy(), codes[rows:lines].copy(), row_words, rest[row_words.size :].reshape(sides, -1, size)

    def slot_masks(self, operation: Any) -> tuple[NDArray[np.bool_], Words, Words]:
        """Return the directions and slot-major masks of SLOTS: bool[size], uint64[size, words] for rows and for columns."""
        size, row_words = int(operation["size"]), words_for(self.controller.rows)
        column_words, up_words = words_for(self.controller.columns), words_for(size)
        words = self._take("words", operation["data"], up_words + size * (row_words + column_words))
        up, rest = unpack(words[:up_words], size), words[up_words:]
        return up, rest[: size * row_words].reshape(size, -1), rest[size * row_words :].reshape(size, -1)

    def slots(self, operation: Any) -> Slots:
        """Return what fires in an operation that pulses, slot by slot, in one form."""
        if operation["kind"] == Kind.SLOTS:
            up, rows, columns = self.slot_masks(operation)
        else:
            size = 64 * int(operation["size"])
            groups = list(self._groups(operation))
            up = np.repeat([goes_up for goes_up, _, _ in groups], size)
            rows = np.concatenate([transpose(words, size) for _, words, _ in groups])
            columns = np.concatenate([transpose(words, size) for _, _, words in groups])
        fires = rows.any(axis=1) | columns.any(axis=1)
        return Slots(up[fires], rows[fires], columns[fires])

    def _groups(self, operation: Any) -> Iterator[tuple[bool, Words, Words]]:
        """Yield direction and line-major words of a PULSE, or of each quadrant of an UPDATE."""
        if operation["kind"] == Kind.PULSE:
            yield bool(operation["up"]), *self.pulse_words(operation)
            return
        x_signs, d_signs, row_words, column_words = self.update(operation)
        for x, d in QUADRANTS:
            rows, columns = x_signs == x, d_signs == d
            # A quadrant without lines on one side is skipped.
            rows, columns = rows & columns.any(), columns & rows.any()
            sets = row_words[-1 if d < 0 else 0], column_words[-1 if x < 0 else 0]
            yield x == d, sets[0] * rows[:, None], sets[1] * columns[:, None]

    def charges(self, operation: Any) -> NDArray[np.int32]:
        """Return the charges of a READ, int32[driven lines]."""
        driven = self.controller.rows if operation["forward"] else self.controller.columns
        return self._take("charges", operation["data"], driven)

    def codes(self, operation: Any) -> NDArray[np.int16]:
        """Return the ADC codes of a READ, int16[size]."""
        return self._take("codes", operation["codes"], int(operation["size"]))

    def values(self, operation: Any) -> NDArray[np.float64]:
        """Return the conductances of a SET, float64[rows, columns]."""
        shape = (self.controller.rows, self.controller.columns)
        return self._take("values", operation["data"], shape[0] * shape[1]).reshape(shape)

    def state(self, operation: Any) -> dict[str, NDArray[Any]]:
        """Return the state of a RESTORE."""
        return self.states[int(operation["size"]) - self.first_state]

    def text(self, operation: Any) -> str:
        """Return the text of a CALL or of a DIGEST."""
        return self._take("text", operation["data"], int(operation["size"])).tobytes().decode()

    def content(self) -> dict[str, bytes]:
        """Return the bytes of every stream."""
        return {name: values.tobytes() for name, values in self.streams.items()}

    def _take(self, stream: str, number: Any, count: int) -> NDArray[Any]:
        start = int(number) - self.starts[stream]
        return self.streams[stream][start : start + count]


class Trace:
    """A trace, opened for reading.

    Parameters
    ----------
    path : str or Path
        A file that :class:`crosstwin_sim.trace.Recorder` has written, or is writing.

    Attributes
    ----------
    controller, plant : ControllerConfig, PlantConfig
        What was recorded.
    attributes : dict of str
        ``created``, ``crosstwin_version`` and ``numpy_version``.
    states : dict of datasets
        States of the plant, [states, ...] each; the first is the initial one.
    cut : str or None
        Why the trace ends before its recording did, as a sentence. What is known of it grows with :meth:`parts`.

    Raises
    ------
    CrosstwinError
        If the file cannot be read, is no trace, or was written by a newer version.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.cut: str | None = None
        try:
            self._file, self._why = open_whole(self.path)
        except FileNotFoundError:
            raise CrosstwinError(f"there is no trace {path}") from None
        except IsADirectoryError:
            raise CrosstwinError(f"{path} is a folder; a trace is a file") from None
        except OSError as error:
            if error.errno is not None and error.strerror and not error.strerror.startswith("Unable to"):
                raise CrosstwinError(f"the trace {path} cannot be read: {error.strerror}") from None
            raise CrosstwinError(f"{path} is not a trace: it is no HDF5 file") from None
        try:
            self._read_head()
        except CrosstwinError:
            self.close()
            raise
        except _DAMAGED as error:
            self.close()
            if self._why is not None:
                raise CrosstwinError(f"the trace {path} is cut off before its first whole part: {self._why}") from None
            raise CrosstwinError(f"{path} is a damaged trace, or one that this version cannot read: {_words(error)}") from None

    def _read_head(self) -> None:
        attributes = self._file.attrs
        if attributes.get("format") != FORMAT:
            raise CrosstwinError(f"{self.path} is an HDF5 file, but not a trace of Crosstwin")
        found = int(attributes["format_version"])
        if found > VERSION:
            raise CrosstwinError(
                f"{self.path} has version {found} of the format, recorded by Crosstwin {attributes['crosstwin_version']}; "
                f"this Crosstwin reads versions up to {VERSION}"
            )
        # Traces that were recorded before there was such a checksum lack it.
        if "head_crc" in attributes and int(attributes["head_crc"]) != head_crc(dict(attributes)):
            raise CrosstwinError(f"the trace {self.path} is damaged: its head does not agree with its checksum")
        self.controller = decode_controller(attributes["controller"])
        self.plant = decode_plant(attributes["plant"])
        self.attributes = {key: str(attributes[key]) for key in ("created", "crosstwin_version", "numpy_version")}
        self.states: dict[str, h5py.Dataset] = dict(self._file["states"].items())
        if self._file["parts"].dtype != PART:
            raise CrosstwinError(f"{self.path} is not a trace that this version can read: its parts are described otherwise")
        # The first part holds the initial state alone, and is written before anything can happen.
        next(self.parts(), None)
        if self.cut is not None and not self._whole:
            raise CrosstwinError(f"the trace {self.path} is cut off before its first whole part: {self._why or _DAMAGE}")

    @property
    def length(self) -> int:
        """Operations that the file promises; if it is cut off, fewer are there."""
        try:
            return int(self._file["parts"][-1]["count"])
        except _DAMAGED:
            return 0

    def __enter__(self) -> Trace:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def require(self, controller: ControllerConfig, plant: PlantConfig | None = None) -> None:
        """Refuse a trace of another configuration; names of controllers and devices may differ.

        Raises
        ------
        CrosstwinError
            Naming the settings that differ.
        """
        pairs: dict[str, tuple[Any, Any]] = {"controller": (self.controller, controller)}
        if plant is not None:
            pairs["plant"] = (self.plant, plant)
        here, wanted = ({what: json.loads(encode(pair[side])) for what, pair in pairs.items()} for side in (0, 1))
        different = differences(here, wanted)
        if different:
            raise CrosstwinError(f"the trace {self.path} is of another configuration: {different}")

    def whole(self) -> int:
        """Look through all parts, so that :attr:`cut` is known, and return the number of operations in the whole ones."""
        return sum(len(part.operations) for part in self.parts())

    def parts(self) -> Iterator[Part]:
        """Yield the whole parts in order; at one that is missing or damaged, :attr:`cut` says so and the parts end."""
        self._whole = 0
        before = np.zeros((), PART)
        last = np.zeros(0, OPERATION)
        for number in range(len(self._file["parts"])):
            part: Part | None
            try:
                row = self._file["parts"][number]
                part = self._part(before, row)
            except _DAMAGED:
                part = None
            if part is None:
                self._say_cut(int(before["count"]))
                return
            self._whole = number + 1
            before = row
            last = part.operations[-1:] if len(part.operations) else last
            yield part
        if self._why is None and not (last["kind"] == Kind.DIGEST).any():
            self._why = "its recording was not ended"
        if self._why is not None:
            self._say_cut(int(before["count"]))

    def _say_cut(self, operations: int) -> None:
        reason = self._why or _DAMAGE
        self.cut = f"the trace {self.path} is cut off ({reason}): its first {operations} operations are whole"

    def _part(self, before: Any, row: Any) -> Part | None:
        streams, starts, crc = {}, {}, 0
        for stream in STREAMS:
            starts[stream.name] = part_start(stream, int(before[stream.name]))
            end = max(int(row[stream.name]), starts[stream.name])
            streams[stream.name] = self._file[stream.name][starts[stream.name] : end]
            crc = zlib.crc32(streams[stream.name].tobytes(), crc)
        first, last = int(before["states"]), int(row["states"])
        arrays = {key: dataset[first:last] for key, dataset in self.states.items()}
        for key in sorted(arrays):
            for value in arrays[key]:
                crc = zlib.crc32(value.tobytes(), crc)
        # The checksum is of what the part adds, not of its row.
        if crc != row["crc"] or int(row["count"]) != int(before["count"]) + len(streams["operations"]):
            return None
        states = [{key: values[index] for key, values in arrays.items()} for index in range(last - first)]
        return Part(self.controller, int(before["count"]), streams, starts, states, first)


def _words(error: Exception) -> str:
    """Return what to say of an error in the head: HDF5's own words, or what is missing."""
    if isinstance(error, KeyError) and error.args:
        return f"{error.args[0]}" if " " in str(error.args[0]) else f"there is no {error.args[0]}"
    return "its description is not whole" if isinstance(error, (TypeError, IndexError)) else str(error)
