"""Numbers from users: every real number, in any array, becomes what the model computes with, or one sentence says why not.

Compiled functions reinterpret memory and index it without checks, and numba takes an array of the other byte order for one of the
native order. So each public function that takes an array passes it through :func:`real_array` or :func:`whole_array` first, or
asks :func:`is_plain`, and hands nothing else on.
"""

from __future__ import annotations

import math
import operator
from typing import Any, SupportsIndex

import numpy as np
import numpy.typing as npt

__all__ = ["LARGEST", "float_array", "is_plain", "positive", "real_array", "real_number", "whole_array", "whole_number"]

#: Magnitude that no real number of a vector exceeds: a read's outputs are then finite for every range of the converters.
LARGEST = 1e290

_FLOAT64 = np.dtype(np.float64)

#: Kinds of numpy's types that hold real numbers: booleans, integers and floats of any width.
_REAL = "biuf"

Shape = tuple[int, ...]


def is_plain(values: object, dtype: np.dtype[Any], ndim: int) -> bool:
    """Return whether compiled functions may take values as they are: an array of that very type, in C order and writable."""
    return type(values) is np.ndarray and values.dtype is dtype and values.ndim == ndim and bool(values.flags.carray)


def float_array(name: str, values: npt.ArrayLike, shape: Shape | None = None) -> npt.NDArray[np.float64]:
    """Return real numbers as a float64 array in C order, native byte order, aligned and writable; NaN and infinity stay.

    An array that is all of this already is returned itself, any other is copied.

    Parameters
    ----------
    name : str
        The argument's name, for the sentence of an error.
    values : array_like
        Booleans, integers or floats of any width, byte order and stride, or nested sequences of them.
    shape : tuple of int or None
        Shape that it must have; None takes any.

    Raises
    ------
    ValueError
        If the values are not real numbers (complex numbers, text, objects, ragged sequences, masked entries), or have another
        shape.
    """
    if type(values) is np.ndarray and values.dtype is _FLOAT64 and values.flags.carray:
        array = values
    else:
        with np.errstate(over="ignore"):  # what float64 cannot hold becomes infinity
            array = np.array(_real(name, values), np.float64, order="C")
    _require_shape(name, array, shape)
    return array


def real_array(name: str, values: npt.ArrayLike, shape: Shape | None = None) -> npt.NDArray[np.float64]:
    """Return finite real numbers as :func:`float_array` does.

    Raises
    ------
    ValueError
        As :func:`float_array`, and if the values hold a NaN, an infinity or a magnitude above :data:`LARGEST`.
    """
    array = float_array(name, values, shape)
    good = np.abs(array) <= LARGEST
    if not good.all():
        place = _first(~good)
        raise ValueError(f"{name}{_index(place)} is {array[place]}; allowed are finite numbers within +-{LARGEST:g}")
    return array


def whole_array(
    name: str,
    values: npt.ArrayLike,
    shape: Shape | None,
    dtype: type[np.generic],
    low: int | None = None,
    high: int | None = None,
) -> npt.NDArray[Any]:
    """Return whole numbers as an array of a type in C order, native byte order, aligned and writable.

    Parameters
    ----------
    name, values, shape
        As of :func:`real_array`; floats must be whole numbers.
    dtype : type
        An integer type of numpy, or ``numpy.bool_``.
    low, high : int or None
        Least and largest number allowed; None takes those of the type.

    Raises
    ------
    ValueError
        If the values are not real numbers, have another shape, or one is not a whole number from ``low`` to ``high``.
    """
    array = values if type(values) is np.ndarray and values.dtype == dtype else _real(name, values)
    _require_shape(name, array, shape)
    least, most = (0, 1) if dtype is np.bool_ else (np.iinfo(dtype).min, np.iinfo(dtype).max)  # type: ignore[type-var]
    low, high = least if low is None else low, most if high is None else high
    exact = array.dtype == dtype
    place = None if exact and (low, high) == (least, most) else _first_outside(array, low, high)
    if place is not None:
        raise ValueError(f"{name}{_index(place)} is {array[place]}; allowed are whole numbers from {low} to {high}")
    return array if is_plain(array, np.dtype(dtype), array.ndim) else np.array(array, dtype, order="C")


def real_number(name: str, value: Any, allowed: str = "finite numbers") -> float:
    """Return a finite real number of any type as a float.

    Raises
    ------
    ValueError
        If it is no single real number, or not finite; ``allowed`` says what is.
    """
    if type(value) is float:
        number = value
    else:
        try:
            array = np.asarray(value)
        except Exception:  # whatever a foreign object raises
            array = np.array(None)
        if array.shape != () or array.dtype.kind not in "iuf":
            raise ValueError(f"{name} is {value!r}; allowed are {allowed}")
        number = float(array)
    if not math.isfinite(number):
        raise ValueError(f"{name} is {value}; allowed are {allowed}")
    return number


def positive(name: str, value: Any) -> float:
    """Return a number that must be positive and finite as a float (ValueError with a sentence if it is not)."""
    number = real_number(name, value, "finite numbers above 0")
    if not number > 0.0:
        raise ValueError(f"{name} is {value}; allowed are finite numbers above 0")
    return number


def whole_number(name: str, value: SupportsIndex, low: int, high: int) -> int:
    """Return a whole number from ``low`` to ``high`` of any integer type as an int (ValueError with a sentence otherwise)."""
    try:
        number = operator.index(value)
    except TypeError:
        number = low - 1
    if isinstance(value, (bool, np.bool_)) or not low <= number <= high:
        raise ValueError(f"{name} is {value}; allowed are whole numbers from {low} to {high}")
    return number


def _real(name: str, values: Any) -> npt.NDArray[Any]:
    """Return values as an array of real numbers of any type."""
    try:
        array = np.asarray(values)
    except Exception as error:  # ragged sequences, tensors that refuse, whatever a foreign object raises
        raise ValueError(f"{name} is no array of numbers ({_first_line(error)}); allowed are real numbers") from None
    if array.dtype.kind not in _REAL:
        raise ValueError(f"{name} has the type {array.dtype}; allowed are real numbers: booleans, integers and floats")
    if np.ma.is_masked(values):
        raise ValueError(f"{name} has masked entries; allowed are arrays without")
    return array


def _require_shape(name: str, array: npt.NDArray[Any], shape: Shape | None) -> None:
    if shape is not None and array.shape != shape:
        raise ValueError(f"{name} has the shape {array.shape}; allowed is {shape}")


def _first_outside(array: npt.NDArray[Any], low: int, high: int) -> tuple[Any, ...] | None:
    """Return the place of one number that is no whole number from ``low`` to ``high``, or None."""
    if not array.size:
        return None
    if array.dtype.kind == "f":
        broken = ~np.isfinite(array) | (np.rint(array) != array)
        if broken.any():
            return _first(broken)
    for place in (np.unravel_index(int(extreme), array.shape) for extreme in (array.argmin(), array.argmax())):
        if not low <= int(array[place]) <= high:
            return place
    return None


def _first(bad: npt.NDArray[np.bool_]) -> tuple[Any, ...]:
    return np.unravel_index(int(bad.argmax()), bad.shape)


def _index(place: tuple[Any, ...]) -> str:
    return f"[{', '.join(str(int(k)) for k in place)}]" if place else ""


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
