"""Figures of the peer, aihwkit 1.2.0, that were measured beforehand, for runs without it.

CPU, one thread; soft bounds +-.6, dw_min .001, learning rate .01, BL at most 31, both managements on.
"""

from __future__ import annotations

#: Microseconds by action, kind of vectors and lines.
RECORDED: dict[tuple[str, str], dict[int, float]] = {
    ("update", "dense"): {128: 404, 256: 1511, 512: 5856, 1024: 25407},
    ("update", "typical"): {128: 12, 256: 37, 512: 122, 1024: 466},
    ("forward", "dense"): {128: 3.4, 256: 6.8, 512: 20.5, 1024: 67},
}
