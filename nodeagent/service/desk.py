"""What all handlers of requests share: the view they are judged by, the commit, the entry in the event log."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from nodeagent.api.causes import Cause
from nodeagent.api.events import LogEntry, Severity
from nodeagent.api.objects import (
    ClusterObject,
    ObjectKind,
    ObjectRef,
    Snapshot,
)
from nodeagent.api.problems import ClusterError, Problem, refuse
from nodeagent.api.properties import PropertySpec, Value, check_all
from nodeagent.api.requests import Done, Verb
from nodeagent.api.rules.verbs import verb_problem
from nodeagent.database.records import (
    GroupRecord,
    ResourceRecord,
)
from nodeagent.database.store import Transaction
from nodeagent.service.eventlog import EventLog, put
from nodeagent.service.following import Following
from nodeagent.service.membership import Membership

NAMES: Final = "names"  # key that everything which changes names or the tree of objects expects and writes
PIECE: Final = 100  # values of one commit; a store takes 128 operations, and entries and names go with them


class Desk:
    """Where requests are worked on."""

    def __init__(self, following: Following, membership: Membership, events: EventLog) -> None:
        self.following = following
        self.membership = membership
        self.events = events

    @property
    def now(self) -> Snapshot:
        return self.following.snapshot

    async def commit(
        self,
        expect: Mapping[str, int],
        values: Mapping[str, bytes],
        *entries: LogEntry,
        delete: tuple[str, ...] = (),
        created: str = "",
    ) -> Done:
        revision = await self.following.store.commit(
            Transaction(expect=dict(expect), put={**values, **put(*entries)}, delete=delete)
        )
        await self.following.reached(revision)
        return Done(revision=revision, id=created)

    async def commit_all(self, values: Mapping[str, bytes], *entries: LogEntry) -> Done:
        """Commit more values than one commit may have: the last piece tells of all.

        Each piece stands for itself and may be repeated; each value expects what it was made from, which is what the
        view shows under its key now, before the first piece is sent.
        """
        keys, expect = list(values), self.expect(*values)
        while len(keys) > PIECE:
            piece, keys = keys[:PIECE], keys[PIECE:]
            await self.commit({key: expect[key] for key in piece}, {key: values[key] for key in piece})
        return await self.commit({key: expect[key] for key in keys}, {key: values[key] for key in keys}, *entries)

    @property
    def nothing_changed(self) -> Done:
        return Done(revision=self.now.revision)

    def expect(self, *keys: str) -> dict[str, int]:
        return {key: self.following.view.revision_of(key) for key in keys}

    def entry(self, code: str, item: ClusterObject, why: Cause, **parameters: str) -> LogEntry:
        entry = self.events.entry(Severity.INFORMATION, code, item, cause=why)
        return replace(entry, parameters={**entry.parameters, **parameters})

    def requested(self, verb: Verb, item: ClusterObject, why: Cause) -> LogEntry:
        return self.entry("event_requested", item, why, verb=verb.value.replace("_", " ").capitalize())

    def group_record(self, group: str) -> GroupRecord:
        found = self.following.view.group(group)
        if found is None:
            raise refuse("group_unknown", id=group)
        return found[0]

    def resource_record(self, resource: str) -> ResourceRecord:
        found = self.following.view.resource(resource)
        if found is None:
            raise refuse("resource_unknown", id=resource)
        return found[0]

    def check(self, verb: Verb, item: ClusterObject) -> None:
        if bad := verb_problem(verb, item, self.now):
            raise ClusterError(bad)

    def item(self, kind: ObjectKind, identity: str) -> ClusterObject:
        item = self.now.get(ObjectRef(kind, identity))
        if item is None:
            raise refuse("object_unknown", kind=kind.value.replace("_", " "), id=identity)
        return item


def names_taken() -> dict[str, bytes]:
    """Return the write that makes every other creation, renaming or deletion that is under way look again."""
    return {NAMES: uuid.uuid4().hex.encode()}


def refuse_first(*problems: Problem | None) -> None:
    for bad in problems:
        if bad is not None:
            raise ClusterError(bad)


def refuse_values(
    schema: Sequence[PropertySpec], values: Mapping[str, Value | None], *, complete: bool = False
) -> None:
    """Refuse the first value that cannot be stored; those behind it are not looked at, however many they are.

    Args:
        complete: also refuse when a required one is not among them.
    """
    for name, value in values.items():
        refuse_first(*check_all(tuple(schema), {name: value}))
    if complete:
        refuse_first(*check_all(tuple(schema), values, complete=True))
