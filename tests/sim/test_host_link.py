"""The host link: the unmodified client on a pseudo-terminal, and on its other end the whole board design, Verilated."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from crosstwin_hdl.link.protocol import ACCESS_HEAD, REQUEST_HEAD, AccessKind, Status
from crosstwin_model.bus import BusError
from crosstwin_model.config import PRESETS, ControllerConfig
from crosstwin_model.emulated import EmulatedPlant
from crosstwin_model.emulated_config import EmulatedConfig
from crosstwin_model.plant import Plant, PlantConfig
from crosstwin_model.registers import IDENTITY, ErrorCode, TileKind, register_map
from crosstwin_sim.backend import Backend, HangError
from crosstwin_sim.board import SimulatedBoard, Terminal, served
from crosstwin_sim.cli.main import run
from crosstwin_sim.crossbar import Crossbar, PulseSettings, ReadSettings
from crosstwin_sim.driver import ControllerError, Driver
from crosstwin_sim.errors import CrosstwinError
from crosstwin_sim.link import LinkError, SerialBackend, open_board
from crosstwin_sim.link.frames import Decoder, encode
from crosstwin_sim.link.identity import identify, require_fit
from crosstwin_sim.link.session import PATIENCE, Answer, Session
from crosstwin_sim.model_backend import ModelBackend
from crosstwin_sim.scaling import Converters

CONFIG = PRESETS["tiny"]
MAP = register_map(CONFIG)
ARRAY = EmulatedConfig(lanes=1, adc_range=1.0, adc_noise=0.01)


def new_plant() -> Plant:
    return Plant(CONFIG, PlantConfig(seed=5, initial=0.3, adc_range=1.0, adc_stall=3))


class Damage(Terminal):
    """A line that loses, flips and doubles bytes, and holds back what it carries."""

    def __init__(self, seed: int, rate: float) -> None:
        super().__init__()
        self._random, self.rate, self.done = random.Random(seed), rate, 0

    def receive(self, seconds: float) -> bytes:
        return self._damage(super().receive(seconds))

    def send(self, data: bytes) -> None:
        if self._random.random() < self.rate:
            time.sleep(self._random.choice((0.01, 1.4 * PATIENCE)))
            self.done += 1
        super().send(self._damage(data))

    def _damage(self, data: bytes) -> bytes:
        damaged = bytearray()
        for byte in data:
            if self._random.random() >= self.rate:
                damaged.append(byte)
                continue
            self.done += 1
            damaged += self._random.choice((b"", bytes((byte ^ 1 << self._random.randrange(8),)), bytes((byte, byte))))
        return bytes(damaged)


@pytest.fixture
def board(patient: None) -> Iterator[tuple[SimulatedBoard, SerialBackend]]:
    board = SimulatedBoard(CONFIG, new_plant())
    with served(board) as port:
        backend = open_board(port, CONFIG)
        yield board, backend
        backend.close()


def learn(backend: Backend, steps: int, array: EmulatedConfig | None = None) -> tuple[str, Any]:
    """Learn a matrix by SHD, and return a digest of all outputs on the way, and the controller's counters."""
    driver = Driver.of(backend)
    converters = Converters(63, 1.0)
    if array is not None:
        driver.give_time(array)
    crossbar = Crossbar(backend, 0, pulses=PulseSettings(0.02), reads=ReadSettings(63, 0, 0, 2), converters=converters)
    crossbar.set_transfer(2, 0.5)
    rng = np.random.default_rng(1)
    target = rng.uniform(-0.3, 0.3, (CONFIG.rows, CONFIG.columns))
    digest = hashlib.sha256()
    for _ in range(steps):
        x = rng.uniform(-1, 1, CONFIG.rows)
        error = x @ target - crossbar.forward(x)
        digest.update(error.tobytes())
        digest.update(crossbar.backward(error).tobytes())
        crossbar.update(x, error, 0.2, TileKind.A)
    digest.update(crossbar.weights(TileKind.C, repeats=1).tobytes())
    return digest.hexdigest(), crossbar.counters()


def test_a_board_gives_the_model_s_bits(board: tuple[SimulatedBoard, SerialBackend]) -> None:
    plant = new_plant()
    expected = learn(ModelBackend(CONFIG, plant), 40)
    assert learn(board[1], 40) == expected
    assert board[0].plant is not None and board[0].plant.digest() == plant.digest()


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_damaged_line_gives_the_same_bits(seed: int) -> None:
    plant = new_plant()
    expected = learn(ModelBackend(CONFIG, plant), 25)
    line = Damage(seed, 0.002)
    board = SimulatedBoard(CONFIG, new_plant())
    with served(board, line) as port:
        backend = open_board(port, CONFIG)
        assert learn(backend, 25) == expected
        backend.close()
        assert line.done > 5
        assert board.plant is not None and board.plant.digest() == plant.digest()


def test_a_line_that_damages_all_ends_with_a_sentence() -> None:
    line = Damage(1, 0.0)
    with served(SimulatedBoard(CONFIG, new_plant()), line) as port:
        backend = open_board(port, CONFIG)
        line.rate = 0.4
        with pytest.raises(LinkError, match=rf"{port} is damaged|nothing answers any more on {port}"):
            learn(backend, 25)
        line.rate = 0.0
        with pytest.raises(LinkError):
            backend.read(MAP["ID"].offset)
        backend.close()


@pytest.mark.usefixtures("patient")
def test_an_emulated_board_gives_its_twin_s_bits_and_begins_anew() -> None:
    expected = learn(ModelBackend(CONFIG, EmulatedPlant(CONFIG, ARRAY)), 30, ARRAY)  # type: ignore[arg-type]  # it is a plant
    with served(SimulatedBoard(CONFIG, ARRAY)) as port:
        for _ in range(2):
            backend = open_board(port, CONFIG)
            assert learn(backend, 30, ARRAY) == expected
            backend.close()


@pytest.mark.usefixtures("patient")
def test_slots_too_short_for_an_emulated_array_are_noticed() -> None:
    with served(SimulatedBoard(CONFIG, ARRAY)) as port:
        backend = open_board(port, CONFIG)
        crossbar = Crossbar(backend, 0, pulses=PulseSettings(0.02), converters=Converters(63, 1.0))
        with pytest.raises(ControllerError) as caught:
            crossbar.symmetrize(100)
        assert caught.value.code in (ErrorCode.STOPPED, ErrorCode.FAULTED)
        backend.close()


def test_a_session_that_another_one_ends_is_lost(
    board: tuple[SimulatedBoard, SerialBackend], monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = board[1]
    port = backend._session._line
    other = SerialBackend(port, CONFIG)
    other.write(MAP["BL"].offset, 3)
    assert other.read(MAP["BL"].offset) == 3
    backend._session._number = other._session._number + 100 & 0xFF  # a session's first number is by chance
    monkeypatch.setattr("crosstwin_sim.link.session.ATTEMPTS", 12)
    with pytest.raises(LinkError, match="has lost its place: it was reset, or another program talks to it"):
        backend.read(MAP["ID"].offset)


def test_registers_read_back(board: tuple[SimulatedBoard, SerialBackend]) -> None:
    backend = board[1]
    assert backend.read(MAP["ID"].offset) == IDENTITY
    backend.write_block(MAP["PULSE"].offset, np.array([3 | 2 << 16, 17, 9], np.uint32))
    assert backend.read_block(MAP["PULSE"].offset, 3).tolist() == [3 | 2 << 16, 17, 9]
    backend.reset()
    assert backend.read(MAP["BL"].offset) == MAP["BL"].reset


def test_slverr_raises_with_the_next_read(board: tuple[SimulatedBoard, SerialBackend]) -> None:
    backend = board[1]
    backend.write(MAP["BL"].offset, 7)
    backend.write_block(0x1000, np.array([0, 1 << CONFIG.code_bits], np.uint32))
    backend.write(MAP["BL"].offset, 9)
    with pytest.raises(BusError, match=r"write of 0x00000100 to address 0x1004 \(window X\) was answered with SLVERR"):
        backend.wait()
    assert backend.read(MAP["BL"].offset) == 7
    with pytest.raises(BusError, match=r"read of address 0x0014 \(COMMAND\) was answered with SLVERR"):
        backend.read(MAP["COMMAND"].offset)


def test_a_wait_longer_than_the_bridge_s_is_taken_up_again(board: tuple[SimulatedBoard, SerialBackend]) -> None:
    backend = board[1]
    backend.write(MAP["PULSE"].offset, 0xFFFF | 0xFFFF << 16)
    backend.write(MAP["SYMMETRIZE_PAIRS"].offset, 4)
    backend.write(MAP["COMMAND"].offset, 5)
    backend.wait()
    assert backend.read(MAP["STATUS"].offset) == 0
    assert backend.read(MAP["CYCLES"].offset) == 4 + 8 * 2 * 0xFFFF


def test_an_operation_costs_one_request(board: tuple[SimulatedBoard, SerialBackend], monkeypatch: pytest.MonkeyPatch) -> None:
    backend = board[1]
    crossbar = Crossbar(backend, 0, pulses=PulseSettings(0.02))
    x, d = np.array([0.5, -0.25, 0.125, 1.0]), np.array([0.1, -0.2, 0.3])
    crossbar.forward(x)
    requests = 0
    ask = backend._session.request

    def counted(accesses: bytes) -> Any:
        nonlocal requests
        requests += 1
        return ask(accesses)

    monkeypatch.setattr(backend._session, "request", counted)
    crossbar.forward(-x)
    crossbar.update(x, d, 0.5)
    assert requests == 2


def test_a_board_that_does_not_fit_is_refused() -> None:
    board = replace(CONFIG, name="board")
    for wanted, sentence in (
        (
            replace(CONFIG, rows=5),
            "has rows 4, and this run needs 5 or more: program it with a bitstream of the configuration tiny",
        ),
        (replace(CONFIG, adc_bits=10), "has adc_bits 9, and this run needs 10"),
        (replace(CONFIG, code_bits=7), "has code_bits 8, and this run needs 7"),
    ):
        with pytest.raises(CrosstwinError, match=f"the board has.*{sentence[4:]}|the board {sentence}"):
            require_fit(board, wanted, "the board")
    with pytest.raises(CrosstwinError, match="lacks the random source lfsr_per_line"):
        require_fit(replace(board, sources=("hammersley",)), replace(CONFIG, sources=("lfsr_per_line",)), "the board")
    require_fit(board, replace(CONFIG, rows=3, pairs=1, adc_lanes=16), "the board")


@pytest.mark.parametrize("config", PRESETS.values(), ids=PRESETS)
def test_registers_tell_the_configuration(config: ControllerConfig) -> None:
    words = [register_map(config)[name].reset for name in ("ID", "VERSION", "SIZE", "CAPABILITY", "LIMITS")]
    assert identify(words, "the board") == replace(config, name="board")
    with pytest.raises(CrosstwinError, match="is no Crosstwin controller: its register ID reads 0x00000000"):
        identify([0, *words[1:]], "the board")
    with pytest.raises(CrosstwinError, match=r"has version 2\.0\.0 of the register map"):
        identify([words[0], 0x00020000, *words[2:]], "the board")


def test_frames_are_found_in_parts_of_any_size() -> None:
    contents = [bytes(range(256))[:200], b"\x7e\x7d\x7e", b""]
    line = b"\x01\x7e" + b"".join(map(encode, contents))
    for size in (1, 3, 1000):
        decoder = Decoder()
        found = [content for first in range(0, len(line), size) for content in decoder.feed(line[first : first + size])]
        assert found == [None, *contents]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--backend", "serial"], "--backend serial and --port go together"),
        (["--port", "/dev/ttyUSB0"], "--backend serial and --port go together"),
        (["--backend", "serial", "--port", "/dev/none"], "there is no serial port /dev/none; this machine has:"),
        (["--backend", "serial", "--port", "/dev/null"], "/dev/null is not a serial port; this machine has:"),
        (["--backend", "serial", "--port", "/tmp"], "/tmp is not a serial port; this machine has:"),
        (["--backend", "serial", "--port", "/dev/none", "--baud", "110"], "--baud is 110; allowed are 9600 to 12500000"),
        (["--backend", "serial", "--port", "/dev/none", "--baud", "20000000"], "--baud is 20000000; allowed are 9600 to"),
        (["--backend", "serial", "--port", "x", "--resume"], "A board's array can be neither kept nor recorded"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(options: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "digits", *options]) == 2
    assert sentence in capsys.readouterr().err


def test_nothing_answers(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What is waited for is said once on the way."""
    monkeypatch.setattr("crosstwin_sim.link.session.PATIENCE", 0.01)
    monkeypatch.setattr("crosstwin_sim.link.session.SILENT", 0.1)
    with Terminal() as terminal:
        with pytest.raises(LinkError, match=f"nothing answers on {terminal.port} at 115200 baud; check that"):
            open_board(terminal.port, CONFIG, 115200)
        assert capsys.readouterr().err == f"Waiting for an answer from the board on {terminal.port} at 115200 baud ...\n"


class Scripted:
    """A line whose other end does something of its own with every frame; None is silence, and takes time on its clock only."""

    name, baud = "line", 12_500_000

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *ends: Callable[[bytes], bytes | None]) -> None:
        self._ends, self._frames, self._said, self._now = ends, 0, b"", 0.0
        clock = SimpleNamespace(monotonic=lambda: self._now, monotonic_ns=time.monotonic_ns)
        monkeypatch.setattr("crosstwin_sim.link.session.time", clock)

    def send(self, data: bytes) -> None:
        self._said = self._ends[min(self._frames, len(self._ends) - 1)](data) or b""
        self._frames += 1

    def receive(self, seconds: float) -> bytes:
        if not self._said:
            self._now += seconds
        said, self._said = self._said, b""
        return said

    def close(self) -> None:
        pass


def complaint(status: Status) -> Callable[[bytes], bytes]:
    return lambda frame: encode(bytes((0, status)))


@pytest.mark.parametrize(
    ("ends", "sentence"),
    [
        ([lambda frame: frame], "line only gives back what is sent to it, and no board answers; name the board's port"),
        ([complaint(Status.OUT_OF_ORDER), lambda frame: None], "nothing answers on line at 12500000 baud"),
        ([complaint(Status.OUT_OF_ORDER), lambda frame: b"\x7eabcdef\x7e"], "is damaged, in 12 attempts"),
        ([complaint(Status.DAMAGED), lambda frame: None], "is damaged, in 12 attempts"),
        ([lambda frame: None, complaint(Status.DAMAGED), complaint(Status.OUT_OF_ORDER)], "has lost its place"),
        ([complaint(Status.MALFORMED)], "does not know this version of the link's protocol"),
    ],
)
def test_the_sentence_is_about_what_most_attempts_ended_with(
    ends: list[Callable[[bytes], bytes | None]], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(LinkError, match=sentence):
        Session(Scripted(monkeypatch, *ends))


def test_an_answer_behind_an_echo_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Adapters with one wire for both ways give back what they send."""

    def answer(frame: bytes) -> bytes:
        content = Decoder().feed(frame)[0]
        assert content is not None
        return frame + encode(bytes((content[1], Status.OK, len(content), 0)) + b"\x01\x02\x00\x00")

    session = Session(Scripted(monkeypatch, answer))
    assert session.request(b"\x02\x01\x00\x00").words.tolist() == [0x201]


class BusyForEver:
    """Stands in for the session: a board whose registers are the golden model's, and whose BUSY never falls."""

    lost = False

    def __init__(self, line: object, report: object) -> None:
        self._model = ModelBackend(CONFIG, new_plant())
        self.waits = 0

    def close(self) -> None:
        """Do nothing."""

    def request(self, accesses: bytes) -> Answer:
        words, position = [], 0
        while position < len(accesses):
            kind, count = accesses[position], accesses[position + 1]
            address = int.from_bytes(accesses[position + 2 : position + 4], "little")
            if kind == AccessKind.WAIT:
                self.waits += 1
                assert self.waits < 100, "the host waits without a bound"
                return Answer(Status.BUSY, REQUEST_HEAD + position, 0, np.array(words, np.uint32))
            try:
                if kind == AccessKind.READ:
                    words += self._model.read_block(address, count).tolist()
                elif kind == AccessKind.WRITE:
                    self._model.write_block(address, np.frombuffer(accesses, "<u4", count, position + ACCESS_HEAD))
            except BusError:
                return Answer(Status.BUS_ERROR, REQUEST_HEAD + position, 0, np.array(words, np.uint32))
            position += ACCESS_HEAD + (4 * count if kind == AccessKind.WRITE else 0)
        return Answer(Status.OK, REQUEST_HEAD + position, 0, np.array(words, np.uint32))


def test_a_test_of_a_board_that_stays_busy_fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("crosstwin_sim.link.backend.Session", BusyForEver)
    line = SimpleNamespace(name="a fake")
    monkeypatch.setattr("crosstwin_sim.cli.board.open_board", lambda *arguments, **options: SerialBackend(line))  # type: ignore[arg-type]
    assert run(["board", "test", "--port", "a fake"]) == 1
    sentence = "on the way to an update of no line (hammersley), BUSY of the board on a fake is still high"
    assert sentence in capsys.readouterr().out


def test_a_board_s_operation_that_outlasts_its_settings_is_given_up(
    board: tuple[SimulatedBoard, SerialBackend], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bridge of the whole board gives its WAIT up, and the host asks again no more often than the settings allow."""
    backend = board[1]
    monkeypatch.setattr("crosstwin_sim.link.backend.operation_limit", lambda config, settings: sum(settings.values()) & 0xFF)
    backend.write(MAP["PULSE"].offset, 0xFFFF | 0xFFFF << 16)
    backend.write(MAP["SYMMETRIZE_PAIRS"].offset, 100)
    backend.write(MAP["COMMAND"].offset, 5)
    with pytest.raises(HangError, match=r"is still high 65536 clock cycles after COMMAND; its settings allow at most \d+"):
        backend.wait()
    assert backend.read(MAP["STATUS"].offset) == 1


def test_a_board_that_stays_busy_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A WAIT is asked again only for as long as the operation's settings allow."""
    monkeypatch.setattr("crosstwin_sim.link.backend.Session", BusyForEver)
    backend = SerialBackend(SimpleNamespace(name="a fake"))
    with pytest.raises(
        HangError, match=r"BUSY of the board on a fake is still high \d+ clock cycles .* at most \d+; reset the board"
    ):
        backend.wait()
