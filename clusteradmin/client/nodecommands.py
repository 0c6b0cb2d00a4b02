"""Coroutines for nodes as members: drain, stop, start, restart, evict; for maintenance; for all agents in turn.

As in `commands`, all return the node's `Done` once the mirror has what was done, and *wait* is in seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from clusteradmin.client.cluster import Cluster
from clusteradmin.client.commands import send, wait_for
from nodeagent.api.objects import Cluster as ClusterItself
from nodeagent.api.objects import Group, Node, NodeId, NodeState, Phase, Snapshot, ref
from nodeagent.api.problems import ClusterError, refuse
from nodeagent.api.requests import (
    AdmitNode,
    BeginMaintenance,
    CancelDrain,
    Done,
    EndMaintenance,
    EvictNode,
    PauseNode,
    QuorumRead,
    ReadQuorum,
    RestartNode,
    ResumeNode,
    StartNode,
    StopNode,
)
from nodeagent.api.rules.nodes import groups_on
from nodeagent.api.rules.owners import hosts

RESTART_SECONDS: Final = 60.0
"""How long an agent that begins anew has to be back, its Resource Monitors' patience included."""

_MEMBER = (NodeState.UP, NodeState.PAUSED)


async def pause_node(
    cluster: Cluster, node: Node, *, drain: bool = False, wait: float | None = None, note: str = ""
) -> Done:
    """Let a node take nothing new, and keep what it has; with *drain* its groups are moved away."""
    done = await send(cluster, PauseNode(node=node.id, drain=drain, note=note))
    await wait_for(cluster, ref(node), drained(node.id) if drain else _paused(node.id), wait)
    return done


def _paused(node: NodeId) -> Callable[[Snapshot], bool | None]:
    return lambda snapshot: snapshot.node(node).state is NodeState.PAUSED or None


def drained(node: NodeId) -> Callable[[Snapshot], bool | None]:
    """Return the test for a node that is drained: it owns nothing more.

    It raises drain_held_up once no other node can take what is left, and returns when the drain was called off.
    """

    def test(snapshot: Snapshot) -> bool | None:
        now = snapshot.node(node)
        left = groups_on(now, snapshot)
        if not left or not now.draining:
            return True
        if now.state is NodeState.PAUSED and not any(_can_go(group, node, snapshot) for group in left):
            raise refuse("drain_held_up", name=now.name, groups=tuple(group.name for group in left))
        return None

    return test


def _can_go(group: Group, node: NodeId, snapshot: Snapshot) -> bool:
    return any(other.id != node and other.maintenance is None for other in hosts(group, snapshot))


async def cancel_drain(cluster: Cluster, node: Node, *, note: str = "") -> Done:
    """Move no further group away; the node stays paused."""
    return await send(cluster, CancelDrain(node=node.id, note=note))


async def resume_node(
    cluster: Cluster, node: Node, *, failback: bool = False, wait: float | None = None, note: str = ""
) -> Done:
    """End a pause; with *failback* the groups that the node was drained of come back."""
    done = await send(cluster, ResumeNode(node=node.id, failback=failback, note=note))
    expected = node.drained if failback else ()

    def test(snapshot: Snapshot) -> bool | None:
        groups = [snapshot.groups[group] for group in expected if group in snapshot.groups]
        on_its_way = (Phase.MOVING, Phase.ASSIGNED)
        back = all(group.wish is None and group.phase not in on_its_way for group in groups)
        return (not snapshot.node(node.id).paused and back) or None

    await wait_for(cluster, ref(node), test, wait)
    return done


async def stop_node(cluster: Cluster, node: Node, *, wait: float | None = None, note: str = "") -> Done:
    """Let a node give its groups away, or take them offline, and leave; it stays out until it is started."""
    done = await send(cluster, StopNode(node=node.id, note=note))
    await wait_for(cluster, ref(node), lambda s: s.node(node.id).state is NodeState.DOWN or None, wait)
    return done


async def start_node(cluster: Cluster, node: Node, *, wait: float | None = None, note: str = "") -> Done:
    """Let a node that was stopped join again."""
    done = await send(cluster, StartNode(node=node.id, note=note))
    await wait_for(cluster, ref(node), lambda s: s.node(node.id).state in _MEMBER or None, wait)
    return done


async def restart_node(cluster: Cluster, node: Node, *, wait: float | None = None, note: str = "") -> Done:
    """Let a node's Cluster Service and Resource Monitors begin anew under the applications."""
    done = await send(cluster, RestartNode(node=node.id, note=note))

    def back(snapshot: Snapshot) -> bool | None:
        now = snapshot.node(node.id)
        return (now.service_since != node.service_since and now.state in _MEMBER) or None

    await wait_for(cluster, ref(node), back, wait)
    return done


async def restart_agents(cluster: Cluster, told: Callable[[Node], None], *, note: str = "") -> None:
    """Have the agents of all members begin anew, one after the other, the one that is connected to last.

    Args:
        told: is called with each node that is back.

    Raises:
        ClusterError: a node is not back in time (node_not_back); those after it are left alone.
    """
    snapshot = cluster.snapshot
    members = [node for node in snapshot.nodes.values() if node.state in _MEMBER] if snapshot else []
    for node in sorted(members, key=lambda node: (node.id == cluster.connected_node, node.id)):
        try:
            await restart_node(cluster, node, wait=RESTART_SECONDS, note=note)
        except ClusterError as exc:
            if exc.problem.code != "still_pending":
                raise
            raise refuse("node_not_back", name=node.name, seconds=RESTART_SECONDS) from exc
        told(node)


async def evict_node(cluster: Cluster, node: Node, *, note: str = "") -> Done:
    """Remove a node that is down and owns nothing."""
    return await send(cluster, EvictNode(node=node.id, note=note))


async def admit_node(cluster: Cluster, name: str, *, note: str = "") -> Done:
    """Let the node of that name, which was evicted, join again as a new member."""
    return await send(cluster, AdmitNode(name=name, note=note))


async def begin_maintenance(
    cluster: Cluster, item: ClusterItself | Node | Group, seconds: float, *, note: str = ""
) -> Done:
    """Freeze the cluster, a node or a group for so long."""
    found = ref(item)
    return await send(cluster, BeginMaintenance(kind=found.kind, id=found.id, seconds=seconds, note=note))


async def end_maintenance(cluster: Cluster, item: ClusterItself | Node | Group, *, note: str = "") -> Done:
    """End maintenance before its time."""
    found = ref(item)
    return await send(cluster, EndMaintenance(kind=found.kind, id=found.id, note=note))


async def read_quorum(cluster: Cluster) -> QuorumRead:
    """Ask the connected node for the voters of the cluster database. Raises ClusterError."""
    reply = await cluster.call(ReadQuorum())
    assert isinstance(reply, QuorumRead), reply
    return reply
