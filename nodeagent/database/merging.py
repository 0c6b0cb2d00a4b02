"""How an object of the Snapshot follows from its records: nodes, groups, resources, the cluster."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import msgspec

from nodeagent.api.details import LIFE_ENDS
from nodeagent.api.objects import Cluster, Group, Node, NodeState, Phase, Resource, ResourceState
from nodeagent.api.states import group_state
from nodeagent.api.texts import render
from nodeagent.database.records import (
    ClusterRecord,
    FenceRecord,
    GroupRecord,
    HeartbeatRecord,
    LeaderRecord,
    Life,
    NodeRecord,
    NodeReport,
    OwnerRecord,
    ResourceRecord,
    SilenceRecord,
    SilentNode,
    StateRecord,
    VerdictRecord,
    WishRecord,
)
from nodeagent.database.voters import VotersRecord

# In these phases the owner may run the group; before the claim nobody does (safety rule O3).
HOLDING: Final = frozenset({Phase.CLAIMED, Phase.MOVING, Phase.STUCK})

_DOWN_REASONS: Final = {
    "silence": "node_silent",
    "fenced": "node_fenced",
    "user": "node_down_by_word",
    "restarted": "node_restarted",
}


def make_cluster(
    record: ClusterRecord | None,
    leader: LeaderRecord | None,
    silence: SilenceRecord | None = None,
    voters: VotersRecord | None = None,
    *,
    revision: int,
    backend: str,
) -> Cluster:
    """Return the cluster; without a record (an empty database) one with empty id and name."""
    if record is None:
        return Cluster(id="", name="", backend=backend)
    return Cluster(
        revision=revision,
        id=record.id,
        name=record.name,
        description=record.description,
        properties=record.properties,
        backend=backend,
        leader=leader.node if leader else 0,
        voters=voters.shown() if voters else (),
        brake=tuple(sorted(silence.nodes)) if silence and silence.held else (),
        schema=record.schema,
        maintenance=record.maintenance,
    )


def make_node(
    record: NodeRecord,
    heartbeat: HeartbeatRecord | None,
    report: NodeReport | None,
    fence: FenceRecord | None = None,
    silent: SilentNode | None = None,
    *,
    revision: int,
) -> Node:
    """Return the node. Of the heartbeat only its life counts, so that a beat alone changes nothing here.

    Args:
        silent: what the leader says of its silence, when that is about its last heartbeat.
    """
    if heartbeat is None or heartbeat.life is not Life.ALIVE:
        silent = None
    return Node(
        revision=revision,
        id=record.id,
        name=record.name,
        description=record.description,
        properties=record.properties,
        state=_node_state(record, heartbeat),
        paused=record.paused,
        incarnation=heartbeat.incarnation if heartbeat else 0,
        version=report.version if report else "",
        endpoints=report.endpoints if report else (),
        facts=report.facts if report else {},
        information=_node_information(record, heartbeat, silent),
        fence=tuple(device.shown() for device in fence.devices) if fence else (),
        silent_since=silent.since if silent else 0.0,
        heartbeat=silent.heartbeat if silent else 0,
        since=heartbeat.since if heartbeat else 0.0,
        draining=record.drain is not None and not record.drain.over,
        drained=record.drain.groups if record.drain else (),
        stopped=record.stopped is not None,
        service_since=report.started if report else 0.0,
        maintenance=record.maintenance,
    )


def _node_state(record: NodeRecord, heartbeat: HeartbeatRecord | None) -> NodeState:
    if heartbeat is None or heartbeat.life is not Life.ALIVE:
        return NodeState.DOWN
    return NodeState.PAUSED if record.paused else NodeState.UP


def _node_information(record: NodeRecord, heartbeat: HeartbeatRecord | None, silent: SilentNode | None) -> str:
    if heartbeat is None:
        return render("node_never_joined", {})
    if heartbeat.life is Life.ALIVE:
        draining = record.drain is not None and not record.drain.over
        said = [render("node_unclean", {})] if heartbeat.unclean else []
        said += [render("node_not_heard", {})] if silent else []
        return "; ".join([*said, *([render("node_draining", {})] if draining else [])])
    if heartbeat.life is Life.LEFT:
        return render("node_stopped", {"user": record.stopped.user}) if record.stopped else render("node_left", {})
    # A reason of a newer version is shown as it came.
    code = _DOWN_REASONS.get(heartbeat.reason, heartbeat.reason or "node_dead")
    return render(code, {"seconds": heartbeat.silence})


def make_group(
    record: GroupRecord,
    owner: OwnerRecord | None,
    wish: WishRecord | None,
    verdict: VerdictRecord | None,
    members: Iterable[Resource],
    *,
    revision: int,
) -> Group:
    """Return the group. A verdict counts only under the epoch that it was spoken for."""
    holder = owner or OwnerRecord(phase=Phase.FREE)
    return Group(
        revision=revision,
        id=record.id,
        name=record.name,
        description=record.description,
        preferred_owners=record.preferred_owners,
        properties=record.properties,
        persistent_state=record.persistent_state,
        owner=holder.node,
        phase=holder.phase,
        epoch=holder.epoch,
        owner_incarnation=holder.incarnation,
        target=holder.target,
        failovers=holder.failovers,
        wish=wish.node if wish else None,
        gave_up=verdict is not None and owner is not None and verdict.epoch == owner.epoch,
        cause=holder.cause,
        since=holder.since,
        lives=holder.lives,
        state=group_state(member.state for member in members),
        maintenance=record.maintenance,
    )


@dataclass(frozen=True, slots=True)
class Ownership:
    """Who may be running a group, as far as its resources' states depend on it.

    Attributes:
        record: the ownership, None when the group never had one.
        heartbeat: that of the node that the ownership names.
        node_name: how people call that node.
    """

    record: OwnerRecord | None = None
    heartbeat: HeartbeatRecord | None = None
    node_name: str = ""

    @property
    def holding(self) -> bool:
        """Whether the ownership names a node that claimed the group and has not released it."""
        return self.record is not None and self.record.node is not None and self.record.phase in HOLDING

    @property
    def lost(self) -> bool:
        """Whether the incarnation that the ownership names has ended (safety rule M4)."""
        if self.record is None or self.heartbeat is None:
            return True
        return self.heartbeat.life is not Life.ALIVE or self.heartbeat.incarnation > self.record.incarnation


def make_resource(
    record: ResourceRecord, state: StateRecord | None, ownership: Ownership, *, revision: int
) -> Resource:
    """Return the resource with the state that its owner reported, if that report still counts.

    A report of the owner counts while the owner holds the group. When the owner's incarnation has ended, what it
    last ran is Unknown until the group is given away. When nobody holds the group nothing runs: Offline, or still
    Failed, so that it can be seen why.
    """
    resource = Resource(
        revision=revision,
        id=record.id,
        name=record.name,
        type=record.type,
        group=record.group,
        description=record.description,
        possible_owners=record.possible_owners,
        dependencies=record.dependencies,
        separate_monitor=record.separate_monitor,
        persistent_state=record.persistent_state,
        properties=record.properties,
        parameters=record.parameters,
    )
    owner = ownership.record
    if state is None or owner is None or state.epoch > owner.epoch:
        return resource
    if not ownership.holding:
        return _at_rest(resource, state)
    if state.node != owner.node or state.incarnation not in (0, owner.incarnation):
        return resource  # another node's, or one of a life that has ended: nothing of it runs
    if state.epoch < owner.given:
        return resource  # of an earlier time that the same life had it: what failed then has not been tried again yet
    if not ownership.lost:
        return _as_reported(resource, state)
    if state.state in (ResourceState.OFFLINE, ResourceState.FAILED):
        return _at_rest(resource, state)
    return _unknown(resource, state, ownership)


def _as_reported(resource: Resource, state: StateRecord) -> Resource:
    return msgspec.structs.replace(
        resource,
        state=state.state,
        state_node=state.node,
        state_epoch=state.epoch,
        information=_information(state),
        process_id=state.process_id,
        monitor_process_id=state.monitor_process_id,
        restarts=state.restarts,
        exhausted=state.exhausted,
        since=state.since,
        pending_since=state.pending_since,
        retry_at=state.retry_at,
        cause=state.cause,
    )


def _at_rest(resource: Resource, state: StateRecord) -> Resource:
    """Nobody runs it. What only a running owner could go on with (restarts, a retry) has ended with the holding."""
    if state.state not in (ResourceState.OFFLINE, ResourceState.FAILED):
        return resource
    return msgspec.structs.replace(
        resource,
        state=state.state,
        state_node=state.node,
        state_epoch=state.epoch,
        information=_information(state),
        since=state.since,
        cause=state.cause,
    )


def _unknown(resource: Resource, state: StateRecord, ownership: Ownership) -> Resource:
    return msgspec.structs.replace(
        resource,
        state=ResourceState.UNKNOWN,
        state_node=state.node,
        state_epoch=state.epoch,
        information=render("owner_lost", {"node": ownership.node_name}),
        since=max(state.since, ownership.heartbeat.since if ownership.heartbeat else 0.0),
    )


def _information(state: StateRecord) -> str:
    if state.information is None:
        return ""
    text = render(state.information.code, state.information.parameters)
    again = state.state is ResourceState.ONLINE and state.information.code in LIFE_ENDS
    return render("running_again", {"process": state.process_id, "detail": text}) if again else text
