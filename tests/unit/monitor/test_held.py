"""One resource's states, by a clock that the test moves; the container says what the test wants."""

from __future__ import annotations

from typing import ClassVar

import pytest

from nodeagent.api.causes import cause
from nodeagent.api.objects import ResourceState
from nodeagent.monitor.ending import LOOK_AGAIN
from nodeagent.monitor.failures import CRASH_LOOP_DELAYS
from nodeagent.monitor.held import Held
from nodeagent.monitor.messages import Start
from nodeagent.planner.policies import Policy
from nodeagent.resourcetypes.application import GenericApplication
from nodeagent.system.launching import Launch, Placement, Starting
from nodeagent.system.processes import Process
from nodeagent.system.programs import ProgramNotFoundError
from tests.support.monitors import definition
from tests.support.surroundings import FakeSurroundings

State = ResourceState


class FakeContainer:
    """Holds what the test says, and dies when the test lets it; nothing can be started in it."""

    name = "notepad"
    placement = Placement()

    def __init__(self) -> None:
        self.full = False
        self.killable = True
        self.kills = 0

    def spawn(self, launch: Launch) -> Process:
        raise ProgramNotFoundError("There is no program in this test.")

    def begin(self, launch: Launch) -> Starting:
        raise ProgramNotFoundError("There is no program in this test.")

    def admit(self, process: Process) -> None: ...

    def pids(self) -> list[int]:
        return [1] if self.full else []

    def is_empty(self) -> bool:
        return not self.full

    def signal(self, number: int) -> None: ...

    def begin_kill(self) -> None:
        self.kills += 1
        self.full = self.full and not self.killable

    def kill(self, deadline: float) -> bool:
        self.begin_kill()
        return not self.full

    def remove(self) -> None: ...


class Shared(GenericApplication):
    """Not exclusive: may run without a permission."""

    exclusive: ClassVar[bool] = False


@pytest.fixture
def container() -> FakeContainer:
    return FakeContainer()


@pytest.fixture
def around(container: FakeContainer) -> FakeSurroundings:
    return FakeSurroundings(container)


def order(policy: Policy | None = None, *, epoch: int = 1, incarnation: int = 1, fresh: bool = False) -> Start:
    resource = definition("sleep 1000", policy=policy or Policy(alone=True))
    return Start(resource=resource, group="g", epoch=epoch, incarnation=incarnation, fresh=fresh)


def failing(around: FakeSurroundings, policy: Policy) -> Held:
    """Return one whose settings cannot be read, so that it fails without any process."""
    start = Start(resource=definition("", policy=policy), group="g", epoch=1, incarnation=1)
    return Held(around, GenericApplication(), start)


def test_a_start_that_fails_waits_longer_each_time_and_gives_up_at_the_threshold(around: FakeSurroundings) -> None:
    resource = failing(around, Policy(alone=True, threshold=6))
    resource.start()
    for delay in CRASH_LOOP_DELAYS[1:7]:
        assert around.state() is State.ONLINE_PENDING
        assert around.timers.next() - around.time == pytest.approx(delay)
        around.pass_time(around.timers.next() - around.time)
    assert around.state() is State.FAILED
    assert around.last.restarts == 7
    assert not around.last.may_restart
    assert around.timers.next() == float("inf")


def test_failures_are_forgotten_by_a_fresh_start_and_by_time(around: FakeSurroundings) -> None:
    policy = Policy(alone=False, threshold=1, period=100)
    resource = failing(around, policy)
    for expected in (1, 2):
        resource.start()
        assert around.last.restarts == expected
    assert not around.last.may_restart
    around.pass_time(100)
    resource.start()
    assert around.last.restarts == 1
    resource.start()
    resource.arm(Start(resource=definition("", policy=policy), group="g", epoch=2, incarnation=1, fresh=True))
    resource.start()
    assert around.last.restarts == 1


def test_without_a_permission_a_start_stands_still_and_goes_on_with_it(around: FakeSurroundings) -> None:
    around.deadline.withdraw()
    resource = failing(around, Policy())
    resource.start()
    assert (around.last.state, around.last.deadline) == (State.OFFLINE, True)
    resource.resume()
    assert around.state() is State.OFFLINE
    around.deadline.replace(2, None)
    resource.resume()
    assert around.state() is State.OFFLINE, "a permission of another incarnation wakes nothing"
    around.deadline.replace(1, None)
    resource.resume()
    assert around.state() is State.FAILED, "it was started, and this one cannot"


def test_what_is_not_exclusive_needs_no_permission(around: FakeSurroundings) -> None:
    around.deadline.withdraw()
    resource = Held(around, Shared(), Start(resource=definition(""), group="g", epoch=1, incarnation=1))
    resource.start()
    assert around.last.restarts == 1, "it was tried"


def test_a_restart_that_waits_at_the_deadline_stands_still_and_its_timer_is_gone(around: FakeSurroundings) -> None:
    resource = failing(around, Policy(alone=True, threshold=10))
    resource.start()
    assert around.state() is State.ONLINE_PENDING
    around.deadline.withdraw()
    resource.self_stop()
    assert (around.last.state, around.last.deadline) == (State.OFFLINE, True)
    reports = len(around.reports)
    around.pass_time(60)
    assert len(around.reports) == reports


def test_a_restart_that_waits_under_a_closed_epoch_comes_to_nothing(around: FakeSurroundings) -> None:
    resource = failing(around, Policy(alone=True, threshold=10))
    resource.start()
    around.closed["g"] = 1
    around.pass_time(60)
    assert (around.last.state, around.last.deadline) == (State.OFFLINE, False)
    assert around.last.information is not None
    assert around.last.information.code == "epoch_closed"


def test_what_failed_for_good_is_neither_stopped_at_the_deadline_nor_resumed(around: FakeSurroundings) -> None:
    resource = failing(around, Policy(alone=False))
    resource.start()
    reports = len(around.reports)
    around.deadline.withdraw()
    resource.self_stop()
    around.deadline.replace(1, None)
    resource.resume()
    assert len(around.reports) == reports


def test_nothing_is_started_beside_a_former_life_however_long_that_takes(
    around: FakeSurroundings, container: FakeContainer
) -> None:
    container.full, container.killable = True, False
    resource = failing(around, Policy())
    resource.start()
    around.pass_time(60)
    assert around.last.information is not None
    assert around.last.information.code == "not_killable"
    assert resource.running
    assert around.last.restarts == 0
    container.killable = True
    around.pass_time(LOOK_AGAIN[-1])
    assert around.state() is State.FAILED


def test_a_stop_of_what_cannot_be_killed_is_pending_until_it_is_proven(
    around: FakeSurroundings, container: FakeContainer
) -> None:
    resource = failing(around, Policy(alone=True, threshold=10))
    resource.start()
    container.full, container.killable = True, False
    resource.stop()
    around.pass_time(1)
    assert around.state() is State.OFFLINE_PENDING
    resource.stop()  # asked again, nothing is lost
    around.pass_time(1)
    assert resource.running
    assert not resource.kill(around.time)
    resource.stop(now=True)
    container.killable = True
    around.pass_time(1)
    assert around.state() is State.OFFLINE
    assert not resource.running


def test_a_self_stop_that_is_not_proven_is_not_told_as_done(around: FakeSurroundings, container: FakeContainer) -> None:
    resource = failing(around, Policy(alone=True, threshold=10))
    resource.start()
    container.full, container.killable = True, False
    around.deadline.withdraw()
    resource.strike()
    resource.self_stop()
    assert around.last.deadline, "told at once that it is being stopped: nothing may start on it"
    resource.self_stop()
    around.pass_time(1)
    assert around.state() is not State.OFFLINE
    around.deadline.replace(1, None)
    resource.resume()
    assert around.state() is not State.OFFLINE
    container.killable = True
    before = around.settlings
    around.pass_time(1)
    assert (around.last.state, around.last.deadline) == (State.OFFLINE, True)
    assert around.settlings > before, "so that it is resumed now"


def test_a_stop_takes_back_that_it_wakes_with_the_next_permission(around: FakeSurroundings) -> None:
    around.deadline.withdraw()
    resource = failing(around, Policy())
    resource.start()
    resource.stop(now=True)
    assert (around.last.state, around.last.deadline) == (State.OFFLINE, False)
    around.deadline.replace(1, None)
    resource.resume()
    assert around.state() is State.OFFLINE


def test_another_incarnation_never_takes_over_what_runs(around: FakeSurroundings, container: FakeContainer) -> None:
    resource = failing(around, Policy(alone=True, threshold=10))
    resource.start()
    container.full = True
    resource.arm(order(incarnation=2))
    assert container.kills
    assert around.state() is State.OFFLINE
    assert around.last.incarnation == 2


def test_what_nobody_heard_is_kept_for_the_next_service(around: FakeSurroundings) -> None:
    resource = failing(around, Policy(alone=False))
    around.attached = False
    resource.start()
    assert around.reports == []
    assert resource.report().state is State.FAILED


def test_a_failure_can_be_initiated_only_while_it_is_online(around: FakeSurroundings) -> None:
    resource = failing(around, Policy(alone=False))
    resource.fail(cause("cause_initiated", user="anna"))
    assert around.reports == []


def test_why_it_failed_is_not_forgotten_when_the_rest_is_slow_to_die(
    around: FakeSurroundings, container: FakeContainer
) -> None:
    resource = failing(around, Policy(alone=True, threshold=1))
    resource.start()
    container.full, container.killable = True, False
    around.pass_time(2)
    assert around.last.information is not None
    assert around.last.information.code == "not_killable"
    container.killable = True
    around.pass_time(2)
    assert around.state() is State.FAILED
    assert around.last.information is not None
    assert around.last.information.code == "value_required"
