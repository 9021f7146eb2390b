"""The pulse response of a device's cells, measured on the plant itself: what is shown is what is simulated."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from crosstwin_model.coincidence import pack
from crosstwin_model.config import ControllerConfig
from crosstwin_model.devices import Device
from crosstwin_model.devices.base import CellDraws
from crosstwin_model.plant import Plant
from crosstwin_model.plant_config import PlantConfig

#: The tile that is pulsed, and how many cells it has.
TILE, LINES = 0, 16
CELLS = LINES * LINES

#: Most pulses in one train by default, and the values that are kept of a train.
_MOST_PULSES, _SAMPLES = 20_000, 250
#: Pulses that one call of the plant applies at most.
_BLOCK = 4096
#: Weights at which steps are measured.
_GRID = 61


@dataclass(frozen=True)
class Train:
    """Conductances of all cells along one train of pulses.

    Parameters
    ----------
    pulses : int64[samples]
        Pulses that every cell had had, this train's and those before.
    conductance : float32[samples, cells]
        What a read would see, without the converter.
    """

    pulses: NDArray[np.int64]
    conductance: NDArray[np.float32]


@dataclass(frozen=True)
class Steps:
    """Mean steps, without noise, by conductance.

    Parameters
    ----------
    w : float64[grid]
        Conductances.
    up, down : float64[grid, cells]
        Changes by one pulse; NaN where a cell's bounds leave out that conductance.
    """

    w: NDArray[np.float64]
    up: NDArray[np.float64]
    down: NDArray[np.float64]

    @property
    def asymmetry(self) -> float:
        """Mean over conductances and cells of abs(up + down) / (up - down): 0 for symmetric devices, at most 1."""
        size = np.abs(self.up) + np.abs(self.down)
        moved = size > 0.0  # also leaves out NaN
        return float((np.abs(self.up + self.down)[moved] / size[moved]).mean()) if moved.any() else 0.0


@dataclass(frozen=True)
class Response:
    """Trains of pulses up, down and alternating, the steps, and the symmetry points of the cells (NaN: a cell without one)."""

    device: Device
    up: Train
    down: Train
    alternating: Train
    steps: Steps
    symmetry_points: NDArray[np.float64]


def lowest_weight(device: Device) -> float:
    """Return the lowest weight: w_min, or of a pair what it reaches with only its second conductance up."""
    return -device.w_max if device.one_sided else device.w_min


def states(device: Device) -> float:
    """Return the number of states: the range of weights over the mean step at w = 0."""
    return (device.w_max - lowest_weight(device)) / device.dw_min


def default_pulses(device: Device) -> int:
    """Return how many pulses show a device's whole range: its number of states, 10 to 20,000."""
    return int(min(max(round(states(device)), 10), _MOST_PULSES))


def symmetry_points(device: Device, seed: int) -> NDArray[np.float64]:
    """Return the conductance at which alternating pulses bring each cell to rest, float64[cells]; NaN where there is none."""
    return device.symmetry_point(device.cell_planes(CellDraws(seed, TILE, CELLS)))


def why_no_symmetry_point(device: Device) -> str:
    """Return why no cell of a device has a symmetry point."""
    if device.one_sided:
        return "a pair has none: its steps depend on both of its conductances"
    return "no cell has a stable one: up and down steps are equal everywhere, nowhere, or only where alternating pulses lead away"


def measure_steps(device: Device, seed: int) -> Steps:
    """Return the steps of every cell over the device's range, without any noise."""
    plant = _plant(device.without_noise(), seed)
    w = np.linspace(lowest_weight(device), device.w_max, _GRID)
    changes = []
    for up in (True, False):
        rows = []
        for value in w:
            plant.set_conductance(TILE, np.full((LINES, LINES), value))
            before = plant.conductance(TILE).astype(np.float64)
            _pulse(plant, up, 1)
            change = plant.conductance(TILE) - before
            rows.append(np.where(np.abs(before - value) < 1e-6, change, np.nan).reshape(-1))
        changes.append(np.array(rows))
    return Steps(w, changes[0], changes[1])


def respond(device: Device, pulses: int, seed: int = 1) -> Response:
    """Give every cell of a tile ``pulses`` pulses up, as many down, and then alternating ones, twice as many.

    Parameters
    ----------
    device : Device
        All its spreads and noises are simulated.
    pulses : int
        At least 1.
    seed : int
        Of cells and noise, 0 to 2**32 - 1.
    """
    plant = _plant(device, seed)
    trains = []
    done = 0
    for direction in (True, False, None):
        length = pulses if direction is not None else 2 * pulses
        marks = _marks(length, even=direction is None)
        values = [plant.conductance(TILE).reshape(-1)]
        for before, after in pairwise(marks):
            _train(plant, direction, int(after - before))
            values.append(plant.conductance(TILE).reshape(-1))
        trains.append(Train(done + marks, np.array(values)))
        done += length
    up, down, alternating = trains
    return Response(device, up, down, alternating, measure_steps(device, seed), symmetry_points(device, seed))


def _plant(device: Device, seed: int) -> Plant:
    return Plant(ControllerConfig("response", LINES, LINES), PlantConfig(device=device, seed=seed))


def _marks(length: int, even: bool) -> NDArray[np.int64]:
    """Pulses of a train after which it is read, 0 and all among them; with ``even`` after whole pairs only."""
    unit = 2 if even else 1
    marks = np.unique(np.linspace(0, length // unit, min(length // unit, _SAMPLES) + 1).astype(np.int64))
    return marks * unit


def _train(plant: Plant, up: bool | None, count: int) -> None:
    """Pulse every cell; None alternates, up first. Each pulse takes the time of an update, which cells that age notice."""
    if not plant.ages:
        _pulse(plant, up, count)
        return
    for number in range(count):
        _pulse(plant, number % 2 == 0 if up is None else up, 1)
        plant.elapse(0)


def _pulse(plant: Plant, up: bool | None, count: int) -> None:
    """Pulse every cell; None alternates, up first."""
    for start in range(0, count, _BLOCK):
        slots = min(_BLOCK, count - start)
        if up is None:
            masks = np.tile(pack(np.ones(LINES, np.bool_)), (slots, 1))
            plant.pulse_slots(TILE, np.arange(slots) % 2 == 0, masks, masks)
        else:
            words = np.tile(pack(np.ones(slots, np.bool_)), (LINES, 1))
            plant.pulse(TILE, up, words, words)
