"""The paper's story by the window: the real one, by keys and clicks, on a running demo behind SSH.

With CLUSTERADMIN_TEST_PICTURES=DIRECTORY each station is drawn into a file there.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
import pytest_asyncio
from PySide6.QtCore import QMimeData, QModelIndex, QPointF, Qt
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractItemView, QApplication, QLineEdit, QWidget

from clusteradmin.client.cluster import ConnectionState, Update
from nodeagent.api.objects import Group, GroupState, NodeState, ObjectKind, ObjectRef, Resource, ResourceState, ref
from nodeagent.api.requests import Verb
from nodeagent.api.texts import because
from tests.support.demo import RunningDemo, private_account, running_demo, still_there
from tests.support.witness import Witness
from ui.clusterarea import ClusterArea
from ui.dialogs.connect import ConnectDialog
from ui.dialogs.movegroup import MoveGroupDialog
from ui.dialogs.question import Question
from ui.mainwindow import MainWindow
from ui.models.places import GROUPS, RESOURCES, Branch, Place
from ui.sheets.group import FailbackPage
from ui.sheets.sheet import Sheet
from ui.wizards.newgroup import NewGroupWizard, PreferredOwnersPage
from ui.wizards.newresource import NewResourceWizard
from ui.wizards.propertypage import ParametersPage

pytestmark = [pytest.mark.timeout(300), pytest.mark.asyncio]

SECONDS = 60.0
PICTURES = os.environ.get("CLUSTERADMIN_TEST_PICTURES")
W = TypeVar("W", bound=QWidget)
T = TypeVar("T")


@pytest.fixture(scope="module")
def demo() -> Iterator[RunningDemo]:
    """A demo with the group High Availability Notepad; each test leaves all nodes on."""
    with private_account() as account, running_demo(account) as running:
        yield running


@pytest_asyncio.fixture
async def window(qapp: QApplication, demo: RunningDemo, tmp_path: Path) -> AsyncIterator[MainWindow]:
    made = MainWindow(demo.clients, tmp_path / "window.json")
    made.resize(1280, 800)
    made.show()
    made.activateWindow()
    yield made
    made.hide()
    await made.shut_down()
    made.deleteLater()


def draw(widget: QWidget, name: str) -> None:
    """Draw *widget* into a file, if that is wanted."""
    if PICTURES:
        Path(PICTURES).mkdir(parents=True, exist_ok=True)
        assert widget.grab().save(str(Path(PICTURES) / f"{name}.png"))


async def picture(widget: QWidget, name: str) -> None:
    """Draw *widget* once what has just been put into layouts has got its place."""
    if PICTURES:
        await asyncio.sleep(0.1)
        draw(widget, name)


async def until(test: Callable[[], T | None], seconds: float = SECONDS) -> T:
    """Let the loop turn until *test* gives something, and return that."""
    async with asyncio.timeout(seconds):
        while not (found := test()):  # noqa: ASYNC110 - what is waited for is seen on widgets, which have no event for it
            await asyncio.sleep(0.01)
    return found


async def shown(parent: QWidget, kind: type[W]) -> W:
    """Return the dialog of that kind when it is there."""

    def find() -> W | None:
        return next((one for one in parent.findChildren(kind) if one.isVisible()), None)

    return await until(find)


async def gone(parent: QWidget, kind: type[QWidget]) -> None:
    await until(lambda: not any(one.isVisible() for one in parent.findChildren(kind)))


def type_in(field: QWidget, text: str) -> None:
    QTest.keyClick(field, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClicks(field, text)


def click(button: QWidget) -> None:
    assert button.isEnabled(), button.toolTip()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def click_row(view: QAbstractItemView, index: QModelIndex) -> None:
    assert index.isValid()
    view.scrollTo(index)
    QTest.mouseClick(
        view.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, view.visualRect(index).center()
    )


async def opened(window: MainWindow, demo: RunningDemo) -> ClusterArea:
    """Open the demo as a person does."""
    QTest.keyClick(window, Qt.Key.Key_O, Qt.KeyboardModifier.ControlModifier)
    dialog = await shown(window, ConnectDialog)
    line = dialog.field.lineEdit()
    assert line is not None
    type_in(line, demo.name)
    QTest.keyClick(line, Qt.Key.Key_Return)
    area = await until(window.current)
    await until(lambda: area.picture)
    return area


def resource_named(area: ClusterArea, name: str) -> Resource:
    assert area.cluster.snapshot is not None
    found = area.cluster.snapshot.find(ObjectKind.RESOURCE, name)
    assert isinstance(found, Resource), name
    return found


def group_named(area: ClusterArea, name: str) -> Group:
    assert area.cluster.snapshot is not None
    found = area.cluster.snapshot.find(ObjectKind.GROUP, name)
    assert isinstance(found, Group), name
    return found


def owner_of(area: ClusterArea, name: str) -> str:
    assert area.cluster.snapshot is not None
    return area.cluster.snapshot.node_name(group_named(area, name).owner)


async def settled(area: ClusterArea, name: str, state: GroupState, *, off: str = "") -> str:
    """Wait until the group is in that state, not on the node *off*; return its owner."""

    def test() -> str | None:
        owner = owner_of(area, name)
        members = area.cluster.snapshot.resources_of(group_named(area, name).id) if area.cluster.snapshot else []
        current = all(one.state_epoch == group_named(area, name).epoch for one in members)
        return owner if group_named(area, name).state is state and current and owner != off else None

    return await until(test)


def select(area: ClusterArea, item: Resource | Group) -> None:
    """Click on the row of *item* in the list that has it."""
    place = GROUPS if isinstance(item, Group) else RESOURCES
    click_row(area.tree.view, area.tree.model.index_of(place))
    assert area.list.place == place
    # Not on the name: a second click there would begin to rename it.
    click_row(area.list.view, area.list.model.index_of(ref(item)).siblingAtColumn(1))
    assert [ref(one) for one in area.selection()] == [ref(item)]


async def do(window: MainWindow, area: ClusterArea, verb: Verb, item: Resource | Group) -> None:
    """Select *item* and use the menu's action, once it is on."""
    await until(lambda: area.picture is not None and area.picture.snapshot.get(ref(item)) is not None)
    select(area, item)
    await until(window.actions_.verbs[verb].isEnabled)
    window.actions_.verbs[verb].trigger()


async def deleted(area: ClusterArea, reference: ObjectRef) -> None:
    await until(lambda: area.cluster.snapshot is not None and area.cluster.snapshot.get(reference) is None)


async def rename_in_place(window: MainWindow, area: ClusterArea, item: Resource | Group, name: str) -> None:
    await do(window, area, Verb.RENAME, item)
    editor = await until(lambda: next(iter(area.list.view.viewport().findChildren(QLineEdit)), None))
    type_in(editor, name)
    await picture(window, "06-rename-in-place")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    await until(lambda: area.picture is not None and area.picture.snapshot.find(ObjectKind.GROUP, name))


def drop(view: QAbstractItemView, data: QMimeData, index: QModelIndex) -> None:
    """Drop *data* on the item at *index*, by the events that a drag ends with."""
    view.scrollTo(index)
    where = view.visualRect(index).center()
    action, left, no_key = Qt.DropAction.MoveAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    for event in (
        QDragEnterEvent(where, action, data, left, no_key),
        QDragMoveEvent(where, action, data, left, no_key),
    ):
        QApplication.sendEvent(view.viewport(), event)
        assert event.isAccepted()
    QApplication.sendEvent(view.viewport(), QDropEvent(QPointF(where), action, data, left, no_key))


async def create_group(window: MainWindow, area: ClusterArea, name: str) -> Group:
    """Go through the New Group wizard by keys."""
    await until(window.actions_.verbs[Verb.NEW_GROUP].isEnabled)
    window.activateWindow()
    await until(window.isActiveWindow)
    QTest.keyClick(window, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    wizard = await shown(window, NewGroupWizard)
    wizard.activateWindow()
    type_in(wizard.page().name.editor.field, name)  # type: ignore[attr-defined]
    QTest.keyClick(wizard, Qt.Key.Key_Return)
    page = wizard.page()
    assert isinstance(page, PreferredOwnersPage)
    for row in (0, 0):  # NODE1, then NODE2, which has become the first
        view = page.lists.lists.available
        click_row(view, view.model().index(row, 0))
        click(page.lists.lists.add_button)
    assert page.lists.lists.chosen() == ["1", "2"]
    await picture(wizard, "01-new-group")
    click(wizard.next_button)
    await picture(wizard, "02-new-group-review")
    click(wizard.next_button)
    await gone(window, NewGroupWizard)
    await until(lambda: area.cluster.snapshot and area.cluster.snapshot.find(ObjectKind.GROUP, name))
    return group_named(area, name)


async def create_resource(
    window: MainWindow, area: ClusterArea, group: Group, name: str, witness: Witness, directory: Path
) -> Resource:
    """Go through the New Resource wizard by keys; its node is asked whether program and directory are there."""
    await do(window, area, Verb.NEW_RESOURCE, group)
    wizard = await shown(window, NewResourceWizard)
    wizard.activateWindow()
    identity = wizard.page()
    type_in(identity.name.editor.field, name)  # type: ignore[attr-defined]
    kinds = identity.type.editor.field  # type: ignore[attr-defined]
    QTest.keyClicks(kinds, "Generic Application")
    for _ in range(3):
        QTest.keyClick(wizard, Qt.Key.Key_Return)
    page = wizard.page()
    assert isinstance(page, ParametersPage)
    assert page.form is not None
    type_in(page.form.rows["CommandLine"].editor.field, witness.command_line)  # type: ignore[attr-defined]
    type_in(page.form.rows["CurrentDirectory"].editor.field, str(directory))  # type: ignore[attr-defined]
    await picture(wizard, "03-new-resource")
    click(wizard.next_button)
    await picture(wizard, "04-new-resource-review")
    click(wizard.next_button)
    await gone(window, NewResourceWizard)
    await until(lambda: area.cluster.snapshot and area.cluster.snapshot.find(ObjectKind.RESOURCE, name))
    return resource_named(area, name)


async def allow_failback(window: MainWindow, area: ClusterArea, group: Group) -> None:
    """Open the group's properties and allow failback, immediately."""
    await do(window, area, Verb.PROPERTIES, group)
    sheet = await shown(window, Sheet)
    page = next(one for one in sheet.pages if isinstance(one, FailbackPage))
    sheet.tabs.setCurrentIndex(sheet.pages.index(page))
    click(page.allow)
    await picture(sheet, "05-failback")
    sheet.ok()
    await gone(window, Sheet)
    await until(lambda: group_named(area, group.name).properties.get("AutoFailbackType") == 1)


async def moved_to(window: MainWindow, area: ClusterArea, name: str, node: str) -> None:
    """Move the group by the dialog and wait until it is online there."""
    await do(window, area, Verb.MOVE_GROUP, group_named(area, name))
    dialog = await shown(window, MoveGroupDialog)
    row = next(n for n, target in enumerate(dialog.model.targets) if target.name == node)
    click_row(dialog.view, dialog.model.index(row, 0))
    click(dialog.accept_button)
    await until(lambda: owner_of(area, name) == node or None)
    assert await settled(area, name, GroupState.ONLINE) == node


async def another_life(area: ClusterArea, former: int) -> int:
    """Wait until the list shows another process of the editor."""
    return await until(
        lambda: next((p for p in [resource_named(area, "Editor").process_id] if p not in (0, former)), 0)
    )


async def survives_faults(
    window: MainWindow, area: ClusterArea, demo: RunningDemo, home: str, witness: Witness
) -> None:
    """Killed four times, its service killed, its node without power and back: the window shows what becomes of it."""
    name, here = "Paper and Pen", owner_of(area, "Paper and Pen")
    process = resource_named(area, "Editor").process_id
    for _ in range(3):
        os.kill(process, signal.SIGKILL)
        process = await another_life(area, process)
        witness.await_life(process)
        assert owner_of(area, name) == here
    os.kill(process, signal.SIGKILL)
    there = await settled(area, name, GroupState.ONLINE, off=here)
    process = await another_life(area, process)
    witness.await_life(process)

    logged = area.cluster.log[-1].sequence
    os.kill(await asyncio.to_thread(demo.service_of, there), signal.SIGKILL)
    await until(lambda: any(e.code == "event_attached" and e.sequence > logged for e in area.cluster.log) or None)
    assert (owner_of(area, name), resource_named(area, "Editor").process_id) == (there, process)

    if there != home:
        await until(lambda: area.cluster.status.state is ConnectionState.LIVE or None)
        await moved_to(window, area, name, home)
        process = resource_named(area, "Editor").process_id
    witness.await_life(process)
    await asyncio.to_thread(demo.power, home, False)
    await settled(area, name, GroupState.ONLINE, off=home)
    witness.await_life(await another_life(area, process))
    await asyncio.to_thread(demo.power, home, True)
    await until(lambda: owner_of(area, name) == home or None)
    assert await settled(area, name, GroupState.ONLINE) == home, "failed back by its policy"
    witness.await_life(resource_named(area, "Editor").process_id)
    await until(lambda: area.cluster.status.state is ConnectionState.LIVE or None)


async def test_the_papers_story_from_the_wizard_to_the_last_process(
    window: MainWindow, demo: RunningDemo, tmp_path: Path
) -> None:
    area = await opened(window, demo)
    witness = Witness(tmp_path / "lives")
    group = await create_group(window, area, "Paper")
    resource = await create_resource(window, area, group, "Editor", witness, tmp_path)
    await allow_failback(window, area, group)

    await do(window, area, Verb.BRING_ONLINE, resource)
    home = await settled(area, "Paper", GroupState.ONLINE)
    process = resource_named(area, "Editor").process_id
    assert witness.await_life(process).directory == tmp_path
    await picture(window, "07-online")

    os.kill(process, signal.SIGKILL)
    entry = await until(lambda: next((e for e in area.cluster.log if e.code == "event_restarted"), None))
    assert entry.cause is not None
    row = await until(lambda: next((n for n in range(9) if area.events.model.entry_at(n) == entry), -1) + 1) - 1
    click_row(area.events.view, area.events.model.index(row, 3))
    QTest.keyClick(area.events.view, Qt.Key.Key_Right)
    texts = [area.events.model.index(n, 3).data() for n in range(row, row + 3)]
    assert "Editor was restarted on" in texts[0]
    assert because(entry.cause) in texts
    await picture(window, "08-restarted-with-its-cause")
    witness.await_life(await another_life(area, process))

    await rename_in_place(window, area, group_named(area, "Paper"), "Paper and Pen")
    await do(window, area, Verb.MOVE_GROUP, group_named(area, "Paper and Pen"))
    dialog = await shown(window, MoveGroupDialog)
    third = next(n for n, target in enumerate(dialog.model.targets) if target.name == "NODE3")
    click_row(dialog.view, dialog.model.index(third, 0))
    await picture(dialog, "09-move-group")
    click(dialog.accept_button)
    assert await settled(area, "Paper and Pen", GroupState.ONLINE, off=home) == "NODE3"
    witness.await_life(resource_named(area, "Editor").process_id)

    node = area.tree.model.index_of(Place(Branch.NODE, "2"))
    select(area, group_named(area, "Paper and Pen"))
    data = area.list.model.mimeData(area.list.view.selectionModel().selectedIndexes())
    drop(area.tree.view, data, node)
    dialog = await shown(window, MoveGroupDialog)
    await picture(dialog, "10-dropped-on-a-node")
    QTest.keyClick(dialog, Qt.Key.Key_Return)
    assert await settled(area, "Paper and Pen", GroupState.ONLINE, off="NODE3") == "NODE2"
    witness.await_life(resource_named(area, "Editor").process_id)
    await survives_faults(window, area, demo, home, witness)
    last = resource_named(area, "Editor").process_id

    await do(window, area, Verb.TAKE_OFFLINE, group_named(area, "Paper and Pen"))
    await settled(area, "Paper and Pen", GroupState.OFFLINE)
    assert still_there({last}) == []
    for item in (resource_named(area, "Editor"), group_named(area, "Paper and Pen")):
        await do(window, area, Verb.DELETE, item)
        question = await shown(window, Question)
        await picture(question, f"11-delete-{item.name}")
        click(question.accept_button)
        await deleted(area, ref(item))
    witness.prove_never_two()
    # Started, restarted, moved, dropped; three restarts, failed over, moved home, taken over, failed back.
    assert len(witness.lives()) == 4 + 7


async def test_when_the_node_it_is_connected_to_loses_power_the_window_goes_on_by_another_one(
    window: MainWindow, demo: RunningDemo
) -> None:
    area = await opened(window, demo)
    logged: list[int] = []

    def heard(update: Update) -> None:
        logged.extend(entry.sequence for entry in update.logged)

    def lost() -> None:
        if area.band.isVisible():  # it may be over before anybody has seen it
            draw(window, "12-connection-lost")

    stop = area.cluster.listen(heard)
    area.changed.connect(lost)
    group = group_named(area, "High Availability Notepad")
    connected = area.cluster.status.node
    await do(window, area, Verb.MOVE_GROUP, group)
    if owner_of(area, group.name) != connected:
        dialog = await shown(window, MoveGroupDialog)
        row = next(n for n, target in enumerate(dialog.model.targets) if target.name == connected)
        click_row(dialog.view, dialog.model.index(row, 0))
        click(dialog.accept_button)
        await settled(area, group.name, GroupState.ONLINE)
    else:
        (await shown(window, MoveGroupDialog)).reject()
    select(area, group_named(area, group.name))

    await asyncio.to_thread(demo.power, connected, False)
    await until(lambda: area.cluster.status.node != connected and area.cluster.status.state is ConnectionState.LIVE)
    await until(area.band.isHidden)
    assert [item.name for item in area.selection()] == [group.name], "what was selected still is"
    await settled(area, group.name, GroupState.ONLINE, off=connected)
    await until(lambda: area.events.model.total == len({e.sequence for e in area.cluster.log}))
    await picture(window, "13-elsewhere")

    await asyncio.to_thread(demo.power, connected, True)
    assert area.cluster.snapshot is not None
    number = next(node.id for node in area.cluster.snapshot.nodes.values() if node.name == connected)
    reference = ObjectRef(ObjectKind.NODE, str(number))
    await until(lambda: getattr(area.picture and area.picture.object(reference), "state", None) is NodeState.UP)
    stop()
    assert logged == sorted(set(logged)), "no event came twice, none late"
    told = {entry["sequence"] for entry in await asyncio.to_thread(demo.cli_json, "events")}
    assert told <= {entry.sequence for entry in area.cluster.log}, "none is missing"
    assert resource_named(area, "Notepad").state is ResourceState.ONLINE
    await picture(window, "14-back")
