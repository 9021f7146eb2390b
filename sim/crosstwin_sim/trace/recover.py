"""Opens HDF5 files that their writer never closed, or whose end is missing.

HDF5 itself refuses both: a file that was being written says so in its first block, which also says how long it should be. Here
that block is mended in a copy; what lies behind the end that is left then cannot be read, and all before it can.
"""

from __future__ import annotations

import os
import shutil
import struct
import tempfile
from pathlib import Path

import h5py

#: The first block, a superblock of version 3 with offsets of 8 bytes: where its flags, its end of file and its checksum are.
_SIGNATURE, _SIZE = b"\x89HDF\r\n\x1a\n\x03\x08", 48
_FLAGS, _END, _CHECKSUM = 11, 28, 44


def open_whole(path: Path) -> tuple[h5py.File, str | None]:
    """Open a file for reading, from a copy if it was never closed or is cut off.

    Returns
    -------
    file : h5py.File
        To be closed by the caller.
    why : str or None
        What is wrong with the file, as half a sentence; None if it is whole.

    Raises
    ------
    OSError
        If the file cannot be opened at all, or is no HDF5 file that this package could have written.
    """
    try:
        return h5py.File(path, "r"), None
    except OSError:
        with open(path, "rb") as source:
            head = bytearray(source.read(_SIZE))
            size = os.fstat(source.fileno()).st_size
        if not head.startswith(_SIGNATURE) or len(head) < _SIZE:
            raise
    promised = struct.unpack_from("<Q", head, _END)[0]
    why = f"{size} of {promised} bytes are there" if size < promised else "its recording was not ended"
    head[_FLAGS] = 0
    struct.pack_into("<Q", head, _END, size)
    struct.pack_into("<I", head, _CHECKSUM, lookup3(bytes(head[:_CHECKSUM])))
    with tempfile.TemporaryDirectory(prefix="crosstwin-") as folder:
        copy = Path(folder) / "trace.h5"
        shutil.copyfile(path, copy)
        with open(copy, "r+b") as file:
            file.write(head)
        # An open file outlives its name, so nothing is left behind whatever happens next.
        return h5py.File(copy, "r"), why


def lookup3(data: bytes) -> int:
    """Return Bob Jenkins' hash ``lookup3`` with initial value 0, which HDF5 uses as a checksum."""
    a = b = c = (0xDEADBEEF + len(data)) & 0xFFFFFFFF
    position = 0
    while len(data) - position > 12:
        x, y, z = struct.unpack_from("<III", data, position)
        a, b, c = _mix(a + x, b + y, c + z)
        position += 12
    x, y, z = struct.unpack("<III", data[position:].ljust(12, b"\0"))
    return _final(a + x, b + y, c + z)


def _turn(value: int, bits: int) -> int:
    value &= 0xFFFFFFFF
    return value << bits & 0xFFFFFFFF | value >> 32 - bits


def _mix(a: int, b: int, c: int) -> tuple[int, int, int]:
    for bits in (4, 6, 8, 16, 19, 4):
        a = (a - c & 0xFFFFFFFF) ^ _turn(c, bits)
        c += b
        a, b, c = b, c, a
    return a & 0xFFFFFFFF, b & 0xFFFFFFFF, c & 0xFFFFFFFF


def _final(a: int, b: int, c: int) -> int:
    for bits in (14, 11, 25, 16, 4, 14, 24):
        c = (c ^ b) - _turn(b, bits) & 0xFFFFFFFF
        a, b, c = b, c, a
    return b & 0xFFFFFFFF
