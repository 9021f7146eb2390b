"""The peer, IBM's aihwkit, as a process of its own environment that answers requests; see ``server.py``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from crosstwin_sim.errors import CrosstwinError

#: Names the Python of the peer's environment; ``make bench PEER=aihwkit`` sets it after having built that.
VARIABLE = "CROSSTWIN_PEER"


class Peer:
    """A running peer.

    Parameters
    ----------
    python : Path
        The Python of its environment.

    Raises
    ------
    CrosstwinError
        If there is no such program, or the peer does not start.
    """

    def __init__(self, python: Path) -> None:
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        try:
            self._process = subprocess.Popen(
                [python, Path(__file__).with_name("server.py")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, **threads},
                text=True,
            )
        except OSError as error:
            raise CrosstwinError(
                f"the peer's Python {python} cannot be run: {error.strerror}; 'make bench PEER=aihwkit' builds it"
            ) from None
        self.versions: dict[str, str] = self.call("about")

    def call(self, name: str, /, **arguments: Any) -> Any:
        """Return the answer to a request.

        Raises
        ------
        CrosstwinError
            If the peer has ended, or could not do what was asked.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        line = ""
        try:
            self._process.stdin.write(json.dumps({"call": name, **arguments}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            pass
        if not line:
            self._process.communicate()
            raise CrosstwinError(f"the peer ended with exit code {self._process.returncode} while it was asked for {name!r}")
        answer = json.loads(line)
        if "error" in answer:
            raise CrosstwinError(f"the peer could not do {name!r}: {answer['error']}")
        return answer["result"]

    def close(self) -> None:
        """End the peer's process."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


def open_peer() -> Peer | None:
    """Start the peer that the environment names, or return None where it names none."""
    python = os.environ.get(VARIABLE)
    return Peer(Path(python)) if python else None


def need_peer() -> Peer:
    """Start the peer, or end the program with exit code 0 and a sentence where there is none."""
    peer = open_peer()
    if peer is None:
        print("This bench needs the peer simulator: 'make bench PEER=aihwkit' builds and runs it.")
        sys.exit(0)
    return peer
