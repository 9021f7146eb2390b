"""Sums of products in whole numbers, by the vector instruction for them, where the processor has it.

AVX512-VNNI's vpdpwssd adds two products of 16-bit numbers to each of 16 sums of 32 bits. LLVM does not find it in plain loops. A
whole number w of 32 bits is the pair of its halves, w = 65536 h + l + 32768 with h and l of 16 bits with a sign, l what is left
of w's lower half when its highest bit is turned. With a pair (u, 0), or (0, u), a cell is added to the sum of all u l, or of all
u h.
"""

from __future__ import annotations

from typing import Any

from llvmlite import binding, ir
from numba.core import cgutils, config, types
from numba.extending import intrinsic

#: Whether numba compiles for this processor, and it has the instruction; only then may the functions below be compiled.
HAS_DOT = not (config.CPU_NAME or config.CPU_FEATURES) and bool(binding.get_host_cpu_features().get("avx512vnni", False))
#: Sums side by side, and lines that are added at once: more of them are no faster, and slower at large sizes.
SUMS, LINES = 16, 4
#: Largest sum of sizes of u for which no sum of 32 bits overflows.
LARGEST_SUM = 65535

_LONG, _WORD = ir.IntType(64), ir.IntType(32)
_VECTOR = ir.VectorType(_WORD, SUMS)
_ZERO = ir.Constant(_VECTOR, [0] * SUMS)
_TURNED = ir.Constant(_VECTOR, [0x8000] * SUMS)


@intrinsic  # type: ignore[untyped-decorator]
def add_lines(typingctx: Any, w: Any, lines: Any, units: Any, first: Any, width: Any, low: Any, high: Any, end: Any) -> Any:
    """Add LINES lines: to low[j] the sum of u l, to high[j] that of u h, over w = w[lines[k] * width + j] and u = units[k].

    k is first to first + LINES - 1 and j below ``end``, a multiple of SUMS. Arrays are flat, ``lines`` uint64, others int32.
    """

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        w, lines, units, low, high = (_data(context, builder, signature, args, k) for k in (0, 1, 2, 5, 6))
        first, width, end = args[3], args[4], args[7]
        starts, pairs = [], []
        for k in range(LINES):
            number = builder.add(first, _LONG(k))
            starts.append(builder.gep(w, [builder.mul(builder.load(builder.gep(lines, [number])), width)]))
            unit = builder.load(builder.gep(units, [number]))
            pairs.append([_all(builder, half) for half in (builder.and_(unit, _WORD(0xFFFF)), builder.shl(unit, _WORD(16)))])
        with cgutils.for_range_slice(builder, _LONG(0), end, _LONG(SUMS), _LONG) as (j, _):
            places = [_vector(builder, data, j) for data in (low, high)]
            sums = [builder.load(place, align=4) for place in places]
            for start, pair in zip(starts, pairs, strict=True):
                halves = builder.xor(builder.load(_vector(builder, start, j), align=4), _TURNED)
                sums = [_dot(builder, total, halves, unit) for total, unit in zip(sums, pair, strict=True)]
            for place, total in zip(places, sums, strict=True):
                builder.store(total, place, align=4)
        return context.get_dummy_value()

    long = types.int64
    return types.void(w, lines, units, long, long, low, high, long), build


@intrinsic  # type: ignore[untyped-decorator]
def sum_lines(
    typingctx: Any, w: Any, place: Any, width: Any, low: Any, high: Any, begin: Any, end: Any, sums: Any, first: Any, pitch: Any
) -> Any:
    """Give the sums along LINES lines (k): sums[first + k] is that of u l, sums[pitch + first + k] that of u h.

    They are over w = w[place + k width + j] for j from begin to end - 1, which are a multiple of SUMS apart; low[j] is the pair
    (u, 0) and high[j] the pair (0, u), their first number the lower half. Arrays are flat int32.
    """

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        w, low, high, target = (_data(context, builder, signature, args, k) for k in (0, 3, 4, 7))
        (place, width), (begin, end), (first, pitch) = args[1:3], args[5:7], args[8:10]
        starts = [builder.gep(w, [builder.add(place, builder.mul(width, _LONG(k)))]) for k in range(LINES)]
        totals = [[cgutils.alloca_once_value(builder, _ZERO) for _ in range(LINES)] for _ in range(2)]
        for total in (*totals[0], *totals[1]):
            builder.store(_ZERO, total)
        with cgutils.for_range_slice(builder, begin, end, _LONG(SUMS), _LONG) as (j, _):
            units = [builder.load(_vector(builder, data, j), align=4) for data in (low, high)]
            for k, start in enumerate(starts):
                halves = builder.xor(builder.load(_vector(builder, start, j), align=4), _TURNED)
                for half, unit in enumerate(units):
                    builder.store(_dot(builder, builder.load(totals[half][k]), halves, unit), totals[half][k])
        for half, place in enumerate((first, builder.add(first, pitch))):
            found = _add_up(builder, [builder.load(total) for total in totals[half]])
            builder.store(found, builder.bitcast(builder.gep(target, [place]), found.type.as_pointer()), align=4)
        return context.get_dummy_value()

    long = types.int64
    return types.void(w, long, long, low, high, long, long, sums, long, long), build


def _add_up(builder: Any, vectors: list[Any]) -> Any:
    """Return a vector of the sums of each of four vectors' elements."""
    while len(vectors) > 1:
        # Of each pair, a vector whose elements are by turns, in groups as long as before, sums of the one's and of the other's.
        group = LINES // len(vectors)
        even = [k + (SUMS - group if k & group else 0) for k in range(SUMS)]
        odd = [k + (SUMS if k & group else group) for k in range(SUMS)]
        vectors = [
            builder.add(*(builder.shuffle_vector(a, b, ir.Constant(_VECTOR, which)) for which in (even, odd)))
            for a, b in zip(vectors[::2], vectors[1::2], strict=True)
        ]
    (total,) = vectors
    while (half := total.type.count // 2) >= LINES:
        kind = ir.VectorType(_WORD, half)
        parts = (builder.shuffle_vector(total, total, ir.Constant(kind, list(range(n, n + half)))) for n in (0, half))
        total = builder.add(*parts)
    return total


def _dot(builder: Any, total: Any, halves: Any, units: Any) -> Any:
    kind = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.avx512.vpdpwssd.512")
    return builder.call(function, [total, halves, units])


def _data(context: Any, builder: Any, signature: Any, args: Any, which: int) -> Any:
    """Return the address of an array that is an argument."""
    return context.make_array(signature.args[which])(context, builder, args[which]).data


def _vector(builder: Any, data: Any, first: Any) -> Any:
    """Return the address of the elements from data[first] on, as a vector's."""
    return builder.bitcast(builder.gep(data, [first]), _VECTOR.as_pointer())


def _all(builder: Any, value: Any) -> Any:
    """Return a vector whose elements are all ``value``."""
    lane = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), value, _WORD(0))
    return builder.shuffle_vector(lane, lane, ir.Constant(_VECTOR, [0] * SUMS))
