"""A real Resource Monitor process: what runs, dies, waits and starts again, and what a service hears of it."""

from __future__ import annotations

import os
import pwd
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nodeagent.api.causes import cause
from nodeagent.api.objects import ResourceState
from nodeagent.api.properties import Value
from nodeagent.api.texts import render
from nodeagent.monitor import notes, output
from nodeagent.monitor.messages import (
    Attach,
    Closed,
    CloseEpoch,
    Fail,
    Forget,
    Quit,
    Report,
    Stop,
    StopAll,
    StoppedAll,
    Update,
    encode,
)
from nodeagent.monitor.reaping import containers_of, kill_resources
from nodeagent.planner.policies import Policy
from nodeagent.system.processes import read_stat
from tests.support.monitors import (
    PATIENCE,
    RESTARTS,
    SLEEP,
    Line,
    RunningMonitor,
    definition,
    eventually,
    kill,
    running_monitor,
    shell,
    wait_for_end,
)


def number_in(monitor: RunningMonitor, word: str = "pid") -> int:
    return int(eventually(monitor.log(), f"{word}=").rpartition(f"{word}=")[2].split()[0])


# --- restarts ---------------------------------------------------------------------------------------------------


def test_a_killed_program_runs_again_with_a_new_number_in_its_directory(line: Line, tmp_path: Path) -> None:
    line.start(definition(SLEEP, CurrentDirectory=str(tmp_path)))
    first = line.online()
    assert not first.restarted
    kill(first.process_id)
    second = line.online()
    assert second.restarted
    assert second.process_id != first.process_id
    assert Path(f"/proc/{second.process_id}/cwd").resolve() == tmp_path
    assert second.information is not None
    assert second.information.code == "killed"
    assert second.cause == cause("cause_policy_restart", used=1, threshold=3, period=900)


def test_the_fourth_failure_is_not_restarted(line: Line) -> None:
    line.start(definition(SLEEP))
    report = line.online()
    for _ in range(3):
        kill(report.process_id)
        report = line.online()
    kill(report.process_id)
    failed = line.state(ResourceState.FAILED)
    assert (failed.restarts, failed.may_restart, failed.process_id) == (4, False, 0)


def test_a_program_on_which_others_depend_is_left_to_the_service(line: Line) -> None:
    line.start(definition(SLEEP, policy=Policy(alone=False)))
    kill(line.online().process_id)
    assert line.state(ResourceState.FAILED).may_restart


def test_a_new_policy_counts_from_the_next_failure(line: Line) -> None:
    line.start(definition(SLEEP))
    report = line.online()
    line.say(Update(id="notepad", policy=Policy(threshold=0, alone=True)))
    kill(report.process_id)
    assert line.state(ResourceState.FAILED).restarts == 1


def test_what_a_dead_program_left_running_dies_before_it_is_started_again(line: Line, monitor: RunningMonitor) -> None:
    line.start(shell("(setsid sleep 1000 & echo pid=$!); exec sleep 1000"))
    first = line.online()
    child = number_in(monitor)
    kill(first.process_id)
    line.online()
    assert wait_for_end(child, 0)


def test_a_program_that_daemonises_has_ended_and_its_daemon_dies(line: Line, monitor: RunningMonitor) -> None:
    line.start(shell("setsid sleep 1000 & echo pid=$!", policy=Policy(threshold=0)))
    assert line.state(ResourceState.FAILED).information is not None
    assert wait_for_end(number_in(monitor), 0)


def test_a_program_that_ends_at_once_again_and_again_is_given_more_and_more_time(line: Line) -> None:
    line.start(shell("exit 3", policy=Policy(alone=True, threshold=3)))
    before = time.monotonic()
    failed = line.state(ResourceState.FAILED)
    assert time.monotonic() - before >= 0.05 + 0.1 + 0.2
    assert failed.information is not None
    assert failed.information.parameters == {"status": 3}


def test_an_initiated_failure_is_restarted_with_its_cause(line: Line) -> None:
    line.start(definition(SLEEP))
    first = line.online()
    asked = cause("cause_initiated", user="anna")
    line.say(Fail(id="notepad", cause=asked))
    second = line.online()
    assert second.cause == asked
    assert second.process_id != first.process_id


def test_a_program_that_is_not_there_is_said_to_be_missing(line: Line) -> None:
    line.start(definition("/no/such/program", policy=Policy()))
    failed = line.state(ResourceState.FAILED)
    assert failed.information is not None
    assert (failed.information.code, failed.information.parameters) == (
        "program_not_found",
        {"program": "/no/such/program"},
    )


def test_a_restart_that_nobody_heard_of_is_told_to_the_next_service(monitor: RunningMonitor) -> None:
    line = monitor.attach()
    line.start(shell("echo begun; exec sleep 600"))
    first = line.online()
    until = time.monotonic() + PATIENCE
    attached = monitor.sockets()
    line.close()
    while monitor.sockets() == attached or "begun" not in monitor.log().read_text():
        assert time.monotonic() < until
        time.sleep(0.01)  # nothing tells when the monitor has seen that nobody listens any more
    kill(first.process_id)
    while monitor.log().read_text().count("begun") < 2:
        assert time.monotonic() < until
        time.sleep(0.01)  # it writes when it runs again, and nobody is told of it
    following = monitor.connect()
    (held,) = following.attach().held
    assert held.restarted
    assert held.state is ResourceState.ONLINE
    assert held.process_id != first.process_id
    assert held.cause is not None
    again = monitor.connect()
    assert not again.attach().held[0].restarted


# --- stopping ---------------------------------------------------------------------------------------------------


def test_a_program_is_asked_to_end_and_goes_offline_when_it_has(line: Line, monitor: RunningMonitor) -> None:
    line.start(shell("trap 'echo bye; exit 0' TERM; echo pid=$$; while :; do sleep 0.05; done"))
    line.online()
    number_in(monitor)
    line.say(Stop(id="notepad"))
    assert line.state(ResourceState.OFFLINE_PENDING).process_id
    assert line.state(ResourceState.OFFLINE).process_id == 0
    assert "bye" in monitor.log().read_text()


def test_a_program_that_does_not_listen_is_killed_after_its_time(line: Line, monitor: RunningMonitor) -> None:
    line.start(shell("trap '' TERM; echo pid=$$; while :; do sleep 0.05; done", StopTimeout=300))
    line.online()
    pid = number_in(monitor)
    before = time.monotonic()
    line.say(Stop(id="notepad"), Stop(id="notepad"))  # the second one takes nothing back
    line.state(ResourceState.OFFLINE)
    assert time.monotonic() - before >= 0.3
    assert wait_for_end(pid, 0)


def test_a_stopped_program_hears_the_signal_too(line: Line) -> None:
    line.start(definition(SLEEP, StopTimeout=60_000))
    report = line.online()
    os.kill(report.process_id, signal.SIGSTOP)
    before = time.monotonic()
    line.say(Stop(id="notepad"))
    line.state(ResourceState.OFFLINE)
    assert time.monotonic() - before < 30


@pytest.mark.parametrize("how", [{"StopTimeout": 0}, {"StopSignal": "SIGKILL"}])
def test_a_program_that_need_not_be_asked_is_killed(line: Line, how: dict[str, Value]) -> None:
    line.start(shell("trap '' TERM; while :; do sleep 0.05; done", policy=RESTARTS, **how))
    line.online()
    line.say(Stop(id="notepad"))
    line.state(ResourceState.OFFLINE)


def test_a_stop_now_kills_what_is_being_asked(line: Line) -> None:
    line.start(shell("trap '' TERM; while :; do sleep 0.05; done", StopTimeout=3_600_000))
    line.online()
    line.say(Stop(id="notepad"))
    line.state(ResourceState.OFFLINE_PENDING)
    line.say(Stop(id="notepad", now=True))
    line.state(ResourceState.OFFLINE)


def test_a_restart_that_waits_is_called_off_by_a_stop(line: Line) -> None:
    line.start(shell("exit 1", policy=Policy(alone=True, threshold=1000)))
    line.until(lambda report: report.restarts >= 6)
    line.say(Stop(id="notepad"))
    line.state(ResourceState.OFFLINE)
    line.say(CloseEpoch(group="g", epoch=1))
    assert line.next(Closed).clean


# --- how it is started ------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
def test_a_program_runs_as_the_user_that_is_named(line: Line) -> None:
    line.start(definition(SLEEP, RunAs="nobody"))
    report = line.online()
    assert Path(f"/proc/{report.process_id}").stat().st_uid == pwd.getpwnam("nobody").pw_uid
    kill(report.process_id)
    again = line.online()
    assert Path(f"/proc/{again.process_id}").stat().st_uid == pwd.getpwnam("nobody").pw_uid


def test_a_user_that_does_not_exist_is_said(line: Line) -> None:
    line.start(definition(SLEEP, RunAs="nobody-at-all", policy=Policy()))
    failed = line.state(ResourceState.FAILED)
    assert failed.information is not None
    assert failed.information.code == "user_unknown"


def test_a_program_finds_its_own_environment_and_nothing_of_the_agents(line: Line, monitor: RunningMonitor) -> None:
    line.start(shell("env; echo pid=$$; exec sleep 1000", Environment=("COLOUR=green and blue", "HOME=/somewhere")))
    line.online()
    text = eventually(monitor.log(), "pid=")
    assert "COLOUR=green and blue\n" in text
    assert "HOME=/somewhere\n" in text
    assert "PYTEST_CURRENT_TEST" not in text
    assert "CLUSTERADMIN_TEST_SESSION" not in text


def test_a_program_runs_at_ordinary_priority_and_outside_the_monitors_session(line: Line) -> None:
    line.start(definition(SLEEP))
    report = line.online()
    assert os.sched_getscheduler(report.process_id) == os.SCHED_OTHER
    stat = read_stat(report.process_id)
    assert stat is not None
    assert stat.session == report.process_id


def test_a_program_may_show_itself_on_the_display_that_the_agent_has() -> None:
    with running_monitor(DISPLAY=":77") as monitor:
        line = monitor.attach()
        line.start(shell("echo display=$DISPLAY pid=$$; exec sleep 1000", InteractWithDesktop=True))
        line.online()
        assert "display=:77" in eventually(monitor.log(), "pid=")


def test_without_a_display_the_refusal_says_so() -> None:
    with running_monitor(DISPLAY="", WAYLAND_DISPLAY="") as monitor:
        line = monitor.attach()
        line.start(definition(SLEEP, InteractWithDesktop=True, policy=Policy()))
        failed = line.state(ResourceState.FAILED)
        assert failed.information is not None
        assert render(failed.information.code, failed.information.parameters) == (
            "Nobody is logged on at the desktop and the agent has no display of its own."
        )


# --- output -----------------------------------------------------------------------------------------------------


def test_output_of_several_lives_is_in_one_log(line: Line, monitor: RunningMonitor) -> None:
    line.start(shell("echo out; echo err >&2; echo pid=$$; exec sleep 1000"))
    report = line.online()
    eventually(monitor.log(), "pid=")
    kill(report.process_id)
    again = line.online()
    text = eventually(monitor.log(), f"pid={again.process_id}")
    assert text.count("out\n") == text.count("err\n") == 2


def test_a_log_that_grows_without_end_is_cut_and_goes_on(line: Line, monitor: RunningMonitor) -> None:
    script = "i=0; while [ $i -lt 6 ]; do head -c 1000000 /dev/zero | tr '\\0' x; i=$((i+1)); done; echo; echo done"
    line.start(shell(script + "; while :; do echo later; sleep 0.02; done"))
    line.online()
    older = output.older_path(monitor.log())
    eventually(older, "later")
    assert older.stat().st_size == output.LIMIT
    eventually(monitor.log(), "later", below=output.LIMIT)  # it is copied first, and cut then


def test_a_program_starts_even_when_its_log_cannot_be_opened(line: Line, monitor: RunningMonitor) -> None:
    monitor.settings.logs.parent.joinpath("output").rmdir() if monitor.settings.logs.exists() else None
    monitor.settings.logs.write_text("no directory")
    line.start(definition(SLEEP))
    report = line.online()
    assert Path(f"/proc/{report.process_id}/fd/1").resolve() == Path(os.devnull)


# --- service and monitor ----------------------------------------------------------------------------------------


def test_orders_that_a_former_service_sent_and_nobody_read_are_void(monitor: RunningMonitor) -> None:
    former = monitor.attach()
    os.kill(monitor.process.pid, signal.SIGSTOP)
    former.start(definition(SLEEP))
    later = monitor.connect()
    later.say(Attach(service="later"))
    # Both wait to be read; the newest connection is taken first, or the order is obeyed before it is there: then
    # the answer to Attach shows the resource. What must not be is that it starts afterwards.
    os.kill(monitor.process.pid, signal.SIGCONT)
    held = later.attach().held
    seen = {said.id for said in later.heard if isinstance(said, Report)}
    assert seen <= {report.id for report in held}
    assert former.is_closed()


def test_who_does_not_attach_first_is_not_obeyed(monitor: RunningMonitor) -> None:
    line = monitor.connect()
    line.raw(encode(StopAll()))
    assert line.is_closed()
    stranger = monitor.connect()
    stranger.raw(b"hello\n")
    assert stranger.is_closed()


def test_stop_all_answers_when_nothing_runs_and_takes_the_permission_back(line: Line) -> None:
    line.start(definition(SLEEP, name="one"))
    line.start(definition(SLEEP, name="two"))
    pids = [line.online(name).process_id for name in ("one", "two")]
    line.say(StopAll())
    assert line.next(StoppedAll).proven
    assert all(wait_for_end(pid, 0) for pid in pids)
    line.start(definition(SLEEP, name="one"))
    assert line.state(ResourceState.OFFLINE, "one").deadline


def test_a_monitor_quits_only_when_nothing_runs() -> None:
    with running_monitor("separate") as monitor:
        line = monitor.attach()
        line.start(definition(SLEEP))
        line.online()
        line.say(Quit(), Stop(id="notepad", now=True))
        line.state(ResourceState.OFFLINE)
        line.say(Forget(id="notepad"), Quit())
        assert monitor.process.wait(PATIENCE) == 0
        assert not monitor.socket.exists()
        assert containers_of(monitor.settings).leftovers() == []


def test_a_second_monitor_of_the_same_name_does_not_start(monitor: RunningMonitor) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "nodeagent.monitor", "--config", monitor.config, "--name", "shared"],
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert second.returncode == 1
    assert b"running already" in second.stderr


def test_sigterm_ends_the_monitor_and_all_that_it_holds(monitor: RunningMonitor) -> None:
    line = monitor.attach()
    line.start(definition(SLEEP))
    pid = line.online().process_id
    monitor.process.terminate()
    assert monitor.process.wait(PATIENCE) == 0
    assert wait_for_end(pid, 0)


def test_what_a_killed_monitor_held_can_be_killed_and_is_not_doubled_by_the_next(monitor: RunningMonitor) -> None:
    line = monitor.attach()
    line.start(shell("setsid sleep 1000 & echo pid=$!; exec sleep 1000"))
    pids = [line.online().process_id, number_in(monitor)]
    monitor.process.kill()
    monitor.process.wait(PATIENCE)
    noted = notes.read(monitor.settings.monitors / "shared.json")
    assert noted.held == ["notepad"]
    assert kill_resources(containers_of(monitor.settings), noted.held)
    assert all(wait_for_end(pid, 0) for pid in pids)


def test_a_new_monitor_ends_what_its_killed_predecessor_held(monitor: RunningMonitor) -> None:
    line = monitor.attach()
    line.start(definition(SLEEP))
    pid = line.online().process_id
    monitor.process.kill()
    monitor.restart()
    assert wait_for_end(pid, 0)


def test_a_service_that_does_not_read_is_let_go_and_the_programs_run_on(monitor: RunningMonitor) -> None:
    line = monitor.attach()
    line.start(definition(SLEEP))
    pid = line.online().process_id
    question = encode(Attach(service="deaf")) * 100
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        line.flood(question)
    assert monitor.connect().attach().held[0].process_id == pid


def test_a_hundred_restarts_leave_no_file_and_no_zombie_behind(monitor: RunningMonitor) -> None:
    line = monitor.attach()
    policy = Policy(alone=True, threshold=1_000_000)
    line.start(definition(SLEEP, policy=policy))
    report = line.online()

    def open_files() -> int:
        return len(list(Path(f"/proc/{monitor.process.pid}/fd").iterdir()))

    children = Path(f"/proc/{monitor.process.pid}/task/{monitor.process.pid}/children")
    before = open_files()
    for _ in range(100):
        kill(report.process_id)
        report = line.online()
    assert open_files() == before
    until = time.monotonic() + PATIENCE
    while len(found := children.read_text().split()) > 2 or str(report.process_id) not in found:  # and the launcher
        assert time.monotonic() < until, children.read_text()
        select.select([], [], [], 0.02)  # orphans are reaped a little later
