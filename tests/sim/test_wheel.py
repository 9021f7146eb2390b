"""The wheel holds the packages with their data files, and nothing else of the checkout."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

REPOSITORY = Path(__file__).parents[2]
PACKAGES = ("model/crosstwin_model", "hdl/crosstwin_hdl", "sim/crosstwin_sim", "tb/crosstwin_tb")


def test_the_wheel_holds_each_tracked_file_of_the_packages_and_nothing_else(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=REPOSITORY, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    held = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    listing = subprocess.run(["git", "ls-files", *PACKAGES], cwd=REPOSITORY, check=True, capture_output=True, text=True)
    tracked = {name.partition("/")[2] for name in listing.stdout.splitlines()}
    assert {f"{package.partition('/')[2]}/py.typed" for package in PACKAGES[:3]} <= tracked
    assert held == tracked
