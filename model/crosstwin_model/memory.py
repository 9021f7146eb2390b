"""Memory of compiled loops: arrays that do not count references.

Each view of an array that numba makes counts references in the array's owner, twice, in an atomic operation of some 5 ns: at
small sizes that is a good part of a kernel. A borrowed array has no owner, and neither have views of it.
"""

from __future__ import annotations

import contextlib
import mmap
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import carray
from numba.core import cgutils, types
from numba.extending import intrinsic, register_jitable

#: Bytes in a line of the cache, and in a large page of memory.
_LINE, _LARGE_PAGE = 64, 1 << 21


@intrinsic  # type: ignore[untyped-decorator]
def _borrow(typingctx: Any, array: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = context.make_array(signature.return_type)
        there, borrowed = kind(context, builder, args[0]), kind(context, builder)
        cgutils.copy_struct(borrowed, there)
        for owner in ("meminfo", "parent"):
            setattr(borrowed, owner, cgutils.get_null_value(getattr(there, owner).type))
        return borrowed._getvalue()

    return array(array), build


@intrinsic  # type: ignore[untyped-decorator]
def _hold(typingctx: Any, array: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.get_dummy_value()

    return types.void(array), build


# numba's disk cache compares a closure by its content, in which an intrinsic is new in each process; these it knows by name.
@register_jitable(forceinline=True)  # type: ignore[untyped-decorator]
def borrow(array: Any) -> Any:
    """Return the array without its owner: whoever calls must keep that alive, and in compiled code :func:`hold` it behind."""
    return _borrow(array)


@register_jitable(forceinline=True)  # type: ignore[untyped-decorator]
def hold(array: Any) -> None:
    """Keep an array's memory to this point: numba frees it behind the last line that names it."""
    _hold(array)


@intrinsic  # type: ignore[untyped-decorator]
def _pointer(typingctx: Any, address: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], cgutils.voidptr_t)

    return types.voidptr(types.int64), build


def aligned_zeros(size: int, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Return that many zeros, flat, that begin with a line of the cache: vectors of 64 bytes then never lie across two.

    From the size of a large page on they are in large pages where the system has them (Linux), which saves looking up addresses.
    """
    item = np.dtype(dtype).itemsize
    page = _LINE
    if size * item >= _LARGE_PAGE and hasattr(mmap, "MADV_HUGEPAGE"):
        memory, page = _large_pages(size * item).view(dtype), _LARGE_PAGE
    else:
        memory = np.zeros(size + _LINE // item, dtype)
    first = -memory.ctypes.data % page // item
    return memory[first : first + size]


def _large_pages(size: int) -> npt.NDArray[np.uint8]:
    """Return zeros, uint8, with room for ``size`` of them from the first large page on."""
    pages = mmap.mmap(-1, (size // _LARGE_PAGE + 2) * _LARGE_PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with contextlib.suppress(OSError):  # of a system that was built without them
        pages.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(pages, np.uint8)


def addresses(*arrays: npt.NDArray[Any]) -> list[int]:
    """Return where contiguous arrays are, and how many elements each has, [2 * arrays]: in an int64 array one argument for many.

    To hand an array to compiled code takes 50 to 100 ns. Whoever hands over addresses must keep the arrays.
    """
    for array in arrays:
        assert array.flags.c_contiguous
    return [number for array in arrays for number in (array.ctypes.data, array.size)]


@register_jitable(forceinline=True)  # type: ignore[untyped-decorator]
def words_at(address: Any, size: Any, dtype: Any) -> Any:
    """Return the array of that many elements at an address, flat and borrowed."""
    return carray(_pointer(address), (size,), dtype)


@register_jitable(forceinline=True)  # type: ignore[untyped-decorator]
def array_at(places: Any, which: Any, dtype: Any) -> Any:
    """Return an array of :func:`addresses`, flat and borrowed."""
    return words_at(places[2 * which], places[2 * which + 1], dtype)
