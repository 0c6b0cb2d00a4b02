"""Generic Application: what validation finds, and what is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodeagent.api.properties import Value
from nodeagent.resourcetypes.application import GenericApplication
from nodeagent.resourcetypes.base import ResourceError

KIND = GenericApplication()


def codes(**parameters: Value) -> list[str]:
    given: dict[str, Value] = {"CommandLine": "/bin/sleep 1", "CurrentDirectory": "/", **parameters}
    return [found.code for found in KIND.validate(KIND.read(given))]


def test_what_is_there_is_accepted() -> None:
    assert codes() == []
    assert codes(CommandLine="sleep 1") == []


def test_what_is_missing_is_said_all_at_once(tmp_path: Path) -> None:
    assert codes(CommandLine="/no/such", CurrentDirectory="/no") == ["directory_missing", "program_not_found"]
    (tmp_path / "text").touch()
    assert codes(CommandLine=str(tmp_path / "text")) == ["program_not_executable"]
    assert codes(RunAs="nobody-at-all") == ["user_unknown"]


@pytest.mark.parametrize("line", ["'open", "''"])
def test_a_command_line_that_cannot_be_split_is_a_problem_and_no_error(line: str) -> None:
    assert codes(CommandLine=line) == ["start_failed"]


def test_a_stored_variable_without_a_value_does_no_harm() -> None:
    assert codes(Environment=("NONSENSE",)) == []


def test_the_program_is_looked_up_once_and_the_agents_own_user_is_not_switched_to(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("#!/bin/sh\n")
    (tmp_path / "run").chmod(0o755)
    running = KIND.prepare(
        KIND.read({"CommandLine": "./run 'a b'", "CurrentDirectory": str(tmp_path), "StopTimeout": 1500})
    )
    assert Path(running.launch.program).samefile(tmp_path / "run")
    assert running.launch.argv == ("./run", "a b")
    assert running.launch.account is None
    assert running.stop_timeout == 1.5


def test_a_display_is_asked_for_only_when_it_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    given: dict[str, Value] = {"CommandLine": "/bin/sleep 1", "CurrentDirectory": "/"}
    assert "DISPLAY" not in KIND.prepare(KIND.read(given)).launch.environment
    with pytest.raises(ResourceError) as caught:
        KIND.prepare(KIND.read({**given, "InteractWithDesktop": True}))
    assert caught.value.problem.code == "no_desktop"
    monkeypatch.setenv("DISPLAY", ":77")
    running = KIND.prepare(KIND.read({**given, "InteractWithDesktop": True}))
    assert running.launch.environment["DISPLAY"] == ":77"
