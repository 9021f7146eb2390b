"""Piecewise step: steps read from two tables, as measured, with straight lines between the points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba.extending import register_jitable

from crosstwin_model.config import ConfigurationError
from crosstwin_model.devices.base import DOWN, UP, CellDraws, Device
from crosstwin_model.devices.symmetry import stable_crossings
from crosstwin_model.elementary import SMALLEST

_UNIT = np.float32(1.0)
_ONE = np.int32(1)

#: Largest number of points in a table, and largest number there.
_MOST_POINTS = 1024
_LARGEST = 1000.0


@register_jitable  # type: ignore[untyped-decorator]
def piecewise_change(w: Any, planes: Any, cell: Any, noise: Any, shape: Any) -> Any:
    """Return s lerp(table, (w - w_min) / R) (1 + noise), every operation rounded to float32.

    Plane 2 is s, of the sign of the step; shape is the table, its last number twice, so that w_max needs no case of its own. The
    two bounds of a stuck cell are equal.
    """
    low = planes[0, cell]
    place = np.divide(w - low, np.maximum(planes[1, cell] - low, SMALLEST))
    place = np.minimum(place, _UNIT) * np.float32(shape.shape[0] - 2)
    index = np.int32(place)
    rest = place - np.float32(index)
    left = shape[np.uint32(index)]
    part = left + (shape[np.uint32(index + _ONE)] - left) * rest
    change = planes[2, cell] * part
    return change * (_UNIT + noise)


@register_jitable  # type: ignore[untyped-decorator]
def piecewise_step(w: Any, planes: Any, cell: Any, noise: Any, shape: Any) -> Any:
    """Return w + :func:`piecewise_change`."""
    return w + piecewise_change(w, planes, cell, noise, shape)


@dataclass(frozen=True)
class PiecewiseStep(Device):
    """With R = w_max - w_min, up: + s_up lerp(table_up, (w - w_min) / R) N; down: - s_dn lerp(table_down, (w - w_min) / R) N.

    Parameters
    ----------
    table_up, table_down : tuple of float
        Step sizes in units of s_up and s_dn at equal distances from w_min to w_max: 2 to 1024 numbers from 0 to 1000, as many up
        as down. Lists are taken too; a pair has no table_down.
    """

    rule = "piecewise_step"
    change = staticmethod(piecewise_change)
    step = staticmethod(piecewise_step)

    table_up: tuple[float, ...] = (1.0, 1.0)
    table_down: tuple[float, ...] = (1.0, 1.0)

    def _require_rule(self) -> None:
        for key in ("table_up", "table_down"):
            table = getattr(self, key)
            if not isinstance(table, (list, tuple)) or not 2 <= len(table) <= _MOST_POINTS:
                found = f"{len(table)} numbers" if isinstance(table, (list, tuple)) else repr(table)
                raise ConfigurationError(f"{key} is {found}; allowed are lists of 2 to {_MOST_POINTS} numbers")
            for number in table:
                if isinstance(number, bool) or not isinstance(number, (int, float)) or not 0.0 <= number <= _LARGEST:
                    raise ConfigurationError(f"{key} holds {number!r}; allowed are numbers from 0 to {_LARGEST:g}")
            object.__setattr__(self, key, tuple(float(number) for number in table))
        if len(self.table_up) != len(self.table_down) and not self.one_sided:
            raise ConfigurationError(
                f"table_up and table_down have {len(self.table_up)} and {len(self.table_down)} numbers; "
                "allowed are tables of the same length"
            )

    def planes(self, draws: CellDraws) -> npt.NDArray[np.float32]:
        """Return float32[2, 3, cells]: w_min, w_max and s."""
        cells = self.cell_steps(draws)
        planes = np.empty((2, 3, cells.up.size), np.float32)
        planes[:, 0] = cells.w_min
        planes[:, 1] = cells.w_max
        planes[UP, 2] = cells.up
        planes[DOWN, 2] = -cells.down
        return planes

    def shape(self) -> npt.NDArray[np.float32]:
        """Return the tables, float32[2, points + 1]: the last number twice."""
        down = self.table_up if self.one_sided else self.table_down
        return np.array([[*down, down[-1]], [*self.table_up, self.table_up[-1]]], np.float32)

    def stable_points(
        self, planes: npt.NDArray[np.float32], start: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        """Return the symmetry points exactly: between the points of the tables the drift is a straight line."""
        low, high = planes[UP, :2].astype(np.float64)
        sizes, tables = planes[:, 2].astype(np.float64), self.cell_shape()[:, :-1].astype(np.float64)
        last = tables.shape[1] - 1

        def drift_at(point: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
            drift: npt.NDArray[np.float64] = sizes[UP] * tables[UP, point] + sizes[DOWN] * tables[DOWN, point]
            return drift

        def weight_at(point: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
            weight: npt.NDArray[np.float64] = low + (high - low) * (point / last)
            return weight

        points = np.arange(last + 1)[:, None]
        place = np.clip((start - low) / np.maximum(high - low, SMALLEST), 0.0, 1.0) * last
        left = np.minimum(place.astype(np.int64), last - 1)
        there = drift_at(left) + (drift_at(left + 1) - drift_at(left)) * (place - left)
        at = stable_crossings(weight_at(points), drift_at(points), start, there)
        rise, fall = drift_at(at.left), drift_at(at.right)
        part = np.divide(rise, rise - fall, out=np.zeros(rise.shape), where=at.found)
        crossing = weight_at(at.left + part)
        stretch = np.clip(start, weight_at(at.left + 1), np.maximum(weight_at(at.right - 1), weight_at(at.left + 1)))
        found = at.found & (low < high)
        return np.where(found, np.where(at.right == at.left + 1, crossing, stretch), np.nan), at.reached & found
