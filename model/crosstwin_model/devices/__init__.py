"""Crosspoint devices: one file each, found by themselves.

Every module of this package with a class of devices that has a ``rule`` adds that rule, and every one with ``PRESETS``, a tuple
of devices, adds these. A device on the command line is a preset's name or a TOML file with one table ``[device]``: ``rule`` names
the step rule, the other keys are the fields of its class.
"""

from __future__ import annotations

from dataclasses import fields
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from crosstwin_model.config import ConfigurationError, name_after, read_table
from crosstwin_model.devices.base import Device
from crosstwin_model.effects import require_written

__all__ = ["DEVICES", "RULES", "Device", "load_device"]


def _find() -> tuple[dict[str, Device], dict[str, type[Device]]]:
    presets: dict[str, Device] = {}
    rules: dict[str, type[Device]] = {}
    for name in sorted(info.name for info in iter_modules(__path__)):
        module = import_module(f"{__name__}.{name}")
        presets |= {device.name: device for device in getattr(module, "PRESETS", ())}
        for kind in vars(module).values():
            if isinstance(kind, type) and issubclass(kind, Device) and "rule" in vars(kind):
                rules[kind.rule] = kind
    return presets, rules


#: Preset devices by name, and classes of devices by the name of their step rule.
DEVICES, RULES = _find()


def load_device(source: str | Path) -> Device:
    """Return the preset of that name, or read a TOML file.

    Parameters
    ----------
    source : str or Path
        A key of :data:`DEVICES`, or the path of a ``.toml`` file with one table ``[device]``.

    Raises
    ------
    ConfigurationError
        If there is no such preset or file, the file is not TOML, a key or a value is wrong, or a key has no effect beside the
        others.
    """
    if str(source) in DEVICES:
        return DEVICES[str(source)]
    path = Path(source)
    if path.suffix != ".toml":
        raise ConfigurationError(f"there is no device {str(source)!r}; allowed are {', '.join(sorted(DEVICES))} or a .toml file")
    table = read_table(path, "device")
    rule = table.pop("rule", None)
    if not isinstance(rule, str) or rule not in RULES:
        raise ConfigurationError(f"{path}: rule is {rule!r}; allowed are {', '.join(sorted(RULES))}")
    known = {field.name for field in fields(RULES[rule])}
    for key in table:
        if key not in known:
            raise ConfigurationError(
                f"{path}: [device] has the key {key!r}; allowed with {rule} are {', '.join(sorted(known))} and rule"
            )
    if "dw_min" not in table:
        raise ConfigurationError(f"{path}: [device] lacks the key 'dw_min'")
    try:
        device = RULES[rule](**{"name": name_after(path), **table})  # type: ignore[arg-type]
        require_written(device, table)
        return device
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from None
