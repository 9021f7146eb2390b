"""A board's self-test: the same deterministic traffic on the board and on the golden model, compared to the last bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from crosstwin_model.bus import BusError
from crosstwin_model.config import ControllerConfig, Source
from crosstwin_model.emulated_config import EmulatedConfig
from crosstwin_model.registers import ADDRESS_BITS, Access, Opcode, Register, TileKind, register_map

from ..backend import Backend, HangError
from ..crossbar import Crossbar, PulseSettings, ReadSettings
from ..driver import ControllerError, Driver
from ..errors import CrosstwinError
from ..programming import read_row
from ..scaling import Converters

#: What is done, and what it gave: whole numbers, floats, lists of them, or a sentence.
Finding = tuple[str, Any]
Traffic = Callable[[Backend], Iterator[Finding]]

#: Vectors that are learned with each random source, and pairs of pulses of a symmetrization.
_VECTORS, _PAIRS = 3, 5
#: Coincidences where both codes of an update are largest, and slots of a transfer's quadrants.
_COINCIDENCES, _TRANSFER_BL = 8, 8


@dataclass(frozen=True)
class Outcome:
    """What a self-test found.

    Attributes
    ----------
    compared : int
        Results, registers and counters that were compared, up to the first difference.
    difference : str or None
        The first thing that differs, and how; None if nothing does.
    """

    compared: int
    difference: str | None


def compare(board: Backend, twin: Backend, traffic: Traffic, progress: Callable[[int, int], None]) -> Outcome:
    """Run traffic on the golden model, then on a board that was reset, up to the first difference.

    Parameters
    ----------
    board, twin : Backend
        The board, and the golden model in the board's configuration.
    traffic : callable
        Given a back end, does one thing after another and yields what each gave.
    progress : callable
        Told after every thing how many are done, and how many there are.

    Raises
    ------
    LinkError
        If the board does not answer.
    """
    expected = list(traffic(twin))
    found = traffic(board)
    for count, (what, wanted) in enumerate(expected):
        try:
            _, got = next(found)
        except (ControllerError, BusError) as error:
            return Outcome(count + 1, f"on the way to {what}, {error}, and on the golden model it did not")
        except HangError as error:
            return Outcome(count + 1, f"on the way to {what}, {error}")
        if got != wanted:
            return Outcome(count + 1, _difference(what, got, wanted))
        progress(count + 1, len(expected))
    return Outcome(len(expected), None)


def _difference(what: str, got: Any, wanted: Any) -> str:
    """Return how two results differ; of lists, their first entries that do."""
    if isinstance(got, list) and isinstance(wanted, list):
        index = next(k for k, pair in enumerate(zip(got, wanted, strict=True)) if pair[0] != pair[1])
        what, got, wanted = f"entry {index} of {what}", got[index], wanted[index]
    return f"{what} is {got} on the board and {wanted} on the golden model"


def digital_traffic(backend: Backend) -> Iterator[Finding]:
    """Use the controller without driving a line of its array: registers, refusals, and updates in which no line fires."""
    registers = register_map(backend.config)
    offsets = {register.name: register.offset for register in registers}
    rng = np.random.default_rng(1)
    for register in registers:
        if register.access is Access.RW:
            value = int(rng.integers(1, 1 << 32)) & sum(field.mask for field in register.fields)
            yield f"the register {register.name} after a write of {value:#x}", _written(backend, register, value)
            backend.write(register.offset, register.reset)
    for address in (offsets["COMMAND"], (1 << ADDRESS_BITS) - 4):
        yield f"a read of address {address:#06x}", _answer(lambda address=address: backend.read(address))  # type: ignore[misc]
    yield "a write of ID", _answer(lambda: _write_now(backend, offsets["ID"], 0))
    for window, lines in (("X", backend.config.rows), ("D", backend.config.columns)):
        backend.write_block(registers.window(window).offset, np.zeros((lines + 1) // 2, np.uint32))

    def command(word: int) -> list[int]:
        backend.write(offsets["COMMAND"], word)
        backend.wait()
        return [backend.read(offsets[name]) for name in ("ERROR", "CYCLES", "SLOTS", "FIRED", "OPERATIONS")]

    for source in Source:
        if backend.config.has_source(source):
            backend.write(offsets["SOURCE"], source)
            yield f"an update of no line ({source.label})", command(Opcode.UPDATE)
    yield "an unknown opcode", command(15)
    backend.write(offsets["BL"], 0)
    yield "an update with BL 0", command(Opcode.UPDATE)
    backend.write(offsets["BL"], registers["BL"].reset)
    yield from register_values(backend)


def _written(backend: Backend, register: Register, value: int) -> int | str:
    """Return what a register holds after a write, or why there was none."""

    def both() -> int:
        backend.write(register.offset, value)
        return backend.read(register.offset)

    return _answer(both)


def _write_now(backend: Backend, address: int, value: int) -> int:
    """Write a word and wait until it is there."""
    backend.write(address, value)
    backend.wait()
    return value


def _answer(access: Callable[[], int]) -> int | str:
    """Return what an access gave, a number or the bus's refusal."""
    try:
        return access()
    except BusError as error:
        return str(error)


def register_values(backend: Backend) -> Iterator[Finding]:
    """Give all registers that can be read."""
    for register in register_map(backend.config):
        if register.access is not Access.WO:
            yield f"the register {register.name}", backend.read(register.offset)


def array_traffic(array: EmulatedConfig) -> Traffic:
    """Return traffic that pulses and reads every tile of an emulated array by :class:`Crossbar`, as training does."""

    def traffic(backend: Backend) -> Iterator[Finding]:
        yield from digital_traffic(backend)
        config, driver = backend.config, Driver.of(backend)
        driver.forget()
        driver.give_time(array)
        rng = np.random.default_rng(2)
        for pair in range(config.pairs):
            for source in _random_sources(config):
                crossbar = _crossbar(backend, pair, source, array)
                yield from _learning(crossbar, f"pair {pair}, {source.label}", rng)
            for kind in TileKind:
                crossbar.symmetrize(_PAIRS, kind)
            for kind in (TileKind.C, TileKind.A):
                for row in range(config.rows):
                    yield f"row {row} of {kind.name} (pair {pair})", read_row(crossbar, row, kind, 1).tolist()
        yield from register_values(backend)

    return traffic


def _random_sources(config: ControllerConfig) -> list[Source]:
    """Return the random sources that a controller has.

    Raises
    ------
    CrosstwinError
        If it has none.
    """
    sources: list[Source] = [source for source in Source if source is not Source.COUNT and config.has_source(source)]
    if not sources:
        raise CrosstwinError("the board has no random source but count, so that nothing can be learned on it; leave --array out")
    return sources


def _crossbar(backend: Backend, pair: int, source: Source, array: EmulatedConfig) -> Crossbar:
    """Return a whole pair as a crossbar whose transfers fit every width of codes."""
    config = backend.config
    transfer_bl = min(_TRANSFER_BL, config.bl_max)
    window = min(63, config.code_max)
    crossbar = Crossbar(
        backend,
        pair,
        pulses=PulseSettings(array.dw_min, source, transfer_bl=transfer_bl),
        reads=ReadSettings(window, 3, 3, 5, bound_steps=4),
        converters=Converters(array.input_full_scale, array.adc_range),
    )
    # So many coincidences a code and transfer; what a code of a transfer's read stands for is a matter of window, range and gain.
    count = max(1, transfer_bl // 2) / (config.code_max + 1)
    code = array.input_full_scale / window * array.adc_range / config.adc_max / (1 << 5)
    crossbar.set_transfer(2, count * array.dw_min / code)
    return crossbar


def _learning(crossbar: Crossbar, where: str, rng: np.random.Generator) -> Iterator[Finding]:
    """Update all four tiles, let C follow A, and read both ways."""
    for step in range(_VECTORS):
        at = f" ({where}, vector {step})"
        x, d = rng.uniform(-1, 1, crossbar.rows), rng.uniform(-1, 1, crossbar.columns)
        for kind in TileKind:
            crossbar.update(x, d, _COINCIDENCES * crossbar.pulses.step, kind)
        crossbar.transfer()
        yield f"the forward read of C{at}", crossbar.forward(x).tolist()
        yield f"the backward read of C{at}", crossbar.backward(d).tolist()
        yield f"the forward read of A{at}", crossbar.read_vector(x, True, TileKind.A, 3)[0].tolist()
        counters = crossbar.counters()
        for name in ("slots", "fired", "operations", "cycles"):
            yield f"the counter of {name}{at}", getattr(counters, name)
