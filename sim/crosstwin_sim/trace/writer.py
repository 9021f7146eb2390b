"""Writes a trace as it grows, part by part, so that whatever ends the recording leaves all whole parts readable."""

from __future__ import annotations

import os
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from crosstwin_model.config import ControllerConfig
from crosstwin_model.plant import PlantConfig
from crosstwin_sim.errors import CrosstwinError

from .format import RECORD, STREAMS, Kind, part_start
from .growing import GrowingFile, Packed, SealedPart, State, pack_part, sentence
from .reader import Trace

#: A part is written when its operations take so many bytes, or so many seconds after the last.
PART_BYTES, PART_SECONDS = 4 << 20, 5.0


class Writer:
    """The file of a trace under way.

    A part that is complete is compressed by a thread of its own, while the next one is gathered.

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
        # Pieces are joined by the other thread; one buffer that grows would cost more than all else here.
        self._pieces: dict[str, list[bytes]] = {stream.name: [] for stream in STREAMS}
        self._items = {stream.name: stream.dtype.itemsize for stream in STREAMS}
        self._starts = dict.fromkeys(self._pieces, 0)
        self._nexts = dict(self._starts)
        self._states: list[State] = []
        self._count = self._kept = self._pending = 0
        self._began = self._sealed = time.monotonic()
        try:
            self._file: GrowingFile | None = GrowingFile(self.path, controller, plant, state)
        except OSError as error:
            raise CrosstwinError(sentence(self.path, error)) from None
        self._packer = ThreadPoolExecutor(1, "trace")
        self._job: Future[Packed] | None = None
        self.add_state(state)
        try:
            self.flush()
        except CrosstwinError:
            self.path.unlink(missing_ok=True)  # without the first state nothing can be replayed
            raise

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
        record = RECORD.pack(kind, tile, up, forward, differential, gain, opcode, width, gap, size, data, codes)
        self.add("operations", record)
        if self._pending > PART_BYTES or time.monotonic() - self._sealed > PART_SECONDS:
            self._seal()
        elif self._job is not None and self._job.done():
            self._write()

    def add(self, stream: str, content: bytes) -> int:
        """Add elements to a stream and return the number of the first."""
        self._pieces[stream].append(content)
        self._pending += len(content)
        first = self._nexts[stream]
        self._nexts[stream] = first + len(content) // self._items[stream]
        return first

    def add_state(self, state: State) -> int:
        """Add a state of the plant and return its number."""
        self._states.append(state)
        self._kept += 1
        return self._kept - 1

    def flush(self) -> None:
        """Bring everything into the file, and give it to the operating system."""
        self._seal()
        self._write()

    def close(self) -> None:
        """Bring everything into the file and close it; nothing can be added afterwards."""
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
            raise CrosstwinError(sentence(Path(path), error)) from None
        finally:
            part.unlink(missing_ok=True)
        writer.path = Path(path)
        writer.operation(Kind.RESTORE, size=writer.add_state(state))
        writer.flush()
        return writer

    def _copy(self, old: Trace) -> None:
        parts = old.parts()
        next(parts)  # the initial state alone
        for part in parts:
            for name, content in part.content().items():
                self.add(name, content)
            self._states += part.states
            self._pending += len(part.operations)
            self.flush()

    def _seal(self) -> None:
        """Hand what was gathered over to be compressed, once the part before it is written."""
        self._write()
        self._sealed = time.monotonic()
        if self._file is None or not (self._pending or self._states):
            return
        self._count += self._nexts["operations"] - self._starts["operations"]
        seconds = self._sealed - self._began
        part = SealedPart(self._pieces, self._starts, self._nexts, self._states, self._count, self._kept, seconds)
        self._pieces = {stream.name: [] for stream in STREAMS}
        self._starts = {stream.name: part_start(stream, part.ends[stream.name]) for stream in STREAMS}
        self._nexts = dict(self._starts)
        self._states = []
        self._pending = 0
        self._job = self._packer.submit(pack_part, part)

    def _write(self) -> None:
        """Write the part that was compressed last, if there is one."""
        job, self._job = self._job, None
        if job is None or self._file is None:
            return
        try:
            self._file.write(job.result())
        except OSError as error:
            self._end()
            raise CrosstwinError(sentence(self.path, error)) from None

    def _end(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
            self._packer.shutdown()
