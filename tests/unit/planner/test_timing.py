"""The inequality of docs/safety.md holds for every profile, and nothing less than it is accepted."""

from dataclasses import replace
from pathlib import Path

import pytest

from nodeagent.api.commonproperties import PROFILES as NAMES
from nodeagent.api.texts import sentence
from nodeagent.planner.timing import HEARTBEATS_PER_SECOND, PROFILES, Profile, profile_problem, safe_silence, scaled


def test_the_profiles_are_those_that_can_be_chosen() -> None:
    assert tuple(PROFILES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_profile_keeps_the_inequality(name: str) -> None:
    profile = PROFILES[name]
    assert profile_problem(profile) is None
    assert profile.needed() <= profile.takeover
    assert profile.self_stop >= profile.interval + profile.again


@pytest.mark.parametrize(
    ("name", "needed", "pause"), [("default", 4.41, 2.8), ("fast", 1.754, 1.1), ("virtual machines", 36.1, 30)]
)
def test_the_values_are_those_that_are_documented(name: str, needed: float, pause: float) -> None:
    profile = PROFILES[name]
    assert profile.needed() == pytest.approx(needed, abs=0.03)
    assert profile.self_stop - profile.interval >= pause


def test_the_documented_table_is_that_of_the_program() -> None:
    text = (Path(__file__).parents[3] / "docs" / "safety.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.strip("| ").split("|")] for line in text.splitlines() if line.startswith("| ")
    ]
    for p in PROFILES.values():
        numbers = (p.interval, p.again, p.self_stop, p.kill_bound, p.margin, round(p.needed(), 2), p.takeover)
        assert [p.name, *(f"{number:g}" for number in numbers)] in rows


def test_a_takeover_before_the_other_has_stopped_is_refused() -> None:
    early = replace(PROFILES["default"], takeover=4.4)
    found = profile_problem(early)
    assert found is not None
    assert sentence(found).startswith("A takeover after 4.4 s would be too early: a node needs up to 4.41 s")


def test_heartbeats_fit_into_the_time_that_one_permits() -> None:
    rare = Profile("rare", 3.0, 1.0, 3.5, 0.6, 0.3, 4.5)
    found = profile_problem(rare)
    assert found is not None
    assert sentence(found) == "Heartbeats every 3 s are too rare for a self-stop after 3.5 s."


def test_no_node_lives_by_times_that_are_not_safe() -> None:
    with pytest.raises(ValueError, match="too early"):
        scaled(replace(PROFILES["default"], takeover=4.4), 3)


def test_the_wait_grows_with_every_part() -> None:
    assert safe_silence(1, 1, 1) > 3
    assert safe_silence(2, 1, 1) > safe_silence(1, 2, 0.5) > safe_silence(1, 1, 1)


def test_a_profile_is_explained_in_one_sentence() -> None:
    assert sentence(PROFILES["default"].meaning()) == (
        "A node that is silent for 4.5 s is declared down and its groups are taken over; by then it has stopped them "
        "itself, at the latest 4.41 s after its last confirmed heartbeat."
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("nodes", [2, 3, 13, 30, 31, 64])
def test_many_nodes_beat_more_rarely_and_it_stays_as_safe_and_as_patient(name: str, nodes: int) -> None:
    few, many = PROFILES[name], scaled(PROFILES[name], nodes)
    assert profile_problem(many) is None
    assert many.needed() <= many.takeover
    assert nodes / many.interval <= HEARTBEATS_PER_SECOND or many == few
    assert nodes / many.interval <= 70
    assert (many.pause, many.gap) == pytest.approx((few.pause, few.gap))
    assert many.watchdog <= many.self_stop + many.kill_bound - many.commit


@pytest.mark.parametrize("name", NAMES)
def test_a_node_that_is_alone_beats_rarely_but_often_enough_to_lead(name: str) -> None:
    alone = scaled(PROFILES[name], 1)
    assert PROFILES[name].interval < alone.interval <= alone.self_stop / 2
    assert (alone.self_stop, alone.takeover) == (PROFILES[name].self_stop, PROFILES[name].takeover)


def test_three_nodes_have_the_times_of_their_profile() -> None:
    for profile in PROFILES.values():
        assert scaled(profile, 3) == profile
