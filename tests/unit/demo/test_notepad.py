"""Which program stands for Notepad."""

import shlex
from pathlib import Path

import pytest

from clusteradmin.demo.contents import choose_notepad


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    for name in ("xclock", "mousepad", "kwrite"):
        (tmp_path / name).touch(mode=0o755)
    return tmp_path


def test_with_an_x_server_it_is_the_first_editor_that_is_installed(programs: Path) -> None:
    chosen = choose_notepad({"DISPLAY": ":0", "PATH": str(programs)})
    assert chosen.command_line.split()[0] == "mousepad"
    assert chosen.parameters["InteractWithDesktop"] is True


def test_where_only_wayland_shows_windows_programs_for_x_are_not_taken(programs: Path) -> None:
    (programs / "mousepad").unlink()
    chosen = choose_notepad({"WAYLAND_DISPLAY": "wayland-0", "PATH": str(programs)})
    assert chosen.command_line == "kwrite"


@pytest.mark.parametrize("display", [{}, {"DISPLAY": ":0", "PATH": "/nowhere"}])
def test_without_display_or_editor_it_prints_lines(display: dict[str, str]) -> None:
    chosen = choose_notepad(display)
    assert shlex.split(chosen.command_line)[0] == "sh"
    assert chosen.parameters["InteractWithDesktop"] is False
