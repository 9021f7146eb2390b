"""Codes: sign and magnitude, and their way to the lines."""

from amaranth.hdl import Cat, Const, Mux, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import Out

from .logic import index_bits


def code_layout(code_bits: int) -> data.StructLayout:
    """Return the layout of a code: ``magnitude`` of ``code_bits`` bits, and ``sign``, which is 0 for a zero."""
    return data.StructLayout({"magnitude": code_bits, "sign": 1})


def code_port_signature(*, code_bits: int, channels: int, entries: int) -> wiring.Signature:
    """Return the writer's side of a vector of codes.

    Entry k listens to channel k mod ``channels``, and takes its code when ``index`` is k div ``channels`` and that channel's
    ``enable`` bit is set.
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
