"""A device as the text of a TOML file that every command takes as ``--device``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import MISSING, fields

from crosstwin_model.devices import Device


def device_toml(device: Device, comments: Sequence[str] = ()) -> str:
    """Return a file with one table ``[device]``: rule, name, dw_min, and every other field that is not at its default.

    ``crosstwin_model.devices.load_device`` reads it back to an equal device.

    Parameters
    ----------
    device : Device
        The device.
    comments : sequence of str
        Lines above the table, without ``#``.
    """
    lines = [f"# {comment}".rstrip() for comment in comments]
    lines += ["[device]", f'rule = "{device.rule}"']
    for field in fields(device):
        value = getattr(device, field.name)
        if field.default is MISSING or value != field.default:
            lines.append(
                f"{field.name} = {json.dumps(value)}"
            )  # TOML writes numbers, strings, lists, true and false as JSON does
    return "\n".join(lines) + "\n"
