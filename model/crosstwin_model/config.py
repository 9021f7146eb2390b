"""The size and the parts of a controller: one frozen object that gateware, model and host program share.

A configuration is a preset's name (:data:`PRESETS`) or a TOML file with one table ``[controller]`` whose keys are the fields
of :class:`ControllerConfig`.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from dataclasses import dataclass, fields
from enum import IntEnum
from pathlib import Path


class ConfigurationError(ValueError):
    """A configuration that cannot be built; its text is one sentence that names the value and what is allowed."""


class Source(IntEnum):
    """Where the pulse engine takes its numbers from; the values are those of the register SOURCE."""

    HAMMERSLEY = 0
    LFSR = 1
    LFSR_PER_LINE = 2
    COUNT = 3

    @property
    def label(self) -> str:
        """The name used in files and on the command line, for instance ``lfsr_per_line``."""
        return self.name.lower()


#: Every source's name, in the order of :class:`Source`.
SOURCE_NAMES = tuple(source.label for source in Source)


@dataclass(frozen=True)
class ControllerConfig:
    """What one controller is made of.

    Parameters
    ----------
    name : str
        Names the configuration in reports and build folders: letters, digits, ``_`` and ``-``. A file without this key is
        named after itself.
    rows, columns : int
        Lines of every tile, 1 to 2048 each.
    pairs : int
        Tile pairs (C and A with their references), 1 to 4.
    code_bits : int
        Bits of a code's magnitude, and of the random numbers it is compared with, 4 to 8; codes are signed,
        -(2**code_bits - 1) to 2**code_bits - 1.
    adc_bits : int
        Bits of a signed ADC code, 4 to 16.
    adc_lanes : int
        ADC codes that arrive together in one beat: 1, 2, 4, 8 or 16.
    bl_max : int
        Largest BL, the slots of one quadrant: 1 to 128, and at most 2**code_bits.
    sources : tuple of str
        The random sources that are built in, of :data:`SOURCE_NAMES`.
    fired_counter : bool
        Whether the counter of fired lines (a population count over all lines) is built in.

    Raises
    ------
    ConfigurationError
        If a value is out of its range.
    """

    name: str
    rows: int
    columns: int
    pairs: int = 1
    code_bits: int = 8
    adc_bits: int = 9
    adc_lanes: int = 4
    bl_max: int = 128
    sources: tuple[str, ...] = ("hammersley", "lfsr", "count")
    fired_counter: bool = True

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and re.fullmatch(r"[A-Za-z0-9_-]+", self.name)):
            raise ConfigurationError(f"name is {self.name!r}; allowed are letters, digits, _ and -")
        for key, low, high in (
            ("rows", 1, 2048),
            ("columns", 1, 2048),
            ("pairs", 1, 4),
            ("code_bits", 4, 8),
            ("adc_bits", 4, 16),
        ):
            _require_int(key, getattr(self, key), low, high)
        _require_int("bl_max", self.bl_max, 1, min(128, 1 << self.code_bits))
        if type(self.adc_lanes) is not int or self.adc_lanes not in (1, 2, 4, 8, 16):
            raise ConfigurationError(f"adc_lanes is {self.adc_lanes!r}; allowed are 1, 2, 4, 8 and 16")
        if not isinstance(self.fired_counter, bool):
            raise ConfigurationError(f"fired_counter is {self.fired_counter!r}; allowed are true and false")
        if not isinstance(self.sources, (tuple, list)) or not self.sources:
            names = ", ".join(SOURCE_NAMES)
            raise ConfigurationError(f"sources is {self.sources!r}; it must be a list of at least one of {names}")
        for source in self.sources:
            if source not in SOURCE_NAMES:
                raise ConfigurationError(f"sources holds {source!r}; allowed are {', '.join(SOURCE_NAMES)}")
            if self.sources.count(source) > 1:
                raise ConfigurationError(f"sources holds {source!r} {self.sources.count(source)} times; allowed is once")
        object.__setattr__(self, "sources", tuple(name for name in SOURCE_NAMES if name in self.sources))

    @property
    def identifier(self) -> str:
        """The name with ``_`` in place of ``-``, as it stands in names of other languages."""
        return self.name.replace("-", "_")

    @property
    def tiles(self) -> int:
        """Number of crosspoint arrays: C, A and the reference of each, per pair."""
        return 4 * self.pairs

    @property
    def code_max(self) -> int:
        """Largest magnitude of a code."""
        return (1 << self.code_bits) - 1

    @property
    def full_scale_max(self) -> int:
        """Largest value of the full-scale registers."""
        return (1 << (self.code_bits + 4)) - 1

    @property
    def adc_max(self) -> int:
        """Largest ADC code; the smallest is its negative."""
        return (1 << (self.adc_bits - 1)) - 1

    def has_source(self, source: Source) -> bool:
        """Whether a random source is built in."""
        return source.label in self.sources


def _require_int(key: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ConfigurationError(f"{key} is {value!r}; allowed are whole numbers from {low} to {high}")


#: Named configurations. ``tiny`` and ``small`` have every part; ``digits`` fits a 64-32-10 network with its biases.
PRESETS: dict[str, ControllerConfig] = {
    preset.name: preset
    for preset in (
        ControllerConfig("tiny", rows=4, columns=3, pairs=2, adc_lanes=1, sources=SOURCE_NAMES),
        ControllerConfig("small", rows=16, columns=16, adc_lanes=2, sources=SOURCE_NAMES),
        ControllerConfig("digits", rows=65, columns=32, pairs=2, adc_lanes=8),
        ControllerConfig("medium", rows=64, columns=64, adc_lanes=8),
        ControllerConfig("large", rows=256, columns=256, adc_lanes=16),
    )
}


def load_config(source: str | Path) -> ControllerConfig:
    """Return the preset of that name, or read a TOML file.

    Parameters
    ----------
    source : str or Path
        A key of :data:`PRESETS`, or the path of a ``.toml`` file.

    Raises
    ------
    ConfigurationError
        If there is no such preset or file, the file is not TOML, or a key or a value is wrong.
    """
    if str(source) in PRESETS:
        return PRESETS[str(source)]
    path = Path(source)
    if path.suffix != ".toml":
        raise ConfigurationError(f"there is no configuration {str(source)!r}; allowed are {', '.join(PRESETS)} or a .toml file")
    table = read_table(path, "controller")
    known = {field.name for field in fields(ControllerConfig)}
    for key in table:
        if key not in known:
            raise ConfigurationError(f"{path}: [controller] has the key {key!r}; allowed are {', '.join(sorted(known))}")
    for key in ("rows", "columns"):
        if key not in table:
            raise ConfigurationError(f"{path}: [controller] lacks the key {key!r}")
    try:
        return ControllerConfig(**{"name": name_after(path), **table})  # type: ignore[arg-type]  # checked by the class itself
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from None


def name_after(path: str | Path) -> str:
    """Return the name of what a file configures: its own, with ``_`` for all but ASCII letters, digits, ``_`` and ``-``."""
    stem = unicodedata.normalize("NFC", Path(path).stem)  # a letter and its accent are one character
    return re.sub(r"[^A-Za-z0-9_-]", "_", stem)


def read_table(path: Path, name: str) -> dict[str, object]:
    """Return the only table of a TOML file.

    Raises
    ------
    ConfigurationError
        If the file cannot be read, is not TOML, or holds anything but the table ``[name]``.
    """
    try:
        with open(path, "rb") as file:
            document = tomllib.load(file)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is not a TOML file: {error}") from None
    for key in document:
        if key != name:
            raise ConfigurationError(f"{path}: there is a {key!r}; allowed is one table [{name}]")
    table = document.get(name)
    if not isinstance(table, dict):
        raise ConfigurationError(f"{path}: the table [{name}] is missing")
    return table
