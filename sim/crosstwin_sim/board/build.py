"""Builds the library of a simulated board."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from crosstwin_model.config import ControllerConfig

from ..rtl.build import Design, build_library
from ..rtl.ports import ports_header

#: Clock cycles of a bit on the simulated serial line: the fewest that the bridge can work with, as each must be simulated.
DIVISOR = 4
_HERE = Path(__file__).parent


def build_board(config: ControllerConfig, *, folder: Path | None = None, report: Callable[[str], None] | None = None) -> Path:
    """Return the path of the library for a board, building it if it is not there.

    Parameters
    ----------
    config : ControllerConfig
        The controller's configuration.
    folder, report
        As for :func:`crosstwin_sim.rtl.build.build`.

    Raises
    ------
    BuildError
        If it cannot be built.
    """

    def write(place: Path, told: Callable[[str], None]) -> None:
        from crosstwin_hdl.board import BoardDesign  # Amaranth loads slowly, and is not needed when the library is there
        from crosstwin_hdl.verilog import component_to_verilog

        (place / "controller.v").write_text(component_to_verilog(BoardDesign(config, divisor=DIVISOR), flatten=True))
        (place / "ports.hpp").write_text(ports_header(config, kDivisor=DIVISOR))

    design = Design((config.name, "board"), _HERE / "board.cpp", write, (DIVISOR,), (_HERE / "build.py",))
    return build_library(design, config, trace=False, folder=folder, report=report)
