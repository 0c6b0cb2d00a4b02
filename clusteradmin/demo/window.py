"""The window on the demo, a program of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from clusteradmin.demo import programs


def has_display(environment: Mapping[str, str]) -> bool:
    """Tell whether a window could be shown."""
    return bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))


def command(connection: str, screenshot: Path | None = None) -> tuple[str, ...]:
    """Return the command of the window on *connection*; with *screenshot* it draws itself into that file and leaves."""
    drawn = () if screenshot is None else ("--screenshot", str(screenshot))
    return programs.python("ui", "--cluster", connection, *drawn)


def environment(base: Mapping[str, str], mark: str) -> dict[str, str]:
    """Return the window's environment: where there is no display it draws off screen."""
    found = programs.environment(mark, base)
    return found if has_display(base) else {"QT_QPA_PLATFORM": "offscreen", **found}
