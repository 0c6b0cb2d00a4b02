"""Which verbs are allowed now, and why not: one function, one sentence, for menus, command line and agent."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from nodeagent.api.objects import Cluster as ClusterItself
from nodeagent.api.objects import (
    ClusterObject,
    Group,
    GroupState,
    Network,
    Node,
    NodeId,
    NodeState,
    Phase,
    Resource,
    ResourceState,
    Snapshot,
    Wanted,
    kind_of,
)
from nodeagent.api.problems import Problem, problem
from nodeagent.api.properties import check_all
from nodeagent.api.requests import Right, Verb
from nodeagent.api.rules import nodes as node_rules
from nodeagent.api.rules.declaring import declare_off_problem, take_over_problem
from nodeagent.api.rules.dependencies import missing_requirements, whole_tree
from nodeagent.api.rules.maintenance import begin_problem, end_problem
from nodeagent.api.rules.owners import can_host, host_problem, separation_problem
from nodeagent.api.states import all_dependents_of, providers_of, state_words, wanted
from nodeagent.api.texts import sentence

RIGHTS: dict[Verb, Right] = {
    Verb.BRING_ONLINE: Right.OPERATE,
    Verb.TAKE_OFFLINE: Right.OPERATE,
    Verb.INITIATE_FAILURE: Right.OPERATE,
    Verb.MOVE_GROUP: Right.OPERATE,
    Verb.PAUSE: Right.OPERATE,
    Verb.RESUME: Right.OPERATE,
    Verb.DRAIN: Right.OPERATE,
    Verb.CANCEL_DRAIN: Right.OPERATE,
    Verb.RESUME_FAILBACK: Right.OPERATE,
    Verb.BEGIN_MAINTENANCE: Right.OPERATE,
    Verb.END_MAINTENANCE: Right.OPERATE,
    Verb.PROPERTIES: Right.READ,
}


def verbs_of(item: ClusterObject) -> tuple[Verb, ...]:
    """Return the verbs that this kind of object has, in the order of the menus."""
    if isinstance(item, Group):
        return (
            Verb.BRING_ONLINE,
            Verb.TAKE_OFFLINE,
            Verb.MOVE_GROUP,
            *_MAINTENANCE,
            Verb.NEW_RESOURCE,
            Verb.DELETE,
            Verb.RENAME,
            Verb.PROPERTIES,
        )
    if isinstance(item, Resource):
        return (
            Verb.BRING_ONLINE,
            Verb.TAKE_OFFLINE,
            Verb.INITIATE_FAILURE,
            Verb.CHANGE_GROUP,
            Verb.DELETE,
            Verb.RENAME,
            Verb.PROPERTIES,
        )
    if isinstance(item, Node):
        return (*_NODE, *_MAINTENANCE, Verb.PROPERTIES)
    if isinstance(item, ClusterItself):
        return (Verb.NEW_GROUP, Verb.NEW_RESOURCE, *_MAINTENANCE, Verb.TAKE_OVER_NOW, Verb.RENAME, Verb.PROPERTIES)
    if isinstance(item, Network):
        return (Verb.RENAME, Verb.PROPERTIES)
    return (Verb.PROPERTIES,)


def verb_problem(verb: Verb, item: ClusterObject, cluster: Snapshot, right: Right = Right.ADMINISTER) -> Problem | None:
    """Say why *verb* cannot be done to *item* now, or None when it can.

    Args:
        right: what the asking user may do.
    """
    if verb not in verbs_of(item):
        return problem("verb_does_not_apply", verb=verb.value, kind=kind_of(item).value)
    needed = RIGHTS.get(verb, Right.ADMINISTER)
    if right < needed:
        return problem("access_denied", verb=verb.value, needed=needed.name.lower())
    if verb is Verb.TAKE_OVER_NOW:
        return take_over_problem(item, cluster)
    if verb in _MAINTENANCE:
        return _MAINTENANCE[verb](item, cluster)
    if isinstance(item, Group) and verb in _GROUP:
        return _GROUP[verb](item, cluster)
    if isinstance(item, Resource) and verb in _RESOURCE:
        return _RESOURCE[verb](item, cluster)
    if isinstance(item, Node) and verb in _NODE:
        return _NODE[verb](item, cluster)
    if verb is Verb.NEW_RESOURCE and not cluster.groups:
        return problem("no_group_yet")
    return None


def move_problem(group: Group, node: NodeId | None, cluster: Snapshot) -> Problem | None:
    """Say why *group* cannot be moved to *node* (None: the best possible one), or None when it can.

    Moving to the present owner is allowed and does nothing (ApiMoveGroupToNode).
    """
    if group.phase is Phase.STUCK:
        return problem("group_stuck", name=group.name, node=cluster.node_name(group.owner))
    if node is None:
        others = [n for _, n in sorted(cluster.nodes.items()) if n.id != group.owner]
        return _none_of(others, group, cluster)
    if node not in cluster.nodes:
        return problem("node_unknown", "node", id=str(node))
    if node == group.owner and group.phase is not Phase.MOVING:
        return None
    return placing_problem(group, cluster.nodes[node], cluster)


def placing_problem(group: Group, node: Node, cluster: Snapshot) -> Problem | None:
    """Say why *group* cannot be given to *node* now, enforced anti-affinity included."""
    return host_problem(group, node, cluster) or separation_problem(group, node.id, cluster)


def _none_of(nodes: Iterable[Node], group: Group, cluster: Snapshot) -> Problem | None:
    """Say why none of *nodes* can take *group*, each with its reason; None when one can."""
    refusals: list[Problem] = []
    for node in nodes:
        bad = placing_problem(group, node, cluster)
        if bad is None:
            return None
        refusals.append(bad)
    return problem("no_node_available", name=group.name, reasons=tuple(map(sentence, refusals)))


def _online_group(group: Group, cluster: Snapshot) -> Problem | None:
    if not cluster.resources_of(group.id):
        return problem("group_empty", name=group.name)
    if group.state is GroupState.ONLINE and group.persistent_state is Wanted.ONLINE:
        return problem("already", name=group.name, state="online")
    return _owner_problem(group, cluster, cluster.resources_of(group.id))


def _owner_problem(group: Group, cluster: Snapshot, needed: Iterable[Resource]) -> Problem | None:
    """Nothing is brought online on a paused node, beside what it is kept apart from, nor where nobody can run it.

    Source: ApiOnlineGroup (70, 5071). From an owner that is down or cannot run it the group goes to another node.
    """
    if group.phase is Phase.STUCK:
        return problem("group_stuck", name=group.name, node=cluster.node_name(group.owner))
    owner = cluster.nodes.get(group.owner) if group.owner is not None else None
    if owner and owner.state in (NodeState.UP, NodeState.PAUSED) and group.phase is not Phase.MOVING:
        bad = host_problem(group, owner, cluster, needed) or separation_problem(group, owner.id, cluster)
        if bad is None or bad.code in ("node_paused", "anti_affinity"):
            return bad
    return _none_of((n for _, n in sorted(cluster.nodes.items())), group, cluster)


def _offline_group(group: Group, cluster: Snapshot) -> Problem | None:
    members = cluster.resources_of(group.id)
    if not members:
        return problem("group_empty", name=group.name)
    if group.persistent_state is Wanted.OFFLINE and all(
        r.state is ResourceState.OFFLINE and r.persistent_state is not Wanted.ONLINE for r in members
    ):
        return problem("already", name=group.name, state="offline")
    return None


def _move(group: Group, cluster: Snapshot) -> Problem | None:
    return move_problem(group, None, cluster)


def _delete_group(group: Group, cluster: Snapshot) -> Problem | None:
    members = cluster.resources_of(group.id)
    if members:
        return problem("group_not_empty", name=group.name, resources=tuple(r.name for r in members))
    return None


def _online_resource(resource: Resource, cluster: Snapshot) -> Problem | None:
    if resource.state is ResourceState.ONLINE:
        return problem("already", name=resource.name, state="online")
    if resource.state is ResourceState.OFFLINE_PENDING:
        return problem("wrong_state", name=resource.name, state=state_words(resource.state))
    needed = (resource, *providers_of(resource, cluster))
    for one in needed:
        if bad := _cannot_run(one, cluster):
            return bad
    return _owner_problem(cluster.group(resource.group), cluster, needed)


def _cannot_run(resource: Resource, cluster: Snapshot) -> Problem | None:
    kind = cluster.types.get(resource.type)
    if kind is None:
        return problem("type_unknown", name=resource.type)
    if missing := check_all(kind.schema, resource.parameters, complete=True):
        return missing[0]
    if requirements := missing_requirements(resource, cluster):
        return requirements[0]
    if not any(can_host(resource, node, cluster) for node in cluster.nodes):
        return problem("nowhere_possible", "possible_owners", name=resource.name, type=resource.type)
    return None


def _offline_resource(resource: Resource, cluster: Snapshot) -> Problem | None:
    """What waits, offline, for its provider can be taken offline as well: then it waits no longer."""
    group = cluster.groups.get(resource.group)
    goal = wanted(resource, group) if group else resource.persistent_state
    if goal is Wanted.ONLINE:
        return None
    if resource.state is ResourceState.OFFLINE:
        return problem("already", name=resource.name, state="offline")
    if resource.state is ResourceState.OFFLINE_PENDING:
        return problem("wrong_state", name=resource.name, state=state_words(resource.state))
    return None


def _fail(resource: Resource, cluster: Snapshot) -> Problem | None:
    """Only an online resource can be failed (ApiFailResource)."""
    del cluster
    if resource.state is not ResourceState.ONLINE:
        return problem("not_online", name=resource.name, state=state_words(resource.state))
    return None


def _change_group(resource: Resource, cluster: Snapshot) -> Problem | None:
    if len(cluster.groups) < 2:
        return problem("no_other_group", name=resource.name)
    return None


def change_group_problem(resource: Resource, group: Group, cluster: Snapshot) -> Problem | None:
    """Say why *resource* with its tree cannot go into *group*; both groups must be on one node."""
    if resource.group == group.id:
        return problem("already_in_group", name=resource.name, group=group.name)
    source = cluster.group(resource.group)
    tree = [cluster.resources[r] for r in whole_tree(resource, cluster)]
    busy = next((r for r in tree if r.state.pending), None)
    if busy:
        return problem("wrong_state", name=busy.name, state=state_words(busy.state))
    if Phase.MOVING in (source.phase, group.phase):
        return problem("group_moving", name=source.name if source.phase is Phase.MOVING else group.name)
    if source.owner != group.owner and any(r.state is not ResourceState.OFFLINE for r in tree):
        return problem(
            "groups_on_different_nodes",
            name=resource.name,
            group=source.name,
            node=cluster.node_name(source.owner) or "no node",
            other=group.name,
            other_node=cluster.node_name(group.owner) or "no node",
        )
    return None


def _delete_resource(resource: Resource, cluster: Snapshot) -> Problem | None:
    tree = (resource, *all_dependents_of(resource, cluster))
    running = next((r for r in tree if r.state not in (ResourceState.OFFLINE, ResourceState.FAILED)), None)
    if running:
        return problem("delete_while_online", name=running.name)
    return None


_GROUP: dict[Verb, Callable[[Group, Snapshot], Problem | None]] = {
    Verb.BRING_ONLINE: _online_group,
    Verb.TAKE_OFFLINE: _offline_group,
    Verb.MOVE_GROUP: _move,
    Verb.DELETE: _delete_group,
}
_RESOURCE: dict[Verb, Callable[[Resource, Snapshot], Problem | None]] = {
    Verb.BRING_ONLINE: _online_resource,
    Verb.TAKE_OFFLINE: _offline_resource,
    Verb.INITIATE_FAILURE: _fail,
    Verb.CHANGE_GROUP: _change_group,
    Verb.DELETE: _delete_resource,
}
_NODE: dict[Verb, Callable[[Node, Snapshot], Problem | None]] = {
    Verb.PAUSE: node_rules.pause_problem,
    Verb.DRAIN: node_rules.drain_problem,
    Verb.CANCEL_DRAIN: node_rules.cancel_drain_problem,
    Verb.RESUME: node_rules.resume_problem,
    Verb.RESUME_FAILBACK: node_rules.resume_failback_problem,
    Verb.STOP: node_rules.stop_problem,
    Verb.START: node_rules.start_problem,
    Verb.RESTART: node_rules.restart_problem,
    Verb.EVICT: node_rules.evict_problem,
    Verb.DECLARE_OFF: declare_off_problem,
}
_MAINTENANCE: dict[Verb, Callable[[ClusterObject, Snapshot], Problem | None]] = {
    Verb.BEGIN_MAINTENANCE: begin_problem,
    Verb.END_MAINTENANCE: end_problem,
}
