"""Programs are started exactly as asked, or the sentence says why not. Everything here is a real process."""

import os
import pwd
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from nodeagent.system import birth, processes, programs
from nodeagent.system.accounts import Account, account, current
from nodeagent.system.launching import Launch, Placement, spawn
from nodeagent.system.processes import ExitStatus, Process

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can start programs as another user")
ENVIRONMENT = {"PATH": programs.DEFAULT_PATH}

# As our own user in one of the two ways of starting, and by fork as the same user: the answers must be the same.
WAYS = {"by vfork": lambda: None, "by fork": current}


@pytest.fixture(params=WAYS)
def who(request: pytest.FixtureRequest) -> Account | None:
    way: Callable[[], Account | None] = WAYS[request.param]
    return way()


def ended(process: Process, seconds: float = 10.0) -> ExitStatus:
    with process:
        assert select.select([process], [], [], seconds)[0], "the program did not end"
        status = process.reap()
        assert status is not None
        return status


def answer(
    *argv: str, account: Account | None = None, directory: str = "/", environment: Mapping[str, str] = ENVIRONMENT
) -> str:
    """Run a program to its end and return what it wrote."""
    reading, writing = os.pipe()
    with os.fdopen(reading, encoding="utf-8") as output:
        try:
            launch = Launch(argv, directory, environment, account, output=writing)
            process = spawn(launch)
        finally:
            os.close(writing)
        assert ended(process) == ExitStatus(code=0)
        return output.read()


def open_files() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


@pytest.fixture(autouse=True)
def no_file_left() -> Iterator[None]:
    before = open_files()
    yield
    assert open_files() == before


def test_a_program_gets_its_directory_and_environment_and_nothing_else(who: Account | None, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    environment = {"PATH": programs.DEFAULT_PATH, "EDITOR": "notepad"}
    assert answer("pwd", account=who, directory=str(tmp_path)).strip() == str(tmp_path)
    assert set(answer("env", account=who, environment=environment).split()) == {
        f"{key}={value}" for key, value in environment.items()
    }


def test_a_program_has_only_the_three_standard_files_and_reads_nothing(who: Account | None) -> None:
    leaked = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(leaked, True)
    reading, writing = os.pipe()
    try:
        process = spawn(Launch(("sh", "-c", "echo here; kill -STOP $$"), "/", ENVIRONMENT, who, output=writing))
    finally:
        os.close(leaked)
        os.close(writing)
    with os.fdopen(reading) as output:
        assert output.readline() == "here\n"
        files = {path.name: str(path.readlink()) for path in Path(f"/proc/{process.pid}/fd").iterdir()}
        process.signal(signal.SIGKILL)
        ended(process)
    assert files["0"] == "/dev/null"
    assert files["1"] == files["2"]
    assert files.keys() == {"0", "1", "2"}


def test_a_program_leads_a_session_of_its_own(who: Account | None) -> None:
    pid, session = answer("sh", "-c", "echo $$; cut -d' ' -f6 /proc/$$/stat", account=who).split()
    assert pid == session


def test_a_program_meets_no_blocked_or_ignored_signal() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    handler = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        lines = answer("grep", "-E", "SigBlk|SigIgn", "/proc/self/status").split()
    finally:
        signal.signal(signal.SIGHUP, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    assert {int(lines[1], 16), int(lines[3], 16)} == {0}


def test_a_signal_that_the_agent_waits_for_is_still_blocked_after_a_start() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    try:
        answer("true", account=current())
        assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before | {signal.SIGTERM}
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def test_files_a_program_makes_have_the_usual_permissions(who: Account | None, tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        answer("touch", "made", account=who, directory=str(tmp_path))
    finally:
        os.umask(before)
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o644


def test_a_missing_directory_is_named(who: Account | None, tmp_path: Path) -> None:
    with pytest.raises(programs.DirectoryMissingError, match=f"The directory {tmp_path}/gone does not exist"):
        answer("true", account=who, directory=f"{tmp_path}/gone")
    (tmp_path / "file").touch()
    with pytest.raises(programs.DirectoryMissingError, match=f"{tmp_path}/file is not a directory"):
        answer("true", account=who, directory=f"{tmp_path}/file")


def test_a_missing_program_is_named(who: Account | None) -> None:
    with pytest.raises(programs.ProgramNotFoundError, match="The program /no/such does not exist on this node"):
        answer("/no/such", account=who)


def test_a_script_whose_interpreter_is_missing_is_told_from_a_missing_script(
    who: Account | None, tmp_path: Path
) -> None:
    script = tmp_path / "script"
    script.write_text("#!/no/such/shell\n")
    script.chmod(0o755)
    with pytest.raises(programs.ProgramNotFoundError, match="interpreter"):
        answer(str(script), account=who)


def test_a_file_that_is_no_program_is_named(who: Account | None, tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("just words\n")
    text.chmod(0o755)
    with pytest.raises(programs.NotExecutableError, match="neither a program for this machine nor a script"):
        answer(str(text), account=who)
    text.chmod(0o644)
    with pytest.raises(programs.NotExecutableError, match="not marked as executable"):
        answer(str(text), account=who)


def test_arguments_that_are_too_long_are_refused(who: Account | None) -> None:
    with pytest.raises(programs.CommandLineError, match="too long"):
        answer("true", "x" * 3_000_000, account=who)


def test_a_program_file_that_cannot_be_loaded_in_time_does_not_hold_up_the_agent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "setsid", signal.pause)  # in the child: it stands still, as with a dead file server
    with pytest.raises(programs.StartError, match=r"could not be loaded within 0\.05 s"):
        spawn(Launch(("true",), account=current(), environment=ENVIRONMENT, patience=0.05))
    while not (found := processes.reap_adopted(ours=frozenset())):
        select.select([], [], [], 0.005)
    assert [status for _, status in found] == [ExitStatus(signal=signal.SIGKILL)]


def test_where_clone3_is_forbidden_a_plain_fork_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(birth, "_CLONE3", 100_000)  # no such system call: ENOSYS, as from a seccomp filter
    assert answer("echo", "here", account=current()) == "here\n"
    with pytest.raises(programs.DirectoryMissingError):
        answer("true", account=current(), directory="/no/such")


def test_a_process_with_threads_forks_no_other_user() -> None:
    go_on = threading.Event()
    thread = threading.Thread(target=go_on.wait)
    thread.start()
    try:
        with pytest.raises(RuntimeError, match="one thread"):
            spawn(Launch(("true",), account=current(), environment=ENVIRONMENT))
        assert answer("echo", "here") == "here\n"  # by vfork it is safe
    finally:
        go_on.set()
        thread.join()


@root_only
def test_a_program_runs_as_the_user_with_all_its_groups_and_no_way_back() -> None:
    user = account("nobody")
    text = answer("grep", "-E", "^(Uid|Gid|Groups|CapPrm|CapEff)", "/proc/self/status", account=user)
    lines = dict(line.split(":", 1) for line in text.splitlines())
    assert set(lines["Uid"].split()) == {str(user.uid)}
    assert set(lines["Gid"].split()) == {str(user.gid)}
    assert set(map(int, lines["Groups"].split())) == set(user.groups)
    assert {int(lines["CapPrm"], 16), int(lines["CapEff"], 16)} == {0}


@root_only
def test_a_directory_the_user_may_not_enter_is_refused_as_for_the_user(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with pytest.raises(programs.StartDeniedError, match=f"The user nobody may not enter the directory {tmp_path}"):
        answer("true", account=account("nobody"), directory=str(tmp_path))


@root_only
def test_a_program_the_user_may_not_run_is_refused_as_for_the_user(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    with pytest.raises(programs.StartDeniedError, match="The user nobody may not run"):
        answer(str(program), account=account("nobody"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may become anybody")
def test_an_ordinary_user_cannot_become_another_one() -> None:
    with pytest.raises(programs.StartDeniedError, match=r"The user root cannot run .* does not run as root"):
        answer("true", account=account("root"))


def test_an_end_by_a_signal_is_told_from_an_exit_code() -> None:
    assert ended(spawn(Launch(("sh", "-c", "exit 3"), environment=ENVIRONMENT))) == ExitStatus(code=3)
    process = spawn(Launch(("sleep", "1000"), environment=ENVIRONMENT))
    assert process.signal(signal.SIGTERM)
    status = ended(process)
    assert status == ExitStatus(signal=signal.SIGTERM)
    assert processes.describe_exit(status) == "was ended by signal 15 (SIGTERM, terminated)"


def test_a_process_that_has_ended_takes_no_signal_and_is_not_adopted() -> None:
    process = spawn(Launch(("true",), environment=ENVIRONMENT))
    assert select.select([process], [], [], 10)[0]
    assert processes.is_same(process.identity)  # not reaped: the number is still its own
    pidfd = os.dup(process.fileno())
    ended(process)
    with Process(process.identity, pidfd) as gone:
        assert not gone.signal(signal.SIGTERM)
    assert not processes.is_same(process.identity)
    assert processes.adopt(process.identity) is None


def test_the_end_of_a_process_that_another_one_started_is_seen_but_not_how() -> None:
    shell = subprocess.Popen(["sh", "-c", "sleep 1000 & echo $!; wait"], stdout=subprocess.PIPE, text=True)
    with shell:
        assert shell.stdout is not None
        identity = processes.identify(int(shell.stdout.readline()))
        assert identity is not None
        process = processes.adopt(identity)
        assert process is not None
        assert process.reap() is None
        process.signal(signal.SIGKILL)
        assert not ended(process).known


SUBREAPER = """
import os, select, signal, sys
from nodeagent.system import processes
from nodeagent.system.launching import Launch, spawn

processes.become_subreaper()
reading, writing = os.pipe()
daemon = "setsid sh -c 'echo $$; exit 7' &"
with spawn(Launch(("/bin/sh", "-c", daemon + " echo started"), output=writing)) as process:
    os.close(writing)
    with open(reading) as output:
        words = output.read().split()
    select.select([process], [], [])
    daemon_pid = int(next(word for word in words if word != "started"))
    while not (found := processes.reap_adopted(ours={process.pid})):
        select.select([], [], [], 0.005)
    assert found == [(daemon_pid, processes.ExitStatus(code=7))], found
    assert process.reap() == processes.ExitStatus(code=0)
    assert processes.children() == []
"""


def test_a_daemons_zombie_is_reaped_by_the_subreaper_and_watched_children_are_left_alone() -> None:
    script = subprocess.run([sys.executable, "-c", SUBREAPER], capture_output=True, text=True, timeout=30, check=False)
    assert script.returncode == 0, script.stderr


def test_a_cgroup_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(programs.StartError, match=f"could not be put into the cgroup {tmp_path}/gone: No such file"):
        spawn(Launch(("true",), environment=ENVIRONMENT), Placement(cgroup=tmp_path / "gone"))


def test_a_user_without_a_name_is_still_the_current_user() -> None:
    names = {entry.pw_uid: entry.pw_name for entry in pwd.getpwall()}
    assert current().name == names.get(os.geteuid(), str(os.geteuid()))
