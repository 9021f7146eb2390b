"""The one place that says how kernels are compiled: cached on disk where that is possible, without fast-math.

Fast-math stays off because it would let the compiler reorder and fuse float operations, and the model promises their bits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numba

P = ParamSpec("P")
R = TypeVar("R")


def njit(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function with numba, keeping the result on disk if numba finds a place it may write to."""
    try:
        compiled: Callable[P, R] = numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # numba's word for "no locator": the package and the user's cache are both read-only
        compiled = numba.njit(nogil=True)(function)
    return compiled
