"""What can be done with a selection: each verb, for which of the objects, why not for others, and what it would do."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from PySide6.QtCore import QCoreApplication

from clusteradmin.client.ordering import best_owner, started_with, stopped_with
from nodeagent.api.objects import (
    Cluster,
    ClusterObject,
    Group,
    Node,
    NodeId,
    Resource,
    ResourceState,
    kind_of,
)
from nodeagent.api.problems import Problem
from nodeagent.api.requests import (
    BeginMaintenance,
    BringOnline,
    CancelDrain,
    ChangeGroup,
    DeclareOff,
    Delete,
    EndMaintenance,
    EvictNode,
    InitiateFailure,
    MoveGroup,
    PauseNode,
    Request,
    RestartNode,
    ResumeNode,
    Right,
    StartNode,
    StopNode,
    TakeOffline,
    TakeOverNow,
    Verb,
)
from nodeagent.api.rules.dependencies import whole_tree
from nodeagent.api.rules.verbs import verb_problem, verbs_of
from nodeagent.api.states import all_dependents_of
from nodeagent.api.texts import render
from ui.models.picture import Picture
from ui.words import kind_word, listed, state_of

_tr = partial(QCoreApplication.translate, "verbs")

# Verbs of which it makes sense to do them to several objects at once.
SEVERAL = frozenset(Verb) - {Verb.DECLARE_OFF, Verb.RENAME, Verb.NEW_GROUP, Verb.NEW_RESOURCE}
# Verbs that change nothing on the cluster by themselves, so that they stay while it is not heard.
OFFLINE = frozenset({Verb.PROPERTIES})

MOST_NODES = 16  # named in a sentence about what is taken over
MOST_LOOKED_AT = 1000  # selected objects, for what menus say at every change: 70 ms


@dataclass(frozen=True, slots=True)
class Refused:
    """One object for which the verb cannot be done now."""

    item: ClusterObject
    problem: Problem


@dataclass(frozen=True, slots=True)
class Offer:
    """What a verb could do to the selection now.

    Attributes:
        items: for which it can be done; the verb is on when there are any.
        refused: for which it cannot.
        reason: why it is off; empty when it is on.
        consequence: what it would do, a sentence or nothing.
    """

    verb: Verb
    items: tuple[ClusterObject, ...] = ()
    refused: tuple[Refused, ...] = ()
    reason: str = ""
    consequence: str = ""

    @property
    def possible(self) -> bool:
        return bool(self.items)


def offers(selection: Sequence[ClusterObject], picture: Picture, right: Right) -> dict[Verb, Offer]:
    """Return an offer for every verb, to show; *selection* may be empty.

    Of very many objects not all are looked at, and no consequence is said; `offer` looks at all when the verb is done.
    """
    looked_at = _samples(selection)
    found = {verb: offer(verb, looked_at, picture, right) for verb in Verb}
    if len(looked_at) == len(selection):
        return found
    return {verb: replace(one, consequence="") for verb, one in found.items()}


def _samples(selection: Sequence[ClusterObject]) -> Sequence[ClusterObject]:
    """Return so many objects of *selection* as are quickly looked at, among them one of each kind and state."""
    if len(selection) <= MOST_LOOKED_AT:
        return selection
    of_each: dict[object, ClusterObject] = {}
    for item in selection:
        of_each.setdefault((type(item), state_of(item)), item)
    return list({id(item): item for item in (*of_each.values(), *selection[:MOST_LOOKED_AT])}.values())


def offer(verb: Verb, selection: Sequence[ClusterObject], picture: Picture, right: Right) -> Offer:
    """Return what *verb* could do to *selection* now."""
    targets = targets_of(verb, selection, picture)
    if not targets:
        return Offer(verb, reason=_nothing_to_do(verb, selection))
    if not picture.live and verb not in OFFLINE:
        return Offer(verb, reason=_tr("Not connected. Commands are off until the cluster answers."))
    if len(targets) > 1 and verb not in SEVERAL:
        return Offer(verb, reason=_tr("Select one object only."))
    allowed: list[ClusterObject] = []
    refused: list[Refused] = []
    for item in targets:
        found = verb_problem(verb, item, picture.around(item), right)
        if found is None:
            allowed.append(item)
        else:
            refused.append(Refused(item, found))
    reason = "" if allowed else _why_not(refused)
    return Offer(verb, tuple(allowed), tuple(refused), reason, consequence(verb, allowed, refused, picture))


def targets_of(verb: Verb, selection: Sequence[ClusterObject], picture: Picture) -> list[ClusterObject]:
    """Return the objects that *verb* is meant for: a resource's group for Move Group, the cluster for New Group."""
    snapshot = picture.snapshot
    if verb is Verb.NEW_GROUP:
        return [snapshot.cluster]
    if verb is Verb.NEW_RESOURCE:
        groups = _groups_of(selection, picture)
        return [groups[0]] if len(groups) == 1 else [snapshot.cluster]
    if verb is Verb.MOVE_GROUP:
        return list(_groups_of(selection, picture))
    return [item for item in selection if verb in verbs_of(item)]


def _groups_of(selection: Sequence[ClusterObject], picture: Picture) -> list[Group]:
    found: dict[str, Group] = {}
    for item in selection:
        group = picture.snapshot.groups.get(item.group) if isinstance(item, Resource) else item
        if isinstance(group, Group):
            found[group.id] = group
    return list(found.values())


def _nothing_to_do(verb: Verb, selection: Sequence[ClusterObject]) -> str:
    if not selection:
        return _tr("Nothing is selected.")
    kinds = {kind_word(kind_of(item)) for item in selection}
    return _tr("There is nothing of the kind to do with a {0}.").format(listed(sorted(kinds)))


def _why_not(refused: Sequence[Refused]) -> str:
    # Without the nodes' reasons one by one: those stand in the Details pane and in Move Group.
    sentences = list(dict.fromkeys(render(one.problem.code, one.problem.parameters) for one in refused))
    return " ".join(sentences[:3])


_OF_NODES: Mapping[Verb, Callable[[NodeId, str], Request]] = {
    Verb.PAUSE: lambda node, note: PauseNode(node=node, note=note),
    Verb.RESUME: lambda node, note: ResumeNode(node=node, note=note),
    Verb.DRAIN: lambda node, note: PauseNode(node=node, drain=True, note=note),
    Verb.CANCEL_DRAIN: lambda node, note: CancelDrain(node=node, note=note),
    Verb.RESUME_FAILBACK: lambda node, note: ResumeNode(node=node, failback=True, note=note),
    Verb.STOP: lambda node, note: StopNode(node=node, note=note),
    Verb.START: lambda node, note: StartNode(node=node, note=note),
    Verb.RESTART: lambda node, note: RestartNode(node=node, note=note),
    Verb.EVICT: lambda node, note: EvictNode(node=node, note=note),
}


def request_for(
    verb: Verb,
    item: ClusterObject,
    *,
    node: NodeId | None = None,
    group: str = "",
    seconds: float = 0.0,
    typed: str = "",
    note: str = "",
) -> Request:
    """Return the request that does *verb* to *item*.

    Args:
        node: where Move Group goes; None is the best possible one.
        group: where Change Group goes.
        seconds: how long Begin Maintenance lasts.
        typed: the node's name, by which a person confirms that it is off.

    Raises:
        ValueError: the verb is not a single request, such as Properties.
    """
    kind, identity = kind_of(item), str(item.id)
    if verb in _OF_NODES:
        return _OF_NODES[verb](int(identity), note)
    match verb:
        case Verb.BRING_ONLINE:
            return BringOnline(kind=kind, id=identity, note=note)
        case Verb.TAKE_OFFLINE:
            return TakeOffline(kind=kind, id=identity, note=note)
        case Verb.INITIATE_FAILURE:
            return InitiateFailure(resource=identity, note=note)
        case Verb.MOVE_GROUP:
            return MoveGroup(group=identity, node=node, note=note)
        case Verb.CHANGE_GROUP:
            return ChangeGroup(resource=identity, group=group)
        case Verb.DECLARE_OFF if isinstance(item, Node):
            return DeclareOff(node=item.id, name=typed, heartbeat=item.heartbeat, note=note)
        case Verb.TAKE_OVER_NOW if isinstance(item, Cluster):
            return TakeOverNow(nodes=item.brake, note=note)
        case Verb.BEGIN_MAINTENANCE:
            return BeginMaintenance(kind=kind, id=identity, seconds=seconds, note=note)
        case Verb.END_MAINTENANCE:
            return EndMaintenance(kind=kind, id=identity, note=note)
        case _:
            raise ValueError(f"{verb.value} is not a single request")


def delete_request(item: Group | Resource, picture: Picture) -> Delete:
    """Return the request that deletes *item* with everything that depends on it."""
    dependents = all_dependents_of(item, picture.around(item)) if isinstance(item, Resource) else []
    return Delete(kind=kind_of(item), id=item.id, with_dependents=tuple(r.id for r in dependents))


def consequence(verb: Verb, items: Sequence[ClusterObject], refused: Sequence[Refused], picture: Picture) -> str:
    """Say what *verb* would do to *items*, in a sentence; nothing for verbs that only open something."""
    if not items:
        return ""
    if len(items) == 1 and not refused:
        return _of_one(verb, items[0], picture)
    text = _of_several(verb, items, picture)
    if refused and text:
        names = listed([one.item.name for one in refused])
        text += " " + _tr("Not for {0}: {1}").format(
            names, render(refused[0].problem.code, refused[0].problem.parameters)
        )
    return text


def _of_one(verb: Verb, item: ClusterObject, picture: Picture) -> str:
    if verb is Verb.BEGIN_MAINTENANCE:
        return _tr("Nothing of it is restarted, failed over or failed back by itself meanwhile.")
    if verb is Verb.END_MAINTENANCE:
        return _tr("What failed meanwhile is dealt with by its policies again.")
    if isinstance(item, Resource):
        return _of_resource(verb, item, picture)
    if isinstance(item, Group):
        return _of_group(verb, item, picture)
    if isinstance(item, Node):
        return _of_node(verb, item, len(picture.groups_on.get(item.id, ())))
    if isinstance(item, Cluster) and verb is Verb.TAKE_OVER_NOW:
        nodes = listed([picture.snapshot.node_name(node) for node in item.brake], MOST_NODES)
        return _tr("These are declared down and taken over now: {0}.").format(nodes)
    if isinstance(item, Cluster) and verb is Verb.NEW_GROUP:
        return _tr("Opens a wizard; nothing is created before its end.")
    return ""


def _of_node(verb: Verb, item: Node, count: int) -> str:
    said = {
        Verb.PAUSE: _tr("{0} keeps its {1} groups and takes nothing new."),
        Verb.RESUME: _tr("{0} may take groups again."),
        Verb.DRAIN: _tr("{0} is paused, and its {1} groups move away, one after the other."),
        Verb.CANCEL_DRAIN: _tr("{0} keeps the {1} groups that it still has, and stays paused."),
        Verb.RESUME_FAILBACK: _tr("{0} may take groups again, and gets those back that it was drained of."),
        Verb.STOP: _tr("{0} gives its {1} groups away, or takes them offline, and stays out until it is started."),
        Verb.START: _tr("{0} joins the cluster again."),
        Verb.RESTART: _tr("{0} begins anew from what is installed; its applications run on."),
        Verb.DECLARE_OFF: _tr(
            "On your word that {0} is off its {1} groups are taken over at once. If it runs after all, its "
            "applications run twice: look at its power first."
        ),
        Verb.EVICT: _tr("{0} is removed from the cluster, and joins again only when it is admitted."),
    }
    return said[verb].format(item.name, count) if verb in said else ""


def _of_resource(verb: Verb, item: Resource, picture: Picture) -> str:
    near = picture.around(item)
    owner = picture.owner_of(item)
    where = owner.name if owner else _tr("its best possible node")
    match verb:
        case Verb.BRING_ONLINE:
            others = listed([r.name for r in started_with(item, near)])
            if others:
                return _tr("Starts {1} and then {0} on {2}.").format(item.name, others, where)
            return _tr("Starts {0} on {1}; nothing else changes.").format(item.name, where)
        case Verb.TAKE_OFFLINE:
            others = listed([r.name for r in stopped_with(item, near)])
            if others:
                return _tr("Stops {1} and then {0}.").format(item.name, others)
            return _tr("Stops {0}; nothing else changes.").format(item.name)
        case Verb.INITIATE_FAILURE:
            return _tr("Treats {0} as failed; its restart policy decides what follows.").format(item.name)
        case Verb.CHANGE_GROUP:
            along = [near.resources[r].name for r in sorted(whole_tree(item, near) - {item.id})]
            goes = _tr("{0} goes with it.") if len(along) == 1 else _tr("{0} go with it.")
            return goes.format(listed(along)) if along else _tr("It goes alone.")
        case Verb.DELETE:
            others = listed([r.name for r in all_dependents_of(item, near)])
            return _tr("Deletes {1} with it.").format(item.name, others) if others else ""
    return ""


def _of_group(verb: Verb, item: Group, picture: Picture) -> str:
    members = picture.resources_in.get(item.id, [])
    match verb:
        case Verb.BRING_ONLINE:
            count = sum(r.state is not ResourceState.ONLINE for r in members)
            if len(members) == 1:
                return _tr("Starts its only resource.")
            return _tr("Starts {0} of its {1} resources.").format(count, len(members))
        case Verb.TAKE_OFFLINE:
            count = sum(r.state is not ResourceState.OFFLINE for r in members)
            if len(members) == 1:
                return _tr("Stops its only resource.")
            return _tr("Stops {0} of its {1} resources.").format(count, len(members))
        case Verb.MOVE_GROUP:
            best = best_owner(item, picture.around(item))
            if best.node is not None:
                return _tr("Best possible: {0}, {1}.").format(picture.snapshot.node_name(best.node), best.why)
    return ""


def _of_several(verb: Verb, items: Sequence[ClusterObject], picture: Picture) -> str:
    match verb:
        case Verb.BRING_ONLINE:
            count = len(_affected(items, picture, ResourceState.ONLINE))
            return (_tr("Starts 1 resource.") if count == 1 else _tr("Starts {0} resources.")).format(count)
        case Verb.TAKE_OFFLINE:
            count = len(_affected(items, picture, ResourceState.OFFLINE))
            return (_tr("Stops 1 resource.") if count == 1 else _tr("Stops {0} resources.")).format(count)
        case Verb.MOVE_GROUP:
            return _tr("Moves {0} groups, each to its best possible node.").format(len(items))
        case Verb.INITIATE_FAILURE:
            return _tr("Fails {0} resources.").format(len(items))
        case Verb.PAUSE:
            return _tr("Pauses {0} nodes.").format(len(items))
        case Verb.RESUME | Verb.RESUME_FAILBACK:
            return _tr("Resumes {0} nodes.").format(len(items))
        case Verb.DRAIN:
            return _tr("Drains {0} nodes.").format(len(items))
        case Verb.STOP | Verb.RESTART:
            return _tr("Ends the Cluster Service of {0} nodes.").format(len(items))
        case Verb.EVICT:
            return _tr("Removes {0} nodes from the cluster.").format(len(items))
        case Verb.DELETE:
            return _tr("Deletes {0} objects.").format(len(items))
    return ""


def _affected(items: Sequence[ClusterObject], picture: Picture, already: ResourceState) -> set[str]:
    """Return the ids of all resources that the verb reaches and that are not in the state *already*."""
    found: set[str] = set()
    for item in items:
        if isinstance(item, Group):
            found.update(r.id for r in picture.resources_in.get(item.id, ()) if r.state is not already)
        elif isinstance(item, Resource):
            near = picture.around(item)
            others = stopped_with(item, near) if already is ResourceState.OFFLINE else started_with(item, near)
            found.update(r.id for r in (item, *others) if r.state is not already)
    return found
