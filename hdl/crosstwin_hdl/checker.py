"""CHECK: the rules that a command must keep, in their order."""

from collections.abc import Callable, Mapping

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crosstwin_model.config import ControllerConfig, Source
from crosstwin_model.registers import ErrorCode, Opcode, TileKind, register_map

from .logic import any_of, exceeds
from .register_file import register_layout

#: Settings that the rules look at.
SETTINGS = (
    "PULSE",
    "BL",
    "TRANSFER_BL",
    "SOURCE",
    "X_FULL_SCALE",
    "D_FULL_SCALE",
    "TRANSFER_FULL_SCALE",
    "READ",
    "ADC_TIMEOUT",
    "SYMMETRIZE_PAIRS",
    "PULSE_BUDGET",
)
#: A pair's registers that the rules look at.
PAIR_SETTINGS = ("TRANSFER_EVERY", "ACTIVE", "TRANSFER_ROW")


class Checker(wiring.Component):
    """Judge a command, in three clock cycles.

    In the first the command is decoded, in the second, in which the bus takes it, the rules are ranked, but for the first and the
    last, and in CHECK it is left to see whether a fault is latched and whether the budget suffices. What depends on the settings
    alone is kept in flip-flops: none changes in the two clock cycles before CHECK.

    Parameters
    ----------
    config : ControllerConfig

    Attributes
    ----------
    coming_opcode : In(4), coming_tile : In(4), coming_single_ended : In(1)
        What may be written as COMMAND in the coming clock cycle.
    take : In(1)
        It is written; CHECK is the next clock cycle.
    fault : In(1)
        A fault is latched.
    refused : Out(1), refusal : Out(4)
        In CHECK: a rule is broken; the first broken rule's error code, or 0.
    tile : Out(4), single_ended : Out(1)
        The command, from CHECK to the next one.
    reads, backward, transfers, symmetrizes : Out(1)
        The command is FORWARD or BACKWARD; BACKWARD; TRANSFER; SYMMETRIZE.
    autonomous : Out(1)
        The command is an UPDATE of an A tile whose pair has TRANSFER_EVERY > 0.
    pair : Out(2)
        The tile's pair.

    Besides, for every register of SETTINGS: ``name`` : In(layout), and for every one of PAIR_SETTINGS ``pair0_name`` and so on.
    """

    def __init__(self, *, config: ControllerConfig) -> None:
        self._config = config
        registers = register_map(config)
        names = [*SETTINGS, *(f"PAIR{pair}_{name}" for pair in range(config.pairs) for name in PAIR_SETTINGS)]
        super().__init__(
            {
                **{name.lower(): In(register_layout(registers[name])) for name in names},
                "coming_opcode": In(4),
                "coming_tile": In(4),
                "coming_single_ended": In(1),
                "take": In(1),
                "fault": In(1),
                "refused": Out(1),
                "refusal": Out(4),
                "tile": Out(4),
                "single_ended": Out(1),
                "reads": Out(1),
                "backward": Out(1),
                "transfers": Out(1),
                "symmetrizes": Out(1),
                "autonomous": Out(1),
                "pair": Out(2),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        coming = self._decode()
        now = {name: Signal(name=name, reset_less=True) for name in coming}
        m.d.sync += [now[name].eq(value) for name, value in coming.items()]
        tile = Signal(4, reset_less=True)
        m.d.sync += tile.eq(self.coming_tile)
        read, update, transfer, symmetrize = now["read"], now["update"], now["transfer"], now["symmetrize"]
        both = update | transfer
        rules: dict[ErrorCode, Value] = {
            ErrorCode.BAD_OPCODE: now["bad_opcode"],
            ErrorCode.BAD_TILE: now["bad_tile"],
            ErrorCode.BAD_PULSE: (both | symmetrize) & self._flag(m, "pulse", ~self.pulse.WIDTH.any() | ~self.pulse.GAP.any()),
            ErrorCode.BAD_BL: (update & self._bad_bl(m, "bl")) | (transfer & self._bad_bl(m, "transfer_bl")),
            ErrorCode.BAD_SOURCE: both & self._flag(m, "source", ~any_of(int(s) == self.source.VALUE for s in self._sources())),
            ErrorCode.BAD_FULL_SCALE: (update & (self._bad_scale(m, "x_full_scale") | self._bad_scale(m, "d_full_scale")))
            | (transfer & self._bad_scale(m, "transfer_full_scale")),
            ErrorCode.BAD_COUNT: symmetrize & self._flag(m, "count", ~self.symmetrize_pairs.VALUE.any()),
            ErrorCode.BAD_READ: (read | transfer) & self._flag(m, "read", self._bad_read()),
            ErrorCode.BAD_ACTIVE: ((read | transfer) & self._of_pair(m, tile, "active", self._bad_active))
            | (transfer & self._of_pair(m, tile, "row", self._bad_row)),
        }
        first: Value = Const(ErrorCode.OK, 4)
        for code, broken in reversed(rules.items()):
            first = Mux(broken, int(code), first)
        ranked = Signal(4)
        broken = Signal()
        over = Signal(reset_less=True)
        m.d.sync += over.eq(self._over_budget(m, now))
        with m.If(self.take):
            m.d.sync += [
                ranked.eq(first),
                broken.eq(any_of(rules.values())),
                self.tile.eq(tile),
                self.single_ended.eq(now["single_ended"]),
                self.reads.eq(read),
                self.backward.eq(now["backward"]),
                self.transfers.eq(now["transfers"]),
                self.symmetrizes.eq(symmetrize),
                self.autonomous.eq(update & transfer),
            ]
        m.d.comb += [
            self.pair.eq(self.tile[2:]),
            self.refused.eq(self.fault | broken | over),
            self.refusal.eq(
                Mux(self.fault, int(ErrorCode.FAULTED), Mux(broken, ranked, Mux(over, int(ErrorCode.PULSE_BUDGET), ErrorCode.OK)))
            ),
        ]
        return m

    def _decode(self) -> dict[str, Value]:
        """Return what is known of a command by itself, and whether it is an UPDATE that a TRANSFER may follow."""
        opcode, tile, single_ended = self.coming_opcode, self.coming_tile, self.coming_single_ended
        kind, pair = tile[:2], tile[2:]
        backward = opcode == Opcode.BACKWARD
        read = (opcode == Opcode.FORWARD) | backward
        update, transfers, symmetrize = (opcode == one for one in (Opcode.UPDATE, Opcode.TRANSFER, Opcode.SYMMETRIZE))
        every = any_of((pair == i) & getattr(self, f"pair{i}_transfer_every").VALUE.any() for i in range(self._config.pairs))
        autonomous = update & (kind == TileKind.A) & every
        bad_tile = (transfers & (kind != TileKind.A)) | (read & kind[1] & ~single_ended)
        if self._config.pairs < 4:
            bad_tile |= pair >= self._config.pairs
        return {
            "bad_opcode": ~(read | update | transfers | symmetrize) | (single_ended & ~read),
            "bad_tile": bad_tile,
            "single_ended": single_ended,
            "read": read,
            "backward": backward,
            "update": update,
            "transfers": transfers,
            "transfer": transfers | autonomous,
            "symmetrize": symmetrize,
        }

    def _flag(self, m: Module, name: str, value: Value) -> Signal:
        """Return a condition on settings as it was one clock cycle ago."""
        flag = Signal(name=f"bad_{name}", reset_less=True)
        m.d.sync += flag.eq(value)
        return flag

    def _of_pair(self, m: Module, tile: Value, name: str, condition: Callable[[int], Value]) -> Value:
        """Return a condition on the written command's pair, as it was one clock cycle ago; 0 if there is no such pair."""
        flags = [self._flag(m, f"{name}_{pair}", condition(pair)) for pair in range(self._config.pairs)]
        return Array([*flags, *(Const(0, 1) for _ in range(4 - len(flags)))])[tile[2:]]

    def _sources(self) -> list[Source]:
        return [source for source in Source if self._config.has_source(source)]

    def _bad_bl(self, m: Module, name: str) -> Signal:
        value = getattr(self, name).VALUE
        return self._flag(m, name, ~value.any() | exceeds(value, self._config.bl_max))

    def _bad_scale(self, m: Module, name: str) -> Signal:
        value = getattr(self, name).VALUE
        bad = ~value.any()
        if self._config.has_source(Source.LFSR_PER_LINE):
            bad |= (self.source.VALUE == Source.LFSR_PER_LINE) & (value != 1 << self._config.code_bits)
        return self._flag(m, name, bad)

    def _bad_read(self) -> Value:
        return ~self.read.WINDOW.any() | ~self.read.TICK.any() | ~self.adc_timeout.VALUE.any()

    def _bad_active(self, pair: int) -> Value:
        active = getattr(self, f"pair{pair}_active")
        rows, columns = active.ROWS, active.COLUMNS
        return ~rows.any() | exceeds(rows, self._config.rows) | ~columns.any() | exceeds(columns, self._config.columns)

    def _bad_row(self, pair: int) -> Value:
        """Return whether the row is not active; where ACTIVE itself is bad, which has the same code, either answer will do."""
        row, rows = getattr(self, f"pair{pair}_transfer_row").VALUE, getattr(self, f"pair{pair}_active").ROWS
        bits = self._config.rows.bit_length()
        return row[bits:].any() | (row[:bits] >= rows[:bits])

    def _over_budget(self, m: Module, now: Mapping[str, Value]) -> Value:
        """Return whether the slots that the operation may need are more than are left."""
        budget = self.pulse_budget.VALUE
        update, transfer = now["update"], now["transfer"]
        of_update = Cat(Const(0, 2), self.bl.VALUE)
        of_transfer = Cat(Const(0, 1), self.transfer_bl.VALUE)
        of_both = Signal(11, reset_less=True)
        enough = Signal(reset_less=True)
        # More than any operation needs are left; so it is without a limit.
        m.d.sync += [of_both.eq(of_update + of_transfer), enough.eq(budget[17:].any())]
        slots = (
            (of_both & (update & transfer).replicate(11))
            | (of_update & (update & ~transfer).replicate(10))
            | (of_transfer & (transfer & ~update).replicate(9))
            | (Cat(Const(0, 1), self.symmetrize_pairs.VALUE) & now["symmetrize"].replicate(17))
        )
        return ~enough & (slots > budget[:17])
