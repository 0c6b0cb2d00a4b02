"""The window's program: QApplication, the loop that asyncio and Qt share, start, screenshot, end."""

import asyncio  # noqa: I001 - PySide6 before qasync, or it may choose another binding
import contextlib
import signal
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, Final

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

import qasync

from clusteradmin.client.cluster import ConnectionState, Update
from clusteradmin.settings import ClientHome
from nodeagent.api.objects import ResourceState, Snapshot
from ui import settings
from ui.clusterarea import ClusterArea
from ui.mainwindow import MainWindow
from ui.theme import theme

QUIET: Final = 0.7  # seconds without news after which a picture is taken
MOST_SECONDS: Final = 60.0  # after which it is taken as it is
FAILED: Final = 1
NOT_CONNECTED: Final = 4


def run(
    targets: Sequence[str],
    *,
    screenshot: Path | None = None,
    reconnect: bool = True,
    background: Coroutine[Any, Any, object] | None = None,
) -> int:
    """Show the window until it is left, and return the exit code.

    Args:
        targets: clusters to open, besides those that were open last time.
        screenshot: draw the window into this file when its cluster is there and quiet, and leave.
        reconnect: open what was open last time, when nothing else is asked for.
        background: runs beside the window and is cancelled with it; the window ends when it does.
    """
    application = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(application, QApplication)
    application.setApplicationName("Cluster Administrator")
    application.setDesktopFileName("cluster-administrator")
    application.setQuitOnLastWindowClosed(False)  # connections are closed after the window, by the loop
    theme()
    with asyncio.Runner(loop_factory=lambda: qasync.QEventLoop(application)) as runner:
        return runner.run(run_window(targets, screenshot=screenshot, reconnect=reconnect, background=background))


async def run_window(
    targets: Sequence[str],
    *,
    screenshot: Path | None = None,
    reconnect: bool = True,
    background: Coroutine[Any, Any, object] | None = None,
    home: ClientHome | None = None,
) -> int:
    """Show the window in the running loop until it is left; see `run`."""
    left = asyncio.Event()
    leave_on_signals(left)
    own_home = home or ClientHome.default()
    # A picture is of the window as new, and changes nothing of how it was left.
    file = own_home.directory / (settings.FILE_NAME if screenshot is None else f"screenshot-{settings.FILE_NAME}")
    window = MainWindow(own_home, file)
    window.leaving.connect(left.set)
    beside = asyncio.ensure_future(background) if background is not None else None
    if beside is not None:
        beside.add_done_callback(lambda _: left.set())
    window.show()
    for target in targets:
        window.open_target(target)
    if reconnect and not targets and screenshot is None:
        window.reopen()
    try:
        if screenshot is not None:
            return await take_screenshot(window, screenshot, left)
        await left.wait()
        return 0
    finally:
        window.hide()
        await window.shut_down()
        if beside is not None:
            beside.cancel()
            await asyncio.gather(beside, return_exceptions=True)
        window.deleteLater()
        if screenshot is not None:
            file.unlink(missing_ok=True)


def leave_on_signals(left: asyncio.Event) -> None:
    """Leave on Ctrl-C and when told to end: Qt's loop does not notice either by itself."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows
            loop.add_signal_handler(number, left.set)


async def take_screenshot(window: MainWindow, file: Path, left: asyncio.Event) -> int:
    """Wait until the current cluster is there and quiet, draw the window into *file*; return the exit code."""
    area = window.current()
    if area is None:
        return NOT_CONNECTED
    try:
        async with asyncio.timeout(MOST_SECONDS):
            await until_quiet(area, left)
    except TimeoutError:
        if area.picture is None:
            sys.stderr.write(f"{area.cluster.target}: {area.cluster.status.detail}\n")
            return NOT_CONNECTED
    area.refresh()
    if not window.grab().save(str(file)):
        sys.stderr.write(f"{file} cannot be written.\n")
        return FAILED
    return 0


async def until_quiet(area: ClusterArea, left: asyncio.Event) -> None:
    """Return when the cluster is live, nothing of it is on its way, and no news has come for a while."""
    quiet = asyncio.Event()
    timer = QTimer(area, singleShot=True, interval=int(QUIET * 1000))
    timer.timeout.connect(quiet.set)

    def heard(update: Update | None = None) -> None:
        del update
        cluster = area.cluster
        if cluster.status.state is ConnectionState.LIVE and cluster.snapshot and settled(cluster.snapshot):
            timer.start()
        else:
            timer.stop()

    stop = area.cluster.listen(heard)
    heard()
    waits = [asyncio.ensure_future(event.wait()) for event in (quiet, left)]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stop()
        timer.stop()
        for wait in waits:
            wait.cancel()


def settled(snapshot: Snapshot) -> bool:
    """Tell whether the cluster has anything, and nothing of it is on its way to another state."""
    states = {resource.state for resource in snapshot.resources.values()}
    return bool(states) and not any(s.pending or s is ResourceState.INITIALIZING for s in states)
