"""The one place that says how kernels are compiled: cached on disk where that is possible, without fast-math.

Fast-math stays off because it would let the compiler reorder and fuse float operations, and the model promises their bits.

numba's cache on disk notices a change of the file that a function is in, but not of the files whose functions are compiled into
it. A kernel that inlines others therefore takes :func:`source_version` in as a closure variable, which numba does compare.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numba

P = ParamSpec("P")
R = TypeVar("R")

_COMPILED_INTO_OTHERS = (
    "noise", "draws", "bits", "elementary", "memory", "atomics", "crew", "line_lists", "pulse_batch", "pulse_jobs", "dot",
    "read_jobs", "read_sums", "read_kernels", "lfsr", "firing", "engine",
)  # fmt: skip


def njit(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function with numba, keeping the result on disk if numba finds a place it may write to."""
    return _compile(function)


def njit_only(signature: Any, function: Callable[P, R]) -> Callable[P, R]:
    """Do the same at once and for arguments of these types only: a call with others raises TypeError."""
    return _compile(function, signature)


def njit_any_order(function: Callable[P, R]) -> Callable[P, R]:
    """Do the same for a function whose sums are exact, so that they may be added in any order and fused with products."""
    return _compile(function, fastmath={"reassoc", "contract"})


def native(signature: Any, function: Callable[..., Any]) -> Any:
    """Compile a function at once for callers that are compiled themselves and know its ``address``; keep what is returned."""
    try:
        return numba.cfunc(signature, cache=True)(function)
    except RuntimeError:  # as below
        return numba.cfunc(signature)(function)


def _compile(function: Callable[P, R], signature: Any = None, **options: Any) -> Callable[P, R]:
    try:
        compiled: Callable[P, R] = numba.njit(signature, cache=True, nogil=True, **options)(function)
    except RuntimeError:  # numba's word for "no locator": the package and the user's cache are both read-only
        compiled = numba.njit(signature, nogil=True, **options)(function)
    return compiled


def name_variant(function: Callable[P, R], *parts: object) -> Callable[P, R]:
    """Give a closure a name of its own before it is compiled.

    numba tells functions apart by their names and a number that each process counts anew. Two closures of one name, one of them
    from the cache on disk, may get the same symbol, and one is then called for the other.
    """
    function.__name__ += "_" + "_".join(str(part) for part in parts)
    function.__qualname__ = function.__name__
    return function


@cache
def source_version(*others: Path) -> str:
    """Return a digest of all sources whose functions are compiled into others', and of files that are given."""
    folder = Path(__file__).parent
    sources = [*others, *(folder / f"{name}.py" for name in _COMPILED_INTO_OTHERS), *sorted((folder / "devices").glob("*.py"))]
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()
