"""A cluster in which every state occurs: what screenshots show and what has to be looked at."""

import time
from dataclasses import dataclass, field

import msgspec

from nodeagent.api.causes import Cause, Refusal
from nodeagent.api.events import LogEntry, Severity
from nodeagent.api.objects import (
    Cluster,
    Group,
    Interface,
    InterfaceState,
    Network,
    NetworkState,
    Node,
    NodeState,
    ObjectKind,
    ObjectRef,
    Phase,
    Resource,
    ResourceState,
    ResourceType,
    Snapshot,
    Wanted,
)
from nodeagent.api.problems import problem
from nodeagent.api.states import group_state
from tests.builders import generic_application, identifier

UP, DOWN, PAUSED, UNKNOWN = NodeState.UP, NodeState.DOWN, NodeState.PAUSED, NodeState.UNKNOWN
ONLINE, OFFLINE, FAILED = ResourceState.ONLINE, ResourceState.OFFLINE, ResourceState.FAILED
LOST = ResourceState.UNKNOWN
STARTING, STOPPING = ResourceState.ONLINE_PENDING, ResourceState.OFFLINE_PENDING
TYPES = (
    "IP Address",
    "Network Name",
    "Physical Disk",
    "File Share",
    "Generic Service",
    "Generic Script",
    "Majority Node Set",
)
# group: owner, then name, type, state, what its owner says of it
GROUPS: dict[str, tuple[str, list[tuple[str, str, ResourceState, str]]]] = {
    "Cluster Group": ("boreas", [("Witness", "Majority Node Set", ONLINE, "3 of 5 votes present")]),
    "File Services": (
        "ceres",
        [
            ("Fileserver Disk", "Physical Disk", ONLINE, ""),
            ("Fileserver IP", "IP Address", ONLINE, "10.20.0.45 on eth1"),
            ("Fileserver Name", "Network Name", ONLINE, "files.example.net"),
            ("Homes", "File Share", OFFLINE, "Taken offline by anna, 13:02: “quota check”"),
            ("Projects", "File Share", ONLINE, ""),
        ],
    ),
    "High Availability Notepad": ("atlas", [("Notepad", "Generic Application", ONLINE, "")]),
    "Mail Relay": (
        "doris",
        [
            ("Mail Queue Disk", "Physical Disk", LOST, "doris does not answer; takeover in 2.1 s"),
            ("Postfix", "Generic Service", LOST, "doris does not answer; takeover in 2.1 s"),
        ],
    ),
    "Monitoring": ("eos", [("Metrics Store", "Generic Service", ONLINE, "")]),
    "Orders Database": (
        "boreas",
        [
            ("Orders Disk", "Physical Disk", ONLINE, "/srv/orders on sdb1"),
            ("Orders IP", "IP Address", ONLINE, "10.20.0.41 on eth1"),
            ("Orders Name", "Network Name", ONLINE, "orders.example.net"),
            ("PostgreSQL", "Generic Service", STARTING, "replaying write-ahead log"),
            ("Orders API", "Generic Application", OFFLINE, "Waits for PostgreSQL"),
        ],
    ),
    "Reporting": (
        "atlas",
        [
            ("Nightly Report", "Generic Script", STOPPING, "waiting for job 812 to end"),
            ("Report Scheduler", "Generic Service", ONLINE, ""),
        ],
    ),
    "Web Shop": (
        "atlas",
        [
            ("Shop IP", "IP Address", ONLINE, "10.20.0.42 on eth1"),
            ("Shop Web Server", "Generic Service", ONLINE, ""),
            ("Shop Worker", "Generic Application", FAILED, "Exit code 1"),
        ],
    ),
}
NEEDS = {
    "Fileserver Name": ["Fileserver IP"],
    "Projects": ["Fileserver Disk", "Fileserver Name"],
    "Homes": ["Fileserver Disk", "Fileserver Name"],
    "Postfix": ["Mail Queue Disk"],
    "Orders Name": ["Orders IP"],
    "PostgreSQL": ["Orders Disk"],
    "Orders API": ["PostgreSQL", "Orders Name"],
    "Shop Web Server": ["Shop IP"],
    "Shop Worker": ["Shop Web Server"],
}


@dataclass
class WebFarm:
    """The snapshot and its event log; *now* is the wall clock at which the picture is taken."""

    now: float = field(default_factory=time.time)

    def snapshot(self) -> Snapshot:
        nodes = self._nodes()
        ids = {node.name: node.id for node in nodes.values()}
        groups: dict[str, Group] = {}
        resources: dict[str, Resource] = {}
        for name, (owner, members) in GROUPS.items():
            own = [self._resource(name, ids[owner], *member) for member in members]
            resources.update((r.id, r) for r in own)
            groups[identifier(name)] = self._group(name, ids[owner], own)
        kinds = [ResourceType(name=name, possible_owners=tuple(ids.values())) for name in TYPES]
        return Snapshot(
            cluster=Cluster(id="webfarm", name="WEBFARM", leader=2, backend="etcd"),
            revision=4711,
            nodes=nodes,
            groups=groups,
            resources=resources,
            types={kind.name: kind for kind in (generic_application(ids.values()), *kinds)},
            networks=self._networks(),
            interfaces={i.id: i for node in nodes.values() for i in self._interfaces(node)},
        )

    def _nodes(self) -> dict[int, Node]:
        states = {"atlas": UP, "boreas": UP, "ceres": PAUSED, "doris": DOWN, "eos": UNKNOWN}
        said = {
            "ceres": "Paused by anna: “kernel update”",
            "doris": "No heartbeat for 2.9 s",
        }
        return {
            number: Node(
                id=number,
                name=name,
                state=state,
                paused=state is PAUSED,
                incarnation=3,
                since=self.now - (38 if state is UNKNOWN else 86_400 * number),
                information=said.get(name, ""),
                facts={"system": "Debian 12", "processors": "16", "memory": "64 GiB"},
            )
            for number, (name, state) in enumerate(states.items(), 1)
        }

    def _resource(self, group: str, owner: int, name: str, kind: str, state: ResourceState, said: str) -> Resource:
        return Resource(
            id=identifier(name),
            name=name,
            type=kind,
            group=identifier(group),
            dependencies=tuple(map(identifier, NEEDS.get(name, ()))),
            state=state,
            state_node=owner,
            information=said,
            parameters={"CommandLine": "/usr/bin/run"} if kind == "Generic Application" else {},
            properties={"PendingTimeout": 60_000} if name == "Nightly Report" else {},
            possible_owners=(1, 3, 5) if name == "Shop Worker" else None,
            restarts={"Notepad": 1, "Shop Worker": 3}.get(name, 0),
            exhausted=state is FAILED,
            since=self.now - 38,
            pending_since=self.now - {STARTING: 12, STOPPING: 4}.get(state, 0) if state.pending else 0.0,
            retry_at=self.now + 2280 if state is FAILED else 0.0,
        )

    def _group(self, name: str, owner: int, members: list[Resource]) -> Group:
        group = Group(
            id=identifier(name),
            name=name,
            owner=owner,
            phase=Phase.CLAIMED,
            persistent_state=Wanted.ONLINE,
            preferred_owners=(1, 2) if name in ("Web Shop", "Orders Database") else (),
            epoch=12,
            since=self.now - 90_000,
            state=group_state(r.state for r in members),
        )
        if name != "Web Shop":
            return group
        why = Cause(rule="cause_failback", parameters={"node": "atlas"})
        return msgspec.structs.replace(group, cause=why, gave_up=True)

    def _networks(self) -> dict[str, Network]:
        return {
            "private": Network(
                id="private", name="Private", address="10.10.0.0", mask="255.255.0.0", role=1, state=NetworkState.UP
            ),
            "public": Network(
                id="public", name="Public", address="10.20.0.0", mask="255.255.0.0", state=NetworkState.PARTITIONED
            ),
        }

    def _interfaces(self, node: Node) -> list[Interface]:
        state = InterfaceState.UP if node.state in (UP, PAUSED) else InterfaceState.UNAVAILABLE
        cards = (("private", "eth0", "10.10.0"), ("public", "eth1", "10.20.0"))
        return [
            Interface(
                id=f"{network}-{node.id}",
                name=f"{node.name} {adapter}",
                node=node.id,
                network=network,
                adapter=adapter,
                address=f"{base}.{node.id}",
                state=state,
            )
            for network, adapter, base in cards
        ]

    def log(self) -> list[LogEntry]:
        """Return the event log, oldest first."""
        paused, down = problem("node_paused", node="ceres"), problem("node_down", node="doris", state="Down")
        refused = (
            Refusal(node=2, name="boreas", reason=problem("not_possible_owner", node="boreas", name="Shop Worker")),
            Refusal(node=3, name="ceres", reason=paused),
            Refusal(node=4, name="doris", reason=down),
        )
        return [
            self._entry(1, 3600, "boreas", Severity.INFORMATION, "event_node_up", "node", "boreas"),
            self._entry(2, 900, "atlas", Severity.INFORMATION, "event_online", "resource", "Notepad", node="atlas"),
            self._entry(3, 120, "eos", Severity.WARNING, "event_notice", "node", "eos", detail="eos is not heard of"),
            self._entry(4, 96, "ceres", Severity.INFORMATION, "event_node_paused", "node", "ceres"),
            self._entry(
                5,
                42,
                "atlas",
                Severity.WARNING,
                "event_restarted",
                "resource",
                "Shop Worker",
                node="atlas",
                detail="exit code 1, restart 3 of 3",
                cause=Cause(rule="cause_policy_restart", parameters={"used": 3, "threshold": 3, "period": 900}),
            ),
            self._entry(6, 40, "doris", Severity.ERROR, "event_node_down", "node", "doris", reason="no heartbeat"),
            self._entry(
                7, 12, "boreas", Severity.PROGRESS, "event_online_pending", "resource", "PostgreSQL", node="boreas"
            ),
            self._entry(
                8,
                1,
                "atlas",
                Severity.ERROR,
                "event_failed",
                "resource",
                "Shop Worker",
                detail="exit code 1 after 3.2 s; no restart left, the group cannot move",
                cause=Cause(rule="cause_no_other_node", refused=refused),
                output="shop-worker[8123]: FATAL cannot open /etc/shop/queue.toml: permission denied",
                number=1069,
            ),
        ]

    def _entry(
        self,
        sequence: int,
        ago: float,
        said_by: str,
        severity: Severity,
        code: str,
        kind: str,
        name: str,
        *,
        cause: Cause | None = None,
        output: str = "",
        number: int = 0,
        **parameters: str,
    ) -> LogEntry:
        wanted = ObjectKind(kind)
        identity = identifier(name)
        if wanted is ObjectKind.NODE:
            identity = str(("atlas", "boreas", "ceres", "doris", "eos").index(name) + 1)
        return LogEntry(
            sequence=sequence,
            at=self.now - ago + 0.482,
            node=said_by,
            severity=severity,
            code=code,
            parameters={"name": name, **parameters},
            object=ObjectRef(wanted, identity),
            object_name=name,
            cause=cause,
            output=output,
            number=number,
            epoch=12,
        )
