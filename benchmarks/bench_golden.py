"""Speed of the golden model's updates and reads against the peer simulator's, one thread each, in one run.

The device is the same on both sides (soft bounds +-.6, all spreads and the cycle-to-cycle noise .3, dw_min .001), so are the
vectors, the learning rate .01, the longest pulse train (31 slots; both sides take fewer where fewer do, and scale both lines'
probabilities alike) and the converters (7-bit inputs, 9-bit outputs over +-12 with noise .06). The mean number of pulses a cell
is printed for both sides: it is what makes an update cost. The peer is called in its fastest way, its C++ tile, and also as its
Python tile; rounds of both sides alternate on one core, durations are processor time, ratios are medians over the rounds' pairs.

Without the peer (`make bench PEER=aihwkit`) the rows are held against its recorded figures, and against the plain numpy
reference, which defines what the kernels must do.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from common import Row, calls_for, compared, cpu_seconds, report, show, stay_on_one_core
from golden_layer import BL, DEVICE, PEER_DEVICE, RATE, SEED, GoldenLayer
from peer.client import Peer, open_peer
from peer.recorded import RECORDED

from crosstwin_model import reference
from crosstwin_model.coincidence import transpose
from crosstwin_model.devices.base import UP
from crosstwin_model.devices.cells import CellDraws
from crosstwin_model.noise import Purpose, stream

SIZES = (128, 256, 512, 1024)
KINDS = ("dense", "typical")
ACTIONS = ("update", "forward", "backward")
#: Levels of ours (see ``golden_layer``), each with the peer's tile that it is held against: its C++ one, or its Python one.
LEVELS = (("cells", "C++"), ("direct", "C++"), ("host", "C++"), ("host", "Python"))
#: A round takes about that many seconds of each side, and there are so many rounds: short ones, most of which nothing disturbs.
ROUND = 0.01
ROUNDS = 31


def measure(ours: Callable[[int], float], peers: Callable[[int], float] | None) -> tuple[float, float, float]:
    """Return microseconds of one call on our side and the peer's, and how many times faster ours is (0 where there is none)."""
    count = calls_for(ours, ROUND)
    if peers is None:
        durations = [ours(count) / count for _ in range(ROUNDS)]
        return 1e6 * float(np.median(durations)), 0.0, 0.0
    other = calls_for(peers, ROUND)
    mine, theirs, ratio = compared(lambda: ours(count) / count, lambda: peers(other) / other, ROUNDS)
    return 1e6 * mine, 1e6 * theirs, 1.0 / ratio


def bench_layer(lines: int, kind: str, peer: Peer | None) -> list[Row]:
    """Measure one size with one kind of vectors."""
    layer = GoldenLayer(lines, kind)
    title = f"{lines} x {lines}, {kind}"
    rows = []
    drawn = layer.coincidences()
    if peer is not None:
        settings = {"lines": lines, "kind": kind, "seed": SEED, "rate": RATE, "bl": BL}
        theirs = peer.call("coincidences", dw_min=DEVICE.dw_min, **settings)
        peer.call("layer", name=title, device=PEER_DEVICE, **settings)
        rows.append(Row(f"{title}: pulses a cell and update", drawn, "pulses", theirs, drawn / theirs))
    else:
        rows.append(Row(f"{title}: pulses a cell and update", drawn, "pulses"))
    for action in ACTIONS:
        for level, tile in LEVELS[: None if peer is not None else -1]:
            name = f"{title}: {action}, {level}"

            def ours(count: int, what: str = f"{level} {action}") -> float:
                return layer.run(what, count)

            if peer is not None:

                def peers(count: int, peer: Peer = peer, what: str = f"{tile} {action}") -> float:
                    return float(peer.call("run", name=title, action=what, count=count))

                mine, other, faster = measure(ours, peers)
                rows.append(Row(f"{name}; peer's {tile} tile", mine, "us", other, faster))
                continue
            mine, _, _ = measure(ours, None)
            recorded = RECORDED.get((action, kind), {}).get(lines)
            if recorded is None:
                rows.append(Row(name, mine, "us"))
            else:
                rows.append(Row(f"{name}; peer, recorded", mine, "us", recorded, recorded / mine))
    return rows


def bench_reference(lines: int = 64, slots: int = 16) -> Row:
    """Measure the plain numpy reference against the kernels on one quadrant's slots, the same words on both sides."""
    layer = GoldenLayer(lines, "dense")
    rng = np.random.default_rng(SEED)
    words = [rng.integers(0, 1 << slots, (lines, 1), np.uint64) for _ in range(2)]
    masks = [transpose(side, slots) for side in words]
    w, pulses, states = np.zeros(lines**2, np.float32), np.zeros(lines**2, np.uint32), np.zeros((lines**2, 0), np.float32)
    keys = np.concatenate([stream(SEED, purpose) for purpose in (Purpose.PULSE, Purpose.WRITE)])
    cells = reference.Cells(DEVICE, w, pulses, states, DEVICE.cell_planes(CellDraws(SEED, 0, lines**2)), keys)
    up = np.full(slots, bool(UP))

    def ours(count: int) -> float:
        return seconds_of(lambda: layer.plant.pulse(0, True, words[0], words[1]), count)

    def plain(count: int) -> float:
        return seconds_of(lambda: reference.pulse_slots(cells, up, masks[0], masks[1], lines), count)

    mine, other, faster = measure(ours, plain)
    return Row(f"{lines} x {lines}, {slots} slots: cells; plain numpy reference", mine, "us", other, faster)


def seconds_of(action: Callable[[], object], count: int) -> float:
    """Return the processor time of that many calls."""
    return cpu_seconds(lambda: [action() for _ in range(count)])


def main() -> None:
    """Measure, print and write build/bench/golden.json."""
    stay_on_one_core()
    peer = open_peer()
    rows = [bench_reference()]
    show(rows)
    for lines in SIZES:
        for kind in KINDS:
            found = bench_layer(lines, kind, peer)
            show(found)
            rows += found
    if peer is not None:
        peer.close()
    report("golden", rows, shown=True)


if __name__ == "__main__":
    main()
