"""Draws every page of every wizard and property sheet, and all other dialogs: ``dialogs.py FOLDER [SCALE ...]``.

Names of SCENES may follow, to draw these only.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

# A screen is not needed, and the script is run by its path.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import qasync
from PySide6.QtCore import QLocale
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QApplication, QDialog, QWidget

from clusteradmin.wizards.edits import parameter, prop
from nodeagent.api.events import Severity
from nodeagent.api.objects import ObjectKind, ObjectRef
from nodeagent.api.problems import problem
from nodeagent.api.requests import NodeAnswer, Reply, Request, Validated, ValidateParameters
from tests.builders import changed
from tests.ordersdatabase import entry, orders_cluster
from tests.screenshots.questions import questions
from tests.support.standin import StandInCluster
from ui.sheets import open_properties
from ui.sheets.sheet import Sheet
from ui.theme import Appearance, theme
from ui.wizards import new_group, new_resource
from ui.wizards.newgroup import NewGroupWizard
from ui.wizards.newresource import NewResourceWizard
from ui.wizards.propertypage import ParametersPage

SCALES = ("1", "2")
POSTGRESQL = ObjectRef(ObjectKind.RESOURCE, "postgresql")


def sample() -> StandInCluster:
    """Make the cluster, with a history and nodes that answer differently."""
    made = StandInCluster(orders_cluster())

    def answer(request: Request) -> Reply:
        if not isinstance(request, ValidateParameters):
            return made.plain_answer(request)
        (node,) = request.possible_owners or (0,)
        missing = (problem("program_not_found", program="postgresql@16-main.service"),)
        return Validated(answers=(NodeAnswer(node=node, answered=node != 5, problems=missing if node == 3 else ()),))

    made.answer = answer
    made.log.extend(
        (
            entry(1, "PostgreSQL", "event_online", node="boreas"),
            entry(2, "PostgreSQL", "event_failed", Severity.ERROR, detail="the process ended by itself, exit code 1"),
            entry(3, "PostgreSQL", "event_restarted", Severity.WARNING, node="boreas", detail="restart 1 of 3"),
        )
    )
    return made


class Camera:
    """Opens dialogs and takes their pictures."""

    def __init__(self, folder: Path, scale: str) -> None:
        self.folder = folder
        self.scale = scale
        self.parent = QWidget()

    async def take(self, name: str, dialog: QDialog) -> None:
        """Save a picture of *dialog*."""
        await settle()
        appearance = theme().appearance
        dialog.grab().save(str(self.folder / f"{name}-{appearance}-{self.scale}.png"))

    def sheet(self, cluster: StandInCluster, reference: ObjectRef) -> Sheet:
        """Open the sheet of an object."""
        sheet = open_properties(cluster, reference, self.parent)
        assert isinstance(sheet, Sheet)
        return sheet

    async def pages(self, name: str, sheet: Sheet) -> None:
        """Save a picture of each page."""
        for number, page in enumerate(sheet.pages):
            sheet.tabs.setCurrentIndex(number)
            await self.take(f"sheet-{name}-{number}-{page.title.lower().replace(' ', '-')}", sheet)

    async def close(self, dialog: QDialog) -> None:
        """Close *dialog* and let it go."""
        dialog.close()
        await settle()


async def sheets(camera: Camera) -> None:
    cluster = sample()
    sheet = camera.sheet(cluster, POSTGRESQL)
    await camera.pages("resource", sheet)
    edits: dict[str, Any] = {"RestartThreshold": 5, "LooksAlivePollInterval": 2000, "RetryPeriodOnFailure": 3_600_000}
    for name, value in edits.items():
        sheet.draft.put(prop(name), value)
    sheet.draft.put(parameter("StartParameters"), "--wal-check")
    sheet.draft.put(parameter("CurrentDirectory"), "srv/orders")
    await camera.pages("resource-edited", sheet)
    parameters = sheet.pages[3]
    sheet.tabs.setCurrentIndex(3)
    sheet.draft.put(parameter("CurrentDirectory"), "/srv/orders")
    parameters.check.button.click()  # type: ignore[attr-defined]  # the fourth page is Parameters
    await settle()
    await camera.take("sheet-resource-checked", sheet)
    theirs = changed(orders_cluster(), "resource", "PostgreSQL", properties={"RestartThreshold": 9}, revision=120)
    cluster.show(theirs)
    sheet.tabs.setCurrentIndex(2)
    await camera.take("sheet-resource-conflict", sheet)
    await camera.close(sheet)
    others = {
        "group": ObjectRef(ObjectKind.GROUP, "orders-database"),
        "node": ObjectRef(ObjectKind.NODE, "2"),
        "type": ObjectRef(ObjectKind.RESOURCE_TYPE, "Physical Disk"),
        "cluster": ObjectRef(ObjectKind.CLUSTER, "cluster"),
        "network": ObjectRef(ObjectKind.NETWORK, "public"),
        "application": ObjectRef(ObjectKind.RESOURCE, "orders-api"),
    }
    for name, reference in others.items():
        sheet = camera.sheet(sample(), reference)
        await camera.pages(name, sheet)
        await camera.close(sheet)


async def wizards(camera: Camera) -> None:
    wizard = new_resource(sample(), camera.parent, "orders-database")
    assert isinstance(wizard, NewResourceWizard)
    await camera.take("wizard-resource-1", wizard)
    wizard.forward()
    await camera.take("wizard-resource-1-missing", wizard)
    answers = wizard.answers
    answers.name, answers.type = "Orders Exporter", "Generic Application"
    wizard.answers_changed()
    await camera.take("wizard-resource-1-answered", wizard)
    wizard.forward()
    answers.possible_owners = (1, 2, 3, 5)
    wizard.answers_changed()
    await camera.take("wizard-resource-2", wizard)
    wizard.forward()
    answers.dependencies = ("postgresql",)
    wizard.answers_changed()
    await camera.take("wizard-resource-3", wizard)
    wizard.forward()
    wizard.forward()
    await camera.take("wizard-resource-4-missing", wizard)
    answers.parameters.update(
        {
            "CommandLine": "/srv/orders/exporter --every 30",
            "CurrentDirectory": "/srv/orders",
            "Environment": ("LANG=C",),
        }
    )
    wizard.answers_changed()
    page = wizard.page()
    assert isinstance(page, ParametersPage)
    page.check.button.click()
    await settle()
    await camera.take("wizard-resource-4", wizard)
    wizard.forward()
    await camera.take("wizard-resource-5-review", wizard)
    await camera.close(wizard)
    wizard = new_resource(sample(), camera.parent, "orders-database")
    assert isinstance(wizard, NewResourceWizard)
    wizard.answers.name, wizard.answers.type = "Second Name", "Network Name"
    for _ in range(2):
        wizard.forward()
    await camera.take("wizard-resource-required", wizard)
    await camera.close(wizard)
    group = new_group(sample(), camera.parent)
    assert isinstance(group, NewGroupWizard)
    await camera.take("wizard-group-1", group)
    group.answers.name = "Reports"
    group.forward()
    group.answers.preferred_owners = (2, 1)
    group.answers_changed()
    await camera.take("wizard-group-2", group)
    group.forward()
    await camera.take("wizard-group-3-review", group)
    await camera.close(group)


async def settle() -> None:
    """Let what was started come to its end.

    Only by the loop: Qt's own processEvents would run other tasks inside this one, and asyncio drops those.
    """
    for _ in range(5):
        await asyncio.sleep(0)


async def draw(folder: Path, scale: str, wanted: Callable[[str], bool]) -> None:
    """Draw everything in both appearances, at the scale this process was started with."""
    for appearance in (Appearance.LIGHT, Appearance.DARK):
        theme().set_appearance(appearance)
        camera = Camera(folder, scale)
        for name, scene in SCENES.items():
            if wanted(name):
                await scene(camera)
        camera.parent.deleteLater()


SCENES = {"sheets": sheets, "wizards": wizards, "questions": questions}


def main(arguments: list[str]) -> None:
    folder, *rest = arguments
    Path(folder).mkdir(parents=True, exist_ok=True)
    if scale := os.environ.get("DIALOGS_SCALE"):
        application = QApplication(sys.argv[:1])
        application.setFont(QFont("Noto Sans", 10))
        QLocale.setDefault(QLocale("en_US"))
        names = set(rest) & set(SCENES)
        qasync.run(draw(Path(folder), scale, lambda name: not names or name in names))
        return
    scales = [one for one in rest if one[0].isdigit()] or list(SCALES)
    names_given = [one for one in rest if not one[0].isdigit()]
    for scale in scales:  # Qt takes its scale from the environment, once for each process
        environment = {**os.environ, "QT_SCALE_FACTOR": scale, "DIALOGS_SCALE": scale}
        subprocess.run([sys.executable, __file__, folder, *names_given], env=environment, check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
