"""Instructions with which threads of compiled code agree, on words of 64 bits at given addresses.

Every one of them is sequentially consistent: what a thread has written before, others see behind it.
"""

from __future__ import annotations

from typing import Any

from llvmlite import binding, ir
from numba.core import cgutils, types
from numba.extending import intrinsic, register_jitable

_LONG = ir.IntType(64)
_ORDER, _BYTES = "seq_cst", 8
#: LLVM's name of what tells a processor that a loop waits for another thread, and its argument; elsewhere nothing does.
_PAUSES = {"x86_64": ("llvm.x86.sse2.pause", []), "aarch64": ("llvm.aarch64.hint", [ir.Constant(ir.IntType(32), 1)])}
_PAUSE = _PAUSES.get(binding.get_process_triple().split("-")[0])


def _word(builder: Any, address: Any) -> Any:
    return builder.inttoptr(address, _LONG.as_pointer())


@intrinsic  # type: ignore[untyped-decorator]
def _load(typingctx: Any, address: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load_atomic(_word(builder, args[0]), _ORDER, _BYTES)

    return types.int64(types.int64), build


@intrinsic  # type: ignore[untyped-decorator]
def _store(typingctx: Any, address: Any, value: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store_atomic(args[1], _word(builder, args[0]), _ORDER, _BYTES)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), build


@intrinsic  # type: ignore[untyped-decorator]
def _add(typingctx: Any, address: Any, value: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.atomic_rmw("add", _word(builder, args[0]), args[1], _ORDER)

    return types.int64(types.int64, types.int64), build


@intrinsic  # type: ignore[untyped-decorator]
def _exchange(typingctx: Any, address: Any, value: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.atomic_rmw("xchg", _word(builder, args[0]), args[1], _ORDER)

    return types.int64(types.int64, types.int64), build


@intrinsic  # type: ignore[untyped-decorator]
def _replace(typingctx: Any, address: Any, expected: Any, value: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.extract_value(builder.cmpxchg(_word(builder, args[0]), args[1], args[2], _ORDER, _ORDER), 1)

    return types.boolean(types.int64, types.int64, types.int64), build


@intrinsic  # type: ignore[untyped-decorator]
def _pause(typingctx: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if _PAUSE is not None:
            name, values = _PAUSE
            kind = ir.FunctionType(ir.VoidType(), [value.type for value in values])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, name), values)
        return context.get_dummy_value()

    return types.void(), build


@intrinsic  # type: ignore[untyped-decorator]
def _call(typingctx: Any, function: Any, job: Any, part: Any, thread: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(_LONG, [_LONG] * 3)
        return builder.call(builder.inttoptr(args[0], kind.as_pointer()), args[1:])

    return types.int64(*[types.int64] * 4), build


# numba's disk cache compares a closure by its content, in which an intrinsic is new in each process; these it knows by name.
@register_jitable(forceinline=True)  # type: ignore[untyped-decorator]
def load(address: Any) -> Any:
    """Return a word."""
    return _load(address)


@register_jitable(forceinline=True)  # type: ignore[untyped-decorator]
def store(address: Any, value: Any) -> None:
    """Set a word."""
    _store(address, value)


@register_jitable(forceinline=True)  # type: ignore[untyped-decorator]
def add(address: Any, value: Any) -> Any:
    """Add to a word, and return what it was."""
    return _add(address, value)


@register_jitable(forceinline=True)  # type: ignore[untyped-decorator]
def exchange(address: Any, value: Any) -> Any:
    """Set a word, and return what it was."""
    return _exchange(address, value)


@register_jitable(forceinline=True)  # type: ignore[untyped-decorator]
def replace(address: Any, expected: Any, value: Any) -> Any:
    """Set a word if it is as expected, and return whether it was."""
    return _replace(address, expected, value)


@register_jitable(forceinline=True)  # type: ignore[untyped-decorator]
def pause() -> None:
    """Let the processor know that this thread waits."""
    _pause()


@register_jitable(forceinline=True)  # type: ignore[untyped-decorator]
def call_part(function: Any, job: Any, part: Any, thread: Any) -> Any:
    """Call a compiled function of three numbers, int64(int64, int64, int64), at an address, and return its result."""
    return _call(function, job, part, thread)
