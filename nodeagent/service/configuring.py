"""Requests that change the configuration: create, delete, rename, properties, owners, dependencies."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, Final

from msgspec.structs import replace

from nodeagent.api import requests as r
from nodeagent.api.causes import Cause
from nodeagent.api.commonproperties import COMMON
from nodeagent.api.events import Severity
from nodeagent.api.objects import (
    ClusterObject,
    Group,
    Node,
    NodeState,
    ObjectKind,
    Phase,
    Resource,
    ResourceState,
)
from nodeagent.api.problems import Problem, problem, refuse
from nodeagent.api.properties import Value, check_all, merge
from nodeagent.api.requests import Done, Verb
from nodeagent.api.rules.dependencies import dependencies_problem, whole_tree
from nodeagent.api.rules.names import name_problem, normal_form
from nodeagent.api.rules.owners import owners_problem, possible_owners
from nodeagent.api.rules.verbs import change_group_problem
from nodeagent.api.states import all_dependents_of
from nodeagent.api.texts import sentence
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
from nodeagent.service.desk import NAMES, Desk, common_problems, names_taken, refuse_first
from nodeagent.service.questions import Questions

VALIDATION: Final = 2.0  # seconds that possible owners have to answer when settings are saved


class Configuring:
    """Changes the configuration."""

    def __init__(self, desk: Desk, questions: Questions) -> None:
        self._desk = desk
        self._questions = questions

    async def create_group(self, request: r.CreateGroup, why: Cause) -> Done:
        name = normal_form(request.name)
        refuse_first(
            name_problem(ObjectKind.GROUP, name, self._desk.now),
            owners_problem(request.preferred_owners, self._desk.now, field="preferred_owners"),
            *common_problems(ObjectKind.GROUP, dict(request.properties)),
        )
        record = GroupRecord(
            id=uuid.uuid4().hex,
            name=name,
            description=request.description,
            preferred_owners=request.preferred_owners,
            properties=merge(COMMON[ObjectKind.GROUP], {}, dict(request.properties)),
        )
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
        for node in preferred:
            if self._desk.now.nodes[node].state is NodeState.UP:
                return node
        return self._desk.membership.node

    async def create_resource(self, request: r.CreateResource, why: Cause) -> Done:
        now, name = self._desk.now, normal_form(request.name)
        group = now.group(request.group)
        kind = now.types.get(request.type)
        if kind is None:
            raise refuse("type_unknown", "type", name=request.type)
        shown = Resource(id=uuid.uuid4().hex, name=name, type=kind.name, group=group.id)
        refuse_first(
            name_problem(ObjectKind.RESOURCE, name, now),
            owners_problem(request.possible_owners, now, field="possible_owners"),
            dependencies_problem(shown, request.dependencies, now, creating=True),
            *common_problems(ObjectKind.RESOURCE, dict(request.properties)),
            *check_all(kind.schema, dict(request.parameters)),
        )
        record = ResourceRecord(
            id=shown.id,
            name=name,
            type=kind.name,
            group=group.id,
            description=request.description,
            possible_owners=request.possible_owners,
            dependencies=request.dependencies,
            separate_monitor=request.separate_monitor,
            properties=merge(COMMON[ObjectKind.RESOURCE], {}, dict(request.properties)),
            parameters=merge(kind.schema, {}, dict(request.parameters)),
        )
        done = await self._desk.commit(
            {**self._desk.expect(NAMES, group_key(group.id)), resource_key(record.id): 0},
            {**names_taken(), resource_key(record.id): encode(record)},
            self._desk.entry("event_created", shown, why, kind="Resource"),
            created=record.id,
        )
        return replace(done, notices=await self._notices(self._desk.now.resources[record.id]))

    async def delete(self, request: r.Delete, why: Cause) -> Done:
        item = self._desk.item(request.kind, request.id)
        self._desk.check(Verb.DELETE, item)
        entry = self._desk.entry("event_deleted", item, why, kind=request.kind.value.capitalize())
        if isinstance(item, Group):
            keys = (group_key(item.id), owner_key(item.id), wish_key(item.id), verdict_key(item.id))
            return await self._desk.commit(self._desk.expect(NAMES, *keys), names_taken(), entry, delete=keys)
        assert isinstance(item, Resource)
        dependents = all_dependents_of(item, self._desk.now)
        if {d.id for d in dependents} != set(request.with_dependents):
            names = tuple(d.name for d in dependents)
            raise refuse("others_depend_on_it", name=item.name, dependents=names)
        doomed = [item, *dependents]
        doomed_keys = tuple(key for d in doomed for key in (resource_key(d.id), state_key(d.id), order_key(d.id)))
        entries = [entry, *(self._desk.entry("event_deleted", d, why, kind="Resource") for d in dependents)]
        guard = self._desk.expect(NAMES, group_key(item.group), *(resource_key(d.id) for d in doomed))
        return await self._desk.commit(guard, names_taken(), *entries, delete=doomed_keys)

    async def rename(self, request: r.Rename, why: Cause) -> Done:
        item, name = self._desk.item(request.kind, request.id), normal_form(request.name)
        self._desk.check(Verb.RENAME, item)
        refuse_first(name_problem(request.kind, name, self._desk.now, renamed=str(item.id)))
        if request.kind is ObjectKind.NETWORK:
            raise refuse("verb_does_not_apply", verb="rename", kind="network")
        key, record = self._record_of(request.kind, request.id)
        entry = self._desk.events.entry(Severity.INFORMATION, "event_renamed", item, cause=why, old=item.name)
        entry = replace(entry, parameters={**entry.parameters, "name": name})
        values = {**names_taken(), key: encode(replace(record, name=name))}
        return await self._desk.commit(self._desk.expect(NAMES, key), values, entry)

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
        raise refuse("verb_does_not_apply", verb="properties", kind=kind.value)

    async def set_properties(self, request: r.SetProperties, why: Cause) -> Done:
        item = self._desk.item(request.kind, request.id)
        if request.expected and request.expected != item.revision:
            raise refuse("changed_elsewhere", name=item.name)
        schema = COMMON[request.kind]
        parameters_schema = self._parameter_schema(item)
        if request.parameters and not parameters_schema:
            raise refuse("property_unknown", name=next(iter(request.parameters)), known="none")
        refuse_first(
            *common_problems(request.kind, request.properties),
            *check_all(parameters_schema, request.parameters),
        )
        key, record = self._record_of(request.kind, request.id)
        changed = self._with_properties(record, schema, request.properties)
        if request.parameters:
            changed = replace(changed, parameters=merge(parameters_schema, record.parameters, request.parameters))
        what = ", ".join([*request.properties, *request.parameters])
        done = await self._desk.commit(
            self._desk.expect(key), {key: encode(changed)}, self._desk.entry("event_changed", item, why, what=what)
        )
        return replace(done, notices=await self._property_notices(request))

    def _with_properties(self, record: Any, schema: Any, properties: Mapping[str, Value | None]) -> Any:
        """Return the record with its properties changed; Description and SeparateMonitor have fields of their own."""
        rest = {name: value for name, value in properties.items() if name.casefold() != "description"}
        described = [value for name, value in properties.items() if name.casefold() == "description"]
        merged = merge(schema, record.properties, rest)
        changes: dict[str, Any] = {}
        if described and hasattr(record, "description"):
            changes["description"] = str(described[0] or "")
        elif described:
            merged["Description"] = str(described[0] or "")
        if hasattr(record, "separate_monitor") and "SeparateMonitor" in {*merged, *rest}:
            changes["separate_monitor"] = bool(merged.pop("SeparateMonitor", False))
        return replace(record, properties=merged, **changes)

    def _parameter_schema(self, item: ClusterObject) -> tuple[Any, ...]:
        if not isinstance(item, Resource):
            return ()
        kind = self._desk.now.types.get(item.type)
        return kind.schema if kind else ()

    async def _property_notices(self, request: r.SetProperties) -> tuple[Problem, ...]:
        """Say what takes effect later (5024), and what the possible owners find missing."""
        item = self._desk.item(request.kind, request.id)
        if not isinstance(item, Resource):
            return ()
        notices: list[Problem] = []
        later = [s.name for s in self._parameter_schema(item) if s.next_online and s.name in request.parameters]
        later += ["SeparateMonitor"] if "SeparateMonitor" in request.properties else []
        if later and item.state is not ResourceState.OFFLINE:
            notices.append(problem("stored_for_next_online", names=", ".join(later), name=item.name))
        if request.parameters:
            notices += await self._notices(item)
        return tuple(notices)

    async def _notices(self, resource: Resource) -> tuple[Problem, ...]:
        """Ask every possible owner that is up; a missing disk is a warning, not a refusal."""
        nodes = [n for n in sorted(possible_owners(resource, self._desk.now)) if self._is_up(self._desk.now.nodes[n])]
        kind = self._desk.now.types[resource.type]
        if check_all(kind.schema, dict(resource.parameters), complete=True):
            return ()
        answers = await self._questions.ask(nodes, resource.type, resource.parameters, VALIDATION)
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
        refuse_first(*check_all(kind.schema, dict(request.parameters), complete=True))
        wanted = set(self._desk.now.nodes) if request.possible_owners is None else set(request.possible_owners)
        nodes = sorted(wanted & set(self._desk.now.nodes))
        up = [node for node in nodes if self._is_up(self._desk.now.nodes[node])]
        answers = await self._questions.ask(up, request.type, request.parameters, VALIDATION)
        return answers + [r.NodeAnswer(node=node, answered=False) for node in nodes if node not in up]

    async def set_preferred_owners(self, request: r.SetPreferredOwners, why: Cause) -> Done:
        group = self._desk.now.group(request.group)
        refuse_first(owners_problem(request.nodes, self._desk.now, field="preferred_owners"))
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
        record = replace(self._desk.resource_record(resource.id), possible_owners=request.nodes)
        key = resource_key(resource.id)
        entry = self._desk.entry("event_changed", resource, why, what="possible owners")
        return await self._desk.commit(self._desk.expect(key), {key: encode(record)}, entry)

    async def set_dependencies(self, request: r.SetDependencies, why: Cause) -> Done:
        resource = self._desk.now.resource(request.resource)
        refuse_first(dependencies_problem(resource, request.providers, self._desk.now))
        record = replace(self._desk.resource_record(resource.id), dependencies=request.providers)
        key = resource_key(resource.id)
        members = [resource_key(member.id) for member in self._desk.now.resources_of(resource.group)]
        entry = self._desk.entry("event_changed", resource, why, what="dependencies")
        # Two edges added at the same time must not close a circle: expect all that this one was judged by.
        return await self._desk.commit(self._desk.expect(key, *members[:100]), {key: encode(record)}, entry)

    async def change_group(self, request: r.ChangeGroup, why: Cause) -> Done:
        resource, group = self._desk.now.resource(request.resource), self._desk.now.group(request.group)
        self._desk.check(Verb.CHANGE_GROUP, resource)
        refuse_first(change_group_problem(resource, group, self._desk.now))
        tree = sorted(whole_tree(resource, self._desk.now))
        values = {resource_key(i): encode(replace(self._desk.resource_record(i), group=group.id)) for i in tree}
        names = ", ".join(self._desk.now.resources[i].name for i in tree)
        entry = self._desk.entry("event_changed", resource, why, what=f"group, now {group.name}, of {names}")
        guard = self._desk.expect(*values, owner_key(group.id), owner_key(resource.group), group_key(group.id))
        return await self._desk.commit(guard, values, entry)
