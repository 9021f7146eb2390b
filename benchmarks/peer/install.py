"""Builds the peer, aihwkit 1.2.0, from its source distribution in an environment of its own: `make bench PEER=aihwkit` calls it.

    python benchmarks/peer/install.py build/peer

makes ``build/peer/venv`` and takes about five minutes on two cores; when it is there already, nothing is done. What pip and the
compiler say goes to ``build/peer/build.log``. The environment's PEER_PIP_ARGS is handed to pip where it installs torch, for
instance to name an index that has CPU builds of it.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import venv
from pathlib import Path

PACKAGE = "aihwkit==1.2.0"
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
TESTED = "import torch, aihwkit.simulator.rpu_base"


class InstallError(Exception):
    """Why the peer cannot be built: one sentence."""


def run(command: list[str | Path], log: Path, path: str | None = None) -> bool:
    """Run a command, its output at the end of the log; return whether it succeeded."""
    environment = os.environ if path is None else {**os.environ, "PATH": path}
    with open(log, "a") as output:
        print("+", *command, file=output, flush=True)
        return subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, env=environment).returncode == 0


def has_blas() -> bool:
    """Return whether the compiler finds the header of a BLAS library."""
    source = "#include <cblas.h>\n"
    return subprocess.run(["c++", "-E", "-x", "c++", "-"], input=source, text=True, capture_output=True).returncode == 0


def need_blas(log: Path) -> None:
    """Install OpenBLAS where it is missing and that is allowed."""
    if shutil.which("c++") is None:
        raise InstallError("The peer is C++ and there is no c++ here: 'apt-get install g++' brings it.")
    if has_blas():
        return
    prefix: list[str | Path] = [] if os.geteuid() == 0 else ["sudo", "-n"]
    apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    if shutil.which("apt-get") and (not prefix or shutil.which("sudo")) and run([*apt, "update"], log):
        run([*apt, "install", "-y", "libopenblas-dev"], log)
    if not has_blas():
        raise InstallError(
            "The peer needs the header cblas.h of OpenBLAS, which cannot be installed from here: "
            "'apt-get install libopenblas-dev' as root brings it."
        )


def install(folder: Path) -> None:
    """Build the peer in a folder, from nothing where an earlier build did not end well."""
    home = folder / "venv"
    python = home / "bin" / "python"
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "build.log"
    if python.exists() and run([python, "-c", TESTED], log):
        return
    print(f"Building the peer {PACKAGE} in {home}, about five minutes; {log} tells what is done.", flush=True)
    log.unlink(missing_ok=True)
    need_blas(log)
    venv.create(home, clear=True, with_pip=True)
    pip: list[str | Path] = [python, "-m", "pip", "--disable-pip-version-check", "install"]
    extra = shlex.split(os.environ.get("PEER_PIP_ARGS", ""))
    if not run([*pip, *extra, "-r", REQUIREMENTS], log):
        raise InstallError(f"pip could not install what the peer needs; {log} says why.")
    # Its build calls cmake, ninja and stubgen by name, and takes them and the libraries from this environment.
    tools = f"{(home / 'bin').absolute()}{os.pathsep}{os.environ.get('PATH', '')}"
    source = ["--no-build-isolation", "--no-deps", "--no-binary", "aihwkit", PACKAGE]
    if not run([*pip, *source], log, tools):
        raise InstallError(f"the peer could not be compiled; {log} says why.")
    if not run([python, "-c", TESTED], log):
        raise InstallError(f"the peer was built and cannot be imported; {log} says why.")


def main() -> None:
    """Build, or end with exit code 2 and a sentence."""
    try:
        install(Path(sys.argv[1]))
    except InstallError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
