"""The array's control pins: everything but the lines themselves, from flip-flops."""

from amaranth.hdl import Elaboratable, Module, Mux, ResetInserter, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crosstwin_model.registers import TileKind

#: The pins and their widths, as docs/controller.md lists them.
PINS = {
    "read_level": 1,
    "sense_rows": 1,
    "sense_columns": 1,
    "tile": 4,
    "differential": 1,
    "gain": 4,
    "adc_sample": 1,
    "adc_ready": 1,
    "slot": 1,
    "quadrant": 2,
}


class Pins(wiring.Component):
    """Set and clear the control pins.

    Attributes
    ----------
    stop : In(1)
        Idle all pins.
    connect, release, sample, scan, load, hold, finish : In(1)
        The operation is in CONNECT, RELEASE, SAMPLE, SCAN0, LOAD, HOLD, FINISH, and goes on.
    last_beat, expired, transferring : In(1)
        In CONVERT: the beat is the last; the ADC gave none in time. The operation is a TRANSFER.
    backward : In(1), command_tile : In(4), single_ended : In(1)
        The command.
    read_gain, transfer_gain : In(4)
        Settings.
    load_quadrant : In(2)
        The slot's quadrant.

    The pins are those of PINS, all Out.
    """

    def __init__(self) -> None:
        strobes = (
            "stop",
            "connect",
            "release",
            "sample",
            "scan",
            "load",
            "hold",
            "finish",
            "last_beat",
            "expired",
            "transferring",
        )
        super().__init__(
            {
                **{name: In(1) for name in (*strobes, "backward", "single_ended")},
                "command_tile": In(4),
                "read_gain": In(4),
                "transfer_gain": In(4),
                "load_quadrant": In(2),
                **{name: Out(width) for name, width in PINS.items()},
            }
        )

    def elaborate(self, platform: object) -> Elaboratable:
        m = Module()
        m.d.sync += [self.adc_sample.eq(self.release), self.slot.eq(self.load)]
        with m.If(self.connect):
            m.d.sync += [
                self.tile.eq(self._tile(TileKind.A)),
                self.differential.eq(self.transferring | ~self.single_ended),
                self.read_level.eq(1),
                self.sense_rows.eq(self.backward),
                self.sense_columns.eq(~self.backward),
                self.gain.eq(Mux(self.transferring, self.transfer_gain, self.read_gain)),
            ]
        with m.If(self.scan):
            m.d.sync += self.tile.eq(self._tile(TileKind.C))
        with m.If(~self.hold):
            m.d.sync += self.quadrant.eq(Mux(self.load, self.load_quadrant, 0))
        with m.If(self.sample):
            m.d.sync += self.adc_ready.eq(1)
        with m.If(self.last_beat | self.expired):
            m.d.sync += self.adc_ready.eq(0)
        with m.If(self.finish | self.expired | (self.last_beat & self.transferring)):
            names = ("tile", "differential", "read_level", "sense_rows", "sense_columns", "gain")
            m.d.sync += [getattr(self, name).eq(0) for name in names]
        return ResetInserter(self.stop)(m)

    def _tile(self, kind: TileKind) -> Value:
        """Return the command's tile, or in a TRANSFER the tile of that kind of the same pair."""
        return Mux(self.transferring, (self.command_tile & 0b1100) | kind, self.command_tile)
