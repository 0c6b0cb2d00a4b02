"""What the owner reports of its resources: states and events, written together, a newer state over an older one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from nodeagent.api.causes import Cause, cause
from nodeagent.api.details import WEAKNESSES
from nodeagent.api.events import LogEntry, Severity
from nodeagent.api.objects import Group, ObjectKind, ObjectRef, Resource, ResourceId, ResourceState, Wanted
from nodeagent.api.problems import Problem, problem
from nodeagent.api.states import wanted
from nodeagent.api.texts import render
from nodeagent.database.records import StateRecord, encode, owner_key, state_key
from nodeagent.database.store import ABSENT, Conflict, Refused, Transaction, Unavailable, Unknown
from nodeagent.monitor.messages import Report
from nodeagent.monitor.output import log_path
from nodeagent.service.eventlog import KEEP, EventLog, put
from nodeagent.service.following import Following
from nodeagent.service.membership import Membership
from nodeagent.system.clock import Clock

log = logging.getLogger(__name__)

BATCH: Final = 60  # resources per commit; a commit takes at most 128 operations
GATHER: Final = 0.02  # seconds; a handing-over that follows from a state is then committed before the state's report
RETRY: Final = 0.3  # seconds until a store that did not answer is tried again
AFTER_SLEEP: Final = 10.0  # seconds in which what follows from a pause of this node shows
LAST_OUTPUT: Final = 600  # bytes of output that go into the event of a failure

_WAITS: Final = render("waits_for", {"provider": ""})
_SAID = {
    ResourceState.ONLINE: ("event_online", Severity.INFORMATION),
    ResourceState.OFFLINE: ("event_offline", Severity.INFORMATION),
    ResourceState.FAILED: ("event_failed", Severity.ERROR),
    ResourceState.ONLINE_PENDING: ("event_online_pending", Severity.PROGRESS),
    ResourceState.OFFLINE_PENDING: ("event_offline_pending", Severity.PROGRESS),
}


class Reporting:
    """Writes states and events as soon as the store takes them; what is not written yet is kept, newest state only."""

    def __init__(
        self, following: Following, membership: Membership, clock: Clock, events: EventLog, logs: Path
    ) -> None:
        self._following = following
        self._membership = membership
        self._clock = clock
        self.events = events
        self._logs = logs
        self._states: dict[ResourceId, StateRecord] = {}
        self._entries: list[LogEntry] = []
        self._written: dict[str, int] = {}  # revision of each state that this process has written
        self._last: dict[ResourceId, ResourceState] = {}
        self._causes: dict[ResourceId, Cause] = {}
        self._wake = asyncio.Event()
        self._writing = asyncio.Lock()
        self._woke_at = float("-inf")

    def because(self, resource: ResourceId, why: Cause) -> None:
        """Remember why the next change of this resource was ordered."""
        self._causes[resource] = why

    def lost(self, resource: ResourceId) -> None:
        """Its monitor died and it with it: what it becomes next is news, and this is why."""
        self._last.pop(resource, None)
        self._causes[resource] = cause("cause_monitor_died")

    def report(self, resource: Resource, report: Report, retry_at: float, monitor: int) -> None:
        """Take a state from a monitor."""
        why = report.cause or self._causes.get(resource.id)
        if not report.state.pending:
            self._causes.pop(resource.id, None)
        changed = self._last.get(resource.id) is not report.state or report.restarted
        self._last[resource.id] = report.state
        former = self._states.get(resource.id)
        self._states[resource.id] = StateRecord(
            state=report.state,
            node=self._membership.node,
            incarnation=self._membership.incarnation,
            epoch=report.epoch,
            information=report.information,
            process_id=report.process_id,
            monitor_process_id=monitor,
            restarts=report.restarts,
            exhausted=report.flapping or (report.state is ResourceState.FAILED and not report.may_restart),
            since=report.at if changed or former is None else former.since,
            pending_since=report.at if report.state.pending else 0.0,
            retry_at=retry_at,
            cause=why,
        )
        if changed:
            self._entries.append(self._entry(resource, report, why))
            if report.information is not None and report.information.code in WEAKNESSES:
                self._entries.append(self._weakness(resource, report.information))
        elif self._failed_meanwhile(report, former, resource):
            said = render(report.information.code, {**report.information.parameters}) if report.information else ""
            self._entries.append(self.events.entry(Severity.WARNING, "event_failed_meanwhile", resource, detail=said))
        self._wake.set()

    def _failed_meanwhile(self, report: Report, former: StateRecord | None, resource: Resource) -> bool:
        """Tell whether it is news that the resource failed in maintenance, which changes no state."""
        if report.information is None or report.information.code != "failed_meanwhile":
            return False
        if former is not None and former.information == report.information:
            return False
        return resource.information != render(report.information.code, report.information.parameters)

    def claimed(self, resources: Iterable[Resource], reports: Mapping[ResourceId, Report], epoch: int) -> None:
        """Write all states anew under the epoch just claimed: what an earlier owner said must not count again."""
        for resource in resources:
            report = reports.get(resource.id)
            if report is None:
                self._states[resource.id] = StateRecord(
                    state=ResourceState.OFFLINE,
                    node=self._membership.node,
                    incarnation=self._membership.incarnation,
                    epoch=epoch,
                    since=self._clock.wall(),
                )
        self._wake.set()

    def set_down(self, resource: ResourceId, group: Group, why: Cause) -> tuple[dict[str, int], dict[str, bytes]]:
        """Return what a commit expects and puts that shows a failed resource as offline; nothing for another one.

        It is told when that is what was asked for, and not only the beginning of another start.
        """
        waiting = self._states.get(resource)
        shown = self._following.snapshot.resources[resource]
        if (waiting.state if waiting else shown.state) is not ResourceState.FAILED:
            return {}, {}
        self._states.pop(resource, None)
        self._last[resource] = ResourceState.OFFLINE
        record = StateRecord(
            state=ResourceState.OFFLINE,
            node=self._membership.node,
            incarnation=self._membership.incarnation,
            epoch=group.epoch,
            since=self._clock.wall(),
        )
        told = {}
        if wanted(shown, group) is Wanted.OFFLINE:
            told = put(self.events.entry(Severity.INFORMATION, "event_offline", shown, cause=why, epoch=group.epoch))
        return {state_key(resource): self._predecessor(resource)}, {state_key(resource): encode(record), **told}

    def waits(self, resource: Resource, provider: Resource | None, epoch: int) -> None:
        """Say what an offline resource waits for, or (None) that it waits no longer; once."""
        information = problem("waits_for", provider=provider.name) if provider else None
        if provider is None and not resource.information.startswith(_WAITS):
            return
        known = self._states.get(resource.id)
        text = render(information.code, information.parameters) if information else ""
        if resource.information == text or (known is not None and known.information == information):
            return
        self._states[resource.id] = StateRecord(
            state=ResourceState.OFFLINE,
            node=self._membership.node,
            incarnation=self._membership.incarnation,
            epoch=epoch,
            information=information,
            since=resource.since,
        )
        self._wake.set()

    def attached(self, reports: Iterable[Report]) -> None:
        """Tell that this service found resources that went on without it.

        What is known of each is written again: what the former service sent last may be applied after this.
        """
        reports = list(reports)
        for report in reports:
            if (known := self._following.view.state(report.id)) is not None:
                self._states.setdefault(report.id, known[0])
                self._wake.set()
        running = [report for report in reports if report.state is ResourceState.ONLINE]
        for report in running:
            self._last.setdefault(report.id, report.state)
        if running:
            node = self._following.snapshot.node_name(self._membership.node)
            self.say(Severity.INFORMATION, "event_attached", node=node, count=len(running))

    def monitor_died(self, name: str) -> None:
        """Tell of a monitor's death; after a sleep it is what had to happen, and no fault."""
        node = self._following.snapshot.node_name(self._membership.node)
        slept = self._clock.steady() - self._woke_at < AFTER_SLEEP
        self.say(Severity.INFORMATION if slept else Severity.ERROR, "event_monitor_died", node=node, detail=name)

    def woke(self) -> None:
        """Learn that this node stood still: a monitor whose deadline passed meanwhile is ended by its kernel timer."""
        self._woke_at = self._clock.steady()

    def monitor_started(self, name: str, process: int) -> None:
        """Tell of a new monitor; one that was needed before this node has joined is part of the joining."""
        del name
        if not self._membership.node:
            return
        node = self._following.snapshot.node_name(self._membership.node)
        self.say(Severity.INFORMATION, "event_monitor_started", node=node, process=process)

    def say(self, severity: Severity, code: str, **parameters: str | int) -> None:
        """Write an entry about this node."""
        me = self._membership.node
        reference = ObjectRef(ObjectKind.NODE, str(me))
        name = self._following.snapshot.node_name(me)
        entry = self.events.entry(severity, code, reference=reference, name=name)
        self._entries.append(replace(entry, parameters={**entry.parameters, **parameters}))
        self._wake.set()

    def _entry(self, resource: Resource, report: Report, why: Cause | None) -> LogEntry:
        detail = render(report.information.code, report.information.parameters) if report.information else ""
        code, severity = _SAID.get(report.state, ("event_notice", Severity.INFORMATION))
        if report.restarted and report.state is ResourceState.ONLINE:
            code, severity = "event_restarted", Severity.WARNING
        if report.deadline:
            code, severity = "event_self_stop", Severity.WARNING
        return self.events.entry(
            severity,
            code,
            resource,
            cause=why,
            epoch=report.epoch,
            output=self._output(resource.id) if severity in (Severity.ERROR, Severity.WARNING) else "",
            node=self._following.snapshot.node_name(self._membership.node),
            detail=detail,
        )

    def _weakness(self, resource: Resource, what: Problem) -> LogEntry:
        node = self._following.snapshot.node_name(self._membership.node)
        detail = render(what.code, what.parameters)
        return self.events.entry(Severity.WARNING, "event_weaker", resource, node=node, detail=detail)

    def _output(self, resource: ResourceId) -> str:
        try:
            with log_path(self._logs, resource).open("rb") as file:
                file.seek(max(0, file.seek(0, 2) - LAST_OUTPUT))
                lines = file.read(LAST_OUTPUT).decode("utf-8", "replace").splitlines()
        except OSError:
            return ""
        return "\n".join(lines[-5:])

    # --- writing ------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Write for ever."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(GATHER)  # so long, what comes meanwhile is written together
            self._wake.clear()
            while self._states or self._entries:
                if not await self._write():
                    await asyncio.sleep(RETRY)  # the store does not answer; nothing tells when it does again

    async def flush(self) -> None:
        """Write what is left, once; used when the service ends."""
        while self._states or self._entries:
            if not await self._write():
                return

    async def _write(self) -> bool:
        """Commit a batch, one at a time; False when the store does not answer."""
        async with self._writing:
            del self._entries[:-KEEP]
            return await self._write_batch()

    async def _write_batch(self) -> bool:
        states = dict(list(self._states.items())[:BATCH])
        entries = self._entries[:BATCH]
        expect, kept = self._still_ours(states)
        values = {state_key(resource): encode(record) for resource, record in kept.items()}
        try:
            if values or entries:
                revision = await self._following.store.commit(
                    Transaction(expect=expect, put={**values, **put(*entries)})
                )
                self._written.update(dict.fromkeys(values, revision))
        except Conflict:
            await self._following.next(RETRY)  # an ownership changed meanwhile: let the view follow, then look again
            self._drop_foreign(states)
            return True
        except Refused:
            log.exception("states that the store does not take are dropped")
        except (Unknown, Unavailable) as exc:
            log.warning("states not written yet: %s", exc)
            return False
        for resource, record in states.items():
            if self._states.get(resource) is record:
                del self._states[resource]
        del self._entries[: len(entries)]
        return True

    def _still_ours(
        self, states: dict[ResourceId, StateRecord]
    ) -> tuple[dict[str, int], dict[ResourceId, StateRecord]]:
        """Return expectations that this node owns the groups, and the states for which that is so.

        Each state expects its predecessor too: one whose fate is unknown must not come after a newer one.
        """
        expect: dict[str, int] = {}
        kept: dict[ResourceId, StateRecord] = {}
        view, me = self._following.view, self._membership
        for resource, record in states.items():
            found = self._following.snapshot.resources.get(resource)
            owner = view.owner(found.group) if found else None
            if found and owner and (owner[0].node, owner[0].incarnation) == (me.node, me.incarnation):
                expect[owner_key(found.group)] = owner[1]
                expect[state_key(resource)] = self._predecessor(resource)
                kept[resource] = record
        return expect, kept

    def _predecessor(self, resource: ResourceId) -> int:
        key = state_key(resource)
        return max(self._following.view.revision_of(key), self._written.get(key, ABSENT))

    def _drop_foreign(self, states: dict[ResourceId, StateRecord]) -> None:
        _, kept = self._still_ours(states)
        for resource, record in states.items():
            if resource not in kept and self._states.get(resource) is record:
                del self._states[resource]
