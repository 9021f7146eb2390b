"""Codes: sign and magnitude, their way to the lines, and the decoding of line numbers."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import Out


def code_layout(code_bits: int) -> data.StructLayout:
    """Return the layout of a code: ``magnitude`` of ``code_bits`` bits, and ``sign``, which is 0 for a zero."""
    return data.StructLayout({"magnitude": code_bits, "sign": 1})


def index_bits(count: int) -> int:
    """Return the bits of an index below ``count``, at least 1."""
    return max(1, (count - 1).bit_length())


def code_port_signature(*, code_bits: int, channels: int, entries: int) -> wiring.Signature:
    """Return the writer's side of a vector of codes.

    Entry k listens to channel k mod ``channels``, and takes it when ``index`` is k div ``channels`` and that channel's ``enable`` bit is
    set.
    """
    return wiring.Signature(
        {
            "index": Out(index_bits(-(-entries // channels))),
            "enable": Out(channels),
            "codes": Out(data.ArrayLayout(code_layout(code_bits), channels)),
        }
    )


def sign_magnitude(value: Value, code_bits: int) -> Value:
    """Return a signed number as the bits of ``code_layout(code_bits)``, its magnitude cut to the largest that fits."""
    width = len(value)
    sign = value[-1]
    magnitude = Mux(sign, -value.as_signed(), value)[:width]
    if width > code_bits:
        magnitude = magnitude[:code_bits] | magnitude[code_bits:].any().replicate(code_bits)
    return Cat(magnitude, Const(0, max(0, code_bits - width)), sign)


def decode(m: Module, index: Value, count: int, name: str) -> list[Value]:
    """Return ``count`` one-bit values, of which number ``index`` is 1; each is the AND of two shared predecoders' outputs."""
    low_bits = (len(index) + 1) // 2
    low = Signal(min(count, 1 << low_bits), name=f"{name}_low")
    high = Signal(-(-count // (1 << low_bits)), name=f"{name}_high")
    m.d.comb += [low[i].eq(index[:low_bits] == i) for i in range(len(low))]
    m.d.comb += [high[i].eq(index[low_bits:] == i) for i in range(len(high))]
    return [low[i % (1 << low_bits)] & high[i >> low_bits] for i in range(count)]
