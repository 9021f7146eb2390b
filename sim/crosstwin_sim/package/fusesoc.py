"""The FuseSoC core file (CAPI2) of a package."""

from __future__ import annotations

from importlib.metadata import version

from crosstwin_hdl.verilog import TOP
from crosstwin_model.config import ControllerConfig


def core_name(config: ControllerConfig) -> str:
    """Return the core's name: vendor, library, name and version."""
    return f"crosstwin:crosstwin:{config.identifier}:{version('crosstwin')}"


def core_file(config: ControllerConfig, verilog: str, instance: str, header: str) -> str:
    """Return the text of ``crosstwin.core``.

    Parameters
    ----------
    config : ControllerConfig
        What the package holds.
    verilog, instance, header : str
        Names of the controller's Verilog, of the instantiation template and of the C header in the package.
    """
    size = f"{config.rows} rows x {config.columns} columns, {config.pairs} tile pair(s)"
    return f"""\
CAPI=2:
name: {core_name(config)}
description: Controller of analog resistive crossbars, {size}

filesets:
  rtl:
    files:
      - {verilog}
    file_type: verilogSource
  instance:
    files:
      - {instance}
    file_type: verilogSource
  software:
    files:
      - {header}: {{is_include_file: true}}
    file_type: cSource

targets:
  default: &default
    filesets:
      - rtl
    toplevel: {TOP}

  lint:
    <<: *default
    description: Read the controller and the template of an instance with Verilator
    default_tool: verilator
    filesets_append:
      - instance
    toplevel: {TOP}_instance
    tools:
      verilator:
        mode: lint-only
"""
