"""A board in simulation: the whole board design Verilated, its serial line on a pseudo-terminal."""

from .service import served
from .simulated import SimulatedBoard
from .terminal import Terminal, serve

__all__ = ["SimulatedBoard", "Terminal", "serve", "served"]
