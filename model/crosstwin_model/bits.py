"""Machine instructions that compiled loops need and numba does not offer by itself."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic


@intrinsic  # type: ignore[untyped-decorator]
def popcount(typingctx: Any, word: Any) -> Any:
    """Return how many bits of a uint64 are set."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.uint64(types.uint64), build


@intrinsic  # type: ignore[untyped-decorator]
def lowest_bit(typingctx: Any, word: Any) -> Any:
    """Return the number of the lowest set bit of a uint64 that is not 0."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], context.get_constant(types.boolean, True))

    return types.uint64(types.uint64), build


@intrinsic  # type: ignore[untyped-decorator]
def prefetch(typingctx: Any, array: Any, index: Any) -> Any:
    """Ask for the cache line of array[index], of a flat array; it says nothing about the result."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        number = ir.IntType(32)
        line = builder.bitcast(builder.gep(data, [args[1]]), ir.IntType(8).as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [line.type, number, number, number])
        function = builder.module.declare_intrinsic("llvm.prefetch", [line.type], kind)
        builder.call(function, [line, number(0), number(2), number(1)])  # for a read, into the second cache, of data
        return context.get_dummy_value()

    return types.void(array, types.int64), build


#: Elements that the functions below take at once.
LANES = 8


def _build_gather(words: int) -> Any:
    """Return the gathering of so many neighbouring words of LANES records; a whole number of them makes LANES."""

    def gather(
        typingctx: Any,
        source: Any,
        order: Any,
        first: Any,
        record: Any,
        offset: Any,
        target: Any,
        rows: Any,
        begin: Any,
        size: Any,
    ) -> Any:
        def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            source, order, target, rows = (_data(context, builder, signature, args, k) for k in (0, 1, 5, 6))
            first, record, offset, begin, size = args[2], args[3], args[4], args[7], args[8]
            lanes = []
            for j in range(LANES):
                index = builder.load(builder.gep(order, [builder.add(first, _LONG(j))]))
                place = builder.add(builder.mul(builder.zext(index, _LONG), record), offset)
                lanes.append(builder.load(_vector(builder, source, place, words), align=4))
            if words < LANES:
                lanes = [_shuffle(builder, lanes[j], lanes[j + words], list(range(LANES))) for j in range(words)]
            # Pairs of lanes swap halves of 1, 2 and 4 words, as in the transposition of a matrix block by block.
            for width in (width for width in (1, 2, 4) if width < words):
                low = [k + (LANES - width if k & width else 0) for k in range(LANES)]
                high = [k + (LANES if k & width else width) for k in range(LANES)]
                for j in (j for j in range(words) if not j & width):
                    a, b = lanes[j], lanes[j + width]
                    lanes[j], lanes[j + width] = _shuffle(builder, a, b, low), _shuffle(builder, a, b, high)
            for k in range(words):
                row = builder.load(builder.gep(rows, [builder.add(begin, _LONG(k))]))
                builder.store(lanes[k], _vector(builder, target, builder.add(builder.mul(row, size), first), LANES), align=4)
            return context.get_dummy_value()

        return types.void(source, order, types.int64, types.int64, types.int64, target, rows, types.int64, types.int64), build

    return intrinsic(gather)


#: ``gather_4(source, order, first, record, offset, target, rows, begin, size)``, and alike ``gather_8``, take 4 (8) neighbouring
#: words of each of LANES records apart: target[rows[begin + k] * size + first + j] =
#: source[order[first + j] * record + offset + k] for k below 4 (8) and j below LANES; source, order and target are flat uint32,
#: rows int64. They are loads of whole records and a transposition in registers: loops over single words are several times slower.
gather_4, gather_8 = _build_gather(4), _build_gather(8)


@intrinsic  # type: ignore[untyped-decorator]
def keep_between(typingctx: Any, source: Any, first: Any, low: Any, high: Any, target: Any, place: Any) -> Any:
    """Put those of source[first ... first + LANES - 1] above ``low`` and at most ``high`` to target[place ...], in order.

    The place behind them is returned. Both arrays are flat uint64; LANES words of the target are written.
    """

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source, target = (_data(context, builder, signature, args, k) for k in (0, 4))
        values = builder.load(_vector(builder, source, args[1], LANES), align=8)
        above = builder.icmp_unsigned(">", values, _all_lanes(builder, args[2]))
        below = builder.icmp_unsigned("<=", values, _all_lanes(builder, args[3]))
        return _keep(builder, values, builder.and_(above, below), target, args[5])

    long = types.uint64
    return long(source, long, long, long, target, long), build


_LONG = ir.IntType(64)
_LONGS = ir.VectorType(_LONG, LANES)


def _data(context: Any, builder: Any, signature: Any, args: Any, which: int) -> Any:
    """Return the address of an array that is an argument."""
    return context.make_array(signature.args[which])(context, builder, args[which]).data


def _vector(builder: Any, data: Any, first: Any, lanes: int) -> Any:
    """Return the address of the elements data[first ... first + lanes - 1], as a vector's."""
    place = builder.gep(data, [first])
    return builder.bitcast(place, ir.VectorType(place.type.pointee, lanes).as_pointer())


def _shuffle(builder: Any, a: Any, b: Any, lanes: list[int]) -> Any:
    """Return the elements of two vectors of those numbers; the second's follow the first's."""
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(ir.IntType(32), len(lanes)), lanes))


def _all_lanes(builder: Any, value: Any) -> Any:
    """Return a vector whose elements are all ``value``."""
    lane = builder.insert_element(ir.Constant(_LONGS, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
    return _shuffle(builder, lane, lane, [0] * LANES)


def _keep(builder: Any, values: Any, kept: Any, target: Any, place: Any) -> Any:
    """Store the kept elements side by side at target[place], and return the place behind them."""
    kind = ir.FunctionType(_LONGS, [_LONGS, kept.type, _LONGS])
    compress = cgutils.get_or_insert_function(builder.module, kind, f"llvm.experimental.vector.compress.v{LANES}i64")
    packed = builder.call(compress, [values, kept, ir.Constant(_LONGS, ir.Undefined)])
    builder.store(packed, _vector(builder, target, place, LANES), align=8)
    return builder.add(place, builder.zext(builder.ctpop(builder.bitcast(kept, ir.IntType(LANES))), _LONG))


def _build_cross(several: bool) -> Any:
    """Return the crossing of lines of ``several`` words, or of one."""

    def cross(
        typingctx: Any, lines: Any, line: Any, pitch: Any, crossed: Any, first: Any, width: Any, words: Any,
        numbers: Any, number: Any, end: Any, base: Any, target: Any, place: Any,
    ) -> Any:  # fmt: skip
        def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            lines, crossed, numbers, target = (_data(context, builder, signature, args, k) for k in (0, 3, 7, 11))
            line, pitch, first, width, words, number, end, base, place = (args[k] for k in (1, 2, 4, 5, 6, 8, 9, 10, 12))
            zero = ir.Constant(_LONGS, [0] * LANES)
            kind = ir.FunctionType(_LONGS, [_LONGS])
            popcounts = cgutils.get_or_insert_function(builder.module, kind, f"llvm.ctpop.v{LANES}i64")

            def coincide(word: Any, first: Any) -> Any:
                others = builder.load(_vector(builder, crossed, first, LANES), align=8)
                return builder.call(popcounts, [builder.and_(word, others)])

            # The first word, mostly the only one, stays in a register.
            word_0, bases = _all_lanes(builder, builder.load(builder.gep(lines, [line]))), _all_lanes(builder, base)
            reached = cgutils.alloca_once_value(builder, place)
            with cgutils.for_range_slice(builder, _LONG(0), builder.sub(end, number), _LONG(LANES), _LONG) as (j, _):
                here = builder.add(first, j)
                counts = coincide(word_0, here)
                if several:
                    count = cgutils.alloca_once_value(builder, zero)
                    builder.store(counts, count)
                    with cgutils.for_range(builder, builder.sub(words, _LONG(1))) as loop:
                        k = builder.add(loop.index, _LONG(1))
                        word = _all_lanes(builder, builder.load(builder.gep(lines, [builder.add(line, builder.mul(k, pitch))])))
                        counted = coincide(word, builder.add(here, builder.mul(k, width)))
                        builder.store(builder.add(builder.load(count), counted), count)
                    counts = builder.load(count)
                cells = builder.load(_vector(builder, numbers, builder.add(number, j), LANES), align=8)
                hits = builder.or_(builder.shl(counts, ir.Constant(_LONGS, [32] * LANES)), builder.add(bases, cells))
                at = builder.load(reached)
                builder.store(_keep(builder, hits, builder.icmp_unsigned("!=", counts, zero), target, at), reached)
            return builder.load(reached)

        long = types.uint64
        return long(lines, long, long, crossed, long, long, long, numbers, long, long, long, target, long), build

    return intrinsic(cross)


#: ``cross_words(lines, line, pitch, crossed, first, width, words, numbers, number, end, base, target, place)`` crosses a line
#: with others, j = 0, 1 ... end - number - 1, and lists the cells that are hit; ``cross_word`` does where words is 1, in less
#: time. The coincidences are count[j] = the sum over k < words of popcount(lines[line + k pitch] & crossed[first + j + k width]).
#: Of those that are not 0, count[j] << 32 | base + numbers[number + j] is put to target[place ...], in order; the place behind
#: them is returned. All arrays are flat uint64, sums of base and numbers below 2^32. LANES others are read at a time, so that
#: behind the last their words must be 0, and LANES words may be written beyond the place that is returned.
cross_word, cross_words = _build_cross(False), _build_cross(True)
