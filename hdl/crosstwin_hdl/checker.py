"""CHECK: the rules that a command must keep, in their order."""

from collections.abc import Callable

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crosstwin_model.config import ControllerConfig, Source
from crosstwin_model.registers import UNLIMITED, ErrorCode, Opcode, TileKind, register_map

from .logic import any_of
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
    """Judge a command.

    What depends on the settings alone is decided one clock cycle ahead and kept in flip-flops: no setting changes in the clock
    cycle before CHECK, in which the bus takes COMMAND. What is left for CHECK is to choose and to rank.

    Parameters
    ----------
    config : ControllerConfig

    Attributes
    ----------
    opcode : In(4), tile : In(4), single_ended : In(1)
        The command.
    fault : In(1)
        A fault is latched.
    refusal : Out(4)
        The first broken rule's error code, or 0.
    reads, transfers, updates, symmetrizes : Out(1)
        The command is FORWARD or BACKWARD; TRANSFER; UPDATE; SYMMETRIZE.
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
                "opcode": In(4),
                "tile": In(4),
                "single_ended": In(1),
                "fault": In(1),
                "refusal": Out(4),
                "reads": Out(1),
                "transfers": Out(1),
                "updates": Out(1),
                "symmetrizes": Out(1),
                "autonomous": Out(1),
                "pair": Out(2),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        kind = self.tile[:2]
        update, symmetrize, read = self.updates, self.symmetrizes, self.reads
        every = self._of_pair(m, "every", lambda pair: getattr(self, f"pair{pair}_transfer_every").VALUE.any())
        transfer = Signal()
        m.d.comb += [
            self.pair.eq(self.tile[2:]),
            read.eq((self.opcode == Opcode.FORWARD) | (self.opcode == Opcode.BACKWARD)),
            update.eq(self.opcode == Opcode.UPDATE),
            self.transfers.eq(self.opcode == Opcode.TRANSFER),
            symmetrize.eq(self.opcode == Opcode.SYMMETRIZE),
            self.autonomous.eq(update & (kind == TileKind.A) & every),
            transfer.eq(self.transfers | self.autonomous),
        ]
        known = read | update | self.transfers | symmetrize
        bad_tile = (self.transfers & (kind != TileKind.A)) | (read & kind[1] & ~self.single_ended)
        if self._config.pairs < 4:
            bad_tile |= self.pair >= self._config.pairs
        both = update | transfer
        rules: dict[ErrorCode, Value] = {
            ErrorCode.FAULTED: self.fault,
            ErrorCode.BAD_OPCODE: ~known | (self.single_ended & ~read),
            ErrorCode.BAD_TILE: bad_tile,
            ErrorCode.BAD_PULSE: (both | symmetrize) & self._flag(m, "pulse", ~self.pulse.WIDTH.any() | ~self.pulse.GAP.any()),
            ErrorCode.BAD_BL: (update & self._bad_bl(m, "bl")) | (transfer & self._bad_bl(m, "transfer_bl")),
            ErrorCode.BAD_SOURCE: both & self._flag(m, "source", ~any_of(int(s) == self.source.VALUE for s in self._sources())),
            ErrorCode.BAD_FULL_SCALE: (update & (self._bad_scale(m, "x_full_scale") | self._bad_scale(m, "d_full_scale")))
            | (transfer & self._bad_scale(m, "transfer_full_scale")),
            ErrorCode.BAD_COUNT: symmetrize & self._flag(m, "count", ~self.symmetrize_pairs.VALUE.any()),
            ErrorCode.BAD_READ: (read | transfer) & self._flag(m, "read", self._bad_read()),
            ErrorCode.BAD_ACTIVE: ((read | transfer) & self._of_pair(m, "active", self._bad_active))
            | (transfer & self._of_pair(m, "row", self._bad_row)),
            ErrorCode.PULSE_BUDGET: self._over_budget(m, update, transfer, symmetrize),
        }
        refusal: Value = Const(ErrorCode.OK, 4)
        for code, broken in reversed(rules.items()):
            refusal = Mux(broken, int(code), refusal)
        m.d.comb += self.refusal.eq(refusal)
        return m

    def _flag(self, m: Module, name: str, value: Value) -> Signal:
        """Return a condition on settings as it was one clock cycle ago."""
        flag = Signal(name=f"bad_{name}", reset_less=True)
        m.d.sync += flag.eq(value)
        return flag

    def _of_pair(self, m: Module, name: str, condition: Callable[[int], Value]) -> Value:
        """Return a condition on the command's pair, as it was one clock cycle ago; 0 if there is no such pair."""
        flags = [self._flag(m, f"{name}_{pair}", condition(pair)) for pair in range(self._config.pairs)]
        return Array([*flags, *(Const(0, 1) for _ in range(4 - len(flags)))])[self.pair]

    def _sources(self) -> list[Source]:
        return [source for source in Source if self._config.has_source(source)]

    def _bad_bl(self, m: Module, name: str) -> Signal:
        value = getattr(self, name).VALUE
        return self._flag(m, name, ~value.any() | (value > self._config.bl_max))

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
        return ~rows.any() | (rows > self._config.rows) | ~columns.any() | (columns > self._config.columns)

    def _bad_row(self, pair: int) -> Value:
        return getattr(self, f"pair{pair}_transfer_row").VALUE >= getattr(self, f"pair{pair}_active").ROWS

    def _over_budget(self, m: Module, update: Value, transfer: Value, symmetrize: Value) -> Value:
        """Return whether the slots that the operation may need are more than are left."""
        budget = self.pulse_budget.VALUE
        of_update = Cat(Const(0, 2), self.bl.VALUE)
        of_transfer = Cat(Const(0, 1), self.transfer_bl.VALUE)
        needs = {
            "update": (update & ~transfer, of_update),
            "transfer": (transfer & ~update, of_transfer),
            "both": (update & transfer, of_update + of_transfer),
            "symmetrize": (symmetrize, Cat(Const(0, 1), self.symmetrize_pairs.VALUE)),
        }
        limited = budget != UNLIMITED
        return any_of(
            chosen & self._flag(m, f"budget_{name}", limited & (slots > budget)) for name, (chosen, slots) in needs.items()
        )
