"""The controller: all blocks, joined."""

from collections.abc import Mapping

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crosstwin_model.config import ControllerConfig, Source
from crosstwin_model.registers import SEED_RESET, UNLIMITED, Control

from .axi_lite import AxiLite, axi_lite_signature
from .checker import Checker, compared_registers, judged_registers
from .codes import CodeStage
from .counters import Counters
from .drive import DriveControl
from .lfsr import COLUMN_LINE_TAPS, ROW_LINE_TAPS
from .lines import Lines
from .pairs import Pairs
from .pins import PINS, Pins
from .reader import Reader, channels
from .register_file import RegisterFile
from .result import Result
from .sequencer import Sequencer
from .slots import Slots
from .source import SharedSource
from .status import Status
from .thresholds import Threshold


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
        m.submodules.slots = self._slots = Slots(config=config)
        m.submodules.reader = self._reader = Reader(config=config)
        m.submodules.source = self._source = SharedSource(config=config)
        m.submodules.codes = self._codes = CodeStage(config=config)
        m.submodules.drive = self._drive = DriveControl(config=config)
        m.submodules.pins = self._pins = Pins()
        m.submodules.result = self._result = Result(config=config)
        m.submodules.row_lines = self._row_lines = self._lines(rows=True)
        m.submodules.column_lines = self._column_lines = self._lines(rows=False)
        m.submodules.row_threshold = self._row_threshold = Threshold(code_bits=config.code_bits)
        m.submodules.column_threshold = self._column_threshold = Threshold(code_bits=config.code_bits)
        wiring.connect(m, wiring.flipped(self.s_axi), axi.axi)
        wiring.connect(m, axi.access, self._registers.access)
        self._join_command(m)
        self._join_status(m)
        self._join_pairs(m)
        self._join_pulses(m)
        self._join_lines(m)
        self._join_reads(m)
        self._join_pins(m)
        return m

    def _lines(self, *, rows: bool) -> Lines:
        config = self.config
        taps = ROW_LINE_TAPS if rows else COLUMN_LINE_TAPS
        return Lines(
            count=config.rows if rows else config.columns,
            code_bits=config.code_bits,
            channels=2 if rows else channels(config),
            selectable=rows,
            line_taps=taps if config.has_source(Source.LFSR_PER_LINE) else None,
            reset_seed=SEED_RESET[0 if rows else 1],
            odd=not rows,
        )

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
                "some": self._slots.some,
                "phase_over": self._slots.phase_over,
                "more": self._slots.more,
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
                "read": registers.counter_read,
            },
        )
        m.d.comb += [
            registers.counter.eq(counters.value),
            registers.busy.eq(sequencer.busy),
            registers.status.eq(Cat(sequencer.busy, status.fault, self.estop, status.fault_code)),
            registers.error.eq(status.error),
            registers.interrupt_status.eq(status.interrupts),
            registers.seed_x.eq(self._source.state_x),
            registers.seed_d.eq(self._source.state_d),
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

    def _join_pulses(self, m: Module) -> None:
        """Slots, random numbers and thresholds."""
        registers, sequencer, slots, source = self._registers, self._sequencer, self._slots, self._source
        transferring = sequencer.transferring
        symmetrize = self._checker.symmetrizes
        now = sequencer.now
        pulsing = sequencer.pulsing
        _drive(
            m,
            slots,
            {
                "width": registers.pulse.WIDTH,
                "gap": registers.pulse.GAP,
                "bl": Mux(transferring, registers.transfer_bl, registers.bl),
                "pairs": registers.symmetrize_pairs,
                "symmetrize": symmetrize,
                "quadrants": self._drive.quadrants,
                "scan": now["scan0"],
                "plan": now["plan"],
                "load": now["load"],
                "hold": now["hold"],
                "gapping": now["gap"],
                "pulsing": pulsing,
            },
        )
        _drive(
            m,
            source,
            {
                "source": registers.source,
                "load_x": registers.seed_x_write,
                "load_d": registers.seed_d_write,
                "seed": registers.write_data,
                "idle": ~(now["scan0"] | pulsing),
                "second": now["scan1"],
                "draw": sequencer.scan1 & ~symmetrize,
                "slot": sequencer.load & ~symmetrize,
                "index": slots.index,
                "left": slots.left,
            },
        )
        column_scale = Mux(transferring, registers.transfer_full_scale, registers.d_full_scale)
        for threshold, number, scale, everything in (
            (self._row_threshold, source.row, registers.x_full_scale, symmetrize | transferring),
            (self._column_threshold, source.column, column_scale, symmetrize),
        ):
            m.d.comb += [
                threshold.number.eq(number),
                threshold.take.eq(now["scan0"] | slots.ahead),
                threshold.full_scale.eq(scale),
                threshold.pulses.eq(pulsing),
                threshold.everything.eq(everything),
                threshold.level.eq(self._reader.level),
            ]
        _drive(
            m,
            self._drive,
            {
                "reading": now["connect"] | now["drive"],
                "check": now["check"],
                "pulsing": pulsing,
                "backward": self._checker.backward,
                "transferring": transferring,
                "symmetrize": symmetrize,
                "coming_quadrant": slots.coming_quadrant,
                "source": registers.source,
                "row_found": self._row_lines.found,
                "column_found": self._column_lines.found,
                "beat_positive": self._codes.positive,
                "beat_negative": self._codes.negative,
            },
        )

    def _join_lines(self, m: Module) -> None:
        """Codes from the bus and the ADC, and the drive flip-flops."""
        registers, sequencer, drive, codes = self._registers, self._sequencer, self._drive, self._codes
        rows, columns = self._row_lines, self._column_lines
        now = sequencer.now
        for lines, threshold, everything, control, own, load_seed, enable, index in (
            (
                rows,
                self._row_threshold,
                drive.all_rows,
                drive.rows,
                drive.own_rows,
                registers.seed_x_write,
                codes.x_enable,
                codes.x_index,
            ),
            (
                columns,
                self._column_threshold,
                drive.all_columns,
                drive.columns,
                drive.own_columns,
                registers.seed_d_write,
                codes.d_enable,
                codes.d_index,
            ),
        ):
            _drive(
                m,
                lines,
                {
                    "bound": threshold.bound,
                    "everything": everything,
                    "own": own,
                    "drive": control,
                    "load": now["load"] | now["drive"],
                    "hold": now["hold"],
                    "stop": self._stop,
                    "load_seed": load_seed,
                    "seed": registers.write_data,
                    "advance": self._source.advance_lines,
                },
            )
            m.d.comb += [lines.write.enable.eq(enable), lines.write.index.eq(index)]
            m.d.comb += [code.as_value().eq(new.as_value()) for code, new in zip(lines.write.codes, codes.codes, strict=False)]
        clear = sequencer.connect & sequencer.transferring
        _drive(
            m,
            codes,
            {
                "word": registers.write_data,
                "beat": self._beat(),
                "lanes": self._reader.lanes,
                "convert": now["convert"],
                "write_x": registers.window_x,
                "write_d": registers.window_d,
                "index": registers.window_index,
                "beat_d": self._reader.beat & sequencer.transferring,
                "beat_index": self._reader.index,
                "clear": clear,
            },
        )
        m.d.comb += [
            rows.one.eq(sequencer.choosing),
            rows.line.eq(self._pairs.row),
            columns.clear.eq(clear),
            self.row_pos.eq(rows.pos),
            self.row_neg.eq(rows.neg),
            self.column_pos.eq(columns.pos),
            self.column_neg.eq(columns.neg),
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
                "load_quadrant": self._slots.quadrant,
            },
        )
        m.d.comb += [getattr(self, name).eq(getattr(self._pins, name)) for name in PINS]
        m.d.comb += [self.irq.eq(self._status.irq), self.busy.eq(self._sequencer.busy), self.fault.eq(self._status.fault)]

    def _beat(self) -> Value:
        """Return the ADC codes that the channels take."""
        return self.adc_data.replicate(channels(self.config) // self.config.adc_lanes)


def _drive(m: Module, block: wiring.Component, inputs: Mapping[str, object]) -> None:
    """Drive a block's inputs, by name."""
    m.d.comb += [getattr(block, name).eq(value) for name, value in inputs.items()]
