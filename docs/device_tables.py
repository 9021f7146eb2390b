"""The table of preset devices in docs/devices.md and where they come from, made from the presets themselves.

``python docs/device_tables.py`` brings it up to date.
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from textwrap import fill

from crosstwin_model.devices import DEVICES, Device
from crosstwin_sim.files import write_text

DOCUMENT = Path(__file__).parent / "devices.md"

_TABLE = ("<!-- presets -->", "<!-- /presets -->")
_SOURCES = ("<!-- sources -->", "<!-- /sources -->")
#: Fields with a column of their own, beside their spreads.
_COLUMNS = (
    "name",
    "dw_min",
    "dw_min_spread",
    "c2c",
    "up_down",
    "up_down_spread",
    "w_max",
    "w_min",
    "w_max_spread",
    "w_min_spread",
    "source",
)


def _with_spread(value: float, spread: float) -> str:
    return f"{value:g} ({spread:g})" if spread else f"{value:g}"


def _rest(device: Device) -> str:
    """All fields without a column that are not as they would be by themselves."""
    found = []
    for field in fields(device):
        value = getattr(device, field.name)
        if field.name not in _COLUMNS and value != field.default:
            found.append(f"`{field.name}`" if value is True else f"`{field.name}` {value:g}")
    return ", ".join(found)


def table() -> str:
    """Return a row for each preset, those of one rule together."""
    rows = ["| preset | rule | `dw_min` | `c2c` | `up_down` | `w_min` | `w_max` | rest |", "| --- " * 8 + "|"]
    for device in sorted(DEVICES.values(), key=lambda device: (device.rule, device.name)):
        cells = (
            f"`{device.name}`",
            device.rule,
            _with_spread(device.dw_min, device.dw_min_spread),
            f"{device.c2c:g}",
            _with_spread(device.up_down, device.up_down_spread),
            _with_spread(device.w_min, device.w_min_spread),
            _with_spread(device.w_max, device.w_max_spread),
            _rest(device),
        )
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows) + "\n"


def sources() -> str:
    """Return a line for each preset in the order of the table: where it comes from."""
    ordered = sorted(DEVICES.values(), key=lambda device: (device.rule, device.name))
    texts = (f"- `{device.name}`: {device.source}" for device in ordered)
    return "".join(fill(text, 130, subsequent_indent="  ", break_on_hyphens=False) + "\n" for text in texts)


def document() -> str:
    """Return docs/devices.md with its table and sources as they should be."""
    text = DOCUMENT.read_text()
    for (begin, end), made in ((_TABLE, table()), (_SOURCES, sources())):
        head, _, rest = text.partition(begin)
        text = f"{head}{begin}\n{made}{end}{rest.partition(end)[2]}"
    return text


if __name__ == "__main__":
    write_text(DOCUMENT, document())
