"""The layout of a trace: its streams, the record of an operation, and configurations as JSON. docs/trace.md describes it.

A trace is one HDF5 file. Every stream is a one-dimensional dataset that grows part by part. A part begins with a new chunk in
every stream, so that no chunk is ever written twice, and ``parts`` says where it ends.
"""

from __future__ import annotations

import dataclasses
import json
import struct
import types
import typing
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import h5py
import numpy as np

from crosstwin_model.config import ControllerConfig
from crosstwin_model.devices import RULES, Device
from crosstwin_model.effects import effective
from crosstwin_model.plant import PlantConfig
from crosstwin_model.registers import Opcode

#: Attribute ``format`` of every trace, and the version of the layout that this code writes and reads.
FORMAT, VERSION = "crosstwin-trace", 1


class Kind(IntEnum):
    """What an operation of a trace is; NONE fills the last chunk of a part."""

    NONE = 0
    COMMAND = 1
    PULSE = 2
    SLOTS = 3
    READ = 4
    SET = 5
    RESTORE = 6
    CALL = 7
    DIGEST = 8
    UPDATE = 9


#: Kinds that pulse.
PULSING = (Kind.PULSE, Kind.UPDATE, Kind.SLOTS)

#: Signs of x and of d in the quadrants of an update, in their order; equal signs go up.
QUADRANTS = ((1, 1), (-1, -1), (1, -1), (-1, 1))


#: One operation; :data:`RECORD` packs the same bytes.
OPERATION = np.dtype(
    [
        ("kind", h5py.enum_dtype({kind.name: kind.value for kind in Kind}, basetype="u1")),
        ("tile", "u1"),
        ("up", "?"),
        ("forward", "?"),
        ("differential", "?"),
        ("gain", "u1"),
        ("opcode", h5py.enum_dtype({"NONE": 0} | {code.name: code.value for code in Opcode}, basetype="u1")),
        ("width", "<u2"),
        ("gap", "<u2"),
        ("size", "<u4"),
        ("data", "<u8"),
        ("codes", "<u8"),
    ]
)
RECORD = struct.Struct("<BB???BBHHIQQ")


@dataclass(frozen=True)
class Stream:
    """A dataset that grows: its name, its type, the elements of one chunk, and what it holds."""

    name: str
    dtype: Any
    chunk: int
    description: str


#: All streams but the states, in the order in which a part's checksum goes over them.
STREAMS = (
    Stream("operations", OPERATION, 2048, "one record an operation, in order"),
    Stream("words", np.dtype("<u8"), 8192, "lines that fire, 64 to a word"),
    Stream("charges", np.dtype("<i4"), 8192, "clock cycles at read level of every driven line of a read"),
    Stream("codes", np.dtype("<i2"), 8192, "ADC codes of reads"),
    Stream("values", np.dtype("<f8"), 1024, "conductances that were set, in weights"),
    Stream("text", np.dtype("u1"), 1024, "UTF-8: calls as JSON, digests in hexadecimal"),
)

#: One part: the ends of all streams after it, operations and states so far, seconds since the recording began, and the CRC-32 of
#: what it added.
PART = np.dtype(
    [(stream.name, "<u8") for stream in STREAMS] + [("count", "<u8"), ("states", "<u8"), ("seconds", "<f8"), ("crc", "<u4")]
)


def part_start(stream: Stream, end: int) -> int:
    """Return where a stream's next part begins, after one that ends at ``end``: with the next chunk."""
    return -(-end // stream.chunk) * stream.chunk


def head_crc(attributes: Mapping[str, Any]) -> int:
    """Return the CRC-32 of a trace's attributes, without that of this name: HDF5 has no checksum for them."""
    lines = (f"{key}={attributes[key]}\n" for key in sorted(attributes) if key != "head_crc")
    return zlib.crc32("".join(lines).encode(errors="surrogateescape"))


def encode(config: Any) -> str:
    """Return a configuration, a frozen dataclass, as JSON; a device also has the key ``rule``."""
    return json.dumps(_plain(config), indent=1)


def decode_controller(text: str) -> ControllerConfig:
    """Return what :func:`encode` was given.

    Raises
    ------
    ValueError, TypeError, KeyError
        If the text is not that of a controller's configuration that this version knows.
    """
    return typing.cast(ControllerConfig, _build(ControllerConfig, json.loads(text)))


def decode_plant(text: str) -> PlantConfig:
    """Return what :func:`encode` was given; raises as :func:`decode_controller`."""
    return typing.cast(PlantConfig, _build(PlantConfig, json.loads(text)))


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        rule = {"rule": value.rule} if isinstance(value, Device) else {}
        return rule | {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value) if field.init}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    return value


def _build(hint: Any, value: Any) -> Any:
    """Return the object of that type which a JSON value stands for."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType) and value is not None:
        (hint,) = (part for part in typing.get_args(hint) if part is not types.NoneType)
    if isinstance(value, list):
        parts = typing.get_args(hint)
        return tuple(_build(parts[0] if parts else None, item) for item in value)
    if not isinstance(value, dict):
        return value
    cls = RULES[value["rule"]] if hint is Device else hint
    hints = typing.get_type_hints(cls)
    values = {key: item for key, item in value.items() if key != "rule" or hint is not Device}
    if hasattr(cls, "needs"):  # earlier versions stored fields that have no effect
        values = effective(cls, values)
    return cls(**{key: _build(hints[key], item) for key, item in values.items()})
