"""A command line and a window that follow the events while the node that serves them loses its power."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from nodeagent.api import requests as r
from nodeagent.api.objects import ObjectKind
from nodeagent.api.problems import ClusterError
from tests.lab.faults import other_than
from tests.lab.standard import StandardService
from tests.lab.workstation import Lines, Workstation

BETWEEN: Final = 0.1  # seconds between two events
THROUGH: Final = 0.5  # seconds after which what the lost node had sent has come
PATIENCE: Final = 30.0  # seconds; far more than any workstation should take


@dataclass(frozen=True, slots=True)
class WentOn:
    """What came of it at one of the two.

    Attributes:
        after: seconds from the loss of power to the first event that came by another node.
        events: how many the cluster's log held in the end.
        lost, doubled, made_up: events that it missed, told more than once, or that are not in the log.
    """

    after: float
    events: int
    lost: frozenset[int]
    doubled: frozenset[int]
    made_up: frozenset[int]

    @property
    def whole(self) -> bool:
        """Whether it told every event once."""
        return not (self.lost or self.doubled or self.made_up)


def lose_the_serving_node(service: StandardService, workstation: Workstation, serving: str) -> dict[str, WentOn]:
    """Turn off the host by which both are connected, bring it back, and compare what they told with the log.

    Raises:
        AssertionError: one of them does not go on.
    """
    survivor = other_than(serving)
    workstation.by_way_of(serving)
    with workstation.following_events() as followed, workstation.window() as window:
        both = {"events --follow": followed, "window": window}
        window.until(lambda said: said.get("node") == serving, "the window is connected")
        followed.until(lambda said: "sequence" in said, "events are followed")
        _make_events(service, survivor, lambda: bool(told(window)))
        power_lost = service.cluster.lab[serving].power_off()

        def all_went_on() -> bool:
            return all(_after(lines, power_lost) is not None for lines in both.values())

        _make_events(service, survivor, all_went_on)
        service.cluster.lab.boot(serving)
        service.cluster.await_all_up()
        service.await_answers(time.monotonic())
        log = [entry["sequence"] for entry in workstation.json("events")]
        for what, lines in both.items():
            lines.until(lambda said: said.get("sequence") == log[-1], f"the newest event, {what}")
    return {
        "events --follow": _compared(followed, "sequence", log, power_lost),
        "window": _compared(window, "sequence", log, power_lost),
        "window's connection": _compared(window, "heard", log, power_lost),
    }


def change(service: StandardService, description: str, through: str) -> None:
    """Change something harmless, which is an event. Raises ClusterError."""
    wish = r.SetProperties(kind=ObjectKind.GROUP, id=service.group, properties={"Description": description})
    service.cluster.do(wish, through)


def told(lines: Lines, key: str = "sequence") -> list[int]:
    """Return the numbers of the events, in the order in which they came."""
    return [line.said[key] for line in list(lines.all) if key in line.said]


def _make_events(service: StandardService, through: str, until: Callable[[], bool]) -> None:
    """Change something again and again, each of it an event, until it is enough."""
    end = time.monotonic() + PATIENCE
    for number in itertools.count():
        with contextlib.suppress(ClusterError):  # etcd's leader may have been on the lost host
            change(service, f"change {number}", through)
        if until():
            return
        assert time.monotonic() < end, "no event has come"
        time.sleep(BETWEEN)  # so that events come all the while


def _after(lines: Lines, power_lost: float, key: str = "sequence") -> float | None:
    came = [line.came for line in list(lines.all) if key in line.said and line.came > power_lost + THROUGH]
    return came[0] - power_lost if came else None


def _compared(lines: Lines, key: str, log: list[int], power_lost: float) -> WentOn:
    found = told(lines, key)
    in_reach = [number for number in found if log[0] <= number <= log[-1]]
    return WentOn(
        after=_after(lines, power_lost, key) or 0.0,
        events=len(log),
        lost=frozenset(log) - frozenset(found),
        doubled=frozenset(number for number in found if found.count(number) > 1),
        made_up=frozenset(in_reach) - frozenset(log),
    )
