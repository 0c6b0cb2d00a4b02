"""Which life the run directory belongs to, and the attempts at a heartbeat."""

from __future__ import annotations

from pathlib import Path

from nodeagent.service import lives
from nodeagent.service.attempts import REMEMBERED, Attempts
from nodeagent.service.lives import LifeNote

NOTE = LifeNote(node=1, incarnation=3, boot="b")


class Clock:
    """Stands still until the test moves it."""

    time = 100.0

    def steady(self) -> float:
        return self.time

    def wall(self) -> float:
        return self.time


def test_a_life_that_was_noted_is_found_again_and_a_wiped_directory_has_none(tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert lives.read(run) is None
    lives.write(run, NOTE)
    assert lives.read(run) == NOTE
    (run / "life.json").write_bytes(b"{")
    assert lives.read(run) is None


def test_each_attempt_has_an_id_and_a_stamp_of_its_own() -> None:
    clock = Clock()
    attempts, others = Attempts(clock), Attempts(clock)
    first, stamp = attempts.begin()
    clock.time += 1
    second, _ = attempts.begin()
    assert first != second
    assert (attempts.stamp_of(first), attempts.stamp_of(second)) == (stamp, stamp + 1)
    assert attempts.stamp_of(others.begin()[0]) is None


def test_attempts_are_forgotten_when_no_permission_could_follow_from_them() -> None:
    clock = Clock()
    attempts = Attempts(clock)
    first, _ = attempts.begin()
    clock.time += REMEMBERED + 1
    attempts.begin()
    assert attempts.stamp_of(first) is None
