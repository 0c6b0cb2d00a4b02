"""Rules of ownership (O1 to O5), switched off; and what safety does not need."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

from nodeagent.api.objects import GroupId, Phase
from nodeagent.database.records import LEADER, OwnerRecord
from nodeagent.database.store import Unknown
from nodeagent.database.view import ClusterView
from nodeagent.monitor.messages import Closed, decode_order
from nodeagent.monitor.serviceline import ServiceLine
from nodeagent.planner import dependencies
from nodeagent.service.leadership import Leadership
from nodeagent.service.owning import Owning
from tests.simulation import wires
from tests.simulation.mutations.switching import Mutation, without_expecting
from tests.simulation.world import World

LATE = 3.0  # seconds by which the last orders of a service that has died come late

_claim = Owning.claim
_release = Owning.release
_closed = Owning.closed
_owner = ClusterView.owner
_flush = wires.ServiceEnd._flush


async def claim_without_commit(self: Owning, group: GroupId) -> int:
    """Take what the own view says for a claim; only what is merely assigned is still committed as claimed."""
    found = self._following.view.owner(group)
    if found is None or not self.mine(found[0]) or found[0].phase is Phase.ASSIGNED:
        return await _claim(self, group)
    self.claimed[group] = found[0].epoch
    return found[0].epoch


def _clean(self: Owning, name: str, said: Closed) -> None:
    _closed(self, name, replace(said, clean=True))


async def _release_or_go_on(self: Owning, group: GroupId, monitors: Any) -> bool:
    """Take a release without an answer for one that was refused, and go on running the group."""
    found = self._following.view.owner(group)
    try:
        return await _release(self, group, monitors)
    except Unknown:
        if found is not None:
            kept = getattr(self._following.view, "kept", {})
            self._following.view.kept = {**kept, group: found[1]}  # type: ignore[attr-defined]  # see below
            self.claimed[group] = found[0].epoch
        raise


def _owner_as_kept(self: ClusterView, group: GroupId) -> tuple[OwnerRecord, int] | None:
    found = _owner(self, group)
    if found is not None and getattr(self, "kept", {}).get(group) == found[1]:
        return replace(found[0], phase=Phase.CLAIMED), found[1]
    return found


class _Reading(Protocol):
    def recv(self, size: int) -> bytes: ...


def _accept_beside(self: ServiceLine) -> None:
    """Take a new service, and go on obeying the former one."""
    connection, _ = self._listener.accept()
    former = self._service
    if former is not None:
        self._selector.unregister(former)
        self._selector.register(former, 1, lambda _events: _obey_former(self, former))
    self._attached, self._unread = False, b""
    self._unsent.clear()
    self._service = connection
    self._selector.register(connection, 1, self._ready)


def _obey_former(self: ServiceLine, former: Any) -> None:
    reading: _Reading = former
    data = reading.recv(1 << 20)
    if not data:
        self._selector.unregister(former)
        return
    for line in data.split(b"\n"):
        try:
            self._obey(decode_order(line))
        except msgspec.DecodeError:
            continue


def _flush_late(self: wires.ServiceEnd) -> None:
    if self._connection._service.alive or getattr(self, "_late", False):
        _flush(self)
    else:
        self._late = True  # type: ignore[attr-defined]  # nobody else needs it
        asyncio.get_running_loop().call_later(LATE, self._flush, context=wires.KERNEL.context)


def _start_in_any_order(resource: Any, members: Any, keeping: Any) -> bool:
    del members
    return resource.id in keeping and resource.state in dependencies._DOWN


def _no(*_arguments: Any) -> bool:
    return False


def _no_leader_expected(world: World) -> None:
    world.network.altered = without_expecting(LEADER)


async def _not_braked(self: Leadership, *, asked: bool) -> bool:
    del self, asked
    return False


OWNERSHIP = (
    Mutation(
        "ownership_without_expectation",
        ("O1",),
        "an ownership is written whatever it has become meanwhile: no epoch is checked",
        altered=without_expecting("owners/"),
    ),
    Mutation(
        "stale_leader_commits",
        ("O1", "O6"),
        "a leader's decisions expect neither the ownership they were made for nor that it still leads",
        {"service.reconciler:Reconciler._expect": lambda _self, _group: {}},
    ),
    Mutation(
        "release_before_stop",
        ("O2",),
        "a group is handed on while it still runs",
        {"planner.dependencies:all_down": lambda _members: True, "service.owning:Owning.closed": _clean},
    ),
    Mutation(
        "unknown_is_no",
        ("O5", "O4"),
        "who got no answer to a release goes on running the group, and its closed epoch is not looked at",
        {
            "service.owning:Owning.release": _release_or_go_on,
            "monitor.process:Monitor._is_void": _no,
            "monitor.process:Monitor.is_closed": _no,
        },
        besides=((ClusterView, "owner", _owner_as_kept),),
    ),
    Mutation(
        "orders_of_a_former_service",
        ("O4",),
        "no epoch is ever closed, and the orders of a service that has died are read late",
        {
            "monitor.process:Monitor._is_void": _no,
            "monitor.process:Monitor.is_closed": _no,
            "monitor.serviceline:ServiceLine._accept": _accept_beside,
        },
        besides=((wires, "LATENCY", 0.4), (wires.ServiceEnd, "_flush", _flush_late)),
    ),
    Mutation(
        "any_order",
        (),
        "a resource starts whether its providers are online or not (no safety rule: the order of dependencies)",
        besides=((dependencies, "_may_start", _start_in_any_order),),
        seen="which it depends on",
    ),
)

# What the simulation finds nothing against: the leader and the brake are for order's sake.
NEEDLESS = (
    Mutation(
        "everybody_decides",
        ("O6",),
        "every node decides at every moment, and nothing expects the leader's key",
        besides=((Leadership, "holds_lead", property(lambda _self: True)),),
        prepare=_no_leader_expected,
    ),
    Mutation(
        "no_brake",
        (),
        "nodes are declared down by their silence however many fell silent at once",
        besides=((Leadership, "_braked", _not_braked),),
    ),
)
