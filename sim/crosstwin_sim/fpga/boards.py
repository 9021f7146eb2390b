"""The boards: device, clock, and which pin of which connector carries what to the array."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crosstwin_model.config import PRESETS, ControllerConfig

from ..errors import CrosstwinError

#: Bits per second of the serial line; every board's clock is a multiple of it.
BAUD = 1_000_000

_DRIVE = ("row_pos", "row_neg", "column_pos", "column_neg")


@dataclass(frozen=True)
class ConnectorPin:
    """One pin of a connector: its name in amaranth-boards, and the name that is printed on the board or in its manual."""

    name: str
    label: str


@dataclass(frozen=True)
class Board:
    """One board.

    Attributes
    ----------
    name, title : str
        What the command line takes, and what its makers call it.
    device : str or None
        A key of :data:`crosstwin_sim.fpga.devices.DEVICES`; None where only the vendor's tools can build.
    clock_mhz : int
        The clock.
    oscillator_mhz : int or None
        The oscillator, which a PLL makes the clock from; None where it is the clock.
    loader : str
        openFPGALoader's name for it.
    suffix : str
        Of the bitstream's file name.
    lines : int
        Rows and columns that its connectors have pins for.
    tile : tuple of (str, int)
        Control pins that are brought out, and how many of their low bits.
    adc_bits : int
        Bits of an ADC code that are brought out.
    connector : tuple of ConnectorPin
        The pins for the array, in the order in which they are taken.
    attributes : tuple of (str, str)
        Electrical settings of these pins, in the vendor's words.
    emulated : ControllerConfig or None
        The configuration that is built with an emulated array if no other is asked for; None where none fits.
    leds, button : str
        What is printed beside the lights (heartbeat, busy, fault), and beside the emergency stop.
    lights : tuple of int
        Numbers of these lights in amaranth-boards.
    quiet : tuple of (str, str, str)
        Outputs to be held low: a name for each, its pin, and why.
    """

    name: str
    title: str
    device: str | None
    clock_mhz: int
    loader: str
    suffix: str
    lines: int
    tile: tuple[tuple[str, int], ...]
    adc_bits: int
    connector: tuple[ConnectorPin, ...]
    attributes: tuple[tuple[str, str], ...]
    emulated: ControllerConfig | None
    leds: str
    button: str
    lights: tuple[int, int, int] = (0, 1, 2)
    quiet: tuple[tuple[str, str, str], ...] = ()
    oscillator_mhz: int | None = None

    @property
    def divisor(self) -> int:
        """Clock cycles of a bit on the serial line."""
        return self.clock_mhz * 1_000_000 // BAUD

    @property
    def pinned(self) -> ControllerConfig:
        """The configuration that is built for an array on the connectors if no other is asked for."""
        return ControllerConfig(
            f"{self.name}-pins", self.lines, self.lines, adc_bits=self.adc_bits, adc_lanes=1, sources=("hammersley", "count")
        )


_CONTROL = (
    ("read_level", 1),
    ("sense_rows", 1),
    ("sense_columns", 1),
    ("tile", 2),
    ("differential", 1),
    ("adc_sample", 1),
    ("adc_valid", 1),
    ("adc_ready", 1),
)


def array_pins(board: Board, config: ControllerConfig) -> dict[str, int]:
    """Return the members of the array's side that the board brings out, and how many bits of each.

    Raises
    ------
    CrosstwinError
        If the board's connectors have too few pins for the configuration.
    """
    pins = {name: config.rows if name.startswith("row") else config.columns for name in _DRIVE}
    pins |= dict(board.tile)
    pins["adc_data"] = config.adc_lanes * config.adc_bits
    needed = sum(pins.values()) + 1
    if needed > len(board.connector):
        raise CrosstwinError(
            f"{config.name} needs {needed} pins for its array, and {board.title} has {len(board.connector)}: "
            f"choose at most {board.lines} x {board.lines} lines, one ADC lane and {board.adc_bits} bits"
            f"{'' if board.emulated is None else ', or the emulated array'}"
        )
    if config.tiles > 1 << pins["tile"]:
        raise CrosstwinError(f"{config.name} has {config.pairs} tile pairs, and {board.title} has pins for one: choose pairs = 1")
    return pins


def assignment(board: Board, config: ControllerConfig) -> list[tuple[str, ConnectorPin]]:
    """Return every signal to the array, bit by bit, with its pin; the first is the clock."""
    signals = ["clk"]
    for name, width in array_pins(board, config).items():
        signals += [name] if width == 1 and name not in _DRIVE else [f"{name}[{bit}]" for bit in range(width)]
    return list(zip(signals, board.connector, strict=False))


def _ulx3s() -> dict[str, Any]:
    """Return what both ULX3S boards share."""
    return {
        "clock_mhz": 25,
        "suffix": ".bit",
        "lines": 8,
        "tile": (*_CONTROL, ("gain", 4), ("slot", 1)),
        "adc_bits": 8,
        "connector": tuple(
            ConnectorPin(f"gpio_0:{number}{sign}", f"J{1 if number < 14 else 2} G{'P' if sign == '+' else 'N'}{number}")
            for number in range(28)
            for sign in "+-"
        ),
        "attributes": (("IO_TYPE", "LVCMOS33"),),
        "leds": "D0, D1, D2",
        "button": "FIRE1",
        "quiet": (("esp32_enable", "F1", "the ESP32 shares GP11 to GN13"),),
    }


def _pmods(names: str) -> tuple[ConnectorPin, ...]:
    """Return the pins of Pmod connectors: signals are 1 to 4 and 7 to 10, the others are supplies."""
    return tuple(
        ConnectorPin(f"pmod_{number}:{pin}", f"{name} pin {pin}")
        for number, name in enumerate(names.split())
        for pin in (1, 2, 3, 4, 7, 8, 9, 10)
    )


def _tang_headers() -> tuple[ConnectorPin, ...]:
    """Return the pins of the Tang Nano's headers that nothing on the board shares, named after the chip's pins, as it is."""
    headers = {
        5: {4: 76, 6: 42, 7: 41, 8: 56, 9: 54, 10: 51, 11: 48, 12: 55, 13: 49, 14: 86, 18: 72, 19: 71, 20: 53, 21: 52},
        6: {2: 73, 3: 74, 4: 75, 6: 77, 9: 27, 10: 28, 11: 25, 12: 26, 13: 29, 14: 30, 15: 31},
    }
    return tuple(
        ConnectorPin(f"j_{header}:{position}", f"pin {pin}") for header, pins in headers.items() for position, pin in pins.items()
    )


BOARDS: dict[str, Board] = {
    board.name: board
    for board in (
        Board(
            name="ulx3s-25f",
            title="ULX3S with an ECP5-25F",
            device="ecp5-25",
            loader="ulx3s",
            emulated=ControllerConfig("ulx3s-25f", 32, 32, adc_lanes=4, sources=("hammersley", "count")),
            **_ulx3s(),
        ),
        Board(
            name="ulx3s-85f",
            title="ULX3S with an ECP5-85F",
            device="ecp5-85",
            loader="ulx3s",
            emulated=PRESETS["digits"],
            **_ulx3s(),
        ),
        Board(
            name="icebreaker",
            title="iCEBreaker",
            device="up5k",
            clock_mhz=12,
            loader="ice40_generic",
            suffix=".bin",
            lines=2,
            tile=(*_CONTROL, ("gain", 2)),
            adc_bits=4,
            connector=_pmods("PMOD1A PMOD1B PMOD2"),
            attributes=(("IO_STANDARD", "SB_LVCMOS"),),
            emulated=None,
            leds="LEDG, LEDG, LEDR",
            lights=(1, 1, 0),
            button="UBUTTON",
        ),
        Board(
            name="tangnano20k",
            title="Sipeed Tang Nano 20K",
            device="gw2ar-18",
            clock_mhz=27,
            loader="tangnano20k",
            suffix=".fs",
            lines=2,
            tile=(*_CONTROL, ("gain", 2)),
            adc_bits=4,
            connector=_tang_headers(),
            attributes=(("IO_TYPE", "LVCMOS33"),),
            emulated=ControllerConfig("tangnano20k", 16, 16, adc_lanes=2),
            leds="LED0, LED1, LED2",
            button="S1",
        ),
        Board(
            name="arty-a7-35",
            title="Digilent Arty A7-35T",
            device=None,
            clock_mhz=50,
            oscillator_mhz=100,
            loader="arty_a7_35t",
            suffix=".bit",
            lines=8,
            tile=(*_CONTROL, ("gain", 4), ("slot", 1)),
            adc_bits=8,
            connector=(
                *_pmods("JA JB JC JD"),
                *(ConnectorPin(f"ck_io_0:io{number}", f"IO{number}") for number in (*range(14), *range(26, 42))),
            ),
            attributes=(("IOSTANDARD", "LVCMOS33"),),
            emulated=ControllerConfig("arty-a7-35", 32, 32, adc_lanes=4),
            leds="LD4, LD5, LD6",
            button="BTN0",
        ),
    )
}
