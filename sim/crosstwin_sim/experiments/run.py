"""One run of the digits experiment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crosstwin_model.config import ControllerConfig
from crosstwin_sim.backend import Backend

from .digits import CONFIG, SHAPES, DigitsTrainer
from .training import BaseRun, Result, Shapes, Trainer, train, with_source

__all__ = ["Result", "Run", "train"]


@dataclass(frozen=True)
class Run(BaseRun):
    """Digits on a 64-32-10 network."""

    @property
    def name(self) -> str:
        return "digits"

    @property
    def shapes(self) -> Shapes:
        return SHAPES

    @property
    def controller(self) -> ControllerConfig:
        return with_source(CONFIG, self.settings.source)

    def trainer(self, backend: Backend, data: Any) -> Trainer:
        return DigitsTrainer(backend, self, data)
