"""Opening property sheets in tests, and looking for what is on them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QAbstractButton, QWidget
from pytestqt.qtbot import QtBot

from nodeagent.api.objects import ObjectKind, ObjectRef
from tests.ordersdatabase import orders_cluster
from tests.support.standin import StandInCluster
from ui.sheets import open_properties
from ui.sheets.advanced import AdvancedPage
from ui.sheets.page import Page
from ui.sheets.sheet import Sheet

POSTGRESQL = ObjectRef(ObjectKind.RESOURCE, "postgresql")
ORDERS = ObjectRef(ObjectKind.GROUP, "orders-database")

Opener = Callable[..., Sheet]


@pytest.fixture
def window(qtbot: QtBot) -> QWidget:
    parent = QWidget()
    qtbot.addWidget(parent)
    return parent


@pytest.fixture
def opened(window: QWidget) -> Opener:
    def make(cluster: StandInCluster | None = None, reference: ObjectRef = POSTGRESQL) -> Sheet:
        sheet = open_properties(cluster or StandInCluster(orders_cluster()), reference, window)
        assert isinstance(sheet, Sheet)
        return sheet

    return make


def page_of(sheet: Sheet, kind: type[Page]) -> Page:
    return next(page for page in sheet.pages if isinstance(page, kind))


def standin(sheet: Sheet) -> StandInCluster:
    assert isinstance(sheet.cluster, StandInCluster)
    return sheet.cluster


def press(button: QAbstractButton) -> None:
    button.click()


async def answered(sheet: Sheet, button: QAbstractButton) -> None:
    """Press *button* and wait until the cluster has taken or refused what the sheet sent."""
    event = asyncio.Event()
    sheet.answered.connect(event.set)
    button.click()
    async with asyncio.timeout(5):
        await event.wait()


def let_go() -> None:
    """Delete what was closed, as the loop does in its next round."""
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def advanced(sheet: Sheet) -> AdvancedPage:
    page = page_of(sheet, AdvancedPage)
    assert isinstance(page, AdvancedPage)
    return page
