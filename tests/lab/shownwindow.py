"""The real window on one cluster, telling in JSON lines what it shows: where it is connected, and which events.

usage: python -m tests.lab.shownwindow TARGET; ends by Ctrl-C
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any, Final

import qasync
from PySide6.QtWidgets import QApplication

from clusteradmin.client.cluster import Update
from clusteradmin.settings import ClientHome
from ui.app import leave_on_signals
from ui.clusterarea import ClusterArea
from ui.mainwindow import MainWindow
from ui.theme import theme

LOOK: Final = 0.02  # seconds


def say(**what: Any) -> None:
    """Print one line."""
    sys.stdout.write(f"{json.dumps(what)}\n")
    sys.stdout.flush()


async def tell(area: ClusterArea) -> None:
    """Tell each state and node once it changes, and each event once it is in the list of events."""
    shown: set[int] = set()
    told = ("", "")
    while True:
        status = area.cluster.status
        if (now := (status.state.value, status.node)) != told:
            told = now
            say(state=now[0], node=now[1])
        for entry in area.events.model.entries_shown()[::-1]:
            if entry.sequence not in shown:
                shown.add(entry.sequence)
                say(sequence=entry.sequence, at=entry.at)
        await asyncio.sleep(LOOK)  # what is painted tells nobody


def heard(update: Update) -> None:
    """Tell what came, twice if it came twice."""
    for entry in update.logged:
        say(heard=entry.sequence)


async def run(target: str) -> None:
    """Show the window until told to leave."""
    left = asyncio.Event()
    leave_on_signals(left)
    home = ClientHome.default()
    window = MainWindow(home, home.directory / f"window-{time.monotonic_ns()}.json")
    window.resize(1280, 800)
    window.show()
    area = window.open_target(target)
    assert area is not None
    stop = area.cluster.listen(heard)
    telling = asyncio.ensure_future(tell(area))
    await left.wait()
    telling.cancel()
    stop()
    window.hide()
    await window.shut_down()
    window.deleteLater()


def main() -> None:
    """Run it."""
    application = QApplication(sys.argv[:1])
    application.setQuitOnLastWindowClosed(False)
    theme()
    with asyncio.Runner(loop_factory=lambda: qasync.QEventLoop(application)) as runner:
        runner.run(run(sys.argv[1]))


if __name__ == "__main__":
    main()
