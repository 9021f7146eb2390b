"""The group of subcommands, and what their errors look like: one sentence, no traceback, an exit code that means something."""

from __future__ import annotations

import importlib
import io
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import click

from crosstwin_model.config import ConfigurationError
from crosstwin_sim.errors import CrosstwinError, Terminated, end_at_sigterm
from crosstwin_sim.extras import explain_missing

#: Subcommand and its line in the list. Its code is ``command`` in the module of that name, imported only when it is used.
COMMANDS = {
    "train": "Train a network on crossbars, simulated or a board's.",
    "trace": "Look at a recorded run, replay it, and export its pulses as tables.",
    "device": "List, show, plot and fit crosspoint devices.",
    "board": "Ask a board what it is, test it, or simulate one.",
    "check": "Hold the RTL to the golden model with random operations.",
    "verilog": "Write the controller as one Verilog file, or as a package for a system on chip.",
    "fpga": "Build bitstreams for boards, and show what they take.",
    "registers": "Write the register map as Markdown, HTML, SystemRDL, C or IP-XACT.",
    "doctor": "Show which tools were found, and how to get those that are missing.",
}

#: Exit codes beside 0 (done) and 1 (a check failed); those of a signal are 128 and its number, as shells have them.
BAD_INPUT, INTERRUPTED, CLOSED_PIPE, TERMINATED = 2, 130, 141, 143


class _ClosedPipe(Exception):
    """Whoever read the output has closed it. click ends the process at a BrokenPipeError, and so never sees one."""


@contextmanager
def _closed_pipe_known() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise _ClosedPipe from None


class _Commands(click.Group):
    """A group that imports a subcommand when it is called, so that ``crosstwin --help`` answers at once."""

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        with _closed_pipe_known():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with _closed_pipe_known():
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"crosstwin_sim.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS:
            raise click.UsageError(f"There is no command {args[0]!r}; allowed are {', '.join(COMMANDS)}.", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(version("crosstwin"), prog_name="crosstwin")
def crosstwin() -> None:
    """Train analog crossbars through the RTL of their controller, or through its bit-exact golden model.

    \b
    Examples:
      crosstwin doctor
      crosstwin verilog --config small -o controller.v
      crosstwin verilog --help

    Exit codes: 0 done, 1 a check failed, 2 bad input or a missing tool, 130 stopped by Ctrl-C, 141 the reader of the output
    closed it, 143 stopped by SIGTERM.
    """


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        What follows the word ``crosstwin``; by default the process's own arguments.
    """
    try:
        return _run(arguments)
    except (_ClosedPipe, BrokenPipeError):
        return CLOSED_PIPE


def _run(arguments: Sequence[str] | None) -> int:
    try:
        code = crosstwin.main(arguments, prog_name="crosstwin", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return BAD_INPUT
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "crosstwin"
        return _fail(f"{error.format_message()} See '{path} --help'.")
    except click.ClickException as error:
        return _fail(error.format_message())
    except (CrosstwinError, ConfigurationError) as error:
        return _fail(str(error))
    except ModuleNotFoundError as error:
        sentence = explain_missing(error)
        if sentence is None:
            raise
        return _fail(sentence)
    except OSError as error:
        return _fail(f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error))
    except (click.Abort, KeyboardInterrupt) as error:
        click.echo("Stopped.", err=True)
        return TERMINATED if isinstance(error, Terminated) or isinstance(error.__cause__, Terminated) else INTERRUPTED
    return code if isinstance(code, int) else 0


def _fail(sentence: str) -> int:
    click.echo(f"crosstwin: {sentence}", err=True)
    return BAD_INPUT


class _Notices(logging.Handler):
    """Shows on standard error what a library has to say before a wait."""

    def emit(self, record: logging.LogRecord) -> None:
        from .common import stderr

        stderr.print(record.getMessage(), soft_wrap=True, markup=False)


def main() -> None:
    """Entry point of the console script."""
    end_at_sigterm()
    notices = logging.getLogger("crosstwin")
    notices.addHandler(_Notices())
    notices.setLevel(logging.INFO)
    notices.propagate = False
    streams = [stream for stream in (sys.stdout, sys.stderr) if isinstance(stream, io.TextIOWrapper)]
    for stream in streams:
        stream.reconfigure(errors="backslashreplace")  # an encoding that lacks a character is no reason to end
    code = run()
    for stream in streams:
        try:
            stream.flush()
        except OSError:  # nobody reads it; Python would complain when it flushes once more at its end
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    sys.exit(code)
