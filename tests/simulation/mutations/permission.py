"""Rules of permission and self-stop (P1 to P10), switched off."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from nodeagent.database.records import HeartbeatRecord
from nodeagent.monitor.held import Held
from nodeagent.planner.timing import Profile
from nodeagent.service.announcing import Times
from nodeagent.service.attempts import Attempts
from nodeagent.service.membership import Membership
from tests.simulation import running
from tests.simulation.lastresort import LastResort
from tests.simulation.mutations.switching import Mutation
from tests.simulation.world import World

_confirmed = Membership._confirmed
_may_run = Held._may_run


async def _confirmed_by_the_reply(self: Membership, record: HeartbeatRecord, revision: int, stamp: float) -> None:
    del stamp
    await _confirmed(self, record, revision, self._clock.steady())


def _newest_stamp(self: Attempts, attempt: str) -> float | None:
    return next(reversed(self._stamps.values())) if attempt in self._stamps else None


def _always(*_arguments: Any, **_named: Any) -> bool:
    return True


def _never(*_arguments: Any, **_named: Any) -> bool:
    return False


def _not_at_all(*_arguments: Any, **_named: Any) -> None:
    pass


def _resume_when_allowed(self: Held) -> None:
    if self.deadline and not self.active and _may_run(self):
        self.resumed = True
        self._begin()


def _configured_takeover(record: HeartbeatRecord, profile: Profile) -> float:
    del record
    return profile.takeover


async def _times_at_once(self: Membership) -> Times:
    return self._wanted_times()


def _leave_orphans(world: World) -> None:
    world.init_reaps = False


def _without_kernel_timer(world: World) -> None:
    for node in world.nodes.values():
        node.kernel_kills = False


def _watchdog_alone(world: World) -> None:
    _without_kernel_timer(world)
    for node in world.nodes.values():
        node.settings = replace(node.settings, watchdog="preferred", reset="never")


PERMISSION = (
    Mutation(
        "stamp_of_the_reply",
        ("P1",),
        "the permission counts from the reply, not from before the sending",
        {"service.membership:Membership._confirmed": _confirmed_by_the_reply},
    ),
    Mutation(
        "any_attempt_confirms",
        ("P2",),
        "a read that shows an older attempt confirms the newest one",
        {"service.attempts:Attempts.stamp_of": _newest_stamp},
    ),
    Mutation(
        "no_self_stop",
        ("P5",),
        "neither the monitor nor the kernel's timer looks at the deadline",
        {"monitor.process:Monitor._stop_forbidden": _not_at_all},
        besides=((LastResort, "arm", _not_at_all),),
    ),
    Mutation(
        "start_without_permission",
        ("P4",),
        "an order to start is carried out without a look at the clock",
        {"monitor.held:Held._may_run": _always},
        besides=((Held, "resume", _resume_when_allowed),),
    ),
    Mutation(
        "restart_without_permission",
        ("P4", "P5"),
        "what stopped at the deadline is started again in place without a later permission",
        {"monitor.held:Held._may_run": _always},
    ),
    Mutation(
        "unclean_is_not_said",
        ("P7",),
        "what could not be proven stopped is kept from the others",
        {"service.enforcing:Enforcement._resists": _not_at_all},
    ),
    Mutation(
        "monitors_leave_orphans",
        ("P8",),
        "the death of a monitor kills nothing",
        {"monitor.reaping:kill_resources": _always},
        besides=((running, "_kill_resources", _always),),
        prepare=_leave_orphans,
    ),
    Mutation(
        "frozen_monitor_without_backstop",
        ("P8",),
        "nobody kills a monitor that stands still at its deadline: no service, no kernel timer, no watchdog",
        {"service.enforcing:Enforcement._look": _not_at_all},
        prepare=_without_kernel_timer,
    ),
    Mutation(
        "times_of_the_configuration",
        ("P9",),
        "an observer waits as long as its own configuration says, whatever the other one has announced",
        {"service.judging:silence_needed": _configured_takeover},
    ),
    Mutation(
        "shorter_without_acknowledgement",
        ("P9",),
        "shorter times are announced before the monitors know them",
        {"service.membership:Membership._next_times": _times_at_once},
    ),
    Mutation(
        "claimed_before_announced",
        ("P9",),
        "what takes longer to stop is claimed and started before that is announced",
        {"service.membership:Membership.covers": _always, "service.owning:Owning.is_covered": _always},
    ),
    Mutation(
        "watchdog_always_patted",
        ("P10",),
        "the watchdog, which stands alone here, is patted whether the deadline has passed or not",
        {"monitor.backstop:Backstop._anything_runs": _never},
        prepare=_watchdog_alone,
    ),
)
