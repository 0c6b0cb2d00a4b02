"""A real Resource Monitor process with types that block, hang, crash and report."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nodeagent.api.objects import ResourceState
from nodeagent.api.properties import Value
from nodeagent.monitor.messages import (
    Closed,
    CloseEpoch,
    Definition,
    Report,
    Stop,
)
from nodeagent.monitor.reaping import containers_of
from nodeagent.planner.policies import Policy
from tests.support.monitors import (
    SLEEP,
    RunningMonitor,
    definition,
    eventually,
    kill,
    running_monitor,
    wait_for_end,
)
from tests.support.samplepackage import SAMPLES, install


@pytest.fixture
def sampled(tmp_path: Path) -> Iterator[RunningMonitor]:
    """A monitor on a node where the package with the sample types is installed."""
    with running_monitor(PYTHONPATH=install(tmp_path / "package", SAMPLES)) as running:
        yield running


def blocking(folder: Path, policy: Policy | None = None, **more: str) -> Definition:
    given: dict[str, Value] = {"Folder": str(folder), **more}
    return Definition(id="notepad", name="notepad", type="Sample Blocking", parameters=given, policy=policy or Policy())


def calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text().split()


def test_a_blocking_type_goes_online_and_offline_by_its_entry_points(sampled: RunningMonitor, tmp_path: Path) -> None:
    line = sampled.attach()
    line.start(blocking(tmp_path))
    line.state(ResourceState.ONLINE_PENDING)
    assert line.online().process_id == 0
    assert (tmp_path / "flag").exists()
    line.say(Stop(id="notepad"))
    line.state(ResourceState.OFFLINE)
    assert not (tmp_path / "flag").exists()
    assert calls(tmp_path) == ["online", "offline"]
    names = {entry.split("=")[0] for entry in (tmp_path / "environment").read_text().splitlines()}
    assert names <= {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "CLUSTER_RESOURCE_MARK"}


def test_a_check_that_says_no_fails_it_and_ends_it_properly(sampled: RunningMonitor, tmp_path: Path) -> None:
    line = sampled.attach()
    line.start(blocking(tmp_path, Policy(looks_alive=0.1, alone=True, threshold=1)))
    line.online()
    (tmp_path / "flag").unlink()
    assert line.online().restarted
    assert calls(tmp_path) == ["online", "is_alive", "terminate", "online"]


@pytest.mark.parametrize(
    ("how", "code"), [("crash", "call_died"), ("refuse", "start_failed"), ("raise", "call_failed")]
)
def test_an_online_that_goes_wrong_is_a_failure(sampled: RunningMonitor, tmp_path: Path, how: str, code: str) -> None:
    line = sampled.attach()
    line.start(blocking(tmp_path, Online=how))
    failed = line.state(ResourceState.FAILED)
    assert failed.information is not None
    assert failed.information.code == code
    assert calls(tmp_path) == ["online", "terminate"]
    if how == "raise":
        assert "seven by zero" in sampled.log().read_text()


def test_an_online_that_hangs_fails_after_its_time_and_disturbs_nobody(sampled: RunningMonitor, tmp_path: Path) -> None:
    line = sampled.attach()
    line.start(definition(SLEEP, name="other"))
    other = line.online("other")
    line.start(blocking(tmp_path, Policy(pending_timeout=0.5), Online="hang"))
    line.state(ResourceState.ONLINE_PENDING)
    kill(other.process_id)
    assert line.online("other").restarted
    failed = line.state(ResourceState.FAILED)
    assert failed.information is not None
    assert failed.information.code == "pending_timeout"
    assert containers_of(sampled.settings).open("notepad").is_empty()


def test_progress_keeps_a_slow_online_from_failing_and_is_news(sampled: RunningMonitor, tmp_path: Path) -> None:
    line = sampled.attach()
    line.start(blocking(tmp_path, Policy(pending_timeout=20), Online="report"))
    line.online()
    seen = [
        said.information.parameters["text"]
        for said in line.heard
        if isinstance(said, Report) and said.information is not None and said.information.code == "progress"
    ]
    assert seen == ["25 %", "50 %", "75 %"]


def test_what_online_left_running_belongs_to_it_and_does_not_keep_it_pending(
    sampled: RunningMonitor, tmp_path: Path
) -> None:
    line = sampled.attach()
    line.start(blocking(tmp_path, Online="daemon"))
    line.online()
    assert not containers_of(sampled.settings).open("notepad").is_empty()
    line.say(Stop(id="notepad"))
    line.state(ResourceState.OFFLINE)
    assert containers_of(sampled.settings).open("notepad").is_empty()


def test_an_offline_that_refuses_is_followed_by_terminate(sampled: RunningMonitor, tmp_path: Path) -> None:
    line = sampled.attach()
    line.start(blocking(tmp_path, Offline="refuse"))
    line.online()
    line.say(Stop(id="notepad"))
    line.state(ResourceState.OFFLINE)
    assert calls(tmp_path) == ["online", "offline", "terminate"]


def test_what_cannot_be_terminated_is_not_said_to_be_offline(sampled: RunningMonitor, tmp_path: Path) -> None:
    line = sampled.attach()
    line.start(blocking(tmp_path))
    line.online()
    (tmp_path / "stuck").touch()
    line.say(Stop(id="notepad", now=True))
    stuck = line.state(ResourceState.OFFLINE_PENDING)
    assert stuck.information is not None
    assert stuck.information.code == "not_killable"
    line.say(CloseEpoch(group="g", epoch=1))
    assert not line.next(Closed).clean
    (tmp_path / "stuck").unlink()
    line.state(ResourceState.OFFLINE)
    line.say(CloseEpoch(group="g", epoch=1))
    assert line.next(Closed).clean


def test_at_the_deadline_an_online_that_hangs_is_killed_and_terminated(sampled: RunningMonitor, tmp_path: Path) -> None:
    line = sampled.attach()
    line.start(blocking(tmp_path, Online="hang"))
    eventually(tmp_path / "calls", "online")
    line.permit(seconds=0.0)
    assert line.state(ResourceState.OFFLINE).deadline
    assert calls(tmp_path) == ["online", "terminate"]


def test_an_application_that_can_be_asked_more_is_asked(sampled: RunningMonitor, tmp_path: Path) -> None:
    line = sampled.attach()
    healthy = tmp_path / "healthy"
    policy = Policy(looks_alive=0.1, is_alive=60, alone=True)
    line.start(definition("", kind="Sample Checked", policy=policy, Healthy=str(healthy)))
    pid = line.online().process_id
    healthy.unlink()
    failed = line.until(lambda report: report.restarts == 1)
    assert wait_for_end(pid)
    assert failed.information is not None
    assert failed.information.code == "not_alive"
