"""Where a group can move: every node with its reason, the best possible one first; and what will happen."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QCoreApplication, QModelIndex, QObject, QPersistentModelIndex, Qt

from clusteradmin.client.ordering import best_owner, move_plan
from nodeagent.api.objects import Group, NodeId, NodeState, Resource, Snapshot
from nodeagent.api.rules.verbs import move_problem
from ui.models.columns import glyph_of, state_text
from ui.models.eventlines import reason_of
from ui.models.information import as_of
from ui.models.picture import Picture
from ui.models.roles import Cell, Role, Tone
from ui.words import listed

Index = QModelIndex | QPersistentModelIndex
_NO_PARENT = QModelIndex()
_tr = partial(QCoreApplication.translate, "moving")


@dataclass(frozen=True, slots=True)
class Target:
    """One line: a node, or (None) the best possible one. *reason* says why it can or cannot be."""

    node: NodeId | None
    goes_to: NodeId | None
    name: str
    now: str
    possible: bool
    reason: str
    glyph: str | None = None


def targets(group: Group, picture: Picture) -> list[Target]:
    """Return the best possible node and then each node by number, with reasons."""
    near = picture.around(group)
    best = best_owner(group, near)
    nodes = sorted(picture.snapshot.nodes.values(), key=lambda node: node.id)
    found = [_best(group, near, best.node, best.why)]
    for node in nodes:
        here = node.id == group.owner
        bad = move_problem(group, node.id, near)
        if here:
            reason = _tr("No: already here")
        elif bad is not None:
            reason = _tr("No: {0}").format(reason_of(node.name, bad).removeprefix(": ").removeprefix("is "))
        elif node.id in group.preferred_owners:
            reason = _tr("Yes: preferred owner number {0}").format(group.preferred_owners.index(node.id) + 1)
        else:
            reason = _tr("Yes: a possible owner")
        glyph = None if node.state is NodeState.UP else glyph_of(node, picture)
        found.append(
            Target(node.id, node.id, node.name, _now(node.id, picture), not here and bad is None, reason, glyph)
        )
    return found


def _best(group: Group, near: Snapshot, best: NodeId | None, why: str) -> Target:
    if best is None or best == group.owner:
        return Target(None, None, _tr("Best possible"), "", False, _tr("No: no other node can run it"))
    name = near.node_name(best)
    now = _tr("now {0}").format(name)
    return Target(None, best, _tr("Best possible"), now, True, _tr("Yes: {0}").format(why))


def _now(node: NodeId, picture: Picture) -> str:
    item = picture.snapshot.nodes[node]
    since = picture.stale_since(item)
    if since is not None:
        return as_of(since, picture.now)
    if item.state not in (NodeState.UP, NodeState.PAUSED):
        return state_text(item, picture).lower()
    count = len(picture.groups_on.get(node, ()))
    load = item.facts.get("load", "")
    return _tr("{0}, load {1}").format(_groups(count), load) if load else _groups(count)


def _groups(count: int) -> str:
    return _tr("1 group") if count == 1 else _tr("{0} groups").format(count)


@dataclass(frozen=True, slots=True)
class Step:
    """One line of what will happen: a state's glyph, and the resources that come to it together."""

    glyph: str
    text: str


@dataclass(frozen=True, slots=True)
class MoveOutlook:
    """What moving to a node comes to: the steps, and facts as label and text."""

    stop_title: str
    stops: tuple[Step, ...]
    start_title: str
    starts: tuple[Step, ...]
    facts: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]


def outlook(group: Group, node: NodeId, picture: Picture) -> MoveOutlook:
    """Return what will happen when *group* moves to *node*, as far as the rules tell."""
    near = picture.around(group)
    plan = move_plan(group, near)
    target = near.node_name(node)
    source = near.node_name(group.owner) or _tr("nowhere")
    starts = [Step("online pending", _names(rank)) for rank in plan.starts]
    if plan.stays:
        starts.append(Step("offline", _tr("{0} stays as it is").format(_names(plan.stays))))
    count = len(picture.groups_on.get(node, ())) + 1
    addresses = [r.name for rank in plan.starts for r in rank if r.type in ("IP Address", "Network Name")]
    facts = [(_tr("Interruption"), _tr("not known yet") if plan.stops else _tr("none: nothing is online"))]
    if addresses:
        facts.append((_tr("Go along"), listed(addresses)))
    facts.append((_tr("{0} afterwards").format(target), _groups(count)))
    pending = [r.name for r in picture.resources_in.get(group.id, ()) if r.state.pending]
    warnings = [
        _tr("{0} is still pending: what it is doing ends, and starts again on {1}.").format(n, target) for n in pending
    ]
    return MoveOutlook(
        _tr("Offline on {0}, last needed first").format(source),
        tuple(Step("offline pending", _names(rank)) for rank in plan.stops),
        _tr("Online on {0}, first needed first").format(target),
        tuple(starts),
        tuple(facts),
        tuple(warnings),
    )


def _names(resources: tuple[Resource, ...]) -> str:
    return listed([r.name for r in resources], 5)


class TargetModel(QAbstractTableModel):
    """The lines of Move Group: move to, now, can it run there and why."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.targets: list[Target] = []

    def show_targets(self, found: list[Target]) -> None:
        """Show these lines; the nodes of a cluster hardly ever change while one looks."""
        if [t.node for t in found] != [t.node for t in self.targets]:
            self.beginResetModel()
            self.targets = found
            self.endResetModel()
        elif found != self.targets:
            self.targets = found
            self.dataChanged.emit(self.index(0, 0), self.index(len(found) - 1, 2))

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self.targets)

    def columnCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else 3

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Role.CELL:
            return self._cell(self.targets[index.row()], index.column())
        if role == Qt.ItemDataRole.DisplayRole:
            return self._cell(self.targets[index.row()], index.column()).text
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return (self.tr("Move to"), self.tr("Now"), self.tr("Can it run there, and why"))[section]
        return None

    @staticmethod
    def _cell(target: Target, column: int) -> Cell:
        tone = Tone.TEXT if target.possible else Tone.TEXT2
        match column:
            case 0:
                kind = "group" if target.node is None else "node"
                return Cell(target.name, kind=kind, tone=tone, strong=target.node is None, owner_glyph=target.glyph)
            case 1:
                return Cell(target.now, tone=Tone.TEXT2)
        return Cell(target.reason, state="online" if target.possible else "offline", tone=tone)
