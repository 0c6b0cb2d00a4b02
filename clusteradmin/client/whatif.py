"""What a request would do now, without asking for it: refused and why, or its effects in the order they come.

Foreseen from rules, policies and the planner's own choice; what only a node knows (is the program there?) is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from clusteradmin.client.ordering import move_plan, running, start_order, started_with, stopped_with
from nodeagent.api.commonproperties import COMMON
from nodeagent.api.objects import (
    ClusterObject,
    Group,
    Network,
    Node,
    NodeId,
    ObjectKind,
    ObjectRef,
    Resource,
    ResourceState,
    Snapshot,
)
from nodeagent.api.problems import ClusterError, Problem, problem, refuse
from nodeagent.api.properties import PropertySpec, Value, check_all, merge
from nodeagent.api.requests import (
    AdmitNode,
    BeginMaintenance,
    BringOnline,
    CancelDrain,
    ChangeGroup,
    CreateGroup,
    CreateResource,
    DeclareOff,
    Delete,
    EndMaintenance,
    EvictNode,
    InitiateFailure,
    MoveGroup,
    PauseNode,
    Rename,
    Request,
    RestartNode,
    ResumeNode,
    Right,
    SetDependencies,
    SetFenceDevices,
    SetPossibleOwners,
    SetPreferredOwners,
    SetProperties,
    StartNode,
    StopNode,
    TakeOffline,
    TakeOverNow,
    Verb,
)
from nodeagent.api.rules.declaring import confirmation_problem
from nodeagent.api.rules.dependencies import dependencies_problem, whole_tree
from nodeagent.api.rules.maintenance import duration_problem
from nodeagent.api.rules.names import name_problem
from nodeagent.api.rules.networks import ALL, address_problem, networks_problem, role_problem
from nodeagent.api.rules.nodes import groups_on
from nodeagent.api.rules.owners import owners_problem
from nodeagent.api.rules.verbs import change_group_problem, move_problem, verb_problem
from nodeagent.api.states import all_dependents_of
from nodeagent.api.texts import sentence
from nodeagent.planner.placement import Choice, best_owner, next_owner
from nodeagent.planner.policies import RestartAction, policy_of

_NodeRequest = PauseNode | ResumeNode | CancelDrain | StopNode | StartNode | RestartNode | EvictNode


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a request would come to: *problem*, or *effects* as sentences."""

    problem: Problem | None = None
    effects: tuple[str, ...] = ()


def foresee(request: Request, cluster: Snapshot, right: Right = Right.ADMINISTER) -> Foreseen:
    """Say what *request* would do; *right* is what the asking user may do."""
    if right < request.right:
        return Foreseen(problem("access_denied", needed=request.right.name.lower()))
    try:
        return _foresee(request, cluster)
    except ClusterError as exc:  # the object is not there
        return Foreseen(exc.problem)


def _foresee(request: Request, cluster: Snapshot) -> Foreseen:
    match request:
        case BringOnline() | TakeOffline() | InitiateFailure() | MoveGroup():
            return _state_verb(request, cluster)
        case CreateGroup() | CreateResource() | Delete():
            return _creation(request, cluster)
        case ChangeGroup(resource=resource, group=group):
            return _change_group(cluster.resource(resource), cluster.group(group), cluster)
        case PauseNode() | ResumeNode() | CancelDrain() | StopNode() | StartNode() | RestartNode() | EvictNode():
            return _of_node(request, cluster.node(request.node), cluster)
        case DeclareOff(node=node, name=typed):
            item = cluster.node(node)
            bad = verb_problem(Verb.DECLARE_OFF, item, cluster) or confirmation_problem(item, typed)
            return _result(bad, f"{item.name} is declared down, and its groups are taken over.")
        case TakeOverNow(nodes=nodes):
            down = f"{_nodes(nodes, cluster)} are declared down, and their groups are taken over."
            return _verb(Verb.TAKE_OVER_NOW, cluster.cluster, cluster, down)
        case BeginMaintenance(kind=kind, id=identity, seconds=seconds):
            name = _object(kind, identity, cluster).name
            effect = f"Nothing of {name} is restarted, failed over or failed back by itself for {seconds:g} s."
            return _result(duration_problem(seconds), effect)
        case EndMaintenance(kind=kind, id=identity):
            ended = _object(kind, identity, cluster)
            return _verb(Verb.END_MAINTENANCE, ended, cluster, f"The policies of {ended.name} act again.")
        case _:
            return _setting(request, cluster)


def _of_node(request: _NodeRequest, node: Node, cluster: Snapshot) -> Foreseen:
    has = [group.name for group in groups_on(node, cluster)]
    its = f"its groups {', '.join(has)}" if has else "no group"
    given = f"{node.name} gives away {its}, or takes them offline."
    match request:
        case PauseNode(drain=True):
            paused = f"{node.name} takes no new groups until it is resumed."
            return _verb(Verb.DRAIN, node, cluster, paused, f"It gives away {its}.")
        case PauseNode():
            stays = f"It keeps {', '.join(has)}." if has else "It has no groups."
            return _verb(Verb.PAUSE, node, cluster, f"{node.name} takes no new groups until it is resumed.", stays)
        case ResumeNode(failback=True):
            back = [cluster.groups[group].name for group in node.drained if group in cluster.groups]
            comes = f"{', '.join(back) or 'No group'} comes back if it can."
            return _verb(Verb.RESUME_FAILBACK, node, cluster, f"{node.name} takes groups again.", comes)
        case ResumeNode():
            return _verb(Verb.RESUME, node, cluster, f"{node.name} takes groups again.")
        case CancelDrain():
            return _verb(Verb.CANCEL_DRAIN, node, cluster, f"{node.name} stays paused and keeps {its}.")
        case StopNode():
            gone = f"{node.name} leaves, and stays out until it is started."
            return _verb(Verb.STOP, node, cluster, given if has else f"{node.name} has no group to give away.", gone)
        case StartNode():
            return _verb(Verb.START, node, cluster, f"{node.name} joins again.")
        case RestartNode():
            return _verb(Verb.RESTART, node, cluster, f"{node.name} begins anew; its applications run on.")
        case EvictNode():
            return _verb(Verb.EVICT, node, cluster, f"{node.name} is removed, and joins again only when admitted.")


def _setting(request: Request, cluster: Snapshot) -> Foreseen:
    match request:
        case Rename(kind=kind, id=identity, name=name):
            bad = name_problem(kind, name, cluster, renamed=identity)
            return _result(bad, f"{_object(kind, identity, cluster).name} is called {name}.")
        case SetProperties():
            return _properties(request, cluster)
        case SetPreferredOwners(group=group, nodes=nodes):
            bad = owners_problem(nodes, cluster, field="preferred_owners")
            return _result(bad, f"{cluster.group(group).name} prefers {_nodes(nodes, cluster) or 'no node'}.")
        case SetPossibleOwners(resource=resource, nodes=nodes):
            bad = owners_problem(nodes, cluster, field="possible_owners")
            which = "every node" if nodes is None else _nodes(nodes, cluster)
            return _result(bad, f"{cluster.resource(resource).name} can be hosted by {which}.")
        case SetDependencies(resource=resource, providers=providers):
            item = cluster.resource(resource)
            bad = dependencies_problem(item, providers, cluster)
            names = ", ".join(cluster.resources[p].name for p in providers if p in cluster.resources)
            return _result(bad, f"{item.name} depends on {names or 'nothing'}.")
        case AdmitNode(name=name):
            return Foreseen(effects=(f"{name} may join again, as a new member.",))
        case SetFenceDevices(node=node, devices=devices):
            how = f"{len(devices)} fence devices" if len(devices) != 1 else "1 fence device"
            return Foreseen(effects=(f"{cluster.node(node).name} has {how}.",))
        case _:
            return Foreseen(effects=("Nothing changes.",))


def _result(bad: Problem | None, *effects: str) -> Foreseen:
    return Foreseen(bad) if bad else Foreseen(effects=effects)


def _verb(verb: Verb, item: ClusterObject, cluster: Snapshot, *effects: str) -> Foreseen:
    return _result(verb_problem(verb, item, cluster), *effects)


def _object(kind: ObjectKind, identity: str, cluster: Snapshot) -> ClusterObject:
    found = cluster.get(ObjectRef(kind, identity))
    if found is None:
        raise refuse("object_unknown", kind=kind.value, id=identity)
    return found


def _nodes(nodes: Iterable[NodeId], cluster: Snapshot) -> str:
    return ", ".join(cluster.node_name(node) for node in nodes)


# --- online, offline, failure, move -----------------------------------------------------------------------------


def _state_verb(request: BringOnline | TakeOffline | InitiateFailure | MoveGroup, cluster: Snapshot) -> Foreseen:
    match request:
        case BringOnline(kind=ObjectKind.GROUP, id=identity, node=node):
            return _group_online(cluster.group(identity), node, cluster)
        case BringOnline(id=identity):
            return _resource_online(cluster.resource(identity), cluster)
        case TakeOffline(kind=ObjectKind.GROUP, id=identity):
            group = cluster.group(identity)
            return _verb(Verb.TAKE_OFFLINE, group, cluster, *_stop(cluster.resources_of(group.id)))
        case TakeOffline(id=identity):
            resource = cluster.resource(identity)
            return _verb(Verb.TAKE_OFFLINE, resource, cluster, *_stop([*stopped_with(resource, cluster), resource]))
        case InitiateFailure(resource=identity):
            resource = cluster.resource(identity)
            return _verb(Verb.INITIATE_FAILURE, resource, cluster, *_failure(resource, cluster))
        case MoveGroup(group=identity, node=node):
            return _move(cluster.group(identity), node, cluster)


def _resource_online(resource: Resource, cluster: Snapshot) -> Foreseen:
    group = cluster.group(resource.group)
    where = f"{group.name} is on {cluster.node_name(group.owner)}." if group.owner else f"{group.name} gets a node."
    return _verb(Verb.BRING_ONLINE, resource, cluster, where, *_start([*started_with(resource, cluster), resource]))


def _group_online(group: Group, node: NodeId | None, cluster: Snapshot) -> Foreseen:
    members = cluster.resources_of(group.id)
    if node is not None and node != group.owner:
        move = _move(group, node, cluster)
        return move if move.problem else Foreseen(effects=(*move.effects, *_start(members)))
    return _verb(Verb.BRING_ONLINE, group, cluster, *_start(members))


def _move(group: Group, node: NodeId | None, cluster: Snapshot) -> Foreseen:
    if bad := move_problem(group, node, cluster):
        return Foreseen(bad)
    if node == group.owner:
        return Foreseen(effects=(f"{group.name} is on {cluster.node_name(node)} already; nothing changes.",))
    effects: list[str] = []
    if node is None:
        choice = best_owner(group, cluster)
        effects += _refused(choice)
        if choice.node is None:
            return Foreseen(move_problem(group, None, cluster), tuple(effects))
        effects.append(f"{cluster.node_name(choice.node)} is the best possible node: {choice.why}.")
        node = choice.node
    plan = move_plan(group, cluster)
    origin = cluster.node_name(group.owner) or "no node"
    effects += _stop(cluster.resources_of(group.id))
    effects.append(f"{group.name} moves from {origin} to {cluster.node_name(node)}.")
    return Foreseen(effects=(*effects, *(f"{r.name} goes online there." for rank in plan.starts for r in rank)))


def _in_order(resources: Iterable[Resource]) -> list[Resource]:
    """Return *resources* with providers before those that need them."""
    return [resource for rank in start_order(resources) for resource in rank]


def _start(resources: Iterable[Resource]) -> list[str]:
    return [f"{r.name} goes online." for r in _in_order(resources) if r.state is not ResourceState.ONLINE]


def _stop(resources: Iterable[Resource]) -> list[str]:
    stopped = [f"{r.name} goes offline." for r in reversed(_in_order(running(resources)))]
    return stopped or ["Nothing of it is online."]


def _failure(resource: Resource, cluster: Snapshot) -> list[str]:
    """Say what the restart policy does next."""
    policy = policy_of(resource, cluster.types.get(resource.type))
    group = cluster.group(resource.group)
    if policy.action is not RestartAction.NONE and resource.restarts < policy.threshold:
        number = f"restart {resource.restarts + 1} of {policy.threshold} within {policy.period:g} s"
        return [f"{resource.name} fails.", f"It is restarted on {cluster.node_name(group.owner)} ({number})."]
    if policy.action is not RestartAction.AFFECT_GROUP:
        return [f"{resource.name} fails and stays failed; {group.name} stays where it is."]
    choice = next_owner(group, cluster)
    refused = _refused(choice)
    if choice.node is None:
        return [f"{resource.name} fails and stays failed: no other node can run {group.name}.", *refused]
    target = f"{group.name} moves to {cluster.node_name(choice.node)}: {choice.why}."
    return [f"{resource.name} fails.", *refused, target]


def _refused(choice: Choice) -> list[str]:
    return [f"{refusal.name} is not taken: {sentence(refusal.reason)}" for refusal in choice.refused]


# --- creating, deleting, changing -------------------------------------------------------------------------------


def _creation(request: CreateGroup | CreateResource | Delete, cluster: Snapshot) -> Foreseen:
    match request:
        case CreateGroup(name=name):
            bad = name_problem(ObjectKind.GROUP, name, cluster) or owners_problem(
                request.preferred_owners, cluster, field="preferred_owners"
            )
            return _result(bad, f"A group {name} is created, offline.")
        case CreateResource():
            return _new_resource(request, cluster)
        case Delete(kind=ObjectKind.GROUP, id=identity):
            group = cluster.group(identity)
            return _verb(Verb.DELETE, group, cluster, f"The group {group.name} is deleted.")
        case Delete(id=identity):
            return _delete(request, cluster.resource(identity), cluster)


def _new_resource(request: CreateResource, cluster: Snapshot) -> Foreseen:
    group = cluster.group(request.group)
    bad = name_problem(ObjectKind.RESOURCE, request.name, cluster)
    kind = cluster.types.get(request.type)
    if kind is None:
        bad = bad or problem("type_unknown", "type", name=request.type)
    else:
        bad = bad or _first(check_all(kind.schema, request.parameters))
        bad = bad or _places(kind.schema, request.parameters, cluster)
    bad = bad or owners_problem(request.possible_owners, cluster, field="possible_owners")
    return _result(bad, f"A resource {request.name} of type {request.type} is created in {group.name}, offline.")


def _delete(request: Delete, resource: Resource, cluster: Snapshot) -> Foreseen:
    dependents = all_dependents_of(resource, cluster)
    if bad := verb_problem(Verb.DELETE, resource, cluster):
        return Foreseen(bad)
    if {r.id for r in dependents} != set(request.with_dependents):
        names = tuple(r.name for r in dependents)
        return Foreseen(problem("others_depend_on_it", name=resource.name, dependents=names))
    return Foreseen(effects=tuple(f"The resource {r.name} is deleted." for r in (*dependents, resource)))


def _change_group(resource: Resource, group: Group, cluster: Snapshot) -> Foreseen:
    names = sorted(cluster.resources[identity].name for identity in whole_tree(resource, cluster))
    goes = "moves" if len(names) == 1 else "move"
    return _result(change_group_problem(resource, group, cluster), f"{', '.join(names)} {goes} to {group.name}.")


def _properties(request: SetProperties, cluster: Snapshot) -> Foreseen:
    item = _object(request.kind, request.id, cluster)
    name = item.name
    schema: tuple[PropertySpec, ...] = ()
    if isinstance(item, Resource) and (kind := cluster.types.get(item.type)):
        schema = kind.schema
    bad = _first(check_all(COMMON[request.kind], request.properties)) or _first(check_all(schema, request.parameters))
    bad = bad or _role(item, request, cluster) or _places(schema, request.parameters, cluster, own=request.id)
    changes = {**request.properties, **request.parameters}
    said = (f"{name}: {key} is set to {'its default' if value is None else value}." for key, value in changes.items())
    return _result(bad, *said)


def _role(item: ClusterObject, request: SetProperties, cluster: Snapshot) -> Problem | None:
    if not isinstance(item, Network):
        return None
    role = merge(COMMON[request.kind], item.properties, request.properties).get("Role", ALL)
    return role_problem(item, role, cluster) if isinstance(role, int) and role != item.role else None


def _places(
    schema: tuple[PropertySpec, ...], parameters: Mapping[str, Value | None], cluster: Snapshot, own: str = ""
) -> Problem | None:
    """Say what is wrong with the networks and addresses among *parameters*."""
    return networks_problem(schema, parameters, cluster) or address_problem(schema, parameters, cluster, own=own)


def _first(found: list[Problem]) -> Problem | None:
    return found[0] if found else None
