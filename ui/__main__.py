"""The command clusteradmin: the window, or for anything else the command line, which needs no Qt."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

NO_WINDOW = 1
INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class WindowWanted:
    """What the window is to be opened with."""

    targets: tuple[str, ...] = ()
    reconnect: bool = True
    screenshot: Path | None = None


def main() -> int:
    """Run the command with this process's arguments and return its exit code."""
    _open_missing_streams()
    try:
        return run(sys.argv[1:])
    except KeyboardInterrupt:  # before anything had begun that could be interrupted
        return INTERRUPTED


def _open_missing_streams() -> None:
    """Give what is printed somewhere to go: a process may be started with its output closed."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - until the process ends
    if sys.stderr is None:
        sys.stderr = sys.stdout


def run(arguments: Sequence[str]) -> int:
    """Open the window when the arguments say so, else hand them to the command line."""
    wanted = window_wanted(arguments)
    if wanted is None:
        from clusteradmin.cli.main import main as command_line  # noqa: PLC0415 - the window does not need it

        return command_line(list(arguments))
    if wanted.screenshot is not None and not has_display():
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    if not has_display():
        return _no_window("There is no display to show the window on; see clusteradmin --help for the command line.")
    try:
        from ui import app  # noqa: PLC0415 - Qt only when a window is wanted
    except ImportError as exc:
        return _no_window(f"The window cannot be opened: {exc}. Install cluster-administrator[desktop].")
    return app.run(list(wanted.targets), screenshot=wanted.screenshot, reconnect=wanted.reconnect)


def window_wanted(arguments: Sequence[str]) -> WindowWanted | None:
    """Return what window the arguments ask for, or None when they are for the command line.

    A window is asked for by nothing at all, by --noreconnect, by --cluster TARGET without a verb, and by a TARGET
    alone that is no object of the command line.
    """
    if len(arguments) == 1 and is_target(arguments[0]):
        return WindowWanted((arguments[0],))
    targets: list[str] = []
    reconnect = True
    screenshot: Path | None = None
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        name = word.replace("/", "--", 1).casefold() if word.startswith("/nor") else word.casefold()
        if name in ("--noreconnect", "--norecon"):
            reconnect = False
        elif name == "--cluster" and rest:
            targets.append(rest.pop(0))
        elif name.startswith("--cluster="):
            targets.append(word.partition("=")[2])
        elif name == "--screenshot" and rest:
            screenshot = Path(rest.pop(0))
        else:
            return None
    return WindowWanted(tuple(targets), reconnect, screenshot)


def is_target(word: str) -> bool:
    """Tell whether a single word names a cluster to open, and not an object that the command line knows."""
    if not word or word.startswith(("-", "/")):
        return False
    from clusteradmin.cli.objects import OBJECTS  # noqa: PLC0415 - the window alone does not need it

    known = {name for spec in OBJECTS for name in (spec.name, *spec.aliases)}
    return word.casefold() not in known | {"demo", "help"}


def has_display() -> bool:
    """Tell whether Qt has somewhere to show a window."""
    if sys.platform in ("darwin", "win32"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))


def _no_window(sentence: str) -> int:
    sys.stderr.write(f"{sentence}\n")
    return NO_WINDOW


if __name__ == "__main__":
    sys.exit(main())
