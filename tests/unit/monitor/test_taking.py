"""A type whose grip brings it online and takes it offline: in the monitor's loop, under the same rules as a child."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ClassVar

import pytest

from nodeagent.api.objects import ResourceState
from nodeagent.api.problems import problem
from nodeagent.monitor.held import Held
from nodeagent.monitor.messages import Definition, Start
from nodeagent.planner.policies import Policy
from nodeagent.resourcetypes.base import ResourceError, ResourceType, failure
from tests.support.surroundings import FakeSurroundings
from tests.unit.monitor.test_held import FakeContainer
from tests.unit.monitor.test_outside import Hand, Settings

State = ResourceState
NEVER = Policy(threshold=0, pending_timeout=30.0)


class TakingHand(Hand):
    """Is online when the test says so."""

    def __init__(self, record: list[str]) -> None:
        super().__init__(record)
        self.there = False
        self.fails: Exception | None = None

    def take(self) -> bool:
        self.record.append("take")
        if self.fails:
            raise self.fails
        return self.there


class Taken(ResourceType[Settings]):
    """Brought online by its grip."""

    name: ClassVar[str] = "Taken"
    settings = Settings
    by_grip: ClassVar[bool] = True

    def __init__(self) -> None:
        self.record: list[str] = []
        self.hands: list[TakingHand] = []

    def grip(self, mine: Settings, now: Callable[[], float]) -> TakingHand:
        if mine.where == "nowhere":
            raise failure("no_network_for_address", address=mine.where)
        self.hands.append(TakingHand(self.record))
        return self.hands[-1]

    @property
    def hand(self) -> TakingHand:
        """The latest grip."""
        return self.hands[-1]


@pytest.fixture
def kind() -> Taken:
    return Taken()


@pytest.fixture
def around() -> FakeSurroundings:
    return FakeSurroundings(FakeContainer())


def made(around: FakeSurroundings, kind: Taken, where: str = "here") -> Held:
    resource = Definition(id="x", name="x", type="Taken", parameters={"Where": where}, policy=NEVER)
    return Held(around, kind, Start(resource=resource, group="g", epoch=1, incarnation=1))


@pytest.fixture
def held(around: FakeSurroundings, kind: Taken) -> Iterator[Held]:
    """Return one that is on its way online."""
    resource = made(around, kind)
    resource.start()
    yield resource
    resource.kill(around.time + 1)


def come_online(held: Held, kind: Taken, around: FakeSurroundings) -> None:
    kind.hand.there = True
    kind.hand.happen()
    around.events()
    assert held.state is State.ONLINE


def test_it_is_online_when_its_grip_says_so_and_permitted_then(
    held: Held, kind: Taken, around: FakeSurroundings
) -> None:
    assert (held.state, around.state()) == (State.ONLINE_PENDING, State.ONLINE_PENDING)
    assert kind.record == ["take"]
    come_online(held, kind, around)
    assert kind.record == ["take", "take", "until inf"]
    assert around.state() is State.ONLINE


def test_once_it_is_online_it_is_looked_at_and_taken_no_more(held: Held, kind: Taken, around: FakeSurroundings) -> None:
    come_online(held, kind, around)
    kind.hand.fails = failure("link_down", interface="eth0")
    around.events()
    assert around.last.information == problem("link_down", interface="eth0")
    assert kind.record == ["take", "take", "until inf", "cut"]


def test_a_permission_on_its_way_online_permits_nothing(held: Held, kind: Taken) -> None:
    held.permitted(2000.0)
    assert kind.record == ["take"]


@pytest.mark.parametrize("error", [failure("link_down", interface="eth0"), OSError("no"), ZeroDivisionError()])
def test_what_cannot_be_taken_is_cut_and_has_failed(
    held: Held, kind: Taken, around: FakeSurroundings, error: Exception
) -> None:
    kind.hand.fails = error
    kind.hand.happen()
    around.events()
    assert held.state is State.FAILED
    assert kind.record[-1] == "cut"
    assert around.watched == 0
    assert around.last.information is not None
    assert around.last.information.code == ("link_down" if isinstance(error, ResourceError) else "call_failed")


def test_settings_that_no_grip_can_be_made_of_are_a_failure(around: FakeSurroundings, kind: Taken) -> None:
    made(around, kind, "nowhere").start()
    assert around.last.information == problem("no_network_for_address", address="nowhere")


def test_what_takes_too_long_is_given_up(held: Held, kind: Taken, around: FakeSurroundings) -> None:
    around.pass_time(NEVER.pending_timeout)
    assert held.state is State.FAILED
    assert kind.record == ["take", "cut"]


def test_a_deadline_on_its_way_online_cuts_it_and_it_is_taken_anew_afterwards(
    held: Held, kind: Taken, around: FakeSurroundings
) -> None:
    held.self_stop()
    assert kind.record == ["take", "cut"]
    assert (held.state, held.deadline) == (State.OFFLINE, True)
    held.resume()
    assert kind.record == ["take", "cut", "take"]
    assert held.state is State.ONLINE_PENDING


def test_what_was_taken_after_the_permission_ended_is_cut(held: Held, kind: Taken, around: FakeSurroundings) -> None:
    around.deadline.replace(1, around.time)
    kind.hand.there = True
    kind.hand.happen()
    around.events()
    assert (held.state, held.deadline) == (State.OFFLINE, True)
    assert kind.record == ["take", "take", "cut"], "never permitted"


@pytest.mark.parametrize("before", [True, False], ids=["on its way online", "online"])
def test_it_goes_offline_by_a_cut_without_a_child(
    held: Held, kind: Taken, around: FakeSurroundings, before: bool
) -> None:
    if not before:
        come_online(held, kind, around)
    held.stop()
    assert around.state() is State.OFFLINE, "at once"
    assert kind.record[-1] == "cut"
    assert around.watched == 0
    assert around.timers.next() == float("inf")
