"""The converter: sums become ADC codes with noise, and these the beats of a read."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from crosstwin_model.config import ControllerConfig
from crosstwin_model.emulated_config import ADC_NOISE_FRACTION, CELL_BITS, OPERAND_BITS, EmulatedConfig

from ..logic import index_bits
from .lane import sum_bits
from .noise import Noise
from .stages import delayed


class Converter(wiring.Component):
    """Convert one sum in every clock cycle, keep the codes, and offer them when all are there.

    Parameters
    ----------
    config : ControllerConfig
    array : EmulatedConfig

    Attributes
    ----------
    clear : In(1)
        No read is under way: forget everything.
    valid : In(1), sum : In(signed)
        The next line's sum. Lines are converted in order, those that only fill the last lanes up included.
    forward : In(1)
        Columns are sensed.
    gain : In(4), key : In(32)
        The read's gain, and the key of its noise.
    adc_valid : Out(1), adc_ready : In(1), adc_data : Out(adc_lanes x adc_bits)
        Beats of codes.
    """

    #: Clock cycles from a sum to its code.
    latency = Noise.latency + 3

    def __init__(self, *, config: ControllerConfig, array: EmulatedConfig) -> None:
        self._config, self._array = config, array
        self._padded = array.groups(config) * array.lanes
        super().__init__(
            {
                "clear": In(1),
                "valid": In(1),
                "sum": In(signed(sum_bits(config, array))),
                "forward": In(1),
                "gain": In(4),
                "key": In(32),
                "adc_valid": Out(1),
                "adc_ready": In(1),
                "adc_data": Out(config.adc_lanes * config.adc_bits),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        lines = max(self._config.rows, self._padded)
        line = Signal(range(lines + 1))
        with m.If(self.clear):
            m.d.sync += line.eq(0)
        with m.Elif(self.valid):
            m.d.sync += line.eq(line + 1)
        code = self._elaborate_code(m, line)
        arrived = [self.valid]
        for cycle in range(self.latency):
            register = Signal(name=f"arrived_{cycle + 1}")
            m.d.sync += register.eq(arrived[-1] & ~self.clear)
            arrived.append(register)
        self._elaborate_beats(m, arrived[-1], delayed(m, line, self.latency, "line"), code)
        return m

    def _elaborate_code(self, m: Module, line: Value) -> Value:
        """Scale the sum, add noise, round and cut."""
        scale, adc_max = self._array.adc_scale(self._config.adc_max), self._config.adc_max
        m.submodules.noise = noise = Noise()
        m.d.comb += [noise.key.eq(self.key), noise.index.eq(line[:CELL_BITS])]
        largest = (1 << OPERAND_BITS) - 1
        fine = Signal(signed(len(self.sum) + 3))
        coarse = Signal(signed(len(self.sum) + 15 - scale.shift))
        value = Signal(signed(OPERAND_BITS + 1))
        m.d.sync += [
            fine.eq(self.sum << self.gain[:2]),
            coarse.eq((fine << Cat(0, 0, self.gain[2:])) >> scale.shift),
            value.eq(_cut(coarse, largest)),
        ]
        product = Signal(signed(OPERAND_BITS + 1 + scale.factor.bit_length()))
        disturbance = Signal(signed(11 + scale.noise_factor.bit_length()))
        total = Signal(signed(len(product) + 2))
        code = Signal(signed(self._config.adc_bits))
        shifted = disturbance << (scale.fraction - ADC_NOISE_FRACTION)
        m.d.sync += [
            product.eq(delayed(m, value, Noise.latency - 3, "value") * scale.factor),
            disturbance.eq(noise.normal * scale.noise_factor),
            total.eq((product + shifted + (1 << (scale.fraction - 1))) >> scale.fraction),
            code.eq(_cut(total, adc_max)),
        ]
        return code

    def _elaborate_beats(self, m: Module, arrived: Value, line: Value, code: Value) -> None:
        """Keep the codes in rows of a beat, and send them once the last is there."""
        config = self._config
        lanes, bits = config.adc_lanes, config.adc_bits
        lane_bits = lanes.bit_length() - 1
        counts = (config.rows, self._padded)
        depth = max(2, -(-max(counts) // lanes))
        memory: Memory = Memory(shape=lanes * bits, depth=depth, init=[])
        m.submodules.codes = memory
        write, read = memory.write_port(granularity=bits), memory.read_port(domain="comb")
        complete = Signal()
        beat = Signal(index_bits(depth + 1))
        beats = [-(-count // lanes) for count in (config.rows, config.columns)]
        m.d.comb += [
            write.addr.eq(line[lane_bits:]),
            write.data.eq(code.as_unsigned().replicate(lanes)),
            write.en.eq(Mux(arrived, 1 << line[:lane_bits] if lane_bits else 1, 0)),
            read.addr.eq(beat),
            self.adc_data.eq(read.data),
            self.adc_valid.eq(complete & (beat != Mux(self.forward, beats[1], beats[0]))),
        ]
        with m.If(self.clear):
            m.d.sync += [complete.eq(0), beat.eq(0)]
        with m.Else():
            with m.If(arrived & (line == Mux(self.forward, counts[1] - 1, counts[0] - 1))):
                m.d.sync += complete.eq(1)
            with m.If(self.adc_valid & self.adc_ready):
                m.d.sync += beat.eq(beat + 1)


def _cut(value: Value, largest: int) -> Value:
    """Return a value within +-largest."""
    return Mux(value > largest, largest, Mux(value < -largest, -largest, value))
