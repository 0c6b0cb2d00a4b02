"""The end of a wizard: what is worth knowing about what was created can be read before it closes."""

import asyncio

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from nodeagent.api.objects import ObjectKind, ObjectRef
from nodeagent.api.problems import problem
from nodeagent.api.requests import CreateResource, Done
from tests.ordersdatabase import orders_cluster
from tests.support.standin import StandInCluster
from ui.wizards import new_resource
from ui.wizards.newresource import NewResourceWizard

pytestmark = pytest.mark.asyncio


async def test_a_node_that_cannot_run_it_is_said_after_finish(qtbot: QtBot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    standin = StandInCluster(orders_cluster())
    notices = [problem("validation_failed", node=n, detail="The directory /x is not there.") for n in ("atlas", "eos")]
    standin.answer = lambda request: Done(id="new", revision=120, notices=tuple(notices))
    wizard = new_resource(standin, parent, "orders-database")
    assert isinstance(wizard, NewResourceWizard)
    wizard.answers.name, wizard.answers.type = "Orders Exporter", "Generic Application"
    wizard.answers.parameters["CommandLine"] = "/srv/exporter"
    wizard.answers_changed()
    created: asyncio.Future[ObjectRef] = asyncio.get_running_loop().create_future()
    wizard.created.connect(created.set_result)
    for _ in wizard.flow.steps(wizard.snapshot):
        wizard.forward()
    async with asyncio.timeout(5):
        assert await created == ObjectRef(ObjectKind.RESOURCE, "new")

    assert wizard.isVisible()
    assert wizard.notice.accessibleName() == (
        "On atlas: The directory /x is not there. On eos: The directory /x is not there."
    )
    assert wizard.note.text() == "It was created."
    wizard.forward()
    wizard.back()
    assert [type(request) for request in standin.requests] == [CreateResource], "it is not created again"
    assert wizard.next_button.isHidden()
    assert wizard.cancel_button.text() == "Close"
    QTest.keyClick(wizard, Qt.Key.Key_Return)
    assert not wizard.isVisible()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
