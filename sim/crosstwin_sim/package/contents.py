"""What is in a package, and the folder that it is written to."""

from __future__ import annotations

from pathlib import Path

from crosstwin_model.config import ControllerConfig

from ..c_header import write_c_header
from ..files import whole_folder, write_bytes, write_text
from ..register_docs import ipxact_2009, write_html, write_systemrdl
from .component import component
from .fusesoc import core_file
from .ports import controller_ports, described_verilog, instance_template

VERILOG, INSTANCE, COMPONENT, CORE = "crosstwin.v", "crosstwin_instance.v", "component.xml", "crosstwin.core"
SYSTEMRDL, HEADER, PAGES = "crosstwin.rdl", "crosstwin.h", "registers"
#: Every file of a package, and what it is.
CONTENTS = {
    VERILOG: "the controller, one self-contained file with its parameters and ports in its header",
    INSTANCE: "a module that holds the controller, to copy the instance from",
    COMPONENT: "IP-XACT: ports, AXI4-Lite, clock, reset, interrupt and registers; Vivado's IP catalog takes it",
    CORE: "FuseSoC core",
    SYSTEMRDL: "registers in SystemRDL 2.0",
    HEADER: "registers for drivers in C and C++",
    PAGES: "registers as pages for a browser, index.html first",
}


def write_package(config: ControllerConfig, folder: str | Path) -> None:
    """Write a package: everything is made first, and then put in place, so that a failure leaves the folder as it was.

    Files of the same names are replaced, others are left alone.

    Parameters
    ----------
    config : ControllerConfig
        What to write.
    folder : str or Path
        Made if it is not there.

    Raises
    ------
    CrosstwinError
        If the folder cannot be written.
    """
    with whole_folder(folder, "a package") as made:
        verilog = described_verilog(config)
        ports = controller_ports(verilog)
        write_text(made / VERILOG, verilog)
        write_text(made / INSTANCE, instance_template(config, ports))
        write_bytes(made / COMPONENT, component(config, ports, ipxact_2009(config), VERILOG))
        write_text(made / CORE, core_file(config, VERILOG, INSTANCE, HEADER))
        write_systemrdl(config, str(made / SYSTEMRDL))
        write_c_header(config, str(made / HEADER))
        write_html(config, str(made / PAGES))
