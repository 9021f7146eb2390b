"""A board as a back end."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from crosstwin_hdl.link.protocol import ANSWER_WORDS, DIVISORS, REQUEST_HEAD, WAIT_POLLS, AccessKind, Status
from crosstwin_model.config import ControllerConfig
from crosstwin_model.operation_limit import LENGTH_REGISTERS, operation_limit
from crosstwin_model.registers import Opcode, register_map

from ..backend import HangError, Words, bus_error
from .accesses import Access, fitting, reads, writes
from .identity import REGISTERS, identify, require_fit
from .port import DEFAULT_BAUD, Port
from .session import BYTE_BITS, Line, LinkError, Session

#: Accesses that are put off at most.
_PUT_OFF = 64
#: Cells of an emulated array that begin anew while a board with the fastest line answers as many single reads as fit.
_CELLS = 4 * DIVISORS[0] * BYTE_BITS * ANSWER_WORDS
_READS = (Opcode.FORWARD, Opcode.BACKWARD)


class SerialBackend:
    """A controller behind a serial line as a :class:`crosstwin_sim.backend.Backend`.

    A line's answers take long, so writes are put off until something is read or waited for, and go there in one request with it.
    A write that is refused raises then, and those behind it are not done. A wait brings ERROR with it and, after a read of the
    array, as many words of Y as were asked for last time, so an operation costs one request.

    Parameters
    ----------
    line : Line
        Where the board is.
    wanted : ControllerConfig or None
        What the host needs of the board; None takes any.
    report : callable
        As for :class:`crosstwin_sim.link.session.Session`.

    Attributes
    ----------
    config : ControllerConfig
        The board's configuration, from its registers.
    plant : None
        The array is the board's own.

    Raises
    ------
    CrosstwinError
        If nothing answers, or the board is not what the host needs.
    """

    plant: None = None

    def __init__(
        self, line: Line, wanted: ControllerConfig | None = None, report: Callable[[str], None] = lambda sentence: None
    ) -> None:
        self._session = Session(line, report)
        self._where = f"the board on {line.name}"
        self._pending: deque[Access] = deque()
        self._registers = register_map(wanted or ControllerConfig("any", 1, 1))
        self._ahead: dict[int, Words] = {}
        words = self.read_block(self._registers[REGISTERS[0]].offset, len(REGISTERS))
        self.config = identify(words.tolist(), self._where)
        if wanted is not None:
            require_fit(self.config, wanted, self._where)
        self._registers = register_map(self.config)
        self._command, self._status, self._error = (self._registers[name].offset for name in ("COMMAND", "STATUS", "ERROR"))
        self._y = self._registers.window("Y").offset
        self._y_words = 1
        self._reading = False

    def read(self, address: int) -> int:
        """Return the 32-bit word at an address."""
        return int(self.read_block(address, 1)[0])

    def write(self, address: int, value: int) -> None:
        """Write a 32-bit word, with the next read or wait at the latest."""
        if address == self._command:
            self._reading = value & 0xF in _READS
        self._put_off(writes(address, np.array([value], np.uint32)))

    def read_block(self, address: int, words: int) -> Words:
        """Return that many consecutive words."""
        ahead = self._ahead.pop(address, None)
        if self._registers.at(address) is self._registers.window("Y"):
            self._y_words = words
        if ahead is not None and len(ahead) >= words:
            return ahead[:words]
        self._pending.extend(reads(address, words))
        return self._carry_out()

    def write_block(self, address: int, values: npt.ArrayLike) -> None:
        """Write consecutive words, with the next read or wait at the latest."""
        self._put_off(writes(address, values))

    def wait(self) -> None:
        """Return when no operation is under way.

        Raises
        ------
        HangError
            If the operation outlasts what its settings allow, by the number of times that the board has read BUSY.
        """
        self._put_off([Access(AccessKind.WAIT, self._status)])
        ahead = [Access(AccessKind.READ, self._error, 1)]
        if self._reading:
            ahead.append(Access(AccessKind.READ, self._y, min(self._y_words, ANSWER_WORDS - 1)))
        self._pending.extend(ahead)
        words = self._carry_out()
        for access in ahead:
            self._ahead[access.address], words = words[: access.reads], words[access.reads :]

    def reset(self) -> None:
        """Pulse the controller's reset for one clock cycle; the array keeps its conductances."""
        self._put_off([Access(AccessKind.RESET)])
        self._carry_out()

    def renew(self) -> None:
        """Reset the whole board, which makes an array that is emulated in its gateware a new one."""
        self._put_off([Access(AccessKind.RESET, reads=1)])
        self._carry_out()
        # Such an array takes a clock cycle for each of its cells to begin anew, and the line takes many for a byte.
        requests = -(-self.config.tiles * self.config.rows * self.config.columns // _CELLS)
        identity = Access(AccessKind.READ, self._registers["ID"].offset, 1)
        self._pending.extend([identity] * (requests * ANSWER_WORDS))
        self._carry_out()

    def close(self) -> None:
        """Have what was put off carried out, and give the port back."""
        try:
            if not self._session.lost:
                self._carry_out()
        finally:
            self._session.close()

    def _put_off(self, accesses: list[Access]) -> None:
        self._ahead.clear()
        self._pending.extend(accesses)
        if len(self._pending) > _PUT_OFF:
            self._carry_out()

    def _carry_out(self) -> Words:
        """Have everything carried out that was put off, in as few requests as it takes, and return all words read."""
        read: list[Words] = []
        polled, limit = 0, 0
        while self._pending:
            asked = [self._pending[k] for k in range(fitting(self._pending))]
            answer = self._session.request(b"".join(access.encode() for access in asked))
            read.append(answer.words)
            done, position = 0, REQUEST_HEAD
            while position < answer.position:
                position += asked[done].size
                done += 1
            for _ in range(done):
                self._pending.popleft()
            if answer.status is Status.OK:
                continue
            if answer.status is Status.BUSY:
                limit = limit or self._limit()
                polled += WAIT_POLLS  # each poll takes a clock cycle or more
                if polled > limit:
                    self._pending.clear()
                    raise HangError(
                        f"BUSY of {self._where} is still high {polled} clock cycles after COMMAND; its settings allow at most "
                        f"{limit}; reset the board"
                    )
                continue
            self._pending.clear()
            self._fail(answer.status, asked[done], answer.completed)
        return np.concatenate(read) if read else np.zeros(0, np.uint32)

    def _limit(self) -> int:
        """Return the most clock cycles that the operation under way can take, by the settings in the controller."""
        settings = {}
        for name in LENGTH_REGISTERS:
            access = Access(AccessKind.READ, self._registers[name].offset, 1)
            answer = self._session.request(access.encode())
            if answer.status is not Status.OK:
                self._pending.clear()
                self._fail(answer.status, access, 0)
            settings[name] = int(answer.words[0])
        return operation_limit(self.config, settings)

    def _fail(self, status: Status, access: Access, completed: int) -> None:
        address = access.address + 4 * completed
        reading = access.kind is not AccessKind.WRITE
        if status is Status.BUS_ERROR:
            raise bus_error(
                self._registers, "read of" if reading else f"write of {int(access.values[completed]):#010x} to", address
            )
        if status is Status.BUS_TIMEOUT:
            raise LinkError(f"the bus of {self._where} does not answer at address {address:#06x}; reset the board")
        raise LinkError(
            f"{self._where} does not know an access of kind {access.kind.name}; program it with a bitstream of this version"
        )


def say(sentence: str) -> None:
    """Print a sentence on standard error."""
    print(sentence, file=sys.stderr, flush=True)


def open_board(
    port: str,
    wanted: ControllerConfig | None = None,
    baud: int = DEFAULT_BAUD,
    *,
    renew: bool = True,
    report: Callable[[str], None] = say,
) -> SerialBackend:
    """Return the board on a serial port, all of it reset.

    Parameters
    ----------
    port, baud
        As for :class:`crosstwin_sim.link.port.Port`.
    wanted : ControllerConfig or None
        What the host needs of the board; None takes any.
    renew : bool
        Whether it is reset.
    report : callable
        Told what is waited for, when that has taken some seconds.

    Raises
    ------
    CrosstwinError
        If the port cannot be opened, nothing answers there, or the board is not what the host needs.
    """
    line = Port(port, baud)
    try:
        backend = SerialBackend(line, wanted, report)
        if renew:
            backend.renew()
    except BaseException:
        line.close()
        raise
    return backend
