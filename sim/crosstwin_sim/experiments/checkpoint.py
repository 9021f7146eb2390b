"""What a training run leaves at the end of every epoch, so that it can go on to the same final bits."""

from __future__ import annotations

import io
import json
import tokenize
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstwin_sim.differences import differences
from crosstwin_sim.errors import CrosstwinError
from crosstwin_sim.files import write_bytes

#: What a damaged file makes numpy, zipfile and json raise.
_DAMAGED = (
    ValueError, KeyError, TypeError, EOFError, RuntimeError, OverflowError, zipfile.BadZipFile, zlib.error, tokenize.TokenError
)  # fmt: skip


@dataclass(frozen=True)
class Checkpoint:
    """A run after some epochs.

    Parameters
    ----------
    run : dict
        What the run is: everything that its result depends on, as JSON knows it.
    accuracy : list of float
        One per finished epoch: accuracy on the test samples, or what else the experiment is scored by.
    registers : dict of int
        The controller's state between epochs.
    reads : list of list of int
        Every layer's read counts.
    clock_cycles : int
        Clock cycles of all operations so far.
    seconds : float
        Wall-clock time so far.
    plant : dict of array
        The array's state.
    """

    run: dict[str, Any]
    accuracy: list[float]
    registers: dict[str, int]
    reads: list[list[int]]
    clock_cycles: int
    seconds: float
    plant: dict[str, NDArray[Any]]

    def save(self, path: Path) -> None:
        """Write the file whole or not at all; its folder is made if it is missing.

        Raises
        ------
        CrosstwinError
            If it cannot be written.
        """
        head = {
            "run": self.run,
            "accuracy": self.accuracy,
            "registers": self.registers,
            "reads": self.reads,
            "clock_cycles": self.clock_cycles,
            "seconds": self.seconds,
        }
        buffer = io.BytesIO()
        plant: dict[str, Any] = {f"plant_{key}": value for key, value in self.plant.items()}
        np.savez_compressed(buffer, head=np.array(json.dumps(head)), allow_pickle=False, **plant)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CrosstwinError(f"the folder {path.parent} cannot be made: {error.strerror}") from None
        write_bytes(path, buffer.getvalue())


def load_checkpoint(path: Path, run: dict[str, Any]) -> Checkpoint:
    """Read a checkpoint of the same run.

    Raises
    ------
    CrosstwinError
        If there is none, it is not one, or it belongs to a run with other settings; the sentence names them.
    """
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            head = json.loads(str(file["head"]))
            plant = {key.removeprefix("plant_"): file[key] for key in file.files if key.startswith("plant_")}
        checkpoint = Checkpoint(plant=plant, **head)
    except FileNotFoundError:
        raise CrosstwinError(f"there is no checkpoint {path} to resume from; run once without --resume") from None
    except OSError as error:
        raise CrosstwinError(f"the checkpoint {path} cannot be read: {error.strerror or error}") from None
    except _DAMAGED:
        raise CrosstwinError(f"{path} is not a checkpoint of a training run") from None
    # What is asked for goes through JSON as well, which knows no tuples.
    different = differences(checkpoint.run, json.loads(json.dumps(run)))
    if different:
        raise CrosstwinError(f"{path} is of a run whose {different}; name another file with --checkpoint")
    return checkpoint
