"""What the main window shows in each scene: clusters in every state, each place of the tree, menus, pages."""

import asyncio
import time
from collections.abc import Callable

from PySide6.QtCore import QPoint

from clusteradmin.client.status import ConnectionState, Status
from nodeagent.api.objects import ObjectKind, ObjectRef
from nodeagent.api.requests import Verb
from tests.builders import cluster
from tests.screenshots.questions import ATTEMPTS
from tests.support.standin import StandInCluster
from tests.webfarm import WebFarm
from ui.clusterarea import ClusterArea
from ui.mainwindow import MainWindow
from ui.models.places import GROUPS, Branch, Place, parse_place

WORKER = ObjectRef(ObjectKind.RESOURCE, "shop-worker")
OUTPUT = "".join(f"shop-worker[8123]: order {number} packed\n" for number in range(40)).encode()


async def set_up(window: MainWindow, scene: str) -> None:
    """Open what the *scene* needs: "at " and a place of the tree, or a name."""
    if scene in ("first-run", "recent"):
        if scene == "recent":
            window.first_run.show_recent(["webfarm", "halab", "anna@atlas.example.net", ""])
        return
    if scene in ("connecting", "unreachable"):
        window.add_cluster(_away(scene))
        return
    farm = WebFarm()
    stand_in = StandInCluster(farm.snapshot(), target="webfarm")
    stand_in.log.extend(farm.log())
    window.add_cluster(StandInCluster(cluster("pq", {"Notepad": "Name IP Editor"}, name="HALAB"), target="halab"))
    area = window.add_cluster(stand_in)
    if scene == "tiled":
        window._arrange("side", True)
    await asyncio.sleep(0)
    area.list.select([WORKER])
    area.events.unfold(0)
    if scene.startswith("at "):
        place = parse_place(scene.removeprefix("at "))
        assert place is not None, scene
        area.go_to(place)
    else:
        await _act(window, area, stand_in, scene)


def _away(scene: str) -> StandInCluster:
    stand_in = StandInCluster(target="anna@atlas.example.net")
    if scene == "connecting":
        detail = "Connecting to anna@atlas.example.net."
        stand_in.status = Status(ConnectionState.CONNECTING, detail=detail, attempts=ATTEMPTS[:1])
    else:
        now = time.time()
        stand_in.status = Status(
            ConnectionState.LOST, detail="10.20.0.1 port 22 did not answer within 15 s.", since=now - 40,
            next_try=now + 8, attempts=ATTEMPTS,
        )  # fmt: skip
    return stand_in


async def _act(window: MainWindow, area: ClusterArea, stand_in: StandInCluster, scene: str) -> None:
    acts: dict[str, Callable[[], object]] = {
        "details": lambda: area.set_details_shown(True),
        "lost": lambda: stand_in.lose("Connecting to ceres.", next_try=time.time() + 6),
        "palette": window.commands.find,
        "events": lambda: area._rows.setSizes([200, 600]),
        "move": lambda: _move(window, area),
        "several": lambda: _several(area),
        "no-match": lambda: area.list.set_filter("state:failed owner:ceres"),
        "empty": lambda: area.go_to(Place(Branch.ACTIVE_GROUPS, "4")),
        "menu": lambda: window._show_shortcut_menu(window.mapToGlobal(QPoint(300, 300))),
        "node-menu": lambda: _node_menu(window, area),
        "about": window.commands.about,
    }
    acts.get(scene, lambda: None)()
    if scene == "output":
        window.commands.show_output()
        await stand_in.outputs.put(OUTPUT)


def _move(window: MainWindow, area: ClusterArea) -> None:
    area.go_to_object(ObjectRef(ObjectKind.GROUP, "orders-database"))
    area.tree.view.setFocus()
    window.commander.do(area, Verb.MOVE_GROUP)


def _several(area: ClusterArea) -> None:
    area.go_to(GROUPS)
    area.set_details_shown(True)
    area.list.view.selectAll()


def _node_menu(window: MainWindow, area: ClusterArea) -> None:
    area.go_to(Place(Branch.CLUSTER))
    area.list.select([ObjectRef(ObjectKind.NODE, "3")])
    window._show_shortcut_menu(window.mapToGlobal(QPoint(300, 300)))
