"""Random traffic for a controller, legal and illegal, from one seed: what checks and benches drive both twins with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .config import ControllerConfig, Source
from .registers import ADDRESS_BITS, SEED_BITS, UNLIMITED, Access, Control, Interrupt, Opcode, TileKind, Window, register_map


@dataclass(frozen=True)
class Write:
    """A bus write with byte strobes."""

    address: int
    value: int
    strobe: int = 0xF


@dataclass(frozen=True)
class Read:
    """A bus read."""

    address: int


@dataclass(frozen=True)
class Command:
    """A write of COMMAND, run to its end; the emergency stop is pulsed in clock cycle ``stop`` (-1 is CHECK), if any."""

    value: int
    stop: int | None = None


Action = Write | Read | Command


class Stimulus:
    """A seeded source of operations, each a list of actions of which one is a Command.

    Most settings are legal and short, so that many operations run in little time; about one operation in six is meant to be
    refused, and some are stopped or meet the ADC watchdog.

    Parameters
    ----------
    config : ControllerConfig
        The controller that is driven.
    seed : int
        Same seed, same traffic.
    """

    def __init__(self, config: ControllerConfig, seed: int) -> None:
        self._config = config
        self._map = register_map(config)
        self._rng = np.random.default_rng(seed)
        self._restore: list[Write] = []
        self._first = True

    def operation(self, faulted: bool) -> list[Action]:
        """Return the next operation's actions; ``faulted`` says whether a fault is latched now."""
        actions: list[Action] = [*self._restore]
        self._restore = []
        if self._first:  # from the first operation on, waits are within what the arrays of the checks need
            actions.append(self._write("ADC_TIMEOUT", 64))
            self._first = False
        if faulted and self._chance(0.8):
            actions.append(self._write("CONTROL", Control.CLEAR_FAULT))
        while self._chance(0.35):
            actions.append(self._legal_setting())
        while self._chance(0.1):
            actions.append(self._bad_access())
        if self._chance(0.1):
            actions.append(Read(int(self._rng.integers(1 << ADDRESS_BITS)) & ~3))
        if self._chance(0.12):
            actions.append(self._illegal_setting())
        for name in ("X", "D"):
            if self._chance(0.6):
                actions += self._vector(self._map.window(name))
        actions.append(Command(self._command(), self._stop()))
        return actions

    def _chance(self, probability: float) -> bool:
        return bool(self._rng.random() < probability)

    def _pick(self, *values: int) -> int:
        return int(values[self._rng.integers(len(values))])

    def _upto(self, high: int) -> int:
        """Return a number from 1 to ``high``, small ones more often."""
        return int(np.clip(np.exp(self._rng.uniform(0, np.log(high + 1))), 1, high))

    def _write(self, name: str, value: int) -> Write:
        return Write(self._map[name].offset, value)

    def _legal_setting(self) -> Write:
        config = self._config
        pair = int(self._rng.integers(config.pairs))
        unity = 1 << config.code_bits
        scale = unity if self._chance(0.5) else self._upto(config.full_scale_max)
        sources = [int(source) for source in Source if config.has_source(source)]
        values = {
            "PULSE": self._upto(4) | self._upto(3) << 16,
            "BL": self._upto(config.bl_max if self._chance(0.1) else min(16, config.bl_max)),
            "TRANSFER_BL": self._upto(config.bl_max if self._chance(0.1) else min(16, config.bl_max)),
            "SOURCE": self._pick(*sources),
            "X_FULL_SCALE": scale,
            "D_FULL_SCALE": scale,
            "TRANSFER_FULL_SCALE": unity if self._chance(0.5) else self._upto(config.full_scale_max),
            "SEED_X": 1 + int(self._rng.integers((1 << SEED_BITS[0]) - 1)),
            "SEED_D": 1 + int(self._rng.integers((1 << SEED_BITS[1]) - 1)),
            "READ": self._upto(config.code_max) | self._upto(3) << 16,
            "READ_GAIN": self._pick(*range(8)) | self._pick(*range(8)) << 8,
            "ADC_TIMEOUT": 64 if self._chance(0.9) else self._upto(8),
            "SYMMETRIZE_PAIRS": self._upto(6),
            "PULSE_BUDGET": UNLIMITED if self._chance(0.6) else self._upto(2000),
            "INTERRUPT_ENABLE": self._pick(*range(8)),
            "INTERRUPT_STATUS": int(self._pick(*Interrupt)),
            "CONTROL": Control.CLEAR_COUNTERS if self._chance(0.9) else Control.STOP,
            f"PAIR{pair}_TRANSFER_EVERY": self._pick(0, 1, 2, 3),
            f"PAIR{pair}_ACTIVE": self._upto(config.rows) | self._upto(config.columns) << 16,
            f"PAIR{pair}_TRANSFER_ROW": int(self._rng.integers(config.rows)),
            f"PAIR{pair}_UPDATES": self._pick(0, 0, 1, 2, 0xFFFF),
        }
        name = list(values)[self._rng.integers(len(values))]
        if name == f"PAIR{pair}_ACTIVE" and self._chance(0.6):
            return self._write(name, config.rows | config.columns << 16)
        return self._write(name, int(values[name]))

    def _illegal_setting(self) -> Write:
        """Return a write that CHECK will object to, and plan to undo it after the operation."""
        config = self._config
        pair = int(self._rng.integers(config.pairs))
        name, bad, good = (
            ("PULSE", self._pick(0, 1, 1 << 16), 1 | 1 << 16),
            ("BL", self._pick(0, config.bl_max + 1, 255), 4),
            ("TRANSFER_BL", self._pick(0, config.bl_max + 1, 255), 4),
            ("SOURCE", self._pick(1, 2, 3), int(self._map["SOURCE"].reset)),
            ("X_FULL_SCALE", 0, 1 << config.code_bits),
            ("D_FULL_SCALE", 0, 1 << config.code_bits),
            ("TRANSFER_FULL_SCALE", 0, 1 << config.code_bits),
            ("SYMMETRIZE_PAIRS", 0, 2),
            ("READ", self._pick(0, 1, 1 << 16), 7 | 1 << 16),
            ("ADC_TIMEOUT", 0, 64),
            (f"PAIR{pair}_ACTIVE", self._pick(0, 1, config.rows + 1 | 1 << 16), config.rows | config.columns << 16),
            (f"PAIR{pair}_TRANSFER_ROW", self._pick(config.rows, 0xFFFF), 0),
            ("PULSE_BUDGET", self._pick(0, 1, 3), UNLIMITED),
        )[self._rng.integers(13)]
        self._restore.append(self._write(name, good))
        return self._write(name, bad)

    def _bad_access(self) -> Write:
        """Return a write that the bus answers with SLVERR, or one to an address at random."""
        registers = list(self._map)
        register = registers[self._rng.integers(len(registers))]
        kind = self._pick(*range(5))
        if kind == 0:
            return Write(register.offset, 0, self._pick(*range(15)))
        if kind == 1:
            outside = ~register.mask & 0xFFFF_FFFF
            return Write(register.offset, outside) if outside else self._write("SEED_X", 0)
        if kind == 2:
            read_only = [entry for entry in registers if entry.access is Access.RO]
            return Write(read_only[self._rng.integers(len(read_only))].offset, self._pick(0, 1))
        if kind == 3:
            window = self._map.window("D" if self._chance(0.5) else "X")
            code = self._pick(self._config.code_max + 1, -self._config.code_max - 1, 0x7FFF, -0x8000)
            return Write(window.offset + 4 * int(self._rng.integers(window.words)), code & 0xFFFF, self._pick(0xF, 0x3, 0x1, 0xC))
        unmapped = self._pick(0x02C, 0x078, 0x0F0, 0x100 + 0x20 * self._config.pairs, 0xFFC, 0x3FFC)
        return Write(unmapped, self._pick(0, 1))

    def _vector(self, window: Window) -> list[Action]:
        rng, limit = self._rng, self._config.code_max
        codes = np.zeros(2 * window.words, np.int64)
        style = self._pick(*range(6))
        if style == 0:
            codes[: window.entries] = rng.integers(-limit, limit + 1, window.entries)
        elif style == 1:
            codes[: window.entries] = rng.integers(0, limit + 1, window.entries)
        elif style == 2:
            codes[: window.entries] = rng.choice([0, 0, 0, 1, -1, limit, -limit], window.entries)
        elif style == 3:
            codes[rng.integers(window.entries)] = rng.integers(-limit, limit + 1)
        elif style == 4:
            codes[: window.entries] = -rng.integers(0, limit + 1, window.entries)
        words = codes.astype("<i2").view("<u4").tolist()
        if self._chance(0.1):
            index = int(rng.integers(len(words)))
            return [Write(window.offset + 4 * index, words[index], self._pick(0x3, 0xC, 0x0))]
        return [Write(window.offset + 4 * index, word) for index, word in enumerate(words)]

    def _command(self) -> int:
        config = self._config
        if self._chance(0.05):
            return self._pick(*range(16)) | self._pick(*range(16)) << 8 | self._pick(0, 1) << 12
        opcode = Opcode(self._pick(1, 1, 2, 2, 3, 3, 3, 3, 4, 4, 5))
        pair = int(self._rng.integers(config.pairs))
        kind = TileKind.A if opcode is Opcode.TRANSFER or self._chance(0.5) else TileKind(self._pick(*TileKind))
        reads = opcode in (Opcode.FORWARD, Opcode.BACKWARD)
        single = int(reads and (kind >= TileKind.C_REF or self._chance(0.1)))
        return opcode | (4 * pair + kind) << 8 | single << 12

    def _stop(self) -> int | None:
        return int(np.exp(self._rng.uniform(0, np.log(400)))) - 2 if self._chance(0.05) else None
