"""An emulated processor whose memory holds a compiled driver and, at an address of its own, the golden model's bus."""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np
import unicorn
from numpy.typing import NDArray
from unicorn import arm64_const, arm_const, riscv_const, x86_const

from crosstwin_model.controller import GoldenController
from crosstwin_model.registers import ADDRESS_BITS, Response

#: Where the controller, the memory for arguments, codes and stack, and the address that a function returns to are.
BUS, MEMORY, RETURN = 0x4000_0000, 0x2000_0000, 0x3000_0000
ARGUMENTS, CODES, STACK, SIZE = MEMORY, MEMORY + 0x1000, MEMORY + 0xF000, 0x10000
PAGE = 0x1000


class Access(NamedTuple):
    """One access that the processor made on the bus."""

    kind: str
    offset: int
    size: int
    value: int
    response: Response


class _Machine(NamedTuple):
    """Unicorn's names for a processor: architecture, mode, model, argument registers, result, link and stack pointer."""

    architecture: int
    mode: int
    model: int | None
    arguments: tuple[int, ...]
    result: int
    link: int | None
    stack: int


_ARM = tuple(getattr(arm_const, f"UC_ARM_REG_R{index}") for index in range(4))
_ARM64 = tuple(getattr(arm64_const, f"UC_ARM64_REG_X{index}") for index in range(4))
_RISCV = tuple(getattr(riscv_const, f"UC_RISCV_REG_A{index}") for index in range(4))
_X86 = tuple(getattr(x86_const, f"UC_X86_REG_{name}") for name in ("RDI", "RSI", "RDX", "RCX"))
MACHINES = {
    "cortex-m0": _Machine(
        unicorn.UC_ARCH_ARM,
        unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS,
        arm_const.UC_CPU_ARM_CORTEX_M0,
        _ARM,
        _ARM[0],
        arm_const.UC_ARM_REG_LR,
        arm_const.UC_ARM_REG_SP,
    ),
    "rv32imac": _Machine(
        unicorn.UC_ARCH_RISCV,
        unicorn.UC_MODE_RISCV32,
        None,
        _RISCV,
        _RISCV[0],
        riscv_const.UC_RISCV_REG_RA,
        riscv_const.UC_RISCV_REG_SP,
    ),
    "cortex-a53": _Machine(
        unicorn.UC_ARCH_ARM64,
        unicorn.UC_MODE_ARM,
        arm64_const.UC_CPU_ARM64_A53,
        _ARM64,
        _ARM64[0],
        arm64_const.UC_ARM64_REG_LR,
        arm64_const.UC_ARM64_REG_SP,
    ),
    "x86_64": _Machine(
        unicorn.UC_ARCH_X86,
        unicorn.UC_MODE_64,
        None,
        _X86,
        x86_const.UC_X86_REG_RAX,
        None,
        x86_const.UC_X86_REG_RSP,
    ),
}


class Processor:
    """Runs the entry function of an ELF file, with a golden controller on the bus.

    Attributes
    ----------
    accesses : list of Access
        What the last call did on the bus, byte strobes included: an access of fewer than four bytes is a partial write.
    """

    def __init__(self, name: str, elf: bytes, controller: GoldenController) -> None:
        self.accesses: list[Access] = []
        self._machine = machine = MACHINES[name]
        self._controller = controller
        self._uc = unicorn.Uc(machine.architecture, machine.mode, machine.model)
        self._uc.mem_map(MEMORY, SIZE)
        self._uc.mem_map(RETURN, PAGE)
        self._uc.mmio_map(BUS, 1 << ADDRESS_BITS, self._read, None, self._write, None)
        self._entry = self._load(elf)

    def _load(self, elf: bytes) -> int:
        """Copy the program into memory, and return the address of its entry."""
        wide = elf[4] == 2
        entry, table = struct.unpack_from("<QQ" if wide else "<II", elf, 24)
        size, count = struct.unpack_from("<HH", elf, 54 if wide else 42)
        mapped: set[int] = set()
        for index in range(count):
            fields = struct.unpack_from("<IIQQQQQ" if wide else "<IIIIIIII", elf, table + index * size)
            kind, offset, address, stored, length = (fields[i] for i in ((0, 2, 3, 5, 6) if wide else (0, 1, 2, 4, 5)))
            if kind == 1 and length:
                for page in range(address // PAGE, (address + length - 1) // PAGE + 1):
                    if page not in mapped:
                        self._uc.mem_map(page * PAGE, PAGE)
                        mapped.add(page)
                self._uc.mem_write(address, elf[offset : offset + stored])
        return int(entry)

    def call(self, which: int, *arguments: int) -> int:
        """Call the entry function with (bus, which, arguments in memory, codes in memory), and return its result."""
        self.accesses.clear()
        words = b"".join(struct.pack("<I", argument & 0xFFFF_FFFF) for argument in arguments)
        self._uc.mem_write(ARGUMENTS, words)
        for register, value in zip(self._machine.arguments, (BUS, which, ARGUMENTS, CODES), strict=True):
            self._uc.reg_write(register, value)
        stack = STACK
        thumb = bool(self._machine.mode & unicorn.UC_MODE_THUMB)
        if self._machine.link is None:
            stack -= 8
            self._uc.mem_write(stack, struct.pack("<Q", RETURN))
        else:
            self._uc.reg_write(self._machine.link, RETURN | thumb)
        self._uc.reg_write(self._machine.stack, stack)
        self._uc.emu_start(self._entry | thumb, RETURN, timeout=600_000_000)
        return int(self._uc.reg_read(self._machine.result)) & 0xFFFF_FFFF

    @property
    def codes(self) -> NDArray[np.int16]:
        """The vector of codes in memory, int16, (4096,)."""
        return np.frombuffer(bytes(self._uc.mem_read(CODES, 8192)), "<i2").astype(np.int16)

    @codes.setter
    def codes(self, values: NDArray[np.int16]) -> None:
        self._uc.mem_write(CODES, values.astype("<i2").tobytes())

    def _read(self, uc: unicorn.Uc, offset: int, size: int, data: object) -> int:
        response, word = self._controller.read(offset)
        value = word >> 8 * (offset & 3) & (1 << 8 * size) - 1
        self.accesses.append(Access("read", offset, size, value, response))
        return value

    def _write(self, uc: unicorn.Uc, offset: int, size: int, value: int, data: object) -> None:
        lane = offset & 3
        response = self._controller.write(offset, value << 8 * lane & 0xFFFF_FFFF, ((1 << size) - 1) << lane & 0xF)
        self.accesses.append(Access("write", offset, size, value, response))
