"""Networks and their interfaces in the main window: the verbs that they have lead somewhere."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from PySide6.QtWidgets import QApplication

from clusteradmin.settings import ClientHome
from nodeagent.api.objects import ObjectKind, ObjectRef
from nodeagent.api.requests import Rename, Verb
from tests.builders import cluster, with_network
from tests.support.standin import StandInCluster
from ui.clusterarea import ClusterArea
from ui.mainwindow import MainWindow
from ui.models.places import Branch, Place
from ui.sheets.sheet import Sheet

pytestmark = pytest.mark.asyncio

PUBLIC = ObjectRef(ObjectKind.NETWORK, "public")
CARD = ObjectRef(ObjectKind.INTERFACE, "public-1")


@pytest_asyncio.fixture
async def area(qapp: QApplication, tmp_path: Path) -> AsyncIterator[ClusterArea]:
    window = MainWindow(ClientHome(tmp_path))
    window.resize(1280, 800)
    window.show()
    yield window.add_cluster(StandInCluster(with_network(cluster("ab"))))
    window.hide()
    await window.shut_down()
    window.deleteLater()


def select(area: ClusterArea, branch: Branch, reference: ObjectRef) -> MainWindow:
    area.go_to(Place(branch))
    area.list.view.setFocus()
    area.list.select([reference])
    window = area.window()
    assert isinstance(window, MainWindow)
    return window


@pytest.mark.parametrize(("branch", "reference"), [(Branch.NETWORKS, PUBLIC), (Branch.INTERFACES, CARD)])
async def test_properties_open_the_sheet(area: ClusterArea, branch: Branch, reference: ObjectRef) -> None:
    window = select(area, branch, reference)
    assert window.actions_.verbs[Verb.PROPERTIES].isEnabled()
    window.commander.do(area, Verb.PROPERTIES)
    assert [sheet.reference for sheet in area.findChildren(Sheet)] == [reference]


async def test_a_network_is_renamed_in_place_and_an_interface_is_not(area: ClusterArea) -> None:
    window = select(area, Branch.NETWORKS, PUBLIC)
    assert window.actions_.verbs[Verb.RENAME].isEnabled()
    window.commander.do(area, Verb.RENAME)
    assert area.list.view.state() == area.list.view.State.EditingState
    window.commander.rename(area, PUBLIC, "Customers")
    stand_in = area.cluster
    assert isinstance(stand_in, StandInCluster)
    async with asyncio.timeout(10):
        while not stand_in.requests:  # noqa: ASYNC110 - what is asked for is seen on the stand-in, which has no event
            await asyncio.sleep(0)
    assert stand_in.requests == [Rename(kind=ObjectKind.NETWORK, id="public", name="Customers")]
    select(area, Branch.INTERFACES, CARD)
    assert not window.actions_.verbs[Verb.RENAME].isEnabled()
