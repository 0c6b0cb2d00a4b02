"""The units of a node: what systemd does to the agent's processes does not depend on which version runs."""

from __future__ import annotations

import configparser
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "installer" / "units"
UNDERSTOOD = {"SIGTERM", "SIGKILL"}  # SIGTERM: leave first. A program of any version ends by SIGKILL.


def service_of(unit: Path) -> configparser.SectionProxy:
    found = configparser.RawConfigParser(strict=False, interpolation=None)
    found.optionxform = str  # type: ignore[assignment, method-assign] # names of settings as they are written
    found.read_string(unit.read_text(encoding="utf-8"))
    return found["Service"]


@pytest.mark.parametrize("unit", sorted(UNITS.glob("*.service")), ids=lambda unit: unit.name)
def test_no_signal_is_sent_that_an_older_agent_might_not_understand(unit: Path) -> None:
    said = service_of(unit)
    sent = {value for name, value in said.items() if name.endswith("Signal")}
    assert sent
    assert sent <= UNDERSTOOD


def test_a_stop_lets_the_service_leave_and_a_restart_does_not() -> None:
    said = service_of(UNITS / "clusteragent.service")
    assert (said["KillSignal"], said["RestartKillSignal"]) == ("SIGTERM", "SIGKILL")
