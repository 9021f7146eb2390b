"""The controller: all blocks, joined."""

from collections.abc import Mapping

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crosstwin_model.config import ControllerConfig
from crosstwin_model.registers import UNLIMITED, Control

from .axi_lite import AxiLite, axi_lite_signature
from .checker import Checker, compared_registers, judged_registers
from .counters import Counters
from .pairs import Pairs
from .pins import PINS, Pins
from .pulse_engine import NOW_LAYOUT, PulseEngine
from .reader import Reader, channels
from .register_file import RegisterFile
from .result import Result
from .sequencer import Sequencer
from .status import Status


class Controller(wiring.Component):
    """The crossbar controller of docs/controller.md.

    Parameters
    ----------
    config : ControllerConfig

    Attributes
    ----------
    s_axi : In(axi_lite_signature())
        Registers and vector windows.
    row_pos, row_neg : Out(rows), column_pos, column_neg : Out(columns)
        Line drivers; never both of one line.
    adc_valid : In(1), adc_data : In(lanes x adc_bits)
        A beat of ADC codes, lane 0 in the lowest bits.
    estop : In(1)
        Emergency stop, synchronous to the clock.
    irq : Out(1)
    busy, fault : Out(1)
        As in the register STATUS, for lights.

    The other pins to the array are those of :data:`crosstwin_hdl.pins.PINS`, all Out.
    """

    #: Clock cycles from the one in which the second half of a write is taken to the one in which the write acts.
    write_latency = AxiLite.latency + RegisterFile.latency

    def __init__(self, *, config: ControllerConfig) -> None:
        self.config = config
        super().__init__(
            {
                "s_axi": In(axi_lite_signature()),
                "row_pos": Out(config.rows),
                "row_neg": Out(config.rows),
                "column_pos": Out(config.columns),
                "column_neg": Out(config.columns),
                **{name: Out(width) for name, width in PINS.items()},
                "adc_valid": In(1),
                "adc_data": In(config.adc_lanes * config.adc_bits),
                "estop": In(1),
                "irq": Out(1),
                "busy": Out(1),
                "fault": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        m.submodules.axi = axi = AxiLite()
        m.submodules.registers = self._registers = RegisterFile(config=config)
        m.submodules.checker = self._checker = Checker(config=config)
        m.submodules.sequencer = self._sequencer = Sequencer()
        m.submodules.status = self._status = Status()
        m.submodules.counters = self._counters = Counters(config=config)
        m.submodules.pairs = self._pairs = Pairs(config=config)
        m.submodules.engine = self._engine = PulseEngine(config=config)
        m.submodules.reader = self._reader = Reader(config=config)
        m.submodules.pins = self._pins = Pins()
        m.submodules.result = self._result = Result(config=config)
        wiring.connect(m, wiring.flipped(self.s_axi), axi.axi)
        wiring.connect(m, axi.access, self._registers.access)
        self._join_command(m)
        self._join_status(m)
        self._join_pairs(m)
        self._join_engine(m)
        self._join_reads(m)
        self._join_pins(m)
        return m

    def _join_command(self, m: Module) -> None:
        """COMMAND's register, CHECK, and the state machine."""
        registers, checker, sequencer = self._registers, self._checker, self._sequencer
        m.d.comb += [
            checker.take.eq(registers.command_write),
            checker.coming_opcode.eq(registers.write_data[:4]),
            checker.coming_tile.eq(registers.write_data[8:]),
            checker.coming_single_ended.eq(registers.write_data[12]),
        ]
        inputs = [f"{name}_write" for name in judged_registers(self.config)] + compared_registers(self.config) + ["write_data"]
        _drive(m, checker, {name.lower(): getattr(registers, name.lower()) for name in inputs})
        stop_written = Signal()
        m.d.sync += stop_written.eq(registers.control_write & registers.write_data[0])
        self._stop = Signal()
        m.d.comb += [self._stop.eq(self.estop | stop_written), checker.fault.eq(self._status.fault)]
        _drive(
            m,
            sequencer,
            {
                "start": registers.command_write,
                "stop": self._stop,
                "refused": checker.refused,
                "reads": checker.reads,
                "transfers": checker.transfers,
                "transfer_due": checker.autonomous & self._pairs.due,
                "window_over": self._reader.window_over,
                "last_beat": self._reader.last_beat,
                "expired": self._reader.expired,
                "some": self._engine.some,
                "phase_over": self._engine.phase_over,
                "more": self._engine.more,
            },
        )

    def _join_status(self, m: Module) -> None:
        """What the host reads, and the counters."""
        registers, sequencer, status, counters = self._registers, self._sequencer, self._status, self._counters
        control = registers.control_write
        _drive(
            m,
            status,
            {
                "stop": self._stop,
                "timeout": self._reader.expired,
                "check": sequencer.check,
                "refusal": self._checker.refusal,
                "done": sequencer.finish & ~sequencer.chain,
                "clear_fault": control & registers.write_data[int(Control.CLEAR_FAULT).bit_length() - 1] & ~self.estop,
                "clear_interrupts": registers.write_data & registers.interrupt_status_write.replicate(3),
                "enable": registers.interrupt_enable,
            },
        )
        _drive(
            m,
            counters,
            {
                "cycle": sequencer.busy & ~sequencer.stopped & ~sequencer.check,
                "slot": sequencer.load,
                "operation": sequencer.finish,
                "slot_shown": self._pins.slot,
                "driven": Cat(self.row_pos | self.row_neg, self.column_pos | self.column_neg),
                "clear": control & registers.write_data[int(Control.CLEAR_COUNTERS).bit_length() - 1],
                "request": registers.counter_request,
                "number": registers.counter_number,
                "request_low": registers.counter_request_low,
            },
        )
        m.d.comb += [
            registers.counter.eq(counters.value),
            registers.counter_is_0.eq(counters.is_0),
            registers.busy.eq(sequencer.busy),
            registers.status.eq(Cat(sequencer.busy, status.fault, self.estop, status.fault_code)),
            registers.error.eq(status.error),
            registers.interrupt_status.eq(status.interrupts),
            registers.seed_x.eq(self._engine.state_x),
            registers.seed_d.eq(self._engine.state_d),
        ]

    def _join_pairs(self, m: Module) -> None:
        """The pairs' registers and the pulse budget, which operations change."""
        registers, pairs, sequencer = self._registers, self._pairs, self._sequencer
        numbers = range(self.config.pairs)
        _drive(
            m,
            pairs,
            {
                "pair": self._checker.pair,
                "write_row": Cat(getattr(registers, f"pair{pair}_transfer_row_write") for pair in numbers),
                "write_updates": Cat(getattr(registers, f"pair{pair}_updates_write") for pair in numbers),
                "write_data": registers.write_data,
                "count": sequencer.finish & self._checker.autonomous & ~sequencer.transferring,
                "next_row": sequencer.finish & sequencer.transferring,
            },
        )
        for pair in numbers:
            m.d.comb += [
                pairs.every[pair].eq(getattr(registers, f"pair{pair}_transfer_every")),
                pairs.active_rows[pair].eq(getattr(registers, f"pair{pair}_active").ROWS),
                pairs.active_columns[pair].eq(getattr(registers, f"pair{pair}_active").COLUMNS),
                getattr(registers, f"pair{pair}_transfer_row").eq(pairs.all_rows[pair]),
                getattr(registers, f"pair{pair}_updates").eq(pairs.all_updates[pair]),
            ]
        budget = Signal(32, init=UNLIMITED)
        with m.If(registers.pulse_budget_write):
            m.d.sync += budget.eq(registers.write_data)
        with m.Elif(sequencer.load & (budget != UNLIMITED)):
            m.d.sync += budget.eq(budget - 1)
        m.d.comb += registers.pulse_budget.eq(budget)

    def _join_engine(self, m: Module) -> None:
        """The pulse engine: settings, codes, and where the operation stands."""
        registers, sequencer, reader, engine = self._registers, self._sequencer, self._reader, self._engine
        settings = ("bl", "transfer_bl", "symmetrize_pairs", "source", "x_full_scale", "d_full_scale", "transfer_full_scale")
        _drive(m, engine, {name: getattr(registers, name) for name in settings})
        _drive(m, engine.now, {name: sequencer.now[name] for name in NOW_LAYOUT.members if name != "pulsing"})
        _drive(
            m,
            engine,
            {
                "width": registers.pulse.WIDTH,
                "gap": registers.pulse.GAP,
                "write_data": registers.write_data,
                "load_x": registers.seed_x_write,
                "load_d": registers.seed_d_write,
                "write_x": registers.window_x,
                "write_d": registers.window_d,
                "write_index": registers.window_index,
                "stop": self._stop,
                "transferring": sequencer.transferring,
                "symmetrize": self._checker.symmetrizes,
                "backward": self._checker.backward,
                "choosing": sequencer.choosing,
                "row": self._pairs.row,
                "level": reader.level,
                "beat": self._beat(),
                "lanes": reader.lanes,
                "beat_taken": reader.beat & sequencer.transferring,
                "beat_index": reader.index,
            },
        )
        m.d.comb += [
            engine.now.pulsing.eq(sequencer.pulsing),
            *(getattr(self, name).eq(getattr(engine, name)) for name in ("row_pos", "row_neg", "column_pos", "column_neg")),
        ]

    def _join_reads(self, m: Module) -> None:
        """The read engine and Y."""
        registers, sequencer, reader, result = self._registers, self._sequencer, self._reader, self._result
        _drive(
            m,
            reader,
            {
                "window": registers.read.WINDOW,
                "tick": registers.read.TICK,
                "timeout": registers.adc_timeout,
                "entries": Mux(self._checker.backward, self._pairs.rows, self._pairs.columns),
                "connect": sequencer.connect,
                "drive": sequencer.drive,
                "sample": sequencer.sample,
                "convert": sequencer.convert,
                "reading": sequencer.now["connect"] | sequencer.now["drive"],
                "valid": self.adc_valid,
            },
        )
        _drive(
            m,
            result,
            {
                "index": reader.index,
                "enable": reader.lanes & reader.beat.replicate(len(reader.lanes)),
                "codes": self._beat(),
                "word": registers.y_word,
            },
        )
        m.d.comb += registers.y_data.eq(result.data)

    def _join_pins(self, m: Module) -> None:
        """The control pins, and what the host reads of the interrupt."""
        registers, sequencer, checker = self._registers, self._sequencer, self._checker
        _drive(
            m,
            self._pins,
            {
                "stop": self._stop,
                "connect": sequencer.connect,
                "release": sequencer.release,
                "sample": sequencer.sample,
                "scan": sequencer.scan0,
                "load": sequencer.load,
                "hold": sequencer.hold,
                "finish": sequencer.finish,
                "last_beat": self._reader.last_beat,
                "expired": self._reader.expired,
                "transferring": sequencer.transferring,
                "backward": self._checker.backward,
                "command_tile": checker.tile,
                "single_ended": checker.single_ended,
                "read_gain": registers.read_gain.READ,
                "transfer_gain": registers.read_gain.TRANSFER,
                "load_quadrant": self._engine.quadrant,
            },
        )
        m.d.comb += [getattr(self, name).eq(getattr(self._pins, name)) for name in PINS]
        m.d.comb += [self.irq.eq(self._status.irq), self.busy.eq(self._sequencer.busy), self.fault.eq(self._status.fault)]

    def _beat(self) -> Value:
        """Return the ADC codes that the channels take."""
        return self.adc_data.replicate(channels(self.config) // self.config.adc_lanes)


def _drive(m: Module, block: object, inputs: Mapping[str, object]) -> None:
    """Drive a block's inputs, or the members of one, by name."""
    m.d.comb += [getattr(block, name).eq(value) for name, value in inputs.items()]
