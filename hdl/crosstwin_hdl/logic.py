"""Small pieces of logic that several blocks use."""

from collections.abc import Iterable
from functools import reduce
from operator import or_

from amaranth.hdl import Const, Module, Signal, Value


def any_of(values: Iterable[Value]) -> Value:
    """Return the OR of values, 0 of none."""
    return reduce(or_, values, Const(0, 1))


def index_bits(count: int) -> int:
    """Return the bits of an index below ``count``, at least 1."""
    return max(1, (count - 1).bit_length())


def decode(m: Module, index: Value, count: int, name: str) -> list[Value]:
    """Return ``count`` one-bit values, of which number ``index`` is 1; each is the AND of two shared predecoders' outputs."""
    low_bits = (len(index) + 1) // 2
    low = Signal(min(count, 1 << low_bits), name=f"{name}_low")
    high = Signal(-(-count // (1 << low_bits)), name=f"{name}_high")
    m.d.comb += [low[i].eq(index[:low_bits] == i) for i in range(len(low))]
    m.d.comb += [high[i].eq(index[low_bits:] == i) for i in range(len(high))]
    return [low[i % (1 << low_bits)] & high[i >> low_bits] for i in range(count)]
