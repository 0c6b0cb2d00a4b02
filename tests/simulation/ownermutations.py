"""Rules of a node as owner that the simulation can switch off: P7 to P10 and M5 (docs/safety.md)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest import mock

from nodeagent.database.records import HeartbeatRecord
from nodeagent.monitor.backstop import Backstop
from nodeagent.planner.timing import Profile
from nodeagent.service import judging, leadership
from nodeagent.service.announcing import Times
from nodeagent.service.enforcing import Enforcement
from nodeagent.service.membership import Membership
from tests.simulation import running
from tests.simulation.mutations import _patched


def times_of_the_configuration() -> Any:
    """P9: an observer waits as long as its own configuration says, whatever the other one has announced."""

    def needed(record: HeartbeatRecord, profile: Profile) -> float:
        del record
        return profile.takeover

    return _patched(
        *(
            mock.patch.object(module, "silence_needed", needed)
            for module in (judging, leadership)
            if hasattr(module, "silence_needed")
        )
    )


def shorter_without_acknowledgement() -> Any:
    """P9: shorter times are announced at once."""

    async def at_once(self: Membership) -> Times:
        return self._wanted_times()

    return _patched(mock.patch.object(Membership, "_next_times", at_once))


def claimed_before_announced() -> Any:
    """P9: a group whose types have a longer k is claimed, and started, before that k is announced."""
    return _patched(mock.patch.object(Membership, "covers", return_value=True))


def unclean_is_not_said() -> Any:
    """P7: what could not be proven stopped is kept from the others."""
    return _patched(mock.patch.object(Enforcement, "resisting", frozenset()))


def no_second_enforcer() -> Any:
    """P8: the service does not look whether the deadline was kept (and there is no kernel timer in the story)."""
    return _patched(mock.patch.object(Enforcement, "_look", return_value=None))


def watchdog_always_patted() -> Any:
    """P10: the watchdog is patted whether the deadline has passed or not."""
    return _patched(mock.patch.object(Backstop, "_anything_runs", return_value=False))


def life_without_notes() -> Any:
    """M5: a service goes on though the run directory is another one, and looks for no monitor that it does not know.

    Either of the two is enough to keep an application from running twice on the node itself.
    """
    return _patched(
        mock.patch.object(Membership, "_is_noted", return_value=True),
        mock.patch.object(running, "_kill_strays", return_value=True),
    )


OWNER_MUTATIONS: dict[str, Callable[[], Any]] = {
    made.__name__: made
    for made in (
        times_of_the_configuration,
        shorter_without_acknowledgement,
        claimed_before_announced,
        unclean_is_not_said,
        no_second_enforcer,
        watchdog_always_patted,
        life_without_notes,
    )
}
