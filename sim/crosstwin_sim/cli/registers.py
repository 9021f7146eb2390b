"""`crosstwin registers`: write the register map as a document."""

from __future__ import annotations

from collections.abc import Callable

import click

from crosstwin_model.config import ControllerConfig, load_config
from crosstwin_sim.c_header import write_c_header
from crosstwin_sim.extras import require
from crosstwin_sim.register_page import write_markdown

from .common import config_option, stderr

FORMATS = ("markdown", "html", "systemrdl", "c", "ipxact")


@click.command()
@config_option
@click.option("--format", "kind", type=click.Choice(FORMATS), default="markdown", show_default=True, help="What to write.")
@click.option("-o", "--output", metavar="PATH", required=True, help="File to write; for html the folder.")
def command(source: str, kind: str, output: str) -> None:
    """Write the register map of a configuration as a document.

    \b
    Examples:
      crosstwin registers --config small -o registers.md
      crosstwin registers --config small --format c -o crosstwin.h
      crosstwin registers --config small --format html -o build/registers
    """
    config = load_config(source)
    _writer(kind)(config, output)
    stderr.print(f"Wrote {output}.", soft_wrap=True)


def _writer(kind: str) -> Callable[[ControllerConfig, str], None]:
    """Return what writes a format; only the formats of PeakRDL need the packages of ``crosstwin[docs]``."""
    if kind == "markdown":
        return write_markdown
    if kind == "c":
        return write_c_header
    require("docs")
    from crosstwin_sim.register_docs import WRITERS

    return WRITERS[kind]
