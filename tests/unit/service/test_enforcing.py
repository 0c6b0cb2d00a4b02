"""The service as second enforcer of the deadline, and what it knows of things that do not stop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from nodeagent.monitor.messages import Enforced, Guarded, Permit, Resisting
from nodeagent.service.enforcing import LATE, Enforcement

pytestmark = pytest.mark.asyncio


class Service:
    """What the enforcement belongs to, with a clock of its own."""

    def __init__(self) -> None:
        self.time = 100.0
        self.names = ["shared"]
        self.killed: list[str] = []
        self.kill_seen = asyncio.Event()
        self.changes = 0
        self.enforcement = Enforcement(self, lambda: self.names, self._kill)
        self.enforcement.changed = self._changed

    def _kill(self, name: str) -> None:
        self.killed.append(name)
        self.kill_seen.set()

    def _changed(self) -> None:
        self.changes += 1

    def steady(self) -> float:
        return self.time

    def wall(self) -> float:
        return self.time

    def look(self, *, read: bool = False) -> None:
        """Let its timer have come."""
        self.enforcement._look(read)


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    yield made
    made.enforcement.close()


PERMIT = Permit(incarnation=1, until=103.5, bound=0.6)


async def test_who_has_enforced_the_deadline_lives_on(service: Service) -> None:
    service.enforcement.permitted(PERMIT)
    service.enforcement.heard("shared", Enforced(until=103.5))
    service.time = 103.81
    service.look()
    assert service.killed == []


async def test_who_has_not_is_killed_half_of_k_after_it(service: Service) -> None:
    service.names = ["shared", "alone"]
    service.enforcement.permitted(PERMIT)
    service.enforcement.heard("shared", Enforced(until=103.5))
    service.time = 103.79
    service.look()
    assert service.killed == []  # too early by its own clock: it looks again
    service.time = 103.81
    service.look()
    assert service.killed == ["alone"]


async def test_a_later_permission_is_waited_for_instead(service: Service) -> None:
    service.enforcement.permitted(PERMIT)
    service.enforcement.permitted(Permit(incarnation=1, until=104.0, bound=0.6))
    service.time = 103.9
    service.look()
    assert service.killed == []
    service.enforcement.permitted(Permit(incarnation=1, until=None))
    service.time = 200.0
    service.look()
    assert service.killed == []


async def test_a_service_that_stood_still_reads_first_what_has_come(service: Service) -> None:
    service.time = 103.5 + 0.3 + 2 * LATE
    service.enforcement.permitted(PERMIT)
    service.look()
    assert service.killed == []
    service.enforcement.heard("shared", Enforced(until=103.5))
    service.look(read=True)
    assert service.killed == []


async def test_the_timer_itself_comes(service: Service) -> None:
    service.enforcement.permitted(Permit(incarnation=1, until=99.0, bound=0.6))
    async with asyncio.timeout(10):
        await service.kill_seen.wait()
    assert service.killed == ["shared"]


async def test_what_resists_is_known_until_it_is_proven_dead(service: Service) -> None:
    enforcement = service.enforcement
    enforcement.heard("shared", Resisting(resources=("a",)))
    enforcement.cannot_kill("alone", ["b"])
    assert enforcement.resisting == {"a", "b"}
    enforcement.heard("shared", Resisting(resources=("a",)))
    assert service.changes == 2
    enforcement.gone("alone")
    enforcement.heard("shared", Resisting())
    assert enforcement.resisting == frozenset()
    assert service.changes == 4


async def test_the_longest_bound_is_that_of_all_monitors(service: Service) -> None:
    enforcement = service.enforcement
    enforcement.acknowledged("shared", 0.3)
    enforcement.acknowledged("alone", 5.0)
    assert enforcement.longest_bound == 5.0
    enforcement.gone("alone")
    assert enforcement.longest_bound == 0.3


async def test_the_watchdog_s_time_out_is_the_one_read_back(service: Service) -> None:
    assert service.enforcement.watchdog == 0
    service.enforcement.heard("shared", Guarded(seconds=2.0))
    assert service.enforcement.watchdog == 2.0
