"""A lane: every so-and-so-manieth column's cells, with the arithmetic of their pulses and reads."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from crosstwin_model.config import ControllerConfig
from crosstwin_model.emulated_cells import cell_codes
from crosstwin_model.emulated_config import NOISE_FRACTION, OPERAND_BITS, SLOPE_FRACTION, EmulatedConfig, Levels

from ..logic import index_bits
from . import stages
from .noise import Noise
from .stages import delayed


def sum_bits(config: ControllerConfig, array: EmulatedConfig) -> int:
    """Return the bits of a signed sum of charges times states of a tile less those of its reference."""
    return 9 + array.weight_bits + max(config.rows, config.columns).bit_length()


class Lane(wiring.Component):
    """Pulse or read the cell of one address in every clock cycle.

    Parameters
    ----------
    config : ControllerConfig
    array : EmulatedConfig
    number : int
        Its cells are those of columns ``number``, ``number + lanes`` and so on.

    Attributes
    ----------
    key : In(32), address : In
        The slot's or any key, and the address, in the clock cycle of the issue.
    read_address, write_address : In
        The address of ``stages.ADDRESS`` and of ``stages.WRITE`` clock cycles ago.
    write : In(1)
        The cell of ``stages.WRITE`` clock cycles ago takes its new state; with ``erase`` : In(1) it becomes 0.
    going_up, went_up : In(1)
        Direction of the pulse of ``stages.STATE`` and of ``stages.STEP`` clock cycles ago.
    reading : In(1), charge : In(signed(9))
        What was issued ``stages.LEVELS`` clock cycles ago is a read, of a line with that charge.
    first, subtract, add : In(1)
        The read of ``stages.PRODUCT`` clock cycles ago begins a sum; is subtracted; is there at all.
    sum : Out(signed)
        The reads issued up to ``stages.SUM`` clock cycles ago.
    states : Memory
        The cells' states; simulations may look into it.
    """

    def __init__(self, *, config: ControllerConfig, array: EmulatedConfig, number: int) -> None:
        self._config, self._array, self._number = config, array, number
        depth = config.tiles * array.addresses(config)
        self.states: Memory = Memory(shape=signed(array.weight_bits), depth=depth, init=[])
        address_bits = index_bits(depth)
        names = ("write", "erase", "going_up", "went_up", "reading", "first", "subtract", "add")
        super().__init__(
            {
                "key": In(32),
                "address": In(address_bits),
                "read_address": In(address_bits),
                "write_address": In(address_bits),
                **{name: In(1) for name in names},
                "charge": In(signed(9)),
                "sum": Out(signed(sum_bits(config, array))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        state, codes = self._elaborate_memories(m)
        product = self._elaborate_product(m, state, codes)
        with m.If(self.add):
            m.d.sync += self.sum.eq(Mux(self.first, 0, self.sum) + Mux(self.subtract, -product, product))
        self._elaborate_pulse(m, state, codes, product)
        return m

    def _elaborate_memories(self, m: Module) -> tuple[Value, dict[str, Value]]:
        """Read the cell: its state and codes are there in ``stages.STATE``."""
        array, depth = self._array, self.states.depth
        widths = {"slope_up": array.step_bits, "slope_down": array.step_bits, "high": array.bound_bits, "low": array.bound_bits}
        m.submodules.states = self.states
        cells: Memory = Memory(shape=unsigned(sum(widths.values())), depth=depth, init=self._cells())
        m.submodules.cells = cells
        read, cell, self._write_port = self.states.read_port(), cells.read_port(), self.states.write_port()
        m.d.comb += [
            read.addr.eq(self.read_address),
            cell.addr.eq(self.read_address),
            self._write_port.addr.eq(self.write_address),
            self._write_port.en.eq(self.write),
        ]
        state = delayed(m, read.data, 1, "state")
        word = delayed(m, cell.data, 1, "cell")
        codes, lsb = {}, 0
        for name, width in widths.items():
            codes[name] = word[lsb : lsb + width]
            lsb += width
        return state, codes

    def _elaborate_product(self, m: Module, state: Value, codes: dict[str, Value]) -> Value:
        """Multiply distance and slope, or state and charge: the product is there in ``stages.PRODUCT``."""
        array = self._array
        slope = Signal(SLOPE_FRACTION)
        bound = Signal(array.weight_bits - 1)
        m.d.sync += [
            slope.eq(
                Mux(self.going_up, _level(codes["slope_up"], array.slope_up), _level(codes["slope_down"], array.slope_down))
            ),
            bound.eq(Mux(self.going_up, _level(codes["high"], array.high), _level(codes["low"], array.low))),
        ]
        up = delayed(m, self.going_up, 1, "up")
        state = delayed(m, state, 1, "state_levels")
        left = Signal(signed(OPERAND_BITS + 1))
        right = Signal(signed(OPERAND_BITS + 1))
        product = Signal(signed(2 * OPERAND_BITS + 2))
        m.d.sync += [
            left.eq(Mux(self.reading, state, bound + Mux(up, -state, state))),
            right.eq(Mux(self.reading, self.charge, slope)),
            product.eq(left * right),
        ]
        return product

    def _elaborate_pulse(self, m: Module, state: Value, codes: dict[str, Value], product: Value) -> None:
        """Move the cell and write it."""
        array = self._array
        m.submodules.noise = noise = Noise()
        number = Const(self._number, array.lanes.bit_length() - 1)
        m.d.comb += [noise.key.eq(self.key), noise.index.eq(Cat(number, self.address))]
        scaled = Signal(signed(11 + array.noise_factor.bit_length()))
        factor = Signal(signed(NOISE_FRACTION + 4))
        m.d.sync += [
            scaled.eq(noise.normal * array.noise_factor),
            factor.eq((1 << NOISE_FRACTION) + ((scaled + (1 << (NOISE_FRACTION - 1))) >> NOISE_FRACTION)),
        ]
        shift = SLOPE_FRACTION - array.step_shift + NOISE_FRACTION
        mean = product[array.step_shift : array.step_shift + OPERAND_BITS]
        step = Signal(signed(OPERAND_BITS + NOISE_FRACTION + 4))
        moved = Signal(signed(array.weight_bits + 5))
        high = Signal(signed(array.weight_bits))
        low = Signal(signed(array.weight_bits))
        new = Signal(signed(array.weight_bits))
        state = delayed(m, state, stages.STEP - stages.STATE, "state_step")
        change = (step + (1 << (shift - 1))) >> shift
        codes = {name: delayed(m, codes[name], stages.STEP - stages.STATE, f"{name}_step") for name in ("high", "low")}
        m.d.sync += [
            step.eq(mean * factor),
            moved.eq(state + Mux(self.went_up, change, -change)),
            high.eq(_level(codes["high"], array.high)),
            low.eq(-_level(codes["low"], array.low)),
            new.eq(Mux(moved > high, high, Mux(moved < low, low, moved))),
        ]
        m.d.comb += self._write_port.data.eq(Mux(self.erase, 0, new))

    def _cells(self) -> list[int]:
        """Return the content of the parameters' memory."""
        array, config = self._array, self._config
        codes = cell_codes(array, config)
        words = []
        for row in range(config.tiles * config.rows):
            for column in range(self._number, array.groups(config) * array.lanes, array.lanes):
                if column < config.columns:
                    cell = codes[row * config.columns + column]
                    word = cell.low << array.bound_bits | cell.high
                    words.append((word << array.step_bits | cell.slope_down) << array.step_bits | cell.slope_up)
                else:
                    words.append(0)
        return words


def _level(code: Value, levels: Levels) -> Value:
    """Return a code's value."""
    return (code << levels.shift) + levels.base
