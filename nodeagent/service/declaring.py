"""A person's word: that a node is off, and that what waits behind the brake is to be taken over now."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from nodeagent.api import requests as r
from nodeagent.api.causes import Cause
from nodeagent.api.events import Severity
from nodeagent.api.problems import refuse
from nodeagent.api.requests import Done, Verb
from nodeagent.api.rules.declaring import confirmation_problem
from nodeagent.api.texts import because
from nodeagent.database.records import SILENCE, Life, encode, heartbeat_key
from nodeagent.service.desk import Desk, refuse_first
from nodeagent.service.leadership import Leadership

SILENT_HEARTBEATS: Final = 3  # that must be missing here as well before a person's word is taken


class Declaring:
    """Declares nodes down on a person's word; every node counts the silences and so can be asked."""

    def __init__(self, desk: Desk, leadership: Leadership) -> None:
        self._desk = desk
        self._leadership = leadership

    async def declare_off(self, request: r.DeclareOff, why: Cause) -> Done:
        """Commit DEAD into the very heartbeat that the person was shown (safety rule M2)."""
        node, desk = self._desk.now.node(request.node), self._desk
        refuse_first(confirmation_problem(node, request.name))
        desk.check(Verb.DECLARE_OFF, node)
        found = desk.following.view.heartbeat(node.id)
        if found is None or found[1] != request.heartbeat:
            raise refuse("heard_meanwhile", name=node.name)
        record, revision = found
        silence = round(self._leadership.silence(node.id), 1)
        needed = SILENT_HEARTBEATS * max(record.interval, desk.membership.profile.interval)
        if silence < needed:
            raise refuse("not_silent_enough", name=node.name, seconds=silence, needed=needed)
        said = replace(why, rule="cause_declared_off")
        dead = replace(record, life=Life.DEAD, reason="user", silence=silence, since=desk.events.now())
        entry = desk.events.entry(Severity.ERROR, "event_node_down", node, cause=said, reason=because(said))
        key = heartbeat_key(node.id)
        return await desk.commit({key: revision}, {key: encode(dead)}, entry)

    async def take_over_now(self, request: r.TakeOverNow, why: Cause) -> Done:
        """Open the brake for these nodes, each for the silence that it is in."""
        desk, now = self._desk, self._desk.now
        desk.check(Verb.TAKE_OVER_NOW, now.cluster)
        found = desk.following.view.silence()
        if found is None or not request.nodes:
            raise refuse("brake_open")
        record, opened = found[0], dict(found[0].opened)
        for number in request.nodes:
            node = now.node(number)
            if not node.silent_since:
                raise refuse("node_is_heard", name=node.name)
            opened[number] = record.nodes[number].heartbeat
        if opened == record.opened:
            return desk.nothing_changed
        names = ", ".join(now.node_name(number) for number in request.nodes)
        entry = desk.events.entry(
            Severity.WARNING, "event_brake_opened", now.cluster, cause=why, user=why.user, nodes=names
        )
        expect = desk.expect(SILENCE, *(heartbeat_key(number) for number in request.nodes))
        return await desk.commit(expect, {SILENCE: encode(replace(record, opened=opened))}, entry)
