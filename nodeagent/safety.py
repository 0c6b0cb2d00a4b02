"""The safety rules by their names, and which functions enforce each of them; docs/safety.md explains them.

It is a table and nothing else: no call goes through it and nothing in the program can switch a rule off. The tests read
it: each rule must have an enforcer, and the simulation takes one rule's functions away at a time to see that it would
notice. A function is named as "module:qualified name" below this package.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Rule:
    """A safety rule.

    Attributes:
        sentence: what it demands.
        enforcers: the functions without which it would not be kept.
    """

    sentence: str
    enforcers: tuple[str, ...]


RULES: Final[Mapping[str, Rule]] = {
    # Permission and self-stop
    "P1": Rule(
        "A permission ends s after the moment read before its heartbeat was encoded and sent.",
        ("service.attempts:Attempts.begin", "service.membership:Membership._confirmed"),
    ),
    "P2": Rule(
        "A heartbeat is confirmed by its own answer, or by a read that shows this very attempt's id.",
        (
            "service.attempts:Attempts.begin",
            "service.attempts:Attempts.stamp_of",
            "service.membership:Membership._conflict",
        ),
    ),
    "P3": Rule(
        "A permission is a moment together with its incarnation, and the newest replaces the one before.",
        ("monitor.deadline:Deadline.replace",),
    ),
    "P4": Rule(
        "The clock is read before anything else, and nothing starts without a present permission of its incarnation.",
        (
            "monitor.process:Monitor.turn",
            "monitor.process:Monitor._enforce",
            "monitor.deadline:Deadline.allows",
            "monitor.held:Held._may_run",
        ),
    ),
    "P5": Rule(
        "At the deadline everything exclusive is killed, and starts again only under a later permission.",
        (
            "monitor.process:Monitor._stop_forbidden",
            "monitor.held:Held.self_stop",
            "monitor.held:Held.resume",
        ),
    ),
    "P6": Rule(
        "Blocking entry points of exclusive types run in the resource's cgroup and end with it.",
        ("monitor.calls:begin",),
    ),
    "P7": Rule(
        "What is not proven stopped within k is said, is never judged by time, and is not given to anybody else.",
        (
            "monitor.backstop:Backstop.look",
            "service.enforcing:Enforcement._resists",
            "service.resetting:Resetting._look",
            "service.judging:judged_by_time",
            "service.owning:Owning.stick",
        ),
    ),
    "P8": Rule(
        "The death of a monitor kills what it held, and one that misses the deadline is killed.",
        (
            "monitor.reaping:kill_resources",
            "monitor.backstop:Backstop.permitted",
            "service.enforcing:Enforcement._look",
            "service.monitors:Monitors._replace",
            "service.unheld:Unheld.kill_all",
        ),
    ),
    "P9": Rule(
        "What a heartbeat has announced binds its node: shorter when all monitors know, longer once it is said.",
        (
            "service.membership:Membership._next_times",
            "service.membership:Membership.covers",
            "service.owning:Owning.is_covered",
            "service.judging:silence_needed",
        ),
    ),
    "P10": Rule(
        "The watchdog is patted only while it would still fire by T + k, or when nothing exclusive runs.",
        ("monitor.backstop:Backstop.pat", "monitor.backstop:Backstop._anything_runs"),
    ),
    # Membership
    "M1": Rule(
        "The heartbeat is the membership record: each write of it expects its last revision.",
        ("service.membership:Membership._beat", "service.membership:Membership._new_life"),
    ),
    "M2": Rule(
        "A node is dead when DEAD is in its heartbeat, put over the very revision whose silence was measured.",
        ("service.leadership:Leadership._declare", "service.declaring:Declaring.declare_off"),
    ),
    "M3": Rule(
        "A silence is counted from after the last heartbeat was received, for as long as it announces and then some.",
        (
            "service.leadership:Leadership._observe",
            "service.leadership:Leadership._needed",
            "service.leadership:Leadership._may_declare",
        ),
    ),
    "M4": Rule(
        "DEAD and LEFT end an incarnation for ever, and LEFT is said only when nothing of it runs.",
        ("service.membership:Membership._conflict", "service.parts:NodeParts.leave"),
    ),
    "M5": Rule(
        "A new life is a higher incarnation, and begins when nothing of a former one is proven to run.",
        (
            "service.membership:Membership.join",
            "service.membership:Membership._is_noted",
            "service.membership:Membership._new_life",
            "service.membership:Membership._beat_record",
            "service.monitors:Monitors.stop_all",
            "service.unheld:Unheld.prove_none",
            "monitor.reaping:kill_lost",
            "monitor.reaping:cut_orphans",
            "service.unheld:Unheld.kill_all",
            "service.owning:Owning.mine",
        ),
    ),
    "M6": Rule(
        "A node that finds another machine under its name stops everything and waits for that one's silence.",
        (
            "service.clones:OtherMachine.wrote",
            "service.clones:OtherMachine.met_again",
            "service.membership:Membership._outwait_other",
        ),
    ),
    # Ownership
    "O1": Rule(
        "Each write of an ownership expects its last revision and raises the epoch.",
        (
            "service.owning:Owning.claim",
            "service.owning:Owning.release",
            "service.owning:Owning.stick",
            "service.reconciler:Reconciler._expect",
        ),
    ),
    "O2": Rule(
        "A group changes hands by its owner's release after a proven stop, or away from an incarnation that has ended.",
        ("service.owning:Owning.release", "service.owning:Owning.closed", "planner.dependencies:all_down"),
    ),
    "O3": Rule(
        "A service claims a group, by a commit of the next epoch, before it orders a start.",
        ("service.owning:Owning.claim", "service.executor:Executor._start"),
    ),
    "O4": Rule(
        "A closed epoch is never started again, and what a former service sent and was not read never is.",
        (
            "monitor.process:Monitor._close",
            "monitor.process:Monitor._is_void",
            "monitor.process:Monitor.is_closed",
            "monitor.serviceline:ServiceLine._accept",
        ),
    ),
    "O5": Rule(
        "Who sent a release that was not answered runs the group only after a later claim of its own.",
        ("service.owning:Owning.release", "service.executor:Executor._start"),
    ),
    "O6": Rule(
        "One node plans, for order's sake; safety does not depend on there being only one.",
        ("service.leadership:Leadership._take_lead", "service.reconciler:Reconciler._expect"),
    ),
    "O7": Rule(
        "A database that was restored or exchanged stops everything until a person has accepted it.",
        ("service.restoration:Restoration.run", "service.parts:NodeParts._stop_for_good"),
    ),
}
