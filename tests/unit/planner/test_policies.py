"""Thresholds and windows: restarts in a sliding window, failovers, hours of failback, intervals of a type."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from nodeagent.api.objects import Group
from nodeagent.planner.policies import (
    Policy,
    RestartAction,
    failback_allowed,
    failovers_left,
    may_restart,
    policy_of,
    recent,
)
from tests.builders import cluster


def run(policy: Policy, times: list[float]) -> list[bool]:
    """Return for each failure whether a restart follows."""
    return [may_restart(policy, times[: number + 1], at) for number, at in enumerate(times)]


def test_three_failures_in_fifteen_minutes_are_restarted_and_the_fourth_is_not() -> None:
    assert run(Policy(), [0, 1, 2, 3]) == [True, True, True, False]
    assert run(Policy(), [0, 300, 600, 899.9]) == [True, True, True, False]


def test_the_window_slides() -> None:
    assert run(Policy(), [0, 300, 600, 900]) == [True] * 4, "the first has left the window"
    assert run(Policy(), [0, 800, 850, 901, 910]) == [True, True, True, True, False]


@pytest.mark.parametrize("period", [0.0, 900.0])
def test_a_threshold_of_zero_tolerates_nothing(period: float) -> None:
    assert run(Policy(threshold=0, period=period), [5.0]) == [False]


def test_do_not_restart_means_never() -> None:
    assert run(Policy(action=RestartAction.NONE, threshold=9), [1, 2]) == [False, False]
    assert run(Policy(action=RestartAction.RESTART, threshold=1), [1, 2]) == [True, False]


def test_a_failure_in_the_future_means_two_clocks() -> None:
    with pytest.raises(ValueError, match="two clocks"):
        recent([5.0], 900, 4.0)


@given(st.lists(st.floats(0, 3000), min_size=1).map(sorted), st.integers(0, 5), st.floats(0, 1000))
def test_never_more_restarts_than_the_threshold_in_any_window(
    times: list[float], threshold: int, period: float
) -> None:
    policy = Policy(threshold=threshold, period=period)
    restarted = [at for at, again in zip(times, run(policy, times), strict=True) if again]
    for at in restarted:
        assert sum(1 for other in restarted if 0 <= at - other < period) <= threshold


def group(**properties: int) -> Group:
    return replace(cluster(groups={"Web": "App"}).groups["web"], properties=dict(properties), preferred_owners=(1,))


@pytest.mark.parametrize(
    ("times", "now", "left"),
    [
        ((), 0.0, 2),
        ((0.0,), 1.0, 1),
        ((0.0, 1.0), 2.0, 0),
        ((0.0, 1.0, 2.0), 3.0, 0),
        ((0.0, 1.0), 3 * 3600.0, 1),  # one has left the window
        ((10.0,), 5.0, 1),  # another leader's clock is ahead: it counts as recent
    ],
)
def test_failovers_are_counted_in_a_sliding_period_of_hours(times: tuple[float, ...], now: float, left: int) -> None:
    one = replace(group(FailoverThreshold=2, FailoverPeriod=3), failovers=times)
    assert failovers_left(one, now) == left


def test_ten_failovers_in_six_hours_are_the_default() -> None:
    assert failovers_left(group(), 0.0) == 10
    assert failovers_left(replace(group(), failovers=tuple(map(float, range(10)))), 6 * 3600 - 1.0) == 0


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        (-1, -1, range(24)),
        (3, -1, range(24)),  # both ends, or there is no window
        (-1, 3, range(24)),
        (1, 5, (1, 2, 3, 4)),
        (22, 2, (22, 23, 0, 1)),
        (23, 0, (23,)),
        (0, 23, range(23)),
        (7, 7, range(24)),
    ],
)
def test_failback_has_its_hours_also_across_midnight(start: int, end: int, hours: tuple[int, ...]) -> None:
    one = group(AutoFailbackType=1, FailbackWindowStart=start, FailbackWindowEnd=end)
    assert {hour for hour in range(24) if failback_allowed(one, hour)} == set(hours)


def test_failback_is_off_by_default_and_needs_preferred_owners() -> None:
    assert not failback_allowed(group(), 3)
    assert not failback_allowed(replace(group(AutoFailbackType=1), preferred_owners=()), 3)


def test_a_resource_takes_its_types_intervals_where_it_has_none() -> None:
    now = cluster(groups={"Web": "App"})
    resource, kind = now.resources["app"], now.types["Generic Application"]
    assert policy_of(resource, kind) == Policy()
    assert policy_of(resource, None) == Policy()
    slow = replace(kind, properties={"LooksAlivePollInterval": 2000, "IsAlivePollInterval": 9000})
    assert (policy_of(resource, slow).looks_alive, policy_of(resource, slow).is_alive) == (2.0, 9.0)
    own = replace(
        resource, properties={"LooksAlivePollInterval": 500, "RetryPeriodOnFailure": 60_000, "RestartAction": 1}
    )
    found = policy_of(own, slow)
    assert (found.looks_alive, found.is_alive, found.retry_period) == (0.5, 9.0, 60.0)
    assert found.action is RestartAction.RESTART
