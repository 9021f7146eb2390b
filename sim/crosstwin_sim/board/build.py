"""Builds the library of a simulated board."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from crosstwin_model import emulated_cells, emulated_config
from crosstwin_model.config import ControllerConfig
from crosstwin_model.emulated_config import EmulatedConfig

from ..rtl.build import Design, build_library
from ..rtl.ports import ports_header

#: Clock cycles of a bit on the simulated serial line: the fewest that the bridge can work with, as each must be simulated.
DIVISOR = 4
_HERE = Path(__file__).parent


def build_board(
    config: ControllerConfig,
    array: EmulatedConfig | None,
    *,
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
    folder, report
        As for :func:`crosstwin_sim.rtl.build.build`.

    Raises
    ------
    BuildError
        If it cannot be built.
    """

    def write(place: Path, told: Callable[[str], None]) -> None:
        from crosstwin_hdl.board import BoardDesign  # Amaranth loads slowly, and is not needed when the library is there
        from crosstwin_hdl.emulated import EmulatedArray
        from crosstwin_hdl.verilog import component_to_verilog

        emulated = None if array is None else partial(EmulatedArray, array=array)
        board = BoardDesign(config, divisor=DIVISOR, array=emulated)
        (place / "controller.v").write_text(component_to_verilog(board, flatten=True))
        header = ports_header(config, kDivisor=DIVISOR)
        (place / "ports.hpp").write_text(header if array is None else f"{header}#define CROSSTWIN_EMULATED\n")

    label = (config.name, "board", *(() if array is None else ("emulated",)))
    shared = (Path(emulated_config.__file__), Path(emulated_cells.__file__))
    design = Design(label, _HERE / "board.cpp", write, (DIVISOR, array), (_HERE / "build.py", *shared))
    return build_library(design, config, trace=False, folder=folder, report=report)
