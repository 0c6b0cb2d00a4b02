"""The event pane: what is shown can be copied and saved, with its causes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from nodeagent.api.events import Severity
from tests.builders import cluster
from tests.ordersdatabase import entry
from ui.models.picture import Picture
from ui.panes.logpane import EventPane
from ui.widgets.labels import ElidedLabel

PICTURE = Picture(cluster("ab", {"Web": "App"}), now=1000.0, heard_at=1000.0)


@pytest.fixture
def pane(qtbot: QtBot) -> Iterator[EventPane]:
    made = EventPane()
    qtbot.addWidget(made)
    made.resize(900, 300)
    made.add(
        (
            entry(1, "App", "event_online", node="a"),
            entry(2, "App", "event_failed", Severity.ERROR, detail="exit code 1"),
            entry(3, "IP", "event_online", node="b"),
        )
    )
    made.show_picture(PICTURE)
    made.show()
    yield made
    made.close()


def subtitle(pane: EventPane) -> str:
    return next(label.text() for label in pane.header.findChildren(ElidedLabel) if label.text() != "Events")


def test_what_is_selected_is_copied_by_the_usual_key(pane: EventPane) -> None:
    pane.view.setFocus()
    pane.view.selectRow(1)
    QTest.keyClick(pane.view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = QGuiApplication.clipboard().text().splitlines()
    assert lines[0].split("\t")[1:] == ["error", "boreas", "App", "App failed: exit code 1"]
    assert lines[-1].startswith("\tRecorded\t")


def test_the_events_that_are_shown_are_saved_oldest_first(pane: EventPane, tmp_path: Path) -> None:
    pane.model.set_filter("app")
    pane.save(tmp_path / "events.txt")
    heads = [line for line in (tmp_path / "events.txt").read_text().splitlines() if not line.startswith("\t")]
    assert [line.split("\t")[-1] for line in heads] == ["App is online on a", "App failed: exit code 1"]


def test_how_saving_went_can_be_read_until_its_time_is_over(pane: EventPane, tmp_path: Path) -> None:
    file = tmp_path / "events.txt"
    pane.save(file)
    pane.show_picture(PICTURE.later(1001.0))
    assert subtitle(pane) == f"3 events saved in {file}"
    pane._said.timeout.emit()
    assert subtitle(pane) == "all nodes, newest first"
    pane.save(tmp_path / "nowhere" / "events.txt")
    pane.show_picture(PICTURE.later(1002.0))
    assert subtitle(pane) == f"{tmp_path / 'nowhere' / 'events.txt'} cannot be written: No such file or directory"
