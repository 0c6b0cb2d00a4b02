"""The display of a node, read from what logind and the session's own programs say."""

import os
from pathlib import Path

import pytest

from nodeagent.system.desktop import NoDesktopError, find_desktop


def session(run: Path, name: str, **values: str) -> None:
    folder = run / "systemd" / "sessions"
    folder.mkdir(parents=True, exist_ok=True)
    base = {"UID": "4000000", "USER": "anna", "ACTIVE": "1", "TYPE": "x11", "CLASS": "user", "REMOTE": "0"}
    text = "".join(f"{key}={value}\n" for key, value in (base | values).items())
    (folder / name).write_text(f"# This is private data. Do not parse.\n{text}")


def test_an_active_x11_session_is_found(tmp_path: Path) -> None:
    session(tmp_path, "2", DISPLAY=":0")
    key = tmp_path / "user" / "4000000" / "gdm" / "Xauthority"
    key.parent.mkdir(parents=True)
    key.touch()
    desktop = find_desktop(run=tmp_path, proc=tmp_path, own={})
    assert desktop.user == "anna"
    assert desktop.environment == {
        "DISPLAY": ":0",
        "XAUTHORITY": str(key),
        "XDG_RUNTIME_DIR": str(tmp_path / "user" / "4000000"),
        "XDG_SESSION_TYPE": "x11",
    }


def test_a_wayland_session_is_found_by_its_socket(tmp_path: Path) -> None:
    session(tmp_path, "2", TYPE="wayland")
    runtime = tmp_path / "user" / "4000000"
    runtime.mkdir(parents=True)
    for name in ("wayland-0", "wayland-0.lock", "bus"):
        (runtime / name).touch()
    environment = find_desktop(run=tmp_path, proc=tmp_path, own={}).environment
    assert environment["WAYLAND_DISPLAY"] == "wayland-0"
    assert environment["DBUS_SESSION_BUS_ADDRESS"] == f"unix:path={runtime}/bus"


def test_what_the_sessions_own_programs_say_comes_first(tmp_path: Path) -> None:
    session(tmp_path, "2", UID=str(os.getuid()), SCOPE="session-2.scope", DISPLAY=":9")
    for pid, scope, block in (
        ("17", "session-2.scope", b"DISPLAY=:1\0XAUTHORITY=/tmp/key\0PATH=/bin\0"),
        ("18", "session-5.scope", b"DISPLAY=:5\0XAUTHORITY=/tmp/other\0XDG_SESSION_TYPE=x11\0"),
    ):
        folder = tmp_path / pid
        folder.mkdir()
        (folder / "cgroup").write_text(f"0::/user.slice/{scope}\n")
        (folder / "environ").write_bytes(block)
    environment = find_desktop(run=tmp_path, proc=tmp_path, own={}).environment
    assert (environment["DISPLAY"], environment["XAUTHORITY"]) == (":1", "/tmp/key")
    assert "PATH" not in environment


@pytest.mark.parametrize("values", [{"ACTIVE": "0"}, {"TYPE": "tty"}, {"CLASS": "greeter"}])
def test_sessions_that_show_no_persons_desktop_are_passed_over(tmp_path: Path, values: dict[str, str]) -> None:
    session(tmp_path, "2", DISPLAY=":0", **values)
    with pytest.raises(NoDesktopError):
        find_desktop(run=tmp_path, proc=tmp_path, own={})


def test_a_session_at_the_screen_comes_before_a_remote_one(tmp_path: Path) -> None:
    session(tmp_path, "1", DISPLAY=":7", REMOTE="1", USER="remote")
    session(tmp_path, "2", DISPLAY=":0")
    assert find_desktop(run=tmp_path, proc=tmp_path, own={}).user == "anna"


def test_without_logind_the_agents_own_display_is_taken(tmp_path: Path) -> None:
    own = {"DISPLAY": ":3", "XAUTHORITY": "/tmp/key", "HOME": "/root"}
    assert find_desktop(run=tmp_path, proc=tmp_path, own=own).environment == {
        "DISPLAY": ":3",
        "XAUTHORITY": "/tmp/key",
    }


def test_a_node_without_any_display_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NoDesktopError, match="turn off InteractWithDesktop"):
        find_desktop(run=tmp_path, proc=tmp_path, own={})
