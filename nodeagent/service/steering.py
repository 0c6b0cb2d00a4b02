"""Requests that change states: online, offline, failure, move."""

from __future__ import annotations

from msgspec.structs import replace

from nodeagent.api import requests as r
from nodeagent.api.causes import Cause
from nodeagent.api.objects import (
    Group,
    Phase,
    Resource,
    ResourceState,
    Wanted,
)
from nodeagent.api.problems import ClusterError, refuse
from nodeagent.api.requests import Done, Verb
from nodeagent.api.rules.maintenance import frozen
from nodeagent.api.rules.owners import host_problem
from nodeagent.api.rules.verbs import move_problem, verb_problem
from nodeagent.api.states import providers_of
from nodeagent.database.records import (
    Order,
    OrderRecord,
    WishRecord,
    encode,
    group_key,
    order_key,
    resource_key,
    wish_key,
)
from nodeagent.service.desk import Desk, refuse_first


class Steering:
    """Changes what is wanted, and where."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def bring_online(self, request: r.BringOnline, why: Cause) -> Done:
        item = self._desk.item(request.kind, request.id)
        if isinstance(item, Group) and request.node is not None and request.node != item.owner:
            if not self._desk.now.resources_of(item.id):
                raise refuse("group_empty", name=item.name)
            refuse_first(move_problem(item, request.node, self._desk.now))
        elif (bad := verb_problem(Verb.BRING_ONLINE, item, self._desk.now)) and bad.code != "already":
            raise ClusterError(bad)
        elif bad:
            return self._desk.nothing_changed
        if isinstance(item, Group):
            return await self._online_group(item, request, why)
        assert isinstance(item, Resource)
        return await self._online_resources([item, *providers_of(item, self._desk.now)], item, why)

    async def _online_group(self, group: Group, request: r.BringOnline, why: Cause) -> Done:
        members = self._desk.now.resources_of(group.id)
        for member in members:
            if member.state is not ResourceState.ONLINE:
                bad = verb_problem(Verb.BRING_ONLINE, member, self._desk.now)
                if bad and bad.code not in ("already", "wrong_state", "node_paused", "no_node_available"):
                    raise ClusterError(bad)
        values = self._wanted(members, Wanted.INHERIT) | self._starts(members, why)
        values |= self._group_wanted(group, Wanted.ONLINE)
        target = request.node
        if target is None:
            target = self._better_place(group)
        if target is not None and target != group.owner:
            values[wish_key(group.id)] = encode(WishRecord(node=target, cause=why))
        return await self._desk.commit_all(values, self._desk.requested(Verb.BRING_ONLINE, group, why))

    def _better_place(self, group: Group) -> int | None:
        """Return 0 ("best possible") when the present owner cannot run the group, else None."""
        owner = self._desk.now.nodes.get(group.owner) if group.owner is not None else None
        return 0 if owner is None or host_problem(group, owner, self._desk.now) else None

    async def _online_resources(self, resources: list[Resource], item: Resource, why: Cause) -> Done:
        values = self._wanted(resources, Wanted.ONLINE) | self._starts(resources, why)
        group = self._desk.now.group(item.group)
        if (place := self._better_place(group)) is not None:
            values[wish_key(group.id)] = encode(WishRecord(node=place, cause=why))
        return await self._desk.commit_all(values, self._desk.requested(Verb.BRING_ONLINE, item, why))

    def _group_wanted(self, group: Group, state: Wanted) -> dict[str, bytes]:
        record = self._desk.group_record(group.id)
        if record.persistent_state is state:
            return {}
        return {group_key(group.id): encode(replace(record, persistent_state=state))}

    def _wanted(self, resources: list[Resource], state: Wanted) -> dict[str, bytes]:
        return {
            resource_key(x.id): encode(replace(self._desk.resource_record(x.id), persistent_state=state))
            for x in resources
            if x.persistent_state is not state
        }

    def _retries(self, resources: list[Resource], why: Cause) -> dict[str, bytes]:
        failed = [x for x in resources if x.state is ResourceState.FAILED]
        return {order_key(x.id): encode(OrderRecord(order=Order.RETRY, cause=why)) for x in failed}

    def _starts(self, resources: list[Resource], why: Cause) -> dict[str, bytes]:
        """As `_retries`; in maintenance what is down is started because a person says so, and for no other reason."""
        now = self._desk.now
        down = [
            x
            for x in resources
            if x.state in (ResourceState.OFFLINE, ResourceState.FAILED) and frozen(now.group(x.group), now)
        ]
        ordered = {order_key(x.id): encode(OrderRecord(order=Order.RETRY, cause=why)) for x in down}
        return ordered | self._retries(resources, why)

    async def take_offline(self, request: r.TakeOffline, why: Cause) -> Done:
        item = self._desk.item(request.kind, request.id)
        if bad := verb_problem(Verb.TAKE_OFFLINE, item, self._desk.now):
            if bad.code == "already":
                return self._desk.nothing_changed
            raise ClusterError(bad)
        entry = self._desk.requested(Verb.TAKE_OFFLINE, item, why)
        if isinstance(item, Group):
            members = self._desk.now.resources_of(item.id)
            values = self._wanted(members, Wanted.INHERIT) | self._retries(members, why)
            return await self._desk.commit_all(values | self._group_wanted(item, Wanted.OFFLINE), entry)
        assert isinstance(item, Resource)
        values = self._wanted([item], Wanted.OFFLINE) | self._retries([item], why)
        return await self._desk.commit_all(values, entry)

    async def initiate_failure(self, request: r.InitiateFailure, why: Cause) -> Done:
        resource = self._desk.now.resource(request.resource)
        self._desk.check(Verb.INITIATE_FAILURE, resource)
        initiated = replace(why, rule="cause_initiated")
        values = {order_key(resource.id): encode(OrderRecord(order=Order.FAIL, cause=initiated))}
        entry = self._desk.requested(Verb.INITIATE_FAILURE, resource, why)
        return await self._desk.commit(self._desk.expect(order_key(resource.id)), values, entry)

    async def move_group(self, request: r.MoveGroup, why: Cause) -> Done:
        group = self._desk.now.group(request.group)
        refuse_first(move_problem(group, request.node, self._desk.now))
        if request.node is not None and request.node == group.owner and group.phase is not Phase.MOVING:
            return self._desk.nothing_changed
        key = wish_key(group.id)
        values = {key: encode(WishRecord(node=request.node or 0, cause=why))}
        entry = self._desk.requested(Verb.MOVE_GROUP, group, why)
        return await self._desk.commit(self._desk.expect(key, group_key(group.id)), values, entry)
