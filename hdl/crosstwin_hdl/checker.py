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
)
#: A pair's registers that the rules look at.
PAIR_SETTINGS = ("TRANSFER_EVERY", "ACTIVE", "TRANSFER_ROW")
#: Registers, and those of a pair, whose values the rules compare with something that is not known when they are written.
COMPARED = ("BL", "TRANSFER_BL", "SOURCE", "SYMMETRIZE_PAIRS", "PULSE_BUDGET")
PAIR_COMPARED = ("ACTIVE", "TRANSFER_ROW")


def judged_registers(config: ControllerConfig) -> list[str]:
    """Return the names of the registers whose writes the checker judges."""
    return [*SETTINGS, *(f"PAIR{pair}_{name}" for pair in range(config.pairs) for name in PAIR_SETTINGS)]


def compared_registers(config: ControllerConfig) -> list[str]:
    """Return the names of the registers whose values the checker sees at any time."""
    return [*COMPARED, *(f"PAIR{pair}_{name}" for pair in range(config.pairs) for name in PAIR_COMPARED)]


class Checker(wiring.Component):
    """Judge a command, in three clock cycles.

    In the first the command is decoded, in the second, in which the bus takes it, the rules are ranked, but for the first and the
    last, and in CHECK it is left to see whether a fault is latched and whether the budget suffices. A setting is judged when it
    is written, so that all of them share what finds a 0; no reset value breaks a rule. None is written in the clock cycle before
    a command is.

    Parameters
    ----------
    config : ControllerConfig

    Attributes
    ----------
    write_data : In(32)
        What is written where a ``*_write`` is high; it has no bit outside of the register's fields.
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

    Besides, for each of :func:`judged_registers` ``name_write`` : In(1), and for each of :func:`compared_registers` ``name`` :
    In(layout).
    """

    def __init__(self, *, config: ControllerConfig) -> None:
        self._config = config
        registers = register_map(config)
        super().__init__(
            {
                **{f"{name.lower()}_write": In(1) for name in judged_registers(config)},
                **{name.lower(): In(register_layout(registers[name])) for name in compared_registers(config)},
                "write_data": In(32),
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
        low, high = self.write_data[:16], self.write_data[16:]
        self._no_low, self._no_high = ~low.any(), ~high.any()
        every = [self._judge(m, f"pair{pair}_transfer_every", low.any()) for pair in range(self._config.pairs)]
        coming = self._decode(every)
        now = {name: Signal(name=name, reset_less=True) for name in coming}
        m.d.sync += [now[name].eq(value) for name, value in coming.items()]
        tile = Signal(4, reset_less=True)
        m.d.sync += tile.eq(self.coming_tile)
        read, update, transfer, symmetrize = now["read"], now["update"], now["transfer"], now["symmetrize"]
        both = update | transfer
        rules: dict[ErrorCode, Value] = {
            ErrorCode.BAD_OPCODE: now["bad_opcode"],
            ErrorCode.BAD_TILE: now["bad_tile"],
            ErrorCode.BAD_PULSE: (both | symmetrize) & self._judge(m, "pulse", self._no_low | self._no_high),
            ErrorCode.BAD_BL: (update & self._bad_bl(m, "bl")) | (transfer & self._bad_bl(m, "transfer_bl")),
            ErrorCode.BAD_SOURCE: both
            & self._judge(m, "source", ~any_of(int(s) == self.write_data[:2] for s in self._sources())),
            ErrorCode.BAD_FULL_SCALE: (update & (self._bad_scale(m, "x_full_scale") | self._bad_scale(m, "d_full_scale")))
            | (transfer & self._bad_scale(m, "transfer_full_scale")),
            ErrorCode.BAD_COUNT: symmetrize & self._judge(m, "symmetrize_pairs", self._no_low),
            ErrorCode.BAD_READ: (read | transfer)
            & (self._judge(m, "read", self._no_low | self._no_high) | self._judge(m, "adc_timeout", self._no_low)),
            ErrorCode.BAD_ACTIVE: ((read | transfer) & self._of_pair(m, tile, self._bad_active))
            | (transfer & self._of_pair(m, tile, self._bad_row)),
        }
        first: Value = Const(ErrorCode.OK, 4)
        for code, broken in reversed(rules.items()):
            first = Mux(broken, int(code), first)
        ranked = Signal(4)
        broken = Signal()
        over = Signal(reset_less=True)
        m.d.sync += over.eq(self._over_budget(m, coming))
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
                self.autonomous.eq(now["autonomous"]),
            ]
        m.d.comb += [
            self.pair.eq(self.tile[2:]),
            self.refused.eq(self.fault | broken | over),
            self.refusal.eq(
                Mux(self.fault, int(ErrorCode.FAULTED), Mux(broken, ranked, Mux(over, int(ErrorCode.PULSE_BUDGET), ErrorCode.OK)))
            ),
        ]
        return m

    def _decode(self, every: list[Signal]) -> dict[str, Value]:
        """Return what is known of a command by itself, and whether it is an UPDATE that a TRANSFER may follow."""
        opcode, tile, single_ended = self.coming_opcode, self.coming_tile, self.coming_single_ended
        kind, pair = tile[:2], tile[2:]
        backward = opcode == Opcode.BACKWARD
        read = (opcode == Opcode.FORWARD) | backward
        update, transfers, symmetrize = (opcode == one for one in (Opcode.UPDATE, Opcode.TRANSFER, Opcode.SYMMETRIZE))
        autonomous = update & (kind == TileKind.A) & any_of((pair == i) & flag for i, flag in enumerate(every))
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
            "autonomous": autonomous,
            "transfer": transfers | autonomous,
            "symmetrize": symmetrize,
        }

    def _judge(self, m: Module, register: str, value: Value, name: str = "") -> Signal:
        """Return a condition on what was last written to a register; 0 after a reset."""
        flag = Signal(name=f"judged_{register}{name}")
        with m.If(getattr(self, f"{register}_write")):
            m.d.sync += flag.eq(value)
        return flag

    def _of_pair(self, m: Module, tile: Value, condition: Callable[[Module, int], Value]) -> Value:
        """Return a condition on the written command's pair; 0 if there is no such pair."""
        flags = [condition(m, pair) for pair in range(self._config.pairs)]
        return Array([*flags, *(Const(0, 1) for _ in range(4 - len(flags)))])[tile[2:]]

    def _sources(self) -> list[Source]:
        return [source for source in Source if self._config.has_source(source)]

    def _bad_bl(self, m: Module, name: str) -> Signal:
        return self._judge(m, name, self._no_low | exceeds(self.write_data[:8], self._config.bl_max))

    def _bad_scale(self, m: Module, name: str) -> Value:
        bad: Value = self._judge(m, name, self._no_low)
        if self._config.has_source(Source.LFSR_PER_LINE):
            other = self._judge(m, name, self.write_data[:16] != 1 << self._config.code_bits, "_is_other")
            bad |= other & (self.source.VALUE == Source.LFSR_PER_LINE)
        return bad

    def _bad_active(self, m: Module, pair: int) -> Signal:
        too_many = exceeds(self.write_data[:16], self._config.rows) | exceeds(self.write_data[16:], self._config.columns)
        return self._judge(m, f"pair{pair}_active", self._no_low | self._no_high | too_many)

    def _bad_row(self, m: Module, pair: int) -> Value:
        """Return whether the row is not active; where ACTIVE itself is bad, which has the same code, either answer will do."""
        row, rows = getattr(self, f"pair{pair}_transfer_row").VALUE, getattr(self, f"pair{pair}_active").ROWS
        bits = self._config.rows.bit_length()
        inactive = Signal(name=f"inactive_{pair}", reset_less=True)
        m.d.sync += inactive.eq(row[:bits] >= rows[:bits])
        return inactive | self._judge(m, f"pair{pair}_transfer_row", self.write_data[bits:16].any())

    def _over_budget(self, m: Module, coming: Mapping[str, Value]) -> Value:
        """Return whether the slots that the operation may need are more than are left; they are counted in pairs."""
        budget = self.pulse_budget.VALUE
        update, autonomous = coming["update"], coming["autonomous"]
        of_update, of_transfer = Cat(Const(0, 1), self.bl.VALUE), self.transfer_bl.VALUE
        needed = Signal(16, reset_less=True)
        enough = Signal(reset_less=True)
        # More than any operation needs are left; so it is without a limit.
        m.d.sync += [
            needed.eq(
                ((of_update + of_transfer) & autonomous.replicate(10))
                | (of_update & (update & ~autonomous).replicate(9))
                | (of_transfer & coming["transfers"].replicate(8))
                | (self.symmetrize_pairs.VALUE & coming["symmetrize"].replicate(16))
            ),
            enough.eq(budget[17:].any()),
        ]
        return ~enough & (needed > budget[1:17])
