"""What holds the processes of one resource, so that all of them can be found and ended, daemons included."""

import re
from typing import Protocol

from nodeagent.system.launching import Launch, Placement, Starting
from nodeagent.system.processes import Process

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")


class Container(Protocol):
    """The processes of one resource. A deadline is a time on the steady clock."""

    @property
    def name(self) -> str: ...

    @property
    def placement(self) -> Placement:
        """Where its processes are born; a forked child of ours calls `Placement.enter` before anything else."""
        ...

    def spawn(self, launch: Launch) -> Process:
        """Start a program inside. Raises StartError."""
        ...

    def begin(self, launch: Launch) -> Starting:
        """Start a program inside without waiting until it runs. Raises StartError."""
        ...

    def admit(self, process: Process) -> None:
        """Count a process that was started otherwise as one of these: a forked child of ours, from its parent."""
        ...

    def pids(self) -> list[int]:
        """Return who is inside now, zombies not counted."""
        ...

    def is_empty(self) -> bool: ...

    def signal(self, number: int) -> None:
        """Send a signal to everything inside."""
        ...

    def begin_kill(self) -> None:
        """Kill everything inside, without waiting for the end."""
        ...

    def kill(self, deadline: float) -> bool:
        """Kill everything inside and wait, until the deadline at the latest; True only when proven empty."""
        ...

    def remove(self) -> None:
        """Leave nothing behind of an empty one; OSError (EBUSY) when it is not empty."""
        ...


class Containers(Protocol):
    """All containers of one agent: the same name opens the same container again in a later process."""

    def open(self, name: str) -> Container:
        """Return the container of that name, new or not. Raises ValueError when the name is unfit."""
        ...

    def leftovers(self) -> list[str]:
        """Return the names of those that exist, whoever made them; an empty one may be among them."""
        ...


def checked_name(name: str) -> str:
    """Return the name if it can be a directory's in the cgroup tree: an id, not what a person typed."""
    if not _NAME.fullmatch(name) or name.startswith("cgroup."):
        raise ValueError(f"{name!r} cannot name a container")
    return name
