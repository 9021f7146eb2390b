"""Small pieces of logic that several blocks use."""

from collections.abc import Container, Iterable, Mapping
from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value


def any_of(values: Iterable[Value]) -> Value:
    """Return the OR of values, 0 of none."""
    return reduce(or_, values, Const(0, 1))


def index_bits(count: int) -> int:
    """Return the bits of an index below ``count``, at least 1."""
    return max(1, (count - 1).bit_length())


def predecode(m: Module, index: Value, count: int, name: str) -> tuple[Signal, Signal]:
    """Return two one-hot values whose AND decodes an index below ``count``.

    Number i is meant where bit i mod n of the first and bit i div n of the second are 1, n being the width of the first.
    """
    bits = (len(index) + 1) // 2
    low = Signal(min(count, 1 << bits), name=f"{name}_low")
    high = Signal(-(-count // len(low)), name=f"{name}_high")
    m.d.comb += [low[i].eq(index[:bits] == i) for i in range(len(low))]
    m.d.comb += [high[i].eq(index[bits:] == i) for i in range(len(high))]
    return low, high


def exceeds(value: Value, limit: int) -> Value:
    """Return value > limit, for a limit that is known when the controller is built, without a chain of carries."""
    larger: Value = Const(0, 1)
    if limit >> len(value):
        return larger
    for bit in range(len(value)):
        larger = (value[bit] & larger) if limit >> bit & 1 else (value[bit] | larger)
    return larger


def follows(value: Value, before: Value) -> Value:
    """Return value == before + 1, of the same width, without a chain of carries; the sum must not overflow."""
    changed = value ^ before
    # A bit changes where the bit below it changed from 1 to 0.
    return changed == Cat(Const(1, 1), before & ~value)[: len(value)]


def look_up(index: Value, table: Mapping[int, Value]) -> Value:
    """Return the table's entry at an index, in as few decisions as may be; where the table has no entry, any may come."""
    entries = iter(table.values())
    first = next(entries)
    if all(entry is first for entry in entries):
        return first
    top = len(index) - 1
    low = {number: entry for number, entry in table.items() if not number >> top & 1}
    high = {number - (1 << top): entry for number, entry in table.items() if number >> top & 1}
    if all(low.get(number, entry) is entry for number, entry in high.items()):
        return look_up(index[:top], low | high)
    return Mux(index[top], look_up(index[:top], high), look_up(index[:top], low))


def is_among(index: Value, chosen: Container[int], known: Iterable[int]) -> Value:
    """Return whether an index is one of some numbers, if it is known to be one of others; else anything may come."""
    no, yes = Const(0, 1), Const(1, 1)
    return look_up(index, {number: yes if number in chosen else no for number in known})
