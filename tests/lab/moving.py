"""A planned move that is disturbed: the Cluster Service of a host is killed when the move has come to some phase."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Final

from nodeagent.api import requests as r
from nodeagent.database.records import owner_key
from tests.lab.faults import SERVICE, Fault, node_of, other_than
from tests.lab.host import Host
from tests.lab.standard import StandardService
from tests.lab.voters import etcdctl_command

# Each phase is a commit into the ownership of the group; what is killed then has not taken the next step yet.
PHASES: Final = ("moving", "assigned", "claimed")
SOURCE, TARGET = "source", "target"
NAMESPACE: Final = "clusteradmin/"  # of the product's keys, unless agent.toml says otherwise


def kill_in_a_move(phase: str, whose: str) -> Callable[[StandardService, str], None]:
    """Return what moves the group and kills a service in that phase; it serves again when that returns.

    Where the group is then is not said: who takes too long to come back, on a busy machine, is declared down.
    """

    def begin(service: StandardService, owner: str) -> None:
        cluster, target = service.cluster, other_than(owner)
        victim = owner if whose == SOURCE else target
        watcher = next(name for name in cluster.lab.hosts if name not in (owner, target))
        pid, number = cluster.lab[victim].main_process(SERVICE), node_of(cluster.look(watcher), target)
        with phases(service, cluster.lab[watcher]) as seen:
            cluster.do(r.MoveGroup(group=service.group, node=number), watcher)
            assert phase in seen, "the watch has ended"
            os.kill(pid, signal.SIGKILL)
        cluster.until(lambda _: True, "the Cluster Service is back", through=victim)

    return begin


@contextmanager
def phases(service: StandardService, host: Host) -> Iterator[Iterator[str]]:
    """Yield the phases of the group's ownership from now on, as a host's member of etcd tells them."""
    command = host.inside(*etcdctl_command("watch", "--prefix", NAMESPACE))
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        try:
            watching.stdout.readline()  # a heartbeat: from here on nothing is missed
            yield _phases(watching.stdout, f"{NAMESPACE}{owner_key(service.group)}")
        finally:
            watching.kill()


def _phases(said: IO[str], key: str) -> Iterator[str]:
    for line in said:
        if line.strip() == key:  # the value follows it
            yield str(json.loads(said.readline())["phase"])


MOVES: Final = tuple(
    Fault(f"kill of the {whose}'s service in a move: {phase}", kill_in_a_move(phase, whose), moves=False)
    for phase in PHASES
    for whose in (SOURCE, TARGET)
)
