"""Doing what the person asked for: from a verb and a selection to requests, with the dialogs that some need."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QCursor
from PySide6.QtWidgets import QMenu

from clusteradmin.client.cluster import Cluster
from clusteradmin.client.commands import send
from clusteradmin.demo import control
from clusteradmin.demo.problems import DemoError
from clusteradmin.wizards.edits import can_rename
from nodeagent.api.objects import ClusterObject, Group, Node, ObjectRef, Resource, ref
from nodeagent.api.problems import ClusterError, Problem, problem
from nodeagent.api.requests import ChangeGroup, Done, MoveGroup, Rename, Request, Verb
from nodeagent.api.rules.dependencies import whole_tree
from nodeagent.api.rules.names import name_problem
from nodeagent.api.rules.verbs import change_group_problem
from nodeagent.api.states import all_dependents_of
from nodeagent.api.texts import sentence
from ui import tasks
from ui.clusterarea import ClusterArea
from ui.dialogs.maintenance import MaintenanceDialog
from ui.dialogs.movegroup import MoveGroupDialog
from ui.dialogs.question import Question, ask
from ui.models.dragging import Drop
from ui.models.moving import targets
from ui.models.picture import Picture
from ui.sheets import open_properties
from ui.verbs import Offer, consequence, delete_request, offer, request_for
from ui.wizards import new_group, new_resource
from ui.words import listed, verb_title

MOST_LINES = 8  # of what a question says of single objects
MOST_SHEETS = 8  # opened at once; a thousand selected rows are a slip


class Commander(QObject):
    """Does verbs for cluster areas. What comes of them is said as a line."""

    said = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        # What is not here is sent as it is.
        self._acts: dict[Verb, Callable[[ClusterArea, Offer], object]] = {
            Verb.PROPERTIES: self._open_properties,
            Verb.NEW_GROUP: self._open_wizard,
            Verb.NEW_RESOURCE: self._open_wizard,
            Verb.RENAME: lambda area, _found: area.edit_name(),
            Verb.MOVE_GROUP: self._move,
            Verb.CHANGE_GROUP: lambda area, _found: self.change_group_menu(area).popup(QCursor.pos()),
            Verb.DELETE: self._delete,
            Verb.DRAIN: self._ask_first,
            Verb.STOP: self._ask_first,
            Verb.EVICT: self._ask_first,
            Verb.TAKE_OVER_NOW: self._ask_first,
            Verb.DECLARE_OFF: self._declare_off,
            Verb.BEGIN_MAINTENANCE: self._begin_maintenance,
        }

    def do(self, area: ClusterArea, verb: Verb) -> None:
        """Do *verb* to the selection of *area*, or say why it cannot be done."""
        if area.picture is None:
            return
        if area.picture.snapshot is not area.cluster.snapshot:
            area.refresh()  # what is decided on must not be older than what is known
        found = offer(verb, area.selection(), area.picture, area.cluster.right)
        if not found.possible:
            self.said.emit(self.tr("{0}: not now. {1}").format(verb_title(verb), found.reason))
            return
        self._acts.get(verb, self._send_each)(area, found)

    def rename(self, area: ClusterArea, reference: ObjectRef, name: str) -> None:
        """Give an object the name that was typed, or say why it cannot have it."""
        snapshot = area.cluster.snapshot
        if snapshot is None or not can_rename(reference.kind):
            return
        bad = name_problem(reference.kind, name, snapshot, renamed=reference.id)
        if bad is not None:
            area.show_problem(bad)
            return
        request = Rename(kind=reference.kind, id=reference.id, name=name)
        self._send(area, [request], self.tr("Renaming to {0} is requested.").format(name))

    def drop(self, area: ClusterArea, drop: Drop) -> None:
        """Do what a drop means: groups move to a node, resources change their group."""
        if drop.problem is not None:
            area.show_problem(drop.problem)
        elif isinstance(drop.target, Node):
            groups = [item for item in drop.items if isinstance(item, Group)]
            if len(groups) == 1:
                self._open_move(area, groups[0], drop.target.id)
                return
            requests: list[Request] = [MoveGroup(group=g.id, node=drop.target.id) for g in groups]
            self._send(area, requests, _asked(Verb.MOVE_GROUP, drop.items))
        else:
            self.change_group(area, [item for item in drop.items if isinstance(item, Resource)], drop.target)

    def change_group(self, area: ClusterArea, resources: Sequence[Resource], group: Group) -> None:
        """Move resources to *group*; asks first when others go along."""
        picture = area.picture
        if picture is None:
            return
        also = _also_moved(resources, picture)
        requests: list[Request] = [
            ChangeGroup(resource=r, group=group.id) for r in _one_of_each_tree(resources, picture)
        ]
        said = _asked(Verb.CHANGE_GROUP, resources)
        if not also:
            self._send(area, requests, said)
            return
        names = listed([r.name for r in resources])
        one = self.tr("{0} goes into the group {1}, with everything that is tied to it by dependencies.")
        several = self.tr("{0} go into the group {1}, with everything that is tied to them by dependencies.")
        question = Question(
            self.tr("Change Group of {0}").format(names),
            (one if len(resources) == 1 else several).format(names, group.name),
            self.tr("Change Group"),
            area,
            also=self.tr("These go with it"),
            names=also,
        )
        ask(question, lambda: self._send(area, requests, said))

    def change_group_menu(self, area: ClusterArea) -> QMenu:
        """Return a menu of the groups that the selected resources could go into, with reasons."""
        menu = QMenu(area)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.setToolTipsVisible(True)
        menu.setTitle(verb_title(Verb.CHANGE_GROUP))
        picture = area.picture
        resources = [item for item in area.selection() if isinstance(item, Resource)]
        if picture is None or not resources:
            return menu
        for group in sorted(picture.snapshot.groups.values(), key=lambda g: g.name.casefold()):
            problems = (change_group_problem(r, group, picture.snapshot) for r in resources)
            bad = next((found for found in problems if found), None)
            action = menu.addAction(group.name)
            action.setEnabled(bad is None)
            action.setToolTip(sentence(bad) if bad else "")
            action.triggered.connect(lambda _on=False, group=group: self.change_group(area, resources, group))
        return menu

    def move_menu(self, area: ClusterArea, menu: QMenu) -> None:
        """Fill *menu* with the nodes that the selected group could move to, each with its reason."""
        menu.clear()
        menu.setToolTipsVisible(True)
        picture = area.picture
        if picture is None:
            return
        found = offer(Verb.MOVE_GROUP, area.selection(), picture, area.cluster.right)
        groups = [item for item in (*found.items, *(r.item for r in found.refused)) if isinstance(item, Group)]
        if len(groups) != 1:
            return
        group = groups[0]
        for target in targets(group, picture):
            action = menu.addAction(f"{target.name}   {target.reason}")
            action.setEnabled(target.possible and found.possible)
            request = MoveGroup(group=group.id, node=target.node)
            said = _asked(Verb.MOVE_GROUP, [group])
            action.triggered.connect(lambda _on=False, request=request, said=said: self._send(area, [request], said))

    def power(self, area: ClusterArea, node: Node, on: bool) -> None:
        """Turn the power of a node of a demo on or off."""
        home = Path(area.cluster.saved.demo_home)
        said = self.tr("{0} is powered on.") if on else self.tr("{0} is without power.")
        tasks.run(area, _power(home, node.name, on), done=lambda _none: self.said.emit(said.format(node.name)))

    # Single verbs

    def _send_each(self, area: ClusterArea, found: Offer) -> None:
        self._send(area, [request_for(found.verb, item) for item in found.items], _asked(found.verb, found.items))

    def _open_properties(self, area: ClusterArea, found: Offer) -> None:
        for item in found.items[:MOST_SHEETS]:
            try:
                open_properties(area.cluster, ref(item), area)
            except ClusterError as exc:
                area.show_problem(exc.problem)

    def _open_wizard(self, area: ClusterArea, found: Offer) -> None:
        item = found.items[0]
        if found.verb is Verb.NEW_GROUP:
            new_group(area.cluster, area)
        else:
            new_resource(area.cluster, area, item.id if isinstance(item, Group) else None)

    def _move(self, area: ClusterArea, found: Offer) -> None:
        if len(found.items) == 1 and isinstance(found.items[0], Group):
            self._open_move(area, found.items[0])
            return
        self._send_each(area, found)

    def _open_move(self, area: ClusterArea, group: Group, node: int | None = None) -> None:
        assert area.picture is not None
        dialog = MoveGroupDialog(area.cluster, group.id, area.picture, area, node=node)
        dialog.moved.connect(self.said)
        area.picture_shown.connect(dialog.show_picture)
        dialog.open()

    def _ask_first(self, area: ClusterArea, found: Offer) -> None:
        """Do what interrupts or removes something, when the person has read what it comes to."""
        requests = [request_for(found.verb, item) for item in found.items]
        said = _asked(found.verb, found.items)
        title = verb_title(found.verb)
        names = listed([item.name for item in found.items])
        lines = [consequence(found.verb, [item], (), area.picture) for item in found.items if area.picture]
        text = "\n".join(lines[:MOST_LINES])
        ask(Question(f"{title}: {names}", text, title, area), lambda: self._send(area, requests, said))

    def _declare_off(self, area: ClusterArea, found: Offer) -> None:
        """Take a person's word that a node is off, for the silence that it is in now, when its name was typed."""
        verb, item = found.verb, found.items[0]
        title = verb_title(verb)
        assert area.picture is not None
        text = consequence(verb, [item], (), area.picture)
        question = Question(f"{title}: {item.name}", text, title, area, confirm=item.name)
        said = _asked(verb, [item])
        ask(question, lambda: self._send(area, [request_for(verb, item, typed=question.typed)], said))

    def _begin_maintenance(self, area: ClusterArea, found: Offer) -> None:
        verb, items = found.verb, found.items
        dialog = MaintenanceDialog([item.name for item in items], area)

        def begin(seconds: float, note: str) -> None:
            requests = [request_for(verb, item, seconds=seconds, note=note) for item in items]
            self._send(area, requests, _asked(verb, items))

        dialog.wanted.connect(begin)
        dialog.open()

    def _delete(self, area: ClusterArea, found: Offer) -> None:
        picture = area.picture
        assert picture is not None
        items = [item for item in found.items if isinstance(item, Group | Resource)]
        names = listed([item.name for item in items])
        chosen = {item.id for item in items}
        also = sorted(
            {
                r.name
                for item in items
                if isinstance(item, Resource)
                for r in all_dependents_of(item, picture.around(item))
                if r.id not in chosen
            }
        )
        requests: list[Request] = [delete_request(item, picture) for item in _not_deleted_with_others(items, picture)]
        one = self.tr("{0} is deleted from the cluster, with its settings. What it ran is not touched.")
        several = self.tr("{0} are deleted from the cluster, with their settings. What they ran is not touched.")
        question = Question(
            self.tr("Delete {0}").format(names),
            (one if len(items) == 1 else several).format(names),
            self.tr("Delete"),
            area,
            also=self.tr("These depend on what is deleted, and are deleted with it"),
            names=also,
        )
        ask(question, lambda: self._send(area, requests, _asked(Verb.DELETE, items)))

    def _send(self, area: ClusterArea, requests: Sequence[Request], said: str) -> None:
        def done(notices: list[Problem]) -> None:
            self.said.emit(" ".join((said, *map(sentence, notices))))

        tasks.run(area, _send_all(area.cluster, requests), done=done)


async def _send_all(cluster: Cluster, requests: Sequence[Request]) -> list[Problem]:
    """Send all requests at once and return their notices; raises the first refusal when all have been answered."""
    answers = await asyncio.gather(*(send(cluster, request) for request in requests), return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return [notice for answer in answers if isinstance(answer, Done) for notice in answer.notices]


async def _power(home: Path, node: str, on: bool) -> None:
    try:
        await control.power(home, node, on)
    except DemoError as exc:
        raise ClusterError(problem("event_notice", detail=str(exc))) from exc


def _asked(verb: Verb, items: Sequence[ClusterObject]) -> str:
    return f"{verb_title(verb)}: {listed([item.name for item in items])}"


def _also_moved(resources: Sequence[Resource], picture: Picture) -> list[str]:
    chosen = {r.id for r in resources}
    names: set[str] = set()
    for resource in resources:
        near = picture.around(resource)
        names |= {near.resources[r].name for r in whole_tree(resource, near) - chosen}
    return sorted(names)


def _one_of_each_tree(resources: Sequence[Resource], picture: Picture) -> list[str]:
    """Return ids such that each tree is asked to move once: its members go together."""
    found: list[str] = []
    seen: set[str] = set()
    for resource in resources:
        if resource.id not in seen:
            found.append(resource.id)
            seen |= whole_tree(resource, picture.around(resource))
    return found


def _not_deleted_with_others(items: Sequence[Group | Resource], picture: Picture) -> list[Group | Resource]:
    """Return what has to be deleted by a request of its own: not what goes with another of *items*."""
    gone = {r.id for item in items if isinstance(item, Resource) for r in all_dependents_of(item, picture.around(item))}
    return [item for item in items if item.id not in gone]
