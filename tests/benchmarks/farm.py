"""A large cluster that exists on paper only: 64 nodes, 10,000 resources in groups of five."""

from msgspec.structs import replace

from nodeagent import resourcetypes
from nodeagent.api.objects import Phase, ResourceState, Snapshot, Wanted
from nodeagent.database.records import (
    CLUSTER,
    ClusterRecord,
    GroupRecord,
    HeartbeatRecord,
    InterfaceReport,
    Life,
    NodeRecord,
    OwnerRecord,
    ResourceRecord,
    StateRecord,
    encode,
    group_key,
    heartbeat_key,
    node_key,
    owner_key,
    report_key,
    resource_key,
    state_key,
)
from nodeagent.database.store import Contents, Entry
from nodeagent.service.selfreport import node_report
from nodeagent.settings import AgentSettings

NODES = 64
GROUPS = 2000
IN_A_GROUP = 5


def contents() -> Contents:
    """Return the whole cluster database, everything online and spread evenly."""
    values = {CLUSTER: encode(ClusterRecord(id="farm", name="FARM", next_node=NODES + 1))}
    installed, _ = resourcetypes.installed()
    report = node_report(AgentSettings(name="farm"), installed, cgroups=True)
    for node in range(1, NODES + 1):
        values[node_key(node)] = encode(NodeRecord(id=node, name=f"node{node:02}"))
        values[heartbeat_key(node)] = encode(heartbeat(0))
        cards = tuple(_card(net, node) for net in range(2))
        values[report_key(node)] = encode(replace(report, interfaces=cards))
    for number in range(GROUPS):
        group, node = f"g{number:04}", number % NODES + 1
        values[group_key(group)] = encode(
            GroupRecord(id=group, name=group_name(number), persistent_state=Wanted.ONLINE)
        )
        owner = OwnerRecord(phase=Phase.CLAIMED, node=node, incarnation=1, epoch=2, since=1000.0)
        values[owner_key(group)] = encode(owner)
        for place in range(IN_A_GROUP):
            values.update(_resource(group, f"{group}r{place}", f"{group_name(number)} part {place}", node, place))
    return Contents(1, {key: Entry(value, 1) for key, value in values.items()})


def _card(network: int, node: int) -> InterfaceReport:
    return InterfaceReport(adapter=f"eth{network}", address=f"10.{network}.0.{node}", mask="255.255.0.0")


def group_name(number: int) -> str:
    return f"Service {number:04}"


def heartbeat(attempt: int) -> HeartbeatRecord:
    """Return a node's heartbeat; only its attempt differs from one to the next."""
    return HeartbeatRecord(incarnation=1, life=Life.ALIVE, attempt=f"sample-{attempt}", boot="sample", self_stop=3.5)


def _resource(group: str, identity: str, name: str, node: int, place: int) -> dict[str, bytes]:
    record = ResourceRecord(
        id=identity,
        name=name,
        type="Generic Application",
        group=group,
        dependencies=(f"{group}r{place - 1}",) if place else (),
        parameters={"CommandLine": "/usr/bin/serve --port 8080", "CurrentDirectory": "/"},
    )
    return {resource_key(identity): encode(record), state_key(identity): encode(state(node, ResourceState.ONLINE))}


def state(node: int, what: ResourceState, *, at: float = 1000.0, exhausted: bool = False) -> StateRecord:
    """Return what an owner reports."""
    return StateRecord(state=what, node=node, epoch=2, process_id=4711, since=at, exhausted=exhausted)


def a_resource(number: int) -> tuple[str, int]:
    """Return the id of one of the resources, and the node that owns it; neighbours in number are far apart."""
    place = number * 7919 % (GROUPS * IN_A_GROUP)
    group = place // IN_A_GROUP
    return f"g{group:04}r{place % IN_A_GROUP}", group % NODES + 1


def size(snapshot: Snapshot) -> str:
    """Say how large it is."""
    return f"{len(snapshot.nodes)} nodes, {len(snapshot.resources)} resources"
