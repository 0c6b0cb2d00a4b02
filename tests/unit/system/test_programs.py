"""Which program a command line means, and the sentence when it means none."""

import sys
from pathlib import Path

import pytest

from nodeagent.system import programs
from nodeagent.system.accounts import current


def make_file(path: Path, mode: int) -> Path:
    path.write_text("#!/bin/sh\n")
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("line", "argv"),
    [
        ("notepad /etc/motd", ("notepad", "/etc/motd")),
        ("'/opt/my editor/notepad' --title 'a b'", ("/opt/my editor/notepad", "--title", "a b")),
        ("echo $HOME *", ("echo", "$HOME", "*")),
        (r"say a\ b", ("say", "a b")),
    ],
)
def test_a_command_line_is_split_like_a_shell_would_and_nothing_is_expanded(line: str, argv: tuple[str, ...]) -> None:
    assert programs.split_command_line(line) == argv


@pytest.mark.parametrize("line", ["", "   ", "''"])
def test_an_empty_command_line_is_refused(line: str) -> None:
    with pytest.raises(programs.CommandLineError, match="empty"):
        programs.split_command_line(line)


def test_an_open_quote_is_refused() -> None:
    with pytest.raises(programs.CommandLineError, match="quote that is not closed"):
        programs.split_command_line("notepad 'a b")


def test_a_shell_runs_only_when_asked_for() -> None:
    assert programs.shell_command("a | b") == ("/bin/sh", "-c", "a | b")


def test_a_name_without_a_slash_is_looked_for_along_the_path_of_its_own_environment(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    make_file(first / "editor", 0o644)
    program = make_file(second / "editor", 0o755)
    assert programs.find_program("editor", "/", {"PATH": f"{first}:{second}"}) == str(program)


def test_a_name_with_a_slash_starts_at_the_current_directory(tmp_path: Path) -> None:
    make_file(tmp_path / "editor", 0o755)
    assert programs.find_program("./editor", str(tmp_path), {}) == f"{tmp_path}/./editor"


def test_a_program_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(programs.ProgramNotFoundError, match="The program editor is in none of the folders of PATH"):
        programs.find_program("editor", "/", {"PATH": str(tmp_path)})
    with pytest.raises(programs.ProgramNotFoundError, match=f"The program {tmp_path}/editor does not exist"):
        programs.find_program(f"{tmp_path}/editor", "/", {})


def test_a_file_without_x_permission_and_a_directory_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(programs.NotExecutableError, match="Set its x permission"):
        programs.find_program(str(make_file(tmp_path / "editor", 0o644)), "/", {})
    with pytest.raises(programs.NotExecutableError, match="is a directory"):
        programs.find_program(str(tmp_path), "/", {})
    with pytest.raises(programs.NotExecutableError, match="Set its x permission"):
        programs.find_program("editor", "/", {"PATH": str(tmp_path)})


@pytest.mark.parametrize("environment", [{"": "a"}, {"a=b": "c"}, {"a": "b\0c"}])
def test_variables_that_no_program_can_be_given_are_refused(environment: dict[str, str]) -> None:
    with pytest.raises(programs.CommandLineError, match="environment variable"):
        programs.refuse_unusable((sys.executable,), environment)


def test_a_zero_character_in_an_argument_is_refused() -> None:
    with pytest.raises(programs.CommandLineError, match="zero character"):
        programs.refuse_unusable(("editor", "a\0b"), {})


def test_a_program_finds_its_users_home_and_nothing_of_the_agents_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_AGENT", "1")
    user = current()
    environment = programs.login_environment(user)
    assert (environment["HOME"], environment["USER"]) == (user.home, user.name)
    assert "SECRET_OF_THE_AGENT" not in environment
