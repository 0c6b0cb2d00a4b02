"""How long systemd waits for a sign of life of the Cluster Service."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from nodeagent.planner.timing import PROFILES
from nodeagent.service.supervision import EVERY, Supervision
from tests.support.agents import short_folder

UNIT = 3.0  # seconds


@pytest.fixture
def systemd() -> Iterator[socket.socket]:
    with short_folder() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as found:
        found.setblocking(False)
        found.bind(str(folder / "notify"))
        yield found


def told(systemd: socket.socket) -> dict[str, str]:
    return dict(line.split("=") for line in systemd.recv(1000).decode().splitlines())


def test_a_pause_that_the_profile_survives_is_no_reason_to_kill_the_service(systemd: socket.socket) -> None:
    supervision = Supervision(systemd.getsockname(), UNIT)
    for profile in PROFILES.values():
        supervision.live(profile.self_stop)
        said = told(systemd)
        assert said["WATCHDOG"] == "1"
        longest_pause = profile.self_stop - profile.interval - profile.commit
        assert int(said["WATCHDOG_USEC"]) / 1e6 >= max(UNIT, longest_pause + EVERY)


def test_a_shorter_profile_brings_the_units_own_time_back(systemd: socket.socket) -> None:
    supervision = Supervision(systemd.getsockname(), UNIT)
    supervision.live(PROFILES["virtual machines"].self_stop)
    supervision.live(PROFILES["fast"].self_stop)
    told(systemd)
    assert int(told(systemd)["WATCHDOG_USEC"]) / 1e6 == UNIT


def test_where_nobody_watches_no_time_is_asked_for(systemd: socket.socket) -> None:
    Supervision(systemd.getsockname(), 0.0).live(3.5)
    assert told(systemd) == {"WATCHDOG": "1"}
