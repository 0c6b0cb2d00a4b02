"""Every folder is a story: it is played, and its log must be the expected one. See README.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.scenarios.rules import ELSEWHERE, README, all_rules, table, told
from tests.scenarios.running import played
from tests.scenarios.scenario import FOLDERS, names, read
from tests.scenarios.telling import differences

HERE = Path(__file__).parents[2]  # the project


@pytest.mark.parametrize("name", names())
def test_the_story_comes_out_as_it_is_told(name: str) -> None:
    scenario = read(FOLDERS / name)
    assert scenario.expected, "there is no expected.log"
    found = "\n".join(differences(scenario.expected, played(scenario)))
    assert not found, f"{name}: {scenario.start.about}\n{found}\n(python -m tests.scenarios.update {name})"


def test_no_story_is_told_twice() -> None:
    stories: dict[str, str] = {}
    sentences: dict[str, str] = {}
    for name in names():
        scenario = read(FOLDERS / name)
        assert stories.setdefault(scenario.story(), name) == name
        assert sentences.setdefault(scenario.start.about, name) == name


def test_every_rule_is_told_and_every_story_tells_a_rule() -> None:
    rules = {rule for section, found in all_rules().items() if section != ELSEWHERE for rule in found}
    assert set(told()) == rules
    assert not rules & set(all_rules()[ELSEWHERE])
    assert all(read(FOLDERS / name).start.rules for name in names())


def test_what_is_told_elsewhere_names_where() -> None:
    found = {rule: re.findall(r"tests/[\w/.]*\w", text) for rule, text in all_rules()[ELSEWHERE].items()}
    missing = {name for names_of_rule in found.values() for name in names_of_rule if not (HERE / name).is_file()}
    assert not missing
    nowhere = {"2.1.1-initializing", "2.1.2-core", "3.3-event-handle"}  # they say why there is nothing to show
    assert {rule for rule, names_of_rule in found.items() if not names_of_rule} == nowhere


def test_the_table_of_the_readme_is_that_of_the_folders() -> None:
    assert README.read_text().endswith(table()), "python -m tests.scenarios.rules writes it"


LOG = ["> a", "    0.1 s  b", "           why: c", "    0.2 s  d", "= e"]


@pytest.mark.parametrize(
    "came",
    [
        ["> a", "    0.3 s  b", "           why: c", "    0.1 s  d", "= e"],
        ["> a", "    0.2 s  d", "    0.1 s  b", "           why: c", "= e"],
    ],
)
def test_logs_are_the_same_when_they_tell_the_same_at_about_the_same_moments(came: list[str]) -> None:
    assert not list(differences(LOG, came))


@pytest.mark.parametrize(
    ("came", "shown"),
    [
        (["> x", *LOG[1:]], ["- > a\n+ > x"]),
        (
            [*LOG[:2], "           why: x", *LOG[3:]],
            ["  > a", "-     0.1 s  b\n-            why: c", "+     0.1 s  b\n+            why: x"],
        ),
        ([*LOG[:3], "    0.5 s  d", "= e"], ["  > a", "-     0.2 s  d", "+     0.5 s  d"]),
        ([*LOG[:3], "= e"], ["  > a", "-     0.2 s  d"]),
        ([*LOG[:4], "    0.2 s  d", "= e"], ["  > a", "+     0.2 s  d"]),
        (LOG[:4], ["- = e\n+ (nothing)"]),
        ([*LOG, "= f"], ["- (nothing)\n+ = f"]),
    ],
)
def test_the_first_difference_is_shown(came: list[str], shown: list[str]) -> None:
    assert list(differences(LOG, came)) == shown
