"""Compiled kernels are kept on disk, and those of different devices are told apart there."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from crosstwin_model import jit

_PROGRAM = """
import json, sys
import numpy as np
from crosstwin_model.config import ControllerConfig
from crosstwin_model.devices import DEVICES
from crosstwin_model.plant import Plant, PlantConfig

result = {}
for name in sys.argv[1:]:
    plant = Plant(ControllerConfig("test", rows=9, columns=7), PlantConfig(device=DEVICES[name], initial=0.3))
    words = np.full((9, 1), 0x5A5A, np.uint64)
    plant.pulse(0, True, words, words[:7])
    result[name] = plant.digest(), plant._part.cache_hits
print(json.dumps(result))
"""


def _run(folder: Path, *devices: str) -> dict[str, tuple[str, int]]:
    environment = os.environ | {"NUMBA_CACHE_DIR": str(folder)}
    done = subprocess.run([sys.executable, "-c", _PROGRAM, *devices], env=environment, capture_output=True, text=True, check=True)
    return {name: tuple(found) for name, found in json.loads(done.stdout).items()}


def test_kernels_are_compiled_once_and_kept_apart(tmp_path: Path) -> None:
    """Each process numbers its functions anew; two kernels from two processes must not get each other's code in a third."""
    first, second = _run(tmp_path, "s1"), _run(tmp_path, "ecram")
    assert first["s1"][1] == second["ecram"][1] == 0
    both = _run(tmp_path, "ecram", "s1")
    assert both == {"s1": (first["s1"][0], 1), "ecram": (second["ecram"][0], 1)}


_INNER = """
from numba.extending import register_jitable

NUMBER = 1

@register_jitable
def one():
    return 1
"""
_OUTER = """
from inner import NUMBER, one
from numba.core import types
from crosstwin_model.jit import native, njit, njit_only

@njit
def lazy():
    return one()

@njit_only(types.int64())
def eager():
    return 10 * NUMBER

@native(types.int64())
def native_one():
    return 100 * one()

print(lazy() + eager() + native_one.ctypes(), sum(lazy.stats.cache_hits.values()), native_one.cache_hits)
"""


def test_kernels_follow_a_change_of_any_file_that_they_are_made_of(tmp_path: Path) -> None:
    # Python's own cache tells sources apart by their size and whole seconds.
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
    (tmp_path / "outer.py").write_text(_OUTER)

    def run(inner: str) -> list[int]:
        (tmp_path / "inner.py").write_text(inner)
        done = subprocess.run(
            [sys.executable, tmp_path / "outer.py"], env=environment, capture_output=True, text=True, check=True
        )
        return [int(number) for number in done.stdout.split()]

    assert run(_INNER) == [111, 0, 0]
    assert run(_INNER) == [111, 1, 1]
    assert run(_INNER.replace("return 1", "return 2")) == [212, 0, 0]
    assert run(_INNER.replace("NUMBER = 1", "NUMBER = 2")) == [121, 0, 0]


def test_the_digest_is_of_the_whole_package_and_of_the_kernels_own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package, own = tmp_path / "package", tmp_path / "own"
    for folder in (package / "devices", own):
        folder.mkdir(parents=True)
    monkeypatch.setattr(jit, "_FOLDER", package)
    digests = {jit._sources.__wrapped__(own)}
    for file in (package / "a.py", package / "devices" / "b.py", own / "c.py"):
        file.write_text("1")
        digests.add(jit._sources.__wrapped__(own))
    assert len(digests) == 4
    (own / "#c.py").symlink_to(own / "nothing.py")  # as an editor leaves it
    assert jit._sources.__wrapped__(own) in digests


def test_python_can_run_what_is_compiled() -> None:
    offset = 2

    def shifted(value: int) -> int:
        return value + offset

    compiled = jit.njit(shifted)
    assert compiled(1) == compiled.py_func(1) == 3
