"""What cached builds are known by: a hash of everything that they are made from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import crosstwin_hdl
import crosstwin_model
from crosstwin_model.config import ControllerConfig


def fingerprint(config: ControllerConfig, settings: object, sources: Iterable[Path] = ()) -> str:
    """Return 16 hexadecimal digits for a build of a controller, without the seconds that writing its Verilog takes.

    Parameters
    ----------
    config : ControllerConfig
        The controller.
    settings : object
        Whatever else decides about the build, such as flags and versions; its ``repr`` counts.
    sources : iterable of Path
        Files that go into the build beside the gateware and what it takes from the golden model.
    """
    digest = hashlib.sha256(repr((asdict(config), settings)).encode())
    hdl = Path(str(crosstwin_hdl.__file__)).parent
    model = Path(str(crosstwin_model.__file__)).parent
    shared = (model / name for name in ("config.py", "register_types.py", "registers.py"))
    for path in sorted([*hdl.rglob("*.py"), *shared, *sources]):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
