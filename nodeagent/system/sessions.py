"""Containers without cgroups, for an ordinary user: a mark in the environment, sessions, and descent.

A program is found if it carries the mark, belongs to a session of one that was started here, or descends from one
that was found before. With `processes.become_subreaper` descent reaches through a double fork, as long as one scan
saw the link. What clears its environment, starts a session and daemonises between two scans is not found, and what
forks and leaves faster than it can be signalled outlives a kill until it rests: where that matters, the agent needs
cgroups.
"""

import errno
import os
import select
import signal
from dataclasses import dataclass
from pathlib import Path

from nodeagent.system import processes
from nodeagent.system.clock import SystemClock
from nodeagent.system.containers import checked_name
from nodeagent.system.launcher import Launcher
from nodeagent.system.launching import Launch, Placement, Starting, begin, spawn
from nodeagent.system.processes import Process, Stat

MARK = "CLUSTER_RESOURCE_MARK"

_SCAN_AGAIN_MS = 20  # a killed process that has not ended by then waits for its disk; its pidfd ends the wait
_EMPTY_SCANS = 2  # a process shows no environment for the moment in which it execs
_MOST_LISTINGS = 50  # on a node where processes are born all the time no scan would end


class SessionContainers:
    """All containers of the agent that owns the token, which nobody may guess and which outlives a restart."""

    def __init__(self, token: str, launcher: Launcher | None = None) -> None:
        self._token = token
        self._launcher = launcher

    def open(self, name: str) -> "SessionGroup":
        return SessionGroup(checked_name(name), f"{self._token}:{name}", self._launcher)

    def leftovers(self) -> list[str]:
        prefix = f"{MARK}={self._token}:".encode()
        me = os.getpid()
        marks = (_mark(stat.pid) for stat in processes.all_processes() if stat.alive and stat.pid != me)
        return sorted({mark[len(prefix) :].decode("ascii", "replace") for mark in marks if mark.startswith(prefix)})


@dataclass(frozen=True, slots=True)
class _Scan:
    """Members that were alive, and whether the process table was seen whole."""

    members: list[Stat]
    complete: bool

    @property
    def proves_empty(self) -> bool:
        return self.complete and not self.members


class SessionGroup:
    """The processes that carry one mark, and their sessions and descendants."""

    def __init__(self, name: str, mark: str, launcher: Launcher | None = None) -> None:
        self._name = name
        self._mark = mark
        self._launcher = launcher
        self._known: dict[int, int] = {}  # number -> when started, so that a reused number is no member
        self._sessions: dict[int, int] = {}  # number -> not younger than this are its members

    @property
    def name(self) -> str:
        return self._name

    @property
    def placement(self) -> Placement:
        return Placement(environment={MARK: self._mark})

    def spawn(self, launch: Launch) -> Process:
        process = spawn(launch, self.placement)
        self._lead(process)
        return process

    def begin(self, launch: Launch) -> Starting:
        starting = begin(launch, self.placement, self._launcher)
        self._lead(starting.process)
        return starting

    def _lead(self, process: Process) -> None:
        self.admit(process)
        self._sessions[process.pid] = process.identity.started

    def admit(self, process: Process) -> None:
        self._known[process.pid] = process.identity.started

    def pids(self) -> list[int]:
        return [stat.pid for stat in self._scan().members]

    def is_empty(self) -> bool:
        return all(self._scan().proves_empty for _ in range(_EMPTY_SCANS))

    def signal(self, number: int) -> None:
        for pidfd in self._signalled(self._scan().members, number):
            os.close(pidfd)

    def begin_kill(self) -> None:
        self.signal(signal.SIGKILL)

    def kill(self, deadline: float) -> bool:
        clock = SystemClock()
        empty = 0
        while empty < _EMPTY_SCANS:
            scan = self._scan()
            empty = empty + 1 if scan.proves_empty else 0
            if not scan.proves_empty:
                if clock.steady() >= deadline:
                    return False
                self._kill_and_wait(scan.members)
        return True

    def remove(self) -> None:
        if not self.is_empty():
            raise OSError(errno.EBUSY, f"container {self._name} still holds processes")

    def _kill_and_wait(self, members: list[Stat]) -> None:
        poll = select.poll()
        pidfds = self._signalled(members, signal.SIGKILL)
        try:
            for pidfd in pidfds:
                poll.register(pidfd, select.POLLIN)
            poll.poll(_SCAN_AGAIN_MS)
        finally:
            for pidfd in pidfds:
                os.close(pidfd)

    def _signalled(self, members: list[Stat], number: int) -> list[int]:
        """Signal each, and return a pidfd of each that got it; one of another user's stays as it is."""
        pidfds = []
        for member in members:
            pidfd = processes.open_pidfd(member.pid)
            if pidfd is None:
                continue
            pidfds.append(pidfd)
            now = processes.read_stat(member.pid)
            if now is None or now.started != member.started:
                continue
            try:
                signal.pidfd_send_signal(pidfd, number)
            except (ProcessLookupError, PermissionError):
                continue
        return pidfds

    def _scan(self) -> "_Scan":
        """Find the living members, and remember them for the next time."""
        table, complete = _process_table()
        if not complete:  # the numbers began anew meanwhile, which does not happen twice in a row
            table, complete = _process_table()
        table.pop(os.getpid(), None)
        stats = {pid: entry.stat for pid, entry in table.items()}
        members = {pid: entry.stat for pid, entry in table.items() if self._is_root_member(entry)}
        self._add_descendants(stats, members)
        self._remember(members, stats)
        return _Scan([stat for stat in members.values() if stat.alive], complete)

    def _is_root_member(self, entry: "_Entry") -> bool:
        stat = entry.stat
        if self._known.get(stat.pid) == stat.started:
            return True
        session_start = self._sessions.get(stat.session)
        if session_start is not None and stat.started >= session_start:
            return True
        return entry.mark == f"{MARK}={self._mark}".encode()

    def _add_descendants(self, table: dict[int, Stat], members: dict[int, Stat]) -> None:
        heirs: dict[int, list[Stat]] = {}
        for stat in table.values():
            heirs.setdefault(stat.parent, []).append(stat)
        open_ends = list(members)
        while open_ends:
            for child in heirs.get(open_ends.pop(), ()):
                if child.pid not in members:
                    members[child.pid] = child
                    open_ends.append(child.pid)

    def _remember(self, members: dict[int, Stat], table: dict[int, Stat]) -> None:
        """Keep who is there, and the sessions that still have somebody: the number of an empty one may be reused."""
        self._known = {pid: stat.started for pid, stat in members.items()}
        sessions: dict[int, int] = {}
        for stat in members.values():
            leader = table.get(stat.session)
            # Our own session is never a sign: it is also that of the service, the shell, the test.
            if leader is not None and stat.session in members:
                sessions[stat.session] = leader.started
            elif stat.session in self._sessions:
                sessions[stat.session] = self._sessions[stat.session]
        self._sessions = sessions


@dataclass(frozen=True, slots=True)
class _Entry:
    """A process and its mark.

    Attributes:
        settled: it was alive after all of this had been read, so what it leaves behind is younger.
    """

    stat: Stat
    mark: bytes
    settled: bool


def _process_table() -> tuple[dict[int, _Entry], bool]:
    """Read the process table until nobody can have slipped through, and tell whether that point was reached.

    One pass misses a process that forks and leaves between being listed and being read. Listings go upwards and so
    do the numbers of new processes, so the next listing meets its heir; unless the numbers began anew meanwhile.
    So a listing decides when each of its newcomers was still alive when it had been read.
    """
    table: dict[int, _Entry] = {}
    seen: set[int] = set()
    newest = _newest_number()
    for _ in range(_MOST_LISTINGS):
        fresh = [number for number in processes.all_numbers() if number not in seen]
        seen.update(fresh)
        entries = [_read_entry(number) for number in fresh]
        table.update((entry.stat.pid, entry) for entry in entries if entry is not None)
        if all(entry is not None and entry.settled for entry in entries):
            return table, _newest_number() >= newest
    return table, False


def _read_entry(pid: int) -> _Entry | None:
    stat = processes.read_stat(pid)
    if stat is None:
        return None
    if not stat.alive:
        return _Entry(stat, b"", settled=False)
    if mark := _mark(pid):
        return _Entry(stat, mark, settled=True)
    after = processes.read_stat(pid)
    return _Entry(stat, b"", settled=after is not None and after.alive and after.started == stat.started)


def _newest_number() -> int:
    """Return the number that was given to the youngest process or thread; it falls when the numbers begin anew."""
    return int(Path("/proc/loadavg").read_text(encoding="ascii").split()[4])


def _mark(pid: int) -> bytes:
    """Return MARK=... from a process's environment as it was at its exec; empty when it has none or hides it."""
    try:
        with open(f"/proc/{pid}/environ", "rb", buffering=0) as file:  # noqa: PTH123 - once per process in a scan
            block = file.readall()
    except (PermissionError, FileNotFoundError, ProcessLookupError):
        return b""
    prefix = MARK.encode() + b"="
    return next((entry for entry in block.split(b"\0") if entry.startswith(prefix)), b"")
