"""Requests about nodes as members: pause and drain, resume, stop, start, restart, evict, admit."""

from __future__ import annotations

from msgspec.structs import replace

from nodeagent.api import requests as r
from nodeagent.api.causes import Cause, cause
from nodeagent.api.events import LogEntry, Severity
from nodeagent.api.objects import Node, NodeId, NodeState, ObjectKind, ObjectRef
from nodeagent.api.problems import refuse
from nodeagent.api.requests import Done, Verb
from nodeagent.api.rules.nodes import groups_on
from nodeagent.api.rules.owners import host_problem
from nodeagent.api.spelling import comparable
from nodeagent.database.records import (
    Drain,
    NodeRecord,
    WishRecord,
    encode,
    fence_key,
    group_key,
    heartbeat_key,
    node_key,
    resource_key,
    wish_key,
)
from nodeagent.database.view import ClusterView
from nodeagent.service.desk import NAMES, PIECE, Desk, names_taken


def evicted_record(view: ClusterView, name: str) -> NodeRecord | None:
    """Return the record of the node of that name that was evicted and not admitted again."""
    found, wanted = view.cluster(), comparable(name)
    for number in range(1, found[0].next_node if found else 1):
        record, _ = view.node(number) or (None, 0)
        if record is not None and record.evicted and not record.admitted and comparable(record.name) == wanted:
            return record
    return None


class Members:
    """Changes what is wanted of nodes; the node itself, or who plans, does it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    # --- pause, drain, resume -----------------------------------------------------------------------------------

    async def pause(self, request: r.PauseNode, why: Cause) -> Done:
        node = self._node(request.node, Verb.DRAIN if request.drain else Verb.PAUSE)
        record = replace(self._record(node), paused=True)
        entry = self._desk.entry("event_node_paused", node, why)
        if not request.drain:
            return await self._write(record, entry)
        groups = groups_on(node, self._desk.now)
        former = tuple(group for group in node.drained if group in self._desk.now.groups)
        drained = (*former, *(group.id for group in groups if group.id not in former))
        moves = replace(cause("cause_drain", node=node.name), user=why.user, request=why.request, note=why.note)
        entries = [] if node.paused else [entry]
        entries.append(self._desk.entry("event_drain", node, why, count=str(len(groups))))
        return await self._write(replace(record, drain=Drain(cause=moves, groups=drained)), *entries)

    async def cancel_drain(self, request: r.CancelDrain, why: Cause) -> Done:
        node = self._node(request.node, Verb.CANCEL_DRAIN)
        record = self._record(node)
        over = replace(record, drain=replace(record.drain, over=True) if record.drain else None)
        return await self._write(over, self._desk.entry("event_drain_cancelled", node, why))

    async def resume(self, request: r.ResumeNode, why: Cause) -> Done:
        node = self._node(request.node, Verb.RESUME_FAILBACK if request.failback else Verb.RESUME)
        record = replace(self._record(node), paused=False, drain=None)
        values = {node_key(node.id): encode(record)}
        if request.failback:
            values |= self._back(node, why)
        return await self._desk.commit_all(values, self._desk.entry("event_node_resumed", node, why))

    def _back(self, node: Node, why: Cause) -> dict[str, bytes]:
        """Return the wishes that send the groups back of which the node was drained, those that it can take."""
        now, able = self._desk.now, replace(node, state=NodeState.UP, paused=False)
        back = replace(cause("cause_drain_over", node=node.name), user=why.user, request=why.request, note=why.note)
        groups = [now.groups[group] for group in node.drained if group in now.groups]
        return {
            wish_key(group.id): encode(WishRecord(node=node.id, cause=back))
            for group in groups
            if group.owner != node.id and host_problem(group, able, now) is None
        }

    # --- stop, start, restart -----------------------------------------------------------------------------------

    async def stop(self, request: r.StopNode, why: Cause) -> Done:
        node = self._node(request.node, Verb.STOP)
        record = replace(self._record(node), stopped=why, restart=None)
        return await self._write(record, self._desk.entry("event_node_stop", node, why))

    async def start(self, request: r.StartNode, why: Cause) -> Done:
        node = self._node(request.node, Verb.START)
        record = replace(self._record(node), stopped=None)
        return await self._write(record, self._desk.entry("event_node_start", node, why))

    async def restart(self, request: r.RestartNode, why: Cause) -> Done:
        node = self._node(request.node, Verb.RESTART)
        record = replace(self._record(node), restart=why)
        return await self._write(record, self._desk.entry("event_node_restart", node, why))

    # --- evict, admit -------------------------------------------------------------------------------------------

    async def evict(self, request: r.EvictNode, why: Cause) -> Done:
        """Take the node out of all lists of owners, then make its record a tombstone that joining looks at.

        The heartbeat is expected as it was when the node was found to be down: who joins meanwhile comes first.
        """
        node = self._node(request.node, Verb.EVICT)
        record = self._record(node)
        guard = self._desk.expect(NAMES, node_key(node.id), heartbeat_key(node.id))
        lists = self._without(node.id)
        if len(lists) > PIECE:  # else all or nothing
            await self._desk.commit_all(lists)
            lists = {}
        tombstone = NodeRecord(id=record.id, name=record.name, evicted=why, rest=record.rest)
        return await self._desk.commit(
            {**guard, **self._desk.expect(*lists)},
            {**names_taken(), **lists, node_key(node.id): encode(tombstone)},
            self._desk.entry("event_node_evicted", node, why),
            delete=(fence_key(node.id),),  # no secret is kept for a node that is gone
        )

    def _without(self, node: NodeId) -> dict[str, bytes]:
        """Return groups and resources that name *node* as an owner, without it."""
        now, values = self._desk.now, dict[str, bytes]()
        for group in now.groups.values():
            if node in group.preferred_owners:
                kept = tuple(other for other in group.preferred_owners if other != node)
                values[group_key(group.id)] = encode(replace(self._desk.group_record(group.id), preferred_owners=kept))
        for resource in now.resources.values():
            if resource.possible_owners is not None and node in resource.possible_owners:
                kept = tuple(other for other in resource.possible_owners if other != node)
                record = replace(self._desk.resource_record(resource.id), possible_owners=kept)
                values[resource_key(resource.id)] = encode(record)
        return values

    async def admit(self, request: r.AdmitNode, why: Cause) -> Done:
        record = evicted_record(self._desk.following.view, request.name)
        if record is None:
            raise refuse("not_evicted", "name", name=request.name)
        reference = ObjectRef(ObjectKind.NODE, str(record.id))
        entry = self._desk.events.entry(
            Severity.INFORMATION, "event_node_admitted", reference=reference, name=record.name, cause=why
        )
        return await self._write(replace(record, admitted=True), entry)

    # --- what they share ----------------------------------------------------------------------------------------

    def _node(self, number: NodeId, verb: Verb) -> Node:
        node = self._desk.now.node(number)
        self._desk.check(verb, node)
        return node

    def _record(self, node: Node) -> NodeRecord:
        found = self._desk.following.view.node(node.id)
        if found is None:
            raise refuse("node_unknown", id=str(node.id))
        return found[0]

    async def _write(self, record: NodeRecord, *entries: LogEntry) -> Done:
        key = node_key(record.id)
        return await self._desk.commit(self._desk.expect(key), {key: encode(record)}, *entries)
