"""What is done to the standard service, row by row of the campaign: the fault, how it is over, and how it is undone."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from nodeagent.api import requests as r
from nodeagent.api.fencing import FenceSetting
from nodeagent.api.objects import Snapshot
from tests.lab import powerswitch
from tests.lab.confined import ended_by
from tests.lab.standard import Seen, StandardService
from tests.lab.voters import give_etcds_lead

BEFORE: Final = 1.0  # seconds before the fault that count as before it
AFTERWARDS: Final = 1.5  # seconds for which a host that is back is watched: does it run, or answer, once more?
ENDED: Final = 20.0  # seconds in which somebody ends what was stopped
LASTS: Final = 6.0  # seconds for which a trouble lasts: longer than a lost node is waited for

MONITOR: Final = "clusteragent-monitor@shared.service"
SERVICE: Final = "clusteragent.service"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One fault and what came of it.

    Attributes:
        ran_on: seconds for which the witness went on after the thaw of its host, None where nothing was frozen.
    """

    seen: Seen
    owner: str
    heir: str
    ran_on: float | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """One row.

    Attributes:
        inflict: does it to the owner.
        moves: another host must take over; else the same one may go on.
        thaws: the host was frozen, and goes on afterwards, unless it was fenced.
        fenced: the power switch is the nodes' fence device.
        prepare: what is done before, as if it had always been so; returns the owner.
        lasts: seconds after which it is over, before anybody looks whether the service answers; 0: it goes on.
        undo: what `Lab.restore` does not undo.
    """

    name: str
    inflict: Callable[[StandardService, str], None]
    moves: bool = True
    thaws: bool = False
    fenced: bool = False
    prepare: Callable[[StandardService], str] | None = None
    lasts: float = 0.0
    undo: Callable[[StandardService, str], None] = lambda _service, _owner: None

    def run(self, service: StandardService) -> Outcome:
        """Do it once to a cluster that is whole, and leave it whole."""
        owner = make_whole(service)
        if self.prepare is not None:
            owner = self.prepare(service)
            time.sleep(BEFORE)  # what it did does not count
        began = time.monotonic()
        self.do(service, owner, self.lasts)
        heir = service.await_answers(time.monotonic(), other_than=owner if self.moves else "")
        thawed = service.cluster.lab[owner].thaw() if self.thaws else None
        service.cluster.lab.restore()
        time.sleep(AFTERWARDS)  # nothing may happen in it: there is no event for that
        ran_on = None
        if thawed is not None:
            last = service.last_beat(owner, began)
            ran_on = max(0.0, last - thawed) if last is not None else 0.0
        return Outcome(service.seen(began - BEFORE), owner, heir, ran_on)

    def do(self, service: StandardService, owner: str, lasts: float) -> None:
        """Inflict it; what lasts is over after so many seconds."""
        if not lasts:
            self.inflict(service, owner)
            return
        try:
            self.inflict(service, owner)
            time.sleep(lasts)  # the trouble itself
        finally:
            service.cluster.lab.switch.heal()
            self.undo(service, owner)


def make_whole(service: StandardService) -> str:
    """Bring everything back, wait until nobody counts a silence or settles any more, and return the owner."""
    cluster = service.cluster
    cluster.lab.restore()
    seen = cluster.await_all_up()
    service.await_answers(time.monotonic())
    profile = seen.cluster.properties.get("Profile", "default")
    time.sleep(SETTLED[str(profile)])  # a leader that was cut off judges nobody for so long, and nothing tells when
    return service.await_online(next(iter(cluster.lab.hosts)))


SETTLED: Final = {"default": 5.0, "fast": 2.2}  # d and a little, seconds


def node_of(seen: Snapshot, name: str) -> int:
    """Return the number of a node."""
    return next(number for number, node in seen.nodes.items() if node.name == name)


def other_than(host: str) -> str:
    """Return another host."""
    return next(name for name in ("h1", "h2", "h3") if name != host)


def stop(pid: int) -> None:
    """Stop a process as a debugger does, and wait until somebody has ended it for that."""
    with ended_by(pid, ENDED):
        os.kill(pid, signal.SIGSTOP)


# --- the rows ---------------------------------------------------------------------------------------------------


def power_off(service: StandardService, owner: str) -> None:
    """Cut the owner's power."""
    service.cluster.lab[owner].power_off()


def cut(service: StandardService, owner: str) -> None:
    """Lose everything from and to the owner."""
    service.cluster.lab.switch.cut(owner)


def cut_one_way(service: StandardService, owner: str) -> None:
    """Lose everything that the owner sends; it still hears the others."""
    service.cluster.lab.switch.cut(owner, way="out")


def freeze(service: StandardService, owner: str) -> None:
    """Stop everything that runs on the owner, its systemd included; its kernel goes on."""
    service.cluster.lab[owner].freeze()


def freeze_monitor(service: StandardService, owner: str) -> None:
    """Stop the Resource Monitor alone."""
    stop(service.cluster.lab[owner].main_process(MONITOR))


def kill_service(service: StandardService, owner: str) -> None:
    """Kill the Cluster Service alone, and wait until it serves again."""
    pid = service.cluster.lab[owner].main_process(SERVICE)
    with ended_by(pid, ENDED):
        os.kill(pid, signal.SIGKILL)
    service.cluster.until(lambda _: True, "the Cluster Service is back", through=owner)


def bring_together(service: StandardService) -> str:
    """Bring the group and etcd's lead to the host that plans, and return its name."""
    seen = service.cluster.look()
    name = seen.node_name(seen.cluster.leader)
    give_etcds_lead(service, service.cluster.lab[name])
    if service.await_online() != name:
        service.cluster.do(r.MoveGroup(group=service.group, node=seen.cluster.leader), name)
        service.await_answers(time.monotonic(), other_than=other_than(name))
    return name


def move(service: StandardService, owner: str) -> None:
    """Move the group to another host, as an administrator does."""
    seen = service.cluster.look(owner)
    service.cluster.do(r.MoveGroup(group=service.group, node=node_of(seen, other_than(owner))), owner)


ROWS: Final = (
    Fault("power off", power_off),
    Fault("power off of owner, planner and etcd's leader", power_off, prepare=bring_together),
    Fault("cut", cut),
    Fault("one-way cut", cut_one_way),
    Fault("freeze of the owner", freeze, thaws=True),
    Fault("freeze of the monitor", freeze_monitor, moves=False),
    Fault("kill of the service", kill_service, moves=False),
    Fault("planned move", move),
    Fault("freeze of the owner, fenced", freeze, thaws=True, fenced=True),
)


def freeze_service(service: StandardService, owner: str) -> None:
    """Stop the Cluster Service alone, until its unit's watchdog has killed it, and wait until it serves again."""
    stop(service.cluster.lab[owner].main_process(SERVICE))
    service.cluster.until(lambda _: True, "the Cluster Service is back", through=owner)


def kill_etcds_leader(service: StandardService, owner: str) -> None:
    """Kill the member of etcd that leads, which is the owner's."""
    pid = service.cluster.lab[owner].main_process("etcd.service")
    with ended_by(pid, ENDED):
        os.kill(pid, signal.SIGKILL)


TROUBLES: Final = (
    Fault("freeze of the service", freeze_service, moves=False),
    Fault("kill of etcd's leader", kill_etcds_leader, moves=False, prepare=bring_together, lasts=2.0),
    Fault(
        "loss of 30 %",
        lambda service, owner: service.cluster.lab.switch.cut(owner, loss=30),
        moves=False,
        lasts=LASTS,
    ),
    Fault(
        "delay of 200 ms",
        lambda service, owner: service.cluster.lab.switch.delay(owner, 0.2, 0.02),
        moves=False,
        lasts=LASTS,
        undo=lambda service, owner: service.cluster.lab.switch.delay(owner, 0.0),
    ),
    Fault(
        "disk full under the owner's etcd",
        lambda service, owner: service.cluster.lab[owner].fill_disk(),
        moves=False,
        lasts=LASTS,
        undo=lambda service, owner: service.cluster.lab[owner].empty_disk(),
    ),
)


def fence_by_power_switch(service: StandardService) -> None:
    """Give every node the lab's power switch as its fence device."""
    cluster = service.cluster
    powerswitch.start(cluster.lab)
    for number, node in cluster.look().nodes.items():
        options = powerswitch.redfish_options(node.name)
        device = FenceSetting(program="fence_redfish", options=options)
        cluster.do(r.SetFenceDevices(node=number, devices=(device,)))
