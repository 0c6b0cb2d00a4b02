"""The keyboard reaches everything: panes, rows, filters, buttons and every command; F4 needs room."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QMenu, QWidget

from clusteradmin.settings import ClientHome
from nodeagent.api.objects import ObjectKind, ObjectRef, ResourceState
from tests.builders import cluster
from tests.support.standin import StandInCluster
from ui.clusterarea import ClusterArea
from ui.mainwindow import MainWindow
from ui.models.places import GROUPS

pytestmark = pytest.mark.asyncio

ROUNDS = 60  # more than there is to walk through


@pytest_asyncio.fixture
async def window(qapp: QApplication, tmp_path: Path) -> AsyncIterator[MainWindow]:
    made = MainWindow(ClientHome(tmp_path))
    made.resize(1280, 800)
    made.show()
    made.activateWindow()
    yield made
    made.hide()
    await made.shut_down()
    made.deleteLater()


def opened(window: MainWindow) -> ClusterArea:
    return window.add_cluster(StandInCluster(cluster("ab", {"Web": {"App": ResourceState.ONLINE}})))


def focused() -> QWidget:
    found = QApplication.focusWidget()
    assert found is not None
    return found


def said(widget: QWidget) -> str:
    """Return what a screen reader calls it."""
    return widget.accessibleName() or (widget.text() if isinstance(widget, QAbstractButton) else "")


async def test_an_arrow_selects_the_only_row_of_a_list(window: MainWindow) -> None:
    area = opened(window)
    area.go_to(GROUPS)
    area.list.view.setFocus()
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Home):
        area.list.view.clearSelection()
        assert area.selection() == []
        QTest.keyClick(area.list.view, key)
        assert [item.name for item in area.selection()] == ["Web"]


async def test_tab_walks_through_all_panes_and_back_to_the_first(window: MainWindow) -> None:
    area = opened(window)
    area.list.view.setFocus()
    walked = []
    for _ in range(ROUNDS):
        walked.append(focused())
        QTest.keyClick(focused(), Qt.Key.Key_Tab)
        if focused() is walked[0]:
            break
    assert focused() is walked[0]
    for wanted in (area.tree.view, area.tree.finder, area.list.filter, area.events.view, area.events.filter):
        assert wanted in walked, wanted.accessibleName()
    names = {said(widget) for widget in walked}
    assert names >= {"Follow", "Pause", "Save events", "Open clusters", "Open another cluster", "Open…", "New…"}
    assert "" not in names, "each of them has a name for a screen reader"


async def test_tab_goes_from_the_details_through_their_verbs(window: MainWindow) -> None:
    area = opened(window)
    area.list.select([ObjectRef(ObjectKind.RESOURCE, "app")])
    window.actions_["details"].trigger()
    rows = [row for row in area.details.rows.values() if row.isEnabled()]
    assert len(rows) > 1
    async with asyncio.timeout(5):
        while not rows[0].isVisible():  # noqa: ASYNC110 - Qt shows what a layout has got when the loop turns
            await asyncio.sleep(0)
    area.details.setFocus()
    walked = []
    for _ in rows:
        QTest.keyClick(focused(), Qt.Key.Key_Tab)
        walked.append(focused())
    assert walked == rows


async def test_details_that_would_lie_over_the_list_stay_closed_until_there_is_room(window: MainWindow) -> None:
    area = opened(window)
    area.resize(600, 500)
    window.actions_["details"].trigger()
    assert not area.details_shown()
    assert not window.actions_["details"].isChecked()
    assert window.status.text == "There is no room for the details here; make the window wider."
    area.resize(880, 500)
    assert area.details_shown()


async def test_every_command_stands_in_the_menu_bar(window: MainWindow) -> None:
    opened(window)
    listed: set[QAction] = set()
    for menu in window.menuBar().findChildren(QMenu):
        listed |= set(menu.actions())
    wanted = [*window.actions_.verbs.values(), *window.actions_.commands.values()]
    assert [action.text() for action in wanted if action not in listed] == []


async def test_no_two_commands_share_a_key(window: MainWindow) -> None:
    keys = [
        keys.toString()
        for action in (*window.actions_.verbs.values(), *window.actions_.commands.values())
        for keys in action.shortcuts()
    ]
    assert sorted(keys) == sorted(set(keys))
