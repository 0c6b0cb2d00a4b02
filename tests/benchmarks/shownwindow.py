"""python -m tests.benchmarks.shownwindow PLATFORM BEGAN: one window, measured; the last line printed is JSON."""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from msgspec.structs import replace
from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication

import qasync  # isort: skip - PySide6 before qasync, or it may choose another binding

from clusteradmin.client.cluster import Update
from clusteradmin.client.mirror import Mirror
from clusteradmin.settings import ClientHome
from nodeagent.api import wire
from nodeagent.api.events import Changes, Page
from nodeagent.api.objects import Resource, ResourceState
from nodeagent.database.view import ClusterView
from tests.benchmarks import farm
from tests.benchmarks.figures import BenchmarkFailed, Figure, percentile
from tests.support.standin import StandInCluster
from ui.clusterarea import ClusterArea
from ui.mainwindow import MainWindow
from ui.theme import theme

CHANGES_A_SECOND = 100
SECONDS = 8.0
SCROLLS = 100
PATIENCE = 120.0  # seconds for a painting
MOST_FIRST = 1500.0  # ms
MOST_EVENT = 100.0  # ms
MOST_FRAME = 33.0  # ms
MOST_MEMORY = 350.0  # MB


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.shownwindow")
    parser.add_argument("platform")
    parser.add_argument("began", type=float, help="when this process was started, wall clock")
    options = parser.parse_args()
    application = QApplication([])
    theme()
    with asyncio.Runner(loop_factory=lambda: qasync.QEventLoop(application)) as runner:
        figures = runner.run(_measure(options.platform, time.time() - options.began))
    print(json.dumps([asdict(figure) for figure in figures]))
    return 0


class Painted(QObject):
    """Tells when the window has been painted and handed to the screen: after each of its update requests."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._waiting: list[asyncio.Future[float]] = []
        self.listeners: list[Callable[[float], None]] = []
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        if event.type() == QEvent.Type.UpdateRequest:
            QTimer.singleShot(0, self._tell)  # the window paints and flushes in this event: afterwards it is done
        return super().eventFilter(watched, event)

    def _tell(self) -> None:
        now = time.perf_counter()
        for listener in self.listeners:
            listener(now)
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(now)

    async def next(self) -> float:
        """Return when the next painting is done."""
        future: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        async with asyncio.timeout(PATIENCE):
            return await future


async def _measure(platform: str, started: float) -> list[Figure]:
    """Measure everything.

    Args:
        started: seconds from the process's birth to the loop: Python and Qt are loaded by then.
    """
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        window = MainWindow(ClientHome(Path(folder)))
        window.resize(1280, 800)
        window.show()
        painted = Painted(window)
        empty = await painted.next() - began
        lines = _pages()
        mirror, cluster, area, figures = await _first_picture(platform, window, painted, lines, started + empty)
        changes = Feed(cluster, mirror, area, painted)
        figures += await changes.measured(platform)
        figures += _scrolling(platform, area)
        figures.append(Figure(f"{platform}: memory (RSS)", _memory(), "MB", MOST_MEMORY))
        window.hide()
        await window.shut_down()
        window.deleteLater()
    return figures


def _pages() -> list[bytes]:
    """Return the snapshot as it comes over the wire."""
    view = ClusterView("etcd")
    view.load(farm.contents())
    objects = tuple(view.snapshot.everything())
    parts = [objects[first : first + wire.PAGE_SIZE] for first in range(0, len(objects), wire.PAGE_SIZE)]
    return [wire.encode(Page(revision=1, objects=part, last=part is parts[-1])) for part in parts]


async def _first_picture(
    platform: str, window: MainWindow, painted: Painted, lines: list[bytes], before: float
) -> tuple[Mirror, StandInCluster, ClusterArea, list[Figure]]:
    began, busy = time.perf_counter(), time.process_time()
    mirror = Mirror()
    for line in lines:
        page = wire.decode_from_node(line)
        assert isinstance(page, Page)
        mirror.take(page)
    cluster = StandInCluster(mirror.snapshot, target="farm")
    area = window.add_cluster(cluster)
    seconds = await painted.next() - began
    busy = time.process_time() - busy
    if (rows := area.list.model.rowCount()) != farm.GROUPS * farm.IN_A_GROUP:
        raise BenchmarkFailed(f"the list shows {rows} rows")
    note = f"{busy * 1000:.0f} ms of processor time"
    figures = [
        Figure(f"{platform}: first picture, from the node's answer on", seconds * 1000, "ms", MOST_FIRST, note),
        Figure(f"{platform}: the same, from the program's start on", (before + seconds) * 1000, "ms"),
    ]
    return mirror, cluster, area, figures


class Feed:
    """Lets resources change that are on the screen, and as many that are not, and sees when each change is drawn."""

    def __init__(self, cluster: StandInCluster, mirror: Mirror, area: ClusterArea, painted: Painted) -> None:
        self._cluster = cluster
        self._mirror = mirror
        self._area = area
        self._painted = painted
        self._visible = _visible(area)
        self._heard: list[float] = []
        self._shown: list[float] = []
        self._latencies: list[float] = []

    async def measured(self, platform: str) -> list[Figure]:
        """Feed the window and return what came out."""
        before = self._area.list.view.grab().toImage()
        self._area.picture_shown.connect(self._taken_over)
        self._painted.listeners.append(self._flushed)
        count, loop = int(SECONDS * CHANGES_A_SECOND), asyncio.get_running_loop()
        late: list[float] = []
        began, busy = loop.time(), time.process_time()
        for number in range(count):
            due = began + number / CHANGES_A_SECOND
            await asyncio.sleep(max(0.0, due - loop.time()))  # the pace of the changes
            late.append(max(0.0, loop.time() - due))
            self._change(number)
        lasted, busy = loop.time() - began, time.process_time() - busy
        await self._painted.next()
        self._painted.listeners.remove(self._flushed)
        if len(self._latencies) < count * 0.4:
            raise BenchmarkFailed(f"of {count // 2} changes on the screen only {len(self._latencies)} were drawn")
        if self._area.list.view.grab().toImage() == before:
            raise BenchmarkFailed("the list looks as before, though resources on the screen have changed")
        note = f"{len(self._latencies)} changes on the screen, {count / lasted:.0f} a second in all"
        median, tail = (percentile(self._latencies, percent) * 1000 for percent in (50, 95))
        return [
            Figure(f"{platform}: event to pixel, p50", median, "ms", None, note),
            Figure(
                f"{platform}: event to pixel, p95", tail, "ms", MOST_EVENT, "of it up to 50 the tick of the display"
            ),
            Figure(f"{platform}: lateness of a timer meanwhile, p95", percentile(late, 95) * 1000, "ms"),
            Figure(f"{platform}: processor meanwhile", busy / lasted * 100, "%"),
        ]

    def _change(self, number: int) -> None:
        on_screen = number % 2 == 1
        assert self._mirror.snapshot is not None
        identity = self._visible[number // 2 % len(self._visible)] if on_screen else farm.a_resource(number)[0]
        old: Resource = self._mirror.snapshot.resources[identity]
        state = ResourceState.OFFLINE if old.state is ResourceState.ONLINE else ResourceState.ONLINE
        after = self._mirror.snapshot.revision
        news = Changes(after=after, revision=after + 1, changed=(replace(old, state=state, revision=after + 1),))
        line = wire.encode(news)
        came = time.perf_counter()
        frame = wire.decode_from_node(line)
        assert isinstance(frame, Changes)
        self._mirror.take(frame)
        if on_screen:
            self._heard.append(came)
        self._cluster.report(self._mirror.snapshot, Update(changed=frame.changed))

    def _taken_over(self, _: object) -> None:
        self._shown += self._heard
        self._heard.clear()

    def _flushed(self, now: float) -> None:
        self._latencies += (now - at for at in self._shown)
        self._shown.clear()


def _visible(area: ClusterArea) -> list[str]:
    """Return the ids of the resources whose rows are on the screen."""
    view, model = area.list.view, area.list.model
    first, last = view.rowAt(0), view.rowAt(view.viewport().height() - 1)
    items = [model.object_at(model.index(row, 0)) for row in range(first, last)]
    found = [str(item.id) for item in items if item is not None]
    if not found:
        raise BenchmarkFailed("no row is on the screen")
    return found


def _scrolling(platform: str, area: ClusterArea) -> list[Figure]:
    """Scroll the list by more than a page a frame, so that each frame is all new."""
    bar, viewport = area.list.view.verticalScrollBar(), area.list.view.viewport()
    bar.setValue(0)
    step = max(1, (bar.maximum() - bar.minimum()) // SCROLLS)
    frames, busy = [], []
    for number in range(1, SCROLLS + 1):
        began, working = time.perf_counter(), time.thread_time()
        bar.setValue(number * step)
        viewport.repaint()
        frames.append(time.perf_counter() - began)
        busy.append(time.thread_time() - working)
    note = f"{SCROLLS} frames, {percentile(busy, 95) * 1000:.1f} ms of processor time"
    return [
        Figure(f"{platform}: scroll frame, p50", percentile(frames, 50) * 1000, "ms"),
        Figure(f"{platform}: scroll frame, p95", percentile(frames, 95) * 1000, "ms", MOST_FRAME, note),
    ]


def _memory() -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1]) * 1024 / 1e6


if __name__ == "__main__":
    sys.exit(main())
