"""Programs that the small launcher process starts are the monitor's children, wherever and whoever they are."""

import contextlib
import errno
import os
import select
import signal
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from nodeagent.system.accounts import Account
from nodeagent.system.cgroups import CgroupContainers, find_base, open_containers
from nodeagent.system.clock import SystemClock
from nodeagent.system.containers import Container
from nodeagent.system.launcher import PATIENCE, Launcher
from nodeagent.system.launcherprocess import ANSWER, HELLO
from nodeagent.system.launching import Launch, Starting
from nodeagent.system.processes import ExitStatus, read_stat
from nodeagent.system.programs import DEFAULT_PATH, ProgramNotFoundError, StartError

ENVIRONMENT = {"PATH": DEFAULT_PATH}
TELL = """
import os, signal, sys
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status"))
files = sorted(int(name) for name in os.listdir("/proc/self/fd"))[:-1]
mask = os.umask(0)
print(os.getppid(), os.getsid(0) == os.getpid(), int(status["SigBlk"], 16), files, oct(mask), os.getcwd())
sys.stdout.flush()
signal.pause()
"""


@pytest.fixture
def launcher() -> Iterator[Launcher]:
    made = Launcher()
    await_ready(made)
    yield made
    made.close()


def await_ready(launcher: Launcher) -> None:
    """Wait until the launcher has said that it listens: until then programs are started without it."""
    line = launcher._line
    assert line is not None
    assert select.select([line], [], [], 20)[0]


@pytest.fixture(params=["cgroups", "sessions"])
def container(request: pytest.FixtureRequest, launcher: Launcher) -> Iterator[Container]:
    base = find_base(f"test-{uuid.uuid4().hex[:8]}") if request.param == "cgroups" else None
    if request.param == "cgroups" and base is None:
        pytest.skip("this user may make no cgroups here")
    containers = open_containers(uuid.uuid4().hex, base, launcher)
    made = containers.open("notepad-1")
    yield made
    assert made.kill(SystemClock().steady() + 10)
    made.remove()
    if isinstance(containers, CgroupContainers):
        containers.remove()


@contextlib.contextmanager
def running(starting: Starting) -> Iterator[Starting]:
    """Wait until the program runs; its end is the container's business."""
    try:
        until = SystemClock().steady() + 20
        while not (select.select([starting], [], [], 1)[0] and starting.ready()):
            assert SystemClock().steady() < until
        yield starting
    finally:
        starting.close()
        starting.process.signal(signal.SIGKILL)
        select.select([starting.process], [], [], 10)
        starting.process.reap()
        starting.process.close()


def parent(pid: int) -> int:
    found = read_stat(pid)
    assert found is not None
    return found.parent


def test_a_program_is_our_own_child_and_finds_nothing_of_the_launcher(container: Container, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    plan = Launch((sys.executable, "-I", "-S", "-c", TELL), str(tmp_path), ENVIRONMENT, output=writing, umask=0o027)
    with os.fdopen(reading, encoding="ascii") as output, running(container.begin(plan)) as started:
        os.close(writing)
        assert output.readline() == f"{os.getpid()} True 0 [0, 1, 2] 0o27 {tmp_path}\n"
        assert container.pids() == [started.process.pid]
        started.process.signal(signal.SIGTERM)
        assert select.select([started.process], [], [], 10)[0]
        assert started.process.reap() == ExitStatus(signal=signal.SIGTERM)


def test_a_launcher_that_hangs_is_killed_and_the_start_has_failed(container: Container, launcher: Launcher) -> None:
    """One that is stopped over a request may have forked already: it dies, and the start has failed."""
    os.kill(launcher.pid, signal.SIGSTOP)
    try:
        with pytest.raises(StartError, match="was killed before it could start"):
            container.begin(Launch(("/bin/sleep", "1000"), environment=ENVIRONMENT))
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(launcher.pid or os.getpid(), signal.SIGCONT)
    assert launcher.pid == 0
    assert container.kill(SystemClock().steady() + 10)
    assert container.is_empty()


def test_without_a_launcher_programs_are_started_all_the_same(container: Container, launcher: Launcher) -> None:
    pid = launcher.pid
    os.kill(pid, signal.SIGKILL)
    until = SystemClock().steady() + 10
    while (stat := read_stat(pid)) is not None and stat.alive:
        assert SystemClock().steady() < until
    with running(container.begin(Launch(("/bin/sleep", "1000"), environment=ENVIRONMENT))) as started:
        assert parent(started.process.pid) == os.getpid()
    assert launcher.pid == 0


def test_a_launcher_that_died_is_replaced(container: Container, launcher: Launcher) -> None:
    launcher.close()
    launcher._started_at -= PATIENCE * 1000  # it was started long ago
    plan = Launch(("/bin/sleep", "1000"), environment=ENVIRONMENT)
    with running(container.begin(plan)):
        assert launcher.pid
        await_ready(launcher)
        with running(container.begin(plan)) as started:
            assert parent(started.process.pid) == os.getpid()


def test_what_cannot_be_started_is_said_as_without_a_launcher(container: Container, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/no/such/interpreter\n", encoding="ascii")
    script.chmod(0o755)
    starting = container.begin(Launch((str(script),), environment=ENVIRONMENT))
    with pytest.raises(ProgramNotFoundError, match="interpreter"), running(starting):
        pass


def test_where_clone3_is_forbidden_programs_are_started_without_the_launcher(
    container: Container, launcher: Launcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.kill(launcher.pid, signal.SIGSTOP)  # what it is asked it must not do: it would succeed
    monkeypatch.setattr(launcher, "_receive", lambda _: ANSWER.pack(0, errno.ENOSYS) if launcher._answers else HELLO)
    with running(container.begin(Launch(("/bin/sleep", "1000"), environment=ENVIRONMENT))) as started:
        assert parent(started.process.pid) == os.getpid()
    assert launcher.pid == 0
    with running(container.begin(Launch(("/bin/sleep", "1000"), environment=ENVIRONMENT))):
        assert launcher.pid == 0, "no other one is tried"


@pytest.mark.parametrize("size", [3, 100_000])
def test_words_of_any_bytes_and_any_length_arrive(container: Container, size: int) -> None:
    """What is too long for one message to the launcher is started without it."""
    reading, writing = os.pipe()
    odd = os.fsdecode(b"\xff\n" + b"x" * size)
    variables = {**ENVIRONMENT, "ODD": odd}
    ask = "import os; print(os.environb[b'ODD'] == os.fsencode(os.sys.argv[1]), len(os.environb[b'ODD']), flush=True)"
    plan = Launch((sys.executable, "-I", "-S", "-c", ask, odd), environment=variables, output=writing)
    with os.fdopen(reading, encoding="ascii") as output, running(container.begin(plan)):
        os.close(writing)
        assert output.readline() == f"True {size + 2}\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_a_program_of_another_user_runs_as_that_user(container: Container) -> None:
    nobody = Account(name="nobody", uid=65534, gid=65534, groups=(65534,), home="/", shell="/bin/sh")
    with running(container.begin(Launch(("/bin/sleep", "1000"), "/", ENVIRONMENT, nobody))) as started:
        status = Path(f"/proc/{started.process.pid}/status").read_text(encoding="ascii")
        assert "\nUid:\t65534\t65534\t65534\t65534\n" in status
        assert "\nGroups:\t65534 \n" in status
