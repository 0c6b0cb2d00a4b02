"""What was started in a container dies with it, daemons included, with cgroups and without."""

import os
import select
import signal
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from nodeagent.system.cgroups import CgroupContainer, CgroupContainers, find_base, open_containers
from nodeagent.system.clock import SystemClock
from nodeagent.system.containers import Container, Containers
from nodeagent.system.launching import Launch
from nodeagent.system.processes import Process, read_stat, watch_child
from nodeagent.system.programs import DEFAULT_PATH, ProgramNotFoundError
from nodeagent.system.sessions import MARK, SessionContainers

ENVIRONMENT = {"PATH": DEFAULT_PATH}
# Forks, starts a session, forks again, and only then says who it is; signals that ask do not end it.
DAEMON = """
import os, signal
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
if os.fork():
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
os.write(1, b"%d\\n" % os.getpid())
signal.pause()
"""

# Each generation leaves at once; the last one stays, so that a kill that misses them is found out.
HOPPER = """
import os, signal
os.write(1, b"%d\\n" % os.getpid())
for generation in range(60):
    if os.fork():
        os._exit(0)
    os.setsid()
signal.pause()
"""


def deadline(seconds: float = 10.0) -> float:
    return SystemClock().steady() + seconds


@pytest.fixture
def base() -> Iterator[Path]:
    found = find_base(f"test-{uuid.uuid4().hex[:8]}")
    if found is None:
        pytest.skip("this user may make no cgroups here")
    yield found
    containers = CgroupContainers(found)
    for name in containers.leftovers():
        container = containers.open(name)
        container.thaw()
        assert container.kill(deadline())
        container.remove()
    containers.remove()
    assert not found.exists()


@pytest.fixture(params=["cgroups", "sessions"])
def containers(request: pytest.FixtureRequest) -> Containers:
    token = uuid.uuid4().hex
    return open_containers(token, request.getfixturevalue("base") if request.param == "cgroups" else None)


@pytest.fixture
def container(containers: Containers) -> Iterator[Container]:
    made = containers.open("notepad-1")
    yield made
    made.signal(signal.SIGCONT)
    assert made.kill(deadline())
    made.remove()


@pytest.fixture
def cgroup(base: Path) -> CgroupContainer:
    return CgroupContainers(base).open("notepad-1")


def await_pids(container: Container, expected: list[int]) -> None:
    """Wait until just these are inside: the parents of a daemon may still be on their way out."""
    until = deadline()
    while container.pids() != expected:
        assert SystemClock().steady() < until, container.pids()


def start(container: Container, *argv: str) -> tuple[Process, int]:
    """Start a program and return it with the first number that it, or a child of it, writes."""
    reading, writing = os.pipe()
    try:
        process = container.spawn(Launch(argv, environment=ENVIRONMENT, output=writing))
    finally:
        os.close(writing)
    with os.fdopen(reading, encoding="ascii") as output:
        assert select.select([output], [], [], 20)[0], "the program said nothing"
        return process, int(output.readline())


def wait_for_end(process: Process) -> None:
    with process:
        assert select.select([process], [], [], 10)[0], "the program did not end"
        process.reap()


def alive(pid: int) -> bool:
    stat = read_stat(pid)
    return stat is not None and stat.alive


def test_a_program_that_became_a_daemon_dies_with_its_container(container: Container) -> None:
    process, daemon = start(container, sys.executable, "-S", "-c", DAEMON)
    wait_for_end(process)
    await_pids(container, [daemon])
    assert not container.is_empty()
    assert container.kill(deadline())
    assert not alive(daemon)
    assert container.is_empty()


def test_a_daemon_whose_container_was_opened_again_by_a_later_agent_dies_too(containers: Containers) -> None:
    process, daemon = start(containers.open("notepad-1"), sys.executable, "-S", "-c", DAEMON)
    wait_for_end(process)
    assert containers.leftovers() == ["notepad-1"]
    again = containers.open("notepad-1")
    await_pids(again, [daemon])
    assert again.kill(deadline())
    again.remove()
    assert containers.leftovers() == []


def test_a_kill_leaves_other_containers_alone(containers: Containers) -> None:
    first, second = containers.open("one"), containers.open("two")
    one, _ = start(first, "sh", "-c", "echo $$; exec sleep 1000")
    two, _ = start(second, "sh", "-c", "echo $$; exec sleep 1000")
    assert first.kill(deadline())
    wait_for_end(one)
    assert second.pids() == [two.pid]
    assert second.kill(deadline())
    wait_for_end(two)
    for emptied in (first, second):
        emptied.remove()


def test_all_children_of_a_program_are_inside_and_get_its_signals(container: Container) -> None:
    process, child = start(container, "sh", "-c", "sleep 1000 & echo $!; wait")
    assert sorted(container.pids()) == sorted([process.pid, child])
    container.signal(signal.SIGTERM)
    wait_for_end(process)
    assert container.kill(deadline())
    assert not alive(child)


def test_a_program_that_forks_on_and_on_dies_with_its_container(container: Container) -> None:
    process, _ = start(container, sys.executable, "-S", "-c", HOPPER)
    wait_for_end(process)
    assert container.kill(deadline())
    assert container.pids() == []


def test_a_container_that_holds_a_process_is_not_removed(container: Container) -> None:
    process, _ = start(container, "sh", "-c", "echo $$; exec sleep 1000")
    with pytest.raises(OSError, match=r"busy|still holds"):
        container.remove()
    assert container.kill(deadline())
    wait_for_end(process)


def test_an_empty_container_is_proven_empty_at_once_even_past_the_deadline(container: Container) -> None:
    assert container.kill(deadline(-1))


def test_a_program_that_cannot_be_started_leaves_its_container_empty(container: Container) -> None:
    with pytest.raises(ProgramNotFoundError):
        container.spawn(Launch(("/no/such",)))
    script = Path("/bin/sh")
    with pytest.raises(ProgramNotFoundError):
        container.spawn(Launch((str(script / "x"),)))
    assert container.pids() == []


def test_a_forked_child_of_the_agent_belongs_to_the_container_with_all_it_starts(container: Container) -> None:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            container.placement.enter()
            grandchild = os.spawnve(os.P_NOWAIT, "/bin/sleep", ["sleep", "1000"], os.environ)
            os.write(writing, b"%d\n" % grandchild)
            signal.pause()
        finally:
            os._exit(1)
    os.close(writing)
    process = watch_child(pid)
    container.admit(process)
    with os.fdopen(reading, encoding="ascii") as output:
        grandchild = int(output.readline())
    assert sorted(container.pids()) == sorted([pid, grandchild])
    assert container.kill(deadline())
    wait_for_end(process)
    assert not alive(grandchild)


def test_a_program_is_in_its_cgroup_before_its_first_instruction(cgroup: CgroupContainer) -> None:
    for _ in range(20):
        process, _ = start(cgroup, "sh", "-c", f"grep -c '^0::.*/{cgroup.name}$' /proc/self/cgroup")
        wait_for_end(process)
    reading, writing = os.pipe()
    with os.fdopen(reading, encoding="ascii") as output:
        process = cgroup.spawn(Launch(("cat", "/proc/self/cgroup"), environment=ENVIRONMENT, output=writing))
        os.close(writing)
        assert output.read().splitlines()[-1].endswith(f"/{cgroup.name}")
    wait_for_end(process)


def test_where_clone3_is_forbidden_a_program_joins_its_cgroup_before_exec(
    cgroup: CgroupContainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nodeagent.system.birth._CLONE3", 100_000)
    process, pid = start(cgroup, "sh", "-c", "echo $$; exec sleep 1000")
    assert cgroup.pids() == [pid]
    assert cgroup.kill(deadline())
    wait_for_end(process)


def test_a_frozen_program_stands_still_until_thawed_and_can_be_killed(cgroup: CgroupContainer) -> None:
    process, _ = start(cgroup, "sh", "-c", "echo $$; exec sleep 1000")
    assert cgroup.freeze(deadline())
    cgroup.thaw()
    assert cgroup.freeze(deadline())
    assert cgroup.kill(deadline())
    wait_for_end(process)


def test_cgroups_that_a_program_made_below_its_own_are_killed_and_removed(cgroup: CgroupContainer) -> None:
    inner = cgroup.placement.cgroup
    assert inner is not None
    process, pid = start(
        cgroup, "sh", "-c", f"mkdir {inner}/below && echo $$ > {inner}/below/cgroup.procs && echo $$; exec sleep 1000"
    )
    assert cgroup.pids() == [pid]
    assert cgroup.kill(deadline())
    wait_for_end(process)
    cgroup.remove()
    assert not inner.exists()


def test_where_the_kernel_cannot_kill_a_cgroup_its_processes_are_killed_one_by_one(
    cgroup: CgroupContainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    process, daemon = start(cgroup, sys.executable, "-S", "-c", DAEMON)
    wait_for_end(process)
    write = Path.write_bytes

    def refuse(path: Path, data: bytes) -> int:
        if path.name == "cgroup.kill":  # as before Linux 5.14
            raise FileNotFoundError(path)
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", refuse)
    assert cgroup.kill(deadline())
    assert not alive(daemon)


def test_without_cgroups_a_daemon_that_hides_its_mark_is_found_if_it_was_seen_before() -> None:
    group = SessionContainers(uuid.uuid4().hex).open("notepad-1")
    process, hidden = start(group, "sh", "-c", f"env -u {MARK} setsid sleep 1000 & echo $!; wait")
    assert sorted(group.pids()) == sorted([process.pid, hidden])
    process.signal(signal.SIGKILL)
    wait_for_end(process)
    assert group.kill(deadline())
    assert not alive(hidden)


def test_without_cgroups_a_child_in_the_programs_session_is_found_though_unmarked_and_orphaned() -> None:
    group = SessionContainers(uuid.uuid4().hex).open("notepad-1")
    process, orphan = start(group, "sh", "-c", f"env -u {MARK} sleep 1000 & echo $!")
    wait_for_end(process)
    assert group.pids() == [orphan]
    assert group.kill(deadline())
    assert not alive(orphan)


def test_a_program_started_after_a_kill_of_its_container_lives(container: Container) -> None:
    for _ in range(3):
        process, pid = start(container, "sh", "-c", "echo $$; exec sleep 1000")
        assert container.pids() == [pid]
        assert container.kill(deadline())
        wait_for_end(process)


def test_a_program_started_after_a_kill_that_nobody_waited_for_lives(container: Container) -> None:
    for _ in range(3):
        process, pid = start(container, "sh", "-c", "echo $$; exec sleep 1000")
        container.begin_kill()
        wait_for_end(process)
        while not container.is_empty():
            select.select([], [], [], 0.002)
    process, pid = start(container, "sh", "-c", "echo $$; exec sleep 1000")
    assert container.pids() == [pid]
    assert container.kill(deadline())
    wait_for_end(process)
