"""The pulse engine: from codes and random numbers to driven lines, joined from its blocks."""

from amaranth.hdl import Module, Mux
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from crosstwin_model.config import ControllerConfig, Source
from crosstwin_model.registers import SEED_BITS, SEED_RESET

from .codes import CodeStage
from .drive import DriveControl
from .lfsr import COLUMN_LINE_TAPS, ROW_LINE_TAPS
from .lines import Lines
from .logic import index_bits
from .reader import channels
from .slots import Slots
from .source import SharedSource
from .thresholds import Threshold

#: The sequencer's states that the pulse engine looks at, whether the operation goes on or is stopped, and ``pulsing``.
NOW_LAYOUT = data.StructLayout(
    dict.fromkeys(
        ("check", "connect", "drive", "convert", "scan0", "scan1", "plan", "load", "hold", "gap", "pulsing"),
        1,
    )
)


class PulseEngine(wiring.Component):
    """Drive the lines: in an operation's slots by their codes and random numbers, in reads by their codes for a time.

    Parameters
    ----------
    config : ControllerConfig

    Attributes
    ----------
    width, gap : In(16), bl, transfer_bl : In(8), symmetrize_pairs : In(16), source : In(2)
        The registers of these names, steady during an operation.
    x_full_scale, d_full_scale, transfer_full_scale : In(R + 4)
        Likewise.
    write_data : In(32)
        What the bus writes.
    load_x, load_d : In(1)
        It goes to SEED_X, SEED_D.
    write_x, write_d : In(1), write_index : In(10)
        It is this word of X, of D.
    now : In(NOW_LAYOUT)
        Where the operation stands.
    stop : In(1)
        It ends in this clock cycle.
    transferring, symmetrize, backward : In(1)
        The operation.
    choosing : In(1), row : In
        Two clock cycles later only this row hits.
    level : In(R)
        Of reads: ticks of the window that will have passed in the second clock cycle from now.
    beat : In(channels x adc_bits), lanes : In(channels), beat_taken : In(1), beat_index : In
        The ADC's codes, as in :class:`crosstwin_hdl.codes.CodeStage`; ``beat_taken`` if they go to D.
    row_pos, row_neg : Out(rows), column_pos, column_neg : Out(columns)
        Line drivers.
    some, phase_over, more, quadrant : Out
        As in :class:`crosstwin_hdl.slots.Slots`.
    state_x, state_d : Out
        The shared LFSRs, as SEED_X and SEED_D read.
    """

    def __init__(self, *, config: ControllerConfig) -> None:
        self._config = config
        width = channels(config)
        flags = (
            "load_x",
            "load_d",
            "write_x",
            "write_d",
            "stop",
            "transferring",
            "symmetrize",
            "backward",
            "choosing",
            "beat_taken",
        )
        super().__init__(
            {
                "width": In(16),
                "gap": In(16),
                "bl": In(8),
                "transfer_bl": In(8),
                "symmetrize_pairs": In(16),
                "source": In(2),
                **{f"{name}_full_scale": In(config.code_bits + 4) for name in ("x", "d", "transfer")},
                "write_data": In(32),
                "write_index": In(10),
                **{name: In(1) for name in flags},
                "now": In(NOW_LAYOUT),
                "row": In(index_bits(config.rows)),
                "level": In(config.code_bits),
                "beat": In(width * config.adc_bits),
                "lanes": In(width),
                "beat_index": In(index_bits(-(-max(config.rows, config.columns) // width))),
                "row_pos": Out(config.rows),
                "row_neg": Out(config.rows),
                "column_pos": Out(config.columns),
                "column_neg": Out(config.columns),
                "some": Out(1),
                "phase_over": Out(1),
                "more": Out(1),
                "quadrant": Out(2),
                "state_x": Out(SEED_BITS[0]),
                "state_d": Out(SEED_BITS[1]),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        m.submodules.slots = self._slots = Slots(config=config)
        m.submodules.source = self._source = SharedSource(config=config)
        m.submodules.codes = self._codes = CodeStage(config=config)
        m.submodules.drive = self._drive = DriveControl(config=config)
        m.submodules.row_lines = self._row_lines = self._lines(rows=True)
        m.submodules.column_lines = self._column_lines = self._lines(rows=False)
        m.submodules.row_threshold = self._row_threshold = Threshold(code_bits=config.code_bits)
        m.submodules.column_threshold = self._column_threshold = Threshold(code_bits=config.code_bits)
        self._join_slots(m)
        self._join_numbers(m)
        self._join_drive(m)
        self._join_codes(m)
        self._join_lines(m)
        return m

    def _lines(self, *, rows: bool) -> Lines:
        config = self._config
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

    def _join_slots(self, m: Module) -> None:
        slots, now = self._slots, self.now
        m.d.comb += [
            slots.width.eq(self.width),
            slots.gap.eq(self.gap),
            slots.bl.eq(Mux(self.transferring, self.transfer_bl, self.bl)),
            slots.pairs.eq(self.symmetrize_pairs),
            slots.symmetrize.eq(self.symmetrize),
            slots.quadrants.eq(self._drive.quadrants),
            slots.scan.eq(now.scan0),
            slots.plan.eq(now.plan),
            slots.load.eq(now.load),
            slots.hold.eq(now.hold),
            slots.gapping.eq(now.gap),
            slots.pulsing.eq(now.pulsing),
            *(getattr(self, name).eq(getattr(slots, name)) for name in ("some", "phase_over", "more", "quadrant")),
        ]

    def _join_numbers(self, m: Module) -> None:
        """Random numbers and the bounds that are made of them."""
        slots, source, now = self._slots, self._source, self.now
        draws = ~self.symmetrize & ~self.stop
        m.d.comb += [
            source.source.eq(self.source),
            source.load_x.eq(self.load_x),
            source.load_d.eq(self.load_d),
            source.seed.eq(self.write_data),
            source.idle.eq(~(now.scan0 | now.pulsing)),
            source.second.eq(now.scan1),
            source.draw.eq(now.scan1 & draws),
            source.slot.eq(now.load & draws),
            source.index.eq(slots.index),
            source.left.eq(slots.left),
            self.state_x.eq(source.state_x),
            self.state_d.eq(source.state_d),
        ]
        column_scale = Mux(self.transferring, self.transfer_full_scale, self.d_full_scale)
        for threshold, number, scale, everything in (
            (self._row_threshold, source.row, self.x_full_scale, self.symmetrize | self.transferring),
            (self._column_threshold, source.column, column_scale, self.symmetrize),
        ):
            m.d.comb += [
                threshold.number.eq(number),
                threshold.take.eq(now.scan0 | slots.ahead),
                threshold.full_scale.eq(scale),
                threshold.pulses.eq(now.pulsing),
                threshold.everything.eq(everything),
                threshold.level.eq(self.level),
            ]

    def _join_drive(self, m: Module) -> None:
        drive, now = self._drive, self.now
        m.d.comb += [
            drive.reading.eq(now.connect | now.drive),
            drive.check.eq(now.check),
            drive.pulsing.eq(now.pulsing),
            drive.backward.eq(self.backward),
            drive.transferring.eq(self.transferring),
            drive.choosing.eq(self.choosing),
            drive.symmetrize.eq(self.symmetrize),
            drive.coming_quadrant.eq(self._slots.coming_quadrant),
            drive.source.eq(self.source),
            drive.row_found.eq(self._row_lines.found),
            drive.column_found.eq(self._column_lines.found),
            drive.beat_positive.eq(self._codes.positive),
            drive.beat_negative.eq(self._codes.negative),
        ]

    def _join_codes(self, m: Module) -> None:
        """Codes from the bus and the ADC; a TRANSFER begins with none in D."""
        codes, rows, columns = self._codes, self._row_lines, self._column_lines
        clear = self.now.connect & self.transferring & ~self.stop
        m.d.comb += [
            codes.word.eq(self.write_data),
            codes.beat.eq(self.beat),
            codes.lanes.eq(self.lanes),
            codes.convert.eq(self.now.convert),
            codes.write_x.eq(self.write_x),
            codes.write_d.eq(self.write_d),
            codes.index.eq(self.write_index),
            codes.beat_d.eq(self.beat_taken),
            codes.beat_index.eq(self.beat_index),
            codes.clear.eq(clear),
            columns.clear.eq(clear),
            rows.write.select.eq(codes.x_select),
            columns.write.select.eq(codes.d_select),
        ]
        for lines in (rows, columns):
            m.d.comb += [code.as_value().eq(new.as_value()) for code, new in zip(lines.write.codes, codes.codes, strict=False)]

    def _join_lines(self, m: Module) -> None:
        now, drive, rows, columns = self.now, self._drive, self._row_lines, self._column_lines
        for lines, threshold, load_seed in (
            (rows, self._row_threshold, self.load_x),
            (columns, self._column_threshold, self.load_d),
        ):
            m.d.comb += [
                lines.bound.eq(threshold.bound),
                lines.load.eq(now.load | now.drive),
                lines.hold.eq(now.hold),
                lines.stop.eq(self.stop),
                lines.load_seed.eq(load_seed),
                lines.seed.eq(self.write_data),
                lines.advance.eq(self._source.advance_lines),
            ]
        m.d.comb += [
            rows.everything.eq(drive.all_rows),
            rows.drive.eq(drive.rows),
            rows.own.eq(drive.own_rows),
            rows.one.eq(self.choosing),
            rows.line.eq(self.row),
            columns.everything.eq(drive.all_columns),
            columns.drive.eq(drive.columns),
            columns.own.eq(drive.own_columns),
            self.row_pos.eq(rows.pos),
            self.row_neg.eq(rows.neg),
            self.column_pos.eq(columns.pos),
            self.column_neg.eq(columns.neg),
        ]
