"""A real Resource Monitor process: the deadline stops everything, a permission starts it again, epochs stay closed."""

from __future__ import annotations

import os
import signal

from nodeagent.api.causes import cause
from nodeagent.api.objects import ResourceState
from nodeagent.monitor.messages import (
    Attach,
    Closed,
    CloseEpoch,
    Report,
    Stop,
)
from nodeagent.system.clock import SystemClock
from tests.support.monitors import (
    PATIENCE,
    SLEEP,
    Line,
    RunningMonitor,
    definition,
    kill,
    shell,
    wait_for_end,
)

K = 0.6  # seconds; safety protocol, section 3, default profile


# --- the deadline -----------------------------------------------------------------------------------------------


def test_everything_stops_at_the_deadline_and_starts_in_place_with_the_next_permission(
    monitor: RunningMonitor,
) -> None:
    line = monitor.attach(seconds=3.0)
    for name in ("one", "two"):
        line.start(definition(SLEEP, name=name))
    pids = [line.online(name).process_id for name in ("one", "two")]
    until = SystemClock().steady() + 1.5
    line.permit(seconds=1.5)
    line.close()  # the service is gone
    assert all(wait_for_end(pid) for pid in pids)
    assert until - 0.1 < SystemClock().steady() < until + K
    again = monitor.connect()
    reports = {held.id: held for held in again.attach().held}
    for name, held in reports.items():  # dead they are; that this is proven may be told a little later
        stopped = held if held.state is ResourceState.OFFLINE else again.state(ResourceState.OFFLINE, name)
        assert (stopped.deadline, stopped.process_id) == (True, 0)
    assert reports.keys() == {"one", "two"}
    again.permit(seconds=60)
    assert again.online("one").cause == cause("cause_self_stop_over")
    assert not again.online("two").deadline  # the same group: in the order of the first starts


def test_the_group_starts_again_in_the_order_of_its_first_start(monitor: RunningMonitor) -> None:
    line = monitor.attach()
    names = ["disk", "address", "program"]
    for name in names:
        line.start(definition(SLEEP, name=name))
        line.online(name)
    line.permit(seconds=0.0)
    stopped: set[str] = set()
    while stopped != set(names):
        stopped.add(line.until(lambda report: report.deadline and report.state is ResourceState.OFFLINE).id)
    line.heard.clear()
    line.permit()
    line.online("program")
    online = [said.id for said in line.heard if isinstance(said, Report) and said.state is ResourceState.ONLINE]
    assert online == names


def test_a_permission_of_another_incarnation_stops_what_runs_and_starts_nothing(line: Line) -> None:
    line.start(definition(SLEEP))
    pid = line.online().process_id
    line.permit(incarnation=2)
    assert wait_for_end(pid)
    line.permit(incarnation=2)
    assert line.state(ResourceState.OFFLINE).deadline
    line.permit(incarnation=1)
    line.online()


def test_what_was_being_stopped_at_the_deadline_does_not_start_again(line: Line) -> None:
    line.start(shell("trap '' TERM; while :; do sleep 0.05; done", StopTimeout=3_600_000))
    line.online()
    line.say(Stop(id="notepad"))
    line.state(ResourceState.OFFLINE_PENDING)
    line.permit(seconds=0.0)
    assert not line.state(ResourceState.OFFLINE).deadline


def test_an_unguarded_node_has_no_deadline_and_an_order_without_permission_waits(monitor: RunningMonitor) -> None:
    line = monitor.connect()
    line.attach()
    line.start(definition(SLEEP))
    assert line.state(ResourceState.OFFLINE).deadline
    line.permit(seconds=None)
    line.online()


def test_a_stopped_monitor_is_killed_by_the_kernel_after_the_deadline(monitor: RunningMonitor) -> None:
    line = monitor.attach(seconds=30)
    line.start(definition(SLEEP))
    line.online()
    line.permit(seconds=1.0)
    os.kill(monitor.process.pid, signal.SIGSTOP)
    assert monitor.process.wait(PATIENCE) == -signal.SIGKILL


# --- epochs -----------------------------------------------------------------------------------------------------


def test_nothing_is_started_under_a_closed_or_lower_epoch(line: Line) -> None:
    line.start(definition(SLEEP), epoch=5)
    line.online()
    line.say(Stop(id="notepad", now=True))
    line.state(ResourceState.OFFLINE)
    line.say(CloseEpoch(group="g", epoch=5))
    assert line.next(Closed).clean
    for epoch in (4, 5):
        line.start(definition(SLEEP), epoch=epoch)
        refused = line.state(ResourceState.FAILED)
        assert refused.information is not None
        assert (refused.epoch, refused.information.code) == (epoch, "epoch_closed")
    line.start(definition(SLEEP), epoch=6)
    assert line.online().epoch == 6


def test_what_stands_still_under_a_closed_epoch_is_not_woken_by_a_permission(line: Line) -> None:
    line.start(definition(SLEEP, name="notepad"))
    line.online()
    line.permit(seconds=0.0)
    line.state(ResourceState.OFFLINE)
    line.say(CloseEpoch(group="g", epoch=1))
    assert line.next(Closed).clean
    line.permit()
    line.say(Attach(service="test"))
    assert [(held.state, held.deadline) for held in line.attach().held] == [(ResourceState.OFFLINE, False)]


def test_a_running_member_makes_the_answer_unclean_and_is_not_restarted_in_place(line: Line) -> None:
    line.start(definition(SLEEP))
    pid = line.online().process_id
    line.say(CloseEpoch(group="g", epoch=1))
    assert not line.next(Closed).clean
    kill(pid)
    line.state(ResourceState.FAILED)
    line.say(CloseEpoch(group="g", epoch=1))
    assert line.next(Closed).clean


def test_closed_epochs_outlive_the_monitor(monitor: RunningMonitor) -> None:
    line = monitor.attach()
    line.say(CloseEpoch(group="g", epoch=7))
    line.next(Closed)
    monitor.process.kill()
    monitor.restart()
    again = monitor.connect()
    assert again.attach().closed == {"g": 7}
    again.permit()
    again.start(definition(SLEEP), epoch=7)
    assert again.state(ResourceState.FAILED).epoch == 7


def test_a_start_for_what_is_online_only_renews_group_and_epoch(line: Line) -> None:
    line.start(definition(SLEEP), group="g", epoch=1)
    first = line.online()
    line.start(definition(SLEEP), group="h", epoch=3)
    again = line.online()
    assert (again.process_id, again.group, again.epoch) == (first.process_id, "h", 3)
    line.say(CloseEpoch(group="g", epoch=9))
    assert line.next(Closed).clean
