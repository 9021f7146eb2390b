"""The plant's side of a simulated design's pins: applies the slots that were logged, and answers reads."""

from __future__ import annotations

from crosstwin_model.config import ControllerConfig
from crosstwin_model.plant import Plant

from .library import SAMPLED, SLOTS_FULL, Simulation


class PlantSide:
    """Joins a plant to the pins of a simulated design.

    Slots are logged in C++ and applied to the array once per operation, or before a read within it; the array thus always reads
    as it would slot by slot.

    Parameters
    ----------
    config : ControllerConfig
        The controller's configuration.
    plant : Plant
        The array; it must have the configuration's tiles.
    """

    def __init__(self, config: ControllerConfig, plant: Plant) -> None:
        self.config = config
        self._plant = plant

    def plant(self, simulation: Simulation) -> Plant:
        """Return the array, with everything driven so far applied."""
        self.apply_slots(simulation)
        return self._plant

    def event(self, event: int, simulation: Simulation) -> int:
        """Do what an event of the simulation asks for: empty the log of slots, or convert what was sampled."""
        if event == SLOTS_FULL:
            self.apply_slots(simulation)
        elif event == SAMPLED:
            return self._convert(simulation)
        return 0

    def apply_slots(self, simulation: Simulation) -> None:
        """Apply the slots that are logged, and forget them."""
        shared = simulation.shared
        slots = shared.slots
        if slots:
            shared.slots = 0
            self._plant.pulse_slots(
                shared.slots_tile, simulation.slot_up[:slots], simulation.slot_rows[:slots], simulation.slot_columns[:slots]
            )

    def _convert(self, simulation: Simulation) -> int:
        self.apply_slots(simulation)
        shared, config = simulation.shared, self.config
        forward = bool(shared.forward)
        driven, sensed = (config.rows, config.columns) if forward else (config.columns, config.rows)
        charge = simulation.charge[:driven]
        codes = self._plant.read(shared.tile, bool(shared.differential), forward, charge, shared.gain, sensed)
        beats = -(-sensed // config.adc_lanes)
        simulation.codes[:sensed] = codes
        simulation.delays[:beats] = self._plant.delays(beats)
        return beats
