"""What may be said after “clusteradmin demo”."""

from pathlib import Path

import pytest

from clusteradmin.demo.arguments import Options, parse


@pytest.mark.parametrize(
    "said",
    [
        ["--poweroff:NODE2"],
        ["--poweroff=NODE2"],
        ["--poweroff", "NODE2"],
        ["/poweroff:NODE2"],
        ["/PowerOff:NODE2"],
    ],
)
def test_power_off_is_understood_in_each_way_of_writing_it(said: list[str]) -> None:
    assert parse(said) == Options(node="NODE2", power=False)


def test_power_on_is_not_power_off() -> None:
    assert parse(["--poweron:node3"]) == Options(node="node3", power=True)


def test_a_node_without_a_name_is_still_a_node_and_starts_no_demo() -> None:
    assert parse(["--poweroff:"]) == Options(node="", power=False)


def test_nothing_said_is_a_demo_with_a_window() -> None:
    assert parse([]) == Options()


def test_a_directory_may_be_called_like_an_option() -> None:
    assert parse(["--home", "/status"]).home == Path("/status")


def test_places_are_meant_from_where_the_command_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = parse(["--home", "here", "--screenshot:shot.png"])
    assert (found.home, found.screenshot) == (tmp_path / "here", tmp_path / "shot.png")


@pytest.mark.parametrize("said", [["--powerof:NODE1"], ["--poweroff"], ["--stop", "--status"], ["NODE1"]])
def test_what_is_not_understood_is_a_wrong_usage(said: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        parse(said)
    assert left.value.code == 2
    assert "clusteradmin demo" in capsys.readouterr().err


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        parse(["--help"])
    assert left.value.code == 0
    said = capsys.readouterr().out
    for option in ("--home", "--name", "--empty", "--headless", "--stay", "--screenshot", "--status", "--stop"):
        assert option in said
