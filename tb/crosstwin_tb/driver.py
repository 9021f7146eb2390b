"""The bus master: AXI4-Lite accesses over cocotbext-axi's five channels, each of which can stall at random."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

import numpy as np
from cocotb.handle import HierarchyObject
from cocotbext.axi import AxiLiteBus
from cocotbext.axi.axil_channels import (
    AxiLiteARSource,
    AxiLiteARTransaction,
    AxiLiteAWSource,
    AxiLiteAWTransaction,
    AxiLiteBSink,
    AxiLiteRSink,
    AxiLiteWSource,
    AxiLiteWTransaction,
)

from crosstwin_model.registers import Response


class BusMaster:
    """Single accesses with any byte strobes, which cocotbext-axi's own master does not make.

    Parameters
    ----------
    dut : HierarchyObject
        The controller; its bus has the prefix ``s_axi_``.
    """

    def __init__(self, dut: HierarchyObject) -> None:
        bus = AxiLiteBus.from_prefix(dut, "s_axi")
        self._address = AxiLiteAWSource(bus.write.aw, dut.clk)
        self._data = AxiLiteWSource(bus.write.w, dut.clk)
        self._answer = AxiLiteBSink(bus.write.b, dut.clk)
        self._read_address = AxiLiteARSource(bus.read.ar, dut.clk)
        self._read_data = AxiLiteRSink(bus.read.r, dut.clk)
        self._channels = (self._address, self._data, self._answer, self._read_address, self._read_data)
        for channel in self._channels:
            channel.log.setLevel(logging.WARNING)  # every reset would be reported ten times

    def stall(self, seed: int, probability: float) -> None:
        """Pause each channel in each clock cycle with a probability, from now on."""
        for index, channel in enumerate(self._channels):
            channel.set_pause_generator(_pauses(np.random.default_rng((seed, index)), probability))

    def reset(self) -> None:
        """Forget accesses under way; call it while the controller's reset is high."""
        for channel in self._channels:
            channel.assert_reset()
            channel.clear()

    async def write(self, address: int, value: int, strobe: int = 0xF) -> Response:
        """Write a word with byte strobes."""
        await self._address.send(AxiLiteAWTransaction(awaddr=address, awprot=0))
        await self._data.send(AxiLiteWTransaction(wdata=value, wstrb=strobe))
        return Response(int((await self._answer.recv()).bresp))

    async def read(self, address: int) -> tuple[Response, int]:
        """Read a word."""
        return (await self.read_all([address]))[0]

    async def read_all(self, addresses: Sequence[int]) -> list[tuple[Response, int]]:
        """Read words one after another, each as soon as the bus takes it."""
        for address in addresses:
            await self._read_address.send(AxiLiteARTransaction(araddr=address, arprot=0))
        beats = [await self._read_data.recv() for _ in addresses]
        return [(Response(int(beat.rresp)), int(beat.rdata)) for beat in beats]

    async def write_all(self, address: int, values: Sequence[int]) -> list[Response]:
        """Write consecutive words, each as soon as the bus takes it."""
        for index, value in enumerate(values):
            await self._address.send(AxiLiteAWTransaction(awaddr=address + 4 * index, awprot=0))
            await self._data.send(AxiLiteWTransaction(wdata=value, wstrb=0xF))
        return [Response(int((await self._answer.recv()).bresp)) for _ in values]


def _pauses(rng: np.random.Generator, probability: float) -> Iterator[bool]:
    while True:
        yield from (rng.random(256) < probability).tolist()
