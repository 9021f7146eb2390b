"""Builds the library of a simulated board."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from crosstwin_model import emulated_cells, emulated_config
from crosstwin_model.config import ControllerConfig
from crosstwin_model.emulated_config import EmulatedConfig

from ..rtl.build import Design, as_netlist, build_library
from ..rtl.netlist import FAMILIES, write_netlist
from ..rtl.ports import ports_header

#: Clock cycles of a bit on the simulated serial line: the fewest that the bridge can work with, as each must be simulated.
DIVISOR = 4
_HERE = Path(__file__).parent


def build_board(
    config: ControllerConfig,
    array: EmulatedConfig | None,
    *,
    family: str | None = None,
    folder: Path | None = None,
    report: Callable[[str], None] | None = None,
) -> Path:
    """Return the path of the library for a board, building it if it is not there.

    Parameters
    ----------
    config : ControllerConfig
        The controller's configuration.
    array : EmulatedConfig or None
        The array that is emulated within; None has its pins.
    family, folder, report
        As for :func:`crosstwin_sim.rtl.build.build`.

    Raises
    ------
    BuildError
        If it cannot be built.
    """

    def write(place: Path, told: Callable[[str], None]) -> None:
        from crosstwin_hdl.board import BoardDesign  # Amaranth loads slowly, and is not needed when the library is there
        from crosstwin_hdl.emulated import EmulatedArray
        from crosstwin_hdl.verilog import TOP, component_to_verilog

        emulated = None if array is None else partial(EmulatedArray, array=array)
        board = BoardDesign(config, divisor=DIVISOR, array=emulated)
        verilog = component_to_verilog(board, flatten=family is None)
        if family is None:
            (place / "controller.v").write_text(verilog)
        else:
            told(f"synthesising for {FAMILIES[family].name}")
            write_netlist(verilog, TOP, family, place, names=False)
        header = ports_header(config, kDivisor=DIVISOR)
        (place / "ports.hpp").write_text(header if array is None else f"{header}#define CROSSTWIN_EMULATED\n")

    label = (config.name, "board", *(() if array is None else ("emulated",)), *(() if family is None else (family,)))
    sources = [_HERE / "build.py", Path(emulated_config.__file__), Path(emulated_cells.__file__)]
    design = Design(label, _HERE / "board.cpp", write, (DIVISOR, array), tuple(sources))
    if family is not None:
        design = as_netlist(design, family)
    return build_library(design, config, trace=False, folder=folder, report=report)
