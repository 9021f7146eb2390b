"""The pipeline from an address to a cell's new state or a sum: in which clock cycle after the issue each thing is there."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, Value

from .noise import Noise

#: The memories are given the address.
ADDRESS = 5
#: Their output stands in flip-flops.
STATE = ADDRESS + 2
#: So do the cell's slope and the bound it goes to.
LEVELS = STATE + 1
#: Both operands of the first product.
OPERANDS = LEVELS + 1
PRODUCT = OPERANDS + 1
#: The accumulator holds a sum.
SUM = PRODUCT + 1
#: Mean step times noise.
STEP = PRODUCT + 1
#: State and step are added.
MOVED = STEP + 1
#: The new state is written.
WRITE = MOVED + 1
#: The bytes' sum, its product, and the noise of a pulse.
BYTES = Noise.latency
FACTOR = BYTES + 2


def delayed(m: Module, value: Value, cycles: int, name: str) -> Value:
    """Return a value of some clock cycles ago."""
    for cycle in range(cycles):
        register = Signal(value.shape(), name=f"{name}_{cycle + 1}", reset_less=True)
        m.d.sync += register.eq(value)
        value = register
    return value
