"""`crosstwin verilog`: write the controller as one Verilog file."""

from __future__ import annotations

import click

from crosstwin_hdl.verilog import to_verilog
from crosstwin_model.config import load_config
from crosstwin_sim.files import write_text

from .common import config_option, stderr


@click.command()
@config_option
@click.option("-o", "--output", metavar="OUT.v", required=True, help="File to write; /dev/stdout prints it.")
def command(source: str, output: str) -> None:
    """Write the controller as one self-contained Verilog file.

    \b
    Examples:
      crosstwin verilog --config small -o controller.v
      crosstwin verilog --config my_array.toml -o my_array.v

    \b
    A configuration file is a TOML file such as
      [controller]
      rows = 32
      columns = 16
      pairs = 1
      adc_lanes = 4
      sources = ["hammersley", "count"]
    """
    config = load_config(source)
    with stderr.status(f"Converting {config.name}, {config.rows} x {config.columns}, to Verilog"):
        text = to_verilog(config)
    write_text(output, text)
    stderr.print(f"Wrote {output}: {config.name}, {config.rows} x {config.columns}, {text.count(chr(10))} lines.", soft_wrap=True)
