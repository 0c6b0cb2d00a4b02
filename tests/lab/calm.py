"""Troubles that a profile is meant to survive, for a long time: nobody may be declared dead and nothing may restart."""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from nodeagent.api import requests as r
from nodeagent.api.events import LogEntry, Page
from nodeagent.api.objects import ObjectKind
from nodeagent.api.wire import Subscribe
from tests.lab import heartbeats, probe, wallclock
from tests.lab.faults import MONITOR, SERVICE
from tests.lab.host import Host
from tests.lab.places import HERE, LAYERS
from tests.lab.standard import StandardService
from tests.lab.switch import ANYONE

HOUR: Final = 3600
MINUTE: Final = 60.0
STEPS: Final = 2  # of a wall clock, per minute
LOOK: Final = 5.0  # seconds between two looks at whether anything has moved
WITNESSED: Final = 240.0  # seconds between two looks at the disk, which keeps 11 minutes
AFTER_THAW: Final = 1.0  # seconds after a thaw in which an answer may still be missing for the freeze's sake
ENTRIES: Final = 2000  # of the event log
# What nobody had a reason for. All else in the event log is counted and shown.
BREACHES: Final = frozenset(
    {
        *("event_node_down", "event_node_left", "event_node_joining", "event_node_up", "event_monitor_died"),
        *("event_self_stop", "event_failed", "event_restarted", "event_start_failed", "event_unclean"),
        *("event_offline", "event_offline_pending", "event_online", "event_online_pending"),
        *("event_group_moving", "event_group_assigned", "event_group_stuck"),
    }
)


@dataclass(frozen=True, slots=True)
class Weather:
    """What goes on all the time, and what happens once a minute.

    Attributes:
        freeze: for how long a random host stands still, seconds.
        loss: frames that the switch loses, of a hundred.
        round_trip: between two hosts, seconds.
        patience: for how long the client waits for one answer, seconds: the round trips, and a lost frame or two.
    """

    profile: str
    freeze: float
    loss: int
    round_trip: float
    patience: float


WEATHERS: Final = {
    weather.profile: weather
    for weather in (
        Weather("default", freeze=1.5, loss=1, round_trip=0.01, patience=probe.PATIENCE),
        Weather("virtual machines", freeze=10.0, loss=5, round_trip=0.2, patience=3.0),
    )
}


@dataclass(frozen=True, slots=True)
class Freeze:
    """A host that stood still."""

    host: str
    begin: float
    end: float


@dataclass(frozen=True, slots=True)
class Load:
    """What the machine under the lab had to do meanwhile.

    Attributes:
        waited: share of the time in which something was ready to run and found no processor.
        stolen: share of the processors' time that the hypervisor took away.
    """

    waited: float
    stolen: float


@dataclass
class Calm:
    """What came of one run.

    Attributes:
        breaches: what should not have happened, in words; empty when nothing did.
        entries: the event log since the beginning, counted by code.
        gaps: between two heartbeats of a node that did not stand still meanwhile; the longest first.
        frozen_gaps: the same, of those that did.
        app_restarts: further processes of the application that answered.
        outages: seconds without an answer while the owner ran.
        frozen_outages: the same, while it stood still.
        restarts: of units, by systemd's own count.
    """

    weather: Weather
    minutes: float = 0.0
    freezes: list[Freeze] = field(default_factory=list)
    owner_freezes: int = 0
    steps: int = 0
    breaches: list[str] = field(default_factory=list)
    entries: Counter[str] = field(default_factory=Counter)
    failovers: int = 0
    self_stops: int = 0
    app_restarts: int = 0
    gaps: list[heartbeats.Gap] = field(default_factory=list)
    frozen_gaps: list[heartbeats.Gap] = field(default_factory=list)
    outages: list[float] = field(default_factory=list)
    frozen_outages: list[float] = field(default_factory=list)
    elections: int = 0
    restarts: dict[str, int] = field(default_factory=dict)
    load: Load = Load(0.0, 0.0)


class Trial:
    """One run on a cluster with the standard service."""

    def __init__(self, service: StandardService, weather: Weather, seed: int, say: Callable[[str], None]) -> None:
        self.service = service
        self.weather = weather
        self.found = Calm(weather)
        self._say = say
        self._chance = random.Random(seed)
        self._hosts = list(service.cluster.lab.hosts.values())
        self._ahead = dict.fromkeys(service.cluster.lab.hosts, 0)
        self._beats = service.cluster.lab.folder / "heartbeats"

    # --- the run ------------------------------------------------------------------------------------------------

    def run(self, minutes: int) -> Calm:
        """Let the weather go on for so many minutes, or until something moves that has no reason to."""
        self._prove_clocks()
        self._set_in()
        self._begun = self._witnessed = time.monotonic()
        self._born = self._newest_answer(self._begun)
        # Not by the newest: entries are in the order of their nodes' wall clocks.
        self._logged = {entry.sequence for entry in self._log(self._hosts[0])}
        elections, restarts, load = self._elections(), self._restarts(), _load()
        for minute in range(1, minutes + 1):
            self._minute()
            self.found.minutes = (time.monotonic() - self._begun) / MINUTE
            self._say(f"-- {self.weather.profile}, minute {minute}: {self._told(load)}")
            if self.found.breaches:
                break
        self._judge_all()
        self.found.elections = max(now - then for now, then in zip(self._elections(), elections, strict=True))
        self.found.restarts = {unit: n - restarts[unit] for unit, n in self._restarts().items() if n != restarts[unit]}
        self.found.load = _load_since(load)
        return self.found

    def _prove_clocks(self) -> None:
        """See that a step of the wall clock reaches those for which it is meant."""
        for number, host in enumerate(self._hosts):
            ahead = HOUR if number % 2 else -HOUR
            wallclock.step(host, ahead)
            seen = wallclock.of_etcd(host) - time.time()
            assert abs(seen - ahead) < MINUTE, f"etcd on {host.name} is {seen:.0f} s ahead, not {ahead}"
            text = f"{ahead} s ahead on {host.name}"
            self.service.cluster.do(
                r.SetProperties(kind=ObjectKind.GROUP, id=self.service.group, properties={"Description": text}),
                host.name,
            )
            said = max((entry for entry in self._log(host) if entry.node == host.name), key=lambda one: one.sequence)
            seen = said.at - time.time()
            assert abs(seen - ahead) < MINUTE, f"the agent on {host.name} is {seen:.0f} s ahead, not {ahead}"
            assert wallclock.is_used_by(host.main_process(MONITOR)), f"the monitor on {host.name} has another clock"
            wallclock.step(host, 0)

    def _set_in(self) -> None:
        lab = self.service.cluster.lab
        for host in self._hosts:
            lab.switch.delay(host.name, self.weather.round_trip / 4, self.weather.round_trip / 40)
        lab.switch.cut(ANYONE, way="out", loss=self.weather.loss)
        certificates = lab.folder / "certificates" / self._hosts[0].name
        endpoints = [f"https://{host.address}:2379" for host in self._hosts]
        program = [sys.executable, str(HERE / "heartbeats.py"), str(self._beats), str(certificates)]
        lab.tool("heartbeats").start(
            lab.switch.in_client([*program, str(LAYERS / "etcd/usr/bin/etcdctl"), *endpoints]),
            lab.folder / "heartbeats.log",
        )
        self.service.await_answers(time.monotonic())
        time.sleep(LOOK)  # etcd may elect once while the cables change; that is not part of the run

    def _minute(self) -> None:
        """Do what a minute brings, at random moments."""
        begin = time.monotonic()
        latest = MINUTE - self.weather.freeze - 1
        todo = [(self._chance.uniform(1, latest), self._freeze)]
        todo += [(self._chance.uniform(1, MINUTE - 1), self._step) for _ in range(STEPS)]
        for moment, act in sorted(todo, key=lambda one: one[0]):
            self._look_until(begin + moment)
            if self.found.breaches:
                return
            act()
        self._look_until(begin + MINUTE)

    def _freeze(self) -> None:
        host = self._chance.choice(self._hosts)
        owner = self._newest_answer(self._begun).host
        begin = host.freeze()
        try:
            time.sleep(self.weather.freeze)  # the trouble itself
        finally:
            end = host.thaw()
        self.found.freezes.append(Freeze(host.name, begin, end))
        self.found.owner_freezes += host.name == owner

    def _step(self) -> None:
        host = self._chance.choice(self._hosts)
        ahead = self._chance.choice([one for one in (-HOUR, 0, HOUR) if one != self._ahead[host.name]])
        self._ahead[host.name] = ahead
        self.found.steps += 1
        wallclock.step(host, ahead)

    # --- looking ------------------------------------------------------------------------------------------------

    def _look_until(self, moment: float) -> None:
        while not self.found.breaches and (left := moment - time.monotonic()) > 0:
            time.sleep(min(LOOK, left))  # the trouble goes on meanwhile
            answer = self._newest_answer(self._begun)
            if answer.body != self._born.body:
                self.found.breaches.append(f"the service was {self._born.body!r} and is {answer.body!r}")
                time.sleep(LOOK)  # until the event log says why
            if time.monotonic() > self._witnessed + WITNESSED:
                self._ask_witness()

    def _ask_witness(self) -> None:
        since, self._witnessed = self._witnessed - LOOK, time.monotonic()
        if not (seen := self.service.seen(since)).never_two:
            self.found.breaches.append(f"it ran twice: {seen.overlaps} {seen.returns}")

    def _newest_answer(self, since: float) -> probe.Answer:
        return next(answer for answer in reversed(self.service.answers(since - MINUTE)) if answer.body)

    def _own_beats(self) -> list[heartbeats.Beat]:
        """Return the heartbeats since the beginning."""
        return [beat for beat in heartbeats.read(self._beats) if beat.at >= self._begun]

    def _log(self, host: Host) -> tuple[LogEntry, ...]:
        """Return the cluster's event log as a node knows it; raises OSError."""
        with self.service.cluster.talk(host.name) as talk:
            talk.say(Subscribe(log=ENTRIES))
            while (frame := talk.next()) is not None:
                if isinstance(frame, Page) and frame.last:
                    return frame.logged
        raise OSError("the agent ended the conversation")

    def _told(self, load: tuple[float, float, float]) -> str:
        """Return the minute in words, and look at the event log and the heartbeats while at it."""
        entries = [entry for entry in self._log(self._hosts[0]) if entry.sequence not in self._logged]
        self.found.entries = Counter(entry.code for entry in entries)
        wrong = [entry for entry in entries if entry.code in BREACHES]
        self.found.breaches += [f"{entry.node} says {entry.code} {entry.parameters}" for entry in wrong]
        beats = self._own_beats()
        lives = heartbeats.lives(beats)
        if len(lives) > len(self._hosts) or any(life != "alive" for _, life, _ in lives):
            self.found.breaches.append(f"lives of nodes: {sorted(lives)}")
        self.found.failovers = self.found.entries["event_group_assigned"] + self.found.entries["event_group_moving"]
        self.found.self_stops = self.found.entries["event_self_stop"]
        now = _load_since(load)
        worst = heartbeats.gaps(beats)[:1]
        gap = f"{worst[0].seconds:.2f} s of node {worst[0].node}" if worst else "none"
        told = f"worst gap {gap}, waited {now.waited:.0%}, stolen {now.stolen:.1%}, log {dict(self.found.entries)}"
        return f"{told}, BREACHES {self.found.breaches}" if self.found.breaches else told

    # --- judging ------------------------------------------------------------------------------------------------

    def _judge_all(self) -> None:
        self._ask_witness()
        names = {str(number): node.name for number, node in self.service.cluster.look().nodes.items()}
        for gap in heartbeats.gaps(self._own_beats()):
            stood_still = any(
                freeze.host == names[gap.node] and freeze.begin < gap.end and gap.begin < freeze.end
                for freeze in self.found.freezes
            )
            (self.found.frozen_gaps if stood_still else self.found.gaps).append(gap)
        answers = self.service.answers(self._begun)
        self.found.app_restarts = len({answer.body for answer in answers if answer.body}) - 1
        owner = self._born.host
        for begin, end in probe.outages(answers):
            stood_still = any(
                freeze.host == owner and freeze.begin < end and begin < freeze.end + AFTER_THAW
                for freeze in self.found.freezes
            )
            (self.found.frozen_outages if stood_still else self.found.outages).append(end - begin)

    def _elections(self) -> list[int]:
        """Return how many changes of leader each member of etcd has seen."""
        return [_changes_of_leader(host) for host in self._hosts]

    def _restarts(self) -> dict[str, int]:
        """Return how often systemd has started each unit again."""
        shown = {}
        for host in self._hosts:
            for unit in (SERVICE, MONITOR, "etcd.service"):
                said = host.run("systemctl", "show", "-p", "NRestarts", "--value", unit).stdout
                shown[f"{unit} on {host.name}"] = int(said.strip() or 0)
        return shown


def _changes_of_leader(host: Host) -> int:
    text = wallclock.ask_etcd(host, "metrics")
    line = next(line for line in text.splitlines() if line.startswith("etcd_server_leader_changes_seen_total "))
    return int(float(line.split()[1]))


def _load() -> tuple[float, float, float]:
    """Return now, and for how long something waited for a processor and the hypervisor took them away; seconds."""
    waited = Path("/proc/pressure/cpu").read_text(encoding="ascii").split("total=")[1].split()[0]
    steal = Path("/proc/stat").read_text(encoding="ascii").split()[8]
    return time.monotonic(), int(waited) / 1e6, int(steal) / 100


def _load_since(then: tuple[float, float, float]) -> Load:
    now = _load()
    passed = max(now[0] - then[0], 0.001)
    return Load((now[1] - then[1]) / passed, (now[2] - then[2]) / passed / 2)


def to_json(found: Calm) -> str:
    """Return the figures, for whoever wants more than the row."""
    figures = {
        "profile": found.weather.profile,
        "minutes": found.minutes,
        "freezes": [(freeze.host, freeze.end - freeze.begin) for freeze in found.freezes],
        "breaches": found.breaches,
        "entries": found.entries,
        "gaps": [(gap.node, round(gap.seconds, 3)) for gap in found.gaps[:10]],
        "frozen_gaps": [(gap.node, round(gap.seconds, 3)) for gap in found.frozen_gaps[:10]],
        "outages": sorted(found.outages, reverse=True)[:10],
        "frozen_outages": sorted(found.frozen_outages, reverse=True)[:10],
        "restarts": found.restarts,
        "waited for a processor": round(found.load.waited, 3),
        "stolen": round(found.load.stolen, 4),
    }
    return json.dumps(figures)
