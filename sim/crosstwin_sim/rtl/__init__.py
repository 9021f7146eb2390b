"""The back end ``rtl``: the controller's Verilog, compiled by Verilator into a library of this process."""

from .backend import RtlBackend
from .build import BuildError
from .device import RtlDevice
from .library import PinError

__all__ = ["BuildError", "PinError", "RtlBackend", "RtlDevice"]
