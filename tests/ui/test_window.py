"""The main window on a stand-in cluster: it opens, shows, commands, remembers, and leaves nothing behind."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar

import pytest
import pytest_asyncio
from PySide6.QtWidgets import QApplication, QDialog

from clusteradmin.settings import ClientHome
from nodeagent.api.objects import NodeState, ObjectKind, ObjectRef, ResourceState, Snapshot
from nodeagent.api.problems import problem
from nodeagent.api.requests import (
    BeginMaintenance,
    BringOnline,
    ChangeGroup,
    DeclareOff,
    Delete,
    MoveGroup,
    PauseNode,
    Rename,
    StopNode,
    TakeOffline,
    Verb,
)
from tests.builders import changed, cluster
from tests.support.standin import StandInCluster
from tests.webfarm import WebFarm
from ui import settings
from ui.clusterarea import ClusterArea
from ui.dialogs.maintenance import MaintenanceDialog
from ui.dialogs.movegroup import MoveGroupDialog
from ui.dialogs.palette import Palette
from ui.dialogs.question import Question
from ui.mainwindow import MainWindow
from ui.models.dragging import Drop
from ui.models.places import GROUPS, RESOURCES, Branch, Place

pytestmark = pytest.mark.asyncio

ONLINE, OFFLINE, FAILED = ResourceState.ONLINE, ResourceState.OFFLINE, ResourceState.FAILED
Dialog = TypeVar("Dialog", bound=QDialog)


@pytest_asyncio.fixture
async def window(qapp: QApplication, tmp_path: Path) -> AsyncIterator[MainWindow]:
    made = MainWindow(ClientHome(tmp_path))
    made.resize(1280, 800)
    made.show()
    yield made
    made.hide()
    await made.shut_down()
    made.deleteLater()


def opened(window: MainWindow, snapshot: Snapshot, target: str = "test") -> tuple[ClusterArea, StandInCluster]:
    stand_in = StandInCluster(snapshot, target=target)
    return window.add_cluster(stand_in), stand_in


def pair() -> Snapshot:
    return cluster("ab", {"Web": {"IP": ONLINE, "App": OFFLINE}, "Mail": {"Queue": ONLINE}})


def select(area: ClusterArea, *names: str, kind: ObjectKind = ObjectKind.RESOURCE) -> None:
    area.list.view.setFocus()
    area.list.select([ObjectRef(kind, name) for name in names])


def the(kind: type[Dialog], area: ClusterArea) -> Dialog:
    """Return the dialog of that kind that was opened."""
    found = area.findChild(kind)
    assert found is not None
    return found


async def until(test: Callable[[], object]) -> None:
    """Let the loop turn until *test* holds; the test's own time limit ends it."""
    async with asyncio.timeout(10):
        while not test():  # noqa: ASYNC110 - what is waited for is seen on widgets, which have no event for it
            await asyncio.sleep(0.005)


async def test_without_a_cluster_the_window_says_what_to_do_first(window: MainWindow) -> None:
    assert window.first_run.isVisible()
    assert not window.actions_["close"].isEnabled()
    assert window.actions_["open"].isEnabled()


async def test_before_the_first_picture_nothing_of_a_cluster_can_be_asked_for(window: MainWindow) -> None:
    window.add_cluster(StandInCluster(target="far"))
    assert not window.actions_["output"].isEnabled()
    assert not any(action.isEnabled() for action in window.actions_.verbs.values())


async def test_a_cluster_opens_at_its_resources(window: MainWindow) -> None:
    area, _ = opened(window, pair())
    assert area.list.place == RESOURCES
    assert area.list.count.text() == "3 of 3"
    assert area.glyph == "Partially Online"
    assert window.status.takeover == "Takeover after 4.5 s"
    assert window.windowTitle().startswith("TEST")


async def test_a_command_is_sent_for_what_is_selected_and_said(window: MainWindow) -> None:
    area, stand_in = opened(window, pair())
    select(area, "app")
    window.actions_.verbs[Verb.BRING_ONLINE].trigger()
    await until(lambda: stand_in.requests)
    assert stand_in.requests == [BringOnline(kind=ObjectKind.RESOURCE, id="app")]
    await until(lambda: window.status.text == "Bring Online: App")


async def test_several_are_taken_offline_at_once(window: MainWindow) -> None:
    area, stand_in = opened(window, pair())
    select(area, "ip", "queue")
    assert "2 selected" in window.status.text
    window.commander.do(area, Verb.TAKE_OFFLINE)
    await until(lambda: len(stand_in.requests) == 2)
    assert {r.id for r in stand_in.requests if isinstance(r, TakeOffline)} == {"ip", "queue"}


async def test_a_refused_command_is_shown_as_a_line(window: MainWindow) -> None:
    area, stand_in = opened(window, pair())
    stand_in.refusal = problem("node_paused", node="a")
    select(area, "app")
    window.commander.do(area, Verb.BRING_ONLINE)
    await until(lambda: window.status.text == "a is paused; resume it first.")


async def test_a_verb_that_is_off_says_why_in_its_tooltip_and_in_details(window: MainWindow) -> None:
    area, _ = opened(window, pair())
    area.set_details_shown(True)
    select(area, "ip")
    action = window.actions_.verbs[Verb.BRING_ONLINE]
    assert not action.isEnabled()
    assert "IP is already online." in action.toolTip()
    row = area.details.rows[Verb.BRING_ONLINE]
    assert not row.isEnabled()
    assert row.accessibleDescription() == "Not now: IP is already online."


async def test_a_change_is_shown_within_a_tick_and_selection_stays(window: MainWindow) -> None:
    area, stand_in = opened(window, pair())
    select(area, "app")
    stand_in.show(changed(pair(), "resource", "App", state=FAILED))
    await until(lambda: area.glyph == "Failed")
    assert [item.name for item in area.selection()] == ["App"]
    assert area.list.selection()[0].state is FAILED  # type: ignore[union-attr]


async def test_a_lost_connection_is_said_and_switches_the_verbs_off(window: MainWindow) -> None:
    area, stand_in = opened(window, pair())
    select(area, "app")
    stand_in.lose()
    await until(area.band.isVisible)
    assert not window.actions_.verbs[Verb.BRING_ONLINE].isEnabled()
    assert window.actions_.verbs[Verb.PROPERTIES].isEnabled()
    assert area.connected_by == "not connected"
    window.commands.refresh()
    assert stand_in.tries == 1


async def test_a_group_on_two_nodes_is_moved_to_the_other(window: MainWindow) -> None:
    area, stand_in = opened(window, pair())
    area.go_to(GROUPS)
    select(area, "web", kind=ObjectKind.GROUP)
    window.commander.do(area, Verb.MOVE_GROUP)
    dialog = the(MoveGroupDialog, area)
    assert [t.name for t in dialog.model.targets] == ["Best possible", "a", "b"]
    assert dialog.model.targets[1].reason == "No: already here"
    assert dialog.target == 2
    assert dialog.accept_button.text() == "Move to b"
    dialog.reason.setText("kernel update")
    dialog.accept()
    await until(lambda: stand_in.requests)
    assert stand_in.requests == [MoveGroup(group="web", node=None, note="kernel update")]


async def test_move_group_follows_the_live_state(window: MainWindow) -> None:
    area, stand_in = opened(window, pair())
    area.go_to(GROUPS)
    select(area, "web", kind=ObjectKind.GROUP)
    window.commander.do(area, Verb.MOVE_GROUP)
    dialog = the(MoveGroupDialog, area)
    assert dialog.focusWidget() is dialog.view
    stand_in.show(changed(pair(), "node", "b", state=NodeState.DOWN))
    await until(lambda: not dialog.accept_button.isEnabled())
    assert dialog.model.targets[2].reason == "No: not up (Down)"
    dialog.close()


async def test_a_refused_move_is_said_in_its_dialog(window: MainWindow) -> None:
    area, stand_in = opened(window, pair())
    stand_in.refusal = problem("conflict")
    area.go_to(GROUPS)
    select(area, "web", kind=ObjectKind.GROUP)
    window.commander.do(area, Verb.MOVE_GROUP)
    dialog = the(MoveGroupDialog, area)
    dialog.accept()
    await until(lambda: dialog.error.problem)
    assert dialog.error.problem == "Another change came first; try again."
    dialog.close()


async def test_deleting_names_the_dependents_and_takes_them_along(window: MainWindow) -> None:
    snapshot = changed(pair(), "resource", "IP", state=OFFLINE)
    snapshot = changed(snapshot, "resource", "App", dependencies=("ip",))
    area, stand_in = opened(window, snapshot)
    select(area, "ip", "app")
    window.commander.do(area, Verb.DELETE)
    question = the(Question, area)
    assert stand_in.requests == []
    question.accept()
    await until(lambda: stand_in.requests)
    assert stand_in.requests == [Delete(kind=ObjectKind.RESOURCE, id="ip", with_dependents=("app",))]


async def test_a_node_is_declared_off_when_its_name_was_typed(window: MainWindow) -> None:
    snapshot = changed(pair(), "node", "b", state=NodeState.UNKNOWN, silent_since=5.0, heartbeat=77)
    area, stand_in = opened(window, snapshot)
    area.go_to(Place(Branch.CLUSTER))
    select(area, "2", kind=ObjectKind.NODE)
    window.commander.do(area, Verb.DECLARE_OFF)
    question = the(Question, area)
    question.field.setText("a")
    assert not question.accept_button.isEnabled()
    question.field.setText(" B ")
    assert question.accept_button.isEnabled()
    question.accept()
    await until(lambda: stand_in.requests)
    assert stand_in.requests == [DeclareOff(node=2, name="B", heartbeat=77)]


async def test_what_interrupts_is_asked_for_twice(window: MainWindow) -> None:
    area, stand_in = opened(window, pair())
    area.go_to(Place(Branch.CLUSTER))
    select(area, "1", kind=ObjectKind.NODE)
    window.commander.do(area, Verb.STOP)
    question = the(Question, area)
    assert stand_in.requests == []
    question.accept()
    await until(lambda: stand_in.requests)
    assert stand_in.requests == [StopNode(node=1)]


async def test_maintenance_lasts_as_long_as_was_chosen(window: MainWindow) -> None:
    area, stand_in = opened(window, pair())
    area.go_to(GROUPS)
    select(area, "web", kind=ObjectKind.GROUP)
    window.commander.do(area, Verb.BEGIN_MAINTENANCE)
    dialog = the(MaintenanceDialog, area)
    dialog.length.setCurrentIndex(0)
    dialog.reason.setText(" new kernel ")
    dialog.accept()
    await until(lambda: stand_in.requests)
    assert stand_in.requests == [
        BeginMaintenance(kind=ObjectKind.GROUP, id="web", seconds=900.0, note="new kernel"),
    ]


async def test_the_shortcut_menu_has_only_what_applies(window: MainWindow) -> None:
    area, _ = opened(window, pair())
    select(area, "app")
    menu = window.menus.shortcut_menu(window, area.offers(area.selection()))
    titles = {action.text() for action in menu.actions() if not action.menu()}
    assert {"Bring Online", "Move Group…"} <= titles
    assert not titles & {"Pause Node", "Drain Node…", "Evict Node…"}
    menu.close()
    menu.deleteLater()


async def test_a_name_that_is_taken_is_refused_before_it_is_sent(window: MainWindow) -> None:
    area, stand_in = opened(window, pair())
    window.commander.rename(area, ObjectRef(ObjectKind.RESOURCE, "app"), "ip")
    assert window.status.text == "This cluster already has a resource named IP; choose another name."
    window.commander.rename(area, ObjectRef(ObjectKind.RESOURCE, "app"), "Worker")
    await until(lambda: stand_in.requests)
    assert stand_in.requests == [Rename(kind=ObjectKind.RESOURCE, id="app", name="Worker")]


async def test_a_resource_dropped_on_a_group_changes_its_group(window: MainWindow) -> None:
    area, stand_in = opened(window, pair())
    snapshot = pair()
    area.dropped.emit(Drop(Verb.CHANGE_GROUP, (snapshot.resources["app"],), snapshot.groups["mail"]))
    await until(lambda: stand_in.requests)
    assert stand_in.requests == [ChangeGroup(resource="app", group="mail")]


async def test_a_chip_lists_what_it_counts(window: MainWindow) -> None:
    area, _ = opened(window, WebFarm().snapshot())
    area.go_to(GROUPS)
    area.strip.wanted.emit(RESOURCES, "state:failed")
    assert area.list.place == RESOURCES
    assert area.list.count.text() == "1 of 20"
    area.strip.wanted.emit(RESOURCES, "")
    assert area.list.count.text() == "20 of 20"


async def test_what_can_be_done_is_worked_out_once_for_each_picture(window: MainWindow) -> None:
    area, stand_in = opened(window, pair())
    select(area, "app")
    first = area.offers(area.selection())
    area._grow_older()
    assert area.offers(area.selection()) is first
    stand_in.show(changed(pair(), "resource", "IP", state=OFFLINE))
    area.refresh()
    assert area.offers(area.selection()) is not first


async def test_an_empty_list_says_which_filter_hides_what(window: MainWindow) -> None:
    area, _ = opened(window, pair())
    area.list.set_filter("nobody")
    assert area.list.empty.isVisible()
    assert "nobody" in area.list.empty.accessibleName()
    area.list.empty.link.click()
    assert not area.list.empty.isVisible()


async def test_opening_a_row_goes_down_and_up_again(window: MainWindow) -> None:
    area, _ = opened(window, pair())
    area.go_to(GROUPS)
    area.list.view.opened.emit(area.list.model.index_of(ObjectRef(ObjectKind.GROUP, "web")))
    assert area.list.place == Place(Branch.GROUP, "web")
    window.actions_["up"].trigger()
    assert area.list.place == GROUPS


async def test_find_takes_to_an_object_and_lists_verbs_with_reasons(window: MainWindow) -> None:
    area, stand_in = opened(window, pair())
    select(area, "ip")
    window.commands.find()
    palette = window.findChild(Palette)
    assert palette is not None
    palette.field.setText("bring online")
    assert palette.found[0].reason == "IP is already online."
    palette.field.setText("queue")
    palette.view.clicked.emit(palette.view.model().index(0, 0))
    assert [item.name for item in area.selection()] == ["Queue"]
    assert stand_in.requests == []


async def test_tiles_show_all_clusters_beside_each_other(window: MainWindow) -> None:
    first, _ = opened(window, pair(), "one")
    second, _ = opened(window, pair(), "two")
    assert not first.isVisible()
    window.actions_["tile_side"].trigger()
    assert first.isVisible()
    assert second.isVisible()
    window.actions_["tile_side"].trigger()
    assert window.tiles.areas() == [first, second]
    assert not first.isVisible()
    await window.close_cluster(second)
    assert window.tiles.areas() == [first]


async def test_a_list_in_a_narrow_tile_does_not_scroll_sideways(window: MainWindow) -> None:
    opened(window, pair(), "one")
    second, _ = opened(window, pair(), "two")
    window.actions_["tile_side"].trigger()
    bar = second.list.view.horizontalScrollBar()
    await until(lambda: second.list.view.viewport().width() < 500 and bar.maximum() == 0)
    header = second.list.view.horizontalHeader()
    assert header.length() == second.list.view.viewport().width()


async def test_layout_filter_and_open_clusters_are_remembered(qapp: QApplication, tmp_path: Path) -> None:
    first = MainWindow(ClientHome(tmp_path))
    first.show()
    area, _ = opened(first, pair(), "webfarm")
    area.go_to(GROUPS)
    area.list.set_filter("state:online")
    area.list.model.sort(1)
    area.set_details_shown(True)
    first.hide()
    await first.shut_down()
    first.deleteLater()
    kept = settings.load(tmp_path / settings.FILE_NAME)
    assert kept.open == ["webfarm"]
    second = MainWindow(ClientHome(tmp_path))
    second.show()
    again, _ = opened(second, pair(), "webfarm")
    assert again.list.place == GROUPS
    assert again.list.filter.text() == "state:online"
    assert again.list.model.sort_key == "state"
    assert again.details_shown()
    second.hide()
    await second.shut_down()
    second.deleteLater()


async def test_events_follow_the_newest_until_scrolled_away(window: MainWindow) -> None:
    area, stand_in = opened(window, pair())
    stand_in.log_now(*WebFarm().log())
    await until(lambda: area.events.model.total == 8)
    assert area.events.follow.isChecked()
    area.events.pause.setChecked(True)
    stand_in.log_now(WebFarm()._entry(9, 0, "a", WebFarm().log()[0].severity, "event_node_up", "node", "atlas"))
    await until(lambda: area.events.pause.text() == "1 held")
    area.events.pause.setChecked(False)
    assert area.events.model.total == 9


async def test_the_output_of_a_resource_is_followed_live(window: MainWindow) -> None:
    area, stand_in = opened(window, pair())
    select(area, "ip")
    window.commands.show_output()
    await stand_in.outputs.put("grün\n".encode()[:3])
    await stand_in.outputs.put("grün\n".encode()[3:])
    await until(lambda: area.output.text.toPlainText() == "grün\n")
    area.output.close_button.click()
    assert area.output.isHidden()


async def test_the_output_of_one_resource_is_not_shown_for_another(window: MainWindow) -> None:
    area, stand_in = opened(window, pair())
    area.show_output(pair().resources["ip"])
    await stand_in.outputs.put(b"of IP\n")
    await until(stand_in.outputs.empty)
    area.show_output(pair().resources["app"])
    await stand_in.outputs.put(b"of App\n")
    await until(area.output.text.toPlainText)
    assert area.output.text.toPlainText() == "of App\n"


async def test_what_a_node_takes_is_asked_for_from_the_tree(window: MainWindow) -> None:
    area, stand_in = opened(window, pair())
    area.go_to(Place(Branch.NODE, "1"))
    area.tree.view.setFocus()
    area._in_tree = True
    window.commander.do(area, Verb.PAUSE)
    await until(lambda: stand_in.requests)
    assert stand_in.requests == [PauseNode(node=1)]


async def test_no_dialog_is_left_open_by_a_closed_cluster(window: MainWindow) -> None:
    area, stand_in = opened(window, pair())
    select(area, "app")
    window.commander.do(area, Verb.PROPERTIES)
    assert area.findChildren(QDialog)
    await window.close_cluster(area)
    assert stand_in.closed
    assert window.first_run.isVisible()
