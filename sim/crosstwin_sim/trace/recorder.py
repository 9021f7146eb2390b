"""Records what a back end does to the plant: a stand-in for the plant, and one for the back end that adds the commands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from crosstwin_model.coincidence import pack
from crosstwin_model.config import ControllerConfig
from crosstwin_model.numbers import real_array, whole_array
from crosstwin_model.plant import Plant
from crosstwin_model.registers import register_map
from crosstwin_model.trains import group_trains, slot_trains, update_trains
from crosstwin_sim.backend import Backend
from crosstwin_sim.backend import Words as BusWords

from .format import Kind
from .writer import Writer

#: What a plant can be asked without changing it.
OBSERVERS = frozenset(
    ("controller", "config", "ages", "delays", "conductance", "weights", "half_selects", "bounds", "resting_points", "digest")
)

#: Methods that change the plant and take nothing but numbers and words: kept by name, with their arguments as JSON.
CALLS = frozenset(("elapse",))

#: What gives others the cells themselves, and so is refused: a DirectCrossbar's pulses and reads cannot be recorded.
CELLS = frozenset(("tile", "pulse_plan"))


class Recorder:
    """Records a plant to a trace, from now until it is closed.

    Give :attr:`plant` to a back end in place of the plant itself, and :meth:`watch` the back end if its commands are to be
    recorded too. What is done to the plant behind the recorder's back is not recorded, and a replay then differs.

    Parameters
    ----------
    path : str or Path
        The trace, an HDF5 file; one that is there is replaced.
    plant : Plant
        The array.
    append : bool
        Go on with the trace that is there, of the same configurations.

    Attributes
    ----------
    plant : Plant
        The array, recorded.

    Raises
    ------
    CrosstwinError
        If the file cannot be written; with ``append`` also if it is no trace of these configurations.
    """

    def __init__(self, path: str | Path, plant: Plant, *, append: bool = False) -> None:
        make = Writer.go_on if append else Writer
        self._inner = plant
        self._writer = make(path, plant.controller, plant.config, plant.state())
        # It offers all that a plant does; what it stands for cannot be its base class, which would have a state of its own.
        self.plant = cast(Plant, _RecordedPlant(plant, self._writer))

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def watch(self, backend: Backend) -> Backend:
        """Return a stand-in for a back end that also records its commands, with the pulses' width and gap."""
        return _RecordedBackend(backend, self._writer)

    def flush(self) -> None:
        """Bring everything recorded so far into the file."""
        self._writer.flush()

    def close(self) -> None:
        """Record the SHA-256 of all conductances and close the file.

        Raises
        ------
        CrosstwinError
            If the file cannot be written.
        """
        digest = self._inner.digest().encode()
        self._writer.operation(Kind.DIGEST, size=len(digest), data=self._writer.add("text", digest))
        self._writer.close()


class _RecordedPlant:
    """A plant whose changes and reads are recorded once they have happened."""

    def __init__(self, inner: Plant, writer: Writer) -> None:
        self._inner = inner
        self._writer = writer
        self._lines = (inner.controller.rows, inner.controller.columns)
        self.delays = inner.delays  # asked at every read, and so without a detour

    def __getattr__(self, name: str) -> Any:
        if name in OBSERVERS:
            return getattr(self._inner, name)
        if name in CALLS:
            return lambda *arguments: self._call(name, arguments)
        if name in CELLS:
            raise ValueError("a recorded plant does not give its cells to a DirectCrossbar; a Crossbar drives it")
        raise AttributeError(f"a recorded plant has no {name!r}")

    def pulse(self, tile: int, up: bool, row_words: npt.ArrayLike, column_words: npt.ArrayLike) -> None:
        rows, columns = group_trains(self._lines, row_words, column_words)
        self._inner.pulse(tile, up, rows, columns)
        data = self._writer.add("words", rows.tobytes() + columns.tobytes())
        self._writer.operation(Kind.PULSE, tile, up=up, size=rows.shape[1], data=data)

    def update(
        self, tile: int, x_signs: npt.ArrayLike, d_signs: npt.ArrayLike, row_words: npt.ArrayLike, column_words: npt.ArrayLike
    ) -> None:
        x, d, rows, columns = update_trains(self._lines, x_signs, d_signs, row_words, column_words)
        self._inner.update(tile, x, d, rows, columns)
        signs = x.tobytes() + d.tobytes()
        data = self._writer.add("words", signs + bytes(-len(signs) % 8) + rows.tobytes() + columns.tobytes())
        self._writer.operation(Kind.UPDATE, tile, gain=rows.shape[0], size=rows.shape[2], data=data)

    def pulse_slots(self, tile: int, up: npt.ArrayLike, row_masks: npt.ArrayLike, column_masks: npt.ArrayLike) -> None:
        directions, rows, columns = slot_trains(self._lines, up, row_masks, column_masks)
        self._inner.pulse_slots(tile, directions, rows, columns)
        data = self._writer.add("words", pack(directions).tobytes() + rows.tobytes() + columns.tobytes())
        self._writer.operation(Kind.SLOTS, tile, size=directions.size, data=data)

    def read(
        self, tile: int, differential: bool, forward: bool, charge: npt.ArrayLike, gain: int, count: int
    ) -> npt.NDArray[np.int32]:
        charge = whole_array("charge", charge, (self._lines[0] if forward else self._lines[1],), np.int32)
        codes = self._inner.read(tile, differential, forward, charge, gain, count)
        self._writer.operation(
            Kind.READ,
            tile,
            forward=forward,
            differential=differential,
            gain=gain,
            size=count,
            data=self._writer.add("charges", charge.tobytes()),
            codes=self._writer.add("codes", codes.astype("<i2").tobytes()),
        )
        return codes

    def set_conductance(self, tile: int, values: npt.ArrayLike) -> None:
        array = real_array("values", values, self._lines)
        self._inner.set_conductance(tile, array)
        data = self._writer.add("values", array.astype("<f8").tobytes())
        self._writer.operation(Kind.SET, tile, data=data)

    def state(self) -> dict[str, npt.NDArray[Any]]:
        # Whoever keeps the state for later must find the trace whole up to here.
        self._writer.flush()
        return self._inner.state()

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        self._inner.restore(state)
        self._writer.operation(Kind.RESTORE, size=self._writer.add_state(self._inner.state()))

    def _call(self, name: str, arguments: tuple[Any, ...]) -> Any:
        result = getattr(self._inner, name)(*arguments)
        text = json.dumps([name, *arguments]).encode()
        self._writer.operation(Kind.CALL, size=len(text), data=self._writer.add("text", text))
        return result


class _RecordedBackend:
    """A back end whose commands are recorded before it begins them."""

    def __init__(self, inner: Backend, writer: Writer) -> None:
        self._inner = inner
        self._writer = writer
        registers = register_map(inner.config)
        self._command = registers["COMMAND"].offset
        self._pulse = registers["PULSE"].offset
        self._timing = self._reset_timing = registers["PULSE"].reset

    @property
    def config(self) -> ControllerConfig:
        return self._inner.config

    @property
    def plant(self) -> Plant | None:
        return self._inner.plant

    def read(self, address: int) -> int:
        return self._inner.read(address)

    def write(self, address: int, value: int) -> None:
        if address == self._command:
            width, gap = self._timing & 0xFFFF, self._timing >> 16
            self._writer.operation(Kind.COMMAND, value >> 8 & 15, opcode=value & 15, width=width, gap=gap)
        self._inner.write(address, value)
        if address == self._pulse:
            self._timing = value

    def read_block(self, address: int, words: int) -> BusWords:
        return self._inner.read_block(address, words)

    def write_block(self, address: int, values: npt.ArrayLike) -> None:
        words = whole_array("values", values, None, np.uint32).reshape(-1)
        self._inner.write_block(address, words)
        if address <= self._pulse < address + 4 * words.size:
            self._timing = int(words[(self._pulse - address) // 4])

    def wait(self) -> None:
        self._inner.wait()

    def reset(self) -> None:
        self._inner.reset()
        self._timing = self._reset_timing

    def close(self) -> None:
        self._inner.close()
