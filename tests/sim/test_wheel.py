"""The wheel: what it holds, and what it does in an environment that has nothing else, outside the checkout."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

REPOSITORY = Path(__file__).parents[2]
PACKAGES = ("model/crosstwin_model", "hdl/crosstwin_hdl", "sim/crosstwin_sim", "tb/crosstwin_tb")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=REPOSITORY, check=True, capture_output=True)
    (made,) = folder.glob("*.whl")
    return made


def test_the_wheel_holds_each_tracked_file_of_the_packages_and_nothing_else(wheel: Path) -> None:
    held = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    listing = subprocess.run(["git", "ls-files", *PACKAGES], cwd=REPOSITORY, check=True, capture_output=True, text=True)
    tracked = {name.partition("/")[2] for name in listing.stdout.splitlines()}
    assert {f"{package.partition('/')[2]}/py.typed" for package in PACKAGES[:3]} <= tracked
    assert held == tracked


class Installed:
    """An environment with the wheel, a home and a working folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.work, self._bin = folder / "work", folder / "environment" / "bin"
        self.work.mkdir()
        venv.create(folder / "environment", with_pip=True)
        self._environment = {"PATH": f"{self._bin}:{os.environ['PATH']}", "HOME": str(folder)}

    def install(self, *requirements: str) -> None:
        """Install what is asked for; without an index there is nothing to test."""
        pip = [self._bin / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        command = [*pip, "-c", REPOSITORY / "constraints.txt", *requirements]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode and "connection" in done.stderr.lower():
            pytest.skip(f"pip reaches no package index: {done.stderr.splitlines()[-1]}")
        assert done.returncode == 0, done.stderr

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [self._bin / "crosstwin", *arguments]
        return subprocess.run(command, cwd=self.work, env=self._environment, capture_output=True, text=True, check=False)

    def simulate_board(self) -> None:
        """Start a simulated board, ask it what it is, and end it with Ctrl-C."""
        command = [self._bin / "crosstwin", "board", "simulate", "--config", "tiny"]
        with subprocess.Popen(command, cwd=self.work, env=self._environment, stdout=subprocess.PIPE, text=True) as board:
            assert board.stdout is not None
            port = board.stdout.readline().partition(" is on ")[2].split()[0].rstrip(".,;:")
            found = self.run("board", "info", "--port", port)
            board.send_signal(signal.SIGINT)
        assert found.returncode == 0 and "controller of 4 x 3 lines" in found.stdout, (port, found)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    made = Installed(tmp_path_factory.mktemp("clean"))
    made.install(str(wheel))
    return made


#: What the base install serves, in this order.
SERVED = (
    ("train", "digits", "--backend", "model", "--epochs", "1", "--trace", "run.h5", "--plot", "run.png"),
    ("trace", "show", "run.h5"),
    ("device", "list"),
    ("device", "show", "s3", "-o", "mine.toml"),
    ("device", "plot", "mine.toml", "-o", "mine.png"),
    ("device", "fit", str(REPOSITORY / "examples" / "pulse_trains.csv"), "--model", "soft_bounds"),
    ("registers", "--format", "c", "-o", "crosstwin.h"),
    ("doctor",),
    *((*words, "--help") for words in ((), ("train",), ("trace",), ("device",), ("board",), ("check",), ("verilog",), ("fpga",))),
)
#: What needs an extra, and which.
REFUSED = (
    (("train", "digits", "--backend", "rtl"), "rtl"),
    (("check",), "rtl"),
    (("verilog", "-o", "controller.v"), "rtl"),
    (("board", "simulate"), "rtl"),
    (("fpga", "build", "--board", "ulx3s-25f"), "fpga"),
    (("registers", "--format", "html", "-o", "registers"), "docs"),
    (("train", "text", "--backend", "model"), "text"),
)


def test_an_empty_environment_trains_and_says_what_else_it_needs(installed: Installed) -> None:
    for arguments in SERVED:
        done = installed.run(*arguments)
        assert done.returncode == 0 and "Traceback" not in done.stderr, (arguments, done)
    before = sorted(installed.work.iterdir())
    for arguments, extra in REFUSED:
        done = installed.run(*arguments)
        assert done.returncode == 2, (arguments, done)
        assert len(done.stderr.splitlines()) == 1, (arguments, done)
        assert f"run pip install 'crosstwin[{extra}]'" in done.stderr, (arguments, done)
    assert sorted(installed.work.iterdir()) == before


def test_with_the_command_that_it_names_it_checks_writes_verilog_and_simulates_a_board(installed: Installed) -> None:
    installed.install("crosstwin[rtl]")
    for arguments in (
        ("verilog", "--config", "tiny", "-o", "controller.v"),
        ("check", "--config", "tiny", "--ops", "20", "--backend", "rtl"),
        ("check", "--config", "tiny", "--ops", "20", "--backend", "verilator"),
    ):
        done = installed.run(*arguments)
        assert done.returncode == 0, (arguments, done)
    installed.simulate_board()
