"""The display of this node, for applications that interact with the desktop."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from nodeagent.system import accounts

# What a program needs to open a window, play a sound and find the session's own services.
_WANTED = (
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "XDG_RUNTIME_DIR",
    "XDG_SESSION_TYPE",
    "DBUS_SESSION_BUS_ADDRESS",
)


class NoDesktopError(Exception):
    """Nobody is logged in at this node's screen; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Desktop:
    """A display, and the user whose it is: another one's programs are usually refused by it."""

    user: str
    environment: Mapping[str, str]


def find_desktop(run: Path = Path("/run"), proc: Path = Path("/proc"), own: Mapping[str, str] | None = None) -> Desktop:
    """Return the graphical session that is active at this node, else the display that the agent itself was given.

    logind's session files are read directly, as libsystemd does: asking over the bus may block.

    Raises:
        NoDesktopError: there is neither.
    """
    for session in _sessions(run / "systemd" / "sessions"):
        if found := _desktop_of(session, run, proc):
            return found
    environment = _display_part(os.environ if own is None else own)
    if _can_show(environment):
        return Desktop(accounts.current().name, environment)
    raise NoDesktopError(
        "Nobody is logged in to a graphical session on this node, so the application cannot interact with the desktop. "
        "Log in at the node, or turn off InteractWithDesktop."
    )


def _sessions(folder: Path) -> Iterator[dict[str, str]]:
    """Yield the active graphical sessions of people, those at a seat before remote ones."""
    found = []
    with contextlib.suppress(FileNotFoundError):
        for path in sorted(folder.iterdir()):
            with contextlib.suppress(OSError):  # the session has just ended, or the name is that of a pipe
                if path.is_file():
                    found.append(_assignments(path.read_text(encoding="utf-8", errors="replace")))
    shown = [
        session
        for session in found
        if session.get("ACTIVE") == "1"
        and session.get("TYPE") in {"x11", "wayland", "mir"}
        and session.get("CLASS", "user").startswith("user")
    ]
    yield from sorted(shown, key=lambda session: session.get("REMOTE", "0"))


def _assignments(text: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in text.splitlines() if not line.startswith("#"))
    return {key: value.strip('"') for key, equals, value in pairs if equals}


def _desktop_of(session: Mapping[str, str], run: Path, proc: Path) -> Desktop | None:
    """Work out a session's environment from its own programs, and what they do not say from the usual places."""
    try:
        uid = int(session["UID"])
    except (KeyError, ValueError):
        return None
    runtime = run / "user" / str(uid)
    environment = _guess(session, runtime, _home(uid)) | _environment_inside(uid, session.get("SCOPE", ""), proc)
    if not _can_show(environment):
        return None
    return Desktop(session.get("USER", str(uid)), environment)


def _guess(session: Mapping[str, str], runtime: Path, home: Path | None) -> dict[str, str]:
    environment = {"XDG_SESSION_TYPE": session.get("TYPE", "x11")}
    if runtime.is_dir():
        environment["XDG_RUNTIME_DIR"] = str(runtime)
        if (runtime / "bus").exists():
            environment["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={runtime}/bus"
        sockets = sorted(path.name for path in runtime.glob("wayland-*") if path.suffix != ".lock")
        if sockets and session.get("TYPE") == "wayland":
            environment["WAYLAND_DISPLAY"] = sockets[0]
    if display := session.get("DISPLAY"):
        environment["DISPLAY"] = display
    keys = [runtime / "gdm" / "Xauthority"] + ([home / ".Xauthority"] if home else [])
    if key := next((path for path in keys if path.exists()), None):
        environment["XAUTHORITY"] = str(key)
    return environment


def _home(uid: int) -> Path | None:
    try:
        return Path(accounts.account_of(uid).home)
    except accounts.UnknownUserError:
        return None


def _environment_inside(uid: int, scope: str, proc: Path) -> dict[str, str]:
    """Return the display variables of the program in the session's scope that knows most of them."""
    best: dict[str, str] = {}
    if not scope:
        return best
    for folder in proc.glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended, or is not ours to read
            if folder.stat().st_uid != uid or f"/{scope}" not in (folder / "cgroup").read_text(encoding="utf-8"):
                continue
            block = (folder / "environ").read_text(encoding="utf-8", errors="replace")
            found = _display_part(_assignments(block.replace("\0", "\n")))
            if _can_show(found) and len(found) > len(best):
                best = found
    return best


def _display_part(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: environment[name] for name in _WANTED if environment.get(name)}


def _can_show(environment: Mapping[str, str]) -> bool:
    return "DISPLAY" in environment or "WAYLAND_DISPLAY" in environment
