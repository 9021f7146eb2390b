"""Builds a board's bitstream with its report, or a Vivado project: everything is there when all is good, else nothing is."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from crosstwin_model.config import ConfigurationError, ControllerConfig
from crosstwin_model.emulated_config import EmulatedConfig

from ..errors import CrosstwinError
from ..extras import require
from ..files import write_json
from ..rtl.build import build_folder
from .boards import Board, array_pins, assignment
from .toolchain import ATTEMPTS, Attempt, BuildError, Report, implement, require_tools
from .vivado import complete

#: Top module and name of every file that a build leaves.
NAME = "crosstwin"


@dataclass(frozen=True)
class Built:
    """What a build left.

    Attributes
    ----------
    board, config : str
        The board, and the name of the configuration.
    rows, columns : int
        Its lines.
    array : str
        ``emulated``, or ``pins``.
    bitstream : str
        Path of the bitstream, or of the folder of the Vivado project.
    seconds : float
        Time that everything took, the first compilation of the tools included.
    report : Report or None
        What it takes; None for a Vivado project.
    """

    board: str
    config: str
    rows: int
    columns: int
    array: str
    bitstream: str
    seconds: float
    report: Report | None

    def document(self) -> dict[str, object]:
        """Return it as one flat object for JSON."""
        flat = asdict(self)
        del flat["report"]
        return flat | ({} if self.report is None else asdict(self.report) | {"seconds": self.seconds})


def fpga_folder() -> Path:
    """Return the folder of everything that is built for FPGAs."""
    return build_folder() / "fpga"


def clear(board: Board) -> None:
    """Remove what an earlier build of a board left: whatever ends the next one, its bitstream must not be taken for that one's.

    Raises
    ------
    CrosstwinError
        If it cannot be removed.
    """
    folder = fpga_folder() / board.name
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise CrosstwinError(f"{folder} cannot be removed: {error.strerror}") from None


def build(
    board: Board,
    config: ControllerConfig,
    *,
    array: EmulatedConfig | None,
    report: Callable[[str], None] = lambda step: None,
) -> Built:
    """Build a bitstream and ``report.json`` in the board's folder; for a board without open tools, a Vivado project.

    What an earlier build left there is removed first, whether this one succeeds or not.

    Parameters
    ----------
    board : Board
    config : ControllerConfig
    array : EmulatedConfig or None
        The array that is emulated in fabric; None brings the pins of an analog one out to the board's connectors.
    report : callable
        Called with a few words at the start of every step.

    Raises
    ------
    BuildError
        If the design does not fit or is too slow for the board's clock.
    CrosstwinError
        If a tool is missing or fails, or the configuration needs more pins than the board has.
    """
    started = time.monotonic()
    folder = fpga_folder() / board.name
    clear(board)
    if board.device is not None:
        require_tools(board.device, bitstream=True)
    report("conversion")
    plan = prepare(board, config, array=array)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{board.name}-", dir=folder.parent))
    except OSError as error:
        raise CrosstwinError(f"{folder.parent} cannot be written: {error.strerror}") from None
    try:
        result = None
        if board.device is None:
            complete(plan, NAME)
            plan.extract(temporary)
            product = folder
        else:
            product = folder / f"{NAME}{board.suffix}"
            result = _implement(board, config, plan, temporary / product.name, report)
        built = Built(
            board=board.name,
            config=config.name,
            rows=config.rows,
            columns=config.columns,
            array="pins" if array is None else "emulated",
            bitstream=str(product),
            seconds=round(time.monotonic() - started, 1),
            report=result,
        )
        write_json(temporary / "report.json", built.document())
        temporary.chmod(0o755)
        temporary.rename(folder)
        return built
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _implement(board: Board, config: ControllerConfig, plan: Any, bitstream: Path, report: Callable[[str], None]) -> Report:
    """Make the bitstream, unless the clock is too fast for the design."""
    assert board.device is not None
    constraints = next(text for name, text in plan.files.items() if Path(name).suffix in (".lpf", ".pcf", ".cst"))
    result = implement(
        _text(plan.files[f"{NAME}.il"]),
        top=NAME,
        device=board.device,
        target_mhz=board.clock_mhz,
        constraints=_text(constraints),
        bitstream=bitstream,
        attempts=(Attempt(timing_driven=False), *ATTEMPTS),  # most designs are faster than the oscillator without any trouble
        report=report,
    )
    if not result.met:
        path = result.critical_path
        raise BuildError(
            f"{config.name} reaches {result.fmax_mhz:.1f} MHz on {board.title}, whose clock has {board.clock_mhz} MHz: "
            f"choose fewer lines or fewer random sources{f'; the slowest path ends in {path[-1].name}' if path else ''}"
        )
    return result


def _text(content: str | bytes) -> str:
    return content if isinstance(content, str) else content.decode()


def prepare(board: Board, config: ControllerConfig, *, array: EmulatedConfig | None) -> Any:
    """Return all files that describe the design on a board, Amaranth's build plan.

    Raises
    ------
    CrosstwinError
        If a package of the extra ``fpga`` is missing, the configuration needs more pins than the board has, or the array would
        be too large.
    """
    require("fpga")
    from amaranth.build import Attrs, Pins, Resource, Subsignal

    from crosstwin_hdl.board_top import BoardTop
    from crosstwin_hdl.emulated import EmulatedArray
    from crosstwin_hdl.pll import SeriesSevenPll

    from .platforms import PLATFORMS

    if array is not None:
        try:
            array.require_fit(config)
        except ConfigurationError as error:
            raise CrosstwinError(f"{config.name} is too large: {error}: choose fewer lines or tile pairs") from None
    platform = PLATFORMS[board.name]()
    for name, pin, _ in board.quiet:
        platform.add_resources([Resource(name, 0, Pins(pin, dir="o"), Attrs(**dict(board.attributes)))])
    pins = array_pins(board, config) if array is None else {}
    if pins:
        names: dict[str, list[str]] = {}
        for signal, place in assignment(board, config):
            names.setdefault(signal.split("[")[0], []).append(place.name)
        signals = [
            Subsignal(name, Pins(" ".join(places), dir="i" if name in ("adc_valid", "adc_data") else "o"))
            for name, places in names.items()
        ]
        platform.add_resources([Resource("array", 0, *signals, Attrs(**dict(board.attributes)))])
    top = BoardTop(
        config,
        divisor=board.divisor,
        clock_hz=board.clock_mhz * 1_000_000,
        array=None if array is None else partial(EmulatedArray, array=array),
        pins=pins,
        lights=board.lights,
        quiet=tuple(name for name, _, _ in board.quiet),
        pll=None if board.oscillator_mhz is None else SeriesSevenPll(input_mhz=board.oscillator_mhz, output_mhz=board.clock_mhz),
    )
    return platform.prepare(top, NAME)
