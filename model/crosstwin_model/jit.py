"""The one place that says how kernels are compiled: cached on disk where that is possible, without fast-math.

Fast-math stays off because it would let the compiler reorder and fuse float operations, and the model promises their bits.

numba's cache on disk notices a change of the file that a function is in, but not of the files whose functions and constants are
compiled into it. It does compare the variables that a function takes in from the one around it: here every function gets one
more of them, a digest of this package and of its own folder, beyond which no kernel may take anything.
"""

from __future__ import annotations

import hashlib
import types
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numba

from crosstwin_model.first_use import announce_compilation

P = ParamSpec("P")
R = TypeVar("R")

_FOLDER = Path(__file__).parent

announce_compilation()


def njit(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function with numba, keeping the result on disk if numba finds a place it may write to."""
    return _compile(function)


def njit_only(signature: Any) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Do the same at once and for arguments of these types only: a call with others raises TypeError."""
    return lambda function: _compile(function, signature)


def njit_any_order(function: Callable[P, R]) -> Callable[P, R]:
    """Do the same for a function whose sums are exact, so that they may be added in any order and fused with products."""
    return _compile(function, fastmath={"reassoc", "contract"})


def native(signature: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function at once for callers that are compiled themselves and know its ``address``; keep what is returned."""

    def compile_native(function: Callable[..., Any]) -> Any:
        try:
            return numba.cfunc(signature, cache=True)(_dated(function))
        except RuntimeError:  # as below
            return numba.cfunc(signature)(function)

    return compile_native


def name_variant(function: Callable[P, R], *parts: object) -> Callable[P, R]:
    """Give a closure a name of its own before it is compiled.

    numba tells functions apart by their names and a number that each process counts anew. Two closures of one name, one of them
    from the cache on disk, may get the same symbol, and one is then called for the other.
    """
    function.__name__ += "_" + "_".join(str(part) for part in parts)
    function.__qualname__ = function.__name__
    return function


def _compile(function: Callable[P, R], signature: Any = None, **options: Any) -> Callable[P, R]:
    try:
        compiled: Callable[P, R] = numba.njit(signature, cache=True, nogil=True, **options)(_dated(function))
    except RuntimeError:  # numba's word for "no locator": the package and the user's cache are both read-only
        return numba.njit(signature, nogil=True, **options)(function)  # type: ignore[no-any-return]
    compiled.py_func = function  # type: ignore[attr-defined]  # which Python can run
    return compiled


def _dated(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with the digest of its sources as a closure variable, for numba's cache; Python must not run it."""
    if numba.config.DISABLE_JIT:
        return function
    code = function.__code__
    cells = (*(function.__closure__ or ()), types.CellType(_sources(Path(code.co_filename).parent)))
    dated = types.FunctionType(
        code.replace(co_freevars=(*code.co_freevars, "sources")),
        function.__globals__,
        function.__name__,
        function.__defaults__,
        cells,
    )
    dated.__module__, dated.__qualname__, dated.__doc__ = function.__module__, function.__qualname__, function.__doc__
    dated.__annotations__, dated.__kwdefaults__ = function.__annotations__, function.__kwdefaults__
    return dated


@cache
def _sources(folder: Path) -> str:
    """Return a digest of this package's sources, and of those in a folder."""
    sources = sorted(path for path in {*_FOLDER.rglob("*.py"), *folder.glob("*.py")} if path.is_file())
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()
