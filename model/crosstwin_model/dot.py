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


def _build_sum_lines(count: int) -> Any:
    def sum_lines(typingctx: Any, w: Any, place: Any, width: Any, low: Any, high: Any, begin: Any, end: Any, sums: Any) -> Any:
        def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            w, low, high, target = (_data(context, builder, signature, args, k) for k in (0, 3, 4, 7))
            place, width, begin, end = args[1], args[2], args[5], args[6]
            starts = [builder.gep(w, [builder.add(place, builder.mul(width, _LONG(k)))]) for k in range(count)]
            totals = [[cgutils.alloca_once_value(builder, _ZERO) for _ in range(2)] for _ in range(count)]
            for pair in totals:
                for total in pair:
                    builder.store(_ZERO, total)
            with cgutils.for_range_slice(builder, begin, end, _LONG(SUMS), _LONG) as (j, _):
                units = [builder.load(_vector(builder, data, j), align=4) for data in (low, high)]
                for start, pair in zip(starts, totals, strict=True):
                    halves = builder.xor(builder.load(_vector(builder, start, j), align=4), _TURNED)
                    for total, unit in zip(pair, units, strict=True):
                        builder.store(_dot(builder, builder.load(total), halves, unit), total)
            reduce = cgutils.get_or_insert_function(
                builder.module, ir.FunctionType(_WORD, [_VECTOR]), f"llvm.vector.reduce.add.v{SUMS}i32"
            )
            for k, pair in enumerate(totals):
                for half, total in enumerate(pair):
                    builder.store(builder.call(reduce, [builder.load(total)]), builder.gep(target, [_LONG(2 * k + half)]))
            return context.get_dummy_value()

        long = types.int64
        return types.void(w, long, long, low, high, long, long, sums), build

    return intrinsic(sum_lines)


#: ``sum_4(w, place, width, low, high, begin, end, sums)``, and alike ``sum_1``, give the sums along 4 lines (1): sums[2 k] is
#: that of u l and sums[2 k + 1] that of u h over w = w[place + k width + j] for j from begin to end - 1, which are a multiple of
#: SUMS apart; low[j] is the pair (u, 0) and high[j] the pair (0, u), their first number the lower half. Arrays are flat int32.
sum_4, sum_1 = _build_sum_lines(4), _build_sum_lines(1)


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
