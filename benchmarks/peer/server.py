"""The peer's side of a comparison: run by the Python of the peer's own environment, it answers requests from standard input.

A request is one line of JSON, ``{"call": NAME, ...arguments}``; the answer is one line too, ``{"result": ...}`` or
``{"error": SENTENCE}``. Everything runs in one thread, and durations are this process's processor time, as the other side's are.
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from aihwkit.simulator import presets
from aihwkit.simulator.configs import SingleRPUConfig, UnitCellRPUConfig, devices
from aihwkit.simulator.parameters.training import UpdateParameters
from aihwkit.simulator.tiles import AnalogTile
from vectors import RING, pair

#: Pulses that measure a device come singly: probability 1 on every line, one slot.
SINGLE = UpdateParameters(desired_bl=1, update_bl_management=False, update_management=False)


class Layer:
    """One tile of ``lines`` x ``lines`` soft-bounds devices with the peer's default converters, and its ring of vectors."""

    def __init__(self, device: dict[str, Any], lines: int, kind: str, seed: int, rate: float, bl: int) -> None:
        config = SingleRPUConfig(device=devices.SoftBoundsDevice(**device), update=UpdateParameters(desired_bl=bl))
        self.tile = AnalogTile(lines, lines, config)
        self.tile.set_learning_rate(rate)
        rng = np.random.default_rng(seed)
        self.tile.set_weights(torch.from_numpy(rng.uniform(-0.3, 0.3, (lines, lines)).astype(np.float32)))
        x, d = pair(kind, lines, seed)
        self.ring = [
            (torch.from_numpy(a), torch.from_numpy(b)) for a, b in zip(x.astype(np.float32), d.astype(np.float32), strict=True)
        ]
        self.next = 0

    def run(self, action: str, count: int) -> float:
        """Do an action that many times, with the next vectors of the ring, and return the seconds it took."""
        raw, tile, ring, first = self.tile.tile, self.tile, self.ring, self.next
        self.next += count
        order = [ring[index % RING] for index in range(first, first + count)]
        start = time.process_time()
        if action == "C++ update":
            for x, d in order:
                raw.update(x, d, False)
        elif action == "C++ forward":
            for x, _ in order:
                raw.forward(x, False, False, False, False)
        elif action == "C++ backward":
            for _, d in order:
                raw.backward(d, False, False, False, False)
        elif action == "Python update":
            for x, d in order:
                tile.update(x, d)
        elif action == "Python forward":
            for x, _ in order:
                tile.forward(x)
        else:
            for _, d in order:
                tile.backward(d)
        return time.process_time() - start


class Server:
    """What can be asked for; every method's name is a request's ``call``."""

    def __init__(self) -> None:
        self._layers: dict[str, Layer] = {}

    def about(self) -> dict[str, str]:
        """Return the versions."""
        return {"aihwkit": version("aihwkit"), "torch": torch.__version__}

    def layer(self, name: str, **arguments: Any) -> None:
        """Make a layer that :meth:`run` knows by its name; it takes the place of all others."""
        self._layers = {name: Layer(**arguments)}

    def run(self, name: str, action: str, count: int) -> float:
        """Return how many seconds of processor time an action takes."""
        return self._layers[name].run(action, count)

    def coincidences(self, dw_min: float, lines: int, kind: str, seed: int, rate: float, bl: int) -> float:
        """Return the mean number of pulses of a cell in an update: what noiseless constant steps of a wide range add up to."""
        plain = devices.ConstantStepDevice(
            dw_min=dw_min, dw_min_dtod=0, dw_min_std=0, up_down_dtod=0, w_max=100, w_min=-100, w_max_dtod=0, w_min_dtod=0
        )
        tile = AnalogTile(lines, lines, SingleRPUConfig(device=plain, update=UpdateParameters(desired_bl=bl)))
        tile.set_learning_rate(rate)
        x, d = pair(kind, lines, seed)
        total = 0.0
        zero = torch.zeros(lines, lines)
        for row, column in zip(x.astype(np.float32), d.astype(np.float32), strict=True):
            tile.set_weights(zero)
            tile.tile.update(torch.from_numpy(row), torch.from_numpy(column), False)
            total += float(tile.tile.get_weights().abs().double().mean()) / dw_min
        return total / RING

    def response(self, device: str, values: dict[str, Any], tiles: int, pulses: list[int], pattern: str) -> list[list[float]]:
        """Return the weights of ``tiles`` tiles of 2 x 64 cells, which begin at 0, after each number of pulses.

        ``pattern`` is ``up``, ``down`` or ``pairs``: an up pulse and a down pulse, counted as one.
        """
        made = getattr(presets, device, None) or getattr(devices, device)
        found: list[list[float]] = [[] for _ in pulses]
        for _ in range(tiles):
            unit = made(**values)
            config = (UnitCellRPUConfig if hasattr(unit, "unit_cell_devices") else SingleRPUConfig)(device=unit, update=SINGLE)
            tile = AnalogTile(2, 64, config)
            # A rate far beyond a step lets every line fire in the only slot; the peer's weights go against x d.
            tile.set_learning_rate(1e3)
            tile.set_weights(torch.zeros(2, 64))
            down, up, out = torch.ones(64), -torch.ones(64), torch.ones(2)
            turns = {"up": (up,), "down": (down,), "pairs": (up, down)}[pattern]
            done = 0
            for index, count in enumerate(pulses):
                for _ in range(count - done):
                    for x in turns:
                        tile.tile.update(x, out, False)
                done = count
                found[index] += tile.tile.get_weights().double().flatten().tolist()
        return found


def main() -> None:
    """Answer until the input ends."""
    torch.set_num_threads(1)
    # What libraries print must not end up between the answers.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    server = Server()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"result": getattr(server, request.pop("call"))(**request)}
        except Exception as error:  # the other side tells the user, whatever it was
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers)


if __name__ == "__main__":
    main()
