"""Co-simulation: the controller's Verilog under Verilator or Icarus, with the cocotb benches on its pins.

:mod:`.launch` runs the benches and imports cocotb, which the extra ``rtl`` brings. The names here need no extra.
"""

from importlib.util import find_spec
from pathlib import Path

#: The simulators that benches run under.
SIMULATORS = ("verilator", "icarus")


def benches() -> list[str]:
    """Return the names of all benches, without importing them."""
    spec = find_spec("crosstwin_tb")
    assert spec is not None and spec.origin is not None
    return sorted(path.stem.removeprefix("test_") for path in Path(spec.origin).parent.glob("test_*.py"))
