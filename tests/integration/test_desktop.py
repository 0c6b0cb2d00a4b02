"""An application that shows itself on the desktop of its node: a real X program on a display of the test's own.

With CLUSTERADMIN_TEST_PICTURES=DIRECTORY the display is drawn into a file there.
"""

import os
import re
import shutil
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PySide6.QtCore import QRect
from PySide6.QtGui import QImage

from clusteradmin.automation import Cluster, Resource
from tests.support.applications import SECONDS, take_down
from tests.support.demo import RunningDemo, private_account, running_demo, still_there
from tests.support.desktops import somebody_is_logged_in

PROGRAMS = ("Xvfb", "xclock", "xwininfo", "xwd")


pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(not all(map(shutil.which, PROGRAMS)), reason=f"needs {', '.join(PROGRAMS)}"),
    pytest.mark.skipif(somebody_is_logged_in(), reason="somebody is logged in at this machine's screen"),
]

TITLE = "shown by the cluster"
BORDER = 4  # pixels at the edge that the server draws, not the program


@contextmanager
def display() -> Iterator[str]:
    """Run an X server without a screen; give its display, such as ":99"."""
    reading, writing = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-screen", "0", "640x480x24", "-nolisten", "tcp"],
        pass_fds=[writing],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    try:
        with os.fdopen(reading) as told:
            number = told.readline().strip()  # comes when it is ready
        assert number, "the X server has not started"
        yield f":{number}"
    finally:
        server.terminate()
        server.wait(SECONDS)


@contextmanager
def on_desktop(demo: RunningDemo, program: str) -> Iterator[Resource]:
    """Make an application that interacts with the desktop; its group is removed afterwards."""
    with Cluster(home=demo.clients).open(demo.name) as cluster:
        group = cluster.resource_groups.create_item("Desktop")
        resource = group.resources.create_item("Clock", "Generic Application")
        resource.private_properties["CommandLine"] = program
        resource.private_properties["CurrentDirectory"] = "/"
        resource.private_properties["InteractWithDesktop"] = True
        resource.private_properties.save_changes()
        yield resource
        take_down(resource)


def window_of(screen: str, title: str) -> QRect | None:
    """Return where the window with that title is, None while there is none."""
    listing = ["xwininfo", "-root", "-tree", "-display", screen]
    tree = subprocess.run(listing, capture_output=True, text=True, timeout=SECONDS, check=True).stdout
    found = re.search(rf'"{re.escape(title)}".* (\d+)x(\d+)\+-?\d+\+-?\d+  \+(\d+)\+(\d+)', tree)
    return QRect(int(found[3]), int(found[4]), int(found[1]), int(found[2])) if found else None


def shot(screen: str) -> QImage:
    """Return what the display shows, from xwd's file format (X11/XWDFile.h): header, colours, lines of pixels."""
    dump = ["xwd", "-root", "-silent", "-display", screen]
    data = subprocess.run(dump, capture_output=True, timeout=SECONDS, check=True).stdout
    header = struct.unpack(">25I", data[:100])
    size, width, height, bits, line, colours = (header[place] for place in (0, 4, 5, 11, 12, 19))
    assert bits == 32
    pixels = data[size + 12 * colours :]
    return QImage(pixels, width, height, line, QImage.Format.Format_RGB32).copy()


def colours_in(image: QImage) -> set[int]:
    return {image.pixel(x, y) for x in range(image.width()) for y in range(image.height())}


def drawn(screen: str, title: str) -> QImage:
    """Return the display once the window is there and has drawn itself: an X server tells nobody that it has."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        place = window_of(screen, title)
        inside = place.adjusted(BORDER, BORDER, -BORDER, -BORDER) if place is not None else QRect()
        if not inside.isEmpty() and len(colours_in((image := shot(screen)).copy(inside))) > 1:
            return image
    raise AssertionError(f"there is no window “{title}” with something in it on {screen}")


def test_a_program_that_interacts_with_the_desktop_is_seen_there() -> None:
    with (
        display() as screen,
        private_account() as account,
        running_demo(account, "--empty", environment={"DISPLAY": screen}) as demo,
    ):
        with on_desktop(demo, f"xclock -title '{TITLE}' -geometry 200x200+40+30") as resource:
            assert resource.online(SECONDS) is False
            image = drawn(screen, TITLE)
            if folder := os.environ.get("CLUSTERADMIN_TEST_PICTURES"):
                Path(folder).mkdir(parents=True, exist_ok=True)
                assert image.save(str(Path(folder) / "desktop.png"))
            process = resource.process_id
        assert still_there({process}) == []
        assert window_of(screen, TITLE) is None
