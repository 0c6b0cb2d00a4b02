"""Moves whose agents are killed on the way, troubles that the cluster lives with: it comes back, and never twice."""

from __future__ import annotations

import time

import pytest

from tests.lab.faults import TROUBLES, Fault, kill_etcds_leader
from tests.lab.moving import MOVES
from tests.lab.standard import StandardService

pytestmark = pytest.mark.timeout(240, func_only=True)  # the first run builds the hosts' system

LOST = 5.0  # seconds; a node is lost, in the default profile
BUSY = 3.0  # seconds on top, for machines on which others work too
LASTS = 2.0  # seconds of a trouble that goes on: the campaign has longer ones


FAULTS = [*MOVES, *(fault for fault in TROUBLES if fault.inflict is not kill_etcds_leader)]  # see test_cluster


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.replace(" ", "-"))
def test_the_service_comes_back_and_never_runs_twice(whole: StandardService, fault: Fault) -> None:
    owner = fault.prepare(whole) if fault.prepare else whole.await_online()
    began = time.monotonic()
    fault.do(whole, owner, min(fault.lasts, LASTS))
    whole.cluster.await_all_up()
    whole.await_answers(time.monotonic())
    seen = whole.seen(began - 1)
    assert seen.never_two, seen
    assert seen.downtime < LOST + BUSY
