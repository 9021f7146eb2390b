"""`crosstwin verilog`: write the controller as one Verilog file, or as a package with all that describes it."""

from __future__ import annotations

import click

from crosstwin_model.config import load_config
from crosstwin_sim.extras import require
from crosstwin_sim.files import write_text

from .common import config_option, stderr


@click.command()
@config_option
@click.option("-o", "--output", metavar="OUT.v", help="File to write; /dev/stdout prints it.")
@click.option("--package", "folder", metavar="DIR", help="Folder to write the Verilog and everything that describes it to.")
@click.pass_context
def command(context: click.Context, source: str, output: str | None, folder: str | None) -> None:
    """Write the controller as one self-contained Verilog file, or as a package for a system on chip.

    \b
    Examples:
      crosstwin verilog --config small -o controller.v
      crosstwin verilog --config examples/controller.toml -o mine.v
      crosstwin verilog --config small --package build/crosstwin

    A package holds the Verilog, a template of its instance, its registers as SystemRDL, as a C header and as pages for a browser,
    an IP-XACT component for Vivado's IP catalog, and a FuseSoC core file.

    \b
    A configuration file is a TOML file, as examples/controller.toml is:
      [controller]
      rows = 32
      columns = 16
      pairs = 1
      adc_lanes = 4
      sources = ["hammersley", "count"]
    """
    if (output is None) == (folder is None):
        raise click.UsageError("Give either -o OUT.v or --package DIR.", context)
    config = load_config(source)
    require("rtl", *(() if folder is None else ("docs",)))
    with stderr.status(f"Converting {config.name}, {config.rows} x {config.columns}, to Verilog"):
        if output is not None:
            from crosstwin_sim.package.ports import described_verilog

            text = described_verilog(config)
            write_text(output, text)
            made = f"{text.count(chr(10))} lines"
        else:
            from crosstwin_sim.package.contents import CONTENTS, write_package

            assert folder is not None
            write_package(config, folder)
            made = ", ".join(CONTENTS)
    stderr.print(f"Wrote {output or folder}: {config.name}, {config.rows} x {config.columns}, {made}.", soft_wrap=True)
