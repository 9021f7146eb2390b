"""Co-simulation: the controller's Verilog under Verilator or Icarus, with the cocotb benches on its pins."""

from .launch import Outcome, benches, run_bench
from .simulators import SIMULATORS

__all__ = ["SIMULATORS", "Outcome", "benches", "run_bench"]
