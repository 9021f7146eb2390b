"""The emulated array: all blocks, joined."""

from itertools import pairwise

from amaranth.hdl import Cat, Module, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crosstwin_model.config import ControllerConfig
from crosstwin_model.emulated_config import EmulatedConfig

from ..pins import PINS
from . import stages
from .charges import Charges
from .converter import Converter
from .engine import Engine
from .lane import Lane, sum_bits
from .stages import delayed


class EmulatedArray(wiring.Component):
    """Crosspoint cells in block RAM, joined to the controller's pins in place of an analog array: docs/emulated_array.md.

    A slot takes ``array.minimum_slot(config)`` clock cycles, a read ``array.read_latency(...)`` before its first beat. A reset
    makes it a new array, which takes a clock cycle for every address of all tiles.

    Parameters
    ----------
    config : ControllerConfig
        Gives rows, columns, pairs and the converter's width and lanes.
    array : EmulatedConfig

    Attributes
    ----------
    row_pos, row_neg : In(rows), column_pos, column_neg : In(columns)
        Lines, as the controller drives them.
    adc_valid : Out(1), adc_data : Out(adc_lanes x adc_bits)
        A beat of ADC codes, lane 0 in the lowest bits.
    fault : Out(1)
        A slot has come before the last was worked off, or a line was driven too long in a read: the array is no longer what it
        should be. High until a reset.

    lanes : list of Lane
        The cells of every so-and-so-manieth column; simulations may look into their states.

    The other pins are those of :data:`crosstwin_hdl.pins.PINS`, all In.

    Raises
    ------
    ConfigurationError
        If the array is too large.
    """

    def __init__(self, config: ControllerConfig, array: EmulatedConfig) -> None:
        array.require_fit(config)
        self._config, self._array = config, array
        self.lanes = [Lane(config=config, array=array, number=number) for number in range(array.lanes)]
        super().__init__(
            {
                "row_pos": In(config.rows),
                "row_neg": In(config.rows),
                "column_pos": In(config.columns),
                "column_neg": In(config.columns),
                **{name: In(width) for name, width in PINS.items()},
                "adc_valid": Out(1),
                "adc_data": Out(config.adc_lanes * config.adc_bits),
                "fault": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, array = self._config, self._array
        m.submodules.engine = engine = Engine(config=config, array=array)
        m.submodules.charges = charges = Charges(config=config, array=array)
        m.submodules.converter = converter = Converter(config=config, array=array)
        for number, lane in enumerate(self.lanes):
            m.submodules[f"lane_{number}"] = lane
        for block in (engine, charges):
            names = block.signature.members.keys() & self.signature.members.keys()
            m.d.comb += [getattr(block, name).eq(getattr(self, name)) for name in sorted(names)]
        with m.If(engine.overrun | charges.overflow):
            m.d.sync += self.fault.eq(1)
        self._join_lanes(m, engine, charges)
        self._join_sums(m, engine, converter, [lane.sum for lane in self.lanes])
        return m

    def _join_lanes(self, m: Module, engine: Engine, charges: Charges) -> None:
        """Give every lane what was issued, when it needs it."""
        early = delayed(m, engine.address, stages.ADDRESS, "address")
        late = delayed(m, early, stages.WRITE - stages.ADDRESS, "address_late")
        going_up = delayed(m, engine.up, stages.STATE, "up")
        went_up = delayed(m, going_up, stages.STEP - stages.STATE, "up_late")
        reading = delayed(m, engine.reading, stages.LEVELS, "reading")
        tags = delayed(m, Cat(engine.first, engine.subtract, engine.reading), stages.PRODUCT, "tags")
        fires = delayed(m, engine.fires | engine.erasing.replicate(len(self.lanes)), stages.WRITE, "fires")
        erase = delayed(m, engine.erasing, stages.WRITE, "erase")
        m.d.comb += charges.index.eq(delayed(m, engine.index, stages.LEVELS - Charges.latency, "index"))
        for number, lane in enumerate(self.lanes):
            m.d.comb += [
                lane.key.eq(engine.key),
                lane.address.eq(engine.address),
                lane.read_address.eq(early),
                lane.write_address.eq(late),
                lane.write.eq(fires[number]),
                lane.erase.eq(erase),
                lane.going_up.eq(going_up),
                lane.went_up.eq(went_up),
                lane.reading.eq(reading),
                lane.charge.eq(getattr(charges, f"chosen_{number}")),
                Cat(lane.first, lane.subtract, lane.add).eq(tags),
            ]

    def _join_sums(self, m: Module, engine: Engine, converter: Converter, sums: list[Value]) -> None:
        """Hand finished sums to the converter: forward one of every lane in turn, backward their total."""
        bits = sum_bits(self._config, self._array)
        waiting = [Signal(signed(bits), name=f"waiting_{lane}", reset_less=True) for lane in range(len(sums))]
        left = Signal(range(len(sums) + 1))
        finished = Signal()
        m.d.comb += finished.eq(delayed(m, engine.last & engine.reading, stages.SUM, "finished"))
        total = sum(sums[1:], sums[0])
        m.d.sync += [register.eq(following) for register, following in pairwise(waiting)]
        with m.If(left != 0):
            m.d.sync += left.eq(left - 1)
        with m.If(finished):
            m.d.sync += [register.eq(value) for register, value in zip(waiting, sums, strict=True)]
            m.d.sync += left.eq(len(sums))
            with m.If(~self.sense_columns):
                m.d.sync += [waiting[0].eq(total), left.eq(1)]
        with m.If(~engine.active):
            m.d.sync += left.eq(0)
        m.d.comb += [
            converter.clear.eq(~engine.active),
            converter.valid.eq(left != 0),
            converter.sum.eq(waiting[0]),
            converter.forward.eq(self.sense_columns),
            converter.gain.eq(self.gain),
            converter.key.eq(engine.read_key),
            converter.adc_ready.eq(self.adc_ready),
            self.adc_valid.eq(converter.adc_valid),
            self.adc_data.eq(converter.adc_data),
        ]
