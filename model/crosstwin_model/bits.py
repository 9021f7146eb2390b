"""Machine instructions that compiled loops need and numba does not offer by itself."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types
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


#: Records that :func:`gather_words` takes at once, and words that it takes of each.
LANES = 8


@intrinsic  # type: ignore[untyped-decorator]
def gather_words(
    typingctx: Any, source: Any, order: Any, first: Any, record: Any, offset: Any, target: Any, rows: Any, begin: Any, size: Any
) -> Any:
    """Take eight neighbouring words of each of eight records apart: target[rows[begin + k] * size + first + j]
    = source[order[first + j] * record + offset + k] for j and k below 8; source, order and target are flat uint32, rows int64.

    Eight loads of whole records and a transposition in registers: loops over single words are several times slower.
    """

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kinds = signature.args
        data = {k: context.make_array(kinds[k])(context, builder, args[k]).data for k in (0, 1, 5, 6)}
        first, record, offset, begin, size = args[2], args[3], args[4], args[7], args[8]
        long, word = ir.IntType(64), ir.IntType(32)
        vector = ir.VectorType(word, LANES)
        lanes = []
        for j in range(LANES):
            index = builder.load(builder.gep(data[1], [builder.add(first, long(j))]))
            place = builder.add(builder.mul(builder.zext(index, long), record), offset)
            lanes.append(builder.load(builder.bitcast(builder.gep(data[0], [place]), vector.as_pointer()), align=4))
        # Pairs of lanes swap halves of 1, 2 and 4 words, as in the transposition of a matrix block by block.
        for width in (1, 2, 4):
            low = [k + (LANES if k & width else 0) - (width if k & width else 0) for k in range(LANES)]
            high = [k + (LANES if k & width else 0) + (0 if k & width else width) for k in range(LANES)]
            for j in (j for j in range(LANES) if not j & width):
                a, b = lanes[j], lanes[j + width]
                for which, mask in ((j, low), (j + width, high)):
                    lanes[which] = builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(word, LANES), mask))
        for k in range(LANES):
            row = builder.load(builder.gep(data[6], [builder.add(begin, long(k))]))
            place = builder.add(builder.mul(row, size), first)
            builder.store(lanes[k], builder.bitcast(builder.gep(data[5], [place]), vector.as_pointer()), align=4)
        return context.get_dummy_value()

    return types.void(source, order, types.int64, types.int64, types.int64, target, rows, types.int64, types.int64), build
