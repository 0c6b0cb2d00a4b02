"""Thresholds and windows: may it restart here, may it fail over, is this the hour for failback."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from typing import cast

import msgspec

from nodeagent.api.commonproperties import COMMON, NEVER, USE_TYPE
from nodeagent.api.objects import Group, ObjectKind, Resource, ResourceType, Snapshot
from nodeagent.api.properties import effective


class RestartAction(enum.IntEnum):
    """What a failure leads to (RestartAction): 0 nothing, 1 restarts, 2 restarts and then the group."""

    NONE = 0
    RESTART = 1
    AFFECT_GROUP = 2


class Policy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a Resource Monitor treats a resource; times in seconds, None in *retry_period* is "never".

    Attributes:
        threshold, period: restarts allowed in any window of that many seconds.
        alone: nothing that depends on it is online, so that the monitor may restart it in place.
        frozen: it is in maintenance: nothing is restarted, and what fails is only shown.
        waits: another monitor holds something that it depends on: after a self-stop the service starts it again.
    """

    action: RestartAction = RestartAction.AFFECT_GROUP
    threshold: int = 3
    period: float = 900.0
    retry_period: float | None = None
    looks_alive: float = 5.0
    is_alive: float = 60.0
    pending_timeout: float = 180.0
    alone: bool = False
    frozen: bool = False
    waits: bool = False


def policy_of(resource: Resource, kind: ResourceType | None) -> Policy:
    """Return the policy that counts for *resource*, its type's poll intervals where it has none of its own."""

    def own(name: str) -> int:
        return cast("int", effective(COMMON[ObjectKind.RESOURCE], resource.properties, name))

    def interval(name: str) -> float:
        value = own(name)
        if value == USE_TYPE:
            of_type = kind.properties if kind else {}
            value = cast("int", effective(COMMON[ObjectKind.RESOURCE_TYPE], of_type, name))
        return value / 1000

    retry = own("RetryPeriodOnFailure")
    return Policy(
        action=RestartAction(own("RestartAction")),
        threshold=own("RestartThreshold"),
        period=own("RestartPeriod") / 1000,
        retry_period=None if retry == NEVER else retry / 1000,
        looks_alive=interval("LooksAlivePollInterval"),
        is_alive=interval("IsAlivePollInterval"),
        pending_timeout=own("PendingTimeout") / 1000,
    )


def claim_patience(resources: Iterable[Resource], cluster: Snapshot) -> float:
    """Return the seconds in which a node must claim a group it was given: its resources' longest PendingTimeout."""
    waits = (policy_of(resource, cluster.types.get(resource.type)).pending_timeout for resource in resources)
    return max(waits, default=Policy().pending_timeout)


def recent(failures: Sequence[float], period: float, now: float) -> list[float]:
    """Return the failures of the last *period* seconds.

    Raises:
        ValueError: a failure lies in the future, so two clocks were mixed.
    """
    if any(at > now for at in failures):
        raise ValueError(f"failure after now={now}: two clocks were mixed")
    return [at for at in failures if now - at < period]


def may_restart(policy: Policy, failures: Sequence[float], now: float) -> bool:
    """Tell whether a resource that failed just now may be restarted on its node.

    Threshold n tolerates n restarts in a sliding window; failure n+1 does not restart.

    Args:
        failures: when it failed on this node, this time included; seconds, by the clock of *now*.

    Source: Microsoft Learn, "RestartThreshold" and "RestartPeriod" (MSCS); its remarks also say "90000" for the
    period, and the "15-minute period" of KB 947712 settles which.
    """
    if policy.action is RestartAction.NONE or policy.threshold == 0 or policy.frozen:
        return False
    return len(recent(failures, policy.period, now)) <= policy.threshold


def failover_limit(group: Group) -> tuple[int, float]:
    """Return (threshold, period in seconds) of the group's failovers."""
    schema = COMMON[ObjectKind.GROUP]
    threshold = cast("int", effective(schema, group.properties, "FailoverThreshold"))
    hours = cast("int", effective(schema, group.properties, "FailoverPeriod"))
    return threshold, hours * 3600.0


def failovers_left(group: Group, now: float) -> int:
    """Return how often the group may still fail over within its period; *now* is wall-clock seconds.

    Wall clocks of different leaders may differ: a failover "in the future" counts as recent.
    """
    threshold, period = failover_limit(group)
    used = sum(1 for at in group.failovers if now - at < period)
    return max(0, threshold - used)


def failback_allowed(group: Group, hour: int) -> bool:
    """Tell whether the group may go back to its preferred owner at this hour of the day (0-23).

    Both ends of a window must be set, else there is none; a start after the end means that it crosses midnight, and
    the hour of the end is no longer part of it. Two equal ends leave the whole day.

    Source: Microsoft Learn, "AutoFailbackType", "FailbackWindowStart", "FailbackWindowEnd".
    """
    schema = COMMON[ObjectKind.GROUP]
    if effective(schema, group.properties, "AutoFailbackType") != 1 or not group.preferred_owners:
        return False
    start = cast("int", effective(schema, group.properties, "FailbackWindowStart"))
    end = cast("int", effective(schema, group.properties, "FailbackWindowEnd"))
    if -1 in (start, end):
        return True
    return start <= hour < end if start < end else hour >= start or hour < end
