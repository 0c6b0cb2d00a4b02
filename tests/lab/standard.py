"""The lab's standard service: a group of an address and the witness, a client that asks it, and what both saw."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nodeagent.api import requests as r
from nodeagent.api.objects import GroupState, ObjectKind, Snapshot
from tests.lab import probe, witness
from tests.lab.confined import Confined
from tests.lab.installed import InstalledCluster, NotReached
from tests.lab.places import HERE, SERVICE_ADDRESS

GROUP: Final = "Web"
ADDRESS: Final = "Web Address"
SERVER: Final = "Web Server"
SETTLED: Final = 0.3  # seconds of good answers in a row that end an outage


@dataclass(frozen=True, slots=True)
class Seen:
    """What witness and client saw of one fault.

    Attributes:
        downtime: seconds without an answer.
        overlaps: the witness ran on two hosts at once, as it wrote itself.
        returns: answers of a host that another one had taken over from.
        lives: of the witness, since before the fault.
    """

    downtime: float
    overlaps: list[witness.Overlap]
    returns: list[probe.Answer]
    lives: list[witness.Life]

    @property
    def never_two(self) -> bool:
        """Whether it was on one host at any time."""
        return not self.overlaps and not self.returns


class StandardService:
    """Made once per lab; the client asks all the time."""

    def __init__(self, cluster: InstalledCluster, disk: Path) -> None:
        self.cluster = cluster
        self.disk = disk
        self.group = ""
        self.server = ""
        self._answers = cluster.lab.folder / "answers"
        self._client: Confined | None = None

    def create(self, through: str = "h1", *, patience: float = probe.PATIENCE) -> None:
        """Make the group, bring it online and begin to ask it, with so many seconds for each answer."""
        lab = self.cluster.lab
        self.group = self.cluster.do(r.CreateGroup(name=GROUP), through).id
        address = r.CreateResource(
            name=ADDRESS,
            type="IP Address",
            group=self.group,
            parameters={"Address": SERVICE_ADDRESS, "SubnetMask": "255.255.255.0"},
        )
        server = r.CreateResource(
            name=SERVER,
            type="Generic Application",
            group=self.group,
            dependencies=(self.cluster.do(address, through).id,),
            parameters={"CommandLine": witness.COMMAND, "CurrentDirectory": "/"},
        )
        self.server = self.cluster.do(server, through).id
        self.cluster.do(r.BringOnline(kind=ObjectKind.GROUP, id=self.group), through)
        self.await_online(through)
        self._client = lab.tool("client")
        options = [SERVICE_ADDRESS, str(witness.PORT), str(self._answers), str(patience)]
        program = [sys.executable, str(HERE / "probe.py"), *options]
        self._client.start(lab.switch.in_client(program), lab.folder / "client.log")
        self.await_answers(time.monotonic())

    def choose_profile(self, name: str, through: str = "h1") -> None:
        """Set the cluster's profile."""
        cluster = self.cluster.look(through).cluster
        wanted = r.SetProperties(kind=ObjectKind.CLUSTER, id=cluster.id, properties={"Profile": name})
        self.cluster.do(wanted, through)

    # --- where it is --------------------------------------------------------------------------------------------

    def await_online(self, through: str = "h1", patience: float = 30.0) -> str:
        """Return the name of the host on which it is online."""

        def online(seen: Snapshot) -> str | None:
            group = seen.groups.get(self.group)
            if group is None or group.state is not GroupState.ONLINE or group.owner is None:
                return None
            return seen.node_name(group.owner)

        return self.cluster.until(online, f"{GROUP} is online", patience, through=through)

    def process(self, through: str) -> int:
        """Return the number of the witness's process, as the owner reports it."""
        return self.cluster.look(through).resources[self.server].process_id

    def application(self, host: str) -> int:
        """Return this machine's number of the witness's process on a host, which runs it."""
        inside = self.cluster.lab[host].confined.pids()
        (found,) = [pid for pid in inside if _command(pid).startswith(witness.PROGRAM.encode())]
        return found

    def await_answers(self, since: float, patience: float = 30.0, *, other_than: str = "") -> str:
        """Return who answers, once it has answered everything for a while since then.

        Raises:
            NotReached: nobody did, or only the host *other_than* which it should be.
        """
        until = time.monotonic() + patience
        while time.monotonic() < until:
            recent = probe.read(self._answers, since) if self._answers.exists() else []
            tail = recent[-int(SETTLED / probe.INTERVAL) :]
            hosts = {answer.host for answer in tail}
            if len(tail) * probe.INTERVAL >= SETTLED * 0.8 and "" not in hosts and hosts != {other_than}:
                return tail[-1].host
            time.sleep(0.05)  # the client's file tells nobody
        raise NotReached(f"the service does not answer: {self.cluster.told('h1')}")

    def await_beat(self, host: str, since: float, patience: float = 30.0) -> float:
        """Return when the witness first wrote on a host since then."""
        until = time.monotonic() + patience
        while time.monotonic() < until:
            found = [beat.at for beat in witness.beats(self.disk, since) if beat.host == host]
            if found:
                return found[0]
            time.sleep(0.05)  # the disk tells nobody
        raise NotReached(f"the witness does not run on {host}")

    def last_beat(self, host: str, since: float) -> float | None:
        """Return when the witness last wrote on a host since then."""
        return witness.last_beat(self.disk, host, since)

    def answers(self, since: float) -> list[probe.Answer]:
        """Return what the client was answered since a moment."""
        return probe.read(self._answers, since)

    # --- what was seen ------------------------------------------------------------------------------------------

    def seen(self, since: float) -> Seen:
        """Return what witness and client saw since a moment of the monotonic clock."""
        answers = probe.read(self._answers, since)
        beats = witness.beats(self.disk, since)
        return Seen(probe.downtime(answers), witness.overlaps(beats), probe.returns(answers), witness.lives(beats))


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it has just ended
        return b""
