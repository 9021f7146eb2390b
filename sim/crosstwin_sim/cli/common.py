"""What several subcommands share: options, the progress bar, the console, Ctrl-C."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from crosstwin_model.config import PRESETS
from crosstwin_sim.errors import CrosstwinError, Terminated


class _Console(Console):
    """A console that leaves a closed pipe to the command line: rich ends the process with exit code 1."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError from None


#: Results go to standard output, everything about how a run goes to standard error.
stdout = _Console(highlight=False)
stderr = _Console(stderr=True, highlight=False)

config_option = click.option(
    "--config",
    "source",
    metavar="NAME|FILE.toml",
    default="digits",
    show_default=True,
    help=f"Configuration: a preset ({', '.join(PRESETS)}) or a TOML file with a table [controller].",
)

json_option = click.option(
    "--json", "json_path", metavar="FILE", type=click.Path(dir_okay=False), help="Also write the result as JSON."
)


def require_folder(path: str | None) -> None:
    """Refuse, before a long run, a file that cannot be written as its folder does not exist or is closed; None is no file.

    Raises
    ------
    CrosstwinError
        If there is no such folder, or nothing may be written to it.
    """
    if path is None:
        return
    folder = Path(path).absolute().parent
    if not folder.is_dir():
        raise CrosstwinError(f"{path} cannot be written: there is no folder {Path(path).parent}")
    if not os.access(folder, os.W_OK) and not Path(path).exists():
        raise CrosstwinError(f"{path} cannot be written: the folder {Path(path).parent} is not open to you")


@contextmanager
def progress(description: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a progress bar on a terminal, and nothing elsewhere.

    Parameters
    ----------
    description : str
        What is under way.
    total : int
        Number of steps.

    Yields
    ------
    Callable[[int], None]
        Takes the number of steps done since it was last called.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=stderr, transient=True, disable=not stderr.is_terminal) as bar:
        task = bar.add_task(description, total=total)
        yield lambda steps: bar.advance(task, steps)


@contextmanager
def interruptible() -> Iterator[Callable[[], None]]:
    """Put Ctrl-C and SIGTERM off until the function that this yields is called, so that no operation is left half done."""
    ends: dict[int, type[KeyboardInterrupt]] = {signal.SIGINT: KeyboardInterrupt, signal.SIGTERM: Terminated}
    end: type[KeyboardInterrupt] | None = None

    def note(signum: int, frame: FrameType | None) -> None:
        nonlocal end
        if end is not None:
            raise end
        end = ends[signum]

    def check() -> None:
        if end is not None:
            raise end

    before = {number: signal.signal(number, note) for number in ends}
    try:
        yield check
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
