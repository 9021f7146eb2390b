"""Response of every preset device against the peer simulator's: mean and spread over cells, within 4 standard errors.

Cells of a fresh tile begin at weight 0 and get 1, 10, 100 and 1000 pulses up, or down, or 1000 pairs of an up and a down pulse,
after which they stand at their symmetry points as near as the device's noise lets them. The weights are what a read would see,
write noise included. A standard error is that of the difference of two independent samples, of the mean by their variances, of
the spread (the standard deviation over cells) by their fourth moments.

The peer draws a tile's cycle-to-cycle noise from a list of 32,768 normal numbers, made anew for each tile. A list's mean differs
from 0 by .0055 or so, and all cells of a tile share it: with the noise of 5 that `reram_es` has, that moves a tile's mean step by
3 %. So the peer's cells are spread over many small tiles, and its standard errors are those of samples of whole tiles.

The peer is seeded by the clock, so no run of this bench is like another: of a hundred, two or three have a difference above 4
standard errors by chance, in some 200 comparisons. The program ends with exit code 1 where it finds one.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from common import Row, report
from numpy.typing import NDArray
from peer.client import need_peer
from rich.console import Console
from rich.table import Table

from crosstwin_model.config import ControllerConfig
from crosstwin_model.devices import DEVICES, Device
from crosstwin_model.plant import Plant, PlantConfig

#: Cells of ours, and the tiles that the peer has the same number of cells in.
ROWS, COLUMNS = 256, 64
TILES = 128
PULSES = {"up": [1, 10, 100, 1000], "down": [1, 10, 100, 1000], "pairs": [1000]}
ALLOWED = 4.0
SEED = 1

#: The peer's class for each of our presets that it has, too.
PEER_PRESETS = {
    "reram_es": "ReRamESPresetDevice",
    "reram_sb": "ReRamSBPresetDevice",
    "capacitor": "CapacitorPresetDevice",
    "ecram": "EcRamPresetDevice",
    "ecram_mo": "EcRamMOPresetDevice",
    "idealized": "IdealizedPresetDevice",
    "gokmen_vlasov": "GokmenVlasovPresetDevice",
    "pcm": "PCMPresetUnitCell",
    "reram_om_array": "ReRamArrayOMPresetDevice",
    "reram_hfo2_array": "ReRamArrayHfO2PresetDevice",
}
#: Values of the peer's presets that are not as they come. Pairs are compared without refresh: ours counts pulses until the
#: difference is back, the peer writes it in one update that takes no account of the first steps being 30 times the nominal one.
PEER_VALUES = {"pcm": {"refresh_every": 0}}
#: The peer's class for the rules of our other presets, which it has no name for: their values are handed over.
PEER_RULES = {"soft_bounds": "SoftBoundsDevice", "constant_step": "ConstantStepDevice"}


@dataclass(frozen=True)
class Sample:
    """Mean and spread over cells, each with its standard error."""

    mean: float
    mean_error: float
    spread: float
    spread_error: float


def sample(weights: NDArray[np.float64], groups: int) -> Sample:
    """Return the statistics of weights that come in so many independent groups of equal size, one after another."""
    centred = weights - weights.mean()
    variance = float(np.mean(centred**2))
    spread = float(np.sqrt(variance))

    def error(values: NDArray[np.float64]) -> float:
        return float(np.std(values.reshape(groups, -1).mean(axis=1), ddof=1) / np.sqrt(groups))

    return Sample(float(weights.mean()), error(weights), spread, error(centred**2) / (2 * spread) if spread else 0.0)


def off(first: float, second: float, first_error: float, second_error: float) -> float:
    """Return the difference of two values in standard errors of it."""
    error = float(np.hypot(first_error, second_error))
    return abs(first - second) / error if error else (0.0 if first == second else float("inf"))


def counterpart(device: Device) -> tuple[str, dict[str, Any]] | None:
    """Return the peer's class for a device and its values, or None where the peer has no such device."""
    if device.name in PEER_PRESETS:
        return PEER_PRESETS[device.name], dict(PEER_VALUES.get(device.name, {}))
    if device.rule not in PEER_RULES:
        return None
    values = {
        "dw_min": device.dw_min,
        "dw_min_dtod": device.dw_min_spread,
        "dw_min_std": device.c2c,
        "up_down": device.up_down,
        "up_down_dtod": device.up_down_spread,
        "w_max": device.w_max,
        "w_max_dtod": device.w_max_spread,
        "w_min": device.w_min,
        "w_min_dtod": device.w_min_spread,
    }
    return PEER_RULES[device.rule], values


def response(device: Device, pattern: str) -> list[NDArray[np.float64]]:
    """Return the weights of all cells after each number of pulses."""
    plant = Plant(ControllerConfig("statistics", ROWS, COLUMNS), PlantConfig(device=device, seed=SEED))
    plant.set_conductance(0, plant.conductance(2))
    rows, columns = np.ones((ROWS, 1), np.uint64), np.ones((COLUMNS, 1), np.uint64)
    found, done = [], 0
    for count in PULSES[pattern]:
        for _ in range(count - done):
            if pattern != "down":
                plant.pulse(0, True, rows, columns)
            if pattern != "up":
                plant.pulse(0, False, rows, columns)
        done = count
        found.append(plant.weights(0).reshape(-1))
    return found


def main() -> None:
    """Measure, print the table, write build/bench/statistics.json."""
    peer = need_peer()
    table = Table("device", "pulses", "mean", "peer", "off by", "spread", "peer", "off by")
    for column in table.columns[2:]:
        column.justify = "right"
    rows: list[Row] = []
    for device in DEVICES.values():
        known = counterpart(device)
        if known is None:
            print(f"{device.name}: the peer has no such device")
            continue
        for pattern, counts in PULSES.items():
            theirs = peer.call("response", device=known[0], values=known[1], tiles=TILES, pulses=counts, pattern=pattern)
            for count, mine, other in zip(counts, response(device, pattern), theirs, strict=True):
                a, b = sample(mine, mine.size), sample(np.array(other), TILES)
                mean_off = off(a.mean, b.mean, a.mean_error, b.mean_error)
                spread_off = off(a.spread, b.spread, a.spread_error, b.spread_error)
                name = f"{device.name}, {count} {pattern}"
                values = (a.mean, b.mean, mean_off, a.spread, b.spread, spread_off)
                style = "bold red" if max(mean_off, spread_off) > ALLOWED else None
                digits = [f"{v:.2f}" if index in (2, 5) else f"{v:.5f}" for index, v in enumerate(values)]
                table.add_row(device.name, f"{count} {pattern}", *digits, style=style)
                rows.append(Row(f"{name}: mean off by", mean_off, "std errors", ALLOWED, mean_off / ALLOWED))
                rows.append(Row(f"{name}: spread off by", spread_off, "std errors", ALLOWED, spread_off / ALLOWED))
        print(f"{device.name} done", flush=True)
    peer.close()
    Console(width=120).print(table)
    report("statistics", rows, shown=True)
    out = [row.name for row in rows if row.value > ALLOWED]
    print(f"{len(rows)} comparisons, {len(out)} beyond {ALLOWED:g} standard errors")
    if out:
        sys.exit("\n".join(out))


if __name__ == "__main__":
    main()
