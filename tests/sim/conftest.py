"""What the tests of the simulated board share."""

from __future__ import annotations

import pytest


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the host ask again for ten minutes and more: a board that a busy machine simulates may answer late."""
    monkeypatch.setattr("crosstwin_sim.link.session.ATTEMPTS", 1200)
