"""Containers made of cgroups (version 2): the kernel itself knows who is inside, and kills all at once."""

import contextlib
import errno
import os
import select
import signal
from collections.abc import Iterator
from pathlib import Path

from nodeagent.system.clock import SystemClock
from nodeagent.system.containers import Containers, checked_name
from nodeagent.system.launcher import Launcher
from nodeagent.system.launching import Launch, Placement, Starting, begin, spawn
from nodeagent.system.processes import Process, open_pidfd
from nodeagent.system.sessions import SessionContainers

# The kernel holds back a second notice about cgroup.events for 10 ms (CGROUP_FILE_NOTIFY_MIN_INTV), so look oftener.
_LOOK_AGAIN_MS = 2


def find_base(name: str, proc: Path = Path("/proc/self")) -> Path | None:
    """Make and return the directory for an agent's cgroups, below this process's own; None when it may not.

    In a unit with `Delegate=yes` that is the unit's own subtree. No controllers are turned on, so the rule that a
    cgroup with processes has no children with controllers does not matter.
    """
    own = own_cgroup(proc)
    if own is None or not os.access(own / "cgroup.procs", os.W_OK):
        return None
    base = own / checked_name(name)
    try:
        base.mkdir(exist_ok=True)
    except OSError:  # read-only mount in a container, or a directory of root's
        return None
    return base


def find_all(name: str, proc: Path = Path("/proc/self")) -> list[Path]:
    """Return all directories of that name in the tree, in whichever unit or session a former process made them.

    Raises:
        OSError: what is mounted cannot be read.
    """
    mounts = {mount for _, mount in _mounts((proc / "mountinfo").read_text(encoding="utf-8"))}
    return sorted({Path(found, name) for mount in mounts for found, below, _ in os.walk(mount) if name in below})


def open_containers(token: str, base: Path | None, launcher: Launcher | None = None) -> Containers:
    """Return cgroups below *base* (see `find_base`), or where there is none sessions marked by *token*.

    Args:
        launcher: starts the programs; without it this process does that itself, which takes longer.
    """
    return SessionContainers(token, launcher) if base is None else CgroupContainers(base, launcher)


def own_cgroup(proc: Path = Path("/proc/self")) -> Path | None:
    """Return the directory of this process's own cgroup of version 2; None when that tree is not mounted."""
    try:
        lines = (proc / "cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    own = next((line.removeprefix("0::") for line in lines if line.startswith("0::")), None)
    if own is None:
        return None
    for root, mount in _mounts((proc / "mountinfo").read_text(encoding="utf-8")):
        if own == root or own.startswith(root.rstrip("/") + "/"):
            path = mount / own[len(root.rstrip("/")) :].lstrip("/")
            if path.is_dir():
                return path
    return None


def _mounts(mountinfo: str) -> Iterator[tuple[str, Path]]:
    """Yield what of the tree is mounted where, for each mount of version 2; see proc_pid_mountinfo(5)."""
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        if after.startswith("cgroup2 "):
            _, _, _, root, mount, *_ = before.split(" ")
            yield _unescaped(root), Path(_unescaped(mount))


def _unescaped(text: str) -> str:
    return text.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")


def _is_in_our_namespace(pid: int) -> bool:
    try:
        return os.readlink(f"/proc/{pid}/ns/pid") == os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - not a path
    except OSError:  # it has ended; or it is not seen from here
        return False


class CgroupContainers:
    """The cgroups directly below one directory, one per resource."""

    def __init__(self, base: Path, launcher: Launcher | None = None) -> None:
        self._base = base
        self._launcher = launcher

    def open(self, name: str) -> "CgroupContainer":
        directory = self._base / checked_name(name)
        directory.mkdir(exist_ok=True)
        return CgroupContainer(directory, self._launcher)

    def own_leftovers(self) -> list[str]:
        """Return the names of those in which a process of our own PID namespace is: other containers' are not ours."""
        return [name for name in self.leftovers() if any(map(_is_in_our_namespace, self.open(name).pids()))]

    def leftovers(self) -> list[str]:
        try:
            return sorted(entry.name for entry in self._base.iterdir() if entry.is_dir())
        except FileNotFoundError:
            return []

    def remove(self) -> None:
        """Remove the base itself; OSError when containers are left."""
        with contextlib.suppress(FileNotFoundError):
            self._base.rmdir()


class CgroupContainer:
    """One cgroup. Whatever a program does, its descendants stay inside: only root could move them."""

    def __init__(self, directory: Path, launcher: Launcher | None = None) -> None:
        self._directory = directory
        self._launcher = launcher

    @property
    def name(self) -> str:
        return self._directory.name

    @property
    def placement(self) -> Placement:
        return Placement(cgroup=self._directory)

    def spawn(self, launch: Launch) -> Process:
        return spawn(launch, self.placement)

    def begin(self, launch: Launch) -> Starting:
        return begin(launch, self.placement, self._launcher)

    def admit(self, process: Process) -> None:
        (self._directory / "cgroup.procs").write_bytes(b"%d" % process.pid)

    def pids(self) -> list[int]:
        found: list[int] = []
        for directory in self._tree():
            # It may vanish (ENOENT, ENODEV), or the program inside made it threaded, so not listable (EOPNOTSUPP).
            with contextlib.suppress(OSError):
                found += map(int, (directory / "cgroup.procs").read_bytes().split())
        return found

    def is_empty(self) -> bool:
        return not self._event("populated")

    def signal(self, number: int) -> None:
        for pid in self.pids():
            self._signal_one(pid, number)

    def begin_kill(self) -> None:
        try:
            (self._directory / "cgroup.kill").write_bytes(b"1")
        except FileNotFoundError:
            if self._directory.exists():  # a kernel before 5.14: kill one by one, `kill` repeats it
                self.signal(signal.SIGKILL)

    def kill(self, deadline: float) -> bool:
        self.begin_kill()
        return self._wait("populated", 0, deadline) and self._renew()

    def _renew(self) -> bool:
        """Put a fresh cgroup in the place of the killed one; False when somebody got in meanwhile.

        A kernel that counts the kills of a cgroup (seen: 6.18) kills at birth whatever CLONE_INTO_CGROUP starts in
        one that was killed before.
        """
        try:
            self.remove()
        except OSError as exc:
            if exc.errno == errno.EBUSY:
                return False
            raise
        self._directory.mkdir()
        return True

    def freeze(self, deadline: float) -> bool:
        """Stop everything inside from running; False when not all of it had stopped by the deadline."""
        (self._directory / "cgroup.freeze").write_bytes(b"1")
        return self._wait("frozen", 1, deadline)

    def thaw(self) -> None:
        (self._directory / "cgroup.freeze").write_bytes(b"0")

    def remove(self) -> None:
        for directory in self._tree():
            with contextlib.suppress(FileNotFoundError):
                directory.rmdir()

    def _tree(self) -> list[Path]:
        """Return this cgroup and those that the program made below it, the deepest first."""
        return [Path(found) for found, _, _ in os.walk(self._directory, topdown=False)]

    def _event(self, key: str) -> int:
        """Read one value of cgroup.events; a cgroup that is gone holds nothing."""
        try:
            events = os.open(f"{self._directory}/cgroup.events", os.O_RDONLY | os.O_CLOEXEC)
            try:
                text = os.read(events, 4096).decode("ascii")
            finally:
                os.close(events)
        except FileNotFoundError:
            return 0
        except OSError as exc:
            if exc.errno == errno.ENODEV:  # removed between open and read
                return 0
            raise
        return int(dict(line.split(" ") for line in text.splitlines())[key])

    def _wait(self, key: str, wanted: int, deadline: float) -> bool:
        clock = SystemClock()
        poll = select.poll()
        try:
            events = os.open(self._directory / "cgroup.events", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return wanted == 0
        try:
            poll.register(events, select.POLLPRI)
            while self._event(key) != wanted:
                if clock.steady() >= deadline:
                    return False
                poll.poll(_LOOK_AGAIN_MS)
                if key == "populated":
                    self.begin_kill()
            return True
        finally:
            os.close(events)

    def _signal_one(self, pid: int, number: int) -> None:
        pidfd = open_pidfd(pid)
        if pidfd is None:
            return
        try:
            if pid in self.pids():  # still: the number has not gone to a stranger before we held it
                signal.pidfd_send_signal(pidfd, number)
        except ProcessLookupError:
            pass  # it has just ended
        finally:
            os.close(pidfd)
