"""The functions of :mod:`crosstwin_model.noise` for compiled loops, cut where a loop over cells or lines can be vectorised.

numba promotes uint32 arithmetic to 64 bits, hence the casts after every step.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.extending import register_jitable

from crosstwin_model import noise

_GOLDEN = np.uint32(noise.GOLDEN)
_MIX_1 = np.uint32(noise.MIX_1)
_MIX_2 = np.uint32(noise.MIX_2)
_SPREAD = np.uint32(noise.SPREAD)

#: Shift that leaves an index into :data:`crosstwin_model.noise.NORMAL` of a number of :func:`draw_bits`.
SHIFT = np.uint32(noise.QUANTILE_SHIFT)


@register_jitable  # type: ignore[untyped-decorator]
def cell_key(keys: Any, index: Any) -> Any:
    """The part of a draw that depends on the index only."""
    z = np.uint32(np.uint32(np.uint32(index) * _GOLDEN) + keys[0])
    z = np.uint32(z ^ (z >> np.uint32(16)))
    z = np.uint32(z * _MIX_1)
    z = np.uint32(z ^ (z >> np.uint32(13)))
    z = np.uint32(z * _MIX_2)
    return np.uint32(z ^ (z >> np.uint32(16)))


@register_jitable  # type: ignore[untyped-decorator]
def second_key(keys: Any, key: Any) -> Any:
    """What enters the middle of the mix."""
    return np.uint32(np.uint32(key * _SPREAD) + keys[1])


@register_jitable  # type: ignore[untyped-decorator]
def draw_bits(key: Any, second: Any, count: Any) -> Any:
    """As :func:`crosstwin_model.noise.draw_bits`, from both keys of the index."""
    z = np.uint32(np.uint32(np.uint32(count) * _GOLDEN) + key)
    z = np.uint32(z ^ (z >> np.uint32(16)))
    z = np.uint32(z * _MIX_1)
    z = np.uint32(z ^ (z >> np.uint32(13)))
    z = np.uint32(z + second)
    z = np.uint32(z * _MIX_2)
    return np.uint32(z ^ (z >> np.uint32(16)))


@register_jitable  # type: ignore[untyped-decorator]
def normal(table: Any, keys: Any, index: Any, count: Any) -> Any:
    """As :func:`crosstwin_model.noise.draw_normal`; ``table`` is NORMAL."""
    key = cell_key(keys, index)
    return table[draw_bits(key, second_key(keys, key), count) >> SHIFT]
