"""What differs between two configurations, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

#: Most differences that a sentence names, and characters of a value that it shows.
_MOST, _LENGTH = 4, 60


def differences(found: dict[str, Any], wanted: dict[str, Any]) -> str:
    """Return which settings differ with both values, "device.c2c is 0.3, not 0.2"; empty if none does.

    Names of controllers and devices are left aside: they change no result. Of devices of different rules only the rules are
    named, as their other fields mean different things.

    Parameters
    ----------
    found, wanted : dict
        Tables as JSON knows them: numbers, words, lists and further tables.
    """
    found_all = list(_differing(found, wanted, ""))
    more = len(found_all) - _MOST
    return "; ".join(found_all[:_MOST] + ([f"and {more} more"] if more > 0 else []))


def _differing(found: Any, wanted: Any, name: str) -> Iterator[str]:
    if isinstance(found, dict) and isinstance(wanted, dict):
        keys = [key for key in dict.fromkeys((*found, *wanted)) if key != "name"]
        if found.get("rule") != wanted.get("rule"):
            keys = ["rule"]
        for key in keys:
            yield from _differing(found.get(key), wanted.get(key), f"{name}.{key}" if name else key)
    elif found != wanted:
        yield f"{name} is {_short(found)}, not {_short(wanted)}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LENGTH else f"{text[:_LENGTH]}..."
