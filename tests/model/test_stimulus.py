"""The random traffic reaches what it is meant to reach, and the check finds what it is meant to find."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from crosstwin_model.check import Check, checking_plant
from crosstwin_model.config import PRESETS, ControllerConfig
from crosstwin_model.controller import GoldenController
from crosstwin_model.observe import Pins
from crosstwin_model.plant import Plant
from crosstwin_model.registers import ErrorCode, Opcode, Response


class Golden:
    """A second golden model behind the check's device protocol, with a defect to choose."""

    def __init__(self, config: ControllerConfig, seed: int, defect: str = "") -> None:
        self.plant = Plant(config, checking_plant(seed))
        self._golden = GoldenController(config, self.plant)
        self._golden.phases = []
        self._defect = defect

    def write(self, address: int, value: int, strobe: int = 0xF) -> Response:
        response = self._golden.write(address, value, strobe)
        return Response.OKAY if self._defect == "response" else response

    def read(self, address: int) -> tuple[Response, int]:
        response, value = self._golden.read(address)
        wrong = self._defect == "register" and address == 0x80 and value > 500
        wrong |= self._defect == "result" and address == 0x3004 and value > 0
        return response, value ^ wrong

    def read_all(self, addresses: Sequence[int]) -> list[tuple[Response, int]]:
        return [self.read(address) for address in addresses]

    def command(self, value: int, stop: int | None = None) -> list[tuple[int, Pins]]:
        if stop is not None:
            self._golden.stop_in(stop)
        self._golden.write(0x14, value)
        changes = self._golden.waveform()
        if self._defect == "pins" and len(changes) > 3:
            changes[2] = (changes[2][0] + 1, changes[2][1])
        if self._defect in Pins._fields:
            changes[-1] = (changes[-1][0], changes[-1][1]._replace(**{self._defect: 1 - getattr(changes[-1][1], self._defect)}))
        if self._defect == "conductance" and value & 15 == Opcode.UPDATE:
            self.plant.pulse_slots(0, np.array([True]), np.ones((1, 1), np.uint64), np.ones((1, 1), np.uint64))
        return changes


def test_traffic_reaches_every_operation_and_every_error() -> None:
    config = PRESETS["tiny"]
    result = Check(config, Golden(config, 3), 3).run(5000)
    assert result.mismatch is None and result.operations == 5000
    reached = Counter[str]()
    for outcome, count in result.outcomes.items():
        opcode, error = outcome.split(": ")
        reached[opcode] += count
        reached[error] += count
    for name in [*(opcode.name for opcode in Opcode), *(code.name for code in ErrorCode)]:
        if name != "BAD_SOURCE":  # this preset has every source
            assert reached[name] >= 3, name
    assert reached["OK"] > 1500
    assert min(result.compared.values()) > 1000


def test_the_same_seed_gives_the_same_conductances() -> None:
    config = PRESETS["small"]
    digests = [Check(config, Golden(config, seed), seed).run(40).conductance_sha256 for seed in (1, 1, 2)]
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize(
    ("defect", "what"),
    [
        ("response", "response"),
        ("register", "CYCLES"),
        ("result", "Y["),
        ("pins", "pins"),
        ("busy", "pins"),
        ("fault", "pins"),
        ("irq", "pins"),
        ("adc_ready", "pins"),
        ("conductance", "conductance of tile 0"),
    ],
)
def test_a_defect_is_found_and_named(defect: str, what: str) -> None:
    config = PRESETS["tiny"]
    result = Check(config, Golden(config, 5, defect), 5).run(300)
    assert result.mismatch is not None
    assert what in result.mismatch.what and "golden model" in str(result.mismatch)
    assert result.operations == result.mismatch.operation + 1
