"""Random faults on real processes: one or two at once, for a random time, and whether the service ever ran twice."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from nodeagent.api import requests as r
from nodeagent.api.problems import ClusterError
from tests.lab.faults import MONITOR, SERVICE, node_of
from tests.lab.host import Host
from tests.lab.standard import Seen, StandardService

RECOVERY: Final = 90.0  # seconds until everything is as it should be again, after everything was undone
LONGEST: Final = 8.0  # seconds for which a trouble lasts: longer than any time of the profiles
SECOND: Final = 0.35  # how often a second trouble comes on top


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that happens to a host; *end* is only for what `Lab.restore` does not undo."""

    name: str
    begin: Callable[[StandardService, Host, random.Random], object]
    end: Callable[[StandardService, Host], object] = lambda _service, _host: None


def _signal(unit: str, number: int) -> Callable[[StandardService, Host, random.Random], None]:
    def begin(_service: StandardService, host: Host, _chance: random.Random) -> None:
        if pid := host.main_process(unit):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    return begin


def _cut(way: str, loss: int = 100) -> Callable[[StandardService, Host, random.Random], None]:
    def begin(service: StandardService, host: Host, _chance: random.Random) -> None:
        service.cluster.lab.switch.cut(host.name, way=way, loss=loss)

    return begin


def _killed_in_a_move(unit: str) -> Callable[[StandardService, Host, random.Random], None]:
    def begin(service: StandardService, host: Host, chance: random.Random) -> None:
        """Have the group moved to or from this host, and kill the unit in the middle of it."""
        with contextlib.suppress(ClusterError, OSError, AssertionError):  # another trouble is in the way
            seen = service.cluster.look(host.name)
            others = [name for name in service.cluster.lab.hosts if name != host.name]
            owner = seen.node_name(seen.groups[service.group].owner)
            target = chance.choice(others) if owner == host.name else host.name
            service.cluster.do(r.MoveGroup(group=service.group, node=node_of(seen, target)), host.name)
        time.sleep(chance.uniform(0.0, 0.4))  # into any phase of the move
        _signal(unit, signal.SIGKILL)(service, host, chance)

    return begin


TROUBLES: Final = (
    Trouble("power off", lambda _service, host, _chance: host.power_off()),
    Trouble("freeze", lambda _service, host, _chance: host.freeze()),
    Trouble("service stopped", _signal(SERVICE, signal.SIGSTOP)),
    Trouble("monitor stopped", _signal(MONITOR, signal.SIGSTOP)),
    Trouble("service killed", _signal(SERVICE, signal.SIGKILL)),
    Trouble("monitor killed", _signal(MONITOR, signal.SIGKILL)),
    Trouble("etcd killed", _signal("etcd.service", signal.SIGKILL)),
    Trouble("etcd stopped", _signal("etcd.service", signal.SIGSTOP)),
    Trouble("cut", _cut("both")),
    Trouble("cut, out", _cut("out")),
    Trouble("cut, in", _cut("in")),
    Trouble("loss of 30 %", _cut("both", 30)),
    Trouble(
        "delay of 200 ms",
        lambda service, host, _chance: service.cluster.lab.switch.delay(host.name, 0.2, 0.02),
        lambda service, host: service.cluster.lab.switch.delay(host.name, 0.0),
    ),
    Trouble(
        "disk full",
        lambda _service, host, _chance: host.fill_disk(),
        lambda _service, host: host.empty_disk(),
    ),
    Trouble("service killed in a move", _killed_in_a_move(SERVICE)),
    Trouble("monitor killed in a move", _killed_in_a_move(MONITOR)),
)


@dataclass(frozen=True, slots=True)
class Round:
    """What was done, and what came of it."""

    told: str
    seen: Seen


def run_round(service: StandardService, seed: int) -> Round:
    """Do what the seed says, undo it, and wait until everything is as it should be.

    Raises:
        NotReached: it does not become so.
    """
    chance = random.Random(seed)
    cluster = service.cluster
    began = time.monotonic()
    hosts = list(cluster.lab.hosts.values())
    done: list[tuple[Trouble, Host]] = []
    told = []
    for _ in range(2 if chance.random() < SECOND else 1):
        trouble = chance.choice(TROUBLES)
        host = chance.choice([one for one in hosts if one not in [former for _, former in done]])
        trouble.begin(service, host, chance)
        done.append((trouble, host))
        lasts = chance.uniform(0.3, LONGEST)
        told.append(f"{trouble.name} on {host.name} for {lasts:.1f} s")
        time.sleep(lasts)  # the trouble itself
    cluster.lab.restore()
    for trouble, host in done:
        trouble.end(service, host)
    cluster.await_all_up(RECOVERY)
    service.await_answers(time.monotonic(), RECOVERY)
    return Round(", then ".join(told), service.seen(began - 1.0))
