"""Pictures of the main window with a cluster in which every state occurs: `python -m tests.screenshots.window DIR`.

Each look is drawn in a process of its own, because Qt takes scale and font at its start.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path

SCENES = ("mixed", "details", "lost", "tiled", "first-run", "move", "palette", "events")
PLACES = (
    "cluster",
    "groups",
    "group/orders-database",
    "configuration",
    "types",
    "networks",
    "network/public",
    "interfaces",
    "node/3",
    "active_groups/2",
    "active_group/web-shop/1",
    "active_resources/2",
    "node_interfaces/1",
)
MORE = ("connecting", "unreachable", "recent", "output", "several", "no-match", "empty", "menu", "node-menu", "about")
SIZES = ("1280x800", "1920x1080", "880x520")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--only", default="", help="draw pictures whose name contains this")
    parser.add_argument("--font", default="Noto Sans")
    parser.add_argument("--one", nargs=4, metavar=("SCENE", "LOOK", "SIZE", "SCALE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.directory.mkdir(parents=True, exist_ok=True)
    if options.one:
        return draw(options.directory, *options.one, font=options.font)
    failed = 0
    for scene, look, size, scale in looks():
        if options.only not in name(scene, look, size, scale):
            continue
        command = [sys.executable, "-m", "tests.screenshots.window", str(options.directory), "--font", options.font]
        environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "QT_SCALE_FACTOR": scale}
        failed += subprocess.run([*command, "--one", scene, look, size, scale], env=environment, check=False).returncode
    return 1 if failed else 0


def looks() -> list[tuple[str, str, str, str]]:
    """Return scene, look, size and scale of each picture."""
    found = [("mixed", look, size, "1") for look in ("light", "dark") for size in SIZES]
    found += [("mixed", "light", "1280x800", scale) for scale in ("1.25", "2")]
    found += [(scene, look, "1280x800", "1") for scene in SCENES[1:] for look in ("light", "dark")]
    found += [("tiled", "light", "1920x1080", "1"), ("details", "dark", "1920x1080", "1")]
    found += [(f"at {place}", look, "1280x800", "1") for place in PLACES for look in ("light", "dark")]
    found += [(scene, look, "1280x800", "1") for scene in MORE for look in ("light", "dark")]
    return [
        *found,
        *(("details", "dark", "880x520", scale) for scale in ("1.5", "2")),
        ("tiled", "dark", "880x520", "1"),
    ]


def name(scene: str, look: str, size: str, scale: str) -> str:
    return f"window-{scene}-{look}-{size}-{scale}x".replace("/", "-").replace(" ", "-")


def draw(directory: Path, scene: str, look: str, size: str, scale: str, *, font: str) -> int:
    from PySide6.QtGui import QFont  # noqa: I001 - PySide6 before qasync, or it may choose another binding
    from PySide6.QtWidgets import QApplication

    import qasync

    from ui.theme import theme

    application = QApplication([])
    application.setFont(QFont(font, 10))
    theme()
    with asyncio.Runner(loop_factory=lambda: qasync.QEventLoop(application)) as runner:
        picture = runner.run(shown(scene, look, size))
    file = directory / f"{name(scene, look, size, scale)}.png"
    picture.save(str(file))
    sys.stdout.write(f"{file}\n")
    return 0


async def shown(scene: str, look: str, size: str):  # type: ignore[no-untyped-def]  # a QPixmap: Qt is not loaded yet
    """Return a picture of the window, or of the dialog or menu that the scene is about."""
    from PySide6.QtWidgets import QDialog, QMenu

    from clusteradmin.settings import ClientHome
    from tests.screenshots.scenes import set_up
    from ui.mainwindow import MainWindow
    from ui.theme import Appearance

    with tempfile.TemporaryDirectory() as home:
        window = MainWindow(ClientHome(Path(home)))
        window._set_appearance(Appearance(look))
        window.resize(*map(int, size.split("x")))
        window.show()
        await set_up(window, scene)
        await asyncio.sleep(0.2)  # layouts and the tick of 50 ms
        above = [w for kind in (QDialog, QMenu) for w in window.findChildren(kind) if w.isVisible() and w.isWindow()]
        picture = (above[0] if above else window).grab()
        for menu in window.findChildren(QMenu):
            menu.close()
        window.hide()
        await window.shut_down()
        window.deleteLater()
        return picture


if __name__ == "__main__":
    sys.exit(main())
