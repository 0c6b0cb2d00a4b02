"""A real Resource Monitor that begins anew by execve of itself: nothing dies or is missed, the deadline is kept."""

from __future__ import annotations

import os
import select
import signal
import time
from pathlib import Path

from nodeagent.api.objects import ResourceState
from nodeagent.monitor.messages import Closed, CloseEpoch, Renew, Renewed, Stop
from nodeagent.monitor.renewal import FRESH, VARIABLE
from nodeagent.planner.policies import Policy
from tests.support.monitors import (
    PATIENCE,
    SLEEP,
    Line,
    RunningMonitor,
    definition,
    kill,
    running_monitor,
    shell,
    wait_for_end,
)


def begin_anew(line: Line) -> Renewed:
    line.say(Renew())
    return line.next(Renewed)


def await_exec(pid: int) -> None:
    """Return when the process has become the new program, which has hardly begun then."""
    until = time.monotonic() + PATIENCE
    while VARIABLE.encode() not in Path(f"/proc/{pid}/environ").read_bytes():
        assert time.monotonic() < until, "it does not begin anew"
        select.select([], [], [], 0.001)  # nothing tells of an exec


def test_the_same_process_with_the_same_applications_goes_on(monitor: RunningMonitor) -> None:
    line = monitor.attach()
    line.start(definition(SLEEP))
    first = line.online().process_id
    line.start(definition(SLEEP, name="second"))
    second = line.online("second").process_id
    line.say(Stop(id="second"))
    line.state(ResourceState.OFFLINE, "second")
    for _ in range(3):
        assert begin_anew(line) == Renewed(process_id=monitor.process.pid)
        assert VARIABLE in Path(f"/proc/{monitor.process.pid}/environ").read_text()
    held = {report.id: report for report in monitor.connect().attach().held}
    assert (held["notepad"].process_id, held["notepad"].state) == (first, ResourceState.ONLINE)
    assert held["second"].state is ResourceState.OFFLINE
    assert wait_for_end(second)
    assert not wait_for_end(first, 0)


def test_what_it_holds_is_restarted_stopped_and_closed_as_before(monitor: RunningMonitor) -> None:
    line = monitor.attach()
    line.start(shell("trap 'exit 0' TERM; while :; do sleep 0.1; done"))
    former = line.online().process_id
    begin_anew(line)
    kill(former)
    restarted = line.online()
    assert restarted.restarted
    assert restarted.process_id != former
    assert restarted.restarts == 1
    begin_anew(line)
    line.say(Stop(id="notepad"))
    line.state(ResourceState.OFFLINE)
    line.say(CloseEpoch(group="g", epoch=1))
    line.next(Closed)
    (monitor.settings.monitors / "shared.json").unlink()  # a full disk may leave it behind
    begin_anew(line)
    line.start(definition(SLEEP))
    refused = line.state(ResourceState.FAILED)
    assert refused.information is not None
    assert refused.information.code == "epoch_closed"


def test_no_exit_is_missed_while_it_begins_anew(monitor: RunningMonitor) -> None:
    line = monitor.attach()
    line.start(definition(SLEEP, policy=Policy(alone=True, threshold=100)))
    running = line.online().process_id
    for count in range(1, 6):
        line.say(Renew())
        if count == 1:
            await_exec(monitor.process.pid)
        kill(running)  # from the second time on: while it looks, goes, starts, or is there
        report = line.online()
        assert report.process_id != running
        assert report.restarts == count
        running = report.process_id
        if not any(isinstance(said, Renewed) for said in line.heard[-6:]):
            line.next(Renewed)


def test_failures_from_before_count_on(monitor: RunningMonitor) -> None:
    line = monitor.attach()
    line.start(definition(SLEEP, policy=Policy(alone=True, threshold=1)))
    kill(line.online().process_id)
    running = line.online().process_id
    begin_anew(line)
    kill(running)
    failed = line.state(ResourceState.FAILED)
    assert not failed.may_restart


def test_the_deadline_is_kept_after_it_began_anew(monitor: RunningMonitor) -> None:
    line = monitor.attach(seconds=60.0)
    line.start(definition(SLEEP))
    running = line.online().process_id
    time.sleep(2 * FRESH)  # until the first permission is not fresh any more: then it waits for the second
    line.say(Renew())
    line.permit(seconds=4.0)
    line.next(Renewed)
    assert not wait_for_end(running, 0)
    assert wait_for_end(running, 6.0)
    assert line.state(ResourceState.OFFLINE).deadline
    line.permit(seconds=60.0)
    assert line.online().process_id != running


def test_a_new_program_that_hangs_is_killed_at_the_deadline(tmp_path: Path) -> None:
    hanging = f"import os, time\nif {VARIABLE!r} in os.environ:\n    time.sleep(1000)  # as a hanging program does\n"
    (tmp_path / "sitecustomize.py").write_text(hanging)
    paths = f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"
    with running_monitor(PYTHONPATH=paths) as monitor:
        line = monitor.attach(seconds=60.0)
        line.start(definition(SLEEP))
        line.online()
        time.sleep(2 * FRESH)  # as above
        line.say(Renew())
        before = time.monotonic()
        line.permit(seconds=2.0)
        assert monitor.process.wait(PATIENCE) == -signal.SIGALRM
        assert 1.5 < time.monotonic() - before < 2.0 + 0.3 + 1.0  # T + k/2, and a busy machine


def test_what_is_on_its_way_is_waited_for(monitor: RunningMonitor) -> None:
    line = monitor.attach()
    line.start(shell("trap '' TERM; while :; do sleep 0.1; done", StopTimeout=1000))
    line.online()
    line.say(Stop(id="notepad"), Renew())
    line.state(ResourceState.OFFLINE)
    assert line.next(Renewed) == Renewed(process_id=monitor.process.pid)
