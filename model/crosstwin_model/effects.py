"""Keys that have no effect beside the others: refused where somebody gives them, left out of documents that were stored before.

A configuration that may have such keys is a frozen dataclass with a method ``needs``, which returns them and what each needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, ClassVar, Protocol

from crosstwin_model.config import ConfigurationError


class Configuration(Protocol):
    """A frozen dataclass whose keys depend on each other."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def needs(self) -> dict[str, str]:
        """Return the keys that have no effect beside the others, and what each of them needs."""


def require_effects(config: Configuration) -> None:
    """Refuse a key that has no effect and is not at its default.

    Raises
    ------
    ConfigurationError
        If there is one.
    """
    needs = config.needs()
    for one in fields(config):
        if one.name in needs and getattr(config, one.name) != one.default:
            _refuse(one.name, getattr(config, one.name), needs)


def require_written(config: Configuration, table: Mapping[str, object]) -> None:
    """Refuse a key that a file writes without an effect, at its default too; 0 and false say that there is none.

    Raises
    ------
    ConfigurationError
        If there is one.
    """
    needs = config.needs()
    for key, value in table.items():
        if key in needs and value:
            _refuse(key, value, needs)


def effective(kind: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a document, of a configuration of that class, without the keys that have no effect."""
    config = object.__new__(kind)  # its checks would refuse them
    for one in fields(kind):
        object.__setattr__(config, one.name, values.get(one.name, one.default))
    needs = config.needs()
    return {key: value for key, value in values.items() if key not in needs}


def _refuse(key: str, value: object, needs: Mapping[str, str]) -> None:
    shown = list(value) if isinstance(value, tuple) else value
    raise ConfigurationError(f"{key} is {shown!r}, which has no effect; allowed with {needs[key]}")
