"""Requests that change the configuration: create, delete, rename, properties, owners, dependencies."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec.structs import replace

from nodeagent.api import requests as r
from nodeagent.api.causes import Cause
from nodeagent.api.commonproperties import COMMON
from nodeagent.api.events import Severity
from nodeagent.api.objects import (
    ClusterObject,
    Group,
    Network,
    Node,
    NodeState,
    ObjectKind,
    Phase,
    Resource,
    ResourceState,
)
from nodeagent.api.problems import Problem, problem, refuse
from nodeagent.api.properties import PropertySpec, Value, check_all, merge
from nodeagent.api.requests import Done, Verb
from nodeagent.api.rules.dependencies import dependencies_problem, whole_tree
from nodeagent.api.rules.names import name_problem, normal_form
from nodeagent.api.rules.networks import (
    ALL,
    address_problem,
    for_nodes,
    networks_problem,
    role_problem,
    users_of,
    with_network_renamed,
    with_subnets,
)
from nodeagent.api.rules.owners import owners_problem, possible_owners
from nodeagent.api.rules.verbs import change_group_problem
from nodeagent.api.states import all_dependents_of
from nodeagent.api.texts import sentence
from nodeagent.database.networks import InterfaceRecord, NetworkRecord, interface_key, network_key
from nodeagent.database.records import (
    CLUSTER,
    GroupRecord,
    OwnerRecord,
    ResourceRecord,
    TypeRecord,
    encode,
    group_key,
    node_key,
    order_key,
    owner_key,
    resource_key,
    state_key,
    type_key,
    verdict_key,
    wish_key,
)
from nodeagent.service.desk import NAMES, Desk, names_taken, refuse_first, refuse_values
from nodeagent.service.questions import Questions
from nodeagent.service.timeofday import is_known

VALIDATION: Final = 2.0  # seconds that possible owners have to answer when settings are saved
DELETED: Final = 30  # resources per commit; each is three keys and an entry of the log


class Configuring:
    """Changes the configuration."""

    def __init__(self, desk: Desk, questions: Questions) -> None:
        self._desk = desk
        self._questions = questions

    async def create_group(self, request: r.CreateGroup, why: Cause) -> Done:
        refuse_first(
            name_problem(ObjectKind.GROUP, request.name, self._desk.now),
            owners_problem(request.preferred_owners, self._desk.now, field="preferred_owners"),
        )
        common = {"Description": request.description, **request.properties}
        refuse_values(COMMON[ObjectKind.GROUP], common)
        record = GroupRecord(
            id=uuid.uuid4().hex, name=normal_form(request.name), preferred_owners=request.preferred_owners
        )
        record = self._with_properties(record, COMMON[ObjectKind.GROUP], common)
        owner = self._first_owner(request.preferred_owners)
        heartbeat = self._desk.following.view.heartbeat(owner)
        made = Cause(rule="cause_created", user=why.user, request=why.request)
        ownership = OwnerRecord(
            phase=Phase.ASSIGNED,
            node=owner,
            incarnation=heartbeat[0].incarnation if heartbeat else 0,
            epoch=1,
            cause=made,
            since=self._desk.events.now(),
        )
        shown = Group(id=record.id, name=record.name)
        return await self._desk.commit(
            {**self._desk.expect(NAMES), group_key(record.id): 0, owner_key(record.id): 0},
            {**names_taken(), group_key(record.id): encode(record), owner_key(record.id): encode(ownership)},
            self._desk.entry("event_created", shown, why, kind="Group"),
            created=record.id,
        )

    def _first_owner(self, preferred: tuple[int, ...]) -> int:
        me, nodes = self._desk.membership.node, self._desk.now.nodes
        ups = (node for node in (*preferred, me, *nodes) if node in nodes and nodes[node].state is NodeState.UP)
        return next(ups, me)

    async def create_resource(self, request: r.CreateResource, why: Cause) -> Done:
        now = self._desk.now
        group = now.group(request.group)
        kind = now.types.get(request.type)
        if kind is None:
            raise refuse("type_unknown", "type", name=request.type)
        refuse_first(
            name_problem(ObjectKind.RESOURCE, request.name, now),
            owners_problem(request.possible_owners, now, field="possible_owners"),
        )
        shown = Resource(id=uuid.uuid4().hex, name=normal_form(request.name), type=kind.name, group=group.id)
        common = {
            "Description": request.description,
            "SeparateMonitor": request.separate_monitor,
            **request.properties,
        }
        refuse_first(dependencies_problem(shown, request.dependencies, now, creating=True))
        refuse_values(COMMON[ObjectKind.RESOURCE], common)
        refuse_values(kind.schema, request.parameters)
        refuse_first(
            networks_problem(kind.schema, request.parameters, now),
            address_problem(kind.schema, request.parameters, now),
        )
        record = ResourceRecord(
            id=shown.id,
            name=shown.name,
            type=kind.name,
            group=group.id,
            possible_owners=request.possible_owners,
            dependencies=request.dependencies,
            parameters=merge(kind.schema, {}, dict(request.parameters)),
        )
        record = self._with_properties(record, COMMON[ObjectKind.RESOURCE], common)
        return await self._desk.commit(
            {**self._desk.expect(NAMES, group_key(group.id)), resource_key(record.id): 0},
            {**names_taken(), resource_key(record.id): encode(record)},
            self._desk.entry("event_created", shown, why, kind="Resource"),
            created=record.id,
        )

    async def delete(self, request: r.Delete, why: Cause) -> Done:
        item = self._desk.item(request.kind, request.id)
        self._desk.check(Verb.DELETE, item)
        entry = self._desk.entry("event_deleted", item, why, kind=request.kind.value.capitalize())
        if isinstance(item, Group):
            keys = (group_key(item.id), owner_key(item.id), wish_key(item.id), verdict_key(item.id))
            return await self._desk.commit(self._desk.expect(NAMES, *keys), names_taken(), entry, delete=keys)
        assert isinstance(item, Resource)
        return await self._delete_resources(item, set(request.with_dependents), why)

    async def _delete_resources(self, item: Resource, named: set[str], why: Cause) -> Done:
        """Delete what needs *item* first, in as few commits as it takes; each is judged by what is there then."""
        while True:
            dependents = all_dependents_of(item, self._desk.now)
            if {d.id for d in dependents} != named & self._desk.now.resources.keys():
                names = tuple(d.name for d in dependents)
                raise refuse("others_depend_on_it", name=item.name, dependents=names)
            doomed = [item, *dependents][-DELETED:]
            keys = tuple(key for d in doomed for key in (resource_key(d.id), state_key(d.id), order_key(d.id)))
            entries = [self._desk.entry("event_deleted", d, why, kind="Resource") for d in doomed]
            guard = self._desk.expect(NAMES, group_key(item.group), *(resource_key(d.id) for d in doomed))
            done = await self._desk.commit(guard, names_taken(), *entries, delete=keys)
            if doomed[0] is item:
                return done

    async def rename(self, request: r.Rename, why: Cause) -> Done:
        item = self._desk.item(request.kind, request.id)
        self._desk.check(Verb.RENAME, item)
        refuse_first(name_problem(request.kind, request.name, self._desk.now, renamed=str(item.id)))
        name = normal_form(request.name)
        if name == item.name:
            return self._desk.nothing_changed
        key, record = self._record_of(request.kind, request.id)
        entry = self._desk.events.entry(Severity.INFORMATION, "event_renamed", item, cause=why, old=item.name)
        entry = replace(entry, parameters={**entry.parameters, "name": name})
        values = {key: encode(replace(record, name=name))}
        if isinstance(item, Network):
            values |= self._follow(item, name)
        return await self._desk.commit(self._desk.expect(NAMES, *values), {**names_taken(), **values}, entry)

    def _follow(self, network: Network, name: str) -> dict[str, bytes]:
        """Return the resources that name *network*, with its new name."""
        changed: dict[str, bytes] = {}
        for resource in users_of(network, self._desk.now):
            parameters = with_network_renamed(resource, network, name, self._desk.now)
            if parameters != resource.parameters:
                record = replace(self._desk.resource_record(resource.id), parameters=parameters)
                changed[resource_key(resource.id)] = encode(record)
        return changed

    def _record_of(self, kind: ObjectKind, identity: str) -> tuple[str, Any]:
        view = self._desk.following.view
        if kind is ObjectKind.CLUSTER:
            found: Any = view.cluster()
            return CLUSTER, found[0]
        if kind is ObjectKind.NODE:
            found = view.node(int(identity))
            return node_key(int(identity)), found[0]
        if kind is ObjectKind.GROUP:
            return group_key(identity), self._desk.group_record(identity)
        if kind is ObjectKind.RESOURCE:
            return resource_key(identity), self._desk.resource_record(identity)
        if kind is ObjectKind.RESOURCE_TYPE:
            found = view.type(identity)
            return type_key(identity), found[0] if found else TypeRecord(name=identity)
        if kind is ObjectKind.NETWORK:
            found = view.network(identity)
            return network_key(identity), found[0] if found else NetworkRecord(id=identity)
        if kind is ObjectKind.INTERFACE:
            found = view.interface(identity)
            return interface_key(identity), found[0] if found else InterfaceRecord(id=identity)
        raise refuse("verb_does_not_apply", verb="properties", kind=kind.value)

    async def set_properties(self, request: r.SetProperties, why: Cause) -> Done:
        item = self._desk.item(request.kind, request.id)
        if request.expected and request.expected != item.revision:
            raise refuse("changed_elsewhere", name=item.name)
        schema = COMMON[request.kind]
        parameters_schema = self._parameter_schema(item)
        if request.parameters and not parameters_schema:
            raise refuse("property_unknown", name=next(iter(request.parameters)), known="none")
        refuse_values(schema, request.properties)
        refuse_values(parameters_schema, request.parameters)
        refuse_first(
            networks_problem(parameters_schema, request.parameters, self._desk.now),
            address_problem(parameters_schema, request.parameters, self._desk.now, own=request.id),
        )
        key, record = self._record_of(request.kind, request.id)
        if isinstance(item, Network):
            self._refuse_role(item, merge(schema, record.properties, request.properties))
        changed = self._with_properties(record, schema, request.properties)
        if request.kind is ObjectKind.CLUSTER and changed.properties != record.properties:
            self._refuse_zone(str(changed.properties.get("TimeZone", "")))
        if request.parameters:
            changed = replace(changed, parameters=merge(parameters_schema, record.parameters, request.parameters))
        if changed == record:
            return self._desk.nothing_changed
        what = ", ".join([*request.properties, *request.parameters])
        return await self._desk.commit(
            self._desk.expect(key), {key: encode(changed)}, self._desk.entry("event_changed", item, why, what=what)
        )

    def _refuse_role(self, network: Network, properties: Mapping[str, Value]) -> None:
        role = properties.get("Role", ALL)
        if isinstance(role, int) and role != network.role:
            refuse_first(role_problem(network, role, self._desk.now))

    def _refuse_zone(self, zone: str) -> None:
        """A zone is known by the node's own tzdata; the schema, which travels, cannot hold all of them."""
        if not is_known(zone):
            node = self._desk.now.node_name(self._desk.membership.node)
            raise refuse("time_zone_unknown", "TimeZone", zone=zone, node=node)

    def _with_properties(
        self, record: Any, schema: Sequence[PropertySpec], properties: Mapping[str, Value | None]
    ) -> Any:
        """Return the record with its properties changed; Description and SeparateMonitor have fields of their own."""
        merged = merge(tuple(schema), record.properties, properties)
        given = {name.casefold() for name in properties}
        changes: dict[str, Any] = {}
        if "description" in given and hasattr(record, "description"):
            changes["description"] = str(merged.pop("Description", ""))
        if "separatemonitor" in given and hasattr(record, "separate_monitor"):
            changes["separate_monitor"] = bool(merged.pop("SeparateMonitor", False))
        return replace(record, properties=merged, **changes)

    def _parameter_schema(self, item: ClusterObject) -> tuple[Any, ...]:
        if not isinstance(item, Resource):
            return ()
        kind = self._desk.now.types.get(item.type)
        return kind.schema if kind else ()

    async def notices(self, request: r.Request, done: Done) -> tuple[Problem, ...]:
        """Say what takes effect later (5024), and what the possible owners find missing.

        Raises:
            StoreError: they could not be asked.
        """
        identity = done.id if isinstance(request, r.CreateResource) else getattr(request, "id", "")
        item = self._desk.now.resources.get(identity)
        if item is None or not isinstance(request, r.CreateResource | r.SetProperties):
            return ()
        notices: list[Problem] = []
        if isinstance(request, r.SetProperties):
            given = {name.casefold() for name in (*request.parameters, *request.properties)}
            schema = (*self._parameter_schema(item), *COMMON[ObjectKind.RESOURCE])
            later = [spec.name for spec in schema if spec.next_online and spec.name.casefold() in given]
            if later and item.state is not ResourceState.OFFLINE:
                notices.append(problem("stored_for_next_online", names=", ".join(later), name=item.name))
        if request.parameters:
            notices += await self._notices(item)
        return tuple(notices)

    async def _notices(self, resource: Resource) -> tuple[Problem, ...]:
        """Ask every possible owner that is up; a missing disk is a warning, not a refusal."""
        nodes = [n for n in sorted(possible_owners(resource, self._desk.now)) if self._is_up(self._desk.now.nodes[n])]
        kind = self._desk.now.types.get(resource.type)
        if kind is None or check_all(kind.schema, dict(resource.parameters), complete=True):
            return ()
        answers = await self._questions.ask(nodes, resource.type, for_nodes(resource, self._desk.now), VALIDATION)
        found: list[Problem] = []
        for answer in answers:
            node = self._desk.now.node_name(answer.node)
            if not answer.answered:
                found.append(problem("no_answer", node=node, seconds=VALIDATION))
            found += [
                Problem(
                    code="validation_failed",
                    parameters={"node": node, "detail": sentence(bad), "code": bad.code},
                    field=bad.field,
                )
                for bad in answer.problems
            ]
        return tuple(found)

    @staticmethod
    def _is_up(node: Node) -> bool:
        return node.state in (NodeState.UP, NodeState.PAUSED)

    async def validate(self, request: r.ValidateParameters) -> list[r.NodeAnswer]:
        kind = self._desk.now.types.get(request.type)
        if kind is None:
            raise refuse("type_unknown", "type", name=request.type)
        refuse_values(kind.schema, request.parameters, complete=True)
        refuse_first(owners_problem(request.possible_owners, self._desk.now, field="possible_owners"))
        wanted = set(self._desk.now.nodes) if request.possible_owners is None else set(request.possible_owners)
        nodes = sorted(wanted)
        up = [node for node in nodes if self._is_up(self._desk.now.nodes[node])]
        refuse_first(networks_problem(kind.schema, request.parameters, self._desk.now))
        parameters = with_subnets(kind.schema, request.parameters, self._desk.now)
        answers = await self._questions.ask(up, request.type, parameters, VALIDATION)
        return answers + [r.NodeAnswer(node=node, answered=False) for node in nodes if node not in up]

    async def set_preferred_owners(self, request: r.SetPreferredOwners, why: Cause) -> Done:
        group = self._desk.now.group(request.group)
        refuse_first(owners_problem(request.nodes, self._desk.now, field="preferred_owners"))
        if request.nodes == group.preferred_owners:
            return self._desk.nothing_changed
        record = replace(self._desk.group_record(group.id), preferred_owners=request.nodes)
        entry = self._desk.entry("event_changed", group, why, what="preferred owners")
        return await self._desk.commit(
            self._desk.expect(group_key(group.id)), {group_key(group.id): encode(record)}, entry
        )

    async def set_possible_owners(self, request: r.SetPossibleOwners, why: Cause) -> Done:
        resource = self._desk.now.resource(request.resource)
        refuse_first(owners_problem(request.nodes, self._desk.now, field="possible_owners"))
        owner = self._desk.now.group(resource.group).owner
        running = resource.state not in (ResourceState.OFFLINE, ResourceState.FAILED)
        if running and request.nodes is not None and owner not in request.nodes:
            # ApiRemoveResourceNode: not the current owner of an online or pending resource
            raise refuse("owner_in_use", "possible_owners", name=resource.name, node=self._desk.now.node_name(owner))
        if request.nodes == resource.possible_owners:
            return self._desk.nothing_changed
        record = replace(self._desk.resource_record(resource.id), possible_owners=request.nodes)
        key = resource_key(resource.id)
        entry = self._desk.entry("event_changed", resource, why, what="possible owners")
        guard = self._desk.expect(key, owner_key(resource.group))
        return await self._desk.commit(guard, {key: encode(record)}, entry)

    async def set_dependencies(self, request: r.SetDependencies, why: Cause) -> Done:
        resource = self._desk.now.resource(request.resource)
        refuse_first(dependencies_problem(resource, request.providers, self._desk.now))
        if request.providers == resource.dependencies:
            return self._desk.nothing_changed
        record = replace(self._desk.resource_record(resource.id), dependencies=request.providers)
        key = resource_key(resource.id)
        entry = self._desk.entry("event_changed", resource, why, what="dependencies")
        # Two edges added at the same time must not close a circle, nor lead to what is deleted or moved just now.
        guard = self._desk.expect(NAMES, key, group_key(resource.group))
        return await self._desk.commit(guard, {**names_taken(), key: encode(record)}, entry)

    async def change_group(self, request: r.ChangeGroup, why: Cause) -> Done:
        resource, group = self._desk.now.resource(request.resource), self._desk.now.group(request.group)
        self._desk.check(Verb.CHANGE_GROUP, resource)
        refuse_first(change_group_problem(resource, group, self._desk.now))
        tree = sorted(whole_tree(resource, self._desk.now))
        values = {resource_key(i): encode(replace(self._desk.resource_record(i), group=group.id)) for i in tree}
        names = ", ".join(self._desk.now.resources[i].name for i in tree)
        entry = self._desk.entry("event_changed", resource, why, what=f"group, now {group.name}, of {names}")
        guard = self._desk.expect(NAMES, *values, owner_key(group.id), owner_key(resource.group), group_key(group.id))
        return await self._desk.commit(guard, {**names_taken(), **values}, entry)
